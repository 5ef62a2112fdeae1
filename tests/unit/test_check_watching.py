"""When a watched project is checked again, and when it isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change

from modelyard.operate import watching

Save = Callable[[], set[tuple[Change, str]]]


def saved(path: Path, text: str) -> set[tuple[Change, str]]:
    path.write_text(text, "utf-8")
    return {(Change.modified, str(path))}


def checks(root: Path, monkeypatch: pytest.MonkeyPatch, *happens: Save) -> int:
    """How often a project is checked while these things happen, one after the other; the first check counts."""

    def watch(*_: Any, **__: Any) -> Iterator[set[tuple[Change, str]]]:
        for each in happens:
            yield each()

    monkeypatch.setattr(watching, "watch", watch)
    return sum(1 for _ in watching._saved(root, None))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "platform").mkdir()
    found = tmp_path / "platform" / "platform.yaml"
    found.write_text("platform: ml\n", "utf-8")
    return found


def test_what_was_saved_before_anybody_watched_is_checked_once_however_often_it_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    def unseen() -> set[tuple[Change, str]]:
        saved(file, "platform: other\n")
        return set()

    def again() -> set[tuple[Change, str]]:
        return {(Change.modified, str(file))}

    assert checks(file.parent.parent, monkeypatch, unseen, again, again) == 2


def test_a_save_that_changes_nothing_is_not_checked_and_each_that_does_is(file: Path, monkeypatch: pytest.MonkeyPatch):
    texts = ("platform: ml\n", "platform: a\n", "platform: a\n", "platform: b\n")
    steps = [lambda text=text: saved(file, text) for text in texts]
    assert checks(file.parent.parent, monkeypatch, *steps) == 1 + 2


def test_what_a_program_may_open_elsewhere_in_the_project_is_checked_whatever_it_holds(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    root = file.parent.parent
    assert checks(root, monkeypatch, set, lambda: saved(root / "sizes.json", "{}"), set) == 2
