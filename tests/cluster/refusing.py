"""What the API server says to whoever it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

from kubernetes.client import ApiException

ATTEMPTS = 2000
"""How often is asked, since a policy holds a moment after it was made."""


def refusal(act: Callable[[], object]) -> str:
    """What is said to whoever is refused, once what refuses is there."""
    for _ in range(ATTEMPTS):
        try:
            act()
        except ApiException as refused:
            return json.loads(refused.body or "{}")["message"]
    raise AssertionError("nobody was refused")
