"""The classic ways out of a team's fence, service by service."""

from __future__ import annotations

from typing import Final

from tests.isolation.escape import Escape, filled
from tests.isolation.escapes_account import ACCOUNT
from tests.isolation.escapes_data import DATA
from tests.isolation.escapes_models import MODELS

ESCAPES: Final[tuple[Escape, ...]] = (*DATA, *MODELS, *ACCOUNT)

__all__ = ["ESCAPES", "Escape", "filled"]
