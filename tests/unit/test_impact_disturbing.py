"""What an upgrade of a cluster interrupts, and which steps can't be done at all."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from modelyard.assess.graph import Graph
from modelyard.assess.impact.acknowledged import guarded
from modelyard.assess.impact.disturbing import ADDON, CHART, CLUSTER, NODE_CLASS, NODE_POOL, NODES
from modelyard.assess.impact.forecast import Op, Step, forecast
from modelyard.assess.impact.outputs import guarded_lines, lines, markdown
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.policy.examples import Part, graph_of, part

REFERS = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"}


def pool(name: str, **spec: Any) -> Part:
    template = {"spec": {"nodeClassRef": REFERS}}
    return part(NODE_POOL, name, metadata={"name": name}, spec={"template": template, **spec})


def node_class(image: str = "bottlerocket@1.49.0", **metadata: Any) -> Part:
    spec = {"amiSelectorTerms": [{"alias": image}]}
    return part(NODE_CLASS, "gpu-class", metadata={"name": "gpu", **metadata}, spec=spec)


def cluster(version: str) -> Graph:
    nodes = part(NODES, "system", version=version, updateConfig={"maxUnavailable": 1})
    return graph_of([part(CLUSTER, "cluster", version=version), nodes, node_class(), pool("a100")])


def steps(before: Graph, after: Graph) -> dict[str, Step]:
    return {step.name: step for step in forecast(before, after).steps}


def only(before: Part, after: Part, *others: Part) -> Step:
    (step,) = steps(graph_of([before, *others]), graph_of([after, *others])).values()
    return step


def test_an_upgrade_tells_of_control_plane_system_nodes_and_pools():
    found = steps(cluster("1.34"), cluster("1.35"))
    assert {name: step.op for name, step in found.items()} == {"cluster": Op.UPDATE, "system": Op.UPDATE}
    control, pools = found["cluster"].disturbs
    assert control.startswith("the control plane goes from 1.34 to 1.35, without a way back")
    assert pools == "Karpenter makes the nodes of a100 anew afterwards, as their budgets allow"
    assert found["system"].disturbs == (
        "its nodes are drained and made anew, 1 at a time, as pod disruption budgets allow",
    )
    assert found["cluster"].impossible == ""


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("1.33", "1.35", "deploy 1.34 before 1.35"),
        ("1.35", "1.34", "name 1.35 or newer"),
        ("1.34", "1.35", ""),
        ("1.34", "2.0", ""),
    ],
)
def test_a_step_that_eks_refuses_is_refused_by_the_guard_whoever_acknowledges_it(before: str, now: str, said: str):
    made = forecast(graph_of([part(CLUSTER, "c", version=before)]), graph_of([part(CLUSTER, "c", version=now)]))
    plan = Plan((Planned("platform", "prod", "main", made),))
    verdict = guarded(plan, (), date(2026, 11, 22))
    assert [said in step.impossible for _, step in verdict.impossible] == ([True] if said else [])
    text = "\n".join((*lines(plan), *guarded_lines(verdict)))
    assert ("can't be done" in plan.summary) == (said in text and bool(said)) == bool(said)
    assert ("1 that can't be done" in markdown(plan, verdict)) == bool(said)
    assert len(verdict.as_json()["impossible"]) == len(verdict.impossible)


def test_a_charts_new_version_restarts_its_pods_and_may_change_its_kinds():
    old, new = (part(CHART, "kueue", chart="kueue", version=each, values={}) for each in ("0.14.0", "0.15.0"))
    (said,) = only(old, new).disturbs
    assert said == "the chart kueue goes from 0.14.0 to 0.15.0: its pods restart, and its kinds of objects may change"
    other = part(CHART, "kueue", chart="kueue", version="0.14.0", values={"a": 1})
    assert only(old, other).disturbs == ("the pods of the chart kueue may restart",)


def test_an_add_ons_new_version_restarts_its_pods():
    old, new = (part(ADDON, "cni", addonName="vpc-cni", addonVersion=f"v1.20.{n}-eksbuild.1") for n in (0, 1))
    assert only(old, new).disturbs == ("the pods of vpc-cni restart",)


def test_another_image_drains_the_pools_of_its_class_and_no_others():
    other = part(NODE_POOL, "cpu", metadata={"name": "cpu"}, spec={"template": {}})
    step = only(node_class(), node_class("bottlerocket@1.50.0"), pool("a100"), pool("h100"), other)
    assert step.disturbs == ("the nodes of a100, h100 are drained and made anew, as their budgets allow",)
    assert only(node_class(), node_class(labels={"a": "b"}), pool("a100")).disturbs == ()


def test_a_pools_limits_disturb_nobody_and_its_taints_do():
    taints = {"template": {"spec": {"nodeClassRef": REFERS, "taints": [{"key": "nvidia.com/gpu"}]}}}
    assert only(pool("a100"), pool("a100", limits={"nvidia.com/gpu": 8})).disturbs == ()
    (said,) = only(pool("a100"), pool("a100", **taints)).disturbs
    assert said == "its nodes that no longer fit are drained and made anew, as its budgets allow"


def test_what_no_longer_stands_is_lost_and_not_only_disturbed():
    (step,) = forecast(graph_of([part(CLUSTER, "c", version="1.34")]), graph_of([])).steps
    assert step.op is Op.DELETE and step.disturbs == () and step.loses is not None
