"""`yard new project`, `yard new team`, `yard team remove` and `yard schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli.options import Environment, Json, Team, Yes

NOBODY = "Platform Team <platform@example.com>"
"""Who owns a team that was made without an owner, until somebody writes a name in."""

new = typer.Typer(help="Make something new.", no_args_is_help=True)


existing = typer.Typer(help="Teams that there are.", no_args_is_help=True)


@existing.callback()
def teams_that_there_are() -> None:
    """Teams that there are."""


@existing.command()
def remove(
    name: Team,
    keep: Annotated[str, typer.Option(help="Where what must be kept goes: a folder, or s3://bucket/prefix.")],
    env: Environment = None,
    yes: Yes = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; wants --yes.")] = False,
) -> None:
    """Take a team out of an environment: export what must be kept, end its access, and leave nothing of it."""
    from datetime import UTC, datetime
    from json import dumps

    from rich.console import Console

    from modelyard.blueprints.project import Project
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.operate import archive, deployments, removal
    from modelyard.operate.cloud import Cloud

    if json and not yes:
        raise InputError(Fault("asks nothing, and this can't be undone", "Add --yes.", Source("--json")))
    where = deployments.place(Project.find(), env, name, sandbox=False)
    plan = removal.planned(where, name)
    cloud = Cloud(where)
    removal.refuse_locked(plan, cloud)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    store = archive.store(keep, f"{name}-{where.environment}-{stamp}", lambda: cloud.client("s3"))
    if not json:
        print(f"{name} leaves {where.environment}: {plan.resources} resources go")
        for part in plan.parts:
            print(f"  kept: {part.name} ({part.reason})")
        print(f"  in {store.place}")
    if not yes and typer.prompt("Type the team's name to go on") != name:
        raise typer.Exit(130)
    done = removal.remove(where, plan, store, cloud, None if json else Console())
    if json:
        print(dumps(done.as_json(), indent=2))
    else:
        print(f"kept {done.files} files, {done.bytes:,} bytes, in {done.archive}")
        print(f"left: {done.left or 'nothing'}")
        print(f"Next: commit {', '.join(done.edited)}")
    if done.left:
        raise typer.Exit(1)


@new.callback()
def something() -> None:
    """Make something new."""


@new.command()
def project(
    folder: Annotated[Path, typer.Argument(help="The folder to write it into.")],
    blueprint: Annotated[
        str, typer.Option(help="What the platform begins with: standard or gpu-cluster.")
    ] = "standard",
    organization: Annotated[str, typer.Option(help="Who runs the platform: lower-case letters and digits.")] = "acme",
    notify: Annotated[str, typer.Option(help="Who hears of alarms and budgets: an address.")] = "platform@example.com",
    json: Json = False,
) -> None:
    """Write a new project: the platform's file and the programs that Pulumi runs; teams come by `yard new team`."""
    from modelyard.blueprints.beginning import new_project
    from modelyard.core.source import shown_path

    written = [shown_path(str(path)) for path in new_project(folder, blueprint, organization, notify)]
    if json:
        from json import dumps

        print(dumps({"folder": str(folder), "blueprint": blueprint, "written": written}, indent=2))
        return
    for path in written:
        print(f"wrote {path}")
    print(f"\nNext: read {shown_path(str(folder / 'platform' / 'platform.yaml'))}, then")
    print(f"  cd {folder}")
    print("  yard new team NAME --owner 'Ada Lovelace <ada@example.com>'")
    print("  yard up --sandbox")


@new.command()
def team(
    name: Annotated[str, typer.Argument(help="The team's name: lower-case letters and digits, 16 at most.")],
    owner: Annotated[str, typer.Option(help='Who answers for the team: "Name <address>".')] = NOBODY,
    blueprint: Annotated[str, typer.Option(help="What the team begins with: realtime, batch or gpu.")] = "realtime",
    env: Annotated[
        list[str] | None, typer.Option(help="An environment of the team; repeat it for more. Absent: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the file of a new team and the configuration of its stacks, and say what to do next."""
    from modelyard.blueprints import Project
    from modelyard.blueprints.vending import new_team
    from modelyard.core.source import shown_path

    project = Project.find()
    environments = env or project.environments()
    written = [shown_path(str(path)) for path in new_team(project, name, blueprint, owner, environments)]
    if json:
        from json import dumps

        print(dumps({"team": name, "environments": environments, "written": written}, indent=2))
        return
    for path in written:
        print(f"wrote {path}")
    if owner == NOBODY:
        print(f"nobody owns it yet: put a name and an address in place of {NOBODY}")
    print(f"\nNext: edit {written[0]}, then")
    print(f"  yard up {name} --env {environments[0]}")
    print("which updates the platform first: it makes the team's key, boundary and deployment role.")


def schema(
    kind: Annotated[str, typer.Argument(help="platform or team")] = "team",
    write: Annotated[bool, typer.Option("--write", help="Write both schemas beside the files they describe.")] = False,
) -> None:
    """Print the JSON schema of the platform's file or of a team's, for editors and generators."""
    from modelyard.blueprints import schema as schemas
    from modelyard.blueprints.project import Project
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.core.source import shown_path

    if kind not in schemas.KINDS:
        raise InputError(Fault("is no kind of file", f"Use {' or '.join(schemas.KINDS)}.", Source("schema"), kind))
    if write:
        for path in schemas.write(Project.find()):
            print(f"wrote {shown_path(path)}")
    else:
        print(schemas.text(kind), end="")
