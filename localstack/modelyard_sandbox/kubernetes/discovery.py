"""What an API server serves and what exists in it, asked as any client may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.kubernetes.client import get

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PASSING: Final = frozenset({"events", "leases", "endpoints", "componentstatuses", "ipaddresses"})
"""What comes and goes by itself."""
_AUTOMATIC: Final = "kube-aggregator.kubernetes.io/automanaged"
"""The label of what the API server makes for each group that it serves."""


def served(api: ApiClient) -> set[tuple[str, str, str]]:
    """Group, version and plural of each resource that is served; the core's group is empty."""
    return {(group, version, resource["resource"]) for group, version, resource in _resources(api)}


def counted(api: ApiClient) -> dict[str, int]:
    """How many objects of each kind exist, by `kubernetes: plural.group`; only those that do.

    What another object owns counts with that one, and what comes and goes by itself isn't counted.
    """
    found: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for group, version, resource in _resources(api):
        plural = resource["resource"]
        if (group, plural) in seen or plural in _PASSING or "list" not in resource["verbs"]:
            continue
        seen.add((group, plural))
        path = f"/apis/{group}/{version}/{plural}" if group else f"/api/{version}/{plural}"
        objects = [item["metadata"] for item in get(api, path, _METADATA)["items"] or ()]
        made = [
            each for each in objects if not each.get("ownerReferences") and _AUTOMATIC not in each.get("labels", ())
        ]
        found[f"kubernetes: {plural}.{group}".rstrip(".")] = len(made)
    return {name: count for name, count in found.items() if count}


def _resources(api: ApiClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Group, version and resource, a group's preferred version first."""
    for path in ("/api", "/apis"):
        for group in get(api, path, _DISCOVERY)["items"]:
            for version in group["versions"]:
                for resource in version.get("resources", ()):
                    yield group["metadata"].get("name", ""), version["version"], resource
