"""What AWS, or the real provider, refuses though no model says so: one list, each rule with the page that says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from modelyard_sandbox.knowledge.rules import (
    cards,
    computing,
    costs,
    data,
    features,
    flow,
    identity,
    network,
    pipelines,
    secrets,
    servers,
    signals,
    storage,
    streams,
    studio,
    tags,
)
from modelyard_sandbox.knowledge.rules.rule import Rule
from modelyard_sandbox.knowledge.values import Failure

RULES: Sequence[Rule] = (
    *identity.RULES,
    *storage.RULES,
    *network.RULES,
    *data.RULES,
    *cards.RULES,
    *computing.RULES,
    *costs.RULES,
    *features.RULES,
    *flow.RULES,
    *pipelines.RULES,
    *secrets.RULES,
    *servers.RULES,
    *signals.RULES,
    *streams.RULES,
    *studio.RULES,
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
