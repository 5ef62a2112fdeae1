"""Renewal makes a value as the secret's file says, once for each rotation, and only then the current one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelyard.core.errors import SpecError
from modelyard.foundation.secrets.code import code_of
from modelyard.foundation.secrets.spec import SecretsSpec

TOKEN = "0" * 32
RENEWED = {"kind": "generated", "length": 40, "punctuation": False, "rotation": {"kind": "renewal"}}


@pytest.fixture
def rotator(tmp_path: Path) -> ModuleType:
    """The function as it is deployed: its files in a folder of their own."""
    texts, faults = code_of(SecretsSpec.model_validate({"entries": {"api": RENEWED}}), tmp_path, network=False)
    assert not faults
    for name, text in texts["api"].items():
        (tmp_path / name).write_text(text)
    spec = importlib.util.spec_from_file_location("rotator", tmp_path / "main.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {"REGION": "eu-west-1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-west-1")


def current(client: Any) -> str:
    return client.get_secret_value(SecretId="api", VersionStage="AWSCURRENT")["SecretString"]


def step(rotator: ModuleType, name: str) -> None:
    rotator.handler({"SecretId": "api", "ClientRequestToken": TOKEN, "Step": name}, None)


def test_a_value_is_renewed_as_its_file_says(rotator: ModuleType, client: Any):
    client.create_secret(Name="api", SecretString="old")
    step(rotator, "createSecret")
    assert current(client) == "old"
    for name in ("setSecret", "testSecret", "finishSecret"):
        step(rotator, name)
    value = current(client)
    assert len(value) == 40 and value.isalnum()


def test_a_step_that_is_tried_again_changes_nothing(rotator: ModuleType, client: Any):
    client.create_secret(Name="api", SecretString="old")
    step(rotator, "createSecret")
    pending = client.get_secret_value(SecretId="api", VersionStage="AWSPENDING")["SecretString"]
    step(rotator, "createSecret")
    step(rotator, "finishSecret")
    step(rotator, "finishSecret")
    assert current(client) == pending


def test_what_stands_beside_a_value_stays(rotator: ModuleType, client: Any):
    client.create_secret(Name="api", SecretString=json.dumps({"username": "score", "password": "old"}))
    step(rotator, "createSecret")
    step(rotator, "finishSecret")
    value = json.loads(current(client))
    assert value["username"] == "score" and len(value["password"]) == 40


def test_a_value_from_outside_cannot_be_renewed_here():
    entries = {"vendor": {"kind": "environment", "variable": "KEY", "rotation": {"kind": "renewal"}}}
    _, faults = code_of(SecretsSpec.model_validate({"entries": entries}), None, network=False)
    assert [fault.problem for fault in faults] == ["can't be: the value is whatever its variable holds"]
    assert SpecError(*faults).exit_code == 2
