"""`yard engine status | install`: which Pulumi CLI is used, and how it gets here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from modelyard.cli.options import Json

if TYPE_CHECKING:
    from modelyard.engine import Engine

app = typer.Typer(help="The Pulumi CLI that deploys: found, downloaded or built.", no_args_is_help=True)


@app.command()
def status(json: Json = False) -> None:
    """Show which engine is used, where it came from, and what the cache folder holds. Changes nothing."""
    from modelyard.engine import locate

    _print(locate(), json)


@app.command()
def install(json: Json = False) -> None:
    """Install the engine if this machine has none: the official release, else built from its Go modules."""
    from modelyard.engine import Shown
    from modelyard.engine import install as install_engine

    with Shown() as progress:
        engine = install_engine(progress)
    _print(engine, json)


def _print(engine: Engine | None, json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from modelyard.engine.places import VERSION, cache, size

    folder = cache()
    held = size(folder)
    if json:
        import json as writer

        facts = {
            "engine": engine.as_json() if engine else None,
            "wanted": VERSION,
            "cache": str(folder),
            "cache_bytes": held,
        }
        typer.echo(writer.dumps(facts, indent=2))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if engine is None:
        table.add_row("Pulumi CLI", f"none yet; `yard engine install` brings {VERSION}")
    else:
        origins = {"path": "yours", "release": "the official release", "built": "built from its Go modules"}
        hosts = {"official": "Pulumi's", "modelyard": "Modelyard's"}
        table.add_row("Pulumi CLI", str(engine.path))
        table.add_row("version", engine.version)
        table.add_row("source", f"{engine.source} ({origins[engine.source]})")
        table.add_row("language host", f"{engine.host} ({hosts[engine.host_kind]})")
    table.add_row("cache", f"{folder} ({held / 1e9:.2f} GB)")
    Console().print(table)
