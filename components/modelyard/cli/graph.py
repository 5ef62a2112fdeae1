"""`yard graph`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import RecordedEnvironment


def graph(
    team: Annotated[str | None, typer.Argument(help="The team; without it, the platform's stack.")] = None,
    env: RecordedEnvironment = "dev",
    json: Annotated[bool, typer.Option("--json", help="Print the whole graph as JSON; secrets are left out.")] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid diagram (what is printed anyway).")
    ] = False,
    inside: Annotated[str | None, typer.Option("--inside", help="Draw the inside of this component.")] = None,
) -> None:
    """Show what a stack consists of, without a cloud, a login or the engine."""
    from modelyard.assess.graph.stacks import record_platform, record_team
    from modelyard.blueprints.project import Project
    from modelyard.core.errors import Fault, InputError

    if json and (mermaid or inside):
        raise InputError(Fault("--json prints the whole graph, not a diagram", "Leave out --mermaid and --inside."))
    root = Project.find().root
    found = record_team(root, team, env) if team else record_platform(root, env)
    typer.echo(found.to_json() if json else found.to_mermaid(inside), nl=False)
