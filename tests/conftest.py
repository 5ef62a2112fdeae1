"""What all tests share: the engine, both emulators, and a word in the end on which LocalStack it was."""

from __future__ import annotations

import os

import pytest

from modelyard import engine as yard
from modelyard.core.errors import EmulatorError
from modelyard.core.garbage import look_seldom
from modelyard.engine import Engine
from modelyard_sandbox.localstack.host import ENDPOINT, LocalStack
from modelyard_sandbox.localstack.services import table
from modelyard_sandbox.servers import LOCALSTACK, MOTO, Choice

_WHICH = pytest.StashKey[str]()

look_seldom()


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine, installed where it isn't yet."""
    with yard.Shown() as progress:
        return yard.install(progress)


@pytest.fixture(scope="session")
def localstack_there(pytestconfig: pytest.Config) -> None:
    """Skips what needs LocalStack where it can't be had; in CI that is a failure."""
    external = os.environ.get(ENDPOINT, "").rstrip("/")
    try:
        LocalStack().check(Choice(LOCALSTACK, external=external))
    except EmulatorError as error:
        if os.environ.get("CI"):
            pytest.fail(f"LocalStack can't be had: {error}", pytrace=False)
        pytest.skip(f"LocalStack can't be had: {error}")
    pytestconfig.stash[_WHICH] = f"the one at {external}" if external else "4.14.0 in host mode"


@pytest.fixture(params=[MOTO, LOCALSTACK])
def emulator(request: pytest.FixtureRequest) -> str:
    """Each emulator in turn, for `deploy(…, emulator=emulator)`."""
    if request.param == LOCALSTACK:
        request.getfixturevalue("localstack_there")
    return request.param


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which LocalStack the tests ran against, and who answered what."""
    which = config.stash.get(_WHICH, None)
    if which is None:
        return
    terminalreporter.section("LocalStack")
    terminalreporter.line(f"The tests ran against {which}.")
    if not os.environ.get(ENDPOINT):
        services = table()
        for how, who in (("native", "LocalStack itself"), ("bridged", "moto behind its gateway")):
            names = [name for name, answered in services.items() if answered == how]
            terminalreporter.line(f"{who} ({len(names)}): {', '.join(names)}")
