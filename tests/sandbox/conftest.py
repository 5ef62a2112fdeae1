"""What tests of the real engine share: a sandbox for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelyard_sandbox.emulator import Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox of this file's own."""
    made = Sandbox(tmp_path_factory.mktemp("project"))
    made.start()
    try:
        yield made
    finally:
        made.stop()
