"""An endpoint on Kubernetes as a graph: private, released, measured, and plain about what its file may not say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from tests.ground import ACCOUNT, OWNER, REGION, fraud, ground, known_keys, recording
from tests.unit.signed_releases import registry_with, released

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.core.errors import InputError, SpecError
from modelyard.foundation.cluster import PoolLimit
from modelyard.foundation.tenancy import ServiceAccountRole
from modelyard.run.serving import KubernetesEndpoint, KubernetesEndpointSpec

DIGEST, OTHER = "a" * 64, "b" * 64
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-serve@sha256:{DIGEST}"
SERVING = "kubernetes:serving.kserve.io/v1beta1:InferenceService"
ROLLOUT = "kubernetes:argoproj.io/v1alpha1:Rollout"
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
CALLERS = "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy"
SERVICE = "kubernetes:core/v1:Service"
SCALING = "kubernetes:keda.sh/v1alpha1:ScaledObject"
POOLS = {"gpus": PoolLimit(gpus=8), "none": PoolLimit(gpus=0)}
TOKENS = {"kind": "jwt", "issuer": "https://id.acme.example", "audiences": ["score"]}
DOOR = {"gateway": {"name": "inner", "namespace": "gateways"}, "host": "score.acme.example", "callers": TOKENS}
BY_CALLS = {"least": 1, "most": 4, "target": {"kind": "concurrency", "per_instance": 4}}
KSERVE, BY_ROLLOUT = {"kind": "kserve"}, {"kind": "rollout"}
TRIED = {"version": 4, "artifact": OTHER, "percent": 20}


def spec(**changes: Any) -> KubernetesEndpointSpec:
    given = {
        "model": "scores",
        "owner": OWNER,
        "release": {"kind": "declared", "version": 3},
        "artifact": DIGEST,
        "image": IMAGE,
        "served_by": KSERVE,
        **changes,
    }
    return KubernetesEndpointSpec.model_validate(given)


SCALED = {**BY_CALLS, "least": 2}
WAITING = {"least": 0, "most": 2, "target": {"kind": "query", "query": "sum(waiting_calls)", "per_pod": 5}}
JUDGED = {"kind": "canary", "rollback": {"error_percent": 2, "latency_ms": 150}}
WHY = "callers are browsers of our own shop"
CASES: dict[str, dict[str, Any]] = {
    "kserve": {"start_seconds": 95},
    "rollout": {"served_by": BY_ROLLOUT, "pods": 4},
    "gpus": {"needs": {"gpus": 2, "pool": "gpus"}},
    "scaled": {"scaling": BY_CALLS, "door": {**DOOR, "callers": {**TOKENS, "scopes": ["score:call"]}}},
    "busy": {"served_by": BY_ROLLOUT, "scaling": {**BY_CALLS, "target": {"kind": "cpu"}}},
    "waiting": {"served_by": BY_ROLLOUT, "scaling": WAITING},
    "linear": {"served_by": {"kind": "rollout", "rollout": {"kind": "linear", "step_percent": 30, "bake_minutes": 5}}},
    "judged": {"served_by": {"kind": "rollout", "rollout": JUDGED}},
    "routed": {"served_by": BY_ROLLOUT, "door": DOOR, "scaling": SCALED},
    "tried": {"served_by": {"kind": "kserve", "candidate": TRIED}, "door": DOOR, "pods": 2},
    "open": {"door": {**DOOR, "callers": {"kind": "anybody", "unsafe_because": WHY}}},
}


def recorded(
    specs: Mapping[str, KubernetesEndpointSpec],
    *,
    production: bool = False,
    invokes: Mapping[str, Any] | None = None,
) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, keys=known_keys())
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        account = ServiceAccountRole("server", context=context, cluster="ml-dev", description="Serves", opts=into)
        for name, given in specs.items():
            KubernetesEndpoint(
                name, given, context=context, registry=on.registry, identity=account, pools=POOLS, opts=into
            )

    return recording(program, **({"invokes": invokes} if invokes else {}))


@dataclass(frozen=True)
class Case:
    """One endpoint of the recorded graph."""

    graph: Graph
    name: str

    def of_type(self, kind: str) -> list[Any]:
        return [node for node in self.graph.of_type(kind) if node.name.startswith(f"{self.name}-")]

    def only(self, kind: str) -> dict[str, Any]:
        (found,) = self.of_type(kind)
        return dict(found.properties)

    @property
    def pod(self) -> dict[str, Any]:
        found = self.of_type(ROLLOUT)
        return found[0].properties["spec"]["template"]["spec"] if found else self.only(SERVING)["spec"]["predictor"]


Cases = Callable[[str], Case]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded({name: spec(**changes) for name, changes in CASES.items()})


@pytest.fixture
def case(graph: Graph) -> Cases:
    return lambda name: Case(graph, name)


@pytest.fixture(params=["kserve", "rollout"])
def either(graph: Graph, request: pytest.FixtureRequest) -> Case:
    return Case(graph, request.param)


def test_an_endpoint_is_private_unless_its_file_spells_out_a_door(case: Cases):
    found = case("kserve")
    assert found.only(SERVICE)["spec"]["type"] == "ClusterIP"
    assert not found.of_type(ROUTE) and not found.of_type(CALLERS)
    labels = found.only(SERVING)["metadata"]["labels"]
    assert labels["networking.kserve.io/visibility"] == "cluster-local", "KServe opens no way of its own"


def test_kserve_deploys_plainly_and_exchanges_pods_without_a_gap(case: Cases):
    found = case("kserve").only(SERVING)
    assert found["metadata"]["annotations"] == {
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/autoscalerClass": "none",
    }
    strategy = found["spec"]["predictor"]["deploymentStrategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_what_it_makes_breaks_none_of_our_rules(graph: Graph):
    around = Surroundings("prod", region=REGION, account=ACCOUNT, today=date(2026, 11, 22))
    judged = judge(graph, CATALOGUE, around)
    ours = {node.urn for node in graph.nodes if node.type.startswith("kubernetes:")}
    assert [(each.rule.id, each.problem) for each in judged.results if each.urn in ours] == []
    asked = ("pss-restricted", "resource-limits", "workload-identity-required", "approved-registries")
    assert all(judged.asked[rule] >= len(CASES) for rule in asked)


def test_pods_take_the_released_bytes_from_the_registrys_bucket_or_do_not_start(either: Case):
    (fetches,) = either.pod["initContainers"]
    uri, digest, folder = fetches["args"]
    assert uri.startswith("s3://ml-dev-fraud-registry") and uri.endswith(f"/models/scores/{DIGEST}/model.tar.gz")
    assert (digest, folder) == (DIGEST, "/opt/ml/model")
    assert fetches["command"] == ["python", "-m", "modelyard_jobs.fetch"]


def test_pods_act_as_their_account_which_may_read_the_model(graph: Graph, either: Case):
    pod = either.pod
    assert pod["serviceAccountName"] == "ml-dev-fraud-server" and pod["automountServiceAccountToken"] is False
    policies = [
        str(node.properties["policy"])
        for node in graph.of_type("aws:iam/rolePolicy:RolePolicy")
        if node.name.startswith("server-")
    ]
    assert any("/models/scores/*" in policy for policy in policies)


def test_pods_come_after_their_account_and_the_grants_that_let_them_read(graph: Graph, either: Case):
    (serving,) = either.of_type(SERVING) or either.of_type(ROLLOUT)
    granted = {node.urn for node in graph.of_type("aws:iam/rolePolicy:RolePolicy") if node.name.startswith("server-")}
    assert granted and granted <= set(serving.dependencies)
    assert any(urn.endswith("::server-account") for urn in serving.dependencies)


def test_pods_write_nowhere_but_tmp_and_read_the_model_alone(either: Case):
    (server,) = either.pod["containers"]
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in server["volumeMounts"]}
    assert mounts == {"/opt/ml/model": True, "/tmp": False}


def test_a_server_has_as_long_to_start_as_its_file_says(case: Cases):
    (server,) = case("kserve").pod["containers"]
    probe = server["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] == 100, "95 seconds, in looks of ten"


def test_machines_are_drained_one_pod_at_a_time(either: Case):
    budget = either.only("kubernetes:policy/v1:PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"] == {"modelyard.dev/endpoint": either.name}


def test_pods_are_spread_over_zones_and_machines(either: Case):
    spread = either.pod["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {each["whenUnsatisfiable"] for each in spread} == {"ScheduleAnyway"}


def test_gpus_come_from_their_pool_under_the_name_that_it_gives_them(case: Cases):
    pod = case("gpus").pod
    assert pod["nodeSelector"] == {"modelyard.dev/pool": "gpus"}
    (server,) = pod["containers"]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert "cpu" not in server["resources"]["limits"], "a limit of processors would only slow calls down"


def test_kserve_scales_by_what_its_own_release_answers(case: Cases):
    found = case("scaled").only(SERVING)
    assert found["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "keda"
    predictor = found["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 4)
    (metric,) = predictor["autoScaling"]["metrics"]
    assert metric["external"]["metric"]["query"] == (
        'sum(modelyard_requests_in_progress{namespace="ml-dev-fraud",modelyard_dev_endpoint="scaled",'
        'modelyard_dev_track="champion"})'
    )
    assert metric["external"]["target"] == {"type": "Value", "value": "4"}


def test_a_rollout_is_scaled_by_keda_and_names_no_count_of_its_own(case: Cases):
    found = case("busy")
    scaled = found.only(SCALING)["spec"]
    assert scaled["scaleTargetRef"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": "ml-dev-fraud-busy",
    }
    assert scaled["triggers"] == [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}]
    assert "replicas" not in found.only(ROLLOUT)["spec"], "an up would take autoscaled pods away"


def test_an_endpoint_goes_to_none_where_something_outside_of_its_pods_counts_calls(case: Cases):
    scaled = case("waiting").only(SCALING)["spec"]
    assert (scaled["minReplicaCount"], scaled["cooldownPeriod"]) == (0, 300)
    assert scaled["triggers"][0]["metadata"]["query"] == "sum(waiting_calls)"


def test_a_new_version_gets_a_tenth_of_the_calls_and_the_rest_after_it_was_watched(case: Cases):
    strategy = case("rollout").only(ROLLOUT)["spec"]["strategy"]["canary"]
    assert strategy["steps"] == [{"setWeight": 10}, {"pause": {"duration": "10m"}}]
    assert strategy["analysis"]["args"] == [{"name": "revision", "valueFrom": {"podTemplateHashValue": "Latest"}}]
    assert "trafficRouting" not in strategy, "without a door the shares are those of pods"


def test_equal_steps_are_as_many_as_the_file_says(case: Cases):
    steps = case("linear").only(ROLLOUT)["spec"]["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [30, 60, 90]


def test_errors_or_slowness_of_the_new_version_alone_bring_the_old_one_back(case: Cases):
    found = case("judged")
    errors, latency = found.only("kubernetes:argoproj.io/v1alpha1:AnalysisTemplate")["spec"]["metrics"]
    assert errors["successCondition"].endswith("result[0] <= 2") and latency["successCondition"].endswith("<= 150")
    assert all(metric["failureLimit"] == 1 for metric in (errors, latency)), "two bad answers, not one"
    for metric in (errors, latency):
        assert 'rollouts_pod_template_hash="{{args.revision}}"' in metric["provider"]["prometheus"]["query"]
    monitor = found.only("kubernetes:monitoring.coreos.com/v1:PodMonitor")["spec"]
    assert "rollouts-pod-template-hash" in monitor["podTargetLabels"], "the analysis finds nothing without it"


def test_a_gateway_gives_shares_that_an_up_leaves_where_the_controller_moved_them(case: Cases):
    found = case("routed")
    canary = found.only(ROLLOUT)["spec"]["strategy"]["canary"]
    (route,) = found.of_type(ROUTE)
    assert canary["trafficRouting"]["plugins"] == {
        "argoproj-labs/gatewayAPI": {"httpRoute": "ml-dev-fraud-routed", "namespace": "ml-dev-fraud"}
    }
    backends = route.properties["spec"]["rules"][0]["backendRefs"]
    assert [(each["name"], each["weight"]) for each in backends] == [
        (canary["stableService"], 100),
        (canary["canaryService"], 0),
    ]
    assert route.options["ignoreChanges"] == ["spec.rules"]
    assert all(node.options["ignoreChanges"] == ["spec.selector"] for node in found.of_type(SERVICE))


def test_a_candidate_of_kserve_gets_its_share_and_the_release_the_rest(case: Cases):
    found = case("tried")
    (route,) = found.of_type(ROUTE)
    backends = {each["name"]: each["weight"] for each in route.properties["spec"]["rules"][0]["backendRefs"]}
    assert backends == {"ml-dev-fraud-tried": 80, "ml-dev-fraud-tried-candidate": 20}
    assert "ignoreChanges" not in route.options, "the file says the shares, and an up keeps to it"
    selected = {node.properties["spec"]["selector"]["modelyard.dev/track"] for node in found.of_type(SERVICE)}
    assert selected == {"champion", "candidate"}
    served = {
        node.properties["spec"]["predictor"]["labels"]["modelyard.dev/track"]: node.properties["spec"]["predictor"]
        for node in found.of_type(SERVING)
    }
    assert served["champion"]["initContainers"][0]["args"][1] == DIGEST
    assert served["candidate"]["initContainers"][0]["args"][1] == OTHER


def test_a_door_asks_for_tokens_of_its_issuer_for_its_audience_and_counts_calls(case: Cases):
    found = case("scaled")
    policy = found.only(CALLERS)["spec"]
    (provider,) = policy["jwt"]["providers"]
    assert provider["issuer"] == "https://id.acme.example" and provider["audiences"] == ["score"]
    assert provider["remoteJWKS"] == {"uri": "https://id.acme.example/.well-known/jwks.json"}
    assert policy["authorization"]["defaultAction"] == "Deny"
    limits = found.only("kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy")["spec"]
    route = found.only(ROUTE)["metadata"]["name"]
    assert {policy["targetRefs"][0]["name"], limits["targetRefs"][0]["name"]} == {route}
    assert limits["rateLimit"]["local"]["rules"] == [{"limit": {"requests": 50, "unit": "Second"}}]


def test_a_door_leads_to_calls_and_not_to_metrics(case: Cases):
    matches = case("scaled").only(ROUTE)["spec"]["rules"][0]["matches"]
    assert matches == [{"path": {"type": "Exact", "value": "/invocations"}}]


def test_a_door_for_anybody_says_why_on_the_route(case: Cases):
    found = case("open")
    assert found.only(ROUTE)["metadata"]["annotations"] == {"modelyard.dev/open-because": WHY}
    assert not found.of_type(CALLERS)


RELEASES = {
    "releases/scores/3.json": released("scores", 3, DIGEST),
    "releases/scores/4.json": released("scores", 4, OTHER),
}


def test_production_serves_released_versions_with_their_released_bytes_alone():
    given = {"tried": spec(**CASES["tried"])}
    made = recorded(given, production=True, invokes=registry_with(RELEASES))
    assert len(Case(made, "tried").of_type(SERVING)) == 2


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({"releases/scores/3.json": RELEASES["releases/scores/3.json"]}, "version: got 4; has no release record"),
        ({**RELEASES, "releases/scores/3.json": released("scores", 3, OTHER)},
         f"release.version: got 3; was released with the artifact {OTHER}, and the file says {DIGEST}"),
    ],
)  # fmt: skip
def test_production_refuses_a_version_and_says_which_condition_failed(records: dict[str, str], said: str):
    with pytest.raises(InputError) as refusal:
        recorded({"tried": spec(**CASES["tried"])}, production=True, invokes=registry_with(records))
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "vllm/vllm-openai:latest"}, "image: got 'vllm/vllm-openai:latest'; names no image by its digest"),
        ({"fetcher": "python:3.13"}, "fetcher: got 'python:3.13'; names no image by its digest"),
        ({"release": {"kind": "loop"}}, "release.kind: got 'loop'; isn't known on Kubernetes"),
        ({"environment": {"AWS_SECRET_ACCESS_KEY": "x"}}, "SECRET_ACCESS_KEY: is a key that never ends"),
        ({"needs": {"gpus": 1}}, "gpus: got 1; need a pool of machines that have some"),
        ({"needs": {"pool": "gpus"}}, "pool: got 'gpus'; has machines with GPUs, and the pod asks for none"),
        ({"scaling": {**BY_CALLS, "least": 5}}, "least: got 5; is more than most, 4"),
        ({"scaling": {**BY_CALLS, "least": 0}}, "least: got 0; can't be 0: concurrency counts nothing"),
        ({"scaling": {**BY_CALLS, "least": 0, "target": {"kind": "cpu"}}}, "can't be 0: cpu counts nothing"),
        ({"served_by": {"kind": "kserve", "candidate": TRIED}}, "served_by.candidate: got 4; gets its share"),
        ({"served_by": {"kind": "kserve", "candidate": {**TRIED, "version": 3}}, "door": DOOR},
         "served_by.candidate.version: got 3; is the release itself"),
        ({"served_by": {"kind": "rollout", "rollout": {"kind": "rolling"}}}, "got 'rolling'; exchanges machines"),
        ({"served_by": {"kind": "rollout", "rollout": {"kind": "canary", "rollback": {"alarms": ["a"]}}}},
         "are alarms of CloudWatch"),
        ({"door": {**DOOR, "paths": ["/metrics"]}}, "paths[0]: got '/metrics'; shows figures to callers"),
    ],
)  # fmt: skip
def test_a_faulty_endpoint_is_refused_with_what_to_do(changes: dict[str, Any], said: str):
    (fault,) = spec(**changes).all_faults()
    assert said in str(fault) and fault.remedy


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ({"gpus": 1, "pool": "big"}, "pool: got 'big'; is no pool of the cluster. It has: gpus, none."),
        ({"gpus": 1, "pool": "none"}, "gpus: got 1; times 2 pods is more than none ever has, 0"),
    ],
)
def test_gpus_that_the_cluster_has_not_are_refused(needs: dict[str, Any], said: str):
    given = spec(needs=needs)
    (fault,) = given.needs.unfit_on(POOLS, given.most)
    assert said in str(fault)


def test_all_faults_of_a_file_are_told_at_once_and_nothing_is_made():
    bad = spec(image="a:b", needs={"gpus": 1, "pool": "big"}, model="prices", release={"kind": "loop"})
    with pytest.raises(SpecError) as refusal:
        recorded({"score": bad}, production=True)
    said = [str(fault) for fault in refusal.value.faults]
    assert len(said) == 5 and any("model: got 'prices'; is no model of the registry" in each for each in said)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"door": {key: value for key, value in DOOR.items() if key != "callers"}}, "door.callers"),
        ({"door": {**DOOR, "callers": {"kind": "anybody"}}}, "door.callers.anybody.unsafe_because"),
        ({"door": {**DOOR, "callers": {**TOKENS, "audiences": []}}}, "door.callers.jwt.audiences"),
        ({"door": {**DOOR, "callers": {**TOKENS, "issuer": "http://id.acme.example"}}}, "door.callers.jwt.issuer"),
        ({"served_by": {"kind": "kserve", "candidate": {**TRIED, "percent": 100}}}, "kserve.candidate.percent"),
        ({"artifact": "latest"}, "artifact"),
    ],
)
def test_a_door_without_callers_and_shares_that_leave_nothing_are_no_spec(changes: dict[str, Any], where: str):
    with pytest.raises(ValueError) as refusal:
        spec(**changes)
    assert where in str(refusal.value)


def test_production_wants_a_second_pod():
    (fault,) = spec().unfit_for_production()
    assert "pods: got 1; leaves no pod when one fails" in str(fault)
    (fault,) = spec(scaling=BY_CALLS).unfit_for_production()
    assert "scaling.least: got 1" in str(fault)
    assert list(spec(pods=2).unfit_for_production()) == []


def test_the_pages_examples_hold():
    page = (Path(__file__).parents[2] / "docs" / "serving-on-kubernetes.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        exec(example, {})
