"""What an update of a cluster interrupts though nothing is lost, and steps that its service refuses.

Sources: eks/latest/userguide/update-cluster and managed-node-update-behavior; karpenter.sh/docs/concepts/disruption, of
drift: budgets say how many nodes at a time, and pods that say `karpenter.sh/do-not-disrupt` are waited for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import undecided

CLUSTER: Final = "aws:eks/cluster:Cluster"
NODES: Final = "aws:eks/nodeGroup:NodeGroup"
ADDON: Final = "aws:eks/addon:Addon"
CHART: Final = "kubernetes:helm.sh/v3:Release"
NODE_CLASS: Final = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
NODE_POOL: Final = "kubernetes:karpenter.sh/v1:NodePool"
_VERSION: Final = re.compile(r"1\.(\d+)")
_BEHAVIOUR: Final = ("weight", "limits", "disruption")
"""What Karpenter reads of a pool without making its nodes anew."""
_NEW_MACHINES: Final = ("version", "releaseVersion", "launchTemplate", "amiType")

Told = Callable[[Graph, Node, Node], Iterator[str]]


def disturbed(after: Graph, past: Node, node: Node) -> tuple[str, ...]:
    """What getting from `past` to `node` interrupts, a sentence each; nothing for what no cluster knows of."""
    told = _TOLD.get(node.type)
    return tuple(told(after, past, node)) if told else ()


def impossible(past: Node, node: Node) -> str:
    """Why the service refuses the step, with what to do instead; empty where it takes it, or nobody knows."""
    if node.type != CLUSTER:
        return ""
    before, now = (_minor(one.properties.get("version")) for one in (past, node))
    if before is None or now is None or now in (before, before + 1):
        return ""
    if now < before:
        return f"EKS never goes back, and the cluster runs 1.{before}: name 1.{before} or newer"
    return f"EKS goes up by one version at a time: deploy 1.{before + 1} before 1.{now}"


def _of_cluster(after: Graph, past: Node, node: Node) -> Iterator[str]:
    before, now = past.properties.get("version"), node.properties.get("version")
    if before == now or undecided(now):
        return
    yield f"the control plane goes from {before} to {now}, without a way back; its API may answer late meanwhile"
    pools = sorted(pool.name for pool in after.of_type(NODE_POOL))
    if pools:
        yield f"Karpenter makes the nodes of {', '.join(pools)} anew afterwards, as their budgets allow"


def _of_nodes(_: Graph, past: Node, node: Node) -> Iterator[str]:
    changed = [prop for prop in _NEW_MACHINES if past.properties.get(prop) != node.properties.get(prop)]
    if changed:
        settings = cast("Mapping[str, Any]", node.properties.get("updateConfig") or {})
        share = settings.get("maxUnavailablePercentage")
        most = f"{share} % of them" if share else f"{settings.get('maxUnavailable', 1)}"
        yield f"its nodes are drained and made anew, {most} at a time, as pod disruption budgets allow"


def _of_addon(_: Graph, past: Node, node: Node) -> Iterator[str]:
    before, now = (one.properties.get("addonVersion") for one in (past, node))
    if before != now and now is not None:
        yield f"the pods of {node.properties.get('addonName')} restart"


def _of_chart(_: Graph, past: Node, node: Node) -> Iterator[str]:
    chart = node.properties.get("chart")
    before, now = (one.properties.get("version") for one in (past, node))
    if before != now:
        yield f"the chart {chart} goes from {before} to {now}: its pods restart, and its kinds of objects may change"
    elif past.properties.get("values") != node.properties.get("values"):
        yield f"the pods of the chart {chart} may restart"


def _of_node_class(after: Graph, past: Node, node: Node) -> Iterator[str]:
    if past.properties.get("spec") == node.properties.get("spec"):
        return
    name = _named(node)
    pools = sorted(pool.name for pool in after.of_type(NODE_POOL) if _class_of(pool) == name)
    if pools:
        yield f"the nodes of {', '.join(pools)} are drained and made anew, as their budgets allow"


def _of_pool(_: Graph, past: Node, node: Node) -> Iterator[str]:
    before, now = (
        {key: value for key, value in cast("Mapping[str, Any]", one.properties.get("spec") or {}).items()}
        for one in (past, node)
    )
    for each in (before, now):
        for behaviour in _BEHAVIOUR:
            each.pop(behaviour, None)
    if before != now:
        yield "its nodes that no longer fit are drained and made anew, as its budgets allow"


_TOLD: Final[Mapping[str, Told]] = {
    ADDON: _of_addon,
    CHART: _of_chart,
    CLUSTER: _of_cluster,
    NODES: _of_nodes,
    NODE_CLASS: _of_node_class,
    NODE_POOL: _of_pool,
}


def _minor(version: Any) -> int | None:
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return int(found[1]) if found else None


def _named(node: Node) -> Any:
    return cast("Mapping[str, Any]", node.properties.get("metadata") or {}).get("name")


def _class_of(pool: Node) -> Any:
    spec = cast("Mapping[str, Any]", pool.properties.get("spec") or {})
    return spec.get("template", {}).get("spec", {}).get("nodeClassRef", {}).get("name")
