"""A gateway of the platform lets calls in to the teams' models, to each team's own hosts and to no other team."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.shipped import edit
from tests.unit.test_platform_cluster import OWNER, begun
from tests.unit.test_serving_in_files import ENDPOINT, REGISTRY
from tests.unit.test_serving_kubernetes import DOOR

from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.graph import Graph
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.blueprints import Project
from modelyard.blueprints.vending import new_team
from modelyard.core.errors import SpecError
from modelyard.operate.recorded import Recorder

CHARTS = ["trainer", "envoy-gateway", "cert-manager", "argo-rollouts", "kube-prometheus-stack"]
INNER = {"domain": "models.acme.example", "issuer": "acme"}
WHY = "partners call from their own networks"
OUTER = {
    "domain": "public.acme.example",
    "reach": {"kind": "internet", "cidrs": ["192.0.2.0/24"], "unsafe_because": WHY},
    "count": 1,
}
GATEWAYS = {"inner": INNER, "outer": OUTER}
SERVED = {**ENDPOINT, "door": {**DOOR, "host": "score.vision.models.acme.example"}}


def with_gateways(folder: Path, said: Any = GATEWAYS, charts: list[str] = CHARTS) -> Project:
    project = begun(folder)

    def platform(file: Any) -> None:
        file["cluster"]["gateways"] = said
        file["cluster"]["charts"]["install"] = charts

    edit(project.platform_file, platform)
    return project


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    project = with_gateways(tmp_path_factory.mktemp("gateways"))
    new_team(project, "sales", "batch", OWNER, ["local"])
    new_team(project, "sounds", "gpu", OWNER, ["local"])
    quota = {"pools": {"a10g": {"gpus": 1}}}
    edit(project.team_file("sounds"), lambda file: file.update(quota=quota))
    return Recorder(project).graph("platform", "local")


def one(graph: Graph, name: str) -> Any:
    (found,) = graph.named(name)
    return found.properties


def test_each_team_with_a_share_takes_calls_to_its_own_hosts_by_tls_for_routes_of_its_own_namespace(graph: Graph):
    listeners = one(graph, "gateways-inner")["spec"]["listeners"]
    assert {each["name"]: each["hostname"] for each in listeners} == {
        "vision": "*.vision.models.acme.example",
        "sounds": "*.sounds.models.acme.example",
    }
    for each in listeners:
        assert (each["port"], each["protocol"], each["tls"]["mode"]) == (443, "HTTPS", "Terminate")
        assert each["tls"]["certificateRefs"] == [{"name": f"inner-{each['name']}"}]
        marks = each["allowedRoutes"]["namespaces"]["selector"]["matchLabels"]
        assert marks == {"kubernetes.io/metadata.name": f"ml-local-{each['name']}"}


def test_a_gateway_stays_inside_unless_the_file_says_why_not(graph: Graph):
    inner, outer = (
        one(graph, f"gateways-{name}-proxies")["spec"]["provider"]["kubernetes"] for name in ("inner", "outer")
    )
    internal = "service.beta.kubernetes.io/aws-load-balancer-internal"
    assert inner["envoyService"]["annotations"][internal] == "true"
    assert "loadBalancerSourceRanges" not in inner["envoyService"]
    assert internal not in outer["envoyService"]["annotations"]
    assert outer["envoyService"]["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    marks = one(graph, "gateways-outer")["metadata"]["annotations"]
    assert marks == {"modelyard.dev/open-because": WHY}
    assert (inner["envoyDeployment"]["replicas"], inner["envoyPDB"]) == (2, {"minAvailable": 1})
    assert "envoyPDB" not in outer, "one proxy may be moved"


def test_certificates_come_by_the_issuer_that_the_file_names(graph: Graph):
    assert one(graph, "gateways-inner")["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "acme"}
    assert one(graph, "charts-cert-manager")["values"]["config"]["enableGatewayAPI"] is True


def test_each_gateway_costs_a_load_balancer(graph: Graph):
    bill = bill_of(Stack(graph, Surroundings("local", region="eu-west-1")))
    proxies = [node.urn for node in graph.of_type("kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy")]
    lines = [line for line in bill.lines if line.urn in proxies and "network load balancer" in line.what]
    assert len(proxies) == len(lines) == 2 and all(line.low > 10 for line in lines)


def test_old_versions_of_tls_and_slow_callers_are_turned_away(graph: Graph):
    said = one(graph, "gateways-inner-clients")["spec"]
    assert said["targetRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "inner"}]
    assert said["tls"] == {"minVersion": "1.2"}
    assert said["timeout"]["http"]["requestReceivedTimeout"] == "30s"


def test_a_teams_door_at_its_own_host_is_taken_and_others_are_refused_in_its_file(tmp_path: Path):
    project = with_gateways(tmp_path)
    edit(project.team_file("vision"), lambda file: file.update(registry=REGISTRY, serving={"score": SERVED}))
    assert Recorder(project).graph("vision", "local").of_type("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")
    theirs = {**SERVED, "door": {**DOOR, "host": "score.sounds.models.acme.example"}}
    wrong = {**SERVED, "door": {**SERVED["door"], "gateway": {"name": "other", "namespace": "gateways"}}}
    edit(project.team_file("vision"), lambda file: file.update(serving={"theirs": theirs, "wrong": wrong}))
    with pytest.raises(SpecError) as error:
        Recorder(project).graph("vision", "local")
    said = str(error.value)
    assert "serving.theirs.door.host: got 'score.sounds.models.acme.example'; isn't in the team's part" in said
    assert "Choose one below vision.models.acme.example." in said
    assert "serving.wrong.door.gateway.name: got 'other'; is no gateway of the platform's; it has: inner, outer" in said


@pytest.mark.parametrize(
    ("said", "charts", "expected"),
    [
        ({"inner": {"domain": "models.acme.example"}}, ["trainer"],
         "cluster.gateways.inner.domain: got 'models.acme.example'; is kept by envoy-gateway, which isn't installed"),
        ({"inner": INNER}, ["trainer", "envoy-gateway"],
         "cluster.gateways.inner.issuer: got 'acme'; is asked by cert-manager, which isn't installed"),
        ({"outer": {**OUTER, "reach": {"kind": "internet"}}}, CHARTS, "cluster.gateways.outer.reach.unsafe_because"),
        ({"inner": {"domain": "models"}}, CHARTS, "cluster.gateways.inner.domain: got 'models'"),
    ],
)  # fmt: skip
def test_a_gateway_that_cant_be_is_refused_where_it_is_written(
    tmp_path: Path, said: Any, charts: list[str], expected: str
):
    with pytest.raises(SpecError) as error:
        with_gateways(tmp_path, said, charts).platform("local")
    assert expected in str(error.value)


def test_elsewhere_nobody_keeps_a_load_balancer_inside_unless_the_cloud_is_told(tmp_path: Path):
    project = with_gateways(tmp_path, {"inner": INNER})
    existing = {"kind": "existing", "context": "lab", "version": "1.35", "charts": {"install": CHARTS}}
    edit(project.platform_file, lambda file: file.update(cluster={**existing, "gateways": {"inner": INNER}}))
    with pytest.raises(SpecError, match=r"cluster\.gateways\.inner\.annotations.*or it is public in most"):
        project.platform("local")
    told = {**INNER, "annotations": {"networking.gke.io/load-balancer-type": "Internal"}}
    edit(project.platform_file, lambda file: file["cluster"].update(gateways={"inner": told}))
    assert project.platform("local").cluster is not None
