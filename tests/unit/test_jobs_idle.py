"""Runs that let their GPUs idle are stopped and told; what serves, is exempt, young, busy or unmeasured is left."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelyard_jobs import idle
from modelyard_jobs.idle import Run, Server, Settings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LONG_AGO, JUST_NOW = "2026-11-22T08:00:00Z", "2026-11-22T11:30:00Z"
SETTINGS = Settings(("ml-dev-fraud",), 60, 5.0, ("ml-dev-fraud/kept-*",), "http://prometheus")


def pod(name: str, workload: str, *, gpus: int = 1, began: str = LONG_AGO, owner: str = "Job", **more: Any) -> dict:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {"cpu": "1"}
    return {
        "metadata": {
            "name": name,
            "annotations": {idle.WORKLOAD: workload},
            "ownerReferences": [{"kind": owner, "name": "o", "controller": True}],
        },
        "spec": {"containers": [{"name": "c", "resources": {"limits": limits}}]},
        "status": {"phase": "Running", "startTime": began, **more},
    }


def workload(name: str, job: str = "", **spec: Any) -> dict:
    owners = [{"kind": "Job", "name": job or f"{name}-job"}]
    return {"metadata": {"name": name, "ownerReferences": owners}, "spec": spec}


def found(*pods: dict, workloads: tuple[dict, ...] = (workload("w"),)) -> list[Run]:
    return idle.runs("ml-dev-fraud", pods, workloads)


def stopped(runs: list[Run], **busy: float) -> list[str]:
    measured = {("ml-dev-fraud", name.replace("_", "-")): percent for name, percent in busy.items()}
    return [run.workload for run in idle.idle(runs, measured, SETTINGS, NOW)]


def test_a_run_whose_gpus_all_idle_is_found():
    assert stopped(found(pod("a-0", "w"), pod("a-1", "w")), a_0=0.0, a_1=4.9) == ["w"]


def test_one_busy_pod_keeps_its_whole_run():
    assert stopped(found(pod("a-0", "w"), pod("a-1", "w")), a_0=0.0, a_1=80.0) == []


def test_what_nobody_measured_all_that_time_isnt_idle():
    assert stopped(found(pod("a-0", "w"), pod("a-1", "w")), a_0=0.0) == []


def test_a_run_that_began_within_that_time_is_left():
    assert stopped(found(pod("a-0", "w"), pod("a-1", "w", began=JUST_NOW)), a_0=0.0, a_1=0.0) == []


def test_what_the_platform_exempts_is_left():
    assert stopped(found(pod("a-0", "w"), workloads=(workload("w", "kept-nightly"),)), a_0=0.0) == []


@pytest.mark.parametrize(
    "pods",
    [
        (pod("a-0", "w", gpus=0),),
        (pod("a-0", "w", phase="Succeeded"),),
        (pod("a-0", "another"),),
    ],
)
def test_what_holds_no_gpu_or_has_ended_or_is_in_no_queue_is_no_run(pods: tuple[dict, ...]):
    assert found(*pods) == []


def test_what_is_stopped_already_is_no_run():
    assert found(pod("a-0", "w"), workloads=(workload("w", active=False),)) == []


def test_pods_go_by_their_own_names_also_where_prometheus_keeps_its_exporters():
    by_exporter = {"namespace": "gpu", "pod": "dcgm-1", "exported_namespace": "ml-dev-fraud", "exported_pod": "a-0"}
    answer = {
        "data": {"result": [{"metric": by_exporter, "value": [0, "3"]}, {"metric": by_exporter, "value": [0, "7"]}]}
    }
    assert idle.busiest(answer) == {("ml-dev-fraud", "a-0"): 7.0}, "the busiest of its GPUs"


def test_settings_that_arent_some_are_refused():
    with pytest.raises(ValueError, match="MODELYARD_IDLE: .*minuets"):
        Settings.read('{"minuets": 60}')


class Asked:
    """What was asked of a server that answers as Prometheus does, and as the API server does."""

    def __init__(self, namespaces: dict[str, tuple[list[dict], list[dict]]], busy: dict[str, str]) -> None:
        self.namespaces, self.busy = namespaces, busy
        self.asked: list[tuple[str, str, Any]] = []
        self.refuses = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        if path.startswith("/api/v1/query"):
            series = [
                {"metric": {"namespace": "ml-dev-fraud", "pod": pod}, "value": [0, value]}
                for pod, value in self.busy.items()
            ]
            return 200, {"status": "success", "data": {"resultType": "vector", "result": series}}
        if self.refuses and self.refuses in path:
            return 403, {"kind": "Status"}
        if method != "GET":
            return 200, {}
        pods, workloads = self.namespaces[path.split("/namespaces/")[1].split("/")[0]]
        return 200, {"items": pods if path.endswith("/pods") else workloads}


@pytest.fixture
def world() -> Iterator[tuple[Asked, Settings, Server]]:
    pods = [pod("a-0", "train"), pod("s-0", "serve", owner="ReplicaSet"), pod("b-0", "busy"), pod("c-0", "also")]
    workloads = [workload(name) for name in ("train", "serve", "busy", "also")]
    asked = Asked({"ml-dev-fraud": (pods, workloads)}, {"a-0": "0", "s-0": "0", "b-0": "99", "c-0": "1"})

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = asked.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        do_GET = do_PATCH = do_POST = _do

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield asked, replace(SETTINGS, prometheus=address), Server(address, "token", None)
        server.shutdown()
        thread.join()


def test_idle_runs_are_stopped_and_their_owners_told_what_to_do(world: tuple[Asked, Settings, Server]):
    asked, settings, server = world
    said = {line["workload"]: line["done"] for line in idle.look(settings, server, NOW)}
    assert said == {"train": "stopped", "also": "stopped", "serve": "told"}
    changed = {path.rpartition("/")[2]: body for method, path, body in asked.asked if method == "PATCH"}
    assert changed == {"train": {"spec": {"active": False}}, "also": {"spec": {"active": False}}}
    told = {body["involvedObject"]["name"]: body for method, path, body in asked.asked if method == "POST"}
    assert {*told} == {"train", "also", "serve"}
    assert "set spec.active to true" in told["train"]["message"]
    assert told["serve"]["reason"] == "IdleGpus" and "scale to none" in told["serve"]["message"]


def test_prometheus_is_asked_for_the_whole_time(world: tuple[Asked, Settings, Server]):
    asked, settings, server = world
    list(idle.look(settings, server, NOW))
    query = urllib.parse.parse_qs(urllib.parse.urlparse(asked.asked[0][1]).query)["query"][0]
    assert "max_over_time(DCGM_FI_DEV_GPU_UTIL[60m])" in query
    assert "DCGM_FI_DEV_GPU_UTIL offset 60m" in query


def test_a_run_that_cant_be_stopped_keeps_no_other_from_it(world: tuple[Asked, Settings, Server]):
    asked, settings, server = world
    asked.refuses = "/workloads/also"
    said = {line["workload"]: line["done"] for line in idle.look(settings, server, NOW)}
    assert said == {"also": "failed", "train": "stopped", "serve": "told"}


def test_without_prometheus_nothing_is_stopped(
    world: tuple[Asked, Settings, Server], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    asked, settings, server = world
    nowhere = replace(settings, prometheus="http://127.0.0.1:9")
    monkeypatch.setenv("MODELYARD_IDLE", json.dumps({field: getattr(nowhere, field) for field in Settings.__slots__}))
    monkeypatch.setattr(Server, "of_this_pod", classmethod(lambda _: server))
    assert idle.main() == 1
    assert "failed" in capsys.readouterr().err
    assert asked.asked == []
