"""Where things were written: the call site of a component, and the trace that the recorder reads."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from modelyard.core.errors import Source

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_FOREIGN: Final = os.sep + "site-packages" + os.sep
_STANDARD: Final = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


@dataclass(slots=True)
class Trace:
    """What components tell about themselves while a program is recorded; keys are (type token, logical name).

    `seen_from`: the folder that files are shown from, wherever the program works meanwhile.
    """

    seen_from: str = field(default_factory=os.getcwd)
    sources: dict[tuple[str, str], Source] = field(default_factory=dict[tuple[str, str], Source])
    transformed: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict[tuple[str, str], frozenset[str]])


_current: ContextVar[Trace | None] = ContextVar("modelyard_trace", default=None)


@contextmanager
def trace() -> Generator[Trace]:
    """Collect where the components of a program were written, and what its transforms changed."""
    token = _current.set(Trace())
    try:
        collected = _current.get()
        assert collected is not None
        yield collected
    finally:
        _current.reset(token)


def is_recorded() -> bool:
    """Whether the program is only recorded here, so that nothing of it reaches a cloud."""
    return _current.get() is not None


def note_source(kind: str, name: str, source: Source) -> None:
    """Tell the trace, if one is being made, where the resource was written."""
    current = _current.get()
    if current is not None:
        current.sources[kind, name] = source


def note_transformed(kind: str, name: str, properties: frozenset[str]) -> None:
    """Tell the trace, if one is being made, which properties of the resource a transform changed."""
    current = _current.get()
    if current is not None:
        current.transformed[kind, name] = properties


def call_site() -> Source:
    """The first caller outside Modelyard and the installed packages, relative to the working directory."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_PACKAGE, _STANDARD, "<")) and _FOREIGN not in file:
            return Source(shown_path(file), "", frame.f_lineno)
        frame = frame.f_back
    return Source("")


def blamed(error: BaseException) -> Source | None:
    """Where a program broke: the innermost frame outside the installed packages; None where that is Modelyard's own."""
    if isinstance(error, SyntaxError) and error.filename and os.path.isfile(error.filename):
        return Source(shown_path(error.filename), "", error.lineno or 0)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(_PACKAGE):
            return None
        if not frame.filename.startswith((_STANDARD, "<")) and _FOREIGN not in frame.filename:
            return Source(shown_path(frame.filename), "", frame.lineno or 0)
    return None


def shown_path(file: str) -> str:
    """`file` relative to the working directory where it lies below it, else as it is.

    For a program that is recorded it is the directory that the recording was begun in.
    """
    absolute, current = os.path.abspath(file), _current.get()
    below = os.path.relpath(absolute, current.seen_from if current else os.getcwd())
    return absolute if below.startswith(os.pardir) else below
