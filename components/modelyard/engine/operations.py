"""`preview`, `up`, `down` and `refresh` of one stack, thin over the Pulumi CLI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from modelyard.core.errors import Fault, Source
from modelyard.engine import stacks
from modelyard.engine.found import Engine
from modelyard.engine.installing import install
from modelyard.engine.ledger import Ledger
from modelyard.engine.progress import Shown
from modelyard.engine.result import Operation, OperationError, Result
from modelyard.engine.running import run
from modelyard.engine.show import TITLES, Progress, show
from modelyard.engine.stacks import StackTarget

_COMMANDS: dict[Operation, tuple[str, ...]] = {
    "preview": ("preview",),
    "up": ("up", "--yes", "--skip-preview", "--suppress-outputs"),
    "down": ("destroy", "--yes", "--skip-preview", "--suppress-outputs"),
    "refresh": ("refresh", "--yes", "--skip-preview", "--suppress-outputs"),
}


def preview(
    target: StackTarget,
    *,
    policy_packs: Sequence[Path] = (),
    arguments: Sequence[str] = (),
    console: Console | None = None,
    next_steps: Sequence[str] = (),
    engine: Engine | None = None,
) -> Result:
    """What an `up` would change: resources and their properties; nothing is touched but the stack's entry.

    `console` absent: nothing is shown. `arguments` go to the CLI as they are. Raises `OperationError` if the program or
    a policy fails, `EngineError` if there is no engine or its backend refuses.
    """
    return _operate("preview", target, _packed(policy_packs, arguments), console, next_steps, engine)


def up(
    target: StackTarget,
    *,
    policy_packs: Sequence[Path] = (),
    arguments: Sequence[str] = (),
    console: Console | None = None,
    next_steps: Sequence[str] = (),
    engine: Engine | None = None,
) -> Result:
    """Deploys the stack, created first if it is not there. Errors and parameters as in `preview`."""
    return _operate("up", target, _packed(policy_packs, arguments), console, next_steps, engine)


def down(
    target: StackTarget,
    *,
    remove: bool = False,
    arguments: Sequence[str] = (),
    console: Console | None = None,
    next_steps: Sequence[str] = (),
    engine: Engine | None = None,
) -> Result:
    """Deletes every resource of the stack; `remove` then forgets the stack, and keeps its configuration file."""
    result = _operate("down", target, arguments, console, next_steps, engine)
    if remove:
        stacks.remove_stack(target, engine=engine)
    return result


def refresh(
    target: StackTarget,
    *,
    arguments: Sequence[str] = (),
    console: Console | None = None,
    next_steps: Sequence[str] = (),
    engine: Engine | None = None,
) -> Result:
    """Reads every resource back into the state; what differs is in the result's `resources`."""
    return _operate("refresh", target, arguments, console, next_steps, engine)


def _packed(policy_packs: Sequence[Path], arguments: Sequence[str]) -> list[str]:
    packs = [word for pack in policy_packs for word in ("--policy-pack", str(Path(pack).absolute()))]
    return [*packs, *arguments]


def _operate(
    operation: Operation,
    target: StackTarget,
    arguments: Sequence[str],
    console: Console | None,
    next_steps: Sequence[str],
    engine: Engine | None,
) -> Result:
    project = target.project()
    if engine is None:
        with Shown() as progress:
            engine = install(progress)
    stacks.select(target, create=operation in ("preview", "up"), engine=engine)
    ledger = Ledger(operation)
    quiet = console or Console(quiet=True)
    title = f"{TITLES[operation]} {project}/{target.stack}"
    with Progress(quiet, ledger, title) as progress:

        def interrupted(times: int) -> None:
            again = (
                " at once, and leaves what is in flight unknown" if times > 1 else ", when what is in flight is done"
            )
            progress.say(f"Interrupted: the engine stops{again}.")

        command = [str(engine.path), *_COMMANDS[operation], "--stack", target.stack, "--non-interactive"]
        command += ["--color", "never", *arguments]
        ended = run(
            command,
            target.project_dir,
            stacks.environment(engine, target.env),
            ledger.take,
            progress.step,
            interrupted,
        )
    if ended.code and not ledger.components() and not ledger.errors():
        raise stacks.refused(target.project_dir, target.stack, ended.said)
    if ended.interrupts:
        ledger.add("error", "interrupted before it was done")
    if ended.code and not ledger.errors():
        ledger.add("error", ended.said.strip() or f"the Pulumi CLI ended with exit code {ended.code}")
    result = ledger.result(project, target.stack, ended.code == 0)
    show(quiet, result, next_steps)
    if ended.code:
        raise _failure(result, target)
    return result


def _failure(result: Result, target: StackTarget) -> OperationError:
    failed = sorted({item.urn.rpartition("::")[2] for item in result.errors() if item.urn})
    problem = f"{result.operation} of {target.stack} failed"
    problem += f" at {', '.join(failed)}" if failed else ""
    said = "; ".join(item.message.splitlines()[0] for item in result.errors()[:3])
    again = "preview" if result.operation == "preview" else f"yard {result.operation}"
    remedy = f"Mend what the messages name, then run {again!r} again; what is done already is kept"
    return OperationError(result, Fault(f"{problem}: {said}", remedy, Source(str(target.project_dir / "Pulumi.yaml"))))
