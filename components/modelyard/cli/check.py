"""`yard check` and `yard rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from modelyard.cli.options import Json, Sandbox

if TYPE_CHECKING:
    from modelyard.blueprints.project import Project

Format = Literal["text", "json", "sarif", "junit", "markdown"]


def check(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Compare what really exists with what was deployed.")
    ] = False,
    env: Annotated[str | None, typer.Option("--env", "-e", help="The environment. Absent: every one.")] = None,
    profile: Annotated[
        Literal["sandbox", "baseline", "regulated"] | None,
        typer.Option("--profile", help="Stricter than the platform's file says."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How results are written.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write them to this file.")] = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Check the files' stacks by every rule, without a cloud; or what is deployed. Ends with 1 where anything stops."""
    from modelyard.blueprints.project import Project

    if deployed:
        _deployed(Project.find(), what, env, sandbox=sandbox, json=json)
        return
    from rich.console import Console

    from modelyard.assess.policy.outputs.writing import written
    from modelyard.operate.checking import checked

    quiet = Console(stderr=True)
    with quiet.status("reading the files") as status:
        found = checked(
            Project.find(), what=what, environment=env, profile=profile, tell=lambda name: status.update(name)
        )
    text = written(found, "json" if json else format)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, "utf-8")
    if found.stops:
        raise typer.Exit(1)


def _deployed(project: Project, what: str | None, env: str | None, *, sandbox: bool, json: bool) -> None:
    from modelyard.operate import deployments
    from modelyard.operate.deployed import check as check_
    from modelyard.operate.deployed import showing

    where = deployments.place(project, env, what, sandbox=sandbox)
    found = check_(where, what)
    if json:
        from json import dumps

        print(dumps(showing.as_json(where.environment, found), indent=2))
    else:
        print(*showing.shown(found), sep="\n")
    if any(one.drift for one in found):
        raise typer.Exit(1)


def rules(json: Json = False) -> None:
    """List every rule: what it asks, why, and what to do."""
    from modelyard.assess.policy.rules import CATALOGUE

    if json:
        from json import dumps

        print(dumps([rule.as_json() for rule in CATALOGUE], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("rule", "severity", "asks", "maps to")
    for rule in CATALOGUE:
        table.add_row(rule.id, str(rule.severity), rule.title, ", ".join(rule.maps))
    Console().print(table)
