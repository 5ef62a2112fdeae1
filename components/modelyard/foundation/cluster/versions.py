"""Versions of Kubernetes on EKS: until when each is in standard support, and which step comes next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

STANDARD_SUPPORT_ENDS: Final[Mapping[str, date]] = {
    "1.30": date(2025, 7, 23),
    "1.31": date(2025, 11, 26),
    "1.32": date(2026, 3, 23),
    "1.33": date(2026, 7, 29),
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
}
"""When each version leaves EKS's standard support (eks/latest/userguide/kubernetes-versions, read in November 2026)."""

READ_ON: Final = date(2026, 11, 22)


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers that compare. Raises `ValueError` for what is none."""
    return tuple(map(int, version.split(".")))
