"""The zones that a lake may have."""

from __future__ import annotations

from typing import Final, Literal, get_args

from modelyard.core.erasures import ERASURES

ZoneName = Literal["raw", "curated", "features", "capture", "artifacts"]
ZONES: Final[tuple[ZoneName, ...]] = get_args(ZoneName)

SNAPSHOTS: Final = "snapshots/"
"""Where the manifests of data versions lie, in the artifacts zone."""
RESTORED: Final = "restore/"
"""Where a restore drill puts its copies, in the zone of their dataset."""
RECORDS: Final = ("athena", ERASURES.rstrip("/"), RESTORED.rstrip("/"), SNAPSHOTS.rstrip("/"))
"""Prefixes that a lake keeps for itself; no dataset is called so."""
