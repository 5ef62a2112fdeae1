"""SageMaker HyperPod, as Cloud Control knows it. Source: AWSCloudFormation, AWS::SageMaker::Cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.tables.handlers import called, controlled, known_to

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


_TOLD: Final = ("CurrentCount", "Status", "TargetCount")
"""What DescribeCluster says of a group that nobody asked for."""


def _asked(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key not in _TOLD}


def _shown(live: Live) -> dict[str, Any]:
    """A cluster as CloudFormation shows it: machines that are wanted are its count."""
    found = live.call("describe_cluster", ClusterName=called(live))
    groups = [{**_asked(group), "InstanceCount": group["TargetCount"]} for group in found["InstanceGroups"]]
    return {**found, "InstanceGroups": groups}


def _update(live: Live) -> None:
    """The groups as they are now, and by name those that are gone."""
    if not live.changed - {"Tags"}:
        return
    now = {group["InstanceGroupName"] for group in live.inputs["InstanceGroups"]}
    there = live.call("describe_cluster", ClusterName=called(live))["InstanceGroups"]
    gone = sorted({group["InstanceGroupName"] for group in there} - now)
    groups = [_asked(group) for group in live.inputs["InstanceGroups"]]
    parts = {**live.inputs, "ClusterName": called(live), "InstanceGroups": groups, "InstanceGroupsToDelete": gone}
    if not gone:
        del parts["InstanceGroupsToDelete"]
    live.call("update_cluster", **known_to(live, "update_cluster", parts))


CLOUDFORMATION: Final = (
    controlled(
        "AWS::SageMaker::Cluster",
        named="ClusterName",
        create="create_cluster",
        read=_shown,
        update=_update,
        delete="delete_cluster",
    ),
)
