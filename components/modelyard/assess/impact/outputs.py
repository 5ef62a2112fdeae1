"""Plans for a terminal and as a comment on a pull request: what is destroyed comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from modelyard.assess.impact.acknowledged import Guarded, does
from modelyard.assess.impact.forecast import Op, Step
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.impact.renames import Rename
from modelyard.assess.impact.state import Loss
from modelyard.assess.policy.outputs.text import code, escaped

MARKER: Final = "<!-- modelyard-plan -->"
"""Stands first in the comment, so that the next run finds it and edits it."""
_CHANGES: Final = 6
_FEW: Final = 2
_NAMES: Final = 4
_MOST: Final = 50
"""Rows of a comment: GitHub takes 65,536 characters."""


def lines(plan: Plan) -> Iterator[str]:
    """What `yard plan` prints."""
    yield plan.summary
    for one in plan.stacks:
        yield ""
        yield f"{_headline(one)}; {_counts(one)}"
        for step in one.forecast.steps:
            if _alone(step):
                yield from _of_step(step)
        yield from _grouped(one)
        for rename in one.forecast.renames:
            yield from _of_rename(rename)
    for name in plan.left:
        yield left_behind(name)


def left_behind(name: str) -> str:
    """What becomes of a stack, `fraud in prod`, that the files no longer have."""
    return f"{name}: the files no longer have it, and its stack stays. To take it down, put it back: yard team remove"


def _headline(one: Planned) -> str:
    return f"{one.stack} in {one.environment}, against {one.against}"


def _counts(one: Planned) -> str:
    said = [
        f"{count} to {op}" if op != str(Op.MAY_REPLACE) else f"{count} may be replaced"
        for op, count in one.forecast.counts.items()
    ]
    return f"{', '.join(said) or 'nothing changes'}; {one.forecast.same} stay"


def _alone(step: Step) -> bool:
    return step.loses is not None or step.op not in (Op.CREATE, Op.DELETE)


def _grouped(one: Planned) -> Iterator[str]:
    """Creations, and deletions that nothing is lost by, by component."""
    found = Counter(
        (step.op, step.component or step.name) for step in one.forecast.steps if not _alone(step) and step.custom
    )
    for (op, component), count in sorted(found.items()):
        yield f"  {op:<11} {component}: {count} {'resource' if count == 1 else 'resources'}"


def _of_step(step: Step) -> Iterator[str]:
    yield f"  {step.op:<11} {step.name}  {step.type}"
    room = " " * 14
    if step.source and step.source.file:
        yield f"{room}{step.source}"
    if step.was:
        yield f"{room}was {step.was.rpartition('::')[2]}, by an alias"
    shown = _CHANGES if step.op.destroys or step.loses else _FEW
    for change in sorted(step.changes, key=lambda change: change.effect == "updates")[:shown]:
        yield f"{room}{change}"
    if len(step.changes) > shown:
        yield f"{room}and {len(step.changes) - shown} more (--json)"
    yield from (f"{room}{reason}" for reason in step.because)
    yield from (f"{room}{said}" for said in consequences(step))
    if step.uncompared:
        yield f"{room}can't be compared, since the state encrypts them: {', '.join(step.uncompared)}"


def consequences(step: Step) -> Iterator[str]:
    """What a step takes and interrupts, what stands against it, and what is downstream."""
    if step.impossible:
        yield f"can't be done: {step.impossible}"
    if step.loses is not None:
        yield _loss(step, step.loses)
    yield from step.disturbs
    if step.deletes_first:
        yield "the old one goes before the new one is there"
    if step.against:
        yield f"stands against it: {', '.join(step.against)}"
    if step.dependents:
        names = [urn.rpartition("::")[2] for urn in step.dependents[:_NAMES]]
        rest = len(step.dependents) - len(names)
        yield f"downstream: {', '.join(names)}{f' and {rest} more' if rest else ''}"


def _loss(step: Step, loss: Loss) -> str:
    mild = "; its component calls it ephemeral" if loss.ephemeral else ""
    if loss.shortens:
        return f"keeps less of the {loss.thing}: {loss.why}{mild}"
    return f"{'may destroy' if step.op is Op.MAY_REPLACE else 'destroys'} the {loss.thing}: {loss.why}{mild}"


def _of_rename(rename: Rename) -> Iterator[str]:
    room = " " * 14
    yield f"  renamed?    {rename.name}  {rename.type}"
    yield f"{room}seems to be what was called {rename.was.rpartition('::')[2]}. {_keeps(rename)}"
    yield f"{room}{rename.python}"
    yield from (f"{room}{said}" for said in rename.still[:_CHANGES])


def _keeps(rename: Rename) -> str:
    what = "it" if rename.covers < 2 else f"its {rename.covers} resources"
    if not rename.still:
        return f"This keeps {what}:"
    return f"This keeps {what}, but for what changes a name in the cloud too; keep the old name there:"


def guarded_lines(guarded: Guarded) -> Iterator[str]:
    """What `yard guard` adds to the plan."""
    yield ""
    for one, step, said in guarded.accepted:
        yield f"acknowledged until {said.until}: {step.op} {step.name} in {one.environment} ({said.owner})"
    for said in guarded.unused:
        yield f"An acknowledgement covers nothing; remove it: {said.does} {said.resource}"
    for one, step in guarded.impossible:
        yield f"refused: {step.name} in {one.environment} can't be done: {step.impossible}"
    if not guarded.refused:
        if not guarded.impossible:
            yield "Nothing is refused."
        return
    yield f"refused: {len(guarded.refused)} without an acknowledgement. If it is meant so, add to {guarded.file}:"
    yield "acknowledged:"
    for _, step in guarded.refused:
        yield f"  - resource: {step.urn}"
        yield f"    does: {does(step)}"
        yield "    reason: WHY"
        yield "    owner: YOU@EXAMPLE.COM"
        yield f'    until: "{guarded.suggested.isoformat()}"'


def markdown(plan: Plan, guarded: Guarded | None = None) -> str:
    """The comment."""
    found = [MARKER, f"### {plan.summary[0].upper()}{plan.summary[1:]}", ""]
    if guarded is not None:
        said = [f"{len(guarded.refused)} without an acknowledgement in `{guarded.file}`"] if guarded.refused else []
        said += [f"{len(guarded.impossible)} that can't be done"] if guarded.impossible else []
        found += [f"**Refused**: {' and '.join(said)}." if said else "Nothing is refused.", ""]
    found += [f"- {escaped(_headline(one))}: {_counts(one)}" for one in plan.stacks]
    found += [f"- {escaped(left_behind(name))}" for name in plan.left]
    destroying = plan.destroying
    if destroying:
        found += ["", *_table(destroying)]
    rest = [(one, step) for one in plan.stacks for step in one.forecast.steps if step.loses is None and step.custom]
    if rest:
        found += [
            "",
            "<details>",
            f"<summary>{len(rest)} more changes, which destroy nothing</summary>",
            "",
            *_table(rest),
            "",
            "</details>",
        ]
    for one in plan.stacks:
        for rename in one.forecast.renames:
            was = rename.was.rpartition("::")[2]
            found += ["", f"{code(rename.name)} seems to be what was called {code(was)}. {_keeps(rename)}"]
            found += [
                "",
                "```python",
                rename.python,
                "```",
                *(f"- {escaped(said)}" for said in rename.still[:_CHANGES]),
            ]
    return "\n".join(found) + "\n"


def _table(rows: Sequence[tuple[Planned, Step]]) -> Iterator[str]:
    yield "| | resource | stack | why | what it takes | where |"
    yield "|---|---|---|---|---|---|"
    for one, step in rows[:_MOST]:
        why = "; ".join((*(str(change) for change in step.changes[:_CHANGES]), *step.because))
        takes = "; ".join(consequences(step))
        where = code(f"{step.source.file}:{step.source.line}") if step.source and step.source.file else ""
        stack = f"{one.stack} in {one.environment}"
        yield f"| {step.op} | {code(step.name)} | {escaped(stack)} | {escaped(why)} | {escaped(takes)} | {where} |"
    if len(rows) > _MOST:
        yield ""
        yield f"{len(rows) - _MOST} more are in the log."
