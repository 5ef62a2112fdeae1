"""The locks of environments beside Modelyard's: hashes, no registry, and the versions that pages name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.clients.environment import LOCK, ROOT

_PINNED = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)


LOCKS = {"checkov.txt": 50, "clients.txt": 100, "kfp.txt": 30, "tfx.txt": 100}
"""Locks, and more packages than would be left if one were half written."""


def pinned(lock: Path = LOCK) -> dict[str, str]:
    return dict(_PINNED.findall(lock.read_text()))


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_none_an_address(name: str):
    text = LOCK.with_name(name).read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(blocks) > LOCKS[name]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_page_names_the_versions_that_are_locked():
    page = (ROOT / "docs" / "clients.md").read_text()
    told = dict(re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \|", page, re.MULTILINE))
    assert set(told) == {"feast", "mlflow", "model-signing"}
    assert told == {name: pinned()[name] for name in told}


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_was_asked_for(name: str):
    lock = LOCK.with_name(name)
    asked = _PINNED.findall(lock.with_suffix(".in").read_text())
    assert asked and {each: pinned(lock)[each] for each, _ in asked} == dict(asked)
