"""Whoever asks for GPUs learns before anything is made what they may cost, what is wrong, and what a mirror needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Yard
from tests.shipped import edit

from modelyard.blueprints.beginning import new_project

MIRROR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mirror"
POOL = {
    "instance_types": ["p4d.24xlarge"],
    "limits": {"gpus": 32, "monthly_usd": 9000},
    "image": {"version": "1.50.0"},
    "zones": ["eu-west-1a"],
    "efa": True,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    new_project(tmp_path, "gpu-cluster", "acme", "platform@acme.example")
    return tmp_path


def cluster(project: Path, change: Callable[[Any], object]) -> None:
    edit(project / "platform" / "platform.yaml", lambda file: change(file["cluster"]))


def test_a_pool_that_costs_more_than_its_ceiling_is_told_with_its_line(project: Path):
    cluster(project, lambda said: said.update(pools={"a100": dict(POOL)}))
    said = Yard(project)("check", "platform", "--env", "local")
    assert "pool-cost-ceiling: pools-a100 costs" in said and "over its ceiling of 9,000" in said
    assert "cluster.pools.a100" in said


def test_all_that_is_wrong_with_pools_and_charts_is_told_at_once_and_nothing_is_made(project: Path):
    wrong = {**POOL, "instance_types": ["g5.xlarge"], "zones": ["eu-west-1a", "eu-west-1b"]}

    def change(said: Any) -> None:
        said.update(pools={"a100": wrong}, charts={"air_gapped": True, "versions": {"karpenter": "0.37.0"}})

    cluster(project, change)
    said = Yard(project)("charts", "--env", "local", code=2)
    for told in (
        "cluster.charts.versions.karpenter: got '0.37.0'; isn't in the table of charts",
        "cluster.charts.air_gapped: got True; needs a mirror",
        "cluster.pools.a100.instance_types[0]: got 'g5.xlarge'; takes no Elastic Fabric Adapter",
        "cluster.pools.a100.zones: got",
    ):
        assert told in said
    assert said.count("platform/platform.yaml:") == 4 and "Traceback" not in said


def test_a_pool_without_limits_is_refused_at_its_line(project: Path):
    cluster(project, lambda said: said["pools"]["a10g"].pop("limits"))
    said = Yard(project)("charts", "--env", "local", code=2)
    assert "cluster.pools.a10g.limits: is required. Add it." in said


def test_what_a_mirror_needs_is_listed_for_people_and_for_programs(project: Path):
    cluster(project, lambda said: said.update(charts={"registry": MIRROR, "air_gapped": True}))
    yard = Yard(project)
    found = json.loads(yard("charts", "--env", "local", "--json"))
    names = {chart["name"] for chart in found["charts"]}
    assert {"karpenter", "karpenter-crd", "dcgm-exporter", "efa-device-plugin"} <= names
    assert {
        "from": "public.ecr.aws/karpenter/controller:1.14.1",
        "to": f"{MIRROR}/karpenter/controller:1.14.1",
    } in found["copies"]
    assert {pull["chart"] for pull in found["pulls"]} >= {"dcgm-exporter", "aws-efa-k8s-device-plugin"}
    assert f"Your registry needs {len(found['copies'])} copies" in yard("charts", "--env", "local")
