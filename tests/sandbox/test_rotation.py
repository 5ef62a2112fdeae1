"""A rotation that leaves a server, an endpoint or a job with the old value is found, and who took the new one isn't."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from moto.secretsmanager.models import secretsmanager_backends

from modelyard import (
    Context,
    ExperimentTracking,
    Keys,
    KeysSpec,
    Network,
    Role,
    Secrets,
    SecretsSpec,
    TrackingSpec,
    VpcSpec,
    trust_service,
)
from modelyard.assess.graph import Graph
from modelyard.assess.graph.model import Node, urn_parts
from modelyard.operate.rotation import Rotation, checked, secret_name, shown
from modelyard.testing import Deployment, deploy

ACCOUNT, REGION = "123456789012", "eu-west-1"
FRAUD = Context(organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT).for_team("fraud")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/serve@sha256:{'a' * 64}"
HOSTED: dict[str, Any] = {
    "flavour": {
        "kind": "self_hosted",
        "image": IMAGE.replace("serve", "ml-dev-fraud-mlflow"),
        "listener": {"kind": "http", "unsafe_because": "no certificates in the emulator"},
    },
    "idle": {"stop": "20:00", "start": "07:00", "timezone": "Europe/Berlin"},
    "expires": "2027-03-31",
}
CLUSTER, SERVICE = "ml-dev-fraud-tracking", "ml-dev-fraud-tracking-server"
HASHES = "ml-dev-fraud-secrets-hashes"


def program(config: str = "first", pinned: str = "") -> Any:
    """A tracking server that we host, an endpoint whose container reads a secret, and a job that may name a version."""

    def made() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        network = Network(
            "network", VpcSpec(cidr="10.20.0.0/16", zones=("eu-west-1a", "eu-west-1b")), context=FRAUD, keys=keys
        )
        ExperimentTracking("tracking", TrackingSpec.model_validate(HOSTED), context=FRAUD, keys=keys, network=network)
        spec = SecretsSpec.model_validate({"entries": {"hashes": {"kind": "generated"}, "idle": {"kind": "generated"}}})
        secrets = Secrets("secrets", spec, context=FRAUD, keys=keys)
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        role = Role("server", context=FRAUD, trusted=trusted, description="serves")
        secrets.grant_read(role, secrets=["hashes"])
        model = aws.sagemaker.Model(
            "model",
            name=f"ml-dev-fraud-{config}",
            execution_role_arn=role.arn,
            primary_container={
                "image": IMAGE,
                "environment": {"MODELYARD_REDACT_SECRET": secrets.arns["hashes"], "OTHER": "plain"},
            },
        )
        variant: dict[str, Any] = {"variant_name": "main", "instance_type": "ml.m5.large", "initial_instance_count": 1}
        configuration = aws.sagemaker.EndpointConfiguration(
            "config",
            name=f"ml-dev-fraud-{config}",
            production_variants=[cast(Any, {**variant, "model_name": model.name})],
        )
        aws.sagemaker.Endpoint("score", name="ml-dev-fraud-score", endpoint_config_name=configuration.name)
        named = pulumi.Output.concat(secrets.arns["hashes"], pinned)
        aws.batch.JobDefinition(
            "job",
            name="ml-dev-fraud-job",
            type="container",
            container_properties=pulumi.Output.json_dumps(
                {
                    "image": IMAGE,
                    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
                    "executionRoleArn": role.arn,
                    "secrets": [{"name": "HASHES", "valueFrom": named}],
                }
            ),
        )

    return made


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployment]:
    with deploy(program(), region=REGION) as made:
        yield made


@pytest.fixture
def stack(deployed: Deployment) -> Deployment:
    """The stack, in which no task runs, and all values were made long before anything that does began."""
    ecs = deployed.client("ecs")
    for task in ecs.list_tasks(cluster=CLUSTER)["taskArns"]:
        ecs.stop_task(cluster=CLUSTER, task=task)
    settled(deployed)
    return deployed


def looked(stack: Deployment) -> Rotation:
    nodes = [
        Node(
            urn,
            urn_parts(urn)[2],
            urn_parts(urn)[3],
            properties=found.properties,
            outputs={**found.properties, "id": found.id},
        )
        for urn, found in stack.resources.items()
    ]
    return checked("fraud", Graph("p", "s", tuple(nodes)), lambda service, region="": stack.client(service))


def begin(stack: Deployment) -> str:
    """A task of the tracking server, as ECS starts one; its id."""
    ecs, ec2 = stack.client("ecs"), stack.client("ec2")
    (service,) = ecs.list_services(cluster=CLUSTER)["serviceArns"]
    (found,) = ecs.describe_services(cluster=CLUSTER, services=[service])["services"]
    (task,) = ecs.run_task(
        cluster=CLUSTER,
        taskDefinition=found["taskDefinition"],
        count=1,
        launchType="FARGATE",
        group=f"service:{found['serviceName']}",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
                "securityGroups": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
            }
        },
    )["tasks"]
    return task["taskArn"].rpartition("/")[2]


def rotate(stack: Deployment, arn: str, hours: float) -> str:
    """A new value, made that many hours from now; its version."""
    answer = stack.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="another")
    kept = secretsmanager_backends[ACCOUNT][REGION].secrets[arn]
    for name, version in kept.versions.items():
        at = int(time.time() + 3600 * (hours if name == answer["VersionId"] else -24))
        version["createdate"] = at
    return answer["VersionId"]


def settled(stack: Deployment) -> None:
    """All values were made long before anything that runs began."""
    for secret in stack.client("secretsmanager").list_secrets()["SecretList"]:
        for version in secretsmanager_backends[ACCOUNT][REGION].secrets[secret["ARN"]].versions.values():
            version["createdate"] = int(time.time() - 24 * 3600)


def arn_of(stack: Deployment, name: str) -> str:
    return stack.client("secretsmanager").describe_secret(SecretId=name)["ARN"]


def stale(found: Rotation) -> set[tuple[str, str, str]]:
    return {(one.consumer.kind, one.consumer.name.partition("/")[0], one.secret) for one in found.stale}


def test_without_a_rotation_all_have_the_current_value(stack: Deployment):
    begin(stack)
    found = looked(stack)
    assert {one.kind for one in found.consumers} == {"endpoint", "task"}
    assert found.stale == ()


def test_a_server_that_a_rotation_left_behind_is_found_and_one_that_began_after_it_is_not(stack: Deployment):
    began = begin(stack)
    admin = next(
        one["ARN"] for one in stack.client("secretsmanager").list_secrets()["SecretList"] if "admin" in one["Name"]
    )
    rotate(stack, admin, hours=1)
    found = looked(stack)
    assert stale(found) == {("task", SERVICE, secret_name(admin))}
    (left,) = found.stale
    assert left.consumer.name == f"{SERVICE}/{began}"
    assert "--force-new-deployment" in left.consumer.remedy

    rotate(stack, admin, hours=-1)
    assert stale(looked(stack)) == set(), "it began after the value was made"


def test_an_endpoint_that_a_rotation_left_behind_is_found_until_its_next_rollout(stack: Deployment):
    arn = arn_of(stack, HASHES)
    rotate(stack, arn, hours=1)
    found = looked(stack)
    assert stale(found) == {("endpoint", "ml-dev-fraud-score", HASHES)}
    assert 'into the endpoint\'s "environment"' in "\n".join(shown([found]))

    stack.update(program("second"))
    config = stack.client("sagemaker").describe_endpoint_config(EndpointConfigName="ml-dev-fraud-second")
    made: datetime = config["CreationTime"]
    seconds = made.timestamp() - 60 - time.time()
    rotate(stack, arn, hours=seconds / 3600)
    assert stale(looked(stack)) == set(), "its containers began with a configuration that is younger than the value"


def test_a_job_definition_that_names_a_version_is_found_once_another_is_current(stack: Deployment):
    arn = arn_of(stack, HASHES)
    version = rotate(stack, arn, hours=-24)
    stack.update(program(pinned=f":::{version}"))
    settled(stack)
    assert stale(looked(stack)) == set(), "it names the current one"
    current = rotate(stack, arn, hours=-24)
    settled(stack)
    (one,) = looked(stack).stale
    assert (one.consumer.kind, one.consumer.name, one.secret) == ("job definition", "ml-dev-fraud-job", HASHES)
    assert one.why == f"it names version {version}, and {current} is current"

    stack.update(program(pinned="::AWSPREVIOUS:"))
    assert [one.why for one in looked(stack).stale] == ["it takes AWSPREVIOUS, not the current value"]
    stack.update(program())
    assert looked(stack).stale == ()


def test_who_reads_by_itself_is_named_since_nobody_sees_what_it_holds(stack: Deployment):
    found = looked(stack)
    assert found.readers[HASHES] == ("ml-dev-fraud-server",)
    assert found.readers["ml-dev-fraud-secrets-idle"] == ()
    said = json.loads(json.dumps(found.as_json()))
    assert said["readers"][HASHES] == ["ml-dev-fraud-server"]
    assert {one["began"] is not None for one in said["consumers"]} == {True}
    assert datetime.fromisoformat(said["consumers"][0]["began"]).astimezone(UTC)


def test_a_secret_that_is_gone_is_told_of_who_needs_it(stack: Deployment):
    stack.client("secretsmanager").delete_secret(SecretId=HASHES, ForceDeleteWithoutRecovery=True)
    assert [one.why for one in looked(stack).stale] == ["the secret is gone, or has no current value"]
