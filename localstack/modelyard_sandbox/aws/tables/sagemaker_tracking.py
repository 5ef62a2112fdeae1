"""SageMaker's MLflow: tracking servers. Source: the SageMaker API reference."""

from __future__ import annotations

from modelyard_sandbox.aws.declare import Call, Tags, Type, fields

_CHANGED = ("artifactStoreUri", "automaticModelRegistration", "trackingServerSize", "weeklyMaintenanceWindowStart")

SERVER = Type(
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer",
    "sagemaker",
    fields=fields("artifactStoreUri", "automaticModelRegistration", "mlflowVersion", "roleArn", "trackingServerName")
    | fields("trackingServerSize", "trackingServerUrl", "weeklyMaintenanceWindowStart", arn="TrackingServerArn"),
    id="trackingServerName",
    defaults={"automaticModelRegistration": False, "trackingServerSize": "Small"},
    computed=("arn", "trackingServerUrl"),
    create=Call("create_mlflow_tracking_server"),
    read=Call("describe_mlflow_tracking_server", {"TrackingServerName": "id"}, fill=False),
    update=Call("update_mlflow_tracking_server", {"TrackingServerName": "id"}, on=_CHANGED),
    delete=Call("delete_mlflow_tracking_server", {"TrackingServerName": "id"}, fill=False),
    kept=("mlflowVersion", "weeklyMaintenanceWindowStart"),
    tags=Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags"),
)

TYPES = (SERVER,)
