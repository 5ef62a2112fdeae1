"""What the page on governance tells to type, typed against a deployed team whose release leaves evidence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.model_world import measured

from modelyard.operate.models import Model
from modelyard_jobs import versions

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, DRIFT = (DOCS / "governance.md").read_text("utf-8"), (DOCS / "drift.md").read_text("utf-8")

pytestmark = pytest.mark.engine


def test_the_page_does_what_it_says(yard: Any, scores: Model, registered: versions.Registered):
    assert "There is no evidence yet of scores" in yard("evidence", "list", "scores")
    measured(scores, registered.package)
    yard("model", "approve", "scores", str(registered.version), "--reason", "recall holds on March's payments")
    found = re.search(r"<!-- commands -->\n```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    said = yard.shell(found[1])
    assert said.count("scores 1: the evidence holds. Looked at:") == 2
    assert "Gates: better held, fair held, fast held, recall held" in said
    assert "deployment/policy.json: " in said
    assert "Who read which dataset" in said
    assert (yard.root / "audit.html").read_text().startswith("<!doctype html>")
    assert "is no day and no moment" in yard("evidence", "audit", "fraud", "--since", "yesterday", code=2)

    file = yard.root / "evidence" / "gates.json"
    file.write_bytes(file.read_bytes().replace(b"0.91", b"0.92", 1))
    said = yard("evidence", "verify", "scores", "1", "--copy", "evidence", code=1)
    assert "gates.json: was changed: expected SHA-256" in said
    assert json.loads(yard("evidence", "verify", "scores", "1", "--json"))["holds"] is True


def test_what_isnt_there_is_a_clear_error(yard: Any, scores: Model, registered: versions.Registered):
    assert "scores of fraud has no such version" in yard("evidence", "verify", "scores", "7", code=2)
    assert "no team of local has such a model" in yard("evidence", "list", "nothing", code=2)
    for command in (("show", "propensity", "1"), ("verify", "propensity", "1"), ("list", "propensity")):
        said = yard("evidence", *command, code=2)
        assert "isn't deployed. Deploy it: yard up demand --env local" in said, "demand isn't deployed here"


def test_nothing_drifted_and_no_secret_is_an_old_one(yard: Any, registered: versions.Registered):
    found = re.search(r"<!-- commands -->\n```bash\n(.*?)^```$", DRIFT, re.DOTALL | re.MULTILINE)
    assert found
    assert "as deployed" in yard.shell(found[1])
    assert "0 of " in yard("secrets", "check", "fraud")
    for command in (("drift", "nobody"), ("secrets", "check", "nobody")):
        assert "nobody" in yard(*command, code=2)


def test_a_second_up_changes_nothing(yard: Any, registered: versions.Registered):
    assert "unchanged" in yard("up", "fraud")
