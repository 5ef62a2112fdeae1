"""Feast's own job and server against the files and the pods that the component describes for Kubernetes."""

from __future__ import annotations

import io
import json
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow
import pytest
from pyarrow import parquet
from tests.clients.certificates import certify
from tests.clients.pods import container, start
from tests.clients.servers import REGION, Clients, MotoServer
from tests.clients.tasks import eventually
from tests.unit import test_features_kubernetes as described

from modelyard_sandbox.servers import free_port

ROWS = {
    "customer_id": ["ann", "ann", "bob"],
    "happened_at": [datetime(2026, 3, 1, 9), datetime(2026, 3, 2, 9), datetime(2026, 3, 1, 18)],
    "paid": [12.5, 99.25, 7.0],
    "vip": [True, False, True],
}
"""Customers at several moments, in the columns of the dataset; Ann's newest counts online."""


class Deployed:
    """A store's files in a folder, its history in a bucket, and its pods."""

    def __init__(self, moto: MotoServer, folder: Path) -> None:
        moto.begin()
        changes = {**described.CASES["zoned"], "views": {"customer": {**described.VIEW, "ttl_hours": None}}}
        graph = described.recorded({"zoned": described.spec(**changes)})
        self.pods = described.pods(graph, "zoned")
        self.folder = folder
        data = described.only(graph, "kubernetes:core/v1:ConfigMap", "zoned").properties["data"]
        self.repository = folder / "repository"
        self.repository.mkdir()
        for name, text in data.items():
            (self.repository / name).write_text(text, "utf-8")
        _, definitions = described.files(graph, "zoned")
        (history,) = [line.split("'")[1] for line in definitions.splitlines() if line.strip().startswith("path=")]
        configuration, _ = described.files(graph, "zoned")
        self.s3: Any = moto.session(REGION).client("s3")
        self.dynamodb: Any = moto.session(REGION).client("dynamodb")
        self.registry = urlsplit(configuration["registry"]["path"])
        place = urlsplit(history)
        for bucket in {self.registry.netloc, place.netloc}:
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        written = io.BytesIO()
        parquet.write_table(pyarrow.table(ROWS), written)
        self.s3.put_object(Bucket=place.netloc, Key=f"{place.path.lstrip('/')}rows.parquet", Body=written.getvalue())


@pytest.fixture(scope="module")
def deployed(moto_server: MotoServer, clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    found = Deployed(moto_server, tmp_path_factory.mktemp("store"))
    job = container(found.pods["clock"], "materialize")
    told = {each["name"]: each["value"] for each in job["environment"]} | {"REPOSITORY": str(found.repository)}
    told["HOME"] = str(found.folder)
    for _ in range(2):
        clients.run([*job["entryPoint"], *job["command"]], folder=found.folder, variables=told)
    return found


@pytest.fixture(scope="module")
def server(deployed: Deployed, clients: Clients) -> Iterator[Any]:
    """Asks the running server."""
    port, certificate = free_port(None), certify(deployed.folder / "tls")
    options = {
        "-c": str(deployed.repository),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
        "--cert": str(certificate),
        "--key": str(certificate.with_name("tls.key")),
    }
    running = start(deployed.pods["server"], "server", clients, deployed.folder, variables={}, options=options)
    handlers = (
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)),
    )

    def ask(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"https://127.0.0.1:{port}{path}", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def healthy() -> bool:
        try:
            ask("/health")
        except OSError:
            return False
        return True

    try:
        eventually(healthy, running.ended)
        yield ask
    finally:
        running.stop()


def test_the_job_applies_what_the_file_says_and_fills_from_history_again_and_again(deployed: Deployed):
    found = deployed.s3.head_object(Bucket=deployed.registry.netloc, Key=deployed.registry.path.lstrip("/"))
    assert found["ContentLength"] > 0
    (table,) = deployed.dynamodb.list_tables()["TableNames"]
    assert table.startswith("ml-dev-fraud-zoned.customer_v1_")
    assert deployed.dynamodb.scan(TableName=table)["Count"] == 2


def test_the_server_answers_by_tls_with_the_newest_values_under_the_views_names(server: Any):
    said = server(
        "/get-online-features",
        {"feature_service": "customer_v1", "entities": {"customer_id": ["ann", "bob", "eve"]}},
    )
    names = said["metadata"]["feature_names"]
    values = {name: result["values"] for name, result in zip(names, said["results"], strict=True)}
    assert values["amount"] == [99.25, 7.0, None], "the newest of Ann, and nothing of whom nobody knows"
    assert values["vip"] == [False, True, None]
