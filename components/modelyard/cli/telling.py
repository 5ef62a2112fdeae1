"""How far a command is, on one line of a terminal that goes away in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_CLEAR: Final = "\r\033[2K"


@contextmanager
def told(first: str) -> Generator[Callable[[str], None]]:
    """Gives a function that shows how far it is; it says nothing where standard error is no terminal.

    Unlike rich's spinner it has no thread, so that a command may fork meanwhile.
    """
    out = sys.stderr
    shown = out.isatty()

    def tell(text: str) -> None:
        if shown:
            out.write(f"{_CLEAR}{text}")
            out.flush()

    tell(first)
    try:
        yield tell
    finally:
        if shown:
            out.write(_CLEAR)
            out.flush()
