"""MLflow tracking servers through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

SERVER = "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/runs"


@pytest.fixture
def asked(cloud: Any) -> dict[str, Any]:
    """A server, with a role that exists."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = cloud.client("iam").create_role(RoleName="server", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return {"trackingServerName": "runs", "artifactStoreUri": "s3://bucket/runs", "roleArn": role}


def test_a_server_lives_and_dies(cloud: Any, asked: dict[str, Any]) -> None:
    server = cloud.make(SERVER, **asked, mlflowVersion="3.0", tags={"team": "fraud"})
    assert (server.id, server["arn"]) == ("runs", ARN)
    assert server["trackingServerUrl"].startswith("https://")
    server.update(trackingServerSize="Medium")
    server.update(weeklyMaintenanceWindowStart="Sun:03:00")
    server.update(automaticModelRegistration=True)
    server.update(tags={"team": "churn"})
    server.imported("runs")
    server.delete()


def test_another_name_role_or_version_replaces_a_server(cloud: Any, asked: dict[str, Any]) -> None:
    server = cloud.make(SERVER, **asked, mlflowVersion="2.16.2")
    for prop, value in (("trackingServerName", "other"), ("mlflowVersion", "3.0"), ("roleArn", f"{asked['roleArn']}2")):
        assert server.forecast(**{prop: value}).replaces == {prop}


def test_a_refresh_finds_what_somebody_changed_and_what_is_gone(cloud: Any, asked: dict[str, Any]) -> None:
    server = cloud.make(SERVER, **asked)
    cloud.client("sagemaker").update_mlflow_tracking_server(TrackingServerName="runs", TrackingServerSize="Large")
    found = server.read()
    assert found is not None
    assert found.state["trackingServerSize"] == "Large"
    cloud.client("sagemaker").delete_mlflow_tracking_server(TrackingServerName="runs")
    assert server.read() is None


def test_a_server_stops_and_starts(cloud: Any, asked: dict[str, Any]) -> None:
    server = cloud.make(SERVER, **asked)
    client = cloud.client("sagemaker")
    client.stop_mlflow_tracking_server(TrackingServerName="runs")
    assert client.describe_mlflow_tracking_server(TrackingServerName="runs")["IsActive"] == "Inactive"
    with pytest.raises(ClientError, match="ConflictException"):
        client.stop_mlflow_tracking_server(TrackingServerName="runs")
    server.settled()
    client.start_mlflow_tracking_server(TrackingServerName="runs")
    assert client.describe_mlflow_tracking_server(TrackingServerName="runs")["IsActive"] == "Active"


def test_a_server_is_refused_by_name_version_or_role(cloud: Any, asked: dict[str, Any]) -> None:
    cloud.make(SERVER, **asked)
    assert "already exists" in cloud.refused(SERVER, **asked)
    other = {**asked, "trackingServerName": "other"}
    assert "is not supported" in cloud.refused(SERVER, **other, mlflowVersion="9.9.9")
    assert "Could not assume role" in cloud.refused(SERVER, **{**other, "roleArn": f"{asked['roleArn']}2"})
