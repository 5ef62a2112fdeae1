"""Rules over a graph: every resource that a rule looks at passes, breaks it, or can't be decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.policy.rule import Rule, Undecided
from modelyard.assess.policy.subject import Stack, Subject, Surroundings
from modelyard.core.errors import Source


class Verdict(StrEnum):
    """What a rule says of a resource. Undecided is never a pass."""

    VIOLATED = "violated"
    UNDECIDED = "undecided"


class RuleCrashed(Exception):  # noqa: N818
    """A rule broke at a resource: a fault of the rule, never a pass."""

    def __init__(self, rule: Rule, node: Node, cause: Exception) -> None:
        super().__init__(f"rule {rule.id} broke at {node.urn}: {type(cause).__name__}: {cause}")
        self.rule, self.node = rule, node


@dataclass(frozen=True, slots=True)
class Result:
    """What one rule found wrong with one resource, or couldn't decide."""

    rule: Rule
    verdict: Verdict
    urn: str
    problem: str
    path: str = ""
    source: Source | None = None

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        source = self.source
        return {
            "rule": self.rule.id,
            "severity": str(self.rule.severity),
            "domain": str(self.rule.domain),
            "title": self.rule.title,
            "verdict": str(self.verdict),
            "urn": self.urn,
            "problem": self.problem,
            "path": self.path,
            "remedy": self.rule.remedy,
            "file": source.file if source else "",
            "line": source.line if source else 0,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """All results of a stack, sorted; `asked` counts by rule how many resources it looked at."""

    results: tuple[Result, ...]
    asked: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def total(self) -> int:
        """How many questions were asked: rules times the resources that each looks at."""
        return sum(self.asked.values())

    @property
    def decided(self) -> int:
        """How many of them have an answer."""
        open_ = {(result.rule.id, result.urn) for result in self.results if result.verdict is Verdict.UNDECIDED}
        return self.total - len(open_)


def judge(graph: Graph, rules: Iterable[Rule], around: Surroundings) -> Judgement:
    """Ask every rule about every resource that it looks at. Raises `RuleCrashed`, which names the rule."""
    stack, results, asked = Stack(graph, around), list[Result](), Counter[str]()
    for rule in rules:
        for subject in stack.subjects(*rule.types):
            asked[rule.id] += 1
            results += _asked(rule, subject)
    results.sort(key=_order)
    return Judgement(tuple(results), asked)


def _asked(rule: Rule, subject: Subject) -> Sequence[Result]:
    node, found = subject.node, list[Result]()
    try:
        for violation in rule.check(subject):
            found.append(Result(rule, Verdict.VIOLATED, node.urn, violation.problem, violation.path, node.source))
    except Undecided as open_:
        problem = f"can't be decided before the deployment: {open_.path} isn't known"
        found.append(Result(rule, Verdict.UNDECIDED, node.urn, problem, open_.path, node.source))
    except Exception as error:
        raise RuleCrashed(rule, node, error) from error
    return found


def _order(result: Result) -> tuple[int, str, str, str]:
    severities = type(result.rule.severity)
    return list(severities).index(result.rule.severity), result.rule.id, result.urn, result.path
