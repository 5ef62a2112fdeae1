"""EKS: managed node groups. Source: the API reference of CreateNodegroup and what follows it."""

from __future__ import annotations

import uuid
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.eks.exceptions import InvalidRequestException, ResourceInUseException

from modelyard_sandbox.moto_extensions import eks_access
from modelyard_sandbox.moto_extensions.eks_catalogue import LAST_OF_AMAZON_LINUX_2, VERSIONS, minor
from modelyard_sandbox.moto_extensions.eks_shared import (
    Cluster,
    Document,
    arn,
    ec2,
    existing,
    missing,
    principal,
    refused,
    subnets,
    trusts,
)

_IMAGE: Final = "AL2023_x86_64_STANDARD"
_TYPES: Final = ["t3.medium"]
_DISK, _WINDOWS_DISK = 20, 50
_RELEASE_DAY: Final = "20260403"
_KEPT: Final = ("nodeRepairConfig", "remoteAccess", "taints", "warmPoolConfig")


def _group(cluster: Cluster, asked: Document) -> Document:
    name = asked["nodegroupName"]
    if name not in cluster.nodegroups:
        raise missing(f"No node group found for name: {name}.", clusterName=cluster.name, nodegroupName=name)
    return cluster.nodegroups[name]


def create_nodegroup(backend: Any, asked: Document) -> Document:
    """CreateNodegroup."""
    cluster, name = existing(backend, asked), asked["nodegroupName"]
    if name in cluster.nodegroups:
        told = f"NodeGroup already exists with name {name} and cluster name {cluster.name}"
        raise ResourceInUseException(clusterName=cluster.name, nodegroupName=name, message=told)
    template, data = _template(backend, asked)
    _check_role(backend, asked["nodeRole"])
    _check_subnets(backend, cluster, asked["subnets"])
    image = "CUSTOM" if "ImageId" in data else asked.get("amiType") or _IMAGE
    types = asked.get("instanceTypes") or ([] if "InstanceType" in data else _TYPES)
    _check_machines(cluster.version, image, types)
    if asked.get("version") not in (None, cluster.version):
        raise refused(f"Requested Nodegroup version {asked['version']} isn't the cluster's, {cluster.version}")
    scaling = {"minSize": 1, "maxSize": 2, "desiredSize": 2, **(asked.get("scalingConfig") or {})}
    _check_new_sizes(scaling)
    group_id, now = str(uuid.uuid4()), utcnow()
    made = {
        "nodegroupName": name,
        "nodegroupArn": arn(backend, "nodegroup", cluster.name, name, group_id),
        "clusterName": cluster.name,
        "version": cluster.version,
        "releaseVersion": asked.get("releaseVersion") or _release(cluster.version),
        "createdAt": now,
        "modifiedAt": now,
        "status": "ACTIVE",
        "capacityType": asked.get("capacityType") or "ON_DEMAND",
        "scalingConfig": scaling,
        "instanceTypes": types,
        "subnets": asked["subnets"],
        "amiType": image,
        "nodeRole": asked["nodeRole"],
        "labels": asked.get("labels") or {},
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{group_id}"}]},
        "health": {"issues": []},
        "updateConfig": asked.get("updateConfig") or {"maxUnavailable": 1},
        "tags": asked.get("tags") or {},
    }
    made |= {key: asked[key] for key in _KEPT if asked.get(key)}
    if template:
        made["launchTemplate"] = template
    else:
        made["diskSize"] = asked.get("diskSize") or (_WINDOWS_DISK if image.startswith("WINDOWS") else _DISK)
    cluster.nodegroups[name] = made
    eks_access.admit_nodes(backend, cluster, asked["nodeRole"], windows=image.startswith("WINDOWS"))
    return {"nodegroup": made}


def _check_role(backend: Any, name: str) -> None:
    role = principal(backend, name)
    if role is None:
        raise refused(f"The role with name {name.rpartition('/')[2]} cannot be found.")
    if not trusts(role, "ec2.amazonaws.com"):
        told = "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of"
        raise refused(f"{told} nodeRole {name}")


def _check_subnets(backend: Any, cluster: Cluster, wanted: list[str]) -> None:
    vpc = cluster.document["resourcesVpcConfig"]["vpcId"]
    for subnet in subnets(backend, wanted):
        if subnet.vpc_id != vpc:
            raise refused(f"Subnet {subnet.id} is not in the cluster's VPC {vpc}", clusterName=cluster.name)


def _check_machines(version: str, image: str, types: list[str]) -> None:
    """Types that exist, of the image's architecture, and an image that is made for the version."""
    if image.startswith("AL2_") and minor(version) > minor(LAST_OF_AMAZON_LINUX_2):
        raise refused(f"AMI Type {image} is only supported for kubernetes versions {LAST_OF_AMAZON_LINUX_2} or earlier")
    for kind in types:
        if kind not in INSTANCE_TYPES:
            raise refused(f"[{kind}] is not a valid instance type")
        built = INSTANCE_TYPES[kind]["ProcessorInfo"]["SupportedArchitectures"]
        if image != "CUSTOM" and ("arm64" if "ARM_64" in image else "x86_64") not in built:
            raise refused(f"[{kind}] is not a valid instance type for requested amiType {image}")


def _check_new_sizes(scaling: Document) -> None:
    if scaling["minSize"] > scaling["desiredSize"]:
        raise refused("minSize can't be greater than desiredSize")
    if scaling["desiredSize"] > scaling["maxSize"]:
        raise refused("desiredSize can't be greater than maxSize")


def _release(version: str) -> str:
    return f"{VERSIONS[version].patch}-{_RELEASE_DAY}"


def _template(backend: Any, asked: Document) -> tuple[Document, Document]:
    """The launch template as EKS names it, with the number of its version, and what is in it."""
    given = asked.get("launchTemplate")
    if not given:
        return {}, {}
    for member, told in (
        ("diskSize", "Disk size must be specified within the launch template."),
        ("remoteAccess", "Remote access configuration cannot be specified with a launch template."),
    ):
        if asked.get(member):
            raise refused(told)
    found, version = _found(backend, given)
    data = version.data
    for member, told in (("IamInstanceProfile", "an instance profile"), ("InstanceMarketOptions", "market options")):
        if data.get(member):
            raise refused(f"Launch template {found.name} should not specify {told}.")
    if any(interface.get("SubnetId") for interface in data.get("NetworkInterfaces") or ()):
        raise refused(f"Launch template {found.name} should not specify a subnet.")
    if data.get("InstanceType") and asked.get("instanceTypes"):
        raise refused("Instance type can be specified in the launch template or in instanceTypes, not in both.")
    if data.get("ImageId") and asked.get("amiType"):
        raise refused("You cannot specify an AMI Type other than CUSTOM, when specifying an image id in the template.")
    return {"id": found.id, "name": found.name, "version": str(version.number)}, data


def _found(backend: Any, given: Document) -> tuple[Any, Any]:
    """A launch template and one of its versions; EKS takes the id or the name."""
    if bool(given.get("id")) == bool(given.get("name")):
        raise refused("Either provide launch template ID or launch template name in the request.")
    templates = ec2(backend).launch_templates.values()
    found = next((one for one in templates if given.get("id") == one.id or given.get("name") == one.name), None)
    if found is None:
        raise refused(f"Launch template {given.get('id') or given['name']} does not exist")
    wanted = str(given.get("version") or found.default_version_number)
    numbers = {"$Default": found.default_version_number, "$Latest": found.latest_version_number}
    number = str(numbers.get(wanted, wanted))
    version = next((one for one in found.versions if str(one.number) == number), None)
    if version is None:
        raise refused(f"Version {wanted} of launch template {found.name} does not exist")
    return found, version


def describe_nodegroup(backend: Any, asked: Document) -> Document:
    """DescribeNodegroup."""
    return {"nodegroup": _group(existing(backend, asked), asked)}


def list_nodegroups(backend: Any, asked: Document) -> Document:
    """ListNodegroups."""
    return {"nodegroups": sorted(existing(backend, asked).nodegroups)}


def delete_nodegroup(backend: Any, asked: Document) -> Document:
    """DeleteNodegroup."""
    cluster = existing(backend, asked)
    group = _group(cluster, asked)
    del cluster.nodegroups[group["nodegroupName"]]
    return {"nodegroup": {**group, "status": "DELETING"}}


def update_nodegroup_config(backend: Any, asked: Document) -> Document:
    """UpdateNodegroupConfig: sizes, labels, taints, and how nodes are updated and repaired."""
    cluster = existing(backend, asked)
    group = _group(cluster, asked)
    scaling = {**group["scalingConfig"], **(asked.get("scalingConfig") or {})}
    if scaling["minSize"] > scaling["desiredSize"]:
        least, desired = scaling["minSize"], scaling["desiredSize"]
        raise refused(f"Minimum capacity {least} can't be greater than desired size {desired}")
    _check_new_sizes(scaling)
    labels, taints = asked.get("labels") or {}, asked.get("taints") or {}
    kept = {key: value for key, value in group["labels"].items() if key not in labels.get("removeLabels", [])}
    gone = {_taint(one) for one in (*taints.get("removeTaints", []), *taints.get("addOrUpdateTaints", []))}
    others = [one for one in group.get("taints", []) if _taint(one) not in gone]
    group |= {
        "scalingConfig": scaling,
        "labels": {**kept, **labels.get("addOrUpdateLabels", {})},
        "taints": [*others, *taints.get("addOrUpdateTaints", [])],
        "modifiedAt": utcnow(),
    }
    group |= {key: asked[key] for key in ("updateConfig", "nodeRepairConfig", "warmPoolConfig") if asked.get(key)}
    sizes = asked.get("scalingConfig") or {}
    return cluster.updated(
        "ConfigUpdate",
        MinSize=sizes.get("minSize"),
        MaxSize=sizes.get("maxSize"),
        DesiredSize=sizes.get("desiredSize"),
        LabelsToAdd=labels.get("addOrUpdateLabels"),
        LabelsToRemove=labels.get("removeLabels"),
        TaintsToAdd=taints.get("addOrUpdateTaints"),
        TaintsToRemove=taints.get("removeTaints"),
    )


def _taint(taint: Document) -> tuple[str, str]:
    return taint["key"], taint["effect"]


def update_nodegroup_version(backend: Any, asked: Document) -> Document:
    """UpdateNodegroupVersion: up to the cluster's version, and another version of the same launch template."""
    cluster = existing(backend, asked)
    group = _group(cluster, asked)
    wanted = asked.get("version") or (group["version"] if asked.get("releaseVersion") else cluster.version)
    if wanted not in VERSIONS or minor(wanted) > minor(cluster.version):
        raise refused(f"Nodegroup Kubernetes version {wanted} is newer than the cluster's, {cluster.version}")
    if minor(wanted) < minor(group["version"]):
        raise InvalidRequestException(
            clusterName=cluster.name,
            nodegroupName=group["nodegroupName"],
            message=f"Nodegroup can't be rolled back from {group['version']} to {wanted}",
        )
    _check_machines(wanted, group["amiType"], [])
    template = asked.get("launchTemplate")
    if template:
        found, version = _found(backend, template)
        if "launchTemplate" not in group or group["launchTemplate"]["id"] != found.id:
            raise refused("Launch template must be the one that the node group was created with")
        group["launchTemplate"] = {"id": found.id, "name": found.name, "version": str(version.number)}
    group |= {
        "version": wanted,
        "releaseVersion": asked.get("releaseVersion") or _release(wanted),
        "modifiedAt": utcnow(),
    }
    return cluster.updated(
        "VersionUpdate",
        Version=wanted,
        ReleaseVersion=group["releaseVersion"],
        LaunchTemplateVersion=group.get("launchTemplate", {}).get("version"),
    )
