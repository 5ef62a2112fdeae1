"""`yard report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from modelyard.cli.options import Json
from modelyard.cli.telling import told

Format = Literal["html", "markdown"]


def report(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    env: Annotated[str | None, typer.Option("--env", "-e", help="The environment. Absent: every one.")] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Compare with the files at this commit, branch or tag.")
    ] = None,
    prices: Annotated[Path | None, typer.Option("--prices", help="Prices of your own (CSV), over all others.")] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How results are written.")] = "html",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write them to this file.")] = None,
    comment_file: Annotated[
        Path | None, typer.Option("--comment", help="Also write a pull request's comment of the same to this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Put rules, price, changes, access and lineage of the files' stacks on one page, report.html, without a cloud.

    --format markdown prints a pull request's comment of the same instead; --comment writes it beside the page.
    """
    from modelyard.assess.report.comment import comment
    from modelyard.assess.report.page import document, page
    from modelyard.blueprints.project import Project
    from modelyard.operate.putting import put_down, writable
    from modelyard.operate.reporting import reported

    project = Project.find()
    for file, option in ((output, "--output"), (comment_file, "--comment")):
        if file is not None:
            writable(file, option)
    with told("reading the files") as tell:
        found = reported(project, what=what, environment=env, against=against, prices=prices, tell=tell)
    if comment_file is not None:
        put_down(comment_file, comment(found), "--comment")
        typer.echo(f"Wrote {comment_file}.", err=True)
    if json:
        from json import dumps

        text = dumps(document(found), indent=2) + "\n"
    else:
        text = comment(found) if format == "markdown" else page(found)
    if output is None and (json or format == "markdown"):
        print(text, end="")
        return
    file = output or Path("report.html")
    put_down(file, text, "--output")
    typer.echo(f"Wrote {file}. {'Open it in a browser.' if format == 'html' and not json else ''}".rstrip(), err=True)
