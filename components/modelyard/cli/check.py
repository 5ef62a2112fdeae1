"""`yard check` and `yard rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from modelyard.cli.options import Json, Sandbox
from modelyard.cli.telling import told

if TYPE_CHECKING:
    from modelyard.operate.remembering import Asked

Format = Literal["text", "json", "sarif", "junit", "markdown"]
Profile = Literal["sandbox", "baseline", "regulated"]


def check(
    what: Annotated[str | None, typer.Argument(help="platform, or a team. Absent: all.")] = None,
    all: Annotated[bool, typer.Option("--all", help="The platform and every team, as where nothing is named.")] = False,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Ask about what is deployed, by its state, not about the files.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option("--state", help="Ask about this file, written by pulumi stack export.")
    ] = None,
    env: Annotated[str | None, typer.Option("--env", "-e", help="The environment. Absent: every one.")] = None,
    profile: Annotated[
        Profile | None, typer.Option("--profile", help="Stricter than the platform's file says.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How results are written.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write them to this file.")] = None,
    checkov: Annotated[bool, typer.Option("--checkov", help="Ask Checkov as well; its findings stop nothing.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask everything anew, whatever is known from earlier.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file is saved.")] = False,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Check the files' stacks by every rule, without a cloud; or what is deployed. Ends with 1 where anything stops."""
    from modelyard.core.errors import Fault, InputError, Source
    from modelyard.core.root import project_root
    from modelyard.operate.remembering import Asked

    if all and what is not None:
        raise InputError(Fault("there is a stack named beside it", "Leave out one of them.", Source("--all"), what))
    asks_a_state = "--state" if state is not None else "--deployed" if deployed else ""
    beside = (("--deployed", deployed), ("--checkov", checkov), ("--fresh", fresh), ("--watch", watch))
    apart = [name for name, given in beside if given and name != asks_a_state]
    if asks_a_state and apart:
        problem = f"doesn't go with {' or '.join(apart)}"
        raise InputError(Fault(problem, "Leave out one of them.", Source(asks_a_state)))
    if output is not None:
        from modelyard.operate.putting import writable

        writable(output, "--output")
    root = project_root()
    form: Format = "json" if json else format
    if asks_a_state:
        if _say_of_states(root, what, env, profile, state, form, output, sandbox=sandbox):
            raise typer.Exit(1)
        return
    asked = Asked(root, what, env, profile, form, checkov=checkov, fresh=fresh)
    if watch:
        from modelyard.cli import ended
        from modelyard.operate.watching import watched

        watched(root, lambda: ended(lambda: _say(asked, output)), but=output)
    elif _say(asked, output):
        raise typer.Exit(1)


def _say(asked: Asked, output: Path | None) -> bool:
    """Print what the rules say, or write it to a file; whether anything stops."""
    said = asked.remembered()
    if said is None:
        with told("reading the files") as tell:
            said = asked.now(tell)
    _put(said.text, output)
    return said.stops


def _say_of_states(
    root: Path,
    what: str | None,
    env: str | None,
    profile: Profile | None,
    state: Path | None,
    form: Format,
    output: Path | None,
    *,
    sandbox: bool,
) -> bool:
    from modelyard.assess.policy.outputs.writing import written
    from modelyard.blueprints.project import Project
    from modelyard.operate.checking_states import checked_deployed, checked_state

    project = Project(root)
    with told("reading the state") as tell:
        if state is not None:
            found = checked_state(project, state, what=what, environment=env, profile=profile, tell=tell)
        else:
            found = checked_deployed(project, what=what, environment=env, profile=profile, sandbox=sandbox, tell=tell)
    _put(written(found, form), output)
    return found.stops


def _put(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="", flush=True)
        return
    from modelyard.operate.putting import put_down

    put_down(output, text, "--output")


def rules(json: Json = False) -> None:
    """List every rule, those of the project among them: what it asks, why, and what to do."""
    from modelyard.assess.policy.own import rules_of
    from modelyard.assess.policy.rules import CATALOGUE
    from modelyard.core.errors import InputError
    from modelyard.core.root import project_root

    try:
        root = project_root()
    except InputError:
        known = CATALOGUE
    else:
        known = rules_of(root)
    if json:
        from json import dumps

        print(dumps([rule.as_json() for rule in known], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("rule", "severity", "asks", "maps to")
    for rule in known:
        table.add_row(rule.id, str(rule.severity), rule.title, ", ".join(rule.maps))
    console = Console()
    console.print(table)
    console.print("What maps to NIST, SOC 2, AIA (the EU AI Act) and NIST's AI RMF is our own reading.", style="dim")
