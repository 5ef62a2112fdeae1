"""EKS: who may do what in a cluster: access entries, pod identities, identity providers."""

from __future__ import annotations

import secrets
import uuid
from typing import Any, Final

from moto.core.utils import utcnow
from moto.eks.exceptions import InvalidRequestException, ResourceInUseException

from modelyard_sandbox.moto_extensions.eks_catalogue import POLICIES
from modelyard_sandbox.moto_extensions.eks_shared import (
    Cluster,
    Document,
    arn,
    existing,
    missing,
    principal,
    refused,
    trusts,
)

_KINDS: Final = ("STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX")
_RESERVED: Final = ("system:", "eks:", "aws:", "amazon:", "iam:")
_PODS: Final = "pods.eks.amazonaws.com"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


def pick(place: dict[str, Document], name: str, told: str) -> Document:
    """One of a cluster's things by its name; `told` is the refusal where it lacks."""
    if name not in place:
        raise missing(told)
    return place[name]


def _api(cluster: Cluster) -> None:
    if cluster.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        modes = "[API, API_AND_CONFIG_MAP] to perform this operation."
        told = f"The cluster's authentication mode must be set to one of {modes}"
        raise InvalidRequestException(clusterName=cluster.name, message=told)


def _entry(cluster: Cluster, asked: Document) -> Document:
    _api(cluster)
    return pick(cluster.entries, asked["principalArn"], "The specified principalArn could not be found")


def create_access_entry(backend: Any, asked: Document) -> Document:
    """CreateAccessEntry: one for a principal, who must exist."""
    cluster, name, kind = existing(backend, asked), asked["principalArn"], asked.get("type") or "STANDARD"
    _api(cluster)
    found = principal(backend, name)
    if f"::{backend.account_id}:" in name and found is None:
        raise refused("The specified principalArn is invalid: invalid principal.", clusterName=cluster.name)
    if kind not in _KINDS:
        raise refused(f"The type parameter {kind} is not valid", clusterName=cluster.name)
    if kind != "STANDARD" and ":role/" not in name:
        raise refused(f"The specified principalArn is invalid: an entry of type {kind} is for a role")
    if kind != "STANDARD" and (asked.get("kubernetesGroups") or asked.get("username")):
        raise refused(f"An access entry of type {kind} takes no kubernetesGroups and no username")
    if name in cluster.entries:
        told = "The specified access entry resource is already in use on this cluster."
        raise ResourceInUseException(clusterName=cluster.name, message=told)
    _check_groups(asked.get("kubernetesGroups") or [])
    return {"accessEntry": _new_entry(backend, cluster, {**asked, "type": kind})}


def _check_groups(groups: list[str]) -> None:
    for group in groups:
        start = next((start for start in _RESERVED if group.startswith(start)), None)
        if start:
            raise refused(f"The kubernetes group name {group} is invalid, it cannot start with {start}")


def _new_entry(backend: Any, cluster: Cluster, asked: Document) -> Document:
    name, now = asked["principalArn"], utcnow()
    account, kind = name.split(":")[4], "role" if ":role/" in name else "user"
    short = name.rpartition("/")[2]
    of_role = f"arn:{name.split(':')[1]}:sts::{account}:assumed-role/{short}/{{{{SessionName}}}}"
    made = {
        "clusterName": cluster.name,
        "principalArn": name,
        "kubernetesGroups": asked.get("kubernetesGroups") or [],
        "accessEntryArn": arn(backend, "access-entry", cluster.name, kind, account, short, str(uuid.uuid4())),
        "createdAt": now,
        "modifiedAt": now,
        "tags": asked.get("tags") or {},
        "username": asked.get("username") or (of_role if kind == "role" else name),
        "type": asked["type"],
    }
    cluster.entries[name] = made
    return made


def admit_nodes(backend: Any, cluster: Cluster, role: str, *, windows: bool) -> None:
    """The entry that EKS makes for the role of managed nodes, unless there is one."""
    if cluster.document["accessConfig"]["authenticationMode"] != "CONFIG_MAP" and role not in cluster.entries:
        kind, user = "EC2_WINDOWS" if windows else "EC2_LINUX", "system:node:{{EC2PrivateDNSName}}"
        groups = ["system:nodes", *(["eks:kube-proxy-windows"] if windows else [])]
        _new_entry(backend, cluster, {"principalArn": role, "type": kind, "username": user, "kubernetesGroups": groups})


def describe_access_entry(backend: Any, asked: Document) -> Document:
    """DescribeAccessEntry."""
    return {"accessEntry": _entry(existing(backend, asked), asked)}


def list_access_entries(backend: Any, asked: Document) -> Document:
    """ListAccessEntries."""
    cluster = existing(backend, asked)
    _api(cluster)
    return {"accessEntries": sorted(cluster.entries)}


def update_access_entry(backend: Any, asked: Document) -> Document:
    """UpdateAccessEntry: groups and name of a person's or a program's."""
    entry = _entry(existing(backend, asked), asked)
    _check_groups(asked.get("kubernetesGroups") or [])
    entry |= {key: asked[key] for key in ("kubernetesGroups", "username") if asked.get(key) is not None}
    entry["modifiedAt"] = utcnow()
    return {"accessEntry": entry}


def delete_access_entry(backend: Any, asked: Document) -> Document:
    """DeleteAccessEntry: its policies go with it."""
    cluster = existing(backend, asked)
    entry = _entry(cluster, asked)
    del cluster.entries[entry["principalArn"]]
    cluster.policies.pop(entry["principalArn"], None)
    return {}


def associate_access_policy(backend: Any, asked: Document) -> Document:
    """AssociateAccessPolicy: a policy that EKS keeps; again, it changes the scope."""
    cluster = existing(backend, asked)
    entry, policy, scope = _entry(cluster, asked), asked["policyArn"], asked["accessScope"]
    if entry["type"] != "STANDARD":
        told = f"An access entry of type {entry['type']} takes no access policies"
        raise InvalidRequestException(clusterName=cluster.name, message=told)
    if not policy.endswith(tuple(f":eks::aws:cluster-access-policy/{name}" for name in POLICIES)):
        raise refused("The policyArn parameter is not valid: EKS has no such access policy", clusterName=cluster.name)
    if (scope["type"] == "namespace") != bool(scope.get("namespaces")):
        raise refused("Namespaces are given with the access scope namespace, and with no other")
    others = [one for one in cluster.policies.get(entry["principalArn"], []) if one["policyArn"] != policy]
    made = {"policyArn": policy, "accessScope": scope, "associatedAt": utcnow(), "modifiedAt": utcnow()}
    cluster.policies[entry["principalArn"]] = [*others, made]
    named = {"clusterName": cluster.name, "principalArn": entry["principalArn"]}
    return {**named, "associatedAccessPolicy": made}


def disassociate_access_policy(backend: Any, asked: Document) -> Document:
    """DisassociateAccessPolicy."""
    cluster = existing(backend, asked)
    entry, policy = _entry(cluster, asked), asked["policyArn"]
    held = cluster.policies.get(entry["principalArn"], [])
    if policy not in [one["policyArn"] for one in held]:
        raise missing("The specified policyArn could not be found", clusterName=cluster.name)
    cluster.policies[entry["principalArn"]] = [one for one in held if one["policyArn"] != policy]
    return {}


def list_associated_access_policies(backend: Any, asked: Document) -> Document:
    """ListAssociatedAccessPolicies."""
    cluster = existing(backend, asked)
    name = _entry(cluster, asked)["principalArn"]
    held = cluster.policies.get(name, [])
    return {"clusterName": cluster.name, "principalArn": name, "associatedAccessPolicies": held}


def list_access_policies(backend: Any, _: Document) -> Document:
    """ListAccessPolicies."""
    start = "arn:aws:eks::aws:cluster-access-policy"
    return {"accessPolicies": [{"name": name, "arn": f"{start}/{name}"} for name in POLICIES]}


def check_role(backend: Any, name: str) -> None:
    """A role that pods may assume."""
    role = principal(backend, name)
    if role is None:
        raise refused("Role provided in the request does not exist.")
    if not trusts(role, _PODS):
        raise refused("Trust policy of the role provided is invalid.")


def new_association(backend: Any, cluster: Cluster, asked: Document) -> Document:
    """A pod identity as it is asked for: one for a service account."""
    for known in cluster.associations.values():
        if all(known[key] == asked[key] for key in ("namespace", "serviceAccount")):
            told = f"Association already exists: {known['associationId']}"
            raise ResourceInUseException(clusterName=cluster.name, message=told)
    id = "a-" + "".join(secrets.choice(_LETTERS) for _ in range(17))
    made = {
        "clusterName": cluster.name,
        "namespace": asked["namespace"],
        "serviceAccount": asked["serviceAccount"],
        "roleArn": asked["roleArn"],
        "associationArn": arn(backend, "podidentityassociation", cluster.name, id),
        "associationId": id,
        "tags": asked.get("tags") or {},
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "disableSessionTags": bool(asked.get("disableSessionTags")),
    }
    made |= {key: asked[key] for key in ("ownerArn", "policy", "targetRoleArn") if asked.get(key)}
    _complete(backend, made)
    cluster.associations[id] = made
    return made


def _complete(backend: Any, association: Document) -> None:
    """What target role and policy bring with them."""
    if association.get("policy") and not association["disableSessionTags"]:
        raise refused("disableSessionTags must be true when a policy is specified")
    if association.get("targetRoleArn"):
        place = f"{backend.region_name}/{backend.account_id}/{association['clusterName']}"
        association.setdefault("externalId", f"{place}/{association['namespace']}/{association['serviceAccount']}")
    else:
        association.pop("externalId", None)


def create_pod_identity_association(backend: Any, asked: Document) -> Document:
    """CreatePodIdentityAssociation: one for a service account, whose role pods may assume."""
    cluster = existing(backend, asked)
    check_role(backend, asked["roleArn"])
    return {"association": new_association(backend, cluster, asked)}


def _association(cluster: Cluster, asked: Document) -> Document:
    id = asked["associationId"]
    return pick(cluster.associations, id, f"No association with id {id} found in cluster {cluster.name}.")


def describe_pod_identity_association(backend: Any, asked: Document) -> Document:
    """DescribePodIdentityAssociation."""
    return {"association": _association(existing(backend, asked), asked)}


def list_pod_identity_associations(backend: Any, asked: Document) -> Document:
    """ListPodIdentityAssociations, of one namespace or service account or all."""
    held = existing(backend, asked).associations.values()
    wanted = {key: asked[key] for key in ("namespace", "serviceAccount") if asked.get(key)}
    return {"associations": [one for one in held if all(one[key] == value for key, value in wanted.items())]}


def update_pod_identity_association(backend: Any, asked: Document) -> Document:
    """UpdatePodIdentityAssociation: its roles, its policy, and whether sessions are tagged."""
    association = _association(existing(backend, asked), asked)
    if asked.get("roleArn"):
        check_role(backend, asked["roleArn"])
    members = ("roleArn", "targetRoleArn", "disableSessionTags", "policy")
    new = {**association, **{key: asked[key] for key in members if key in asked}, "modifiedAt": utcnow()}
    _complete(backend, new)
    association.clear()
    association |= new
    return {"association": association}


def delete_pod_identity_association(backend: Any, asked: Document) -> Document:
    """DeletePodIdentityAssociation: not an add-on's own."""
    cluster = existing(backend, asked)
    association = _association(cluster, asked)
    if association.get("ownerArn"):
        told = f"Association {association['associationId']} is owned by {association['ownerArn']}"
        raise InvalidRequestException(clusterName=cluster.name, message=told)
    del cluster.associations[association["associationId"]]
    return {"association": association}


def associate_identity_provider_config(backend: Any, asked: Document) -> Document:
    """AssociateIdentityProviderConfig: one for a cluster."""
    cluster, given = existing(backend, asked), asked["oidc"]
    if cluster.providers:
        told = "A cluster has one identity provider config at most"
        raise InvalidRequestException(clusterName=cluster.name, message=told)
    if not given["issuerUrl"].startswith("https://"):
        raise refused("issuerUrl must begin with https://", clusterName=cluster.name)
    name = given["identityProviderConfigName"]
    cluster.providers[name] = {
        "usernameClaim": "sub",
        **given,
        "identityProviderConfigArn": arn(
            backend, "identityproviderconfig", cluster.name, "oidc", name, str(uuid.uuid4())
        ),
        "clusterName": cluster.name,
        "tags": asked.get("tags") or {},
        "status": "ACTIVE",
    }
    made = cluster.updated("AssociateIdentityProviderConfig", IdentityProviderConfig=[{"type": "oidc", "name": name}])
    return {**made, "tags": asked.get("tags") or {}}


def _provider(cluster: Cluster, asked: Document) -> Document:
    name = asked["identityProviderConfig"]["name"]
    return pick(cluster.providers, name, f"Identity provider config {name} is not found in cluster {cluster.name}")


def describe_identity_provider_config(backend: Any, asked: Document) -> Document:
    """DescribeIdentityProviderConfig."""
    return {"identityProviderConfig": {"oidc": _provider(existing(backend, asked), asked)}}


def list_identity_provider_configs(backend: Any, asked: Document) -> Document:
    """ListIdentityProviderConfigs."""
    return {"identityProviderConfigs": [{"type": "oidc", "name": name} for name in existing(backend, asked).providers]}


def disassociate_identity_provider_config(backend: Any, asked: Document) -> Document:
    """DisassociateIdentityProviderConfig."""
    cluster = existing(backend, asked)
    name = _provider(cluster, asked)["identityProviderConfigName"]
    del cluster.providers[name]
    gone = [{"type": "oidc", "name": name}]
    return cluster.updated("DisassociateIdentityProviderConfig", IdentityProviderConfig=gone)
