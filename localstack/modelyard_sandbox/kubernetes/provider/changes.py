"""What differs between two versions of an object, and what of it can't be changed without a new one.

Source of the fields that replace: pulumi/pulumi-kubernetes, provider/pkg/provider/diff.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.kubernetes.provider.cluster import Cause, Object
from modelyard_sandbox.kubernetes.provider.objects import AUTONAMED, annotation, at, known, metadata
from modelyard_sandbox.plugins.answers import Difference, Kind, add_paths, within

IDENTITY: Final = ("metadata.name", "metadata.namespace")
_SELECTOR: Final = ("spec.selector",)
REPLACING: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "PersistentVolumeClaim"): ("spec",),
    ("", "Pod"): ("spec.containers", "spec.initContainers", "spec.volumes"),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): (
        *_SELECTOR,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): (*_SELECTOR, "spec.completions", "spec.parallelism", "spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
"""Fields by group and kind; what lies below them replaces, too, and so does what the server calls immutable."""
_IMMUTABLE: Final = re.compile(
    r"immutable|may not (be )?change|cannot (be )?change|can't be changed|updates to .* (is|are) forbidden",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mutable:
    """Whether what a ConfigMap and a Secret hold is changed in place; unless told so, a new one is made."""

    config_maps: bool = False
    secrets: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What the server said to a change that it only tried: the object as it would be, or the causes of its refusal."""

    proposed: Object | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def immutable(self) -> tuple[Cause, ...]:
        """The refusals that say that a field can't be changed."""
        return tuple(cause for cause in self.causes if _IMMUTABLE.search(cause.message))


def differences(
    old: Object,
    new: Object,
    before: Mapping[str, Any],
    attempt: Callable[[], Tried],
    ignored: Iterable[str] = (),
    mutable: Mutable | None = None,
) -> Difference:
    """What an update from `old` to `new` changes, of what either says; `before` is the object as it was last seen.

    The server is only asked (`attempt`) where they differ: what it would store as it is already is no change.
    """
    paths: dict[str, Kind] = {}
    add_paths("", old, new, paths)
    paths = {path: kind for path, kind in paths.items() if not any(within(path, other) for other in ignored)}
    if not paths:
        return Difference()
    tried = attempt() if known(new) and not any(_touched(paths, field) for field in IDENTITY) else Tried()
    if tried.proposed is not None:
        proposed = tried.proposed
        paths = {path: kind for path, kind in paths.items() if _stored(path, before, proposed)}
    fixed = [path for field in replacing(new, mutable or Mutable()) for path in _touched(paths, field)]
    for cause in tried.immutable:
        fixed += _touched(paths, _path_of(cause.field)) or list(paths)
    changed = frozenset(re.split(r"[.\[]", path, maxsplit=1)[0] for path in paths)
    replaces = frozenset(fixed)
    return Difference(changed, replaces, paths, bool(replaces) and _collides(old, new))


def replacing(wanted: Object, mutable: Mutable) -> tuple[str, ...]:
    """The fields of an object whose change makes a new one."""
    group, _, _ = str(wanted.get("apiVersion", "")).rpartition("/")
    kind = str(wanted.get("kind", ""))
    fields = REPLACING.get((group, kind), ())
    if (group, kind) == ("", "Secret"):
        fields = ("type",) if mutable.secrets and not wanted.get("immutable") else ("type", "data")
    if (group, kind) == ("", "ConfigMap") and (not mutable.config_maps or wanted.get("immutable")):
        fields = ("binaryData", "data")
    return (*IDENTITY, *fields)


def _touched(paths: Iterable[str], field: str) -> list[str]:
    """Those of the paths that lie below a field, or above it."""
    return [path for path in paths if not field or within(path, field) or within(field, path)]


def _path_of(field: str) -> str:
    """A field as the API writes it (`spec.tags[k]`), as a property path; a key in brackets ends it."""
    return re.split(r"\[(?!\d+\])", field, maxsplit=1)[0]


def _stored(path: str, before: Mapping[str, Any], proposed: Object) -> bool:
    """Whether the server would store something else at `path`, or doesn't say."""
    was, would_be = at(before, path), at(proposed, path)
    return was != would_be or (was is None and would_be is None)


def _collides(old: Object, new: Object) -> bool:
    """Whether predecessor and successor would be one object to the server, so that the first must go first."""
    before, after = metadata(old), metadata(new)
    return (
        annotation(new, AUTONAMED) != "true"
        and after.get("name") not in (None, UNKNOWN)
        and all(before.get(key) == after.get(key) for key in ("name", "namespace"))
    )
