"""EKS: add-ons in versions that EKS offers, and the pod identities that come with them."""

from __future__ import annotations

import uuid
from typing import Any

import yaml
from moto.core.utils import utcnow
from moto.eks.exceptions import ResourceInUseException

from modelyard_sandbox.moto_extensions.eks_access import check_role, new_association, pick
from modelyard_sandbox.moto_extensions.eks_catalogue import ADDONS
from modelyard_sandbox.moto_extensions.eks_shared import Cluster, Document, arn, existing, refused


def _addon(cluster: Cluster, asked: Document) -> Document:
    return pick(cluster.addons, asked["addonName"], f"No addon: {asked['addonName']} found in cluster: {cluster.name}")


def create_addon(backend: Any, asked: Document) -> Document:
    """CreateAddon: one that EKS offers, in a version that it offers for the cluster's."""
    cluster, name = existing(backend, asked), asked["addonName"]
    if name in cluster.addons:
        raise ResourceInUseException(clusterName=cluster.name, addonName=name, message="Addon already exists.")
    version = _version(cluster, name, asked.get("addonVersion"))
    _check_values(asked.get("configurationValues"))
    made: Document = {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": arn(backend, "addon", cluster.name, name, str(uuid.uuid4())),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "tags": asked.get("tags") or {},
        "owner": "aws",
        "publisher": "eks",
        "namespaceConfig": asked.get("namespaceConfig") or {"namespace": ADDONS[name].namespace},
    }
    made |= {key: asked[key] for key in ("serviceAccountRoleArn", "configurationValues") if asked.get(key)}
    made["podIdentityAssociations"] = _associate(backend, cluster, made, asked.get("podIdentityAssociations") or [])
    cluster.addons[name] = made
    return {"addon": made}


def _version(cluster: Cluster, name: str, wanted: str | None) -> str:
    if name not in ADDONS:
        raise refused("Addon specified is not supported", clusterName=cluster.name, addonName=name)
    offered = ADDONS[name].versions.get(cluster.version, ())
    if not offered:
        told = f"Addon {name} specified is not supported in {cluster.version} kubernetes version"
        raise refused(told, clusterName=cluster.name, addonName=name)
    if wanted and wanted not in offered:
        raise refused("Addon version specified is not supported", clusterName=cluster.name, addonName=name)
    return wanted or offered[0]


def _check_values(values: str | None) -> None:
    try:
        read = yaml.safe_load(values or "{}")
    except yaml.YAMLError:
        read = None
    if not isinstance(read, dict):
        raise refused("ConfigurationValue provided in request is not valid JSON or YAML")


def _associate(backend: Any, cluster: Cluster, addon: Document, wanted: list[Document]) -> list[str]:
    """An add-on's own pod identities, by service account; their ARNs."""
    accounts = ADDONS[addon["addonName"]].accounts
    for entry in wanted:
        if not accounts:
            raise refused(f"Pod Identity feature is not supported for addon version: {addon['addonVersion']}")
        if entry["serviceAccount"] not in accounts:
            raise refused(
                f"Service account {entry['serviceAccount']} in pod identity configuration is not supported for addon "
                f"{addon['addonName']}"
            )
        check_role(backend, entry["roleArn"])
    for id in [id for id, made in cluster.associations.items() if made.get("ownerArn") == addon["addonArn"]]:
        del cluster.associations[id]
    return [
        new_association(
            backend,
            cluster,
            {**entry, "namespace": addon["namespaceConfig"]["namespace"], "ownerArn": addon["addonArn"]},
        )["associationArn"]
        for entry in wanted
    ]


def describe_addon(backend: Any, asked: Document) -> Document:
    """DescribeAddon."""
    return {"addon": _addon(existing(backend, asked), asked)}


def list_addons(backend: Any, asked: Document) -> Document:
    """ListAddons."""
    return {"addons": sorted(existing(backend, asked).addons)}


def update_addon(backend: Any, asked: Document) -> Document:
    """UpdateAddon: what the request doesn't speak of stays."""
    cluster = existing(backend, asked)
    addon = _addon(cluster, asked)
    wanted = asked.get("addonVersion")
    if wanted:
        addon["addonVersion"] = _version(cluster, addon["addonName"], wanted)
    _check_values(asked.get("configurationValues"))
    if "podIdentityAssociations" in asked:
        addon["podIdentityAssociations"] = _associate(backend, cluster, addon, asked["podIdentityAssociations"])
    addon |= {key: asked[key] for key in ("serviceAccountRoleArn", "configurationValues") if key in asked}
    addon["modifiedAt"] = utcnow()
    return cluster.updated("AddonUpdate", AddonVersion=wanted, ConfigurationValues=asked.get("configurationValues"))


def delete_addon(backend: Any, asked: Document) -> Document:
    """DeleteAddon: its pod identities go with it."""
    cluster = existing(backend, asked)
    addon = _addon(cluster, asked)
    for id in [id for id, made in cluster.associations.items() if made.get("ownerArn") == addon["addonArn"]]:
        del cluster.associations[id]
    del cluster.addons[addon["addonName"]]
    return {"addon": {**addon, "status": "DELETING"}}


def describe_addon_versions(_: Any, asked: Document) -> Document:
    """DescribeAddonVersions, of one add-on or all, for one version of Kubernetes or all."""
    only, of = asked.get("addonName"), asked.get("kubernetesVersion")
    if only and only not in ADDONS:
        raise refused("Addon specified is not supported", addonName=only)
    shown = []
    for name, addon in ADDONS.items():
        if only not in (None, name):
            continue
        fitting: dict[str, list[str]] = {}
        for cluster_version, offered in addon.versions.items():
            for version in offered if of in (None, cluster_version) else ():
                fitting.setdefault(version, []).append(cluster_version)
        versions = [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "compatibilities": [
                    {
                        "clusterVersion": known,
                        "platformVersions": ["*"],
                        "defaultVersion": addon.versions[known][0] == version,
                    }
                    for known in reversed(known_by)
                ],
                "requiresConfiguration": False,
                "requiresIamPermissions": bool(addon.accounts),
            }
            for version, known_by in fitting.items()
        ]
        if versions:
            shown.append(
                {
                    "addonName": name,
                    "type": addon.kind,
                    "addonVersions": versions,
                    "owner": "aws",
                    "publisher": "eks",
                    "defaultNamespace": addon.namespace,
                }
            )
    return {"addons": shown}
