"""Call sites: where in the user's own code a resource or a provider function was asked for.

Pulumi does the work in tasks that no longer stand on the caller's stack, but it creates the task of each request while
the caller waits. The recorder's event loop notes the caller then, and the task carries it along.
"""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
from collections.abc import Coroutine, Generator
from contextvars import ContextVar, copy_context
from functools import lru_cache
from typing import Any, Final

import modelyard
from modelyard.core.errors import Source
from modelyard.core.source import shown_path

_REQUESTS: Final = frozenset({"rpc_wrapper", "wait_for_fut"})
_NOT_THE_USERS: Final = tuple(
    {sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {os.path.join(folder, "") for folder in modelyard.__path__}
    | {os.path.dirname(asyncio.__file__) + os.sep, "<"}
)
_asked_at: ContextVar[tuple[str, int] | None] = ContextVar("modelyard_asked_at", default=None)


def note_call_sites(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any
) -> asyncio.Future[Any]:
    """A task factory: a request of Pulumi's gets a context that knows who asked."""
    if getattr(coroutine, "__name__", "") in _REQUESTS:
        place = _caller()
        if place is not None:
            context = options.pop("context", None) or copy_context()
            context.run(_asked_at.set, place)
            options["context"] = context
    return asyncio.Task(coroutine, loop=loop, **options)  # pyright: ignore[reportArgumentType]


def asked_at() -> Source | None:
    """Who asked for what the current task does; None where the code is nobody's but Modelyard's."""
    place = _asked_at.get()
    return Source(shown_path(place[0]), "", place[1]) if place else None


def _caller() -> tuple[str, int] | None:
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not _foreign(file):
            return file, frame.f_lineno
        if frame.f_code.co_name == "_run_once":
            return None
        frame = frame.f_back
    return None


@lru_cache(maxsize=4096)
def _foreign(file: str) -> bool:
    return file.startswith(_NOT_THE_USERS) or f"{os.sep}site-packages{os.sep}" in file
