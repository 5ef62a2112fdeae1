"""Rules over a graph: every resource that a rule looks at passes, breaks it, or can't be decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.rule import Rule, Undecided
from modelyard.assess.policy.subject import Stack, Subject, Surroundings
from modelyard.core.errors import Source


class Verdict(StrEnum):
    """What a rule says of a resource. Undecided is never a pass."""

    VIOLATED = "violated"
    UNDECIDED = "undecided"


class RuleCrashed(Exception):  # noqa: N818
    """A rule broke at a resource: a fault of the rule, never a pass."""

    def __init__(self, rule: str, urn: str, cause: str) -> None:
        super().__init__(rule, urn, cause)
        self.rule, self.urn, self.cause = rule, urn, cause

    def __str__(self) -> str:
        return f"rule {self.rule} broke at {self.urn}: {self.cause}"


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
    """All results of a stack of so many `resources`, sorted; `asked` counts by rule how many of them it looked at."""

    results: tuple[Result, ...]
    asked: Mapping[str, int] = field(default_factory=dict[str, int])
    resources: int = 0

    def to_plain(self) -> dict[str, Any]:
        """The judgement as JSON that `from_plain` reads."""
        return {
            "results": [_plain(result) for result in self.results],
            "asked": dict(self.asked),
            "resources": self.resources,
        }

    @classmethod
    def from_plain(cls, written: Mapping[str, Any], rules: Iterable[Rule]) -> Judgement:
        """The judgement that `to_plain` wrote, of the same rules."""
        known = {rule.id: rule for rule in rules}
        results = tuple(
            Result(
                known[each["rule"]],
                Verdict(each["verdict"]),
                each["urn"],
                each["problem"],
                each["path"],
                Source(*each["source"]) if each["source"] else None,
            )
            for each in written["results"]
        )
        return cls(results, written["asked"], written["resources"])

    @property
    def total(self) -> int:
        """How many questions were asked: rules times the resources that each looks at."""
        return sum(self.asked.values())

    @property
    def decided(self) -> int:
        """How many of them have an answer."""
        open_ = {(result.rule.id, result.urn) for result in self.results if result.verdict is Verdict.UNDECIDED}
        return self.total - len(open_)


def _plain(result: Result) -> dict[str, Any]:
    source = result.source
    return {
        "rule": result.rule.id,
        "verdict": str(result.verdict),
        "urn": result.urn,
        "problem": result.problem,
        "path": result.path,
        "source": [source.file, source.path, source.line, source.column] if source else None,
    }


def judge(graph: Graph, rules: Iterable[Rule], around: Surroundings) -> Judgement:
    """Ask every rule about every resource that it looks at. Raises `RuleCrashed`, which names the rule."""
    stack, results, asked = Stack(graph, around), list[Result](), Counter[str]()
    for rule in rules:
        for subject in stack.subjects(*rule.types):
            asked[rule.id] += 1
            results += _asked(rule, subject)
    results.sort(key=_order)
    return Judgement(tuple(results), asked, len(graph))


def _asked(rule: Rule, subject: Subject) -> Sequence[Result]:
    node, found = subject.node, list[Result]()
    try:
        for violation in rule.check(subject):
            source = violation.source or node.source
            found.append(Result(rule, Verdict.VIOLATED, node.urn, violation.problem, violation.path, source))
    except Undecided as open_:
        problem = f"can't be decided before the deployment: {open_.path} isn't known"
        found.append(Result(rule, Verdict.UNDECIDED, node.urn, problem, open_.path, node.source))
    except Exception as error:
        raise RuleCrashed(rule.id, node.urn, f"{type(error).__name__}: {error}") from error
    return found


def _order(result: Result) -> tuple[int, str, str, str]:
    severities = type(result.rule.severity)
    return list(severities).index(result.rule.severity), result.rule.id, result.urn, result.path
