"""`yard report`: all that is known of a project's stacks before they are deployed, on a page or in a comment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from modelyard.assess.cost.bill import Bill
from modelyard.assess.cost.changes import NOTHING
from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.around import PLATFORM
from modelyard.assess.policy.engine import Judgement
from modelyard.assess.policy.examine import Checked, Examined
from modelyard.assess.report.model import Reach, Report, StackReport
from modelyard.blueprints.project import Project
from modelyard.core.deployed_from import revision
from modelyard.operate.access import Who, access_of
from modelyard.operate.answers import Answers
from modelyard.operate.at_ref import project_at
from modelyard.operate.checking import checked
from modelyard.operate.costing import Costed, costed, costed_like
from modelyard.operate.planning import planned_beside
from modelyard.operate.recorded import Recorder

Tell = Callable[[str], None]


def reported(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    against: str | None = None,
    prices: Path | None = None,
    now: datetime | None = None,
    tell: Tell = lambda _: None,
) -> Report:
    """What the rules, the prices and the grants say of the stacks, and what changes beside the commit `against`.

    `what`: platform or a team; absent, all. `environment`: absent, every one. `tell` hears of each step. Raises what
    `checked`, `costed`, `project_at` and `planned_beside` raise; a commit that isn't there before anything is asked.
    """
    moment = now or datetime.now(UTC)
    with project_at(project, against) if against is not None else nullcontext() as earlier:
        asked = _Asked(Recorder(project), what, environment, moment.date(), tell)
        found = checked(
            project,
            what=what,
            environment=environment,
            today=asked.today,
            answers=Answers(project.root),
            tell=lambda said: tell(f"rules: {said}"),
        )
        bills = costed(
            project,
            what=what,
            environment=environment,
            prices=prices,
            today=asked.today,
            recorder=asked.recorder,
            tell=lambda said: tell(f"price: {said}"),
        )
        stacks = _stacks(asked, found, bills)
        first = stacks[0].environment if stacks else project.environments()[0]
        report = Report(_title(project, first, what, environment), moment, revision(project.root), found, tuple(stacks))
        return report if earlier is None or against is None else _compared(asked, report, earlier, against, bills)


def pictured(project: Project, graph: Graph, what: str | None, environment: str, now: datetime | None = None) -> Report:
    """The picture of one stack's graph alone."""
    nothing = Examined(what or PLATFORM, environment, "baseline", Judgement(()), (), (), ())
    stack = StackReport(nothing, graph, graph, Bill(graph, (), ()), "")
    return Report(
        _title(project, environment, what or PLATFORM, environment),
        now or datetime.now(UTC),
        revision(project.root),
        Checked((nothing,), (), (), ()),
        (stack,),
        only_picture=True,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    recorder: Recorder
    what: str | None
    environment: str | None
    today: date
    tell: Tell


def _stacks(asked: _Asked, found: Checked, bills: Sequence[Costed]) -> list[StackReport]:
    stacks: list[StackReport] = []
    for examined, cost in zip(found.stacks, bills, strict=True):
        env, graph = cost.environment, cost.bill.graph
        platform = asked.recorder.graph(PLATFORM, env)
        stack = StackReport(examined, graph, platform, cost.bill, cost.region)
        if cost.stack != PLATFORM:
            asked.tell(f"access: {cost.name}")
            access = access_of(cost.stack, env, platform, graph)
            reaches = tuple(map(_reach, access.who))
            stack = replace(stack, reaches=reaches, uses=access.things, unread=access.unread)
        stacks.append(stack)
    return stacks


def _compared(asked: _Asked, report: Report, project: Project, against: str, bills: Sequence[Costed]) -> Report:
    """The report, with what changes beside an earlier version of the project, and what it cost by today's prices."""
    earlier = Recorder(project)
    what, environment, tell = asked.what, asked.environment, asked.tell
    plan = planned_beside(earlier, asked.recorder, against, what, environment, lambda said: tell(f"changes: {said}"))
    found = costed_like(
        earlier,
        bills,
        what=what,
        environment=environment,
        today=asked.today,
        tell=lambda said: tell(f"price: {said} at {against}"),
    )
    before = {one.name: (one.bill.low, one.bill.high) for one in found}
    stacks = tuple(replace(one, before=before.pop(one.name, NOTHING)) for one in report.stacks)
    return replace(report, stacks=stacks, against=against, plan=plan, gone=before)


def _title(project: Project, environment: str, what: str | None, asked: str | None) -> str:
    spec = project.platform(environment)
    return f"{spec.organization} {spec.platform}: {what or 'all stacks'}{f' in {asked}' if asked else ''}"


def _reach(who: Who) -> Reach:
    may: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in who.rows:
        if row.actions:
            may[row.thing] |= dict.fromkeys(row.intents)
    return Reach(
        who.identity.name,
        who.role,
        who.identity.people,
        tuple(dict.fromkeys(name for trust in who.trust for name in trust.who)),
        tuple((thing, tuple(intents)) for thing, intents in sorted(may.items())),
        tuple(f"{call}: {by}" for row in who.rows for call, by in row.fenced.items()),
    )
