"""What tests of the real engine share: the engine, and a sandbox for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelyard import engine as yard
from modelyard.engine import Engine
from modelyard_sandbox.emulator import Sandbox


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine, installed where it isn't yet."""
    with yard.Shown() as progress:
        return yard.install(progress)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox of this file's own."""
    made = Sandbox(tmp_path_factory.mktemp("project"))
    made.start()
    try:
        yield made
    finally:
        made.stop()
