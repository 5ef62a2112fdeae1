"""The sandbox started, found again, and stopped; and what goes wrong with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.baseline import baseline
from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.places import MARKER
from modelyard_sandbox.servers import Choice


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("project"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    yield made
    made.stop()


def test_starting_a_running_sandbox_changes_nothing(sandbox: Sandbox):
    assert sandbox.start()["pids"] == sandbox.status()["pids"]
    assert sandbox.status()["healthy"]


def test_a_fresh_sandbox_is_empty(sandbox: Sandbox):
    assert sandbox.counts() == {}


def test_what_a_fresh_one_holds_is_counted_once_on_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path))
    counts: list[str] = []

    def count() -> dict[str, int]:
        counts.append("counted")
        return {"ec2: Vpcs": 1}

    for _ in range(2):
        assert baseline(Choice(), "eu-west-1", count) == {"ec2: Vpcs": 1}
    assert counts == ["counted"]
    baseline(Choice(), "eu-west-2", count)
    baseline(Choice("localstack"), "eu-west-1", count)
    assert len(counts) == 3, "another region and another emulator hold something else"
    for _ in range(2):
        baseline(Choice("localstack", external="http://127.0.0.1:4566"), "eu-west-1", count)
    assert len(counts) == 5, "what somebody else started is never fresh"


def test_it_listens_on_the_loopback_interface_only(sandbox: Sandbox):
    listening = [
        connection.laddr.ip
        for pid in sandbox.status()["pids"].values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_another_port_than_its_own_asks_to_stop_it_first(sandbox: Sandbox):
    with pytest.raises(EmulatorError, match="Stop it first"):
        sandbox.start(1)


def test_two_that_start_it_at_once_find_the_same_one(tmp_path: Path, stopped: Sandbox):
    script = f"from pathlib import Path; from modelyard_sandbox.emulator import Sandbox; import json; \
print(json.dumps(Sandbox(Path({str(tmp_path)!r})).start()))"
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(one.communicate()[0]) for one in both]
    assert said[0]["pids"] == said[1]["pids"]


def test_its_environment_leads_here_and_nowhere_else(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    variables = sandbox.environment()
    assert variables["AWS_ENDPOINT_URL"] == sandbox.status()["endpoint"]
    assert variables["AWS_PROFILE"] is None
    assert variables["AWS_ENDPOINT_URL_S3"] is None
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_the_state_carries_the_marker_that_real_runs_refuse(sandbox: Sandbox):
    assert json.loads((sandbox.places.state / MARKER).read_text()) == {"sandbox": True}


def test_a_port_in_use_is_an_error_that_names_it(stopped: Sandbox):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"got {port}; can't be had: Address already in use"):
            stopped.start(port)
    assert not stopped.status()["running"]
    assert not stopped.places.record.exists(), "nothing half-started stays"


def test_a_dead_emulator_is_told_and_the_next_start_puts_its_state_aside(stopped: Sandbox):
    stopped.start()
    (stopped.places.state / ".pulumi" / "stacks").mkdir(parents=True)
    victim = psutil.Process(stopped.status()["pids"]["emulator"])
    victim.kill()
    victim.wait(10)
    with pytest.raises(EmulatorError, match="doesn't run"):
        stopped.environment()
    assert stopped.start()["healthy"]
    assert not (stopped.places.state / ".pulumi").exists(), "what was in the emulator is gone, so its state is none"
    assert (stopped.places.folder / "state-of-the-last-run").exists()


def test_a_foreign_process_with_the_same_pid_is_not_taken_for_ours_and_not_ended(stopped: Sandbox):
    stopped.places.folder.mkdir(parents=True)
    foreign = {"emulator": {"pid": os.getpid(), "began": 1.0}, "provider": {"pid": os.getpid(), "began": 1.0}}
    record = {"choice": Choice().as_json(), "endpoint": "http://127.0.0.1:1", "processes": foreign, "baseline": {}}
    stopped.places.record.write_text(json.dumps(record))
    assert not stopped.status()["running"]
    assert stopped.stop(), "the record goes"
    assert psutil.pid_exists(os.getpid())


def test_a_damaged_record_is_an_error_that_says_what_to_do(stopped: Sandbox):
    stopped.places.folder.mkdir(parents=True)
    stopped.places.record.write_text("{")
    for look in (stopped.start, stopped.status, stopped.stop):
        with pytest.raises(EmulatorError, match="is damaged"):
            look()
    stopped.places.record.unlink()
