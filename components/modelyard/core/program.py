"""Running a Pulumi program in this process against a monitor of ours, so that Pulumi's own state stays as it was."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import json
import logging
import os
import threading
import types
import warnings
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, TypeAlias, TypeVar, cast

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import resource as pulumi_resource
from pulumi.runtime import settings as pulumi_settings
from pulumi.runtime import stack as pulumi_stack
from pulumi.runtime.mocks import MockEngine, MockMonitor
from pulumi.runtime.proto import source_pb2

Program: TypeAlias = Callable[[], Awaitable[Any] | Mapping[str, Any] | None]
"""A program's function, async or not; a mapping that it returns is exported, as `pulumi.run` does."""

_Result = TypeVar("_Result")
_LOG: Final = logging.getLogger("modelyard.program")
_SETTINGS: Final = (
    "rpc_manager",
    "lock",
    "outputs",
    "monitor",
    "engine",
    "organization",
    "project",
    "root_directory",
    "stack",
    "parallel",
    "dry_run",
    "legacy_apply_enabled",
    "monitor_features",
    "callbacks",
)
_SETTLING_LOOKS: Final = 5
_STEPS_BETWEEN: Final = 10
"""Steps of a loop between two looks for tasks that still run; each look goes through all tasks of the process."""


class _Engine(MockEngine):
    """Takes the program's log messages; whatever version of Pulumi it asks for is there."""

    def RequirePulumiVersion(self, request: object) -> empty_pb2.Empty:
        return empty_pb2.Empty()


def full_keys(project: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration under full keys: one without a namespace (`aws:region` has one) is the project's."""
    return {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}


def alone(work: Callable[[], _Result], thread_name: str, *, own_thread: bool = False) -> _Result:
    """Run `work` where it finds nothing of Pulumi's state and leaves nothing there; what it raises comes through.

    Pulumi keeps its state in context variables, but the first value that a context sets becomes every new context's
    default; so those defaults are put back. Inside a running event loop the work gets a thread of its own, and always
    with `own_thread`.
    """
    defaults = contextvars.Context().run(lambda: {name: getattr(pulumi_settings.SETTINGS, name) for name in _SETTINGS})
    context = contextvars.copy_context()
    try:
        if not own_thread and not _loop_is_running():
            return context.run(work)
        outcome: Future[_Result] = Future()

        def in_thread() -> None:
            try:
                outcome.set_result(context.run(work))
            except BaseException as error:
                outcome.set_exception(error)

        thread = threading.Thread(target=in_thread, name=thread_name)
        thread.start()
        thread.join()
        return outcome.result()
    finally:
        contextvars.Context().run(_restore, defaults)


def run_to_end(
    program: Program,
    monitor: MockMonitor,
    *,
    project: str,
    stack: str,
    config: Mapping[str, Any],
    secret_config: Mapping[str, Any] | None = None,
    preview: bool = False,
    organization: str = "organization",
    prepare: Callable[[asyncio.AbstractEventLoop], None] | None = None,
) -> None:
    """Run `program` on an event loop of its own until all that it asked `monitor` for is answered; call it in `alone`.

    `config` and `secret_config` are keyed as in a stack's file; values that are no text go as JSON. `prepare` gets the
    loop before anything runs on it. What the program raises comes through, and nothing of a failed program outlives it.
    """
    pulumi_settings.reset_options(
        project=project,
        stack=stack,
        monitor_address=monitor,  # pyright: ignore[reportArgumentType]
        engine_address=_Engine(_LOG),  # pyright: ignore[reportArgumentType]
        preview=preview,
        organization=organization,
        root_directory=os.getcwd(),
    )
    settings = full_keys(project, {**config, **(secret_config or {})})
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()}
    pulumi_config.set_all_config(texts, sorted(full_keys(project, secret_config or {})))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    if prepare is not None:
        prepare(loop)
    freezes = not gc.get_freeze_count()
    if freezes:
        gc.freeze()
    try:
        asyncio.set_event_loop(loop)
        with _quicker(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"coroutine 'Output\.\w+' was never awaited", RuntimeWarning)
            loop.run_until_complete(pulumi_stack.run_in_stack(_awaited(program)))
    except BaseException:
        _settle(loop)
        _close_forgotten(loop)
        raise
    finally:
        if freezes:
            gc.unfreeze()
        _settle(loop)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.set_event_loop(None)


@contextmanager
def _quicker() -> Generator[None]:
    """Spares a program a third of its time: it tells nobody the whole stack with each resource, and Pulumi's wait for
    its Outputs, which looks at all of them again for each that comes, begins when they are there."""
    resources, stacks = cast("Any", pulumi_resource), cast("Any", pulumi_stack)
    trace, wait = resources._get_stack_trace, stacks.wait_for_rpcs

    async def wait_at_once(*arguments: Any) -> None:
        await _outputs_there()
        await wait(*arguments)

    resources._get_stack_trace, stacks.wait_for_rpcs = source_pb2.StackTrace, wait_at_once
    try:
        yield
    finally:
        resources._get_stack_trace, stacks.wait_for_rpcs = trace, wait


async def _outputs_there() -> None:
    """Until every request is answered and every Output has come, or one of them has failed."""
    settings = cast("Any", pulumi_settings.SETTINGS)
    while True:
        asked: set[asyncio.Task[Any]] = {*settings.rpc_manager.rpcs, *settings.outputs}
        outstanding = {each for each in asked if not each.done()}
        if not outstanding or any(each.cancelled() or each.exception() for each in asked - outstanding):
            return
        await asyncio.wait(outstanding, return_when=asyncio.FIRST_EXCEPTION)


def _awaited(program: Program) -> Callable[[], Awaitable[None]]:
    async def whole() -> None:
        result: Any = program()
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Mapping):
            for name, value in cast(Mapping[str, Any], result).items():
                pulumi.export(name, value)

    return whole


def _settle(loop: asyncio.AbstractEventLoop) -> None:
    """Let nothing of a failed program outlive it: its tasks end by themselves, or are cancelled once they wait.

    A task that is cancelled before its first step would leave a coroutine behind that nobody awaited.
    """
    for _ in range(_SETTLING_LOOKS):
        if not asyncio.all_tasks(loop):
            break
        loop.run_until_complete(_steps(_STEPS_BETWEEN))
    while pending := asyncio.all_tasks(loop):
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


async def _steps(count: int) -> None:
    """Let whatever can go on take so many steps."""
    for _ in range(count):
        await asyncio.sleep(0)


def _close_forgotten(loop: asyncio.AbstractEventLoop) -> None:
    """Close what an Output of this loop would have awaited after the step at which it failed; of what went meanwhile
    nobody was told.

    What was there before the program is frozen, and isn't looked through. Who froze it earlier, as before a
    fork, keeps it so.
    """
    output: Any = pulumi.Output
    methods: tuple[Any, ...] = (output.resources, output.future, output.is_known, output.is_secret)
    awaited_by_outputs = {method.__code__ for method in methods}
    for found in gc.get_objects():
        if type(found) is not types.CoroutineType:
            continue
        coroutine = cast("types.CoroutineType[Any, Any, Any]", found)
        if (
            coroutine.cr_code in awaited_by_outputs
            and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            and coroutine.cr_frame is not None
            and coroutine.cr_frame.f_locals["self"]._data.get_loop() is loop
        ):
            coroutine.close()


def _restore(defaults: Mapping[str, Any]) -> None:
    for name, value in defaults.items():
        setattr(pulumi_settings.SETTINGS, name, value)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
