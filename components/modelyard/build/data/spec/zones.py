"""The zones that a lake may have."""

from __future__ import annotations

from typing import Final, Literal, get_args

ZoneName = Literal["raw", "curated", "features", "capture", "artifacts"]
ZONES: Final[tuple[ZoneName, ...]] = get_args(ZoneName)
