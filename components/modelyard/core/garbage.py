"""Python's look for garbage, in processes that load the SDKs."""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 100_000


def look_seldom() -> None:
    """Look for garbage after many new objects.

    The SDKs make millions of objects that stay. By Python's own measure a quarter of a deployment in the sandbox went
    into looking through them.
    """
    gc.set_threshold(_NEW_OBJECTS)
