"""MLflow's own client against the pods that the tracking component describes for Kubernetes.

Their programs run on this machine with SQLite for the database, which the first of them would refuse; all else, TLS
and the store that speaks as S3 does among it, is as it would be deployed.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.clients.certificates import certify
from tests.clients.pods import container, secrets, start
from tests.clients.servers import REGION, Clients, MotoServer
from tests.clients.tasks import eventually
from tests.unit import test_tracking_kubernetes as described

from modelyard.build.tracking import uvicorn_options
from modelyard_sandbox.servers import free_port

PASSWORDS = {name: f"the-{name}-of-mlflow" for name in ("admin", "writer", "reader")}
SECRETS: dict[tuple[str, str], str] = {
    **{(f"mlflow-{name}", "value"): password for name, password in PASSWORDS.items()},
    ("mlflow-session", "value"): "0123456789abcdef0123456789abcdef",
    ("store", "id"): "id",
    ("store", "key"): "key",
}
BUCKET = described.COMPATIBLE["bucket"]
LOGS = """
import json, mlflow
mlflow.set_experiment("payments")
with mlflow.start_run() as run:
    mlflow.log_metric("recall", 0.9)
    mlflow.log_text("what was tried", "notes.txt")
print(json.dumps({"run": run.info.run_id, "files": run.info.artifact_uri}))
"""
READS = """
import json, sys, mlflow
client = mlflow.MlflowClient()
found = client.get_run(sys.argv[1])
notes = mlflow.artifacts.load_text(found.info.artifact_uri + "/notes.txt")
said = {"recall": found.data.metrics["recall"], "notes": notes}
try:
    client.set_tag(sys.argv[1], "seen", "yes")
except mlflow.MlflowException as error:
    said["refused"] = error.get_http_status_code()
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Server:
    """A running server that speaks TLS, and who may ask it."""

    url: str
    certificate: Path
    clients: Clients
    s3: Any

    def run(self, user: str, program: str, *arguments: str) -> Any:
        """What a program says that has the variables of a client in the cluster."""
        told = {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": PASSWORDS[user],
            "MLFLOW_TRACKING_SERVER_CERT_PATH": str(self.certificate),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        }
        said = self.clients.run(["python", "-c", program, *arguments], variables=told)
        return json.loads(said.splitlines()[-1])

    def status(self, path: str, headers: Mapping[str, str] | None = None) -> int:
        """The HTTP status of an answer; 0 for none."""
        request = urllib.request.Request(f"{self.url}{path}", headers=dict(headers or {}))
        handlers = (
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.certificate)),
        )
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture(scope="module")
def server(clients: Clients, moto_server: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    moto_server.begin()
    s3: Any = moto_server.session(REGION).client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    pod = described.pod(described.recorded({"tracking": described.spec()}), "tracking")
    folder, port = tmp_path_factory.mktemp("pod"), free_port(None)
    certificate = certify(folder / "tls")
    (folder / "credentials").mkdir()
    database = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db"}
    known = {**SECRETS, ("mlflow-db-app", "uri"): database["MLFLOW_BACKEND_STORE_URI"]}
    migrates = container(pod, "database")
    program = migrates["command"][1].replace("    refuse(uri)\n", "")
    told = {each["name"]: each["value"] for each in migrates["environment"]}
    told |= {"AUTH_FILE": f"{folder}/credentials/auth.ini", "HOME": str(folder), **database}
    clients.run([*migrates["entryPoint"], "-c", program], variables=told)
    made = Server(f"https://127.0.0.1:{port}", certificate, clients, s3)
    with ExitStack() as running:
        other = {
            **secrets(pod, "server", known),
            "AWS_ENDPOINT_URL_S3": moto_server.endpoint,
            "MLFLOW_UVICORN_OPTS": uvicorn_options(str(folder / "tls")),
        }
        here = {"--host": "127.0.0.1", "--port": str(port), "--workers": "1"}
        serves = start(pod, "server", clients, folder, variables=other, options=here)
        running.callback(serves.stop)
        keeping = {**secrets(pod, "users", known), "SERVER": made.url}
        keeps = start(pod, "users", clients, folder, variables=keeping)
        running.callback(keeps.stop)
        eventually(lambda: made.status("/health") == 200, serves.ended)
        eventually(lambda: "reader" in users(made), keeps.ended)
        yield made


def users(server: Server) -> list[str]:
    """Whom MLflow knows with the passwords of the Secrets."""
    found: list[str] = []
    for user, password in PASSWORDS.items():
        signed = base64.b64encode(f"{user}:{password}".encode()).decode()
        path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
        if server.status(path, {"Authorization": f"Basic {signed}"}) == 200:
            found.append(user)
    return found


def test_a_run_and_its_file_go_through_the_server_into_the_store_whose_keys_no_client_has(server: Server):
    logged = server.run("writer", LOGS)
    assert logged["files"].startswith("mlflow-artifacts:/")
    keys = [each["Key"] for each in server.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert any(key.startswith("mlflow/") and key.endswith("/notes.txt") for key in keys)
    seen = server.run("reader", READS, logged["run"])
    assert (seen["recall"], seen["notes"]) == (0.9, "what was tried")
    assert seen["refused"] == 403, "a reader changes nobody's run"


def test_nobody_is_let_in_without_a_password_or_under_another_name(server: Server):
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert server.status(path) == 401
    assert server.status(path, {"Host": "evil.example"}) == 403
