"""How a partition is written: by the time of arrival, or by what the record says."""

from __future__ import annotations

from typing import Final

_WHOLE: Final = ("tinyint", "smallint", "int", "bigint")
_UNITS: Final = {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH"}


def arrival_format(name: str, kind: str) -> str | None:
    """The pattern of Firehose's `!{timestamp:…}` for a partition; None where the time of arrival says nothing of it.

    Source: firehose/latest/dev/s3-prefixes.
    """
    if kind == "date":
        return "yyyy-MM-dd"
    return _UNITS.get(name) if kind in ("string", *_WHOLE) else None


def extracted(name: str, kind: str) -> str | None:
    """The query (jq) that takes a partition out of a record; None where its type has no place in a path.

    Source: firehose/latest/dev/dynamic-partitioning-partitioning-keys.
    """
    return f".{name}" if kind in ("string", "date", *_WHOLE) else None
