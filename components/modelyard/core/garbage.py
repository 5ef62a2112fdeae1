"""Python's look for garbage, in processes that load the SDKs."""

from __future__ import annotations

import atexit
import gc
from typing import Final

_NEW_OBJECTS: Final = 100_000


def look_seldom() -> None:
    """Look for garbage after many new objects, and not once more when the process ends.

    The SDKs make millions of objects that stay. By Python's own measure a quarter of a deployment in the sandbox went
    into looking through them.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)
