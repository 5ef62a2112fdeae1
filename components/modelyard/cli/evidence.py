"""`yard evidence list | show | verify | audit | report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli.options import AnyModel, Environment, Html, InTeam, Json, ModelName, Team, Version

if TYPE_CHECKING:
    from modelyard.operate.evidence import Store
    from modelyard.operate.models import Model

app = typer.Typer(help="Evidence of releases: what was released, why, by whom; and whether it still holds.")


@app.callback()
def evidence_of_releases() -> None:
    """Evidence of releases: what was released, why, by whom; and whether it still holds."""


@app.command("list")
def list_(
    name: AnyModel = None,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """List the bundles: version, approver, lock, what is absent, the manifest's hash; and what was released without."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.evidence import bundles, showing, stores_of, without

    if name:
        stores = [_found(name, team, env)[0]]
    else:
        stores = stores_of(deployments.place(Project.find(), env, team, sandbox=False), [team] if team else None)
    names = [name] if name else None
    found = [one for store in stores for one in bundles(store, names)]
    lacking = [one for store in stores for one in without(store, found, names)]
    if json:
        print(_json(showing.listed_as_json(found, lacking)))
    else:
        print(*showing.listed(found, lacking, names or []), sep="\n")


@app.command()
def show(
    name: ModelName,
    version: Version,
    html: Html = None,
    save: Annotated[Path | None, typer.Option(help="Write the bundle's files into this folder, to keep them.")] = None,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Show a bundle: card, lineage, gates, approvals, record, images, infrastructure, policy report."""
    from modelyard.operate.evidence import fetch, place, showing

    found = fetch(*_found(name, team, env), version)
    if html is not None:
        place.write_page(found, html)
    if save is not None:
        place.save(found, save)
    if json:
        print(_json(showing.bundle_as_json(found)))
    else:
        print(*showing.shown(found), sep="\n")


@app.command()
def verify(
    name: ModelName,
    version: Version,
    copy: Annotated[
        Path | None, typer.Option(help="A folder that --save wrote. Absent: what lies in the store.")
    ] = None,
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Verify a bundle: hashes, signature, locks, and the registry's record. Ends with 1 where it doesn't hold."""
    from modelyard.operate.evidence import fetch, saved, showing, verify_copy
    from modelyard.operate.evidence import verify as verify_

    store, model = _found(name, team, env)
    found = verify_(fetch(store, model, version)) if copy is None else verify_copy(saved(store, model, version, copy))
    if json:
        print(_json(showing.verified_as_json(found)))
    else:
        print(*showing.verified(found), sep="\n")
    if found.wrong:
        raise typer.Exit(1)


@app.command()
def audit(
    team: Team,
    since: Annotated[str | None, typer.Option(help="A day, or a moment with its zone. Absent: 30 days back.")] = None,
    until: Annotated[str | None, typer.Option(help="The last day, or a moment. Absent: now.")] = None,
    html: Html = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Tell from the platform's trail who deployed, who approved, and who read which dataset."""
    from datetime import UTC, datetime

    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.evidence import audit as audit_
    from modelyard.operate.evidence import audit_showing, span

    begin, end = span(since, until, datetime.now(UTC))
    found = audit_(deployments.place(Project.find(), env, team, sandbox=False), team, begin, end)
    if html is not None:
        from modelyard.operate.putting import put_down

        put_down(html, audit_showing.page(found), "--html")
    if json:
        print(_json(audit_showing.as_json(found)))
    else:
        print(*audit_showing.shown(found), sep="\n")


@app.command()
def report(
    team: Team,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Put down what the recorded stacks say of who can do what, for the bundles of the releases that follow."""
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.evidence import report as report_

    uri, found = report_(deployments.place(Project.find(), env, team, sandbox=False), team)
    if json:
        print(_json(found))
        return
    refused = len(found["refused_grants"])
    print(f"{uri}: {len(found['identities'])} identities, {refused} grant{'' if refused == 1 else 's'} refused")


def _found(name: str, team: str | None, env: str | None) -> tuple[Store, Model]:
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.evidence import store_of
    from modelyard.operate.models import model_of

    where = deployments.place(Project.find(), env, team, sandbox=False)
    model = model_of(where, name, team)
    return store_of(where, model), model


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, indent=2)
