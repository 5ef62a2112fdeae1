"""What the pages on the registry, governance and drift tell to type, typed one after the other at a deployed team."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.model_world import block, measured

from modelyard.operate.models import Model
from modelyard_jobs import versions

DOCS = Path(__file__).resolve().parents[2] / "docs"
GOVERNANCE, DRIFT = (DOCS / "governance.md").read_text("utf-8"), (DOCS / "drift.md").read_text("utf-8")

pytestmark = pytest.mark.engine


def typed(page: str) -> str:
    """The commands of a page."""
    found = re.search(r"<!-- commands -->\n```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_before_anything_is_registered_the_list_says_how(fraud: Any, scores: Model):
    assert "No version is registered yet of scores" in fraud("model", "list", "scores")
    assert "modelyard_jobs.versions.register" in fraud("model", "list")


def test_what_isnt_measured_is_refused_with_every_reason(fraud: Any, registered: versions.Registered):
    said = fraud("model", "approve", "scores", str(registered.version), code=2)
    for gate in ("better", "fair", "fast"):
        assert f"gate-missing: gate {gate}" in said
    assert "Run the model's evaluation" in said
    assert "There is no evidence yet of scores" in fraud("evidence", "list", "scores")


def test_the_page_on_the_registry_does_what_it_says(fraud: Any, scores: Model, registered: versions.Registered):
    measured(scores, registered.package)
    assert registered.version == 1
    said = fraud.shell(block("commands", "bash"))
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
    shown = json.loads(fraud("model", "show", "scores", "1", "--json"))
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
def test_what_is_wrong_with_a_version_is_told_in_one_line(
    fraud: Any, registered: versions.Registered, arguments: tuple[str, ...], said: str
):
    assert re.search(said, fraud("model", *arguments, code=2))


@pytest.mark.usefixtures("registered")
def test_the_page_on_evidence_does_what_it_says(fraud: Any):
    said = fraud.shell(typed(GOVERNANCE))
    assert said.count("scores 1: the evidence holds. Looked at:") == 2
    assert "Gates: better held, fair held, fast held, recall held" in said
    assert "deployment/policy.json: " in said
    assert "Who read which dataset" in said
    assert (fraud.root / "audit.html").read_text().startswith("<!doctype html>")
    assert "is no day and no moment" in fraud("evidence", "audit", "fraud", "--since", "yesterday", code=2)

    file = fraud.root / "evidence" / "gates.json"
    file.write_bytes(file.read_bytes().replace(b"0.91", b"0.92", 1))
    said = fraud("evidence", "verify", "scores", "1", "--copy", "evidence", code=1)
    assert "gates.json: was changed: expected SHA-256" in said
    assert json.loads(fraud("evidence", "verify", "scores", "1", "--json"))["holds"] is True


@pytest.mark.usefixtures("registered")
def test_evidence_that_isnt_there_is_a_clear_error(fraud: Any):
    assert "scores of fraud has no such version" in fraud("evidence", "verify", "scores", "7", code=2)
    assert "no team of local has such a model" in fraud("evidence", "list", "nothing", code=2)
    for command in (("show", "propensity", "1"), ("verify", "propensity", "1"), ("list", "propensity")):
        said = fraud("evidence", *command, code=2)
        assert "isn't deployed. Deploy it: yard up demand --env local" in said, "demand isn't deployed here"


@pytest.mark.usefixtures("registered")
def test_nothing_drifted_and_no_secret_is_an_old_one(fraud: Any):
    assert "as deployed" in fraud.shell(typed(DRIFT))
    assert "0 of " in fraud("secrets", "check", "fraud")
    for command in (("drift", "nobody"), ("secrets", "check", "nobody")):
        assert "nobody" in fraud(*command, code=2)


@pytest.mark.usefixtures("registered")
def test_a_second_up_changes_nothing(fraud: Any):
    assert "unchanged" in fraud("up", "fraud")
