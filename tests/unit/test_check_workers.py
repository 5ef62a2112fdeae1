"""What becomes of the processes that check stacks side by side, however a check ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from tests.shipped import copied

CHECK = r"""
import os, signal, sys
from datetime import date
from pathlib import Path
from modelyard.blueprints import Project
from modelyard.cli import ended
from modelyard.operate import judging

signal.signal(signal.SIGINT, signal.default_int_handler)
begun = os.getpid()

def worked_on(question):
    if os.getpid() != begun:
        os.write(1, b"%d\n" % os.getpid())
        signal.pause()
    return judging.Answer({"results": [], "asked": {}, "resources": 0}, {}, {})

if "interrupted as they begin" in sys.argv:
    os.register_at_fork(after_in_child=lambda: os.killpg(0, signal.SIGINT))
judging.answer = worked_on
stacks = [("platform", each) for each in ("local", "dev", "prod")]
sys.exit(ended(lambda: judging.judgements(Project(Path.cwd()), stacks, date(2026, 11, 22), rules=())))
"""
"""Checks the platform's stacks; those that other processes are given never end by themselves."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("project"))


def ended_by(root: Path, end: Callable[[int, int], None], *how: str) -> tuple[int, str]:
    """How a check ends, and what it prints as errors: `end` gets its process, and one that works for it.

    Returns when the last process has ended that could still print something.
    """
    command = [sys.executable, "-c", CHECK, *how]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            end(process.pid, int(line(process.stdout) or 0))
            _, errors = process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait(), errors


def line(out: IO[str] | None) -> str:
    assert out is not None
    return out.readline()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda check, _: os.killpg(check, signal.SIGINT), id="typed"),
        pytest.param(lambda check, _: os.kill(check, signal.SIGINT), id="sent"),
    ],
)
def test_an_interrupted_check_leaves_no_process_and_no_traceback(root: Path, end: Callable[[int, int], None]):
    assert ended_by(root, end) == (130, "")


def test_a_check_whose_workers_are_interrupted_as_they_begin_prints_nothing(root: Path):
    assert ended_by(root, lambda _, worker: None, "interrupted as they begin") == (130, "")


def test_a_check_that_is_killed_leaves_no_process(root: Path):
    code, errors = ended_by(root, lambda check, _: os.kill(check, signal.SIGKILL))
    assert (code, errors) == (-signal.SIGKILL, "")


def test_a_worker_that_is_killed_ends_the_check_with_what_to_do(root: Path):
    code, errors = ended_by(root, lambda _, worker: os.kill(worker, signal.SIGKILL))
    assert code == 2
    assert errors.startswith("error: a process that checks stacks was ended from outside, most likely for want of memo")
    assert "yard check TEAM --env ENVIRONMENT" in errors and "Traceback" not in errors
