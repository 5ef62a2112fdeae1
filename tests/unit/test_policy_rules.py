"""The catalogue: each rule refuses its bad example, takes its good one, and never passes what it can't know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import ROOT

from modelyard.assess.graph.model import STACK_TYPE
from modelyard.assess.policy.own import own_rules
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.testing.rules import Rule, Subject, Undecided, Violation, graph_of, part, shortcomings

each_rule = pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
BY_EXISTENCE = frozenset({"s3-access-logs"})
"""Rules that hold as soon as something is there, whatever its values."""
SOUND = next(rule for rule in CATALOGUE if rule.id == "kms-rotation")


@each_rule
def test_a_rule_is_fit_for_the_catalogue(rule: Rule):
    assert shortcomings(rule, by_existence=rule.id in BY_EXISTENCE) == []


def _never(_: Subject) -> Iterator[Violation]:
    yield from ()


def _always(_: Subject) -> Iterator[Violation]:
    yield Violation("is there")


@pytest.mark.parametrize(
    ("change", "lack"),
    [
        ({"check": _never}, "its bad example doesn't break it"),
        ({"check": _never}, "it passes a stack of which nothing is known"),
        ({"check": _always}, "its good example breaks it: is there"),
        ({"good": ()}, "it looks at nothing of its good example"),
        ({"id": "Rotation"}, "its name isn't lower-case words with hyphens between them"),
        ({"title": "Keys rotate."}, "its title is empty, or ends in a full stop"),
        ({"remedy": "rotate"}, "its remedy is no sentence"),
        ({"why": ""}, "its why is no sentence"),
        ({"types": ()}, "it looks at no type of resource"),
        ({"maps": ("ACME 7",)}, "ACME 7 is of no list of controls that is known"),
        ({"bad": (part("aws:kms/key:Key", rotates=False),)}, "aws:kms/key:Key has no property rotates"),
        ({"bad": (part("aws:kms/lock:Lock"),)}, "there is no type aws:kms/lock:Lock"),
    ],
)
def test_the_kit_says_what_a_rule_lacks(change: dict[str, Any], lack: str):
    assert f"{change.get('id', 'kms-rotation')}: {lack}" in shortcomings(replace(SOUND, **change))


def test_a_rule_that_finds_everything_undecided_breaks_its_good_example():
    def unknown(_: Subject) -> Iterator[Violation]:
        raise Undecided("rotation")
        yield

    assert any("its good example breaks it" in each for each in shortcomings(replace(SOUND, check=unknown)))


def test_no_two_rules_have_the_same_name():
    ids = [rule.id for rule in CATALOGUE]
    assert len(ids) == len(set(ids))


def test_a_stack_of_nothing_breaks_nothing_that_is_there():
    graph = graph_of(())
    assert [node.type for node in graph] == [STACK_TYPE]


def test_the_rule_that_the_page_shows_is_fit_and_is_loaded(tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "check.md").read_text("utf-8"), re.DOTALL)
    folder = tmp_path / "platform" / "policy" / "rules"
    folder.mkdir(parents=True)
    (folder / "queues.py").write_text(example)
    (ours,) = own_rules(tmp_path)
    assert ours.id == "queue-under-our-key"
    assert shortcomings(ours) == []
