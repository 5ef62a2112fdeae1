"""`yard plan` and `yard guard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli.options import Against, Json, Markdown, Sandbox

if TYPE_CHECKING:
    from modelyard.assess.impact.acknowledged import Guarded
    from modelyard.assess.impact.plan import Plan
    from modelyard.blueprints.project import Project

What = Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")]
Env = Annotated[
    str | None,
    typer.Option("--env", "-e", help="The environment. Absent: every one with --against, else the platform's first."),
]
State = Annotated[Path | None, typer.Option("--state", help="Compare with this file, written by pulumi stack export.")]
Preview = Annotated[
    Path | None,
    typer.Option("--preview", help="Tell this file, written by pulumi preview --json --show-sames, instead."),
]


def plan(
    what: What = None,
    env: Env = None,
    against: Against = None,
    state: State = None,
    preview: Preview = None,
    sandbox: Sandbox = False,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Say what the files would change, replace and destroy. Compares with what is deployed unless told otherwise."""
    from modelyard.blueprints.project import Project

    found = _planned(Project.find(), what, env, against, state, preview, sandbox=sandbox)
    _print(found, None, json=json, markdown=markdown)


def guard(
    what: What = None,
    env: Env = None,
    against: Against = None,
    state: State = None,
    preview: Preview = None,
    sandbox: Sandbox = False,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Refuse a plan that loses state, unless acknowledged.yaml names each loss. Ends with 1 where it refuses."""
    from modelyard.blueprints.project import Project
    from modelyard.operate.guarding import guard as guard_

    project = Project.find()
    found, verdict = guard_(project, lambda: _planned(project, what, env, against, state, preview, sandbox=sandbox))
    _print(found, verdict, json=json, markdown=markdown)
    if verdict.refused or verdict.impossible:
        raise typer.Exit(1)


def _planned(
    project: Project,
    what: str | None,
    env: str | None,
    against: str | None,
    state: Path | None,
    preview: Path | None,
    *,
    sandbox: bool,
) -> Plan:
    from modelyard.cli.telling import told
    from modelyard.operate.planning import planned

    with told("reading the files") as tell:
        return planned(
            project,
            what=what,
            environment=env,
            against=against,
            state=state,
            preview=preview,
            sandbox=sandbox,
            tell=tell,
        )


def _print(found: Plan, verdict: Guarded | None, *, json: bool, markdown: bool) -> None:
    from modelyard.assess.impact import outputs
    from modelyard.core.errors import Fault, InputError, Source

    if json and markdown:
        raise InputError(Fault("is another form than --json", "Ask for one of them.", Source("--markdown")))
    if json:
        from json import dumps

        said = found.as_json() | ({"guard": verdict.as_json()} if verdict else {})
        print(dumps(said, indent=2))
    elif markdown:
        print(outputs.markdown(found, verdict), end="")
    else:
        print(*outputs.lines(found), *(outputs.guarded_lines(verdict) if verdict else ()), sep="\n")
