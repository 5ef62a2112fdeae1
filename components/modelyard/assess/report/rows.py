"""Rows of the page that no picture is needed for: rules, waivers, changes, access."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelyard.assess.graph.mermaid import short
from modelyard.assess.impact.outputs import consequences
from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.report.model import Report, StackReport
from modelyard.core.errors import Source

_REASONS: Final = 6


def rules(report: Report) -> Iterator[dict[str, Any]]:
    """Every rule, and what it found of how many resources: what an auditor asks for."""
    asked: Counter[str] = sum((Counter(one.examined.judgement.asked) for one in report.stacks), Counter[str]())
    violated, undecided, waived = Counter[str](), Counter[str](), Counter[str]()
    for one in report.stacks:
        for result in one.examined.results:
            (undecided if result.verdict is Verdict.UNDECIDED else violated)[result.rule.id] += 1
        waived.update(each.waiver.rule for each in one.examined.waived)
    for rule in report.checked.rules:
        yield {
            "id": rule.id,
            "severity": str(rule.severity),
            "domain": str(rule.domain),
            "title": rule.title,
            "maps": ", ".join(rule.maps),
            "asked": asked[rule.id],
            "violated": violated[rule.id],
            "undecided": undecided[rule.id],
            "waived": waived[rule.id],
        }


def waiver_notes(report: Report) -> Iterator[str]:
    """Waivers that end soon, and those that cover nothing."""
    for waiver in report.checked.ending:
        yield f"The waiver of {waiver.rule} for {waiver.urn} ends on {waiver.until} ({waiver.owner})."
    for waiver in report.checked.unused:
        yield f"The waiver of {waiver.rule} for {waiver.urn} covers nothing: remove it ({waiver.owner})."


def changes(report: Report) -> Iterator[dict[str, Any]]:
    """What is planned, what something is lost by first."""
    plan = report.plan
    planned = [(one, step) for one in plan.stacks for step in one.forecast.steps] if plan else []
    planned.sort(key=lambda each: each[1].loses is None)
    for one, step in planned:
        if step.custom:
            reasons = [str(change) for change in sorted(step.changes, key=lambda change: change.effect == "updates")]
            yield {
                "environment": one.environment,
                "team": one.stack,
                "action": str(step.op),
                "name": step.name,
                "kind": short(step.type),
                "why": [*reasons[:_REASONS], *step.because],
                "more": len(reasons[_REASONS:]),
                "loses": step.loses is not None,
                "takes": list(consequences(step)),
                "where": where(step.source),
            }


def reach(one: StackReport) -> dict[str, Any]:
    """Who may do what in a stack, and what each thing is used by."""
    return {
        "environment": one.environment,
        "team": one.stack,
        "things": [
            {
                "kind": used.kind,
                "name": used.name,
                "uses": {
                    use: [(user.identity.name, user.conditional) for user in users] for use, users in used.uses.items()
                },
            }
            for used in one.uses
        ],
        "identities": [
            {
                "name": who.identity,
                "role": who.role,
                "people": list(who.people),
                "trusted": list(who.trusted),
                "may": [(thing, ", ".join(intents)) for thing, intents in who.may],
                "refused": list(who.refused),
            }
            for who in one.reaches
        ],
        "unread": list(one.unread),
    }


def severities(results: Sequence[Result]) -> list[tuple[str, int]]:
    """How many results there are of each severity that has any, the worst first."""
    counted = Counter(str(result.rule.severity) for result in results)
    return [(severity, counted[severity]) for severity in ("critical", "high", "medium", "low") if counted[severity]]


def where(source: Source | None) -> str:
    """The file and the line; empty where nobody knows."""
    if source is None or not source.file:
        return ""
    return f"{source.file}:{source.line}" if source.line else source.file
