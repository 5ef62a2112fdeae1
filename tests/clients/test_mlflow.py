"""MLflow's own client against the server that the tracking component describes.

The programs of the task's definition run on this machine, with SQLite for the database, and no load balancer before
them; all else is as it was deployed.
"""

from __future__ import annotations

import base64
import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from tests.clients.servers import REGION, Clients
from tests.clients.tasks import Container, eventually

from modelyard import Context, ExperimentTracking, Keys, KeysSpec, Role, TrackingSpec
from modelyard.core.access import trust_service
from modelyard.core.addresses import TrackingAddress
from modelyard.foundation.network import Network, VpcSpec
from modelyard_jobs.resources import resources
from modelyard_sandbox.inprocess import Deployment
from modelyard_sandbox.servers import at, free_port

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-mlflow@sha256:{'a' * 64}"
FLAVOUR = {"kind": "self_hosted", "image": IMAGE, "listener": {"kind": "http", "unsafe_because": "a test"}}


def program() -> dict[str, Any]:
    keys = Keys("keys", KeysSpec(), context=PLATFORM)
    vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
    tracking = ExperimentTracking(
        "tracking",
        TrackingSpec.model_validate({"flavour": FLAVOUR}),
        context=FRAUD,
        keys=Keys("team-keys", KeysSpec(), context=FRAUD),
        network=Network("network", vpc, context=PLATFORM, keys=keys),
    )
    trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
    roles = {
        intent: Role(intent, context=FRAUD, trusted=trusted, description=f"may {intent}") for intent in ("log", "read")
    }
    tracking.grant_log(roles["log"])
    tracking.grant_read(roles["read"])
    return {intent: role.resources_path for intent, role in roles.items()}


@dataclass(frozen=True)
class Server:
    """A running server, and how those who were granted something find it."""

    port: int
    clients: Clients
    addresses: dict[str, TrackingAddress]
    s3: Any
    secrets: Any

    def as_user(self, intent: str, *tasks: dict[str, Any], password: str = "") -> list[Any]:
        """What a client is told, task by task, that has the address of `intent` and nothing else."""
        where = self.addresses[intent]
        asked = {"uri": where.tracking_uri, "secret": where.secret_arn, "port": self.port, "password": password}
        return self.clients.script("mlflow_run", {**asked, "tasks": tasks})

    def knows(self, intent: str) -> bool:
        """Whether the user has its password already."""
        user = json.loads(self.secrets.get_secret_value(SecretId=self.addresses[intent].secret_arn)["SecretString"])
        signed = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        return reached(f"{at(self.port)}/api/2.0/mlflow/experiments/get?experiment_id=0", f"Basic {signed}")

    def keys(self) -> list[str]:
        """What lies where runs keep their files."""
        bucket, _, prefix = self.addresses["log"].artifact_root.removeprefix("s3://").partition("/")
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]


@pytest.fixture(scope="module")
def stack(deployed: Callable[[Any], Deployment]) -> Deployment:
    return deployed(program)


@pytest.fixture(scope="module")
def server(stack: Deployment, clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The keeper and the server of the task, once MLflow's users have their passwords."""
    ecs, ssm, secrets = (stack.client(name) for name in ("ecs", "ssm", "secretsmanager"))
    (task,) = ecs.list_task_definitions()["taskDefinitionArns"]
    described = ecs.describe_task_definition(taskDefinition=task)["taskDefinition"]["containerDefinitions"]
    containers = {each["name"]: each for each in described}
    folder, port = tmp_path_factory.mktemp("task"), free_port(None)
    for volume in ("credentials", "scratch"):
        (folder / volume).mkdir()
    keeping = {each["name"]: each["value"] for each in containers["keeper"]["environment"]}
    sqlite = f"sqlite:///{folder}/mlflow.db"
    other = {
        "AUTH_CONFIGURATION": re.sub(r"postgresql\S*://\S+", sqlite, keeping["AUTH_CONFIGURATION"]),
        "SERVER": at(port),
        "SERVER_USER": str(os.getuid()),
    }
    made = Server(
        port,
        clients,
        {intent: resources(path, ssm=ssm).tracking("tracking") for intent, path in stack.outputs.items()},
        stack.client("s3"),
        secrets,
    )
    with ExitStack() as running:
        keeper = Container(containers["keeper"], clients, secrets, folder, variables=other)
        running.callback(keeper.stop)
        files = [folder / "credentials" / name for name in ("pgpass", "auth.ini")]
        eventually(lambda: all(file.exists() for file in files), keeper.ended)
        here = {"--host": "127.0.0.1", "--port": str(port), "--backend-store-uri": sqlite}
        served = Container(containers["server"], clients, secrets, folder, options=here)
        running.callback(served.stop)
        (target,) = stack.client("elbv2").describe_target_groups()["TargetGroups"]
        eventually(lambda: reached(f"{at(port)}{target['HealthCheckPath']}"), served.ended)
        eventually(lambda: made.knows("log") and made.knows("read"), served.ended)
        yield made


def reached(url: str, authorization: str = "") -> bool:
    """Whether the server answers there that all is well."""
    request = urllib.request.Request(url, headers={"Authorization": authorization} if authorization else {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as said:
            return said.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def written(server: Server) -> dict[str, Any]:
    """A run that was logged by who may log."""
    (said,) = server.as_user("log", {"task": "write", "experiment": "payments"})
    assert "refused" not in said, said
    return said


def test_a_run_with_a_file_and_a_model_is_logged_and_read_back_by_who_may_read(server: Server, written: dict[str, Any]):
    assert written["artifacts"].startswith(server.addresses["log"].artifact_root)
    keys = server.keys()
    assert any(key.endswith("notes.txt") for key in keys) and any(key.endswith("MLmodel") for key in keys)
    (found,) = server.as_user("read", {"task": "read", "run": written["run"], "model": written["model"]})
    assert (found["params"], found["metrics"]) == ({"depth": "3"}, {"recall": 0.9})
    assert (found["history"], found["notes"]) == ([0.7, 0.9], "what was tried")
    assert (found["said"], found["status"]) == ([3.0, 8.0], "FINISHED")


def test_who_may_read_changes_nobodys_run(server: Server, written: dict[str, Any]):
    annotation = {"task": "annotate", "run": written["run"]}
    (said,) = server.as_user("read", annotation)
    assert said["status"] == 403, said
    (said,) = server.as_user("log", annotation)
    assert "refused" not in said


def test_a_wrong_password_lets_nobody_in(server: Server):
    (said,) = server.as_user("log", {"task": "look"}, password="guessed")
    assert said["status"] == 401, said
