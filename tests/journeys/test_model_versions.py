"""What the page on the registry tells to type, typed against a deployed registry whose promotion runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.journeys.model_world import block, measured

from modelyard.operate.models import Model
from modelyard_jobs import versions

pytestmark = pytest.mark.engine


def test_before_anything_is_registered_the_list_says_how(yard: Any, scores: Model):
    assert "No version is registered yet of scores" in yard("model", "list", "scores")
    assert "modelyard_jobs.versions.register" in yard("model", "list")


def test_what_isnt_measured_is_refused_with_every_reason(yard: Any, registered: versions.Registered):
    said = yard("model", "approve", "scores", str(registered.version), code=2)
    for gate in ("better", "fair", "fast"):
        assert f"gate-missing: gate {gate}" in said
    assert "Run the model's evaluation" in said


def test_the_page_does_what_it_says(yard: Any, scores: Model, registered: versions.Registered):
    measured(scores, registered.package)
    assert registered.version == 1
    said = yard.shell(block("commands", "bash"))
    for part in (
        "4 of 4 passed",
        "Next: yard model approve scores 1",
        "scores 1 is approved by",
        "release signature verified",
        "fraud/events",
        "entity_id",
        "flowchart LR",
    ):
        assert part in said
    shown = json.loads(yard("model", "show", "scores", "1", "--json"))
    assert (shown["verified"], shown["refused"], shown["release"]["reason"]) == (
        True,
        [],
        "recall holds on March's payments",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "scroes", "1"), r"NAME: got 'scroes'; no team of local has such a model; there are: .*scores"),
        (("show", "scores", "99"), r"VERSION: got 99; scores of fraud has no such version"),
        (("list", "--team", "nobody"), r"there is no such team"),
        (("promote", "scores", "1", "--to", "moon"), r"--env: got 'moon'; is no environment"),
        (("promote", "scores", "1", "--to", "local"), r"--to: got 'local'; is promoted to where it is"),
        (("lineage", "scores", "1", "--json", "--mermaid"), r"--mermaid"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    yard: Any, registered: versions.Registered, arguments: tuple[str, ...], said: str
):
    assert re.search(said, yard("model", *arguments, code=2))
