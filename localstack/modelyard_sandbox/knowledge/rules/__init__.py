"""What AWS, or the real provider, refuses though no model says so: one list, each rule with the page that says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from modelyard_sandbox.knowledge.rules import (
    cards,
    clusters,
    computing,
    costs,
    data,
    doors,
    features,
    flow,
    identity,
    monitoring,
    network,
    pipelines,
    scaling,
    secrets,
    servers,
    serving,
    signals,
    storage,
    streams,
    studio,
    tags,
    views,
)
from modelyard_sandbox.knowledge.rules.rule import Rule
from modelyard_sandbox.knowledge.values import Failure

RULES: Sequence[Rule] = (
    *identity.RULES,
    *storage.RULES,
    *network.RULES,
    *data.RULES,
    *doors.RULES,
    *cards.RULES,
    *clusters.RULES,
    *computing.RULES,
    *costs.RULES,
    *features.RULES,
    *flow.RULES,
    *monitoring.RULES,
    *pipelines.RULES,
    *scaling.RULES,
    *secrets.RULES,
    *servers.RULES,
    *serving.RULES,
    *signals.RULES,
    *streams.RULES,
    *studio.RULES,
    *views.RULES,
)


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """What the rules of the type, and those for tags, refuse of `inputs`, as `shapes.read` gave them."""
    return [
        failure for rule in (*_by_token().get(token, ()), *tags.rules_for(token)) for failure in rule.failures(inputs)
    ]


@cache
def _by_token() -> Mapping[str, Sequence[Rule]]:
    result: dict[str, list[Rule]] = {}
    for rule in RULES:
        result.setdefault(rule.token, []).append(rule)
    return result
