"""SageMaker HyperPod on EKS: groups of machines that join a cluster. moto knows clusters of Slurm alone.

Machines are there at once, and none is ever broken. Sources: the API reference of CreateCluster, UpdateCluster and
DescribeCluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.models import eks_backends
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.responses import SageMakerResponse

from modelyard_sandbox.moto_extensions.sagemaker_serving import arn
from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

_KIND: Final = "cluster"
_CREATE: Final = SageMakerResponse.create_cluster
_DESCRIBE: Final = SageMakerResponse.describe_cluster
_LIST: Final = SageMakerResponse.list_clusters
_DELETE: Final = SageMakerResponse.delete_cluster
_KEPT: Final = ("VpcConfig", "Orchestrator", "NodeRecovery", "NodeProvisioningMode", "ClusterRole", "AutoScaling")
_CHANGES: Final = ("NodeRecovery", "NodeProvisioningMode", "ClusterRole", "AutoScaling")


@dataclass
class HyperPod:
    """A cluster as it was asked for; its groups by name."""

    name: str
    arn: str
    said: dict[str, Any]
    groups: dict[str, dict[str, Any]]
    tags: list[dict[str, str]]
    created: datetime = field(default_factory=utcnow)

    def shown(self) -> dict[str, Any]:
        """What DescribeCluster answers."""
        return {
            **self.said,
            "ClusterName": self.name,
            "ClusterArn": self.arn,
            "ClusterStatus": "InService",
            "CreationTime": self.created,
            "InstanceGroups": [_described(group) for group in self.groups.values()],
        }


def _described(group: dict[str, Any]) -> dict[str, Any]:
    count = group["InstanceCount"]
    told = {key: value for key, value in group.items() if key != "InstanceCount"}
    return {**told, "CurrentCount": count, "TargetCount": count, "Status": "InService"}


def clusters(backend: Any) -> dict[str, HyperPod]:
    """What a backend has of them, by name; a reset of the backend takes them away."""
    return backend.__dict__.setdefault("hyperpod_clusters", {})


def _named(self: Any) -> str:
    return str(self._get_param("ClusterName")).rpartition("/")[2]


def _groups(self: Any) -> dict[str, dict[str, Any]]:
    return {group["InstanceGroupName"]: group for group in self._get_param("InstanceGroups") or ()}


def create_cluster(self: Any) -> Any:
    """CreateCluster, of machines that join a cluster of EKS."""
    backend, name = self.sagemaker_backend, self._get_param("ClusterName")
    orchestrator = self._get_param("Orchestrator") or {}
    if "Eks" not in orchestrator:
        return _CREATE(self)
    joined = orchestrator["Eks"]["ClusterArn"].rpartition("/")[2]
    if joined not in eks_backends[backend.account_id][backend.region_name].clusters:
        raise ValidationError(f"The EKS cluster {joined} doesn't exist.")
    if not (self._get_param("VpcConfig") or {}).get("Subnets"):
        raise ValidationError("VpcConfig is required for a cluster that EKS orchestrates.")
    if name in clusters(backend) or name in backend.clusters:
        raise ResourceInUseException(message=f"Resource Already Exists: Cluster with name {name} already exists.")
    said = {key: value for key in _KEPT if (value := self._get_param(key)) is not None}
    made = HyperPod(name, arn(backend, _KIND, name), said, _groups(self), list(self._get_param("Tags") or []))
    clusters(backend)[name] = made
    return ActionResult({"ClusterArn": made.arn})


def describe_cluster(self: Any) -> Any:
    """DescribeCluster."""
    found = clusters(self.sagemaker_backend).get(_named(self))
    return _DESCRIBE(self) if found is None else ActionResult(found.shown())


def list_clusters(self: Any) -> Any:
    """ListClusters: those of EKS, or moto's own where there are none."""
    told = ("ClusterArn", "ClusterName", "CreationTime", "ClusterStatus")
    found = [{key: each.shown()[key] for key in told} for each in clusters(self.sagemaker_backend).values()]
    return ActionResult({"ClusterSummaries": found}) if found else _LIST(self)


def update_cluster(self: Any) -> ActionResult:
    """UpdateCluster: groups come and change; they go by name alone."""
    found = clusters(self.sagemaker_backend).get(_named(self))
    if found is None:
        raise ResourceNotFound(f"Cluster {_named(self)} doesn't exist.")
    for name, group in _groups(self).items():
        before = found.groups.get(name, group)
        if before["InstanceType"] != group["InstanceType"]:
            raise ValidationError(f"The instance type of the group {name} can't be changed.")
        found.groups[name] = group
    for name in self._get_param("InstanceGroupsToDelete") or ():
        found.groups.pop(name, None)
    found.said |= {key: value for key in _CHANGES if (value := self._get_param(key)) is not None}
    return ActionResult({"ClusterArn": found.arn})


def delete_cluster(self: Any) -> Any:
    """DeleteCluster."""
    found = clusters(self.sagemaker_backend).pop(_named(self), None)
    return _DELETE(self) if found is None else ActionResult({"ClusterArn": found.arn})


def _tagged(backend: Any, of: str) -> Any:
    name = of.rpartition("/")[2]
    return clusters(backend).get(name) or backend.clusters[name]


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    tagged(f":{_KIND}/", _tagged)
    for operation in (create_cluster, describe_cluster, list_clusters, update_cluster, delete_cluster):
        setattr(SageMakerResponse, operation.__name__, operation)
