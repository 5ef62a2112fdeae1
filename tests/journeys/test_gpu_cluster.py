"""A platform with a cluster of GPUs, from nothing: begun, deployed, used by a team, upgraded, taken down."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import ENVIRONMENT, Yard
from tests.shipped import edit

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """As `make up BLUEPRINT=gpu-cluster` leaves it."""
    root = tmp_path_factory.mktemp("gpus")
    beginning = Yard(root)
    beginning("new", "project", "ours", "--blueprint", "gpu-cluster", "--notify", "platform@acme.example")
    running = Yard(root / "ours")
    (running.root / ".venv").symlink_to(ENVIRONMENT)
    running("new", "team", "vision", "--blueprint", "gpu", "--owner", "Ada Lovelace <ada@acme.example>")
    running("up", "--sandbox")
    yield running
    running("sandbox", "stop")


def operations(said: str) -> dict[str, dict[str, int]]:
    """What happened to each stack's resources, but for those that stayed."""
    results = json.loads(said)["results"]
    return {
        name: {step: count for step, count in result["changes"].items() if step not in ("same", "read") and count}
        for name, result in results.items()
    }


def test_a_second_up_changes_nothing(yard: Yard):
    assert operations(yard("up", "--sandbox", "--json")) == {"platform": {}, "vision": {}}


def test_the_files_break_no_rule_of_the_strictest_profile_and_have_a_price(yard: Yard):
    assert "all rules hold" in yard("check", "--profile", "regulated")
    pools = yard("cost", "platform", "--env", "local", "--json")
    assert json.loads(pools)["stacks"][0]["unknown"] == []


def test_people_look_into_the_cluster_with_the_clients_they_know(yard: Yard):
    script = """
from kubernetes import client, config
config.load_kube_config()
assert "ml-local-vision" in [each.metadata.name for each in client.CoreV1Api().list_namespace().items]
queues = client.CustomObjectsApi().list_cluster_custom_object("kueue.x-k8s.io", "v1beta2", "clusterqueues")["items"]
assert len(queues) == 1
pools = client.CustomObjectsApi().list_cluster_custom_object("karpenter.sh", "v1", "nodepools")["items"]
print(sorted(each["metadata"]["name"] for each in pools))
"""
    (yard.root / "look.py").write_text(script)
    assert "['ml-local-platform-pools-a100', 'ml-local-platform-pools-a10g']" in yard.shell("python look.py")


CHARTS = [
    "trainer",
    "argo-rollouts",
    "argo-workflows",
    "envoy-gateway",
    "external-secrets",
    "keda",
    "kube-prometheus-stack",
]
REGISTRY = {
    "models": {
        "places": {
            "description": "Where a picture was taken.",
            "owner": "ada@acme.example",
            "ungated_because": "A person looks at each version.",
        }
    }
}
ENDPOINT = {
    "flavour": "kubernetes",
    "model": "places",
    "owner": "ada@acme.example",
    "release": {"kind": "declared", "version": 1},
    "artifact": 64 * "0",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-serve@sha256:{64 * '0'}",
    "served_by": {"kind": "rollout"},
    "scaling": {"least": 1, "most": 2, "target": {"kind": "concurrency", "per_instance": 4}},
    "door": {
        "gateway": {"name": "inner", "namespace": "gateways"},
        "host": "places.acme.example",
        "callers": {"kind": "jwt", "issuer": "https://id.acme.example", "audiences": ["places"]},
    },
}
OWN = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-train@sha256:{64 * '0'}"
NIGHTLY = {
    "owner": "ada@acme.example",
    "flavour": {"kind": "argo"},
    "steps": {
        "train": {
            "kind": "train",
            "image": OWN,
            "command": ["train.py"],
            "inputs": {"rows": {"kind": "dataset", "name": "pictures"}},
        }
    },
    "triggers": {"nightly": {"kind": "schedule", "expression": "cron(30 5 * * ? *)"}},
}
VENDOR = {
    "entries": {"vendor": {"kind": "generated", "rotation": {"kind": "renewal"}}},
    "in_cluster": ["vendor"],
}
SERVERS = {
    "tracking": {
        "flavour": "kubernetes",
        "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-mlflow@sha256:{64 * '0'}",
        "database": {"connection": {"name": "runs-app", "key": "uri"}, "ca": {"name": "runs-ca", "key": "ca.crt"}},
        "passwords": {name: {"name": f"mlflow-{name}"} for name in ("admin", "writer", "reader", "session")},
        "files": {"kind": "bucket"},
        "listener": {"kind": "tls", "certificate": "mlflow-tls"},
    },
    "features": {
        "flavour": "kubernetes",
        "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-feast@sha256:{64 * '0'}",
        "views": {
            "picture": {
                "owner": "ada@acme.example",
                "entity": [{"name": "picture_id"}],
                "event_time": "taken_at",
                "features": [{"name": "label", "type": "string"}],
                "dataset": "pictures",
                "columns": {"taken_at": "day"},
                "ttl_hours": 48,
            }
        },
        "online": {"kind": "dynamodb"},
        "kept": {"kind": "lake"},
        "tls": "feast-tls",
    },
}


@pytest.fixture(scope="module")
def used(yard: Yard) -> dict[str, dict[str, int]]:
    """What happened as the team began to serve, track, mount a secret and train by a pipeline, all at once."""
    ways = {"reaches": [{"namespace": "postgres", "ports": [5432]}]}

    def platform(file: Any) -> None:
        file["cluster"]["charts"].update(install=CHARTS)
        file["ways"] = {"vision": {"tracking": ways, "features": {}}}

    def team(file: Any) -> None:
        file.update(registry=REGISTRY, serving={"places": ENDPOINT}, secrets=VENDOR, pipelines={"nightly": NIGHTLY})
        file.update(SERVERS)
        file["jobs"].update(track="log")

    edit(yard.root / "platform" / "platform.yaml", platform)
    edit(yard.root / "stacks" / "teams" / "vision.yaml", team)
    return operations(yard("up", "--sandbox", "--json"))


def test_a_team_begins_to_use_the_cluster_and_nothing_of_it_goes(yard: Yard, used: dict[str, dict[str, int]]):
    assert set(used["vision"]) <= {"create", "update"}
    assert "all rules hold" in yard("check", "--profile", "regulated")
    assert json.loads(yard("cost", "vision", "--env", "local", "--json"))["stacks"][0]["unknown"] == []
    assert operations(yard("up", "--sandbox", "--json")) == {"platform": {}, "vision": {}}


THERE = """
from kubernetes import client, config
config.load_kube_config()
seen = client.CustomObjectsApi()
found = {}
for group, version, plural in (
    ("argoproj.io", "v1alpha1", "rollouts"),
    ("argoproj.io", "v1alpha1", "workflowtemplates"),
    ("external-secrets.io", "v1", "externalsecrets"),
    ("gateway.envoyproxy.io", "v1alpha1", "securitypolicies"),
    ("keda.sh", "v1alpha1", "scaledobjects"),
    ("monitoring.coreos.com", "v1", "prometheusrules"),
    ("monitoring.coreos.com", "v1alpha1", "alertmanagerconfigs"),
):
    found[plural] = len(seen.list_namespaced_custom_object(group, version, "ml-local-vision", plural)["items"])
found["deployments"] = len(client.AppsV1Api().list_namespaced_deployment("ml-local-vision").items)
found["cronjobs"] = len(client.BatchV1Api().list_namespaced_cron_job("ml-local-vision").items)
print(sorted(found.items()))
"""


USED = {
    "alertmanagerconfigs": 2,
    "cronjobs": 1,
    "deployments": 2,
    "externalsecrets": 1,
    "prometheusrules": 2,
    "rollouts": 1,
    "scaledobjects": 1,
    "securitypolicies": 1,
    "workflowtemplates": 1,
}


def there(yard: Yard) -> dict[str, int]:
    """How many of each kind the team has in the cluster, of what it uses."""
    (yard.root / "there.py").write_text(THERE)
    said = yard.shell("python there.py")
    return dict(ast.literal_eval(said.splitlines()[-1]))


@pytest.mark.usefixtures("used")
def test_the_cluster_has_what_serves_and_watches_tracks_and_keeps_features(yard: Yard):
    assert there(yard) == USED


@pytest.mark.usefixtures("used")
def test_a_secret_comes_by_the_teams_store_and_people_start_a_pipeline_only_as_it_is_written(yard: Yard):
    script = """
from kubernetes import client, config
config.load_kube_config()
seen, here = client.CustomObjectsApi(), "ml-local-vision"
(store,) = seen.list_namespaced_custom_object("external-secrets.io", "v1", here, "secretstores")["items"]
(secret,) = seen.list_namespaced_custom_object("external-secrets.io", "v1", here, "externalsecrets")["items"]
assert secret["spec"]["secretStoreRef"]["name"] == store["metadata"]["name"]
argo = ("argoproj.io", "v1alpha1", here)
(template,) = seen.list_namespaced_custom_object(*argo, "workflowtemplates")["items"]
run = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "run-"}}
named = {"workflowTemplateRef": {"name": template["metadata"]["name"]}}
started = seen.create_namespaced_custom_object(*argo, "workflows", {**run, "spec": named}, dry_run="All")
try:
    other = {**named, "serviceAccountName": "ml-local-vision-judge"}
    seen.create_namespaced_custom_object(*argo, "workflows", {**run, "spec": other}, dry_run="All")
except client.ApiException as refused:
    print(refused.status, started["spec"])
"""
    (yard.root / "built.py").write_text(script)
    assert "403 {'workflowTemplateRef': {'name': 'ml-local-vision-nightly'}}" in yard.shell("python built.py")


@pytest.mark.usefixtures("used")
def test_what_a_team_takes_out_of_its_file_leaves_the_cluster(yard: Yard):
    def less(file: Any) -> None:
        for part in ("serving", "secrets", "pipelines", *SERVERS):
            del file[part]
        del file["jobs"]["track"]

    edit(yard.root / "stacks" / "teams" / "vision.yaml", less)
    assert operations(yard("up", "vision", "--sandbox", "--json"))["vision"].keys() <= {"delete", "update"}
    assert there(yard) == dict.fromkeys(USED, 0)


def test_going_up_by_one_version_updates_cluster_nodes_and_the_teams_namespace_in_place(yard: Yard):
    edit(yard.root / "platform" / "platform.yaml", lambda file: file["cluster"].update(version="1.35"))
    plan = yard("plan", "platform", "--env", "local")
    assert "destroys nothing" in plan and "3 to update" in plan
    assert "without a way back" in plan and "drained and made anew, 1 at a time" in plan
    assert operations(yard("up", "platform", "--sandbox", "--json")) == {"platform": {"update": 3}}


def test_a_step_over_two_versions_is_refused(yard: Yard):
    file: Path = yard.root / "platform" / "platform.yaml"
    before = file.read_text()
    edit(file, lambda said: said["cluster"].update(version="1.33"))
    try:
        assert "EKS never goes back" in yard("guard", "platform", "--env", "local", code=1)
    finally:
        file.write_text(before)


def test_a_pool_that_costs_more_than_its_ceiling_is_refused_before_anything_is_deployed(yard: Yard):
    file: Path = yard.root / "platform" / "platform.yaml"
    before = file.read_text()
    edit(file, lambda said: said["cluster"]["pools"]["a10g"]["limits"].update(monthly_usd=5))
    try:
        said = yard("check", "platform", "--profile", "regulated", code=1)
        assert "pool-cost-ceiling" in said and "cluster.pools.a10g" in said
    finally:
        file.write_text(before)


def test_down_leaves_nothing(yard: Yard):
    yard("down", "--sandbox")
    assert "it is empty" in yard("sandbox", "status")
