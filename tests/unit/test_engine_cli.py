"""`yard engine status` and `yard engine install`, on a machine with a CLI and on one without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from modelyard.cli.engine import app
from modelyard.engine import places


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv(places.CHOICE, raising=False)
    return tmp_path


def put_cli(machine: Path) -> None:
    (machine / "bin").mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (machine / "bin" / name).write_text("#!/bin/sh\necho v3.259.0\n")
        (machine / "bin" / name).chmod(0o755)


def test_status_says_what_to_do_where_there_is_no_engine(machine: Path) -> None:
    answer = CliRunner().invoke(app, ["status"])
    assert answer.exit_code == 0
    assert "yard engine install" in answer.output
    assert not (machine / "cache").exists(), "status changes nothing"


@pytest.mark.parametrize("command", ["status", "install"])
def test_both_commands_tell_path_version_source_and_host(machine: Path, command: str) -> None:
    put_cli(machine)
    told = json.loads(CliRunner().invoke(app, [command, "--json"]).stdout)
    assert told["engine"] == {
        "path": str(machine / "bin" / "pulumi"),
        "version": "3.259.0",
        "source": "path",
        "host": str(machine / "bin" / "pulumi-language-python"),
        "host_kind": "official",
    }
    assert told["cache"] == str(machine / "cache") and told["cache_bytes"] == 0
    shown = CliRunner().invoke(app, [command]).output
    assert "3.259.0" in shown and "path (yours)" in shown


def test_the_command_group_loads_nothing_but_typer() -> None:
    heavy = "import sys, modelyard.cli.engine; print([m for m in ('pulumi', 'rich.live', 'boto3') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
