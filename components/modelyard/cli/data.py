"""`yard data snapshot | list | diff | erase | restore`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli.options import Environment, InTeam, Json, Team

if TYPE_CHECKING:
    from modelyard.operate.data import Lake

app = typer.Typer(help="Versions of a team's data: snapshots, differences, restores, erasures.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(help="The dataset, as the team's file calls it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it. Absent: only show what would be done.")]
Hash = Annotated[str, typer.Argument(help="A snapshot: the beginning of its hash.")]


@app.callback()
def versions() -> None:
    """Versions of a team's data: snapshots, differences, restores, erasures."""


@app.command()
def snapshot(
    team: Team,
    dataset: Dataset,
    env: Environment = None,
    prefix: Annotated[str, typer.Option(help="Only what lies below, such as day=2026-01-01. Absent: all.")] = "",
    json: Json = False,
) -> None:
    """Take a snapshot of a dataset: its object versions, schema, rows and statistics, for good."""
    from modelyard.operate.data import showing, take

    taken = take(_lake(team, env).dataset(dataset), prefix)
    if json:
        print(taken.manifest.model_dump_json(indent=2))
    else:
        _print(showing.snapshot(taken.manifest, new=taken.new))


@app.command("list")
def list_(
    team: Team,
    dataset: Annotated[str | None, typer.Argument(help="The dataset. Absent: all of the team's.")] = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """List the snapshots of a team, the oldest first."""
    from json import dumps

    from modelyard.core.snapshots import SnapshotSummary
    from modelyard.operate.data import manifests, showing

    lake = _lake(team, env)
    known = manifests(lake, lake.dataset(dataset).name if dataset else None)
    found = [SnapshotSummary.of(one.manifest) for one in known]
    if json:
        print(dumps([one.model_dump(mode="json") for one in found], indent=2))
    else:
        _print(showing.snapshots(found))


@app.command()
def diff(
    a: Annotated[str, typer.Argument(help="The older snapshot: the beginning of its hash.")],
    b: Annotated[str, typer.Argument(help="The newer one.")],
    team: InTeam = None,
    env: Environment = None,
    json: Json = False,
) -> None:
    """Show what two snapshots differ in: objects, schema, rows, and the distribution of each column."""
    from modelyard.core.snapshots import difference
    from modelyard.operate.data import find, showing

    lakes = _lakes(team, env)
    found = difference(*(find(lakes, one, argument_name=name).manifest for name, one in (("A", a), ("B", b))))
    if json:
        print(found.model_dump_json(indent=2))
    else:
        _print(showing.difference(found))


@app.command()
def erase(
    team: Team,
    dataset: Dataset,
    where: Annotated[
        list[str], typer.Option(help="COLUMN=VALUE that the subject's rows have; all of them, where repeated.")
    ],
    reference: Annotated[
        str, typer.Option(help="The request in your register. The record names it, and never the subject.")
    ] = "",
    env: Environment = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take a subject's rows out of a dataset, with all its versions and snapshots; see docs/erasure.md."""
    from modelyard.operate import data
    from modelyard.operate.data import showing

    wanted = _conditions(where)
    planned = data.plan(_lake(team, env).dataset(dataset), wanted)
    if not yes:
        if json:
            print(_json(showing.plan_as_json(planned)))
        else:
            _print(showing.planned(planned))
            print("Nothing is changed yet. Do it: the same command with --yes")
        return
    evidence = data.erase(planned, reference=reference)
    if json:
        print(evidence.model_dump_json(indent=2))
    else:
        _print(showing.erased(evidence))
    if not evidence.complete:
        raise typer.Exit(1)


@app.command()
def restore(
    team: Team,
    dataset: Dataset,
    snapshot: Hash,
    to: Annotated[
        str | None, typer.Option(help="The prefix. Absent: beside the dataset. The dataset's own: it is brought back.")
    ] = None,
    discard: Annotated[bool, typer.Option("--discard", help="A drill: delete the copies once proven.")] = False,
    env: Environment = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Change the dataset itself, where --to is its own.")] = False,
    json: Json = False,
) -> None:
    """Bring a snapshot back: copy its versions, read the copies, and compare hashes and rows; see docs/restore.md."""
    from modelyard.operate import data
    from modelyard.operate.data import showing

    lake = _lake(team, env)
    place = lake.dataset(dataset)
    found = data.find([lake], snapshot, dataset=place.name)
    planned = data.plan_restore(place, found.manifest, to)
    done = yes or not planned.live
    if done:
        data.restore(planned, discard=discard)
    if json:
        print(_json({"done": done, **showing.restore_as_json(planned)}))
    else:
        _print(showing.restored(planned, done=done))
        if not done:
            print("Nothing is changed yet. Do it: the same command with --yes")


def _lake(team: str, env: str | None) -> Lake:
    return _lakes(team, env)[0]


def _lakes(team: str | None, env: str | None) -> list[Lake]:
    from modelyard.blueprints.project import Project
    from modelyard.operate import deployments
    from modelyard.operate.data import lake_of, lakes_of

    where = deployments.place(Project.find(), env, team, sandbox=False)
    return [lake_of(where, team)] if team else lakes_of(where)


def _conditions(where: Iterable[str]) -> dict[str, str]:
    from modelyard.core.errors import Fault, InputError, Source

    wanted: dict[str, str] = {}
    for one in where:
        column, equals, value = one.partition("=")
        if not column or not equals or not value or column in wanted:
            raise InputError(Fault("is no COLUMN=VALUE of its own", "entity_id=42, say.", Source("--where"), column))
        wanted[column] = value
    return wanted


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, indent=2)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
