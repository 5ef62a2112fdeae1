"""What a team's file says of the parts that run models: what is made of it, and each fault where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.shipped import edit, own_account, said_of

from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.blueprints import Project

ENDPOINT: dict[str, Any] = {
    "model": "scores",
    "owner": "fraud@acme.example",
    "release": {"kind": "declared", "version": 1},
    "served_by": {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}},
}
LATER = {"kind": "asynchronous", "instance_type": "ml.g5.xlarge"}
BATCH = {
    "model": "scores",
    "owner": "fraud@acme.example",
    "release": {"kind": "declared", "version": 1},
    "input": {"zone": "curated", "prefix": "labels"},
    "output": {"zone": "curated", "prefix": "predictions"},
}
DOOR = {"request": {"fields": {"amount": {"kind": "number"}}}, "authorization": {"kind": "iam"}}


def serves(file: Any, **endpoint: Any) -> None:
    for part in ("doors", "monitoring", "retraining", "serving"):
        for document in (file, *file["environments"].values()):
            document.pop(part, None)
    for access in file["personas"].values():
        for part in ("endpoints", "retrain"):
            access.pop(part, None)
    file["serving"] = {"live": {**ENDPOINT, **endpoint}}


def opens(file: Any, **door: Any) -> None:
    serves(file)
    file["doors"] = {"live": {**DOOR, **door}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (serves(f), f.pop("registry")), "serving.live: serves models of a registry, and the team has none"),
        (lambda f: (serves(f), f.pop("data")), "serving.live: stands on a lake, and the team has none"),
        (
            lambda f: (f.update(batch_inference={"nightly": BATCH}), f.pop("registry")),
            "batch_inference.nightly: serves models of a registry",
        ),
        (
            lambda f: f.update(serving={"scores": ENDPOINT}),
            "serving.scores: got 'scores'; stands among pipelines too",
        ),
        (lambda f: f["doors"].update(live=DOOR), "doors.live: got 'live'; is the door of no endpoint"),
        (
            lambda f: (opens(f), f["serving"]["live"].update(served_by=LATER)),
            "doors.live: got 'live'; leads to an endpoint whose answers",
        ),
        (lambda f: (serves(f), own_account(f)), "serving.live.vpc: asks for a network"),
        (
            lambda f: f["personas"]["ml-engineer"].update(endpoints={"invoke": ["scorer"]}),
            "ml-engineer.endpoints.invoke[0]: got 'scorer'; is none of the team's endpoints; it has: ",
        ),
        (
            lambda f: (
                serves(f, capture={"percent": 0}),
                f["personas"]["ml-engineer"].update(endpoints={"read_capture": ["live"]}),
            ),
            "ml-engineer.endpoints.read_capture[0]: got 'live'; is none of the team's endpoints with capture",
        ),
        (lambda f: (serves(f), f.update(capabilities=["data"])), "serving: is declared, and"),
    ],
)
def test_a_part_that_contradicts_the_rest_is_refused_where_it_stands(
    project: Project,
    change: Callable[[Any], object],
    said: str,
):
    assert said in said_of(project, change)


def test_an_endpoint_its_door_and_a_batch_are_made_of_a_teams_file(project: Project):
    def change(file: Any) -> None:
        opens(file)
        file["batch_inference"] = {"nightly": {**BATCH, "schedule": "cron(0 5 * * ? *)"}}
        file["personas"]["ml-engineer"].update(
            endpoints={"invoke": ["live"], "read": ["live"], "read_capture": ["live"]},
            batches={"start": ["nightly"], "read": ["nightly"]},
        )

    edit(project.team_file("fraud"), change)
    graph = record_team(project.root, "fraud", "local")
    made = {node.name for node in graph}
    assert {
        "live-endpoint",
        "live-configuration",
        "live-main-model",
        "live-door-api",
        "nightly-batch-main-model",
    } <= made
    told = {f"persona-ml-engineer-{thing}-address" for thing in ("live", "nightly-batch")}
    assert told <= made
    assert graph.outputs["endpoints"] == {"live": "ml-local-fraud-live"}
    platform = {node.name for node in record_platform(project.root, "local")}
    assert {"door-account-logs", "fraud-fence-models-policy"} <= platform


def test_another_platform_may_say_how_doors_of_the_account_log(project: Project):
    edit(project.team_file("fraud"), opens)
    edit(project.platform_file, lambda file: file.update(door_account=False))
    assert "door-account-logs" not in {node.name for node in record_platform(project.root, "local")}
