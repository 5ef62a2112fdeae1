"""What moves the number of an endpoint's instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.sagemaker import endpoint_name, endpoints_of, says, told
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import SCALING_POLICY, SCALING_SCHEDULE, SCALING_TARGET

_UNREAD: Final = "?"


def targets_of(endpoint: Subject, variant: str) -> list[Subject]:
    """The bounds that a variant is scaled within. Raises `Undecided` where none is found and one can't be read yet."""
    known = endpoint.stack.once(_targets)
    found = known.get(f"endpoint/{endpoint_name(endpoint)}/variant/{variant}") or known.get(endpoint.node.urn, [])
    if not found and _UNREAD in known:
        raise Undecided(f"the resourceId of {known[_UNREAD][0].name}")
    return found


def moves(target: Subject) -> bool:
    """Whether a policy or a schedule moves the number within the bounds."""
    known = target.stack.once(_movers)
    try:
        named = target.get("resourceId") in known
    except Undecided:
        named = False
    return named or target.node.urn in known


def fewest(configuration: Subject, variant: str) -> int:
    """How few instances a variant may come down to. Raises `Undecided`."""
    if says(configuration, f"{variant}.managedInstanceScaling"):
        return int(told(configuration, f"{variant}.managedInstanceScaling.minInstanceCount", 1))
    name = told(configuration, f"{variant}.variantName", "")
    bounds = [
        int(target.get("minCapacity", 0))
        for endpoint in endpoints_of(configuration)
        for target in targets_of(endpoint, name)
    ]
    return min(bounds) if bounds else int(told(configuration, f"{variant}.initialInstanceCount", 1))


def _targets(stack: Stack) -> Mapping[str, list[Subject]]:
    found: defaultdict[str, list[Subject]] = defaultdict(list)
    for target in stack.subjects(SCALING_TARGET):
        try:
            found[target.get("resourceId", "")].append(target)
        except Undecided:
            for urn in target.node.property_dependencies.get("resourceId", ()) or (_UNREAD,):
                found[urn].append(target)
    return found


def _movers(stack: Stack) -> frozenset[str]:
    found = set[str]()
    for mover in stack.subjects(SCALING_POLICY, SCALING_SCHEDULE):
        found.update(mover.node.property_dependencies.get("resourceId", ()))
        try:
            found.add(mover.get("resourceId", ""))
        except Undecided:
            continue
    return frozenset(found)
