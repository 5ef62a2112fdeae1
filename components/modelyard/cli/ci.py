"""`yard ci`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from modelyard.cli.options import Json

System = Literal["github", "gitlab", "jenkins", "ansible"]


def ci(
    system: Annotated[System, typer.Argument(help="The CI system, or ansible for a playbook.")],
    write: Annotated[bool, typer.Option("--write", help="Write the file to where the system reads it.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 where the file doesn't say this.")
    ] = False,
    json: Json = False,
) -> None:
    """Print a pipeline that checks each proposed change and deploys what is merged, from the project's files."""
    from modelyard.blueprints.project import Project
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.core.source import shown_path
    from modelyard.operate.ci import pipeline

    if write and check:
        raise InputError(Fault("contradicts --write", "Leave one of the two away.", Source("--check")))
    made = pipeline(Project.find(), system)
    if write:
        made.write()
    if json:
        from json import dumps

        print(dumps(made.as_json(), indent=2))
    elif check:
        print(f"{shown_path(str(made.path))} {'is up to date' if made.is_current else 'is out of date'}")
        if not made.is_current:
            print(f"Next: yard ci {system} --write")
    elif write:
        print(f"wrote {shown_path(str(made.path))}", *(f"left out: {reason}" for reason in made.left_out), sep="\n")
        print("\nNext, once:", *(f"  {line}" for line in made.to_set_up), sep="\n")
    else:
        print(made.text, end="")
    if check and not made.is_current:
        raise typer.Exit(1)
