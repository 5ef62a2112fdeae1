"""`yard pipeline render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from modelyard.cli.options import RecordedEnvironment, Team
from modelyard.cli.telling import told

app = typer.Typer(help="Training pipelines for engines of others.", no_args_is_help=True)

Target = Literal["kubeflow", "kubeflow-objects"]


@app.callback()
def pipelines() -> None:
    """Training pipelines for engines of others."""


@app.command()
def render(
    team: Team,
    pipeline: Annotated[str, typer.Argument(help="The pipeline, as the team's file calls it.")],
    env: RecordedEnvironment = "dev",
    to: Annotated[
        Target,
        typer.Option(
            "--to",
            help="kubeflow: the file that Kubeflow Pipelines is given. kubeflow-objects: the same as objects "
            "of its Kubernetes API.",
        ),
    ] = "kubeflow",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file. Absent: it is printed.")
    ] = None,
) -> None:
    """Compile a pipeline on a cluster for Kubeflow Pipelines, by its own compiler, without a cloud."""
    from modelyard.blueprints.project import Project
    from modelyard.engine.progress import Shown
    from modelyard.operate.kubeflow import compiled, rendered
    from modelyard.operate.putting import put_down, writable
    from modelyard.operate.recorded import Recorder

    project = Project.find()
    if output is not None:
        writable(output, "--output")
    with told("recording the team's stack"):
        found = rendered(Recorder(project).graph(team, env), pipeline)
    with Shown() as shown:
        text = compiled(found, "objects" if to == "kubeflow-objects" else "ir", shown)
    if output is None:
        print(text, end="")
        return
    put_down(output, text, "--output")
    typer.echo(f"Wrote {output}.", err=True)
