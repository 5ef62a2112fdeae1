"""The kit for rules of one's own: what the catalogue's rules are held to, and what a rule says of a stack.

from modelyard.testing.rules import shortcomings

def test_our_rules():
    assert [fault for rule in RULES for fault in shortcomings(rule)] == []
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.around import PLATFORM, examined
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examine import Examined
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.own import NAME
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Subject, Surroundings
from modelyard.blueprints.ceilings import Ceiling
from modelyard.blueprints.project import Project
from modelyard.core.errors import Source
from modelyard.core.sdk import UnknownTypeError, resource_type

__all__ = [
    "PRODUCTION",
    "Domain",
    "Of",
    "Part",
    "Rule",
    "Severity",
    "Subject",
    "Undecided",
    "Violation",
    "examined_in",
    "graph_of",
    "judge",
    "part",
    "shortcomings",
]

PRODUCTION: Final = Surroundings(
    environment="prod",
    production=True,
    region="eu-west-1",
    account="111122223333",
    team="fraud",
    ceiling=Ceiling(500, Source("platform/platform.yaml", "team_budget.monthly_usd")),
)
"""What examples are judged in."""
_CONTROL: Final = re.compile(r"(FSBP|CIS|EKS|NIST|SOC 2|AIA|RMF|CKV|Pod Security)\b|CKV")


def shortcomings(rule: Rule, *, by_existence: bool = False) -> list[str]:
    """What a rule lacks, a sentence each: nothing where it may join the catalogue.

    Its bad example breaks it, its good one doesn't and is looked at, unknown values are never a pass, and it says what
    it is about. `by_existence`: it holds as soon as something is there, whatever its values.
    """
    return [f"{rule.id}: {each}" for each in (*_of_examples(rule, by_existence), *_of_words(rule), *_of_types(rule))]


def examined_in(project: Project, graph: Graph, environment: str, *, today: date | None = None) -> Examined:
    """What all rules of a project say of the graph of one of its stacks, however it was got."""
    team = graph.stack.removesuffix(f"-{environment}")
    name = PLATFORM if graph.stack == environment else team
    return examined(project, graph, name, environment, today=today or datetime.now(UTC).date())


def _of_examples(rule: Rule, by_existence: bool) -> Iterator[str]:
    good = graph_of(rule.good)
    if Verdict.VIOLATED not in _verdicts(graph_of(rule.bad), rule):
        yield "its bad example doesn't break it"
    judged = judge(good, [rule], PRODUCTION)
    for result in judged.results:
        yield f"its good example breaks it: {result.problem}"
    if not judged.asked.get(rule.id):
        yield "it looks at nothing of its good example"
    veiled = Graph(good.project, good.stack, tuple(map(_veiled, good.nodes)))
    if not by_existence and not _verdicts(veiled, rule):
        yield "it passes a stack of which nothing is known"


def _verdicts(graph: Graph, rule: Rule) -> list[Verdict]:
    return [result.verdict for result in judge(graph, [rule], PRODUCTION).results]


def _veiled(node: Node) -> Node:
    """The node with every value unknown that doesn't say what it belongs to."""
    kept = {key: value if key in node.property_dependencies else UNKNOWN for key, value in node.properties.items()}
    return replace(node, properties=kept)


def _of_words(rule: Rule) -> Iterator[str]:
    if not NAME.fullmatch(rule.id):
        yield "its name isn't lower-case words with hyphens between them"
    if not rule.title or rule.title.endswith("."):
        yield "its title is empty, or ends in a full stop"
    for field, text in (("why", rule.why), ("remedy", rule.remedy)):
        if not text.endswith("."):
            yield f"its {field} is no sentence"
    if not rule.types:
        yield "it looks at no type of resource"
    for control in rule.maps:
        if not _CONTROL.match(control):
            yield f"{control} is of no list of controls that is known"


def _of_types(rule: Rule) -> Iterator[str]:
    for each in (*rule.bad, *rule.good):
        if each.type.startswith("aws:") and not each.type.startswith("aws:cloudcontrol"):
            try:
                known: Any = resource_type(each.type)
            except UnknownTypeError:
                yield f"there is no type {each.type}"
                continue
            for name in sorted(set(each.properties) - set(known.inputs)):
                yield f"{each.type} has no property {name}"
