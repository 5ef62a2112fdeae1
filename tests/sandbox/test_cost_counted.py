"""`yard cost --actual` in the sandbox, whose Cost Explorer answers what it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from tests.shipped import copied
from typer.testing import CliRunner

from modelyard.cli.app import app
from modelyard_sandbox.emulator import Sandbox


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = copied(tmp_path)
    monkeypatch.chdir(root)
    return root


def test_the_forecast_stands_beside_what_was_counted(project: Path):
    sandbox = Sandbox(project)
    sandbox.start()
    try:
        endpoint = sandbox.environment()["AWS_ENDPOINT_URL"]
        counted = {"Keys": ["team$demand", "Amazon SageMaker"], "Metrics": {"UnblendedCost": {"Amount": "150.5"}}}
        answer = {"ResultsByTime": [{"TimePeriod": {"Start": "a", "End": "b"}, "Groups": [counted]}]}
        queued = requests.post(
            f"{endpoint}/moto-api/static/ce/cost-and-usage-results", json={"results": [answer]}, timeout=30
        )
        assert queued.status_code == 201
        said = CliRunner().invoke(app, ["cost", "demand", "--sandbox", "--actual", "--json"])
    finally:
        sandbox.stop()
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert (found["environment"], found["asked"]) == ("local", {"requests": 1, "usd": 0.01})
    assert found["stacks"]["demand"]["actual"] == 150.5
    assert found["stacks"]["demand"]["services"][0]["forecast"]["high"] > 0
