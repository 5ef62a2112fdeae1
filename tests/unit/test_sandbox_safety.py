"""The sandbox's provider goes to this machine with the sandbox's credentials, or nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.core.errors import InputError
from modelyard.engine.sandbox_state import BACKEND_MARKER, PROVIDER_MARKER, refuse_sandbox_state
from modelyard_sandbox.aws.session import SandboxSession, faults, is_loopback
from modelyard_sandbox.plugins.answers import ConfigurationRefused

HERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_REGION": "eu-west-1",
}


def refused(variables: dict[str, Any], environment: dict[str, str]) -> str:
    with pytest.raises(ConfigurationRefused) as raised:
        SandboxSession(variables, environment)
    return str(raised.value)


def test_the_environment_of_the_sandbox_is_taken() -> None:
    session = SandboxSession({"region": "eu-central-1"}, HERE)
    client = session.client("s3", session.region)
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.meta.region_name == "eu-central-1"


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://10.0.0.1:4566",
        "http://localhost.example.com:4566",
        "file:///dev/null",
        "127.0.0.1:4566",
        "http://[::2]:80",
    ],
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    assert not is_loopback(url)
    assert "not on this machine" in refused({}, {**HERE, "AWS_ENDPOINT_URL": url})


@pytest.mark.parametrize("url", ["http://localhost:4566", "http://127.0.0.1", "http://127.8.9.1:1", "https://[::1]:2"])
def test_an_endpoint_here_is_taken(url: str) -> None:
    assert is_loopback(url)


def test_a_missing_endpoint_is_refused() -> None:
    environment = {key: value for key, value in HERE.items() if key != "AWS_ENDPOINT_URL"}
    assert "no endpoint" in refused({}, environment)
    one_service = json.dumps([{"s3": "http://127.0.0.1:1"}])
    assert "no endpoint" in refused({"endpoints": one_service}, environment), "every other service would go to AWS"


def test_an_endpoint_of_one_service_elsewhere_is_refused() -> None:
    assert "endpoint of s3" in refused({"endpoints": '[{"s3":"https://s3.amazonaws.com"}]'}, HERE)
    assert "endpoint of sts" in refused({}, {**HERE, "AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"})


def test_a_provider_of_another_region_is_held_to_the_same_endpoint() -> None:
    environment = {**HERE, "AWS_ENDPOINT_URL": "https://ec2.us-west-2.amazonaws.com"}
    assert "not on this machine" in refused({"region": "us-west-2"}, environment)


def test_assuming_a_role_elsewhere_is_refused_before_anything_is_sent() -> None:
    roles = json.dumps([{"roleArn": "arn:aws:iam::210987654321:role/deploy"}])
    environment = {**HERE, "AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}
    assert "not on this machine" in refused({"assumeRoles": roles}, environment)


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("value", ["AKIAIOSFODNN7EXAMPLE", ""])
def test_credentials_other_than_the_sandboxs_are_refused(variable: str, value: str) -> None:
    assert "not the sandbox's" in refused({}, {**HERE, variable: value})


def test_credentials_in_the_configuration_are_refused_too() -> None:
    assert "accessKey" in refused({"accessKey": "AKIAIOSFODNN7EXAMPLE"}, HERE)
    assert "token" in refused({"token": "abc"}, HERE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profile", "production"),
        ("sharedConfigFiles", '["~/.aws/config"]'),
        ("sharedCredentialsFiles", '["~/.aws/credentials"]'),
        ("assumeRoleWithWebIdentity", '{"roleArn":"arn:aws:iam::123456789012:role/ci"}'),
        ("ec2MetadataServiceEndpoint", "http://169.254.169.254"),
        ("httpProxy", "http://proxy.example.com"),
        ("httpsProxy", "http://proxy.example.com"),
        ("useFipsEndpoint", "true"),
        ("useDualstackEndpoint", "true"),
    ],
)
def test_configuration_that_leads_elsewhere_is_refused(key: str, value: str) -> None:
    assert refused({key: value}, HERE).startswith(key)


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ],
)
def test_an_environment_of_a_real_account_is_refused(variable: str) -> None:
    assert variable in refused({}, {**HERE, variable: "x"})


def test_everything_wrong_is_said_at_once() -> None:
    found = faults({"profile": "production", "accessKey": "AKIA"}, {})
    assert {key for key, _ in found} == {"profile", "endpoints", "accessKey", "secretKey"}


def test_clients_ignore_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.amazonaws.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.amazonaws.com")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    client = SandboxSession({}, HERE).client("s3", "eu-west-1")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.meta.config.proxies == {}


def test_a_state_of_the_sandbox_is_refused() -> None:
    provider = {"type": "pulumi:providers:aws", "urn": "u", "inputs": {PROVIDER_MARKER: "true"}}
    with pytest.raises(InputError, match="deployed to the sandbox"):
        refuse_sandbox_state({"version": 3, "deployment": {"resources": [provider]}})
    refuse_sandbox_state({"deployment": {"resources": [{"type": "pulumi:providers:aws", "inputs": {}}]}})
    refuse_sandbox_state({"deployment": {}})


def test_a_backend_of_the_sandbox_is_refused(tmp_path: Any) -> None:
    refuse_sandbox_state(f"file://{tmp_path}")
    refuse_sandbox_state("s3://states")
    (tmp_path / BACKEND_MARKER).write_text("{}")
    with pytest.raises(InputError, match="backend is the sandbox's"):
        refuse_sandbox_state(f"file://{tmp_path}")
