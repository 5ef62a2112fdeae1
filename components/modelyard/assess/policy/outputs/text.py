"""Results for a terminal, and as a comment on a pull request: what stops the change comes first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.examine import Examined
from modelyard.assess.policy.outputs.places import at
from modelyard.assess.policy.waivers import Waiver

MARKER: Final = "<!-- modelyard-check -->"
"""Stands first in the comment, so that the next run finds it and edits it."""
_MOST: Final = 50
"""Rows of a comment: GitHub takes 65,536 characters."""
_MARKS: Final = re.compile(r"[\\|`*\[\]]")
"""What Markdown would take for its own."""


def lines(stacks: Sequence[Examined], unused: Sequence[Waiver], ending: Sequence[Waiver]) -> Iterator[str]:
    """What `yard check` prints."""
    for one in stacks:
        yield _headline(one)
        stopping = set(map(id, one.stopping))
        for result in one.results:
            mark = "stops" if id(result) in stopping else "told"
            said = f"  {mark:<5} {result.rule.severity:<8} {result.rule.id}: {_name(result)} {result.problem}"
            yield said
            if result.source:
                yield f"        {result.source}"
        for each in one.waived:
            waiver = each.waiver
            yield f"  waived until {waiver.until}: {waiver.rule}, {_name(each.result)}: {waiver.reason}"
    remedies = {result.rule.id: result.rule.remedy for one in stacks for result in one.results}
    if remedies:
        yield ""
        yield "What to do:"
        yield from (f"  {rule}: {remedy}" for rule, remedy in sorted(remedies.items()))
    yield from _of_waivers(unused, ending)


def _headline(one: Examined) -> str:
    judgement = one.judgement
    if one.results:
        verdict = f"{stop(len(one.stopping), 'it')}, of {_counted(len(one.results), 'result')}"
    else:
        verdict = "all rules hold"
    return f"{one.name}, {one.profile}: {verdict}; {judgement.decided} of {judgement.total} questions decided"


def _of_waivers(unused: Sequence[Waiver], ending: Sequence[Waiver]) -> Iterator[str]:
    for waiver in ending:
        yield f"A waiver ends on {waiver.until}: {waiver.rule}, {waiver.urn} ({waiver.owner})"
    for waiver in unused:
        yield f"A waiver covers nothing; remove it: {waiver.rule}, {waiver.urn} ({waiver.owner})"


def markdown(stacks: Sequence[Examined], unused: Sequence[Waiver], ending: Sequence[Waiver]) -> str:
    """The comment."""
    stopping = [(one, result) for one in stacks for result in one.stopping]
    told = [(one, result) for one in stacks for result in one.results if result not in one.stopping]
    decided, total = (sum(getattr(one.judgement, name) for one in stacks) for name in ("decided", "total"))
    title = stop(len(stopping), "this change")
    found = [
        MARKER,
        f"### {title.capitalize()}",
        "",
        f"{decided:,} of {total:,} questions to {_counted(len(stacks), 'stack')} decided.",
    ]
    if stopping:
        found += ["", *_table(stopping)]
    if told:
        found += ["", "<details>", f"<summary>{len(told)} more, which stop nothing</summary>", "", *_table(told), ""]
        found += ["</details>"]
    waived = [(one, each) for one in stacks for each in one.waived]
    if waived:
        found += ["", "<details>", f"<summary>{len(waived)} waived</summary>", ""]
        found += [
            f"- `{each.waiver.rule}`, {code(_name(each.result))} ({one.name}), until {each.waiver.until}: "
            f"{escaped(each.waiver.reason)}"
            for one, each in waived[:_MOST]
        ]
        found += ["", "</details>"]
    notes = list(_of_waivers(unused, ending))
    if notes:
        found += ["", *(f"- {escaped(note)}" for note in notes)]
    return "\n".join(found) + "\n"


def _table(rows: Sequence[tuple[Examined, Result]]) -> Iterator[str]:
    yield "| | rule | stack | resource | what is wrong | where |"
    yield "|---|---|---|---|---|---|"
    for one, result in rows[:_MOST]:
        kind = "undecided" if result.verdict is Verdict.UNDECIDED else str(result.rule.severity)
        where = code(at(result.source)) if result.source else ""
        what = f"{escaped(result.problem)}. {escaped(result.rule.remedy)}"
        yield f"| {kind} | `{result.rule.id}` | {one.name} | {code(_name(result))} | {what} | {where} |"
    if len(rows) > _MOST:
        yield ""
        yield f"{len(rows) - _MOST} more are in the log."


def code(text: str) -> str:
    """The text as code in a cell of a Markdown table: it ends neither the code nor the cell."""
    plain = text.replace("`", "'").replace("|", "\\|").replace("\n", " ")
    return f"`{plain}`"


def escaped(text: str) -> str:
    """The text as a cell of a Markdown table takes it: it says what it says, and makes no link, picture or element."""
    return _MARKS.sub(r"\\\g<0>", " ".join(text.splitlines())).replace("<", "&lt;")


def _name(result: Result) -> str:
    return result.urn.rpartition("::")[2]


def stop(count: int, what: str) -> str:
    """`2 stop this change`, `nothing stops it`."""
    return f"{count or 'nothing'} {'stop' if count > 1 else 'stops'} {what}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
