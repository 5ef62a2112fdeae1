"""Files that people wrote keep what they wrote."""

from pathlib import Path

import pytest

from modelyard.core.editing import forget_environment
from modelyard.core.errors import InputError

FILE = """\
# the team's file
team: fraud   # a remark

environments:
  local: {}
  dev:
    # smaller here
    data:
      query: {scan_limit_gib: 1}

  prod: {}
# the end
"""


def without(path: Path, text: str, environment: str) -> str:
    path.write_text(text)
    forget_environment(path, environment)
    return path.read_text()


@pytest.mark.parametrize(
    ("environment", "gone"),
    [
        ("local", "  local: {}\n"),
        ("dev", "  dev:\n    # smaller here\n    data:\n      query: {scan_limit_gib: 1}\n\n"),
        ("prod", "  prod: {}\n"),
    ],
)
def test_an_environment_goes_and_every_other_line_stays(tmp_path: Path, environment: str, gone: str):
    assert without(tmp_path / "team.yaml", FILE, environment) == FILE.replace(gone, "")


def test_environments_on_one_line_lose_the_one(tmp_path: Path):
    text = "# a remark\nteam: fraud\nenvironments: {local: {}, dev: {}}\n"
    assert without(tmp_path / "team.yaml", text, "local") == text.replace("local: {}, ", "")


def test_an_environment_that_is_not_there_is_said_and_nothing_changes(tmp_path: Path):
    path = tmp_path / "team.yaml"
    with pytest.raises(InputError, match="has no environment of this name"):
        without(path, FILE, "moon")
    assert path.read_text() == FILE
