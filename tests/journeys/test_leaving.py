"""A team leaves: what must be kept is kept, and of the rest nothing is left."""

import json

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.engine

PUT = """
import boto3
s3 = boto3.client("s3")
names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
curated = next(name for name in names if "demand-lake-curated" in name)
s3.put_object(Bucket=curated, Key="scores/day=2026-01-01/a.parquet", Body=b"old")
s3.put_object(Bucket=curated, Key="scores/day=2026-01-01/a.parquet", Body=b"new")
s3.put_object(Bucket=curated, Key="scratch/a", Body=b"nobody needs it")
"""


def test_a_team_that_is_removed_leaves_its_archive_and_nothing_else(yard):
    yard("up")
    (yard.root / "put.py").write_text(PUT)
    yard.shell("python put.py")
    assert "Add --yes" in yard("team", "remove", "demand", "--keep", "kept", "--json", code=2)
    done = json.loads(yard("team", "remove", "demand", "--keep", "kept", "--yes", "--json"))
    assert done["left"] == {}
    assert done["changes"]["platform"]["delete"] > 3, "the fence, the key and their policies"
    assert done["changes"]["platform"].get("update") == 1, "the trail has one team less to watch"
    assert set(done["changes"]["platform"]) <= {"delete", "same", "update"}, "nothing else of the platform moves"
    (archive,) = (yard.root / "kept").iterdir()
    kept = {file["name"]: file for file in json.loads((archive / "kept.json").read_text())["files"]}
    (scores,) = (name for name in kept if name.startswith("data/"))
    assert (archive / scores).read_bytes() == b"new"
    assert "confidential" in kept[scores]["reason"]
    assert {"state.json", "graph.json", "demand.yaml"} <= set(kept)
    file = YAML(typ="safe").load(yard.root / "stacks/teams/demand.yaml")
    assert set(file["environments"]) == {"dev", "prod"}
    said = yard("up", "demand", code=2)
    assert "Use one" in said or "has no environment" in said
    assert set(json.loads(yard("up", "--json"))["results"]) == {"platform", "fraud"}
