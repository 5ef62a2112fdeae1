"""A team's file says that experiments are tracked, and features served, on the platform's cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.shipped import edit
from tests.unit import test_features_kubernetes as feast
from tests.unit import test_tracking_kubernetes as mlflow
from tests.unit.test_platform_cluster import PEOPLE, begun, team

from modelyard.assess.graph import Graph
from modelyard.blueprints import Project
from modelyard.blueprints.schema import schema
from modelyard.core.document import read
from modelyard.core.errors import SpecError
from modelyard.operate.recorded import Recorder

ADDRESS = "ada@acme.example"
SPACE = "ml-local-vision"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
TRACKING: dict[str, Any] = {
    "flavour": "kubernetes",
    **{part: said for part, said in mlflow.GIVEN.items() if part != "ways"},
    "files": {"kind": "bucket"},
}
VIEW = {**feast.VIEW, "dataset": "pictures"}
FEATURES: dict[str, Any] = {
    "flavour": "kubernetes",
    **{part: said for part, said in feast.GIVEN.items() if part != "ways"},
    "views": {"customer": VIEW},
    "kept": {"kind": "lake"},
    "online": feast.REDIS,
}
WAYS: dict[str, Any] = {
    "tracking": {"reached_from": ["gateways"], "reaches": [{"namespace": "postgres", "ports": [5432]}]},
    "features": {"reaches": [{"namespace": "cache", "ports": [6380]}]},
}


def tracked(folder: Path, ways: Any = WAYS, **said: Any) -> Project:
    project = begun(folder)

    def platform(file: Any) -> None:
        file["sign_in"] = {"kind": "roles", "roles": [PEOPLE]}
        if ways is not None:
            file["ways"] = {"vision": ways}

    edit(project.platform_file, platform)
    team(project, **{"tracking": TRACKING, "features": FEATURES, **said})
    return project


def faults(project: Project) -> str:
    with pytest.raises(SpecError) as error:
        Recorder(project).graph("vision", "local")
    return str(error.value)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Graph]:
    """The platform's stack and the team's."""
    project = tracked(tmp_path_factory.mktemp("servers"))
    edit(project.team_file("vision"), lambda file: file["jobs"].update(track="log", features={"write": ["customer"]}))
    recorder = Recorder(project)
    return recorder.graph("platform", "local"), recorder.graph("vision", "local")


def containers(graph: Graph, name: str) -> list[Any]:
    (made,) = graph.named(name)
    return made.properties["spec"]["template"]["spec"]["containers"]


def test_both_servers_stand_in_the_teams_namespace_under_accounts_of_their_own(graphs: tuple[Graph, Graph]):
    found = {node.name: node.properties for node in graphs[1].of_type("kubernetes:apps/v1:Deployment")}
    assert set(found) == {"tracking-server", "features-server"}
    assert {each["metadata"]["namespace"] for each in found.values()} == {SPACE}
    accounts = {name: each["spec"]["template"]["spec"]["serviceAccountName"] for name, each in found.items()}
    assert accounts == {"tracking-server": f"{SPACE}-mlflow", "features-server": f"{SPACE}-feast"}
    assert not graphs[1].of_type(POLICY), "a team opens no way through its fence"


def test_the_platform_opens_the_ways_that_its_own_file_says_for_the_pods_that_the_team_makes(
    graphs: tuple[Graph, Graph],
):
    platform, made = graphs
    for role, server in (("vision-namespace-tracking-ways", "tracking"), ("vision-namespace-server-ways", "features")):
        (way,) = platform.named(role)
        (deployment,) = made.named(f"{server}-server")
        marks = deployment.properties["spec"]["template"]["metadata"]["labels"]
        selects = way.properties["spec"]["podSelector"]["matchLabels"]
        assert selects and selects.items() <= marks.items()
        assert way.properties["metadata"]["namespace"] == SPACE
    (tracking,) = platform.named("vision-namespace-tracking-ways")
    assert [5432] in [
        [port["port"] for port in rule.get("ports", [])] for rule in tracking.properties["spec"]["egress"]
    ]


def test_jobs_sign_in_as_what_the_file_lets_them_do_and_see_no_other_password(graphs: tuple[Graph, Graph]):
    (runtime,) = graphs[1].named("training-run-finetune")
    written = json.dumps(runtime.properties["spec"])
    assert '"MLFLOW_TRACKING_URI"' in written and '"mlflow-writer"' in written
    assert "mlflow-admin" not in written and "mlflow-reader" not in written


def test_jobs_may_put_down_files_of_runs_and_the_history_of_the_views_that_they_write(graphs: tuple[Graph, Graph]):
    def allowed(thing: str) -> str:
        (policy,) = graphs[1].named(f"trainer-identity-{thing}-access")
        return policy.properties["policy"]

    (bucket,) = graphs[1].named("tracking-bucket")
    assert f"arn:aws:s3:::{bucket.properties['bucket']}/" in allowed("tracking")
    assert "s3:PutObject" in allowed("tracking")
    assert "/features/pictures/" in allowed("features")


@pytest.mark.parametrize(
    ("ways", "changes", "expected"),
    [
        (None, {}, "tracking.flavour: got 'kubernetes'; can't reach what it keeps things in"),
        ({"tracking": {}}, {}, "features.flavour: got 'kubernetes'; can't reach what it keeps things in"),
        (WAYS, {"tracking": {**TRACKING, "ways": WAYS["tracking"]}},
         'tracking.ways: are the platform\'s to open, since no team opens its own fence. Move them to '
         '"ways.vision.tracking"'),
        (WAYS, {"jobs": {"track": "manage"}}, "jobs.track: got 'manage'; would give every job the administrator's"),
        (WAYS, {"people": {"ml-engineer": [ADDRESS]}, "personas": {"ml-engineer": {"track": "read"}}},
         "personas.ml-engineer.track: got 'read'; is on Kubernetes, where pods of the namespace sign in to MLflow"),
        (WAYS, {"jobs": {"features": {"read_online": ["customer"]}}},
         "jobs.features.read_online[0]: got 'customer'; lies on Kubernetes, where no such grant is needed"),
        (WAYS, {"features": {**FEATURES, "kept": feast.COMPATIBLE}, "jobs": {"features": {"write": ["customer"]}}},
         "jobs.features.write[0]: got 'customer'; lies on Kubernetes"),
    ],
)  # fmt: skip
def test_what_a_server_on_the_cluster_cant_have_is_refused_with_the_way_out(
    tmp_path: Path, ways: Any, changes: dict[str, Any], expected: str
):
    assert expected in faults(tracked(tmp_path, ways, **changes))


def test_jobs_outside_of_the_cluster_dont_log_into_it(tmp_path: Path):
    project = tracked(tmp_path, jobs={"track": "log"})
    edit(project.team_file("vision"), lambda file: file["training"].update(flavour={"kind": "sagemaker"}))
    assert "jobs.track: got 'log'; is on the platform's cluster, which jobs elsewhere don't reach" in faults(project)


def test_servers_without_a_share_of_a_cluster_are_refused(tmp_path: Path):
    project = tracked(tmp_path, None)
    edit(project.team_file("vision"), lambda file: [file.pop(part) for part in ("quota", "training", "jobs")])
    said = faults(project)
    for path in ("tracking.flavour", "features.flavour"):
        assert f"{path}: got 'kubernetes'; needs a share of the platform's cluster" in said


def test_ways_of_a_team_without_a_quota_and_of_no_team_are_refused(tmp_path: Path):
    project = tracked(tmp_path)
    edit(project.team_file("vision"), lambda file: [file.pop(part) for part in ("quota", "training", "jobs")])
    with pytest.raises(SpecError, match=r"ways\.vision.*are for servers on the cluster, where the team has no quota"):
        Recorder(project).graph("platform", "local")
    edit(project.platform_file, lambda file: file.update(ways={"nobody": WAYS}))
    with pytest.raises(SpecError, match=r"ways\.nobody.*is no team of this environment; there are: vision"):
        Recorder(project).graph("platform", "local")


def test_the_schema_takes_either_place(tmp_path: Path):
    project = tracked(tmp_path)
    document = read(project.team_file("vision")).data
    validator = Draft202012Validator(schema("team"))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["tracking"] = {"flavour": {"kind": "managed"}}
    assert [error.message for error in validator.iter_errors(document)] == []
    document["tracking"] = {**TRACKING, "idle": {}}
    assert list(validator.iter_errors(document)), "a field of the other flavour"
