"""`yard retrain`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Environment, InTeam, Json


def retrain(
    name: Annotated[str, typer.Argument(help="The loop, as the team's file calls it.")],
    why: Annotated[str, typer.Option(help="Why now; it stands in the run's record and in the release.")],
    version: Annotated[
        int | None,
        typer.Option(min=1, help="A version that is registered: it is brought, and nothing is trained, as to go back."),
    ] = None,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Start a retraining loop by hand; its guards hold as for every trigger."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments, retraining

    where = deployments.place(Project.find(), env, team, sandbox=False)
    found = retraining.start(retraining.loop_of(where, name, team), why, version=version)
    if json:
        from json import dumps

        print(dumps(retraining.as_json(found), indent=2))
    else:
        for line in retraining.told(found):
            print(line)
