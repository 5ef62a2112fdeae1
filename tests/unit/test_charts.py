"""Charts come from one table, in versions that fit the cluster, after what they need, and from a mirror if asked to."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pydantic import ValidationError

from modelyard.assess.graph import Graph, record
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.cluster import ChartsSpec
from modelyard.foundation.cluster.charts import CHARTS, ChartName, table, with_needed
from modelyard.foundation.cluster.releases import Charts
from modelyard.operate.charts import document, shown
from modelyard.operate.charts import installed as listed
from modelyard_sandbox.kubernetes import crds
from modelyard_sandbox.kubernetes.provider import charts

CONTEXT = Context(organization="acme", platform="ml", environment="prod", region="eu-west-1", account="444455556666")
MIRROR = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/mirror"


def said(**spec: Any) -> ChartsSpec:
    found = ChartsSpec.model_validate(spec)
    found.locate(SourceMap("platform.yaml"), "cluster.charts")
    return found


def installed(*names: ChartName, kubernetes_version: str = "1.35", **spec: Any) -> Graph:
    def program() -> None:
        into = pulumi.ResourceOptions(providers=[kubernetes.Provider("cluster", kubeconfig="{}")])
        charts = Charts("charts", said(**spec), context=CONTEXT, version=kubernetes_version, opts=into)
        for name in names:
            charts.install(name)

    return record(program, project="modelyard-platform", stack="prod", region="eu-west-1")


def release(graph: Graph, name: str) -> Any:
    (found,) = graph.named(f"charts-{name}")
    return found


def test_the_table_and_the_names_that_a_file_may_say_are_the_same_and_each_row_is_whole():
    raw = tomllib.loads(files("modelyard.foundation.cluster").joinpath("charts.toml").read_text(encoding="utf-8"))
    assert set(raw) == set(CHARTS) == set(table())
    for chart in table().values():
        assert chart.version in chart.versions and chart.source, chart.name
        assert not chart.module or "@v" in chart.module and chart.folder, chart.name
        assert chart.definitions in ("", "templates", "folder", *CHARTS), chart.name
        assert set(chart.needs) <= set(CHARTS), chart.name


def test_definitions_come_from_where_the_sandbox_gets_them():
    ours = {chart.module: chart.folder for chart in table().values() if chart.module}
    theirs = {f"{origin.module}@{origin.version}": origin.folder for origin in crds.table().values()}
    assert {module: ours.get(module) for module in ours.keys() & theirs.keys()} == {
        module: theirs[module] for module in ours.keys() & theirs.keys()
    }
    by_module = {module.partition("@")[0] for module in ours}
    assert {module for module in theirs if module.partition("@")[0] in by_module} <= ours.keys()


def test_what_a_chart_needs_comes_before_it():
    assert with_needed(["kserve", "karpenter"]) == [
        "cert-manager",
        "kserve-crd",
        "kserve",
        "karpenter-crd",
        "karpenter",
    ]
    graph = installed("trainer", "karpenter")
    assert release(graph, "jobset").urn in release(graph, "trainer").dependencies
    assert release(graph, "karpenter-crd").urn in release(graph, "karpenter").dependencies
    assert release(graph, "karpenter").properties["skipCrds"] is True
    assert release(graph, "trainer").properties["values"]["jobset"] == {"install": False}


def test_grafana_draws_its_own_password_instead_of_the_charts_known_one():
    graph = installed("kube-prometheus-stack")
    assert release(graph, "kube-prometheus-stack").properties["values"]["grafana"]["adminPassword"] == ""


def test_a_chart_that_two_ask_for_is_installed_once():
    graph = installed("karpenter-crd", "karpenter", "karpenter")
    assert len(graph.of_type("kubernetes:helm.sh/v3:Release")) == 2


def test_definitions_follow_the_version_of_what_needs_them():
    graph = installed("karpenter", versions={"karpenter": "1.13.0"})
    assert release(graph, "karpenter-crd").properties["version"] == "1.13.0"


def test_a_release_names_its_version_is_taken_back_when_it_fails_and_lies_in_a_registry_or_a_repository():
    graph = installed("karpenter", "nvidia-device-plugin")
    karpenter = release(graph, "karpenter").properties
    assert (karpenter["chart"], karpenter["version"]) == ("oci://public.ecr.aws/karpenter/karpenter", "1.14.1")
    assert karpenter["atomic"] is True and karpenter["cleanupOnFail"] is True and "repositoryOpts" not in karpenter
    plugin = release(graph, "nvidia-device-plugin").properties
    assert plugin["chart"] == "nvidia-device-plugin"
    assert plugin["repositoryOpts"] == {"repo": "https://nvidia.github.io/k8s-device-plugin"}


def test_with_a_mirror_the_chart_and_all_its_images_come_from_there():
    graph = installed("cert-manager", "trainer", registry=MIRROR, air_gapped=True)
    found = release(graph, "cert-manager").properties
    assert found["chart"] == f"oci://{MIRROR}/charts/cert-manager"
    assert found["values"]["image"]["repository"] == f"{MIRROR}/jetstack/cert-manager-controller"
    assert found["values"]["webhook"]["image"]["repository"] == f"{MIRROR}/jetstack/cert-manager-webhook"
    assert found["values"]["crds"] == {"enabled": True}
    assert release(graph, "trainer").properties["values"]["image"] == {"registry": MIRROR}
    assert table()["cert-manager"].images_of("v1.19.2")[0] == "quay.io/jetstack/cert-manager-acmesolver:v1.19.2"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"versions": {"karpenter": "0.37.0"}},
         "platform.yaml: cluster.charts.versions.karpenter: got '0.37.0'; isn't in the table of charts, which has "
         "1.13.0, 1.14.1. Use "),
        ({"air_gapped": True}, "platform.yaml: cluster.charts.air_gapped: got True; needs a mirror. Say which under"),
    ],
)  # fmt: skip
def test_a_version_outside_the_table_and_a_mirror_that_is_not_named_are_refused(spec: dict[str, Any], expected: str):
    (fault,) = said(**spec).all_faults()
    assert expected in str(fault)


@pytest.mark.parametrize("spec", [{"versions": {"karpenta": "1.14.1"}}, {"registry": "oci://r.example/mirror"}])
def test_a_chart_or_registry_that_is_none_is_refused(spec: dict[str, Any]):
    with pytest.raises(ValidationError, match="karpenta|registry"):
        said(**spec)


def test_a_chart_that_does_not_fit_the_clusters_kubernetes_is_refused_with_what_would():
    (old,) = said().unfit("1.30", ["trainer"])
    assert str(old) == (
        "platform.yaml: cluster.charts.versions: trainer 2.1.0 needs Kubernetes 1.31 or newer; the cluster runs 1.30. "
        "Use another version of Kubernetes."
    )
    _, new = said(versions={"karpenter": "1.13.0"}).unfit("1.37", ["karpenter"])
    assert "cluster.charts.versions.karpenter: got '1.13.0'; isn't said to work with" in str(new)
    with pytest.raises(SpecError, match="trainer 2.1.0 needs Kubernetes 1.31"):
        installed("trainer", kubernetes_version="1.30")


def test_without_a_way_out_a_chart_whose_images_are_not_known_is_refused():
    (fault,) = said(registry=MIRROR, air_gapped=True).unfit("1.35", ["gpu-operator"])
    assert "installs gpu-operator, whose images can't be told to come from a mirror" in str(fault)


def test_what_a_registry_of_ones_own_must_have_is_listed_from_what_the_stack_installs():
    found = document(listed(installed("trainer", "nvidia-device-plugin", registry=MIRROR)))
    assert [chart["name"] for chart in found["charts"]] == ["jobset", "nvidia-device-plugin", "trainer"]
    assert {
        "from": "registry.k8s.io/jobset/charts/jobset:0.11.0",
        "to": f"{MIRROR}/charts/jobset:0.11.0",
    } in found["copies"]
    assert {
        "from": "nvcr.io/nvidia/k8s-device-plugin:v0.19.0",
        "to": f"{MIRROR}/nvidia/k8s-device-plugin:v0.19.0",
    } in found["copies"]
    assert found["pulls"] == [
        {
            "repository": "https://nvidia.github.io/k8s-device-plugin",
            "chart": "nvidia-device-plugin",
            "version": "0.19.0",
            "to": f"oci://{MIRROR}/charts",
        }
    ]


def test_without_a_registry_of_ones_own_nothing_is_to_be_copied():
    found = listed(installed("trainer"))
    assert document(found)["copies"] == []
    assert [line.split()[0] for line in shown(found, "prod")] == ["jobset", "trainer"]
    assert "installs no charts in prod" in next(iter(shown([], "prod")))


def test_images_that_our_own_values_name_come_from_the_mirror_too():
    plugin = "argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi:v0.8.0"
    for registry, home in ((None, "ghcr.io"), (MIRROR, MIRROR)):
        graph = installed("argo-rollouts", **({} if registry is None else {"registry": registry}))
        (container,) = release(graph, "argo-rollouts").properties["values"]["controller"]["initContainers"]
        assert container["image"] == f"{home}/{plugin}"
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, "its namespace is restricted"
    assert {"from": f"ghcr.io/{plugin}", "to": f"{MIRROR}/{plugin}"} in document(listed(graph))["copies"]


def test_a_chart_that_is_there_twice_is_told_by_its_release():
    graph = installed("envoy-gateway")
    assert release(graph, "gateway-api").properties["chart"] == release(graph, "envoy-gateway-crd").properties["chart"]
    assert {each.chart.name for each in listed(graph)} == {"envoy-gateway", "envoy-gateway-crd", "gateway-api"}
    found = {
        name: charts.known(release(graph, name).properties).definitions for name in ("gateway-api", "envoy-gateway-crd")
    }
    assert found == {"gateway-api": "gateway-api", "envoy-gateway-crd": "envoy-gateway"}
