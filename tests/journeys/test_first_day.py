"""A platform engineer's first day: the README, done as it says in a fresh clone, and what else one tries there."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.journeys.conftest import Yard

from modelyard.assess.graph import Graph, agree, record
from modelyard.blueprints import platform_program, team_program
from modelyard.engine.places import cache
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
"""The README's commands, in their order."""
INHERITED = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "PIP_CERT", "GOPROXY", "GOFLAGS")

Done = Callable[[str], str]
"""Does what a block of the README says, and returns what that printed."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh clone of what is committed, whose sandbox is stopped in the end, wherever the commands came to."""
    to = tmp_path_factory.mktemp("newcomer") / "modelyard"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(to)], check=True)
    yield to
    Sandbox(to).stop()


@pytest.fixture(scope="module")
def done(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """With an empty home; the engine and the downloaded packages are the machine's own."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "MODELYARD_CACHE": str(cache()),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
    }

    def follow(commands: str) -> str:
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == 0, said
        assert "Traceback" not in said
        return said

    return follow


@pytest.fixture(scope="module")
def deployed(clone: Path, done: Done) -> Yard:
    """As `make up` leaves it: with the loops' first champions, whose endpoints the second `up` made."""
    assert BLOCKS[:2] == ["make up\n", "make test\n"]
    said = done(BLOCKS[0])
    assert "modelyard-team/fraud-local" in said
    return Yard(clone, clone / ".venv")


def changes(text: str) -> dict[str, dict[str, int]]:
    results = json.loads(text)["results"]
    return {
        name: {step: count for step, count in result["changes"].items() if step not in ("same", "read") and count}
        for name, result in results.items()
    }


def test_a_second_up_changes_nothing(deployed):
    assert changes(deployed("up", "--json")) == {"platform": {}, "demand": {}, "fraud": {}}


@pytest.mark.usefixtures("deployed")
def test_the_readmes_tour_works_from_one_command_to_the_next(done: Done):
    assert "cd stacks\npulumi preview\n" in BLOCKS[2], "a stack is selected, so that plain pulumi needs no flag"
    said = done("".join(BLOCKS[2:-1]))
    assert re.search(r"^\s+[0-9]{2,} unchanged$", said, re.MULTILINE), "plain pulumi preview shows no change"


def test_plain_pulumi_agrees_that_there_is_nothing_to_do(deployed):
    said = deployed.shell("pulumi preview --stack local --diff --expect-no-changes --non-interactive", "platform")
    assert "unchanged" in said


def test_changing_one_retention_updates_exactly_that_and_tells_that_it_is_not_committed(deployed):
    file = deployed.root / "stacks/teams/fraud.yaml"
    before = file.read_text()
    file.write_text(before.replace("retention_days: 1095", "retention_days: 1096"))
    try:
        result = json.loads(deployed("preview", "fraud", "--json"))["results"]["fraud"]
        updates = {change["name"]: change for change in result["resources"] if change["op"] == "update"}
        assert updates.keys() == {"lake-curated-lifecycle", "evidence-infrastructure"}
        (changed,) = updates["lake-curated-lifecycle"]["properties"]
        assert "1096" in json.dumps(changed)
        assert changes(deployed("up", "fraud", "--json"))["fraud"] == {"update": 2}
    finally:
        file.write_text(before)


def test_another_team_is_one_file_and_one_command(deployed):
    said = deployed("new", "team", "returns", "--blueprint", "batch", "--owner", "Ada Lovelace <ada@acme.example>")
    assert "yard up returns" in said
    made = changes(deployed("up", "returns", "--json"))
    assert made["returns"]["create"] > 50
    assert set(made["platform"]) == {"create", "update"}, "the platform gets the team's fence"
    assert made["platform"]["update"] == 1, "the trail records accesses to the team's data too"
    assert "there is such a team already" in deployed("new", "team", "returns", code=2)


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


PUT = """
import boto3
s3 = boto3.client("s3")
names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
curated = next(name for name in names if "demand-lake-curated" in name)
s3.put_object(Bucket=curated, Key="scores/day=2026-01-01/a.parquet", Body=b"old")
s3.put_object(Bucket=curated, Key="scores/day=2026-01-01/a.parquet", Body=b"new")
s3.put_object(Bucket=curated, Key="scratch/a", Body=b"nobody needs it")
"""


def test_a_team_that_is_removed_leaves_its_archive_and_nothing_else(deployed: Yard):
    (deployed.root / "put.py").write_text(PUT)
    deployed.shell("python put.py")
    assert "Add --yes" in deployed("team", "remove", "demand", "--keep", "kept", "--json", code=2)
    removed = json.loads(deployed("team", "remove", "demand", "--keep", "kept", "--yes", "--json"))
    assert removed["left"] == {}
    assert removed["changes"]["platform"]["delete"] > 3, "the fence, the key and their policies"
    assert removed["changes"]["platform"].get("update") == 1, "the trail has one team less to watch"
    assert set(removed["changes"]["platform"]) <= {"delete", "same", "update"}, "nothing else of the platform moves"
    (archive,) = (deployed.root / "kept").iterdir()
    kept = {file["name"]: file for file in json.loads((archive / "kept.json").read_text())["files"]}
    (scores,) = (name for name in kept if "/scores/" in name)
    assert not any("scratch" in name for name in kept)
    assert (archive / scores).read_bytes() == b"new"
    assert "confidential" in kept[scores]["reason"]
    assert {"state.json", "graph.json", "demand.yaml"} <= set(kept)
    (record,) = (name for name in kept if name.startswith("models/"))
    assert json.loads((archive / record).read_text())["ModelApprovalStatus"] == "Approved"
    file = YAML(typ="safe").load(deployed.root / "stacks/teams/demand.yaml")
    assert set(file["environments"]) == {"dev", "prod"}
    said = deployed("up", "demand", code=2)
    assert "Use one" in said or "has no environment" in said
    assert set(json.loads(deployed("up", "--json"))["results"]) == {"platform", "fraud", "returns"}


@pytest.mark.usefixtures("deployed")
def test_taking_everything_down_as_the_readme_says_leaves_the_emulator_empty(done: Done):
    assert BLOCKS[-1] == "make down\n"
    assert "it is empty" in done(BLOCKS[-1])
