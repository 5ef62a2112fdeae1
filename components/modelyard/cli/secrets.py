"""`yard secrets check`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Environment, Json, Sandbox

app = typer.Typer(help="Secrets: whether who uses one has its current value.")


@app.callback()
def secrets() -> None:
    """Secrets: whether who uses one has its current value."""


@app.command()
def check(
    team: Annotated[str | None, typer.Argument(help="The team. Absent: all that are deployed.")] = None,
    env: Environment = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Find servers, endpoints and jobs that a rotation left with the old value. Ends with 1 where there is one."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments, rotation

    found = rotation.check(deployments.place(Project.find(), env, team, sandbox=sandbox), team)
    if json:
        from json import dumps

        print(dumps({"version": 1, "stacks": [one.as_json() for one in found]}, indent=2))
    else:
        print(*rotation.shown(found), sep="\n")
    if any(one.stale for one in found):
        raise typer.Exit(1)
