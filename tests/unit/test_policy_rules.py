"""The catalogue: each rule refuses its bad example, takes its good one, and never passes what it can't know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import graph_of
from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.core.sdk import resource_type

PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333", team="fraud")
each_rule = pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
BY_EXISTENCE = frozenset({"s3-access-logs"})
"""Rules that hold as soon as something is there, whatever its values."""


def verdicts(graph: Graph, rule: Rule) -> list[Verdict]:
    return [result.verdict for result in judge(graph, [rule], PRODUCTION).results]


@each_rule
def test_the_bad_example_breaks_the_rule(rule: Rule):
    assert Verdict.VIOLATED in verdicts(graph_of(rule.bad), rule)


@each_rule
def test_the_good_example_does_not(rule: Rule):
    judged = judge(graph_of(rule.good), [rule], PRODUCTION)
    assert judged.results == ()
    assert judged.asked[rule.id] > 0, "it looks at something there"


@each_rule
def test_what_nobody_knows_yet_is_never_a_pass(rule: Rule):
    graph = graph_of(rule.good)
    veiled = Graph(graph.project, graph.stack, tuple(map(_veiled, graph.nodes)))
    assert rule.id in BY_EXISTENCE or verdicts(veiled, rule), rule.id


def _veiled(node: Node) -> Node:
    """The node with every value unknown that doesn't say what it belongs to."""
    kept = {key: value if key in node.property_dependencies else UNKNOWN for key, value in node.properties.items()}
    return replace(node, properties=kept)


@each_rule
def test_a_rule_says_what_it_is_about(rule: Rule):
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.id)
    assert rule.title and not rule.title.endswith(".")
    assert rule.why.endswith(".") and rule.remedy.endswith(".")
    assert rule.types, "it looks at something"
    for control in rule.maps:
        assert re.match(r"(FSBP|CIS|EKS|NIST|SOC 2|AIA|RMF|CKV_|Pod Security)", control), control


@each_rule
def test_a_rule_speaks_of_properties_that_the_provider_has(rule: Rule):
    for part in (*rule.bad, *rule.good):
        if part.type.startswith("aws:") and not part.type.startswith("aws:cloudcontrol"):
            known = resource_type(part.type)
            assert known is not None, part.type
            unknown = set(part.properties) - set(_names(known))
            assert not unknown, (part.type, unknown)


def _names(known: Any) -> Mapping[str, Any]:
    return known.inputs


def test_no_two_rules_have_the_same_name():
    ids = [rule.id for rule in CATALOGUE]
    assert len(ids) == len(set(ids))


def test_a_stack_of_nothing_breaks_nothing_that_is_there():
    graph = graph_of(())
    assert [node.type for node in graph] == [STACK_TYPE]
