"""Deploying the platform and the teams of a project, in the order that they need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from modelyard import engine
from modelyard.blueprints.programs import team_stack
from modelyard.blueprints.project import Project
from modelyard.core.champions import promoted_prefix
from modelyard.core.context import Context
from modelyard.core.emulators import emulator
from modelyard.core.errors import Fault, InputError, Source, SpecError
from modelyard.core.names import Names
from modelyard.core.source import shown_path
from modelyard.engine import Operation, Result, StackTarget
from modelyard.operate import contexts, promoted
from modelyard.operate.cloud import Cloud

PLATFORM: Final = "platform"
BACKEND: Final = "PULUMI_BACKEND_URL"
_OPERATIONS: Final = {"up": engine.up, "preview": engine.preview, "down": engine.down, "refresh": engine.refresh}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment goes: an environment of a project, in the user's cloud or in the sandbox.

    `names` are the stacks to work on, as people call them, the platform first. `variables` lie over this process's
    environment; None takes a variable away.
    """

    project: Project
    environment: str
    sandbox: bool
    names: tuple[str, ...]
    variables: Mapping[str, str | None]


def place(project: Project, environment: str | None, what: str | None, *, sandbox: bool) -> Place:
    """The place to deploy `what` to, every file sound; an environment of the sandbox has its emulator started.

    Absent environment: the platform's first, or with `sandbox` its first one that lives there. Raises `InputError` for
    an environment that the platform hasn't, or that doesn't live in the sandbox though `sandbox` asks for it.
    """
    known = project.environments()
    option = Source("--env")
    if environment is not None and environment not in known:
        raise InputError(Fault(f"is no environment; there are: {', '.join(known)}", "Use one.", option, environment))
    candidates = [environment] if environment else known
    if sandbox:
        candidates = [name for name in candidates if project.platform(name).sandbox]
    if not candidates:
        file = Source(shown_path(str(project.platform_file)), "environments")
        if environment:
            raise InputError(
                Fault("doesn't live in the sandbox", "Leave --sandbox away, or use another.", option, environment)
            )
        raise InputError(Fault("has no environment to deploy", "Add `local: {sandbox: true, …}`.", file))
    chosen = candidates[0]
    names = tuple(checked(project, chosen, what))
    variables: Mapping[str, str | None] = {}
    local = project.platform(chosen).sandbox
    if local:
        started = emulator()
        started.start(project.root)
        variables = started.environment(project.root)
    contexts.refuse_unknown(project.platform(chosen), variables)
    return Place(project, chosen, local, names, variables)


def checked(project: Project, environment: str, what: str | None) -> list[str]:
    """The stacks to work on, by what people call them, platform first; every file that they need is sound.

    `what`: `platform`, a team, or nothing for all. Raises `SpecError` with the faults of all files.
    """
    faults: list[Fault] = []

    def collect(look: Callable[[], object]) -> None:
        try:
            look()
        except SpecError as error:
            faults.extend(error.faults)

    collect(lambda: project.platform(environment))
    collect(lambda: project.headers(environment))
    teams = [what] if what not in (None, PLATFORM) else _teams_in(project, environment, collect)
    for team in teams if what != PLATFORM else []:
        collect(lambda team=team: project.team(team, environment))
    if faults:
        raise SpecError(*{str(fault): fault for fault in faults}.values())
    return [PLATFORM, *(teams if what != PLATFORM else [])]


def _teams_in(project: Project, environment: str, collect: Callable[[Callable[[], object]], None]) -> list[str]:
    inside: list[str] = []

    def look(team: str) -> None:
        if environment in project.team_environments(team):
            inside.append(team)

    for team in project.teams():
        collect(lambda team=team: look(team))
    return inside


def targets(where: Place, names: list[str]) -> dict[str, StackTarget]:
    """The stacks behind `names`."""
    project = where.project
    return {
        name: StackTarget(project.platform_folder, where.environment, where.variables)
        if name == PLATFORM
        else StackTarget(project.stacks_folder, team_stack(name, where.environment), where.variables)
        for name in names
    }


def operate(
    operation: Operation, where: Place, what: str | None, console: Console | None
) -> Iterator[tuple[str, Result]]:
    """Do `operation` stack by stack: the platform before the teams, or after them when they go down.

    With a team named, `up` and `preview` bring the platform up to date first, `down` and `refresh` touch the team
    alone. Raises `DeploymentError` at the first stack that fails, and `InputError` where the platform would go from
    under its teams.
    """
    names = list(where.names)
    with engine.Shown() as progress:
        engine.install(progress)
    if operation in ("down", "refresh") and what not in (None, PLATFORM):
        names.remove(PLATFORM)
    if operation == "down":
        names.reverse()
    if not where.sandbox:
        engine.refuse_sandbox_state(os.environ.get(BACKEND, ""))
    stacks = standing(where)
    if operation == "down" and what == PLATFORM:
        _refuse_while_teams_stand(where, stacks[False])
    for name, target in targets(where, names).items():
        exists = target.stack in stacks[name == PLATFORM]
        if operation == "preview" and name != PLATFORM and not stacks[True].get(where.environment):
            raise InputError(
                Fault(
                    "the platform isn't deployed yet, and a team's stack reads its contract",
                    f"Deploy it first: yard up platform --env {where.environment}",
                    Source(name),
                )
            )
        if not exists and operation in ("down", "refresh"):
            continue
        if exists and not where.sandbox:
            engine.refuse_sandbox_state(engine.stack_state(target))
        if operation == "down" and name != PLATFORM and where.sandbox:
            forget(where, name)
        result = _OPERATIONS[operation](target, console=console)
        if operation == "down":
            engine.remove_stack(target)
        if name != PLATFORM and operation in ("up", "down"):
            sweep(where, name, result, console)
        yield name, result


def forget(where: Place, team: str) -> None:
    """In the sandbox versions of models go with their registry; elsewhere SageMaker keeps it for their sake."""
    spec, registry = where.project.platform(where.environment), where.project.team(team, where.environment).registry
    names = Names(spec.platform, where.environment, team, ())
    groups = [names.of("sagemaker", "registry", model) for model in (registry.models if registry else ())]
    promoted.forget(groups, Cloud(where).client)


def sweep(where: Place, team: str, result: Result, console: Console | None) -> None:
    """What the loop made for endpoints that went is deleted, or named where it lies in an account of the team's own."""
    gone = promoted.ended(result)
    if not gone:
        return
    spec = where.project.platform(where.environment)
    names = Names(spec.platform, where.environment, team, ())
    account = where.project.headers(where.environment)[team].account
    if account in (None, spec.account):
        promoted.sweep(names, gone, Cloud(where).client)
    elif console is not None:
        console.print(f"What the loop made for {', '.join(gone)} stays in {account}; begins with:")
        console.print(*(promoted_prefix(names, endpoint) for endpoint in gone), sep="\n")


def standing(where: Place) -> dict[bool, dict[str, int]]:
    """How many resources each stack of the backend holds: the platform's under True, the teams' under False."""
    folders = {True: where.project.platform_folder, False: where.project.stacks_folder}
    return {
        key: {
            str(stack["name"]).rpartition("/")[2]: int(stack.get("resourceCount") or 0)
            for stack in engine.list_stacks(folder, where.variables)
        }
        for key, folder in folders.items()
    }


def _refuse_while_teams_stand(where: Place, teams: Mapping[str, int]) -> None:
    held_by = sorted(stack for stack, held in teams.items() if held and stack.endswith(f"-{where.environment}"))
    if held_by:
        raise InputError(
            Fault(
                f"teams stand on it: {', '.join(held_by)}",
                f"Take them down with it: yard down --env {where.environment}",
                Source(PLATFORM),
            )
        )


def deploy_it(context: Context | None) -> str:
    """The remedy for what isn't deployed: `context` says whose it is and where; absent: somebody's, somewhere."""
    return "Deploy it: yard up" + (f" {context.owner} --env {context.environment}" if context else "")


def next_steps(operation: Operation, where: Place) -> list[str]:
    """What people do after `operation`, a line each."""
    team = next((name for name in reversed(where.names) if name != PLATFORM), None)
    if operation in ("down", "preview"):
        return ["", f"Next: yard up --env {where.environment}"]
    lines = ["", "Next:"]
    if where.sandbox:
        lines += [
            "  source .venv/bin/activate                 once, where yard isn't on PATH",
            '  eval "$(yard sandbox env)"                leads pulumi, aws and boto3 to the sandbox',
        ]
    if team:
        lines += [f"  {'cd stacks && pulumi preview':<40}  the stack of {team}, selected"]
        lines += [f"  {f'yard graph {team} --mermaid':<40}  what it is made of"]
    lines += ["  yard new team NAME --blueprint batch      another team"]
    return lines
