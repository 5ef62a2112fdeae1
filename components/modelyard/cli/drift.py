"""`yard drift`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Environment, Json, Sandbox


def drift(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    env: Environment = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Compare what really exists with what was deployed, where the engine can't. Ends with 1 where it differs."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.deployed import check, showing

    where = deployments.place(Project.find(), env, what, sandbox=sandbox)
    found = check(where, what)
    if json:
        from json import dumps

        print(dumps(showing.as_json(where.environment, found), indent=2))
    else:
        print(*showing.shown(found), sep="\n")
    if any(one.drift for one in found):
        raise typer.Exit(1)
