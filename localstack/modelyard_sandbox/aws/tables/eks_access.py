"""EKS: access entries and their policies, pod identities, identity providers. Source: the EKS API reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Type
from modelyard_sandbox.aws.tables.eks import TAGS, parts

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_OF_ENTRY: Final = {"clusterName": "clusterName", "principalArn": "principalArn"}
ENTRY = Type(
    "aws:eks/accessEntry:AccessEntry",
    "eks",
    fields=_OF_ENTRY
    | {
        "kubernetesGroups": "kubernetesGroups",
        "type": "type",
        "userName": "username",
        "accessEntryArn": "accessEntryArn",
        "createdAt": "createdAt",
        "modifiedAt": "modifiedAt",
    },
    id=lambda live: f"{live.inputs['clusterName']}:{live.inputs['principalArn']}",
    from_id=lambda id: dict(zip(_OF_ENTRY, parts(id), strict=True)),
    defaults={"type": "STANDARD"},
    computed=("accessEntryArn", "createdAt", "modifiedAt"),
    volatile=("modifiedAt",),
    create=Call("create_access_entry"),
    read=Call("describe_access_entry", _OF_ENTRY, take="accessEntry", fill=False),
    update=Call(
        "update_access_entry",
        {**_OF_ENTRY, "kubernetesGroups": "kubernetesGroups", "username": "userName"},
        fill=False,
        on=("kubernetesGroups", "userName"),
    ),
    delete=Call("delete_access_entry", _OF_ENTRY, fill=False),
    replace=("clusterName", "principalArn", "type"),
    sets=("kubernetesGroups",),
    kept=("kubernetesGroups", "userName"),
    tags=replace(TAGS, target={"resourceArn": "accessEntryArn"}),
)

_OF_POLICY: Final = (*_OF_ENTRY, "policyArn")


def _read_policy(live: Live) -> dict[str, Any] | None:
    cluster, principal, policy = live.id.split("#")
    held = live.call("list_associated_access_policies", clusterName=cluster, principalArn=principal)
    found = next((one for one in held["associatedAccessPolicies"] if one["policyArn"] == policy), None)
    if found is None:
        return None
    shape = live.client().meta.service_model.shape_for("AssociatedAccessPolicy")
    return {"clusterName": cluster, "principalArn": principal, **convert.from_aws(found, shape)}


POLICY = Type(
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "eks",
    fields={name: name for name in (*_OF_POLICY, "accessScope")},
    id=lambda live: "#".join(live.inputs[name] for name in _OF_POLICY),
    from_id=lambda id: dict(zip(_OF_POLICY, id.split("#"), strict=True)),
    computed=("associatedAt", "modifiedAt"),
    create=Call("associate_access_policy"),
    read=_read_policy,
    delete=Call("disassociate_access_policy", {name: name for name in _OF_POLICY}, fill=False),
    replace=(*_OF_POLICY, "accessScope"),
)

_OF_ASSOCIATION: Final = ("disableSessionTags", "policy", "roleArn", "targetRoleArn")


def _read_association(live: Live) -> dict[str, Any]:
    """By the id of an import, too, which names the cluster before a comma."""
    cluster, _, id = live.id.rpartition(",")
    live.id = id
    found = live.call(
        "describe_pod_identity_association", clusterName=cluster or live.get("clusterName"), associationId=id
    )["association"]
    shape = live.client().meta.service_model.shape_for("PodIdentityAssociation")
    left_out = ("createdAt", "modifiedAt", "ownerArn", "tags")
    return convert.from_aws({key: value for key, value in found.items() if key not in left_out}, shape)


ASSOCIATION = Type(
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "eks",
    fields={name: name for name in ("clusterName", "namespace", "serviceAccount", *_OF_ASSOCIATION)},
    id=Answer("associationId"),
    from_id=lambda id: dict(zip(("clusterName", "associationId"), id.split(","), strict=True)),
    defaults={"disableSessionTags": False},
    computed=("associationArn", "associationId", "externalId"),
    volatile=("externalId",),
    create=Call("create_pod_identity_association", take="association"),
    read=_read_association,
    update=Call(
        "update_pod_identity_association",
        {"clusterName": "clusterName", "associationId": "id", **{name: name for name in _OF_ASSOCIATION}},
        fill=False,
        on=_OF_ASSOCIATION,
    ),
    delete=Call("delete_pod_identity_association", {"clusterName": "clusterName", "associationId": "id"}, fill=False),
    replace=("clusterName", "namespace", "serviceAccount"),
    json=("policy",),
    tags=replace(TAGS, target={"resourceArn": "associationArn"}),
)


def _config(live: Live) -> dict[str, str]:
    return {"type": "oidc", "name": parts(live.id)[1]}


def _read_provider(live: Live) -> dict[str, Any]:
    cluster = parts(live.id)[0]
    answer = live.call("describe_identity_provider_config", clusterName=cluster, identityProviderConfig=_config(live))
    found = answer["identityProviderConfig"]["oidc"]
    shape = live.client().meta.service_model.shape_for("OidcIdentityProviderConfig")
    apart = ("clusterName", "identityProviderConfigArn", "status", "tags")
    oidc = convert.from_aws({key: value for key, value in found.items() if key not in apart}, shape)
    return {
        "arn": found["identityProviderConfigArn"],
        "clusterName": cluster,
        "identityProviderConfigName": found["identityProviderConfigName"],
        "oidc": oidc,
        "status": found["status"],
    }


PROVIDER = Type(
    "aws:eks/identityProviderConfig:IdentityProviderConfig",
    "eks",
    fields={"clusterName": "clusterName", "oidc": "oidc"},
    id=lambda live: f"{live.inputs['clusterName']}:{live.inputs['oidc']['identityProviderConfigName']}",
    from_id=lambda id: {"clusterName": parts(id)[0]},
    assumed={"oidc.usernameClaim": "sub"},
    computed=("arn", "identityProviderConfigName", "status"),
    create=Call("associate_identity_provider_config"),
    read=_read_provider,
    delete=Call(
        "disassociate_identity_provider_config",
        {"clusterName": "clusterName", "identityProviderConfig": _config},
        fill=False,
    ),
    tags=TAGS,
)

TYPES = (ENTRY, POLICY, ASSOCIATION, PROVIDER)
