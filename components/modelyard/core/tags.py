"""Tags that every resource carries: the context's own keys win over the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESERVED: Final = ("organization", "platform", "environment", "team", "component", "managed-by")
"""Keys that only Modelyard sets. `team` is what attribute-based conditions compare, so no user may set it."""

MANAGED_BY: Final = "modelyard"
LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256
MOST_TAGS: Final = 50


def merged(users: Mapping[str, str], reserved: Mapping[str, str]) -> dict[str, str]:
    """`users` under `reserved`, sorted by key, so that a diff shows only what changed."""
    return dict(sorted({**users, **reserved}.items()))
