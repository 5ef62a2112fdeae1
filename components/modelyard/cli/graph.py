"""`yard graph`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import Html, RecordedEnvironment


def graph(
    team: Annotated[str | None, typer.Argument(help="The team; without it, the platform's stack.")] = None,
    env: RecordedEnvironment = "dev",
    json: Annotated[bool, typer.Option("--json", help="Print the whole graph as JSON; secrets are left out.")] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid diagram (what is printed anyway).")
    ] = False,
    html: Html = None,
    inside: Annotated[str | None, typer.Option("--inside", help="Draw the inside of this component.")] = None,
) -> None:
    """Show what a stack consists of, without a cloud, a login or the engine."""
    from modelyard.assess.graph.stacks import record_platform, record_team
    from modelyard.blueprints.project import Project
    from modelyard.core.errors import Fault, InputError, Source

    asked = [name for name, given in (("--json", json), ("--html", html), ("--mermaid", mermaid)) if given]
    if len(asked) > 1:
        raise InputError(Fault(f"{' and '.join(asked)} exclude one another", "Name one of them.", Source(asked[1])))
    if inside and (json or html):
        raise InputError(
            Fault(
                f"{asked[0]} shows the whole graph",
                "Leave it out: only the diagram has an inside.",
                Source("--inside"),
                inside,
            )
        )
    project = Project.find()
    if html is not None:
        from modelyard.assess.report.page import page
        from modelyard.operate.putting import put_down, writable
        from modelyard.operate.reporting import pictured

        writable(html, "--html")
        found = record_team(project.root, team, env) if team else record_platform(project.root, env)
        put_down(html, page(pictured(project, found, team, env)), "--html")
        typer.echo(f"Wrote {html}. Open it in a browser.", err=True)
        return
    found = record_team(project.root, team, env) if team else record_platform(project.root, env)
    typer.echo(found.to_json() if json else found.to_mermaid(inside), nl=False)
