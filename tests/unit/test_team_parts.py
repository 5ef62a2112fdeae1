"""What a team's file may not say of the parts that build models: each fault where it is, all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.shipped import edit, own_account, said_of

from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.blueprints import Project
from modelyard.core.errors import InputError, SpecError

NETWORK = {"vpc_id": "vpc-0123456789abcdef0", "subnets": {"private": {"eu-west-1a": "subnet-0123456789abcdef0"}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: f["personas"]["ml-engineer"].update(features={"read_online": ["entty"]}),
            "ml-engineer.features.read_online[0]: got 'entty'; is none of the team's online views; it has: entity",
        ),
        (
            lambda f: f["personas"]["approver"]["models"].update(submit=["scores"]),
            "personas.approver.models.approve[0]: got 'scores'; is approved by the same who submits or evaluates it",
        ),
        (lambda f: f["jobs"].update(models={"submit": ["others"]}), "jobs.models.submit[0]: got 'others'"),
        (lambda f: f["workbench"].update(read=["nothing"]), "workbench.read[0]: got 'nothing'"),
        (lambda f: f["personas"]["pipeline"]["images"].update(push=["serve"]), "it has: train. Name one of them"),
        (lambda f: f["personas"]["pipeline"]["pipelines"].update(start=["weekly"]), "it has: scores. Name one of them"),
        (lambda f: f.pop("tracking"), "jobs.track: got 'log'; but the team tracks nothing"),
        (lambda f: f.pop("training"), "personas.data-scientist.train: but the team trains nothing"),
        (lambda f: f.pop("training"), "jobs: speaks of training jobs, and there are none"),
        (lambda f: f.pop("training"), "pipelines.scores: runs training jobs, and there are none"),
        (lambda f: f.pop("data"), "features: stands on a lake, and the team has none"),
        (lambda f: f["features"]["views"]["entity"].update(dataset="evnts"), "is no dataset of the lake"),
        (lambda f: f.update(capabilities=["data"]), 'tracking: is declared, and "capabilities" shuts tracking out'),
        (lambda f: f.update(network=NETWORK), "network: is for a team with an account of its own"),
        (own_account, "training.vpc: asks for a network, and the team's own account has none"),
        (own_account, "pipelines: works with the platform's bus"),
        (
            lambda f: (own_account(f), f.update(network=NETWORK)),
            "network.security_groups: lack workload, training, endpoints",
        ),
        (
            lambda f: f["training"].update(
                lustre={"dataset": "labels", "capacity_gib": 1200, "ends": "2027-01-01T00:00:00Z"}
            ),
            "training.lustre: has FSx read with the team's key",
        ),
    ],
)
def test_a_part_that_contradicts_the_rest_is_refused_where_it_stands(
    project: Project, change: Callable[[Any], object], said: str
):
    assert said in said_of(project, change)


def test_everything_that_is_wrong_is_said_at_once(project: Project):
    def change(file: Any) -> None:
        file.pop("tracking")
        file["jobs"]["read"] = ["nothing"]
        file["personas"]["approver"]["models"]["submit"] = ["scores"]

    said = said_of(project, change)
    for part in ("jobs.read[0]", "jobs.track", "personas.approver.models.approve[0]"):
        assert part in said


def test_a_workbench_that_the_platform_does_not_make_is_refused_by_name(project: Project):
    edit(project.platform_file, lambda file: file.pop("workbenches"))
    with pytest.raises(InputError) as caught:
        record_team(project.root, "fraud", "local")
    said = str(caught.value)
    assert "personas.data-scientist.workbench" in said and 'Add "workbenches: {fraud: {}}"' in said


def test_a_workbench_for_a_team_that_is_not_there_is_refused(project: Project):
    edit(project.platform_file, lambda file: file["workbenches"].update(nobody={}))
    with pytest.raises(SpecError, match=r"workbenches\.nobody: .*is no team of this environment"):
        record_platform(project.root, "local")


def test_the_platform_makes_keys_of_releases_for_those_who_release(project: Project):
    def made() -> set[str]:
        found = record_platform(project.root, "local")
        return {node.name for node in found if node.name.endswith("signing-key")}

    assert made() == {"demand-release-keys-signing-key", "fraud-release-keys-signing-key"}

    def nothing(file: Any) -> None:
        for part in ("registry", "jobs"):
            file.pop(part)
        for access in file["personas"].values():
            access.pop("models", None)

    edit(project.team_file("demand"), nothing)
    assert made() == {"fraud-release-keys-signing-key"}


def test_an_account_pulls_a_model_only_where_the_platform_lets_it(project: Project):
    def pulled(file: Any) -> None:
        file["registry"]["models"]["scores"]["pulled_by"] = ["444455556666"]

    edit(project.team_file("fraud"), pulled)
    with pytest.raises(SpecError, match=r"pulled_by\[0\]: got '444455556666'; is no account that the platform admits"):
        record_team(project.root, "fraud", "local")
    edit(project.platform_file, lambda file: file.update(pulled_by=["444455556666"]))
    assert record_team(project.root, "fraud", "local").named("registry-scores-policy")
