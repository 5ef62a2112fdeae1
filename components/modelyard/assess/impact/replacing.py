"""Which changes replace a resource: the table `replacing.json`, which tools/replacing.py writes from its sources."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE, Node

PROVIDER: Final = "pulumi:providers:"
_STEP: Final = re.compile(r"[.\[]")
_KUBERNETES: Final = "kubernetes:"
_NAMES_OF_KUBERNETES: Final = ("metadata.name", "metadata.namespace")
_FIXED_OF_KUBERNETES: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes:apps/v1:DaemonSet": ("spec.selector",),
    "kubernetes:apps/v1:Deployment": ("spec.selector",),
    "kubernetes:apps/v1:StatefulSet": (
        "spec.podManagementPolicy",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:batch/v1:Job": ("spec.completionMode", "spec.selector", "spec.template"),
    "kubernetes:core/v1:ConfigMap": ("binaryData", "data", "immutable"),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeMode",
        "spec.volumeName",
    ),
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:core/v1:ResourceQuota": ("spec.scopeSelector", "spec.scopes"),
    "kubernetes:core/v1:Secret": ("data", "immutable", "stringData", "type"),
    "kubernetes:core/v1:Service": ("spec.clusterIP", "spec.type"),
    "kubernetes:helm.sh/v3:Release": ("name", "namespace"),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ("roleRef",),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("roleRef",),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("value",),
    "kubernetes:storage.k8s.io/v1:StorageClass": (
        "allowedTopologies",
        "parameters",
        "provisioner",
        "reclaimPolicy",
        "volumeBindingMode",
    ),
}
"""What the API server takes at the creation alone, and what pulumi-kubernetes replaces an object for besides: contents
of secrets and config maps, so that pods see the new ones. Source: kubernetes.io/docs/reference/kubernetes-api."""
_FIXED_OF_CONTROL: Final = frozenset({"typeName", "roleArn", "typeVersionId"})


class Effect(StrEnum):
    """What a change of a property does to its resource; `MAY`: nobody here knows for certain."""

    UPDATES = "updates"
    MAY = "may replace"
    REPLACES = "replaces"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a type.

    `parts`: paths that replace although their property doesn't. `named`: the property that gets a name by itself where
    the program gives none. `identity`: properties that make two resources one to the cloud, so that the old one must go
    first. `sets`: in any order. `kept`: keep the cloud's own value while nobody sets them. `unseen`: in no state.
    `volatile`: computed, and changed by updates. `defaults`: what the provider assumes where the program says nothing.
    """

    replaces: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    named: str = ""
    sets: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    volatile: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    deletes_first: bool = False


NOTHING: Final = Known(updates=frozenset({"tags", "tagsAll"}))
"""What is known of a type that the table doesn't have."""


def known(kind: str) -> Known:
    """What the table says of a type of the provider."""
    return _table().get(kind, NOTHING)


def is_known(node: Node) -> bool:
    """Whether the table has the node's type."""
    return node.kind in (_controlled() if node.type == CLOUD_CONTROL_TYPE else _table())


def effect(node: Node, path: str) -> Effect:
    """What a change at `path` (`rules[0].days`; of a Cloud Control resource in its desired state) does to the node."""
    top = _STEP.split(path, maxsplit=1)[0]
    if path in _roots(node, "replaceOnChanges") or top in _roots(node, "replaceOnChanges"):
        return Effect.REPLACES
    if node.type == CLOUD_CONTROL_TYPE:
        return _effect_of_control(node, path, top)
    if node.type.startswith(PROVIDER):
        return Effect.MAY if top == "region" else Effect.UPDATES
    if node.type.startswith(_KUBERNETES):
        fixed = (*_NAMES_OF_KUBERNETES, *_FIXED_OF_KUBERNETES.get(node.type, ()))
        return Effect.REPLACES if any(_within(path, one) for one in fixed) else Effect.UPDATES
    table = known(node.type)
    if top in table.replaces or any(_within(path, part) for part in table.parts):
        return Effect.REPLACES
    if any(part.startswith(f"{path}.") for part in table.parts):
        return Effect.MAY
    return Effect.UPDATES if top in table.updates else Effect.MAY


def _within(path: str, part: str) -> bool:
    return path == part or path.startswith((f"{part}.", f"{part}["))


def _effect_of_control(node: Node, path: str, top: str) -> Effect:
    if top in _FIXED_OF_CONTROL and top in node.properties:
        return Effect.REPLACES
    fixed = _controlled().get(node.kind)
    if fixed is None:
        return Effect.MAY
    plain = re.sub(r"\[\d+\]", ".*", path).replace(".", "/")
    if any(plain == one or one.startswith(f"{plain}/") for one in fixed):
        return Effect.REPLACES
    return Effect.MAY if any(plain.startswith(f"{one}/") for one in fixed) else Effect.UPDATES


def fixed_by_cloudformation(kind: str) -> tuple[str, ...] | None:
    """The properties of a CloudFormation type that only its creation takes (`A/B`); None of an unknown type."""
    return _controlled().get(kind)


def _roots(node: Node, option: str) -> frozenset[str]:
    return frozenset(node.options.get(option, ()))


@cache
def _document() -> Mapping[str, Any]:
    return json.loads(files("modelyard.assess.impact").joinpath("replacing.json").read_text("utf-8"))


@cache
def _controlled() -> Mapping[str, tuple[str, ...]]:
    return {kind: tuple(paths) for kind, paths in _document()["cloudformation"].items()}


@cache
def _table() -> Mapping[str, Known]:
    return {
        kind: Known(
            replaces=frozenset(said.get("replaces", ())),
            updates=frozenset(said.get("updates", ())),
            parts=tuple(said.get("parts", ())),
            identity=tuple(said.get("identity", ())),
            named=said.get("named", ""),
            sets=frozenset(said.get("sets", ())),
            kept=frozenset(said.get("kept", ())),
            unseen=frozenset(said.get("unseen", ())),
            volatile=frozenset(said.get("volatile", ())),
            defaults=said.get("defaults", {}),
            deletes_first=said.get("deletesFirst", False),
        )
        for kind, said in _document()["types"].items()
    }
