"""What the loop made goes with its endpoint, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelyard import Context
from modelyard.engine import ResourceChange, Result
from modelyard.operate.promoted import ended, prefix_of, sweep

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
    own, others = f"{prefix_of(NAMES, 'score')}-v2-0a1b2c3d4e", f"{prefix_of(NAMES, 'scores')}-v2-0a1b2c3d4e"
    for name in (own, others, "ml-dev-fraud-score-by-hand"):
        made(name)
    for endpoint in ("score", "scores"):
        client("ssm").put_parameter(Name=f"{NAMES.path}champions/{endpoint}", Value="{}", Type="String")
    assert sweep(NAMES, ["score"], client) == [own, own, f"{NAMES.path}champions/score"]
    assert there() == {others, "ml-dev-fraud-score-by-hand"}
    (left,) = client("ssm").get_parameters_by_path(Path=f"{NAMES.path}champions")["Parameters"]
    assert left["Name"].endswith("/scores")
    assert sweep(NAMES, ["score"], client) == [], "a second sweep finds nothing"


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
