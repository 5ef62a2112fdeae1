"""Reports of made-up stacks, by the same functions as real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from modelyard.assess.cost.bill import Bill, Line
from modelyard.assess.cost.prices import Quality
from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.impact.forecast import forecast
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.policy.examine import Checked, examine
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rule import ORDER, Check, Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Subject, Surroundings
from modelyard.assess.report.model import Report, StackReport
from modelyard.core.errors import Source

BUCKET, TABLE, KEY = "aws:s3/bucket:Bucket", "aws:dynamodb/table:Table", "aws:kms/key:Key"
WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_stack(
    name: str,
    *parts: Part,
    environment: str = "dev",
    platform: Graph | None = None,
    rules: Sequence[Rule] = CATALOGUE,
    before: tuple[float, float] | None = None,
    usd: float = 1.0,
) -> StackReport:
    """A stack in which every resource costs `usd` dollars, and was written in the team's file, one on each line."""
    graph = located(graph_of(parts, stack=f"{name}-{environment}"), f"stacks/teams/{name}.yaml")
    examined = examine(graph, rules, Surroundings(environment=environment), stack=name, profile="baseline")
    lines = tuple(
        Line(node.urn, "s3: storage", usd, 2 * usd, "", Quality.LISTED, "", "2026-11-01")
        for node in graph
        if node.custom and not node.type.startswith("pulumi:")
    )
    bill = Bill(graph, lines, ())
    return StackReport(examined, graph, platform or graph, bill, "eu-west-1", before=before)


def located(graph: Graph, file: str) -> Graph:
    nodes = tuple(replace(node, source=Source(file, "", line)) for line, node in enumerate(graph, 1))
    return Graph(graph.project, graph.stack, nodes)


def changed(graph: Graph, **properties: dict[str, Any]) -> Graph:
    """The graph with these properties of these resources over their own."""

    def new(node: Node) -> Node:
        return replace(node, properties={**node.properties, **properties.get(node.name, {})})

    return Graph(graph.project, graph.stack, tuple(map(new, graph)))


def a_report(*stacks: StackReport, **more: Any) -> Report:
    """The report of these stacks."""
    checked = Checked(tuple(one.examined for one in stacks), CATALOGUE, (), ())
    return Report("acme ml", WHEN, {"commit": "a1b2c3d4e5f6a7b8", "dirty": False}, checked, stacks, **more)


def a_plan(before: Graph, one: StackReport) -> Plan:
    """What gets the stack from `before` to what it is."""
    return Plan((Planned(one.stack, one.environment, "main", forecast(before, one.graph)),))


def _broken(_: Subject) -> Iterator[Violation]:
    yield Violation("is broken")


def _open(_: Subject) -> Iterator[Violation]:
    raise Undecided("tags")
    yield


def of_everything() -> Report:
    """A result of each severity, one that is undecided, a bucket that is destroyed, and a price that is higher."""
    rules = [_rule(f"a-{severity}-rule", severity, _broken) for severity in ORDER]
    rules.append(_rule("an-open-rule", Severity.HIGH, _open))
    lake = [part("modelyard:data:DataLake", "lake"), part(BUCKET, "raw", parent="lake", bucket="new")]
    one = a_stack("fraud", *lake, rules=rules, before=(0.0, 1.0))
    return a_report(one, plan=a_plan(changed(one.graph, raw={"bucket": "old"}), one), against="main")


def _rule(name: str, severity: Severity, check: Check) -> Rule:
    return Rule(name, severity, Domain.DATA, "Asks", "A test.", "Mend it.", (BUCKET,), check, bad=(), good=())


def many(teams: int, components: int, resources: int) -> Report:
    """So many teams, each with so many components of so many resources, every component using the one before it."""
    stacks: list[StackReport] = []
    for team in range(teams):
        parts: list[Part] = []
        for index in range(components):
            name, past = f"lake-{index}", f"lake-{index - 1}-bucket-0"
            uses = {"logs": Of(past)} if index else {}
            parts.append(part("modelyard:data:DataLake", name))
            parts += [part(BUCKET, f"{name}-bucket-{each}", parent=name, **uses) for each in range(resources)]
        stacks.append(a_stack(f"team{team:02}", *parts, rules=()))
    return a_report(*stacks)
