"""SageMaker's MLflow tracking servers, which moto lacks: made at once, stopped, started, changed and gone."""

from __future__ import annotations

from typing import Any, Final

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sagemaker.exceptions import ConflictException, ResourceNotFound, ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.utilities.utils import get_partition

from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

_NEWEST: Final = "3.0"
_VERSIONS: Final = (_NEWEST, "2.16.2", "2.13.2")
_CHANGED: Final = (
    "ArtifactStoreUri",
    "AutomaticModelRegistration",
    "TrackingServerSize",
    "WeeklyMaintenanceWindowStart",
)


class _Server:
    """A tracking server: what DescribeMlflowTrackingServer answers, and its tags."""

    def __init__(self, shown: dict[str, Any], tags: list[dict[str, str]]) -> None:
        self.shown = shown
        self.tags = tags


def _servers(backend: Any) -> dict[str, _Server]:
    if not hasattr(backend, "tracking_servers"):
        backend.tracking_servers = {}
    return backend.tracking_servers


def _server(response: Any) -> dict[str, Any]:
    name = str(response._get_param("TrackingServerName"))
    found = _servers(response.sagemaker_backend).get(name)
    if found is None:
        raise ResourceNotFound(f"Tracking Server {name} does not exist.")
    return found.shown


def create_mlflow_tracking_server(self: Any) -> ActionResult:
    """CreateMlflowTrackingServer; its role must exist, and the service must know its version."""
    backend, asked = self.sagemaker_backend, self._get_params()
    name, version = asked["TrackingServerName"], asked.get("MlflowVersion") or _NEWEST
    if name in _servers(backend):
        raise ConflictException(f"Tracking Server {name} already exists.")
    if version not in _VERSIONS:
        raise ValidationError(f"MLflow version {version} is not supported.")
    roles = iam_backends[backend.account_id][get_partition(backend.region_name)].roles.values()
    if asked["RoleArn"] not in {role.arn for role in roles}:
        raise ValidationError(f"Could not assume role {asked['RoleArn']}.")
    place = f"{backend.region_name}:{backend.account_id}"
    arn = f"arn:{get_partition(backend.region_name)}:sagemaker:{place}:mlflow-tracking-server/{name}"
    now = utcnow()
    shown = {
        "TrackingServerArn": arn,
        "TrackingServerName": name,
        "ArtifactStoreUri": asked["ArtifactStoreUri"],
        "TrackingServerSize": asked.get("TrackingServerSize") or "Small",
        "MlflowVersion": version,
        "RoleArn": asked["RoleArn"],
        "TrackingServerStatus": "Created",
        "IsActive": "Active",
        "TrackingServerUrl": f"https://t-{name[:12]}.{backend.region_name}.experiments.sagemaker.aws",
        "WeeklyMaintenanceWindowStart": asked.get("WeeklyMaintenanceWindowStart") or "Tue:05:00",
        "AutomaticModelRegistration": bool(asked.get("AutomaticModelRegistration")),
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    _servers(backend)[name] = _Server(shown, list(asked.get("Tags") or []))
    return ActionResult({"TrackingServerArn": arn})


def describe_mlflow_tracking_server(self: Any) -> ActionResult:
    """DescribeMlflowTrackingServer."""
    return ActionResult(_server(self))


def update_mlflow_tracking_server(self: Any) -> ActionResult:
    """UpdateMlflowTrackingServer."""
    server, asked = _server(self), self._get_params()
    server |= {key: asked[key] for key in _CHANGED if asked.get(key) is not None}
    server["LastModifiedTime"] = utcnow()
    return ActionResult({"TrackingServerArn": server["TrackingServerArn"]})


def delete_mlflow_tracking_server(self: Any) -> ActionResult:
    """DeleteMlflowTrackingServer: at once."""
    server = _server(self)
    del _servers(self.sagemaker_backend)[server["TrackingServerName"]]
    return ActionResult({"TrackingServerArn": server["TrackingServerArn"]})


def list_mlflow_tracking_servers(self: Any) -> ActionResult:
    """ListMlflowTrackingServers."""
    found = [server.shown for server in _servers(self.sagemaker_backend).values()]
    return ActionResult({"TrackingServerSummaries": found})


def _turned(server: dict[str, Any], status: str, active: str) -> ActionResult:
    if server["IsActive"] == active:
        state = server["TrackingServerStatus"]
        raise ConflictException(f"Tracking Server is in state {state}, and can't be changed so.")
    server |= {"TrackingServerStatus": status, "IsActive": active, "LastModifiedTime": utcnow()}
    return ActionResult({"TrackingServerArn": server["TrackingServerArn"]})


def stop_mlflow_tracking_server(self: Any) -> ActionResult:
    """StopMlflowTrackingServer; not one that is stopped."""
    return _turned(_server(self), "Stopped", "Inactive")


def start_mlflow_tracking_server(self: Any) -> ActionResult:
    """StartMlflowTrackingServer; not one that runs."""
    return _turned(_server(self), "Started", "Active")


def _of_arn(backend: SageMakerModelBackend, arn: str) -> Any:
    name = arn.rpartition("/")[2]
    if name not in _servers(backend):
        raise ResourceNotFound(f"Tracking Server {name} does not exist.")
    return _servers(backend)[name]


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    tagged(":mlflow-tracking-server/", _of_arn)
    for operation in (
        create_mlflow_tracking_server,
        describe_mlflow_tracking_server,
        update_mlflow_tracking_server,
        delete_mlflow_tracking_server,
        list_mlflow_tracking_servers,
        stop_mlflow_tracking_server,
        start_mlflow_tracking_server,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
