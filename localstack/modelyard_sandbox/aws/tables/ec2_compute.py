"""EC2: launch templates and placement groups. Source: the EC2 API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, TagFunctions, Type, fields
from modelyard_sandbox.aws.tables.ec2_shared import TAGS, arn, filters

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_DATA: Final = {
    "ramDiskId": "RamDiskId",
    "securityGroupNames": "SecurityGroups",
    "vpcSecurityGroupIds": "SecurityGroupIds",
    "blockDeviceMappings.ebs.encrypted": "Encrypted",
    "networkInterfaces.securityGroups": "Groups",
    "networkInterfaces.ipv4Addresses": "PrivateIpAddresses",
}
"""What a template's data calls otherwise."""

_OTHER: Final = ("defaultVersion", "description", "name", "namePrefix", "region", "tags", "updateDefaultVersion")
_TEXTS: Final = ("associatePublicIpAddress", "deleteOnTermination", "ebsOptimized", "encrypted")
"""Truths that the provider keeps as texts."""

_PROPERTIES: Final = (
    "blockDeviceMappings",
    "capacityReservationSpecification",
    "cpuOptions",
    "creditSpecification",
    "disableApiStop",
    "disableApiTermination",
    "ebsOptimized",
    "iamInstanceProfile",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceMarketOptions",
    "instanceType",
    "keyName",
    "metadataOptions",
    "monitoring",
    "networkInterfaces",
    "placement",
    "tagSpecifications",
    "userData",
    "vpcSecurityGroupIds",
)


def _data(live: Live) -> dict[str, Any]:
    shape = live.client().meta.service_model.shape_for("RequestLaunchTemplateData")
    wanted = {prop: live.inputs[prop] for prop in _PROPERTIES if live.inputs.get(prop) not in (None, [], {})}
    return convert.to_aws(wanted, shape, _DATA)


def _create(live: Live) -> dict[str, Any]:
    answer = live.call(
        "create_launch_template",
        LaunchTemplateName=live.inputs["name"],
        VersionDescription=live.inputs.get("description"),
        LaunchTemplateData=_data(live),
    )
    return answer["LaunchTemplate"]


def _revise(live: Live) -> None:
    """A new version, and which one is the default."""
    if live.changed - {"defaultVersion", "updateDefaultVersion", "tags"}:
        description = live.inputs.get("description")
        answer = live.call(
            "create_launch_template_version",
            LaunchTemplateId=live.id,
            VersionDescription=description,
            LaunchTemplateData=_data(live),
        )
        newest = answer["LaunchTemplateVersion"]["VersionNumber"]
    else:
        newest = live.state.get("latestVersion")
    chosen = newest if live.inputs.get("updateDefaultVersion") else live.inputs.get("defaultVersion")
    if chosen:
        live.call("modify_launch_template", LaunchTemplateId=live.id, DefaultVersion=str(int(chosen)))


def _as_texts(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _as_texts(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_texts(item, name) for item in value]
    return str(value).lower() if isinstance(value, bool) and name in _TEXTS else value


def _read(live: Live) -> dict[str, Any] | None:
    templates = live.call("describe_launch_templates", LaunchTemplateIds=[live.id])["LaunchTemplates"]
    if not templates:
        return None
    versions = live.call("describe_launch_template_versions", LaunchTemplateId=live.id, Versions=["$Latest"])
    newest = versions["LaunchTemplateVersions"][0]
    shape = live.client().meta.service_model.shape_for("ResponseLaunchTemplateData")
    data = convert.from_aws(newest["LaunchTemplateData"], shape, _DATA)
    return {
        **{key: value for key, value in _as_texts(data).items() if key in _PROPERTIES and value not in (None, [], {})},
        "arn": arn(live, "launch-template"),
        "name": templates[0]["LaunchTemplateName"],
        "description": newest.get("VersionDescription") or None,
        "defaultVersion": templates[0]["DefaultVersionNumber"],
        "latestVersion": templates[0]["LatestVersionNumber"],
    }


TEMPLATE = Type(
    "aws:ec2/launchTemplate:LaunchTemplate",
    "ec2",
    id=Answer("LaunchTemplateId"),
    name=Name("name", limit=128, prefix="namePrefix"),
    computed=("arn", "latestVersion"),
    volatile=("latestVersion", "defaultVersion"),
    create=_create,
    read=_read,
    update=Step(_revise, on=(*_PROPERTIES, "defaultVersion", "description", "updateDefaultVersion")),
    delete=Call("delete_launch_template", {"LaunchTemplateId": "id"}, fill=False),
    inert=("updateDefaultVersion",),
    kept=("defaultVersion",),
    gone=("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException"),
    tags=TAGS,
)


def _read_group(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_placement_groups", GroupNames=[live.get("name") or live.id])["PlacementGroups"]
    if not found:
        return None
    group = found[0]
    return {
        "arn": group["GroupArn"],
        "name": group["GroupName"],
        "placementGroupId": group["GroupId"],
        "partitionCount": group.get("PartitionCount"),
        "spreadLevel": group.get("SpreadLevel"),
        "strategy": group["Strategy"],
    }


def _group_id(live: Live) -> str:
    found = live.call("describe_placement_groups", GroupNames=[live.id])["PlacementGroups"]
    return found[0]["GroupId"]


def _read_group_tags(live: Live) -> dict[str, str]:
    found = live.call("describe_tags", Filters=filters(resource_id=_group_id(live)))["Tags"]
    return {tag["Key"]: tag.get("Value", "") for tag in found}


def _write_group_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    identity = _group_id(live)
    removed = [{"Key": key} for key in old if key not in new]
    if removed:
        live.call("delete_tags", Resources=[identity], Tags=removed)
    if new:
        live.call("create_tags", Resources=[identity], Tags=[{"Key": k, "Value": v} for k, v in new.items()])


GROUP = Type(
    "aws:ec2/placementGroup:PlacementGroup",
    "ec2",
    fields=fields("partitionCount", "spreadLevel", "strategy", name="GroupName"),
    id="name",
    name=Name("name", limit=255),
    computed=("arn", "placementGroupId"),
    create=Call("create_placement_group"),
    read=_read_group,
    delete=Call("delete_placement_group", {"GroupName": "id"}, fill=False),
    gone=("InvalidPlacementGroup.Unknown",),
    tags=TagFunctions(_read_group_tags, _write_group_tags),
)


TYPES = (TEMPLATE, GROUP)
