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


WRONG = {
    "team: fraud\n": 'team: fraud\naccount: "12"\nvendor_password: correct-horse\n',
    "monthly_usd: 2000": "monthly_usd: 0",
    "approver: [grace@acme.example]": "approver: []",
    "retention_days: 400": "retention_days: 7",
    "ingestion: {kind: firehose}": "ingestion: {kind: firehose}\n      format: csv",
    "rotation: {kind: renewal}": "rotation: {kind: code, folder: rotate, every_hours: 1}",
    "read: [events, labels]\n    query: true": "read: [events, lables]\n    query: true",
}
SAID = {
    "account": "characters or a form that are not allowed",
    "vendor_password": "co…",
    "budget.monthly_usd": "is no budget",
    "people.approver": "needs at least 1 entries",
    "data.datasets.events.retention_days": "is less than confidential data must stay",
    "data.datasets.events.format": "is not what ingestion writes",
    "secrets.entries.scoring-api.rotation.every_hours": "must be 4 or more",
}


def test_everything_that_is_wrong_with_a_team_is_said_at_once_and_no_secret_is_repeated(yard):
    file = yard.root / "stacks/teams/fraud.yaml"
    before = wrong = file.read_text()
    for right, instead in WRONG.items():
        assert right in wrong
        wrong = wrong.replace(right, instead, 1)
    file.write_text(wrong)
    try:
        text = yard("up", "fraud", "--json", code=2)
    finally:
        file.write_text(before)
    faults = json.loads(text)["faults"]
    said = {fault["path"]: " ".join(map(str, fault.values())) for fault in faults}
    assert {path: words for path, words in SAID.items() if words not in said.get(path, "")} == {}
    assert all(fault["line"] and fault["remedy"] for fault in faults)
    assert "correct-horse" not in text


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


def test_a_loop_is_given_no_version_before_its_team_is_deployed(yard):
    yard("sandbox", "start")
    said = yard("sandbox", "seed", code=2)
    assert "the lake isn't deployed" in said and "yard up demand --env local" in said


def test_outside_a_project_yard_says_where_to_go(yard, tmp_path):
    outside = type(yard)(tmp_path)
    assert "is no Modelyard project" in outside("up", code=2)
