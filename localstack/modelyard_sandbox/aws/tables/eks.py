"""EKS: clusters, managed node groups and add-ons. Source: the EKS API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import ANYTHING, Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

TAGS: Final = Tags(
    "list_tags_for_resource",
    "tag_resource",
    "untag_resource",
    {"resourceArn": "arn"},
    shape="map",
    at="tags",
    keys="tagKeys",
    on_create="tags",
)
_LOGS: Final = "enabledClusterLogTypes"
_AUTO: Final = ("computeConfig", "kubernetesNetworkConfig", "storageConfig")
_SAME_NAME: Final = (
    "name",
    "version",
    "roleArn",
    "kubernetesNetworkConfig",
    "encryptionConfig",
    "accessConfig",
    "bootstrapSelfManagedAddons",
    "upgradePolicy",
    "zonalShiftConfig",
    "remoteNetworkConfig",
    "computeConfig",
    "storageConfig",
    "deletionProtection",
    "controlPlaneScalingConfig",
    "kubeApiServerConfig",
    "kubeSchedulerConfig",
    "kubeControllerManagerConfig",
    "arn",
    "certificateAuthority",
    "createdAt",
    "endpoint",
    "platformVersion",
    "status",
)
_CLUSTER_FIELDS: Final = {name: name for name in _SAME_NAME} | {"vpcConfig": "resourcesVpcConfig"}
_REMOTE: Final = ("remoteNodeNetworks", "remotePodNetworks")


def _logging(live: Live) -> dict[str, Any]:
    """Logs that are wanted on, all others off."""
    types = list(live.client().meta.service_model.shape_for("LogType").enum)
    on = [kind for kind in types if kind in (live.inputs.get(_LOGS) or [])]
    entries = ((on, True), ([kind for kind in types if kind not in on], False))
    return {"clusterLogging": [{"types": kinds, "enabled": enabled} for kinds, enabled in entries if kinds]}


def _read_cluster(live: Live) -> dict[str, Any]:
    found = live.call("describe_cluster", name=live.id)["cluster"]
    shape = live.client().meta.service_model.shape_for("Cluster")
    shown = {member: value for member, value in found.items() if member in _CLUSTER_FIELDS.values()}
    read = convert.from_aws(shown, shape, _CLUSTER_FIELDS)
    issuer = found["identity"]["oidc"]["issuer"]
    logs = [kind for entry in found["logging"]["clusterLogging"] if entry["enabled"] for kind in entry["types"]]
    given = live.get("accessConfig") or {}
    read["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = given.get(
        "bootstrapClusterCreatorAdminPermissions", True
    )
    if not read["vpcConfig"]["securityGroupIds"]:
        del read["vpcConfig"]["securityGroupIds"]
    remote = read.get("remoteNetworkConfig")
    if remote:
        read["remoteNetworkConfig"] = {part: remote[part][0] for part in _REMOTE if remote.get(part)}
    return {
        **read,
        "bootstrapSelfManagedAddons": live.get("bootstrapSelfManagedAddons"),
        "encryptionConfig": next(iter(read["encryptionConfig"]), None),
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        _LOGS: logs or None,
    }


def _update_network(live: Live) -> None:
    """Ways to the API, subnets and groups: one call each, as EKS wants it."""
    old, new = live.old.get("vpcConfig") or {}, live.inputs["vpcConfig"]
    doors = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
    assumed = {"endpointPrivateAccess": False, "endpointPublicAccess": True}
    for parts in (doors, ("subnetIds",), ("securityGroupIds",), ("controlPlaneEgressMode",)):
        before = {part: old.get(part, assumed.get(part)) for part in parts}
        after = {part: new.get(part, assumed.get(part)) for part in parts}
        if before != after:
            sent = {part: value for part, value in after.items() if value is not None}
            live.call("update_cluster_config", name=live.id, resourcesVpcConfig=sent or {parts[0]: []})


def _fixed(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Encryption goes with the cluster alone, and so do a way out that was the customer's and the nodes' own role."""
    ways = [(values.get("vpcConfig") or {}).get("controlPlaneEgressMode") for values in (old, new)]
    roles = [(values.get("computeConfig") or {}).get("nodeRoleArn") for values in (old, new)]
    return (
        *(["encryptionConfig"] if old.get("encryptionConfig") and not new.get("encryptionConfig") else []),
        *(["vpcConfig"] if ways == ["CUSTOMER_ROUTED", "AWS_MANAGED"] else []),
        *(["computeConfig"] if all(roles) and roles[0] != roles[1] else []),
    )


def _changed(*props: str) -> Call:
    """One call of UpdateClusterConfig, which takes one kind of change."""
    return Call("update_cluster_config", {"name": "id", **{prop: prop for prop in props}}, fill=False, on=props)


_ACCESS: Final = {"authenticationMode": lambda live: (live.inputs.get("accessConfig") or {}).get("authenticationMode")}
CLUSTER = Type(
    "aws:eks/cluster:Cluster",
    "eks",
    fields=_CLUSTER_FIELDS,
    id="name",
    name=Name("name", limit=100),
    defaults={"bootstrapSelfManagedAddons": True},
    assumed={
        "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
        "vpcConfig.endpointPrivateAccess": False,
        "vpcConfig.endpointPublicAccess": True,
    }
    | {
        f"vpcConfig.{part}": ANYTHING
        for part in ("clusterSecurityGroupId", "controlPlaneEgressMode", "publicAccessCidrs", "vpcId")
    },
    computed=("arn", "certificateAuthority", "clusterId", "createdAt", "endpoint", "identities", "platformVersion")
    + ("status",),
    volatile=("platformVersion", "status"),
    create=Call("create_cluster", {"logging": _logging}),
    read=_read_cluster,
    update=(
        Call("update_cluster_version", {"name": "id", "version": "version"}, fill=False, on=("version",)),
        Call("update_cluster_config", {"name": "id", "accessConfig": _ACCESS}, fill=False, on=("accessConfig",)),
        Call("update_cluster_config", {"name": "id", **{prop: prop for prop in _AUTO}}, fill=False, on=_AUTO),
        Call(
            "associate_encryption_config",
            {"clusterName": "id", "encryptionConfig": "encryptionConfig"},
            fill=False,
            on=("encryptionConfig",),
        ),
        Call("update_cluster_config", {"name": "id", "logging": _logging}, fill=False, on=(_LOGS,)),
        _changed("upgradePolicy"),
        Step(_update_network, on=("vpcConfig",)),
        _changed("zonalShiftConfig"),
        _changed("deletionProtection"),
        _changed("controlPlaneScalingConfig"),
        _changed("kubeApiServerConfig"),
        _changed("kubeSchedulerConfig"),
        _changed("kubeControllerManagerConfig"),
    ),
    delete=Call("delete_cluster", {"name": "id"}, fill=False),
    replace=(
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "remoteNetworkConfig",
        "roleArn",
    ),
    fixed=_fixed,
    inert=("defaultAddonsToRemoves", "forceUpdateVersion"),
    single=("encryptionConfig",),
    sets=(_LOGS,),
    kept=(*_AUTO, "accessConfig", "controlPlaneScalingConfig", "deletionProtection", "kubeApiServerConfig")
    + ("kubeControllerManagerConfig", "kubeSchedulerConfig", "upgradePolicy", "version"),
    tags=TAGS,
)

_GROUP_FIELDS: Final = {
    "nodeGroupName": "nodegroupName",
    "clusterName": "clusterName",
    "nodeRoleArn": "nodeRole",
    "subnetIds": "subnets",
    "amiType": "amiType",
    "capacityType": "capacityType",
    "diskSize": "diskSize",
    "instanceTypes": "instanceTypes",
    "labels": "labels",
    "launchTemplate": "launchTemplate",
    "nodeRepairConfig": "nodeRepairConfig",
    "releaseVersion": "releaseVersion",
    "remoteAccess": "remoteAccess",
    "remoteAccess.sourceSecurityGroupIds": "sourceSecurityGroups",
    "scalingConfig": "scalingConfig",
    "taints": "taints",
    "updateConfig": "updateConfig",
    "version": "version",
    "warmPoolConfig": "warmPoolConfig",
    "arn": "nodegroupArn",
    "status": "status",
}


def parts(id: str) -> tuple[str, str]:
    """The cluster, and what is in it, of an id such as `cluster:name`."""
    cluster, _, name = id.partition(":")
    return cluster, name


def _read_group(live: Live) -> dict[str, Any]:
    cluster, name = parts(live.id)
    found = live.call("describe_nodegroup", clusterName=cluster, nodegroupName=name)["nodegroup"]
    shape = live.client().meta.service_model.shape_for("Nodegroup")
    shown = {member: value for member, value in found.items() if member in _GROUP_FIELDS.values()}
    read = convert.from_aws(shown, shape, _GROUP_FIELDS)
    resources = {
        "autoscalingGroups": found["resources"]["autoScalingGroups"],
        "remoteAccessSecurityGroupId": found["resources"].get("remoteAccessSecurityGroup", ""),
    }
    return {**read, "resources": [resources]}


_VERSIONED: Final = ("launchTemplate", "releaseVersion", "version")


def _update_group_version(live: Live) -> None:
    """A launch template goes by its id, or by its name: EKS takes one of them."""
    cluster, name = parts(live.id)
    template = live.inputs.get("launchTemplate")
    if template:
        named = "id" if template.get("id") else "name"
        template = {named: template[named], "version": template["version"]}
    live.call(
        "update_nodegroup_version",
        clusterName=cluster,
        nodegroupName=name,
        force=bool(live.get("forceUpdateVersion")),
        launchTemplate=template,
        **{prop: live.inputs.get(prop) for prop in ("releaseVersion", "version") if prop in live.changed},
    )


def _update_group(live: Live) -> None:
    cluster, name = parts(live.id)
    shape = live.client().meta.service_model.operation_model("UpdateNodegroupConfig").input_shape
    plain = ("nodeRepairConfig", "scalingConfig", "updateConfig", "warmPoolConfig")
    wanted = {prop: live.inputs.get(prop) for prop in plain if prop in live.changed}
    labels, taints = _labels(live), _taints(live)
    sent = convert.to_aws({prop: value for prop, value in wanted.items() if value}, shape, _GROUP_FIELDS)
    live.call("update_nodegroup_config", clusterName=cluster, nodegroupName=name, labels=labels, taints=taints, **sent)


def _labels(live: Live) -> dict[str, Any] | None:
    old, new = live.old.get("labels") or {}, live.inputs.get("labels") or {}
    added = {key: value for key, value in new.items() if old.get(key) != value}
    removed = sorted(set(old) - set(new))
    told = {"addOrUpdateLabels": added, "removeLabels": removed}
    return {key: value for key, value in told.items() if value} or None


def _taints(live: Live) -> dict[str, Any] | None:
    old, new = live.old.get("taints") or [], live.inputs.get("taints") or []
    marks = {(taint["key"], taint["effect"]) for taint in new}
    removed = [taint for taint in old if (taint["key"], taint["effect"]) not in marks]
    told = {"addOrUpdateTaints": [taint for taint in new if taint not in old], "removeTaints": removed}
    return {key: value for key, value in told.items() if value} or None


NODE_GROUP = Type(
    "aws:eks/nodeGroup:NodeGroup",
    "eks",
    fields=_GROUP_FIELDS,
    id=lambda live: f"{live.inputs['clusterName']}:{live.inputs['nodeGroupName']}",
    from_id=lambda id: dict(zip(("clusterName", "nodeGroupName"), parts(id), strict=True)),
    name=Name("nodeGroupName", limit=63, prefix="nodeGroupNamePrefix"),
    computed=("arn", "resources", "status"),
    volatile=("releaseVersion",),
    create=Call("create_nodegroup"),
    read=_read_group,
    update=(
        Step(_update_group_version, on=_VERSIONED),
        Step(
            _update_group,
            on=("labels", "nodeRepairConfig", "scalingConfig", "taints", "updateConfig", "warmPoolConfig"),
        ),
    ),
    delete=Call("delete_nodegroup", {"clusterName": "clusterName", "nodegroupName": "nodeGroupName"}, fill=False),
    replace=("launchTemplate.id", "launchTemplate.name"),
    inert=("forceUpdateVersion",),
    sets=("subnetIds", "taints"),
    kept=("amiType", "capacityType", "diskSize", "instanceTypes", "nodeRepairConfig", "releaseVersion")
    + ("updateConfig", "version"),
    tags=TAGS,
)

_ADDON_FIELDS: Final = {
    "addonName": "addonName",
    "addonVersion": "addonVersion",
    "clusterName": "clusterName",
    "configurationValues": "configurationValues",
    "namespaceConfig": "namespaceConfig",
    "podIdentityAssociations": "podIdentityAssociations",
    "resolveConflictsOnCreate": "resolveConflicts",
    "serviceAccountRoleArn": "serviceAccountRoleArn",
    "arn": "addonArn",
    "createdAt": "createdAt",
    "modifiedAt": "modifiedAt",
}
_OF_ADDON: Final = ("addonVersion", "configurationValues", "podIdentityAssociations", "serviceAccountRoleArn")


def _read_addon(live: Live) -> dict[str, Any]:
    cluster, name = parts(live.id)
    found = live.call("describe_addon", clusterName=cluster, addonName=name)["addon"]
    shape = live.client().meta.service_model.shape_for("Addon")
    shown = {member: value for member, value in found.items() if member in _ADDON_FIELDS.values()}
    associations = [
        live.call("describe_pod_identity_association", clusterName=cluster, associationId=arn.rpartition("/")[2])
        for arn in shown.pop("podIdentityAssociations", [])
    ]
    made = [
        {"roleArn": one["association"]["roleArn"], "serviceAccount": one["association"]["serviceAccount"]}
        for one in associations
    ]
    return {**convert.from_aws(shown, shape, _ADDON_FIELDS), "podIdentityAssociations": made or None}


def _update_addon(live: Live) -> None:
    """What changed, and the role of the service account, which would go if it weren't said again."""
    cluster, name = parts(live.id)
    sent = {prop: live.inputs.get(prop) for prop in _OF_ADDON if prop in live.changed}
    if "podIdentityAssociations" in sent:
        sent["podIdentityAssociations"] = sent["podIdentityAssociations"] or []
    role = live.inputs.get("serviceAccountRoleArn") or ("" if "serviceAccountRoleArn" in live.changed else None)
    live.call(
        "update_addon",
        **{**sent, "serviceAccountRoleArn": role},
        clusterName=cluster,
        addonName=name,
        resolveConflicts=live.inputs.get("resolveConflictsOnUpdate"),
    )


ADDON = Type(
    "aws:eks/addon:Addon",
    "eks",
    fields=_ADDON_FIELDS,
    id=lambda live: f"{live.inputs['clusterName']}:{live.inputs['addonName']}",
    from_id=lambda id: dict(zip(("clusterName", "addonName"), parts(id), strict=True)),
    computed=("arn", "createdAt", "modifiedAt"),
    volatile=("modifiedAt",),
    create=Call("create_addon"),
    read=_read_addon,
    update=Step(_update_addon, on=_OF_ADDON),
    delete=Call(
        "delete_addon", {"clusterName": "clusterName", "addonName": "addonName", "preserve": "preserve"}, fill=False
    ),
    replace=("addonName", "clusterName", "namespaceConfig"),
    inert=("preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"),
    sets=("podIdentityAssociations",),
    kept=("addonVersion", "configurationValues", "namespaceConfig"),
    tags=TAGS,
)

TYPES = (CLUSTER, NODE_GROUP, ADDON)
