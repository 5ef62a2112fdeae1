"""`yard check`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Environment, Json, Sandbox


def check(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all that is deployed.")] = None,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Compare what really exists with what was deployed.")
    ] = False,
    env: Environment = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Check what is deployed for drift that the engine can't find. Ends with 1 where there is any."""
    from modelyard.core.errors import Fault, InputError, Source

    if not deployed:
        remedy = "Add --deployed. What the files say is checked by yard preview, which refuses what is wrong in them."
        problem = "is missing: this version checks what is deployed, and has no rules for what isn't yet"
        raise InputError(Fault(problem, remedy, Source("--deployed")))
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.deployed import check as check_
    from modelyard.operate.deployed import showing

    where = deployments.place(Project.find(), env, what, sandbox=sandbox)
    found = check_(where, what)
    if json:
        from json import dumps

        print(dumps(showing.as_json(where.environment, found), indent=2))
    else:
        print(*showing.shown(found), sep="\n")
    if any(one.drift for one in found):
        raise typer.Exit(1)
