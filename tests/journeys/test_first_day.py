"""A platform engineer's first day: deploy, look, change, add a team, take it all down."""

import json

import pytest

from modelyard.assess.graph import Graph, agree, record
from modelyard.blueprints import platform_program, team_program

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def deployed(yard):
    """As `make up` leaves it: with the loops' first champions, whose endpoints the second `up` makes."""
    yard("up")
    yard("sandbox", "seed")
    yard("up")
    return yard


def changes(text: str) -> dict[str, dict[str, int]]:
    results = json.loads(text)["results"]
    return {
        name: {step: count for step, count in result["changes"].items() if step not in ("same", "read") and count}
        for name, result in results.items()
    }


def test_a_second_up_changes_nothing(deployed):
    assert changes(deployed("up", "--json")) == {"platform": {}, "demand": {}, "fraud": {}}


def test_plain_pulumi_agrees_that_there_is_nothing_to_do(deployed):
    said = deployed.shell("pulumi preview --stack local --diff --expect-no-changes --non-interactive", "platform")
    assert "unchanged" in said


def test_a_stack_is_selected_so_that_plain_pulumi_needs_no_flag(deployed):
    assert "unchanged" in deployed.shell("pulumi preview --non-interactive", "stacks")


def test_changing_one_retention_updates_exactly_that(deployed):
    file = deployed.root / "stacks/teams/fraud.yaml"
    before = file.read_text()
    file.write_text(before.replace("retention_days: 1095", "retention_days: 1096"))
    try:
        result = json.loads(deployed("preview", "fraud", "--json"))["results"]["fraud"]
        (resource,) = (change for change in result["resources"] if change["op"] != "same")
        assert (resource["op"], resource["name"]) == ("update", "lake-curated-lifecycle")
        (changed,) = resource["properties"]
        assert "1096" in json.dumps(changed)
        assert changes(deployed("up", "fraud", "--json"))["fraud"] == {"update": 1}
    finally:
        file.write_text(before)


def test_another_team_is_one_file_and_one_command(deployed):
    said = deployed("new", "team", "churn", "--blueprint", "batch", "--owner", "Ada Lovelace <ada@acme.example>")
    assert "yard up churn" in said
    made = changes(deployed("up", "churn", "--json"))
    assert made["churn"]["create"] > 50
    assert set(made["platform"]) == {"create", "update"}, "the platform gets the team's fence"
    assert made["platform"]["update"] == 1, "the trail records accesses to the team's data too"
    assert "there is such a team already" in deployed("new", "team", "churn", code=2)


def test_plain_boto3_uses_what_was_provisioned(deployed):
    script = """
import boto3, json
buckets = [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]]
raw = next(name for name in buckets if "fraud-lake-raw" in name)
s3 = boto3.client("s3")
s3.put_object(Bucket=raw, Key="events/day=2026-01-01/a.json", Body=b"{}")
head = s3.head_object(Bucket=raw, Key="events/day=2026-01-01/a.json")
table = boto3.client("glue").get_table(DatabaseName="ml_local_fraud_lake", Name="events")["Table"]
from modelyard_jobs.resources import resources
found = resources("/modelyard/ml/local/fraud/trainer").dataset("events")
print(json.dumps([head["ServerSideEncryption"], table["StorageDescriptor"]["Location"], found.bucket == raw]))
"""
    (deployed.root / "use.py").write_text(script)
    encryption, location, same = json.loads(deployed.shell("python use.py"))
    assert encryption == "aws:kms"
    assert location.endswith("/events/")
    assert same


def test_a_refresh_sees_what_somebody_took_away_and_the_next_up_brings_it_back(deployed):
    script = """
import boto3
s3 = boto3.client("s3")
raw = next(b["Name"] for b in s3.list_buckets()["Buckets"] if "fraud-lake-raw" in b["Name"])
s3.delete_bucket_lifecycle(Bucket=raw)
"""
    (deployed.root / "take.py").write_text(script)
    assert set(changes(deployed("up", "fraud", "--json"))["fraud"]) == {"update"}, "the retention is what it was"
    deployed.shell("python take.py")
    assert changes(deployed("refresh", "fraud", "--json"))["fraud"] == {"delete": 1}
    assert changes(deployed("up", "fraud", "--json"))["fraud"] == {"create": 1}


def test_the_recorded_the_previewed_and_the_deployed_graph_of_each_stack_agree(deployed):
    platform = platform_program(deployed.root, "local")
    teams = [team_program(deployed.root, team, "local") for team in ("demand", "fraud")]
    exported = Graph.from_state(deployed.shell("pulumi stack export --stack local", "platform"))
    known = {f"{platform.project}/{platform.stack}": exported}
    for program, folder in ((platform, "platform"), *((team, "stacks") for team in teams)):
        recorded = record(
            program.run, project=program.project, stack=program.stack, region="eu-west-1", stack_references=known
        )
        command = f"pulumi preview --stack {program.stack} --json --show-sames --non-interactive"
        assert agree(recorded, Graph.from_preview(deployed.shell(command, folder))) == []
        state = deployed.shell(f"pulumi stack export --stack {program.stack}", folder)
        assert agree(recorded, Graph.from_state(state)) == []


def test_the_graph_of_a_team_is_shown_without_the_engine(deployed):
    graph = json.loads(deployed("graph", "fraud", "--json"))
    assert graph
    assert "flowchart" in deployed("graph", "fraud", "--mermaid")


def test_the_example_that_composes_by_hand_deploys(deployed):
    folder = "examples/compose"
    said = deployed.shell("pulumi stack select --create dev; pulumi up --yes --skip-preview --non-interactive", folder)
    assert "lab-dev-vision-lake-raw" in said
    deployed.shell("pulumi preview --expect-no-changes --non-interactive", folder)
    deployed.shell("pulumi destroy --yes --skip-preview --non-interactive", folder)


def test_the_platform_does_not_go_from_under_its_teams(deployed):
    assert "teams stand on it" in deployed("down", "platform", code=2)


def test_taking_everything_down_leaves_the_emulator_empty(deployed):
    deployed("down")
    counted = json.loads(deployed("sandbox", "status", "--json"))
    assert counted["counts"] == {}, "counted service by service"
