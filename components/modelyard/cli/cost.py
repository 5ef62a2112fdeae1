"""`yard cost`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from modelyard.cli.options import Against, Json, Sandbox

if TYPE_CHECKING:
    from modelyard.blueprints.project import Project
    from modelyard.operate.costing import Costed

By = Literal["component", "resource", "team", "environment"]
Format = Literal["text", "json", "markdown"]
Period = Literal["last-month", "this-month"]
Said = tuple[Iterable[str], dict[str, Any], str]
"""What is said: lines for a terminal, values for JSON, and a comment in Markdown."""


def cost(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", help="The environment. Absent: every one; the first with --actual.")
    ] = None,
    by: Annotated[By, typer.Option("--by", help="What each line is about.")] = "component",
    against: Against = None,
    actual: Annotated[
        bool, typer.Option("--actual", help="Compare with what AWS counted. Each request costs 0.01 USD.")
    ] = False,
    period: Annotated[Period, typer.Option("--period", help="Of --actual: which month.")] = "last-month",
    prices: Annotated[Path | None, typer.Option("--prices", help="Prices of your own (CSV), over all others.")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First write AWS's own prices to prices.csv of the project.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", "-f", help="How results are written.")] = "text",
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Say what the files' stacks cost in a month, from least to most, without a cloud."""
    from modelyard.blueprints.project import Project
    from modelyard.cli.telling import told
    from modelyard.operate import cost_refresh

    _refuse(against, actual, by, format)
    shape: Format = "json" if json else format
    project = Project.find()
    with told("reading the files") as tell:
        listed = cost_refresh.refreshed(project, tell=tell) if refresh else None
        if actual:
            said = _actual(project, what, env, period, prices, sandbox=sandbox, tell=tell)
        elif against is not None:
            said = _against(project, against, what, env, by, prices, tell)
        else:
            said = _forecast(project, what, env, by, prices, tell)
    lines, data, markdown = said
    if shape == "json":
        from json import dumps

        print(dumps(data | ({"refreshed": listed.as_json()} if listed else {}), indent=2))
        return
    if listed and shape == "text":
        print(*listed.shown(), "", sep="\n")
    print(markdown if shape == "markdown" else "\n".join(lines), end="" if shape == "markdown" else "\n")


def _refuse(against: str | None, actual: bool, by: By, format: Format) -> None:
    from modelyard.core.errors import Fault, InputError, Source

    faults: list[Fault] = []
    if actual and against is not None:
        faults.append(Fault("compares with what AWS counted", "Leave one of them out.", Source("--against"), against))
    if against is not None and by in ("team", "environment"):
        faults.append(Fault("isn't what a difference is shown by", "Use component, or resource.", Source("--by"), by))
    if actual and format == "markdown":
        faults.append(Fault("isn't written of --actual", "Use text, or json.", Source("--format"), format))
    if faults:
        raise InputError(*faults)


def _forecast(
    project: Project, what: str | None, env: str | None, by: By, prices: Path | None, tell: Callable[[str], None]
) -> Said:
    from datetime import UTC, datetime

    from modelyard.operate import cost_texts, costing

    found = costing.costed(project, what=what, environment=env, prices=prices, tell=tell)
    lines = cost_texts.shown(found, datetime.now(UTC).date(), by)
    return lines, costing.as_json(found), cost_texts.markdown(found)


def _against(
    project: Project,
    ref: str,
    what: str | None,
    env: str | None,
    by: By,
    prices: Path | None,
    tell: Callable[[str], None],
) -> Said:
    from modelyard.operate import cost_changes

    found = cost_changes.against(project, ref, what=what, environment=env, prices=prices, tell=tell)
    lines = cost_changes.shown(found, resources=by == "resource")
    return lines, found.as_json(), cost_changes.markdown(found)


def _actual(
    project: Project,
    what: str | None,
    env: str | None,
    period: Period,
    prices: Path | None,
    *,
    sandbox: bool,
    tell: Callable[[str], None],
) -> Said:
    from modelyard.operate import cost_actual, costing, deployments

    where = deployments.place(project, env, what, sandbox=sandbox)

    def forecast() -> list[Costed]:
        return costing.costed(project, what=what, environment=where.environment, prices=prices, tell=tell)

    tell("what AWS counted")
    found = cost_actual.counted(where, forecast, what, period=period)
    return cost_actual.shown(found), found.as_json(), ""
