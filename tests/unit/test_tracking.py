"""Experiment tracking as a graph, what its containers do, and what its file may not say."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.ground import KEY, a_role, fraud, known_keys, recording

from modelyard import ExperimentTracking, KnownNetwork, TrackingSpec
from modelyard.assess.graph import Graph
from modelyard.build.tracking import auth_configuration, keeper, prepare, server_command, server_environment
from modelyard.build.tracking.idle import daily
from modelyard.build.tracking.server import database_uri
from modelyard.build.tracking.spec import IdleSpec
from modelyard.core.addresses import Addresses
from modelyard.core.contract import NetworkContract
from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap

NETWORK = NetworkContract(
    vpc_id="vpc-12345678",
    cidr="10.0.0.0/16",
    subnets={"private": {"eu-west-1a": "subnet-12345678", "eu-west-1b": "subnet-87654321"}},
    security_groups={"workload": "sg-1", "training": "sg-2", "endpoints": "sg-3"},
)
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-mlflow@sha256:{'a' * 64}"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d"
HTTPS = {"kind": "https", "certificate_arn": CERTIFICATE, "host": "mlflow.fraud.internal"}
HOSTED = {"kind": "self_hosted", "image": IMAGE, "listener": HTTPS}
MANAGED = {"kind": "managed"}
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/ml-dev-fraud-tracking"


def graph_of(
    flavour: dict[str, Any], grant: str = "", *, production: bool = False, network: bool = True, **more: Any
) -> Graph:
    context = fraud(production=production)

    spec = TrackingSpec.model_validate({"flavour": flavour, **more})
    spec.locate(SourceMap("teams/fraud.yaml"), "tracking")

    def program() -> None:
        tracking = ExperimentTracking(
            "tracking",
            spec,
            context=context,
            keys=known_keys(),
            network=KnownNetwork(NETWORK) if network else None,
        )
        if grant:
            getattr(tracking, f"grant_{grant}")(a_role("one", context, "sagemaker"))

    return recording(program)


def one(graph: Graph, type_: str, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.type == type_ and node.name == name]
    return dict(found.properties)


def said(flavour: dict[str, Any], **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        graph_of(flavour, **more)
    return str(caught.value)


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(one(graph, "aws:iam/rolePolicy:RolePolicy", name)["policy"])["Statement"]


def containers(graph: Graph) -> dict[str, Any]:
    task = one(graph, "aws:ecs/taskDefinition:TaskDefinition", "tracking-task")
    return {each["name"]: each for each in json.loads(task["containerDefinitions"])}


@pytest.mark.parametrize(
    ("flavour", "more", "path", "problem", "remedy"),
    [
        ({**MANAGED, "version": "3.9"}, {}, "flavour.version", "no MLflow version of SageMaker's", "3.0, 2.16.2"),
        ({**MANAGED, "maintenance_window": "03:00"}, {}, "flavour.maintenance_window", "no weekly window", "Tue:04:30"),
        ({**HOSTED, "listener": {"kind": "http"}}, {}, "flavour.listener.kind", "unencrypted", "unsafe_because"),
        ({**HOSTED, "image": "mlflow:latest"}, {}, "flavour.image", "can change behind its name", "by digest"),
        ({**HOSTED, "cpu": 300}, {}, "flavour.cpu", "no size that Fargate has", "256, 512"),
        ({**HOSTED, "memory_mib": 8192}, {}, "flavour.memory_mib", "doesn't go with 512", "1024 to 4096"),
        ({**HOSTED, "count": 2}, {}, "flavour.count", "nobody chose its class", "database.instance_class"),
        (
            {**HOSTED, "database": {"instance_class": "ml.m5.large"}},
            {},
            "flavour.database.instance_class",
            "RDS",
            "db.",
        ),
        ({**HOSTED, "database": {"version": "9"}}, {}, "flavour.database.version", "major version", "14 to 18"),
        ({**HOSTED, "database": {"most_storage_gib": 20, "storage_gib": 50}}, {}, "most_storage_gib", "50", "Raise it"),
        (
            {**HOSTED, "listener": {**HTTPS, "certificate_arn": CERTIFICATE.replace("eu-west-1", "us-east-1")}},
            {},
            "flavour.listener.certificate_arn",
            "another region",
            "eu-west-1",
        ),
        ({**HOSTED, "listener": {**HTTPS, "certificate_arn": "arn:x"}}, {}, "certificate_arn", "no certificate", "acm"),
        (MANAGED, {"idle": {"stop": "20h", "start": "07:00"}}, "idle.stop", "no time of day", "07:30"),
        (MANAGED, {"idle": {"stop": "07:00", "start": "07:00"}}, "idle.start", "when it stops", "another time"),
        (MANAGED, {"idle": {"stop": "1", "start": "2", "timezone": "Mars"}}, "idle.timezone", "no time zone", "Berlin"),
    ],
)
def test_a_fault_names_its_place_and_its_remedy(
    flavour: dict[str, Any], more: dict[str, Any], path: str, problem: str, remedy: str
):
    text = said(flavour, **more)
    assert "teams/fraud.yaml: tracking." in text
    assert path in text
    assert problem in text
    assert remedy in text


def test_all_faults_come_at_once_those_of_the_place_included():
    wrong = {**HOSTED, "image": "mlflow", "cpu": 1, "listener": {"kind": "http"}}
    text = said(wrong, network=False, production=True, expires="2027-01-01")
    for part in ("flavour.image", "flavour.cpu", "flavour.listener.kind", "flavour.kind", "expires"):
        assert part in text


def test_a_managed_server_is_the_teams_own_and_small_and_registers_nothing_by_itself():
    server = one(graph_of(MANAGED), "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer", "tracking-mlflow")
    assert server["trackingServerName"] == "ml-dev-fraud-tracking"
    assert (server["trackingServerSize"], server["automaticModelRegistration"]) == ("Small", False)
    assert server["artifactStoreUri"].startswith("s3://ml-dev-fraud-tracking-")
    assert "CreateModelPackage" not in str(statements(graph_of(MANAGED), "tracking-server-work"))
    assert "CreateModelPackage" in str(
        statements(graph_of({**MANAGED, "register_models": True}), "tracking-server-work")
    )


@pytest.mark.parametrize(
    ("grant", "allowed", "refused"),
    [
        ("read", "sagemaker-mlflow:Get*", "sagemaker-mlflow:CreateRun"),
        ("log", "sagemaker-mlflow:CreateRun", "sagemaker-mlflow:*"),
        ("manage", "sagemaker-mlflow:*", "sagemaker-mlflow:CreateRun"),
    ],
)
def test_a_grant_on_a_managed_server_speaks_of_this_server_alone(grant: str, allowed: str, refused: str):
    found = statements(graph_of(MANAGED, grant), "one-tracking-access")
    (mlflow,) = [each for each in found if "sagemaker-mlflow" in str(each["Action"]) and each["Resource"] != "*"]
    assert ("sagemaker-mlflow:AccessUI" in str(found)) is (grant == "manage")
    assert mlflow["Resource"] == SERVER
    actions = [mlflow["Action"]] if isinstance(mlflow["Action"], str) else mlflow["Action"]
    assert allowed in actions
    assert refused not in actions
    assert ("s3:PutObject" in str(found)) is (grant != "read")
    assert ("CreatePresignedMlflowTrackingServerUrl" in str(found)) is (grant == "manage")


@pytest.mark.parametrize(("grant", "user"), [("read", "reader"), ("log", "writer"), ("manage", "admin")])
def test_a_grant_on_a_hosted_server_opens_one_password(grant: str, user: str):
    graph = graph_of(HOSTED, grant)
    found = statements(graph, "one-tracking-secrets-access")
    (read,) = [each for each in found if "secretsmanager:GetSecretValue" in each["Action"]]
    assert f"-mlflow-{user}-" in read["Resource"]
    told = one(graph, "aws:ssm/parameter:Parameter", "one-tracking-address")
    (address,) = Addresses.model_validate_json(told["insecureValue"]).addresses
    assert address.kind == "tracking"
    assert (address.flavour, address.tracking_uri) == ("self_hosted", "https://mlflow.fraud.internal")
    assert address.secret_arn == read["Resource"]
    assert address.client_group


def test_the_database_is_private_encrypted_and_entered_by_iam_alone():
    graph = graph_of(HOSTED)
    database = one(graph, "aws:rds/instance:Instance", "tracking-database")
    assert database["iamDatabaseAuthenticationEnabled"] is True
    assert database["manageMasterUserPassword"] is True
    assert (database["storageEncrypted"], database["kmsKeyId"]) == (True, KEY)
    assert database["publiclyAccessible"] is False
    assert not {"password", "passwordWo"} & set(database)
    parameters = one(graph, "aws:rds/parameterGroup:ParameterGroup", "tracking-parameters")["parameters"]
    assert {"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"} in parameters
    (connect,) = [s for s in statements(graph, "tracking-runner-work") if s["Action"] == "rds-db:connect"]
    assert re.fullmatch(
        r"arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-[A-Z0-9]+/ml-dev-fraud-tracking", connect["Resource"]
    )


def test_production_keeps_its_runs():
    graph = graph_of(HOSTED, production=True)
    database = one(graph, "aws:rds/instance:Instance", "tracking-database")
    assert database["deletionProtection"] is True
    assert database["backupRetentionPeriod"] == 30
    assert database["multiAz"] is True
    assert database["skipFinalSnapshot"] is False
    assert one(graph, "aws:lb/loadBalancer:LoadBalancer", "tracking-balancer")["enableDeletionProtection"] is True
    cheap = one(graph_of(HOSTED), "aws:rds/instance:Instance", "tracking-database")
    assert (cheap["multiAz"], cheap["backupRetentionPeriod"], cheap["skipFinalSnapshot"]) == (False, 1, True)


def test_nothing_reaches_server_and_database_but_through_the_balancer():
    graph = graph_of({**HOSTED, "reached_from": ["training"]})
    rules = {node.name: dict(node.properties) for node in graph.nodes if node.type.endswith("SecurityGroupIngressRule")}
    assert set(rules) == {
        "tracking-balancer-from-client",
        "tracking-balancer-from-training-group",
        "tracking-server-from-balancer",
        "tracking-database-from-server",
    }
    assert rules["tracking-balancer-from-training-group"]["referencedSecurityGroupId"] == "sg-2"
    assert all("referencedSecurityGroupId" in rule and "cidrIpv4" not in rule for rule in rules.values())
    assert one(graph, "aws:lb/loadBalancer:LoadBalancer", "tracking-balancer")["internal"] is True
    service = one(graph, "aws:ecs/service:Service", "tracking-service")
    assert service["networkConfiguration"]["assignPublicIp"] is False
    listener = one(graph, "aws:lb/listener:Listener", "tracking-listener")
    assert (listener["port"], listener["protocol"], listener["certificateArn"]) == (443, "HTTPS", CERTIFICATE)


def test_containers_hold_references_and_only_the_first_sees_the_masters_password():
    found = containers(graph_of(HOSTED))
    assert list(found) == ["database", "keeper", "server"]
    for name, container in found.items():
        assert all(re.match(r"arn:aws:secretsmanager:", each["valueFrom"]) for each in container["secrets"])
        assert container["readonlyRootFilesystem"] is True
        held = {each["name"] for each in container["secrets"]}
        assert (held == {"MASTER_USERNAME", "MASTER_PASSWORD"}) is (name == "database")
    assert found["database"]["essential"] is False
    assert found["server"]["dependsOn"] == [{"containerName": "keeper", "condition": "HEALTHY"}]
    assert (found["server"]["user"], found["server"]["linuxParameters"]["capabilities"]) == ("1000", {"drop": ["ALL"]})
    assert len(json.dumps(list(found.values()))) < 64 * 1024, "a task definition is at most 64 KiB"


def test_the_server_is_started_by_the_arguments_that_are_published():
    command = server_command(
        backend="postgresql://u@h:5432/mlflow?sslmode=require",
        artifact_root="s3://b/runs",
        hosts=["mlflow.fraud.internal"],
    )
    found = containers(graph_of(HOSTED))["server"]
    deployed = [*found["entryPoint"], *found["command"]]
    assert [part for part in deployed if part.startswith("--")] == [part for part in command if part.startswith("--")]
    assert command[:2] == deployed[:2] == ["mlflow", "server"]
    assert {each["name"] for each in found["environment"]} == set(server_environment(region="eu-west-1"))
    assert "mlflow.fraud.internal" in deployed[-1].split(",")
    assert "*" not in deployed[-1].split(",")


def test_mlflows_authorization_lets_nobody_write_into_anothers_runs():
    said = auth_configuration(database="postgresql://u@h/mlflow?sslrootcert=%2Fcerts")
    assert "default_permission = READ" in said
    assert "%%2Fcerts" in said, "the file's own syntax doubles a percent sign"
    assert "password" not in said


def test_the_database_is_verified_where_its_authorities_are_known():
    place = {"host": "h", "port": 5432, "user": "u", "name": "mlflow"}
    assert database_uri(**place) == "postgresql+psycopg2://u@h:5432/mlflow?sslmode=require"
    assert "sslmode=verify-full&sslrootcert=/certs/rds.pem" in database_uri(**place, ca_file="/certs/rds.pem")


def test_the_token_is_written_for_the_servers_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    file = tmp_path / "pgpass"
    keeper.refresh(
        {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "DATABASE_HOST": "db.internal",
            "DATABASE_PORT": "5432",
            "DATABASE_NAME": "mlflow",
            "DATABASE_USER": "ml-dev-fraud-tracking",
            "SERVER_USER": str(os.getuid()),
            "TOKEN_FILE": str(file),
        }
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "libpq takes no file that others read"
    line = file.read_text()
    host, port, name, user, *token = re.split(r"(?<!\\):", line.strip())
    assert (host, port, name, user) == ("db.internal", "5432", "mlflow", "ml-dev-fraud-tracking")
    assert "Action=connect" in token[0]
    assert "\\:5432" in token[0], "a colon of the token is escaped"


class _Cursor:
    def __init__(self, known: bool) -> None:
        self.known, self.said = known, list[str]()

    def execute(self, text: str, values: tuple[str, ...] = ()) -> None:
        self.said.append(text)

    def fetchone(self) -> tuple[int] | None:
        return (1,) if self.known else None

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Connection(_Cursor):
    def cursor(self) -> _Cursor:
        return self


@pytest.mark.parametrize("known", [False, True])
def test_the_databases_user_is_made_once_and_signs_in_by_iam(known: bool):
    connection = _Connection(known)
    prepare.prepare(connection, "ml-dev-fraud-tracking", "mlflow")
    made = 'CREATE ROLE "ml-dev-fraud-tracking" LOGIN'
    assert (made in connection.said) is not known
    assert 'GRANT rds_iam TO "ml-dev-fraud-tracking"' in connection.said
    assert "PASSWORD" not in str(connection.said)


def test_what_idles_is_stopped_and_what_expired_is_not_started_again():
    idle = {"stop": "20:00", "start": "07:15", "timezone": "Europe/Berlin"}
    graph = graph_of(HOSTED, idle=idle, expires="2027-03-31")
    start = one(graph, "aws:scheduler/schedule:Schedule", "tracking-start-server")
    assert start["scheduleExpression"] == "cron(15 7 ? * MON-FRI *)"
    assert start["endDate"] == "2027-03-31T00:00:00Z"
    stop = one(graph, "aws:scheduler/schedule:Schedule", "tracking-expire-database")
    assert stop["scheduleExpression"] == "at(2027-03-31T00:00:00)"
    work = statements(graph, "tracking-schedules-work")
    assert {
        action for each in work for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    } == {
        "ecs:UpdateService",
        "rds:StartDBInstance",
        "rds:StopDBInstance",
    }
    assert all("*" not in str(each["Resource"]) for each in work)
    assert not [node for node in graph_of(HOSTED).nodes if "scheduler" in node.type]
    assert daily(IdleSpec(stop="1:00", start="07:00", weekends=False), "07:00") == "cron(0 7 * * ? *)"


def test_artifacts_lie_in_a_closed_bucket_under_the_teams_key():
    graph = graph_of(MANAGED)
    encryption = one(
        graph,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "tracking-encryption",
    )
    assert encryption["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KEY
    policy = json.loads(one(graph, "aws:s3/bucketPolicy:BucketPolicy", "tracking-policy")["policy"])
    assert {each["Effect"] for each in policy["Statement"]} == {"Deny"}
    assert one(graph, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "tracking-bucket-public-access")


def test_the_examples_of_the_docs_are_tracking():
    page = (Path(__file__).resolve().parents[2] / "docs" / "tracking.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        spec = TrackingSpec.model_validate(YAML(typ="safe").load(example))
        graph_of(spec.flavour.model_dump(mode="json"))
