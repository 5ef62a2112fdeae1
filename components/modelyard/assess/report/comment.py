"""A pull request's comment: what stops it, what it costs and what it destroys in a few lines, then the details, folded.

The details are what `yard check`, `yard plan` and the page say, by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelyard.assess.cost.changes import Change
from modelyard.assess.cost.figures import changed, dollars
from modelyard.assess.impact import outputs as plans
from modelyard.assess.policy.outputs import text as checks
from modelyard.assess.report.model import Report
from modelyard.assess.report.page import counted
from modelyard.assess.report.secrets import secrets_of, without

MARKER: Final = "<!-- modelyard-report -->"
"""Stands first in the comment, so that the next run finds it and edits it."""
LIMIT: Final = 65_536
"""Characters that GitHub takes in a comment (docs.github.com: a body of 65,536 at most)."""
_ROOM: Final = 400
"""Characters that are kept for saying what was left out."""


def comment(report: Report) -> str:
    """The comment in Markdown, ending in a line break. No value of a secret is in it."""
    sections = [_essentials(report), _rules(report), _price(report), _plan(report)]
    return _fitting(without(sections, secrets_of(report.graphs)))


def _essentials(report: Report) -> list[str]:
    stops = sum(len(one.examined.stopping) for one in report.stacks)
    told = sum(len(one.examined.results) for one in report.stacks) - stops
    unknown = sum(len(one.bill.unknown) for one in report.stacks)
    lines = [
        MARKER,
        f"### {checks.stop(stops, 'this change').capitalize()}",
        "",
        f"- **Rules**: {checks.stop(stops, 'it')}, {counted(told, 'more result')}",
        f"- **Price**: {dollars(report.price)} a month{_changed(report)}{_without(unknown)}",
    ]
    if report.plan is not None:
        lines.append(f"- **Changes** since `{report.against}`: {report.plan.summary}")
    return lines


def _rules(report: Report) -> list[str]:
    found = report.checked
    said = checks.markdown(found.stacks, found.unused, found.ending).splitlines()
    return ["", "#### Rules", *said[said.index("") :]]


def _price(report: Report) -> list[str]:
    lines = ["", "#### Price", "", "<details>", f"<summary>{counted(len(report.stacks), 'stack')}</summary>", ""]
    lines += ["| stack | a month | change | dearest parts |", "|---|---|---|---|"]
    for one in report.stacks:
        change = changed(one.price_change) if one.price_change else ""
        parts = [f"{name} {dollars(amount)}" for name, amount in one.bill.by_component().items() if amount[1] >= 1]
        lines.append(f"| {one.name} | {dollars(one.price)} | {change} | {checks.escaped(', '.join(parts[:3]))} |")
    for name, amount in report.gone.items():
        lines.append(f"| {name} | gone | {changed(Change(name, amount, None))} | |")
    return [*lines, "", "</details>"]


def _plan(report: Report) -> list[str]:
    if report.plan is None:
        return []
    said = plans.markdown(report.plan).splitlines()
    return ["", "#### Changes", *said[said.index("") :]]


def _changed(report: Report) -> str:
    change = report.price_change
    return f", {changed(change)}" if change else ""


def _without(unknown: int) -> str:
    return f", without {counted(unknown, 'resource')} of no known price" if unknown else ""


def _fitting(sections: Sequence[list[str]]) -> str:
    """The sections as one text that GitHub takes: rows of tables and lists go from the end, and are counted."""
    kept, left = [list(section) for section in sections], [0] * len(sections)
    size = sum(len(line) + 1 for section in kept for line in section)
    for index in reversed(range(1, len(kept))):
        for row in reversed(list(_rows(kept[index]))):
            if size <= LIMIT - _ROOM:
                break
            size -= len(kept[index].pop(row)) + 1
            left[index] += 1
    lines = [line for section in kept for line in section]
    if any(left):
        lines += ["", f"{counted(sum(left), 'row')} left out: a comment holds no more. All of it: `yard report`"]
    return "\n".join(lines) + "\n"


def _rows(section: Sequence[str]) -> Iterator[int]:
    """The rows that may go: those of tables but their heads, and of lists."""
    for index, line in enumerate(section):
        head = index + 1 < len(section) and section[index + 1].startswith("|---")
        if line.startswith("- ") or (line.startswith("| ") and not head):
            yield index
