"""`yard access`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli.options import Json, RecordedEnvironment, Team

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from modelyard.assess.access import Used
    from modelyard.operate.access import Row, TeamAccess


def access(
    team: Team,
    env: RecordedEnvironment = "dev",
    json: Json = False,
    fence: Annotated[bool, typer.Option("--fence", help="Print also what the boundary denies.")] = False,
    of: Annotated[
        str | None, typer.Option(help="An endpoint or a model: print who can invoke, deploy, approve and read it.")
    ] = None,
) -> None:
    """Show who of a team can do what to what, from the grants in its files; nothing is asked of a cloud."""
    from modelyard.blueprints.project import Project
    from modelyard.operate.access import team_access

    found = team_access(Project.find().root, team, env)
    if of is not None:
        found = found.of(of)
    if json:
        from json import dumps

        typer.echo(dumps(found.as_json(), indent=2))
        return
    from rich.console import Console

    console = Console(emoji=False)
    if of is None:
        _show(found, fence, console)
    _show_things(found.things, console)


def _show_things(things: tuple[Used, ...], console: Console) -> None:
    """Who can put each model and endpoint to which use."""
    for thing in things:
        console.print(f"[bold]{thing.kind} {thing.name}[/]  {thing.arn}", highlight=False, soft_wrap=True)
        for use, users in thing.uses.items():
            named = [f"{user.identity.name}{' (on a condition)' if user.conditional else ''}" for user in users]
            console.print(f"  {use}: {', '.join(named) or 'nobody'}", highlight=False, markup=False, soft_wrap=True)
    if things:
        console.print()


def _show(found: TeamAccess, fence: bool, console: Console) -> None:
    for who in found.who:
        console.print(f"[bold]{who.identity.name}[/]  {who.role}", highlight=False)
        for trust in who.trust:
            console.print(
                f"  may be used by {_listed(trust.who)}{_when(trust.conditions)}", highlight=False, markup=False
            )
        if who.identity.people:
            console.print(f"  people: {_listed(who.identity.people)}", highlight=False, markup=False)
        inside = f"inside {who.identity.boundary.name}" if who.identity.boundary else "without a boundary"
        console.print(f"  {inside}", highlight=False, markup=False)
        if who.rows:
            console.print(_table(who.rows))
        for row in who.rows:
            for action, reason in row.fenced.items():
                console.print(
                    f"  {action} ({row.thing}) is granted and refused: {reason}", style="yellow", markup=False
                )
        for row in who.never:
            console.print(
                f"  never, {row.thing}: {_listed(row.actions)}{_when(row.conditions)}", markup=False, highlight=False
            )
        console.print()
    if fence and found.boundary:
        console.print(f"[bold]{found.boundary.name}[/]  denies", highlight=False)
        console.print(_table(found.never))
    elif found.boundary:
        console.print("What the boundary denies to all of them: yard access --fence", style="dim", highlight=False)
    for each in found.unread:
        console.print(f"not read: {each}", style="yellow", markup=False)


def _table(rows: tuple[Row, ...]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=True, header_style="bold", show_edge=False)
    for column in ("thing", "intent", "actions", "on", "only if"):
        table.add_column(column, overflow="fold")
    for row in rows:
        if row.actions:
            intents, actions = ", ".join(row.intents), "\n".join(row.actions)
            table.add_row(row.thing, intents, actions, "\n".join(row.resources), "\n".join(row.conditions))
    return table


def _listed(parts: tuple[str, ...]) -> str:
    return ", ".join(parts)


def _when(conditions: tuple[str, ...]) -> str:
    return f", if {' and '.join(conditions)}" if conditions else ""
