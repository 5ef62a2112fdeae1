"""What users get wrong on the command line: words instead of a traceback, exit code 2, nothing changed."""

import json
import re

import pytest


def test_a_faulty_team_file_stops_yard_before_anything_starts(yard):
    file = yard.root / "stacks/teams/fraud.yaml"
    before = file.read_text()
    file.write_text(
        before.replace("classification: confidential", "classification: secret").replace("owners:", "owner:")
    )
    try:
        said = yard("up", code=2)
        assert "data.datasets.events.classification: got 'secret'" in said
        assert 'Did you mean "owners"?' in said
        faults = json.loads(yard("preview", "fraud", "--json", code=2))["faults"]
        assert {fault["file"] for fault in faults} == {"stacks/teams/fraud.yaml"}
        assert all(fault["line"] for fault in faults)
    finally:
        file.write_text(before)
    assert not (yard.root / ".modelyard" / "sandbox" / "state" / ".pulumi" / "stacks").exists(), "nothing was deployed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("up", "nobody"), "there is no such team; there are: demand, fraud"),
        (("up", "--env", "moon"), "is no environment; there are: local, dev, prod"),
        (("up", "--env", "dev", "--sandbox"), "doesn't live in the sandbox"),
        (("schema", "planet"), "Use platform or team."),
        (("new", "team", "Big"), "characters or a form that are not allowed"),
        (("fly",), "No such command"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(yard, arguments: tuple[str, ...], said: str):
    assert said in yard(*arguments, code=2)


@pytest.mark.engine
def test_a_team_is_not_previewed_before_its_platform_stands(yard):
    for time in ("first", "second"):
        said = yard("preview", "fraud", code=2)
        assert re.search(r"[1-9]\d* to create", said), f"the platform's own preview is shown the {time} time"
        assert "Deploy it first: yard up platform --env local" in said


def test_outside_a_project_yard_says_where_to_go(yard, tmp_path):
    outside = type(yard)(tmp_path)
    assert "is no Modelyard project" in outside("up", code=2)
