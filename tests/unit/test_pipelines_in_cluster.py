"""A pipeline of a team's file whose jobs are pods runs by Argo; the platform guards whose word counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from promql_parser import parse
from tests.shipped import edit
from tests.unit.test_platform_cluster import OWNER, begun, team

from modelyard.assess.graph import Graph
from modelyard.blueprints import Project
from modelyard.blueprints.vending import new_team
from modelyard.core.errors import SpecError
from modelyard.operate.ci.delivery import delivery
from modelyard.operate.recorded import Recorder

ARGO = "kubernetes:argoproj.io/v1alpha1"
TOOLS = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-images-tools@sha256:{64 * '1'}"
OWN = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-local-vision-images-train@sha256:{64 * '2'}"
ELSEWHERE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:{64 * '0'}"
STEPS: dict[str, Any] = {
    "train": {
        "kind": "train",
        "image": OWN,
        "command": ["train.py"],
        "inputs": {"rows": {"kind": "dataset", "name": "pictures"}},
    },
    "measure": {
        "kind": "evaluate",
        "image": OWN,
        "command": ["python", "measure.py"],
        "inputs": {"model": {"kind": "output", "of": "train.model"}},
        "outputs": {"report": {}},
    },
    "register": {
        "kind": "register",
        "image": OWN,
        "model": "labels",
        "artifact": "train.model",
        "report": "measure.report",
    },
}
NIGHTLY: dict[str, Any] = {
    "owner": "ada@acme.example",
    "commit": "a1b2c3d",
    "flavour": {"kind": "argo", "tools_image": TOOLS},
    "steps": STEPS,
    "triggers": {"nightly": {"kind": "schedule", "expression": "cron(30 5 * * ? *)"}},
}
MODELS: dict[str, Any] = {
    "labels": {
        "description": "Labels pictures",
        "owner": "ada@acme.example",
        "metrics": ["recall"],
        "gates": {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}},
    }
}


def training(folder: Path, *, charts: tuple[str, ...] = ("argo-workflows",), **said: Any) -> Project:
    project = begun(folder)
    install = ["trainer", *charts]
    edit(project.platform_file, lambda file: file["cluster"]["charts"].update(install=install))
    team(project, registry={"models": MODELS}, pipelines={"nightly": NIGHTLY}, **said)
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    people = {"ml-engineer": ["ada@acme.example"]}
    personas = {"ml-engineer": {"pipelines": {"start": ["nightly"]}}}
    made = training(tmp_path_factory.mktemp("piped"), people=people, personas=personas)
    roles = ["arn:aws:iam::123456789012:role/people"]
    edit(made.platform_file, lambda file: file.update(sign_in={"kind": "roles", "roles": roles}))
    new_team(made, "sales", "batch", OWNER, ["local"])
    return made


@pytest.fixture(scope="module")
def platform(project: Project) -> Graph:
    return Recorder(project).graph("platform", "local")


@pytest.fixture(scope="module")
def vision(project: Project) -> Graph:
    return Recorder(project).graph("vision", "local")


def test_the_owner_hears_of_a_run_that_failed_where_prometheus_looks_at_argo(tmp_path: Path, vision: Graph):
    assert not vision.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule"), "nobody looks at it there"
    recorder = Recorder(training(tmp_path, charts=("argo-workflows", "kube-prometheus-stack")))
    (argo,) = recorder.graph("platform", "local").named("charts-argo-workflows")
    controller = argo.properties["values"]["controller"]
    assert controller["metricsConfig"] == {"enabled": True, "honorLabels": True}
    assert controller["serviceMonitor"] == {"enabled": True}
    graph = recorder.graph("vision", "local")
    (alerts,), (route,) = graph.named("nightly-alerts"), graph.named("nightly-receivers")
    (rule,) = alerts.properties["spec"]["groups"][0]["rules"]
    parse(rule["expr"])
    (template,) = graph.of_type(f"{ARGO}:WorkflowTemplate")
    assert f'name="{template.properties["metadata"]["name"]}"' in rule["expr"]
    said = route.properties["spec"]
    assert said["receivers"][0]["emailConfigs"][0]["to"] == "ada@acme.example"
    assert all(rule["labels"][each["name"]] == each["value"] for each in said["route"]["matchers"])
    assert rule["labels"]["namespace"] == "ml-local-vision"


def accounts(graph: Graph) -> set[str]:
    return {node.properties["metadata"]["name"] for node in graph.of_type("kubernetes:core/v1:ServiceAccount")}


def test_the_pipeline_is_a_template_and_a_clock_in_the_teams_namespace(vision: Graph):
    (template,) = vision.of_type(f"{ARGO}:WorkflowTemplate")
    assert template.properties["metadata"]["namespace"] == "ml-local-vision"
    (clock,) = vision.of_type(f"{ARGO}:CronWorkflow")
    assert clock.properties["spec"]["schedules"] == ["30 5 * * *"]
    (stack,) = vision.of_type("pulumi:pulumi:Stack")
    assert stack.outputs["workflows"] == {"nightly": template.properties["metadata"]["name"]}


def test_steps_run_as_the_pools_account_the_judge_and_the_conductor(vision: Graph):
    (template,) = vision.of_type(f"{ARGO}:WorkflowTemplate")
    who = {
        each["name"]: each["serviceAccountName"]
        for each in template.properties["spec"]["templates"]
        if "serviceAccountName" in each
    }
    assert who == {
        "train": "ml-local-vision-trainer",
        "measure": "ml-local-vision-judge",
        "register": "ml-local-vision-conductor",
        "0-gates-of-register": "ml-local-vision-conductor",
    }
    assert accounts(vision) == {*who.values()}


def test_the_accounts_of_steps_may_say_what_they_left_and_nothing_else(platform: Graph):
    (role,) = platform.named("vision-namespace-pipelines-steps")
    assert role.properties["rules"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]
    (bound,) = platform.named("vision-namespace-pipelines-accounts")
    named = {each["name"] for each in bound.properties["subjects"]}
    assert named == {"ml-local-vision-trainer", "ml-local-vision-conductor", "ml-local-vision-judge"}


def test_the_accounts_whose_word_counts_are_guarded_under_the_names_that_the_team_gives_them(
    platform: Graph, vision: Graph
):
    (policy,) = platform.named("vision-namespace-pipelines")
    said = json.dumps(policy.properties["spec"])
    for guarded in accounts(vision) - {"ml-local-vision-trainer"}:
        assert f"'{guarded}'" in said


def test_argo_runs_nothing_but_templates_that_stay_as_they_are(platform: Graph):
    (release,) = platform.named("charts-argo-workflows")
    values = release.properties["values"]
    assert values["controller"]["workflowRestrictions"] == {"templateReferencing": "Secure"}
    assert values["server"]["enabled"] is False


def test_who_starts_runs_finds_the_cluster_and_the_template(vision: Graph):
    (policy,) = [
        node
        for node in vision.of_type("aws:iam/rolePolicy:RolePolicy")
        if "ml-engineer" in node.name and "nightly" in node.name
    ]
    statements = json.loads(policy.properties["policy"])["Statement"]
    assert "eks:DescribeCluster" in json.dumps(statements)
    told = [
        node.properties
        for node in vision.of_type("aws:ssm/parameter:Parameter")
        if "cluster-pipeline" in json.dumps(node.properties)
    ]
    assert told and "ml-local-vision-nightly" in json.dumps(told)


def test_a_generated_pipeline_of_ci_says_why_it_doesnt_start_it(project: Project):
    edit(project.platform_file, lambda file: file["environments"].update(dev={"account": "123456789012"}))
    edit(project.team_file("vision"), lambda file: file["environments"].update(dev={}))
    found = delivery(project)
    assert not found.trainings
    (said,) = found.left_out
    assert said.startswith("train-dev-vision-nightly: runs on a cluster")
    assert said.endswith("argo submit -n ml-dev-vision --from workflowtemplate/ml-dev-vision-nightly")


def test_a_cluster_without_argo_is_refused_with_what_to_add(tmp_path: Path):
    project = training(tmp_path, charts=())
    with pytest.raises(SpecError, match=r"pipelines\.nightly\.flavour\.kind.*by argo-workflows.*\[argo-workflows\]"):
        Recorder(project).graph("vision", "local")
    assert not Recorder(project).graph("platform", "local").named("vision-namespace-pipelines")


def test_a_pipeline_of_sagemakers_on_a_pool_of_pods_is_refused_with_the_flavour_to_use(tmp_path: Path):
    project = training(tmp_path)
    team(project, pipelines={"nightly": {**NIGHTLY, "flavour": {"kind": "step_functions"}}})
    with pytest.raises(SpecError, match=r"pipelines\.nightly\.flavour\.kind.*pods of a cluster.*\"argo\""):
        Recorder(project).graph("vision", "local")


def test_a_loop_that_would_start_it_is_refused_where_it_is_written(tmp_path: Path):
    project = training(tmp_path)
    loop = {"endpoint": "labels", "pipeline": "nightly", "owner": "ada@acme.example"}
    team(project, retraining={"refresh": {**loop, "budget": {"usd_a_month": 100, "usd_a_run": 10}}})
    with pytest.raises(SpecError, match=r"retraining\.refresh\.pipeline.*runs on a cluster.*schedule of its own"):
        project.team("vision", "local")


def test_an_image_from_elsewhere_is_refused_as_in_every_pipeline(tmp_path: Path):
    project = training(tmp_path)
    steps = {**STEPS, "train": {**STEPS["train"], "image": ELSEWHERE}}
    team(project, pipelines={"nightly": {**NIGHTLY, "steps": steps}})
    with pytest.raises(SpecError, match=r"pipelines\.nightly\.steps\.train\.image.*can't pull from"):
        Recorder(project).graph("vision", "local")
