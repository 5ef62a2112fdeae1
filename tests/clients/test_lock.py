"""The clients' lock: hashes, no registry, and the versions that the page on clients names."""

from __future__ import annotations

import re

from tests.clients.environment import LOCK, ROOT

_PINNED = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)


def pinned() -> dict[str, str]:
    return dict(_PINNED.findall(LOCK.read_text()))


def test_every_package_has_hashes_and_none_an_address():
    text = LOCK.read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(blocks) > 100
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_page_names_the_versions_that_are_locked():
    page = (ROOT / "docs" / "clients.md").read_text()
    told = dict(re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \|", page, re.MULTILINE))
    assert set(told) == {"feast", "mlflow", "model-signing"}
    assert told == {name: pinned()[name] for name in told}


def test_the_lock_holds_what_was_asked_for():
    asked = _PINNED.findall((LOCK.with_suffix(".in")).read_text())
    assert asked and {name: pinned()[name] for name, _ in asked} == dict(asked)
