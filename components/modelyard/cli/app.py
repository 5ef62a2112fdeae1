"""The commands of `yard`, mounted; each imports what it needs when it runs, so that help answers at once."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated

import typer

from modelyard.cli import data, endpoint, engine, evidence, incident, model, pipeline, secrets, stacks, teams
from modelyard.cli.access import access
from modelyard.cli.charts import charts
from modelyard.cli.check import check, rules
from modelyard.cli.ci import ci
from modelyard.cli.cost import cost
from modelyard.cli.drift import drift
from modelyard.cli.graph import graph
from modelyard.cli.plan import guard, plan
from modelyard.cli.report import report
from modelyard.cli.retraining import retrain

app = typer.Typer(
    name="yard",
    help="Machine-learning platforms as code: deploy, check and run them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print Modelyard's version and stop.")] = False,
) -> None:
    """Machine-learning platforms as code: deploy, check and run them."""
    if version:
        from importlib.metadata import version as version_of

        print(version_of("modelyard"))
        raise typer.Exit


for command in (stacks.up, stacks.preview, stacks.down, stacks.refresh):
    app.command()(command)
for command in (graph, access, charts, check, rules, cost, plan, guard, drift, report, ci, retrain, teams.schema):
    app.command()(command)
app.add_typer(teams.new, name="new")
app.add_typer(teams.existing, name="team")
app.add_typer(data.app, name="data")
app.add_typer(endpoint.app, name="endpoint")
app.add_typer(engine.app, name="engine")
app.add_typer(evidence.app, name="evidence")
app.add_typer(incident.app, name="incident")
app.add_typer(model.app, name="model")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(secrets.app, name="secrets")
for extension in entry_points(group="modelyard.cli"):
    app.add_typer(extension.load(), name=extension.name)
