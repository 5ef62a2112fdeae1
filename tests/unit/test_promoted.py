"""What the loop made goes with its endpoint, and nothing else does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from modelyard import Context
from modelyard.core.champions import promoted_prefix
from modelyard.engine import ResourceChange, Result
from modelyard.operate import deployments
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import Place
from modelyard.operate.promoted import ended, sweep

NAMES = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012", team="fraud"
).names
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serve"
ROLE = "arn:aws:iam::123456789012:role/serve"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def made(name: str) -> None:
    client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def there() -> set[str]:
    models = client("sagemaker").list_models()["Models"]
    configurations = client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    assert {each["ModelName"] for each in models} == {each["EndpointConfigName"] for each in configurations}
    return {each["ModelName"] for each in models}


@pytest.mark.usefixtures("account")
def test_what_the_loop_made_goes_with_its_endpoint_and_what_others_made_stays():
    own, others = (
        f"{promoted_prefix(NAMES, 'score')}-v2-0a1b2c3d4e",
        f"{promoted_prefix(NAMES, 'scores')}-v2-0a1b2c3d4e",
    )
    for name in (own, others, "ml-dev-fraud-score-by-hand"):
        made(name)
    for endpoint in ("score", "scores"):
        client("ssm").put_parameter(Name=f"{NAMES.path}champions/{endpoint}", Value="{}", Type="String")
    assert sweep(NAMES, ["score"], client) == [own, own, f"{NAMES.path}champions/score"]
    assert there() == {others, "ml-dev-fraud-score-by-hand"}
    (left,) = client("ssm").get_parameters_by_path(Path=f"{NAMES.path}champions")["Parameters"]
    assert left["Name"].endswith("/scores")
    assert sweep(NAMES, ["score"], client) == [], "a second sweep finds nothing"


class Project:
    """The files of a project with one team, which may live in an account of its own."""

    def __init__(self, account: str | None = None) -> None:
        self._account = account

    def platform(self, _environment: str) -> SimpleNamespace:
        return SimpleNamespace(platform="ml", account="123456789012", region="us-east-1")

    def headers(self, _environment: str) -> dict[str, SimpleNamespace]:
        return {"fraud": SimpleNamespace(account=self._account)}


def taken_away(account: str | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said when an operation has taken the endpoint score away."""
    monkeypatch.setattr(Cloud, "client", lambda _self, service, _region="": client(service))
    project: Any = Project(account)
    place: Any = Place(project, "dev", True, ("fraud",), {})
    change = ResourceChange("urn", "modelyard:serving:InferenceEndpoint", "score", "delete", "")
    result = Result("down", "p", "s", True, {}, (), (change,), {}, (), 1.0)
    said = io.StringIO()
    deployments.sweep(place, "fraud", result, Console(file=said, width=200))
    return said.getvalue()


@pytest.mark.usefixtures("account")
def test_an_operation_that_takes_an_endpoint_away_sweeps_what_the_loop_made(monkeypatch: pytest.MonkeyPatch):
    made(f"{promoted_prefix(NAMES, 'score')}-v2-0a1b2c3d4e")
    assert taken_away(None, monkeypatch) == ""
    assert there() == set()


@pytest.mark.usefixtures("account")
def test_in_an_account_of_the_teams_own_it_is_named_and_left(monkeypatch: pytest.MonkeyPatch):
    name = f"{promoted_prefix(NAMES, 'score')}-v2-0a1b2c3d4e"
    made(name)
    said = taken_away("999999999999", monkeypatch)
    assert "stays in 999999999999" in said
    assert promoted_prefix(NAMES, "score") in said
    assert there() == {name}


def test_an_endpoint_that_was_taken_away_is_told_from_one_that_changed():
    changes = [
        ResourceChange(f"urn::{name}", kind, name, op, "")
        for name, kind, op in (
            ("score", "modelyard:serving:InferenceEndpoint", "delete"),
            ("other", "modelyard:serving:InferenceEndpoint", "create"),
            ("score-endpoint", "aws:cloudformation/stack:Stack", "delete"),
        )
    ]
    result = Result("up", "p", "s", True, {}, (), tuple(changes), {}, (), 1.0)
    assert ended(result) == ["score"]
