"""Experiment tracking in the emulator, in both flavours: made, unchanged, changed, gone; and what its server runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard import Context, ExperimentTracking, Keys, KeysSpec, Network, Role, TrackingSpec, VpcSpec, trust_service
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-mlflow@sha256:{'a' * 64}"
IDLE = {"stop": "20:00", "start": "07:00", "timezone": "Europe/Berlin"}
MANAGED: dict[str, Any] = {"flavour": {"kind": "managed"}, "idle": IDLE}
HOSTED: dict[str, Any] = {
    "flavour": {
        "kind": "self_hosted",
        "image": IMAGE,
        "listener": {"kind": "http", "unsafe_because": "no certificates in the emulator"},
    },
    "idle": IDLE,
    "expires": "2027-03-31",
}
NAME = "ml-dev-fraud-tracking"


def a_platform() -> tuple[Keys, Network]:
    keys = Keys("keys", KeysSpec(), context=FRAUD)
    spec = VpcSpec(cidr="10.20.0.0/16", zones=("eu-west-1a", "eu-west-1b"))
    return keys, Network("network", spec, context=FRAUD, keys=keys)


def tracking(spec: dict[str, Any], **changes: Any) -> Callable[[], None]:
    def program() -> None:
        keys, network = a_platform()
        wanted = {**spec, "flavour": {**spec["flavour"], **changes}}
        made = ExperimentTracking(
            "tracking", TrackingSpec.model_validate(wanted), context=FRAUD, keys=keys, network=network
        )
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        made.grant_log(Role("trainer", context=FRAUD, trusted=trusted, description="trains"))
        made.grant_read(Role("reader", context=FRAUD, trusted=trusted, description="looks"))

    return program


def bare() -> None:
    a_platform()


def address(stack: Deployment, identity: str) -> dict[str, Any]:
    found = stack.client("ssm").get_parameter(Name=f"/modelyard/ml/dev/fraud/{identity}/tracking")
    return json.loads(found["Parameter"]["Value"])["addresses"][0]


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        pytest.param(MANAGED, {"size": "Medium"}, id="managed"),
        pytest.param(HOSTED, {"cpu": 1024, "log_days": 60}, id="self-hosted"),
    ],
)
def test_tracking_is_made_stays_as_it_is_changes_and_goes(emulator: str, spec: dict[str, Any], change: dict[str, Any]):
    with deploy(bare, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(tracking(spec))
        assert set(stack.operations.values()) <= {"create", "same"}

        stack.update(tracking(spec))
        assert changed(stack) == {}

        stack.update(tracking(spec, **change))
        done = changed(stack)
        assert done
        assert not set(done) & {"tracking-bucket", "tracking-database"}

        stack.update(bare)
        assert counted(stack.client, "eu-west-1") == before


def test_a_managed_server_is_known_by_its_arn_and_rests_at_night():
    with deploy(tracking(MANAGED), region="eu-west-1") as stack:
        server = stack.client("sagemaker").describe_mlflow_tracking_server(TrackingServerName=NAME)
        known = address(stack, "trainer")
        assert known["tracking_uri"] == server["TrackingServerArn"]
        assert known["artifact_root"] == server["ArtifactStoreUri"]
        found = stack.client("scheduler").get_schedule(GroupName=NAME, Name=f"{NAME}-stop-server")
        assert found["ScheduleExpression"] == "cron(0 20 ? * MON-FRI *)"
        assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
        assert json.loads(found["Target"]["Input"]) == {"TrackingServerName": NAME}


def test_a_hosted_server_runs_from_what_was_deployed():
    with deploy(tracking(HOSTED), region="eu-west-1") as stack:
        ecs = stack.client("ecs")
        (service,) = ecs.describe_services(cluster=NAME, services=[f"{NAME}-server"])["services"]
        assert (service["desiredCount"], service["launchType"]) == (1, "FARGATE")
        task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        containers = {each["name"]: each for each in task["containerDefinitions"]}
        assert list(containers) == ["database", "keeper", "server"]

        (database,) = stack.client("rds").describe_db_instances()["DBInstances"]
        assert database["IAMDatabaseAuthenticationEnabled"] and database["StorageEncrypted"]
        assert not database["PubliclyAccessible"]
        command = containers["server"]["command"]
        assert f"@{database['Endpoint']['Address']}:5432/mlflow" in command[command.index("--backend-store-uri") + 1]
        secrets = stack.client("secretsmanager")
        for each in (secret["valueFrom"] for container in containers.values() for secret in container["secrets"]):
            found = secrets.get_secret_value(SecretId=":".join(each.split(":")[:7]))
            assert each == found["ARN"] or each.split(":")[7] in json.loads(found["SecretString"])

        known = address(stack, "trainer")
        value = json.loads(secrets.get_secret_value(SecretId=known["secret_arn"])["SecretString"])
        assert value["username"] == "writer"
        assert address(stack, "reader")["secret_arn"] != known["secret_arn"]
        text = json.dumps(task["containerDefinitions"], default=str)
        assert value["password"] not in text, "secrets travel by reference"

        (balancer,) = stack.client("elbv2").describe_load_balancers()["LoadBalancers"]
        assert balancer["Scheme"] == "internal"
        assert known["tracking_uri"] == f"http://{balancer['DNSName']}"


def test_who_is_stopped_for_the_night_stays_stopped_through_an_update():
    with deploy(tracking(HOSTED), region="eu-west-1") as stack:
        stack.client("ecs").update_service(cluster=NAME, service=f"{NAME}-server", desiredCount=0)
        stack.update(tracking(HOSTED, log_days=60))
        (service,) = stack.client("ecs").describe_services(cluster=NAME, services=[f"{NAME}-server"])["services"]
        assert service["desiredCount"] == 0


def test_new_passwords_restart_the_server_and_no_state_holds_them():
    with deploy(tracking(HOSTED), region="eu-west-1") as stack:
        secret = address(stack, "trainer")["secret_arn"]
        client = stack.client("secretsmanager")
        before = client.get_secret_value(SecretId=secret)["SecretString"]
        stack.update(tracking(HOSTED, password_version=2))
        after = client.get_secret_value(SecretId=secret)["SecretString"]
        assert before != after
        assert "tracking-task" in changed(stack)
