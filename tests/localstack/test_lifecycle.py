"""LocalStack started, found again and stopped as moto is; and what is said where that can't be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.cli import app
from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.localstack import environment
from modelyard_sandbox.localstack.host import ENDPOINT, ENFORCE
from modelyard_sandbox.processes import Process
from modelyard_sandbox.record import Record
from modelyard_sandbox.servers import Choice, answer

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.prefix) / "bin"


@pytest.fixture(scope="module")
def running(localstack_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("project"))
    made.start(emulator="localstack", bridge=["rekognition"])
    yield made
    made.stop()


def test_a_fresh_one_is_healthy_and_empty(running: Sandbox):
    status = running.status()
    assert (status["emulator"], status["healthy"]) == ("localstack", True)
    assert running.counts() == {}


def test_status_says_who_answers_each_service(running: Sandbox):
    services = running.status()["services"]
    assert services["stepfunctions"] == services["events"] == services["cloudwatch"] == "native"
    assert services["sagemaker"] == services["eks"] == services["budgets"] == "bridged"
    assert services["rekognition"] == "bridged", "the one that was asked for"


def test_it_answers_for_every_service_of_its_table(running: Sandbox):
    endpoint = running.status()["endpoint"]
    answered = answer(f"{endpoint}/_localstack/health")["services"]
    assert set(running.status()["services"]) == set(answered)


def test_it_listens_on_the_loopback_interface_only(running: Sandbox):
    pid = running.status()["pids"]["emulator"]
    found = psutil.Process(pid).net_connections("inet")
    assert {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_it_is_found_again_until_it_is_stopped(running: Sandbox):
    again = Sandbox(running.root)
    assert again.start()["pids"] == running.status()["pids"], "what runs is used, whoever asks"
    with pytest.raises(EmulatorError, match=r"runs already, on localstack with rekognition bridged.*yard sandbox stop"):
        again.start(emulator="moto")


def test_its_environment_leads_into_the_platforms_account(running: Sandbox):
    variables = running.environment()
    assert variables["AWS_ENDPOINT_URL"] == running.status()["endpoint"]
    assert variables["AWS_ACCESS_KEY_ID"] == "123456789012", "LocalStack takes it for the account's number"


def test_the_choice_outlives_a_crash_and_ends_with_stop(localstack_there: None, tmp_path: Path):
    sandbox = Sandbox(tmp_path)
    sandbox.places.folder.mkdir(parents=True)
    gone = Process("emulator", os.getpid(), began=1.0)
    Record(Choice("localstack", ("rekognition",)), "http://127.0.0.1:1", (gone,), {}).write(sandbox.places.record)
    assert not sandbox.status()["running"]
    try:
        again = sandbox.start()
        assert (again["emulator"], again["services"]["rekognition"]) == ("localstack", "bridged")
    finally:
        sandbox.stop()
    assert not sandbox.places.record.exists(), "the next start begins with moto"


def test_a_service_to_bridge_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(EmulatorError, match="--bridge: got 'skynet'; moto has no such service"):
        Sandbox(tmp_path).start(emulator="localstack", bridge=["skynet"])
    with pytest.raises(EmulatorError, match="got 'sqs'; LocalStack answers it itself"):
        Sandbox(tmp_path).start(emulator="localstack", bridge=["sqs"])
    with pytest.raises(EmulatorError, match="only LocalStack has a bridge"):
        Sandbox(tmp_path).start(emulator="moto", bridge=["rekognition"])


def test_an_emulator_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(EmulatorError, match="--emulator: got 'azurite'; there are: moto, localstack"):
        Sandbox(tmp_path).start(emulator="azurite")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://127.0.0.1:1", "no LocalStack answers there. Start it .docker compose"),
        ("https://localstack.example", "is not on this machine"),
        ("nonsense", "is not on this machine"),
    ],
)
def test_an_external_one_that_cannot_be_reached_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, said: str
):
    monkeypatch.setenv(ENDPOINT, endpoint)
    with pytest.raises(EmulatorError, match=said) as raised:
        Sandbox(tmp_path).start(emulator="localstack")
    assert raised.value.exit_code == 2
    assert f"{ENDPOINT}: got '{endpoint}'" in str(raised.value)


def test_the_command_line_says_it_too_with_exit_code_2(tmp_path: Path):
    for project in ("platform", "stacks"):
        (tmp_path / project).mkdir(exist_ok=True)
        shutil.copy(ROOT / project / "Pulumi.yaml", tmp_path / project)
    shutil.copy(ROOT / "platform" / "platform.yaml", tmp_path / "platform")
    done = subprocess.run(
        [str(BIN / "yard"), "sandbox", "start", "--emulator", "localstack"],
        cwd=tmp_path,
        env={**os.environ, ENDPOINT: "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no LocalStack answers there" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_external_one_is_used_and_left_running(running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    endpoint = running.status()["endpoint"]
    monkeypatch.setenv(ENDPOINT, endpoint)
    guest = Sandbox(tmp_path)
    try:
        assert guest.start(emulator="localstack")["endpoint"] == endpoint
        assert set(guest.status()["pids"]) == {"provider"}, "the emulator isn't ours"
        with pytest.raises(EmulatorError, match="isn't yard's to empty"):
            guest.reset()
    finally:
        guest.stop()
    assert running.status()["healthy"]


def test_moto_says_that_it_enforces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENFORCE, "1")
    with pytest.raises(EmulatorError, match="use --emulator localstack"):
        Sandbox(tmp_path).start()


def test_without_python_3_13_it_says_so_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: the download was refused' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(environment.CHOICE, raising=False)
    monkeypatch.setattr(environment, "_uv", lambda: str(uv))
    monkeypatch.setattr(environment, "_candidates", lambda: iter([sys.executable, str(tmp_path / "nowhere")]))
    if sys.version_info[:2] == environment.PYTHON:
        monkeypatch.setattr(environment, "_candidates", lambda: iter([]))
    with pytest.raises(
        EmulatorError, match=r"needs Python 3\.13.*the download was refused.*MODELYARD_LOCALSTACK_PYTHON"
    ):
        environment.install()


def test_a_named_python_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3 12\n")
    python.chmod(0o755)
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(environment.CHOICE, str(python))
    with pytest.raises(EmulatorError, match="is no Python 3.13"):
        environment.install()


def test_an_environment_that_could_not_be_finished_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\nif [ "$1" = pip ]; then echo "error: no such package" >&2; exit 1; fi\n')
    uv.chmod(0o755)
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "_uv", lambda: str(uv))
    monkeypatch.setattr(environment, "_interpreter", lambda uv, progress: "python")
    for time in ("first", "second"):
        with pytest.raises(EmulatorError, match="uv pip sync failed: error: no such package"):
            environment.install()
        assert time


def test_the_lock_has_hashes_and_names_no_registry():
    text = environment.lock().read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    pinned = re.findall(r"^[a-z0-9][^ ]*==", text, re.MULTILINE)
    assert len(pinned) > 90
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text.strip()))
    assert f"localstack-core=={environment.VERSION} " in text


def test_the_sandbox_commands_offer_the_emulator():
    said = CliRunner().invoke(app, ["start", "--help"]).output
    assert "--emulator" in said and "--bridge" in said


def test_the_record_is_readable_json(running: Sandbox):
    record = json.loads(running.places.record.read_text())
    assert record["choice"]["emulator"] == "localstack"
