"""`yard model list | show | approve | reject | promote | lineage`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from modelyard.cli.options import AnyModel, Environment, InTeam, Json, ModelName, Version

if TYPE_CHECKING:
    from modelyard.operate.models import Model

app = typer.Typer(help="Versions of models: gates, approvals, promotion, lineage.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; it stands in the record.")]


@app.callback()
def versions_of_models() -> None:
    """Versions of models: gates, approvals, promotion, lineage."""


@app.command("list")
def list_(
    name: AnyModel = None,
    team: InTeam = None,
    env: Environment = None,
    most: Annotated[int, typer.Option(help="How many versions of each model, the newest first.", min=1)] = 20,
    json: Json = False,
) -> None:
    """List versions: status, author, and whether their gates hold."""
    from modelyard.operate.models import showing, versions

    models = [_model(name, team, env)] if name else _models(team, env)
    found = [one for model in models for one in versions(model, most)]
    if json:
        print(_json([showing.summary_as_json(one) for one in found]))
    else:
        _print(showing.listed(found, [model.name for model in models]))


@app.command()
def show(name: ModelName, version: Version, team: InTeam = None, env: Environment = None, json: Json = False) -> None:
    """Show a version: metrics, gates and their verdicts, who approved it, and whether its signature is valid."""
    from modelyard.operate.models import look, showing

    found = look(_model(name, team, env), version)
    if json:
        print(_json(showing.version_as_json(found)))
    else:
        _print(showing.shown(found))


@app.command()
def approve(
    name: ModelName,
    version: Version,
    reason: Reason = "",
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Approve a version in your own name; the promotion looks at everything again, signs, and sets the status."""
    _decide(name, version, "approved", reason, team, env, json)


@app.command()
def reject(
    name: ModelName,
    version: Version,
    reason: Reason = "",
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Reject a version in your own name."""
    _decide(name, version, "rejected", reason, team, env, json)


@app.command()
def promote(
    name: ModelName,
    version: Version,
    to: Annotated[str, typer.Option(help="The environment to register it in, where it waits for approval.")],
    env: Environment = None,
    team: InTeam = None,
    image: Annotated[
        str, typer.Option(help="The same serving image in a repository there, by digest. Absent: where it is.")
    ] = "",
    json: Json = False,
) -> None:
    """Register a released version in another environment, by digest, once its record and bytes are verified."""
    from modelyard.operate import models
    from modelyard.operate.models import showing

    source = _model(name, team, env)
    target = _model(name, source.registry.team, to)
    found = models.promote(source, version, target, image)
    if json:
        print(_json(showing.promoted_as_json(found)))
    else:
        _print(showing.promoted(found))


@app.command()
def lineage(
    name: ModelName,
    version: Version,
    team: InTeam = None,
    env: Environment = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid diagram.")] = False,
    json: Json = False,
) -> None:
    """Show where a version comes from: data, features, code, run, package, release."""
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.operate.models import lineage as way
    from modelyard.operate.models import trace

    if json and mermaid:
        raise InputError(Fault("is no JSON", "Leave one of the two away.", Source("--mermaid")))
    found = trace(_model(name, team, env), version)
    if json:
        print(_json(way.as_json(found)))
    else:
        _print(way.mermaid(found) if mermaid else way.tree(found))


def _decide(
    name: str,
    version: int,
    decision: Literal["approved", "rejected"],
    reason: str,
    team: str | None,
    env: str | None,
    json: bool,
) -> None:
    from modelyard.operate.models import decide, showing

    found = decide(_model(name, team, env), version, decision, reason)
    if json:
        print(_json(showing.outcome_as_json(found)))
    else:
        _print(showing.decided(found))


def _model(name: str, team: str | None, env: str | None) -> Model:
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.models import model_of

    return model_of(deployments.place(Project.find(), env, team, sandbox=False), name, team)


def _models(team: str | None, env: str | None) -> list[Model]:
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.models import registries_of

    where = deployments.place(Project.find(), env, team, sandbox=False)
    return [model for registry in registries_of(where, [team] if team else None) for model in registry.models]


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, indent=2)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
