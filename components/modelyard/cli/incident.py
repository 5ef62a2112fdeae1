"""`yard incident list | show | close`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli.options import Environment, InTeam, Json

if TYPE_CHECKING:
    from modelyard.operate.incidents import Desk

app = typer.Typer(help="Incidents of endpoints: what went off, what stands behind it, and what was done.")

Id = Annotated[str, typer.Argument(help="The incident, as the list and the mail call it: <endpoint>/<number>.")]


@app.callback()
def incidents_of_endpoints() -> None:
    """Incidents of endpoints: what went off, what stands behind it, and what was done."""


@app.command("list")
def list_(
    endpoint: Annotated[str | None, typer.Argument(help="The endpoint. Absent: all.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """List incidents, the newest first: when, which alarm, whose, and whether it is open, recovered or closed."""
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.operate.incidents import incidents, showing

    desks = _desks(team, env)
    if endpoint is not None:
        having = [desk for desk in desks if endpoint in desk.endpoints]
        if not having:
            known = ", ".join(name for desk in desks for name in desk.endpoints) or "none"
            raise InputError(Fault(f"is no endpoint; there are: {known}", "Name one.", Source("ENDPOINT"), endpoint))
        desks = having
    found = [one for desk in desks for one in incidents(desk, endpoint, only_open=only_open)]
    if json:
        print(_json([showing.as_json(one) for one in found]))
    else:
        print(*showing.listed(found, only_open=only_open), sep="\n")


@app.command()
def show(incident: Id, team: InTeam = None, env: Environment = None, json: Json = False) -> None:
    """Show an incident: alarm, champion and challenger, evidence, how to go back, runbook, and what happened since."""
    from modelyard.operate.incidents import fetch, showing

    found = fetch(_desks(team, env), incident)
    if json:
        print(_json(showing.as_json(found)))
    else:
        print(*showing.shown(found), sep="\n")


@app.command()
def close(
    incident: Id,
    done: Annotated[str, typer.Option(help="What was done, for whoever has the next one.")],
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Close an incident with what was done; who and when are the caller's own."""
    from modelyard.operate.incidents import caller, fetch, showing
    from modelyard.operate.incidents import close as close_

    found = fetch(_desks(team, env), incident)
    closed = close_(found, done, caller(found.desk))
    if json:
        print(_json(showing.as_json(closed)))
    else:
        print(f"{closed.id} is closed.")


def _desks(team: str | None, env: str | None) -> list[Desk]:
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.incidents import desks_of

    where = deployments.place(Project.find(), env, team, sandbox=False)
    return desks_of(where, [team] if team else None)


def _json(value: Any) -> str:
    from json import dumps

    return dumps(value, indent=2)
