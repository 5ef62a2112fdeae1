"""`yard endpoint shadow`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Environment, Html, InTeam, Json

app = typer.Typer(help="Endpoints: what a shadow would have answered.")


@app.callback()
def endpoints() -> None:
    """Endpoints: what a shadow would have answered."""


@app.command()
def shadow(
    name: Annotated[str, typer.Argument(help="The endpoint, as the team's file calls it.")],
    hours: Annotated[int, typer.Option(help="How far to look back.", min=1, max=720)] = 24,
    html: Html = None,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Compare a shadow with production by captured calls. Ends with 1 where it isn't within what the file tolerates."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.endpoints import endpoint_of, shadow_report, told

    where = deployments.place(Project.find(), env, team, sandbox=False)
    report = shadow_report(endpoint_of(where, name, team), hours=hours)
    if html is not None:
        from modelyard.operate.putting import put_down
        from modelyard_jobs.shadow import page

        put_down(html, page(report), "--html")
    print(report.as_json() if json else "\n".join(told(report)))
    if report.verdict != "holds":
        raise typer.Exit(1)
