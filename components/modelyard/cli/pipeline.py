"""`yard pipeline render | wrap`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from modelyard.cli.options import RecordedEnvironment, Team
from modelyard.cli.telling import told

app = typer.Typer(help="Training pipelines for engines of others.", no_args_is_help=True)

Target = Literal["kubeflow", "kubeflow-objects"]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write them to this file.")]


@app.callback()
def pipelines() -> None:
    """Training pipelines for engines of others."""


@app.command()
def render(
    team: Team,
    pipeline: Annotated[str, typer.Argument(help="The pipeline, as the team's file calls it.")],
    env: RecordedEnvironment = "dev",
    form: Annotated[
        Target,
        typer.Option(
            "--as",
            help="kubeflow: the file that Kubeflow Pipelines is given. kubeflow-objects: the same as objects "
            "of its Kubernetes API.",
        ),
    ] = "kubeflow",
    output: Output = None,
) -> None:
    """Compile a pipeline on a cluster for Kubeflow Pipelines, by its own compiler, without a cloud."""
    from modelyard.blueprints.project import Project
    from modelyard.operate.kubeflow import rendered
    from modelyard.operate.putting import writable
    from modelyard.operate.recorded import Recorder

    project = Project.find()
    if output is not None:
        writable(output, "--output")
    with told("recording the team's stack"):
        found = rendered(Recorder(project).graph(team, env), pipeline)
    _compile(found, form, output)


@app.command()
def wrap(
    file: Annotated[Path, typer.Argument(help="What TFX's runner for Kubeflow wrote.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The team's namespace.")],
    output: Output = None,
) -> None:
    """Make a compiled TFX program objects of the Kubernetes API of Kubeflow Pipelines."""
    from modelyard.operate.kubeflow import wrapped
    from modelyard.operate.putting import writable

    if output is not None:
        writable(output, "--output")
    _compile(wrapped(file, namespace), "kubeflow-objects", output)


def _compile(found: dict[str, Any], form: Target, output: Path | None) -> None:
    from modelyard.engine.progress import Shown
    from modelyard.operate.kubeflow import compiled
    from modelyard.operate.putting import put_down

    with Shown() as shown:
        text = compiled(found, "objects" if form == "kubeflow-objects" else "ir", shown)
    if output is None:
        print(text, end="")
        return
    put_down(output, text, "--output")
    typer.echo(f"Wrote {output}.", err=True)
