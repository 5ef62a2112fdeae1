"""Releases of Helm in the sandbox's cluster: what a chart brings of kinds, and Helm's own record of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import provided
from tests.cluster.provided import Resource

from modelyard_sandbox.kubernetes import client, crds
from modelyard_sandbox.kubernetes.provider.provider import KubernetesProvider
from modelyard_sandbox.kubernetes.provider.releases import RELEASE, read_record
from modelyard_sandbox.kubernetes.server import Cluster
from modelyard_sandbox.plugins.answers import ProviderError

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
JOBSET = {"name": "jobset", "namespace": "sets", "chart": "oci://registry.k8s.io/jobset/charts/jobset"}
KARPENTER = {"name": "pools", "namespace": "pools", "chart": "oci://public.ecr.aws/karpenter/karpenter-crd"}
ALONE = {**JOBSET, "version": "0.11.0", "skipCrds": True, "values": {"replicas": 1}}
"""A release without its definitions, which take seconds."""


@pytest.fixture(scope="module", autouse=True)
def spaces(api_server: Cluster) -> None:
    """The namespaces that most releases go to: to delete one takes seconds."""
    for name in ("sets", "pools", "without"):
        wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        client.apply(client.connected(api_server.kubeconfig), f"/api/v1/namespaces/{name}", wanted, "test")


@pytest.fixture(scope="module")
def provider(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> KubernetesProvider:
    return provided.provider(tmp_path_factory.mktemp("project"), api_server.kubeconfig)


@pytest.fixture
def release(provider: KubernetesProvider) -> Resource:
    return Resource(provider, RELEASE)


def asked(api_server: Cluster, path: str) -> Any:
    return client.get(client.connected(api_server.kubeconfig), path)


def defined(api_server: Cluster) -> set[str]:
    return {item["metadata"]["name"] for item in asked(api_server, DEFINITIONS)["items"]}


def of(key: str) -> set[str]:
    crds.fetch([key])
    return {definition["metadata"]["name"] for definition in crds.manifests(key)}


def records(api_server: Cluster, namespace: str) -> dict[str, dict[str, Any]]:
    secrets = asked(api_server, f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return {item["metadata"]["name"]: item for item in secrets if item["type"] == "helm.sh/release.v1"}


def test_a_release_brings_its_definitions_and_its_record_and_leaves_neither(
    api_server: Cluster, release: Resource
) -> None:
    given = {**JOBSET, "version": "0.11.0", "values": {"replicas": 1}}
    release.preview(given)
    assert defined(api_server) == set(), "a preview installs nothing"
    release.create(given)
    assert release.id == "sets/jobset"
    assert release.state["status"]["revision"] == 1
    assert defined(api_server) == of("jobset") == set(release.state["resourceNames"]["CustomResourceDefinition/v1"])
    thing = Resource(release.provider, "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet")
    with pytest.raises(ProviderError, match=r"spec\.replicatedJob"):
        thing.preview({"metadata": {"name": "a", "namespace": "sets"}, "spec": {"replicatedJob": []}})

    record = records(api_server, "sets")["sh.helm.release.v1.jobset.v1"]
    labels = record["metadata"]["labels"]
    assert {**labels, "modifiedAt": ""} == {
        "modifiedAt": "",
        "name": "jobset",
        "owner": "helm",
        "status": "deployed",
        "version": "1",
    }
    held = read_record(record)
    assert (held["name"], held["namespace"], held["version"]) == ("jobset", "sets", 1)
    assert held["chart"]["metadata"] == {"apiVersion": "v2", "name": "jobset", "version": "0.11.0"}
    assert held["config"] == {"replicas": 1}

    assert not release.diff(given).changed
    before = release.inputs
    assert release.refresh() and release.inputs == before
    release.delete()
    assert records(api_server, "sets") == {}
    assert defined(api_server) == set()
    assert release.refresh() is None


def test_an_upgrade_is_another_revision_and_the_last_ones_are_kept(api_server: Cluster, release: Resource) -> None:
    given = {**ALONE, "maxHistory": 2}
    release.create(given)
    for replicas in (2, 3):
        wanted = {**given, "values": {"replicas": replicas}}
        assert dict(release.diff(wanted).paths) == {"values.replicas": "update"}
        release.update(wanted, preview=True)
        release.update(wanted)
    assert release.state["status"]["revision"] == 3
    found = {name: read_record(item)["info"]["status"] for name, item in records(api_server, "sets").items()}
    assert found == {"sh.helm.release.v1.jobset.v2": "superseded", "sh.helm.release.v1.jobset.v3": "deployed"}

    for key, other in (("name", "other"), ("namespace", "others")):
        assert release.diff({**wanted, key: other}).replaces == {key}
    release.delete()
    assert records(api_server, "sets") == {}


def test_what_helm_was_told_by_hand_is_drift(release: Resource) -> None:
    given = ALONE
    release.create(given)
    somebody = Resource(release.provider, RELEASE)
    somebody.adopt("sets/jobset")
    assert somebody.inputs == {
        "name": "jobset",
        "namespace": "sets",
        "chart": "jobset",
        "version": "0.11.0",
        "values": {"replicas": 1},
    }
    somebody.update({**given, "values": {"replicas": 5}})
    release.refresh()
    assert dict(release.diff(given).paths) == {"values.replicas": "update"}
    assert release.update(given)["status"]["revision"] == 3
    release.delete()


def test_a_name_in_use_and_a_namespace_that_isnt_there_are_refused_as_helm_does(release: Resource) -> None:
    with pytest.raises(ProviderError, match='namespaces "nowhere" not found'):
        release.create({**JOBSET, "namespace": "nowhere", "skipCrds": True})
    release.create(ALONE)
    with pytest.raises(ProviderError, match="cannot re-use a name that is still in use"):
        Resource(release.provider, RELEASE).create(JOBSET)
    release.delete()


def test_definitions_that_another_release_brought_stay_with_it(api_server: Cluster, release: Resource) -> None:
    release.create(KARPENTER)
    second = Resource(release.provider, RELEASE, "second")
    with pytest.raises(ProviderError, match="exists and belongs to the release pools: invalid ownership"):
        second.create({**KARPENTER, "name": "another"})
    release.delete()

    release.create(JOBSET)
    second.create({**JOBSET, "name": "another"})
    second.delete()
    assert defined(api_server) == of("jobset"), "those of a chart's folder are installed once"
    release.delete()
    assert defined(api_server) == set()


@pytest.mark.parametrize(
    "changes",
    [
        ALONE,
        {"chart": "https://charts.external-secrets.io/external-secrets", "values": {"installCRDs": False}},
        {"chart": "oci://public.ecr.aws/karpenter/karpenter"},
    ],
)
def test_a_chart_that_is_told_to_brings_no_definitions(
    api_server: Cluster, release: Resource, changes: dict[str, Any]
) -> None:
    release.create({"namespace": "without", **changes})
    assert defined(api_server) == set()
    assert "resourceNames" in release.state
    release.delete()


def test_a_chart_that_nobody_knows_is_recorded_and_says_so(
    api_server: Cluster, release: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    release.create({"chart": "redis", "namespace": "without", "version": "1.2.3"})
    assert "doesn't know the chart redis: it is recorded" in caplog.text
    assert release.state["unverified"] == ["values"]
    assert release.id.startswith("without/it-")
    assert not release.diff({"chart": "redis", "namespace": "without", "version": "1.2.3"}).changed
    release.delete()


def test_the_namespace_that_a_release_made_goes_with_the_last_release_in_it(
    api_server: Cluster, release: Resource
) -> None:
    release.create({**ALONE, "namespace": "made", "createNamespace": True})
    second = Resource(release.provider, RELEASE, "second")
    second.create({**ALONE, "name": "another", "namespace": "made", "createNamespace": True})
    release.delete()
    assert asked(api_server, "/api/v1/namespaces/made")["status"]["phase"] == "Active"
    second.delete()
    names = {item["metadata"]["name"] for item in asked(api_server, "/api/v1/namespaces")["items"]}
    assert "made" not in names


def test_values_are_held_to_the_schema_of_a_chart_that_is_at_hand(release: Resource, tmp_path: Path) -> None:
    chart = tmp_path / "ours"
    chart.mkdir()
    schema = {"type": "object", "properties": {"replicas": {"type": "integer"}}, "additionalProperties": False}
    (chart / "values.schema.json").write_text(json.dumps(schema))
    given = {"chart": str(chart), "name": "ours", "namespace": "default", "values": {"replicas": "two", "replica": 1}}
    _, refused = release.provider.check(RELEASE, release.urn, {}, given, b"")
    assert {item.path for item in refused} == {"values.replicas", "values"}
    release.create({**given, "values": {"replicas": 2}})
    assert "unverified" not in release.state
    release.delete()


def test_values_from_files_are_refused(release: Resource) -> None:
    given = {**JOBSET, "valueYamlFiles": ["values.yaml"], "postrender": "sed"}
    _, refused = release.provider.check(RELEASE, release.urn, {}, given, b"")
    assert [item.path for item in refused] == ["valueYamlFiles", "postrender"]
