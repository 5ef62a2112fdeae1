"""`yard cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli.options import Json


def cost(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    env: Annotated[str | None, typer.Option("--env", "-e", help="The environment. Absent: every one.")] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Prices of your own (CSV), over the shipped ones.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what the files' stacks cost in a month, from least to most, without a cloud."""
    from datetime import UTC, datetime

    from rich.console import Console

    from modelyard.blueprints.project import Project
    from modelyard.operate import costing

    with Console(stderr=True).status("reading the files") as status:
        found = costing.costed(
            Project.find(), what=what, environment=env, prices=prices, tell=lambda name: status.update(name)
        )
    if json:
        from json import dumps

        stacks = [one.as_json() for one in found]
        print(dumps({"compiled": costing.COMPILED.isoformat(), "currency": "USD", "stacks": stacks}, indent=2))
    else:
        print(*costing.shown(found, costing.COMPILED, datetime.now(UTC).date()), sep="\n")
