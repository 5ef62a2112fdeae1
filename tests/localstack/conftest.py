"""A LocalStack to run things on, and a way to wait for what they lead to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import pytest

from modelyard_sandbox.localstack.shared import EndpointSession, shared

REGION = "eu-west-1"
_POLL = 0.05
_PATIENCE = 60.0
T = TypeVar("T")


class Eventually(Protocol):
    """Waits for something to come."""

    def __call__(self, look: Callable[[], T | None]) -> T:
        """What `look` gives once it gives something true; fails after a minute."""
        ...


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    def wait(look: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(_POLL)  # LocalStack tells nobody when something has come
        raise AssertionError(f"nothing came within {_PATIENCE:.0f} s")

    return wait


@pytest.fixture(scope="module")
def aws(localstack_there: None) -> EndpointSession:
    """Clients of an empty LocalStack."""
    running = shared()
    running.begin()
    return running.session(REGION)
