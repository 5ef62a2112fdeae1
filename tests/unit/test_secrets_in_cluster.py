"""A team's file says which of its secrets come into its namespace; the platform makes the way, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import edit
from tests.unit.test_platform_cluster import OWNER, begun, team

from modelyard.assess.graph import Graph
from modelyard.blueprints import Project
from modelyard.blueprints.vending import new_team
from modelyard.core.contract import OUTPUT, read_contract
from modelyard.core.errors import SpecError
from modelyard.operate.recorded import Recorder

STORE = "kubernetes:external-secrets.io/v1:SecretStore"
EXTERNAL = "kubernetes:external-secrets.io/v1:ExternalSecret"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
ENTRIES = {"vendor": {"kind": "generated"}, "other": {"kind": "generated"}}
ELSEWHERE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shared-AbCdEf"


def install(project: Project, *charts: str) -> None:
    edit(project.platform_file, lambda file: file["cluster"]["charts"].update(install=["trainer", *charts]))


def mounting(folder: Path, *, chart: bool = True, **secrets: Any) -> Project:
    project = begun(folder)
    install(project, *(["external-secrets"] if chart else []))
    team(project, secrets={"entries": ENTRIES, "in_cluster": ["vendor"], **secrets})
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = mounting(tmp_path_factory.mktemp("mounting"))
    new_team(made, "sales", "batch", OWNER, ["local"])
    return made


@pytest.fixture(scope="module")
def platform(project: Project) -> Graph:
    return Recorder(project).graph("platform", "local")


@pytest.fixture(scope="module")
def vision(project: Project) -> Graph:
    return Recorder(project).graph("vision", "local")


def test_each_team_with_a_quota_has_a_store_that_reads_as_its_own_account(platform: Graph):
    (store,) = platform.of_type(STORE)
    assert store.properties["metadata"]["namespace"] == "ml-local-vision"
    assert store.properties["spec"]["provider"]["aws"]["auth"] == {
        "jwt": {"serviceAccountRef": {"name": "ml-local-vision-secrets-reader"}}
    }


def test_iam_believes_the_clusters_tokens_once_for_all_teams(platform: Graph):
    (provider,) = platform.of_type(PROVIDER)
    (cluster,) = platform.of_type("aws:eks/cluster:Cluster")
    issuer = cluster.outputs["identities"][0]["oidcs"][0]["issuer"]
    assert provider.properties["url"] == issuer
    assert provider.properties["clientIdLists"] == ["sts.amazonaws.com"]
    (stack,) = platform.of_type("pulumi:pulumi:Stack")
    told = read_contract(stack.outputs[OUTPUT], "local").cluster
    assert told is not None and told.issuer == issuer


def test_nothing_reads_for_the_whole_cluster_and_nothing_is_pushed(platform: Graph):
    (release,) = platform.named("charts-external-secrets")
    off = ("processClusterStore", "processClusterExternalSecret", "processClusterPushSecret", "processPushSecret")
    assert {key: release.properties["values"][key] for key in off} == dict.fromkeys(off, False)


def test_only_the_secrets_that_the_file_names_come_into_the_namespace(vision: Graph):
    (external,) = vision.of_type(EXTERNAL)
    spec, metadata = external.properties["spec"], external.properties["metadata"]
    assert metadata == {**metadata, "name": "ml-local-vision-synced-vendor", "namespace": "ml-local-vision"}
    assert spec["secretStoreRef"] == {"kind": "SecretStore", "name": "team"}
    assert ":secret:ml-local-vision-secrets-vendor-" in spec["data"][0]["remoteRef"]["key"]
    assert not vision.of_type(STORE), "a team makes no store"


def test_the_reader_is_trusted_for_a_token_of_its_own_account_alone(vision: Graph, platform: Graph):
    (provider,) = platform.of_type(PROVIDER)
    (role,) = vision.named("secrets-reader-identity-role")
    statements = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    (trust,) = [each for each in statements if each["Action"] == "sts:AssumeRoleWithWebIdentity"]
    name = provider.properties["url"].removeprefix("https://")
    assert trust["Principal"]["Federated"].endswith(f":oidc-provider/{name}")
    assert trust["Condition"]["StringEquals"] == {
        f"{name}:aud": "sts.amazonaws.com",
        f"{name}:sub": ["system:serviceaccount:ml-local-vision:ml-local-vision-secrets-reader"],
    }


def test_the_outputs_say_what_pods_mount(vision: Graph):
    (stack,) = vision.of_type("pulumi:pulumi:Stack")
    assert stack.outputs["mounted_secrets"] == {"vendor": "ml-local-vision-synced-vendor"}


def test_by_default_no_secret_comes_into_the_cluster(tmp_path: Path):
    graph = Recorder(mounting(tmp_path, in_cluster=[])).graph("vision", "local")
    assert not graph.of_type(EXTERNAL) and not graph.named("secrets-reader-account")


def test_without_the_chart_no_store_and_no_provider_is_made(tmp_path: Path):
    graph = Recorder(mounting(tmp_path, chart=False)).graph("platform", "local")
    assert not graph.of_type(STORE) and not graph.of_type(PROVIDER)


def test_a_cluster_without_the_chart_is_refused_with_what_to_add(tmp_path: Path):
    with pytest.raises(SpecError, match=r"secrets\.in_cluster.*by external-secrets.*\[external-secrets\]"):
        Recorder(mounting(tmp_path, chart=False)).graph("vision", "local")


def test_a_team_without_a_quota_is_refused_with_all_that_needs_one(tmp_path: Path):
    project = mounting(tmp_path)
    edit(project.team_file("vision"), lambda file: file.pop("quota"))
    with pytest.raises(SpecError) as refused:
        Recorder(project).graph("vision", "local")
    said = str(refused.value)
    assert "training.flavour.kind" in said and "secrets.in_cluster" in said and 'Add "quota' in said


def test_a_cluster_that_is_no_eks_is_refused_since_the_store_has_no_role_there(tmp_path: Path):
    project = mounting(tmp_path)
    cluster = {"kind": "existing", "context": "lab", "version": "1.34", "pools": {"a10g": {"gpus": 8}}}
    charts = {"install": ["trainer", "external-secrets"]}
    edit(project.platform_file, lambda file: file.update(cluster={**cluster, "charts": charts}))
    team(project, quota={"pools": {"a10g": {"gpus": 2}}})
    with pytest.raises(SpecError, match=r"secrets\.in_cluster.*only accounts of EKS"):
        Recorder(project).graph("vision", "local")
    assert not Recorder(project).graph("platform", "local").of_type(STORE)


def test_a_name_that_is_no_secret_is_refused_where_it_is_written(tmp_path: Path):
    project = mounting(tmp_path, in_cluster=["vendor", "vendr"])
    with pytest.raises(SpecError, match=r"secrets\.in_cluster\[1\].*there are: vendor, other"):
        project.team("vision", "local")


def test_a_secret_of_another_region_is_refused_since_the_store_asks_its_own(tmp_path: Path):
    entries = {"shared": {"kind": "reference", "arn": ELSEWHERE}}
    project = mounting(tmp_path, entries=entries, in_cluster=["shared"])
    with pytest.raises(SpecError, match=r"secrets\.in_cluster\[0\].*another region"):
        Recorder(project).graph("vision", "local")
