"""`record`: run a Pulumi program in this process, deploy nothing, and get the graph of what it asked for."""

from __future__ import annotations

import asyncio
import gc
import os
import runpy
import sys
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pulumi.runtime import settings as pulumi_settings

from modelyard.assess.graph.callsite import note_call_sites
from modelyard.assess.graph.invokes import Answer
from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.monitor import RecordingMonitor, StackReferences
from modelyard.assess.graph.synthetic import Place
from modelyard.assess.graph.transforms import Transforms
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.program import Program as FunctionProgram
from modelyard.core.program import alone, full_keys, run_to_end
from modelyard.core.source import trace

Program = FunctionProgram | str | os.PathLike[str]

_Result = TypeVar("_Result")


def record(
    program: Program,
    *,
    project: str,
    stack: str,
    config: Mapping[str, Any] | None = None,
    secret_config: Mapping[str, Any] | None = None,
    preview: bool = False,
    account: str = "123456789012",
    region: str | None = None,
    organization: str = "organization",
    stack_references: StackReferences | None = None,
    invokes: Mapping[str, Answer | Mapping[str, Any]] | None = None,
) -> Graph:
    """The graph of a program: a function (it may be async), or a folder with a `__main__.py`.

    `config` is keyed as in a stack's file (`aws:region`; without a namespace it is the project's). The region is
    `region`, else `aws:region`, else us-east-1. With `preview`, what a deployment would compute is UNKNOWN; without it,
    it has a stable value of the right form. `stack_references` tells what other stacks export, under `project/stack` or
    the full name: outputs, a graph, or a function that gives either. `invokes` answers provider functions that the
    recorder doesn't know, under their token.

    InputError when two resources would share a URN, a provider function has no answer, or there is no program;
    ContractError when a stack reference has no answer. What else the program raises comes through unchanged.
    Recordings don't influence one another, and one may be made inside another.
    """
    full = full_keys(project, {**(config or {}), **(secret_config or {})})
    place = Place(account, region or str(full.get("aws:region") or "us-east-1"))
    run, home = (program, None) if callable(program) else _folder_program(Path(program))

    def isolated() -> Graph:
        with trace() as noted, _at_home(home):
            transforms = Transforms(project, stack)
            monitor = RecordingMonitor(
                project, stack, place, preview, stack_references or {}, invokes or {}, transforms, noted
            )

            def prepare(loop: asyncio.AbstractEventLoop) -> None:
                loop.set_default_executor(_Executor(transforms))
                loop.set_task_factory(note_call_sites)  # pyright: ignore[reportArgumentType]
                transforms.attach(monitor, loop)
                pulumi_settings.SETTINGS.callbacks = transforms  # pyright: ignore[reportAttributeAccessIssue]

            run_to_end(
                run,
                monitor,
                project=project,
                stack=stack,
                config=config or {},
                secret_config=secret_config,
                preview=preview,
                organization=organization,
                prepare=prepare,
            )
            if faults := monitor.duplicates():
                raise InputError(*faults)
            return monitor.graph()

    with _garbage_kept():
        return alone(isolated, "modelyard-record")


@contextmanager
def _garbage_kept() -> Generator[None]:
    """Collects no garbage meanwhile: a program's resources all live to its end, and looking through them takes most of
    the recorder's time, more with every resource."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Executor(ThreadPoolExecutor):
    """Runs requests in place, one after the other; once there are transforms, in threads, as they need the loop."""

    def __init__(self, transforms: Transforms) -> None:
        super().__init__(max_workers=64, thread_name_prefix="modelyard-record")
        self._transforms_in_use = transforms

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        if self._transforms_in_use.active:
            return super().submit(fn, *args, **kwargs)
        future: Future[_Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _folder_program(folder: Path) -> tuple[Callable[[], None], Path]:
    main = folder / "__main__.py" if folder.is_dir() else folder
    if not main.is_file():
        raise InputError(
            Fault(
                "there is no Pulumi program here",
                "Name a folder that holds a __main__.py.",
                Source(str(folder)),
            )
        )
    main = main.resolve()

    def run() -> None:
        runpy.run_path(str(main), run_name="__main__")

    return run, main.parent


@contextmanager
def _at_home(home: Path | None) -> Generator[None]:
    """Lets a folder's program find its files and modules as under the engine, until all that it began has ended."""
    if home is None:
        yield
        return
    before, known, path = os.getcwd(), set(sys.modules), list(sys.path)
    os.chdir(home)
    sys.path.insert(0, str(home))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(home):
                del sys.modules[name]
