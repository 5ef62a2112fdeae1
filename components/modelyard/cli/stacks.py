"""`yard up | preview | down | refresh`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli.options import Environment, Json, Sandbox, Yes

if TYPE_CHECKING:
    from modelyard.engine import Operation

What = Annotated[str | None, typer.Argument(help="platform, or a team. Absent: the platform and all its teams.")]


def up(
    what: What = None, env: Environment = None, sandbox: Sandbox = False, yes: Yes = False, json: Json = False
) -> None:
    """Create or update the platform and the teams, in the order that they need."""
    _do("up", what, env, sandbox=sandbox, asked=yes, json=json)


def preview(what: What = None, env: Environment = None, sandbox: Sandbox = False, json: Json = False) -> None:
    """Show what `up` would change, and change nothing."""
    _do("preview", what, env, sandbox=sandbox, asked=True, json=json)


def down(
    what: What = None, env: Environment = None, sandbox: Sandbox = False, yes: Yes = False, json: Json = False
) -> None:
    """Destroy the teams and then the platform, or one of them."""
    _do("down", what, env, sandbox=sandbox, asked=yes, json=json)


def refresh(what: What = None, env: Environment = None, sandbox: Sandbox = False, json: Json = False) -> None:
    """Bring the stacks' state up to date with what really exists."""
    _do("refresh", what, env, sandbox=sandbox, asked=True, json=json)


def _do(operation: Operation, what: str | None, env: str | None, *, sandbox: bool, asked: bool, json: bool) -> None:
    from json import dumps

    from rich.console import Console

    from modelyard.blueprints.project import Project
    from modelyard.engine import OperationError
    from modelyard.operate import deployments

    project = Project.find()
    where = deployments.place(project, env, what, sandbox=sandbox)
    if not (asked or where.sandbox or typer.confirm(f"{operation} {', '.join(where.names)} in {where.environment}?")):
        raise typer.Exit(130)
    results: dict[str, object] = {}
    console = None if json else Console()
    try:
        for name, result in deployments.operate(operation, where, what, console):
            results[name] = result.as_json()
    except OperationError as error:
        if json:
            results["failed"] = error.result.as_json()
            print(dumps({"environment": where.environment, "results": results}, indent=2))
            raise typer.Exit(error.exit_code) from None
        raise
    if json:
        print(dumps({"environment": where.environment, "results": results}, indent=2))
        return
    for line in deployments.next_steps(operation, where):
        print(line)
