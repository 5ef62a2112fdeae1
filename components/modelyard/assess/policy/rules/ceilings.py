"""The rule on what a stack may cost before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelyard.assess.graph.model import STACK_TYPE
from modelyard.assess.policy.examples import part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import ENDPOINT_CONFIGURATION, NODE_POOL
from modelyard.core.kubernetes import MONTHLY_USD

if TYPE_CHECKING:
    from modelyard.assess.cost.bill import Bill

_DEAREST: Final = 3


def _within_its_ceiling(stack: Subject) -> Iterator[Violation]:
    ceiling = stack.around.ceiling
    if ceiling is None:
        return
    bill = stack.stack.once(_bill)
    if bill.high > ceiling.usd:
        dearest = list(bill.by_component().items())[:_DEAREST]
        told = ", ".join(f"{name} {high:,.0f}" for name, (_, high) in dearest)
        yield Violation(
            f"costs {bill.low:,.0f} to {bill.high:,.0f} dollars a month, over its ceiling of {ceiling.usd:,.0f} "
            f"({ceiling.source}); the dearest: {told}",
            source=ceiling.source,
        )
    elif bill.unknown:
        raise Undecided(f"the price of {', '.join(sorted({each.what for each in bill.unknown}))}")


def _pool_within_its_ceiling(pool: Subject) -> Iterator[Violation]:
    said = pool.get("metadata.annotations", {}).get(MONTHLY_USD)
    if said is None:
        return
    ceiling = float(said)
    bill = pool.stack.once(_bill)
    most = sum(line.high for line in bill.lines if line.urn == pool.node.urn)
    if most > ceiling:
        problem = f"costs {most:,.0f} dollars a month when it is full, over its ceiling of {ceiling:,.0f}"
        yield Violation(problem, "spec.limits")
    elif any(each.urn == pool.node.urn for each in bill.unknown):
        raise Undecided("the price of its machines")


def _bill(stack: Stack) -> Bill:
    from modelyard.assess.cost.pricing import bill_of

    return bill_of(stack)


def _served_by(instance_type: str) -> Any:
    variant = {"variantName": "main", "instanceType": instance_type, "initialInstanceCount": 1}
    return part(ENDPOINT_CONFIGURATION, "score", productionVariants=[variant])


def _pool(usd: str, gpus: str = "8") -> Any:
    types = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p4d.24xlarge"]}
    return part(
        NODE_POOL,
        "a100",
        apiVersion="karpenter.sh/v1",
        kind="NodePool",
        metadata={"name": "a100", "annotations": {MONTHLY_USD: usd}},
        spec={"template": {"spec": {"requirements": [types]}}, "limits": {"nvidia.com/gpu": gpus}},
    )


RULES: Final = (
    Rule(
        "stack-cost-ceiling",
        Severity.HIGH,
        Domain.COST,
        "A stack costs no more than its ceiling",
        "A budget tells of a bill that has grown; here the change that would make it grow isn't deployed. The high end "
        "of the price counts, since a ceiling holds in a busy month too.",
        "Take smaller or fewer machines, say in usage what the stack really uses, or have its ceiling raised. "
        "yard cost shows each line.",
        (STACK_TYPE,),
        _within_its_ceiling,
        bad=(_served_by("ml.p4d.24xlarge"),),
        good=(_served_by("ml.m5.large"),),
    ),
    Rule(
        "pool-cost-ceiling",
        Severity.HIGH,
        Domain.COST,
        "A pool of machines costs no more than its ceiling when it is full",
        "Karpenter keeps no budget: it starts what waits up to the limit, and a limit in GPUs says nothing of what "
        "they cost.",
        "Lower the pool's limit, take smaller machines, or raise its ceiling.",
        (NODE_POOL,),
        _pool_within_its_ceiling,
        bad=(_pool("1000"),),
        good=(_pool("1000000"),),
    ),
)
