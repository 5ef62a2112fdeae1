"""The comment that a pipeline leaves: one, edited in place, and nobody else's."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ci.host import CodeHost, code_host

from modelyard.assess.report.comment import LIMIT
from modelyard.operate.ci import comment

MARKER = "<!-- modelyard-check -->"


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest) -> Iterator[CodeHost]:
    with code_host(request.param) as running:
        yield running


@pytest.fixture
def say(host: CodeHost, tmp_path: Path) -> Any:
    def put(text: str) -> None:
        file = tmp_path / "comment.md"
        file.write_text(f"{MARKER}\n{text}", "utf-8")
        comment.main(host.variables(str(file)))

    return put


def bodies(host: CodeHost) -> list[str]:
    return [one["body"] for one in host.comments]


def test_the_second_run_edits_the_comment_of_the_first(host: CodeHost, say: Any):
    host.add("Looks good", ours=False)
    say("1 stops this change")
    say("nothing stops this change ✓")
    assert bodies(host) == ["Looks good", f"{MARKER}\nnothing stops this change ✓"]


def test_a_comment_of_somebody_else_with_the_same_marker_is_left_alone(host: CodeHost, say: Any):
    host.add(f"{MARKER}\nforged", ours=False)
    say("1 stops this change")
    assert bodies(host) == [f"{MARKER}\nforged", f"{MARKER}\n1 stops this change"]


def test_another_comment_of_ours_is_left_alone(host: CodeHost, say: Any):
    host.add("<!-- another tool -->\nfine", ours=True)
    say("1 stops this change")
    assert len(host.comments) == 2 and host.comments[0]["body"].endswith("fine")


def test_ours_is_found_on_a_later_page(host: CodeHost, say: Any):
    for number in range(comment.PAGE):
        host.add(f"note {number}", ours=False)
    say("first")
    say("second")
    assert len(host.comments) == comment.PAGE + 1
    assert host.comments[-1]["body"] == f"{MARKER}\nsecond"


def test_a_comment_is_never_longer_than_a_host_takes(host: CodeHost, say: Any):
    say("x" * 100_000)
    assert len(host.comments[0]["body"]) == comment.MOST == LIMIT


def test_a_token_that_may_not_write_fails_the_job(host: CodeHost, tmp_path: Path):
    file = tmp_path / "comment.md"
    file.write_text(MARKER)
    variables = {name: "no" if name.endswith("TOKEN") else value for name, value in host.variables(str(file)).items()}
    with pytest.raises(urllib.error.HTTPError):
        comment.main(variables)


def test_it_runs_on_a_bare_python(host: CodeHost, tmp_path: Path):
    """The job that comments installs nothing: what it would install came from the proposed change."""
    file = tmp_path / "comment.md"
    file.write_text(f"{MARKER}\nfine")
    subprocess.run([sys.executable, "-I", "-S", comment.__file__], env=host.variables(str(file)), check=True)
    assert bodies(host) == [f"{MARKER}\nfine"]
