"""EC2: placement groups, which moto lacks."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, EC2_RESOURCE_TO_PREFIX
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition


def groups(backend: EC2Backend) -> dict[str, dict[str, Any]]:
    """Placement groups by name."""
    if not hasattr(backend, "placement_groups"):
        backend.placement_groups = {}  # type: ignore[attr-defined]
    return backend.placement_groups  # type: ignore[attr-defined]


def create_placement_group(self: Any) -> ActionResult:
    """CreatePlacementGroup."""
    backend, name = self.ec2_backend, self._get_param("GroupName")
    if name in groups(backend):
        raise EC2ClientError("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
    identity = f"pg-{mock_random.get_random_hex(17)}"
    place = f"{backend.region_name}:{backend.account_id}"
    group = {
        "GroupName": name,
        "GroupId": identity,
        "GroupArn": f"arn:{get_partition(backend.region_name)}:ec2:{place}:placement-group/{name}",
        "State": "available",
        "Strategy": self._get_param("Strategy") or "cluster",
    }
    for member in ("PartitionCount", "SpreadLevel"):
        if self._get_param(member):
            group[member] = self._get_param(member)
    groups(backend)[name] = group
    tags = self._parse_tag_specification().get("placement-group") or {}
    if tags:
        backend.create_tags([identity], tags)
    return ActionResult({"PlacementGroup": group})


def describe_placement_groups(self: Any) -> ActionResult:
    """DescribePlacementGroups, by name or id."""
    known = groups(self.ec2_backend)
    names, ids = self._get_param("GroupNames", []), self._get_param("GroupIds", [])
    for name in names:
        if name not in known:
            raise EC2ClientError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    found = [g for g in known.values() if (not names or g["GroupName"] in names) and (not ids or g["GroupId"] in ids)]
    return ActionResult({"PlacementGroups": found})


def delete_placement_group(self: Any) -> ActionResult:
    """DeletePlacementGroup."""
    name = self._get_param("GroupName")
    if name not in groups(self.ec2_backend):
        raise EC2ClientError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    del groups(self.ec2_backend)[name]
    return ActionResult({})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    EC2_RESOURCE_TO_PREFIX["placement-group"] = "pg"
    EC2_PREFIX_TO_RESOURCE["pg"] = "placement-group"
    for operation in (create_placement_group, describe_placement_groups, delete_placement_group):
        setattr(EC2Response, operation.__name__, operation)
