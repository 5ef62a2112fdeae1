"""Language models on Kubernetes as a graph: released weights, whole GPUs, and no code from among the weights."""

from __future__ import annotations

from datetime import date
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
from modelyard.core.errors import InputError
from modelyard.foundation.cluster import PoolLimit
from modelyard.foundation.tenancy import ServiceAccountRole
from modelyard.run.serving import KubernetesLanguageModel, KubernetesLanguageModelSpec

DIGEST = "a" * 64
VLLM, FETCHER = (
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-{name}@sha256:{DIGEST}" for name in ("vllm", "jobs")
)
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
NEEDS = {"gpus": 2, "pool": "gpus", "cpus": 8, "memory_mib": 65_536}
DOOR = {
    "gateway": {"name": "inner", "namespace": "gateways"},
    "host": "chat.acme.example",
    "callers": {"kind": "jwt", "issuer": "https://id.acme.example", "audiences": ["chat"]},
}
OF_KSERVE = {"kind": "llm_inference_service"}
SCALING = {"least": 1, "most": 2, "target": {"kind": "concurrency", "per_instance": 16}}


def spec(**changes: Any) -> KubernetesLanguageModelSpec:
    given = {
        "model": "writer",
        "owner": OWNER,
        "release": {"kind": "declared", "version": 3},
        "artifact": DIGEST,
        "served_by": {"kind": "vllm"},
        "image": VLLM,
        "fetcher": FETCHER,
        "needs": NEEDS,
        "weights_gib": 15,
        **changes,
    }
    return KubernetesLanguageModelSpec.model_validate(given)


def recorded(production: bool = False, invokes: Any = None, **specs: KubernetesLanguageModelSpec) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, "writer", keys=known_keys())
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        account = ServiceAccountRole("server", context=context, cluster="ml-dev", description="Serves", opts=into)
        pools = {"gpus": PoolLimit(gpus=8)}
        for name, given in specs.items():
            KubernetesLanguageModel(
                name, given, context=context, registry=on.registry, identity=account, pools=pools, opts=into
            )

    return recording(program, **({"invokes": invokes} if invokes else {}))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded(
        plain=spec(context_tokens=8192),
        scaled=spec(served_by={"kind": "vllm", "scaling": SCALING}, door=DOOR),
        operated=spec(served_by=OF_KSERVE, door=DOOR, trust_remote_code_because="its tokenizer is our own code"),
    )


def only(graph: Graph, kind: str, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.of_type(kind) if node.name.startswith(f"{name}-")]
    return dict(found.properties["spec"])


def server(graph: Graph, name: str = "plain") -> dict[str, Any]:
    return only(graph, DEPLOYMENT, name)["template"]["spec"]["containers"][0]


def test_weights_come_from_the_registrys_bucket_as_their_list_says(graph: Graph):
    (fetches,) = only(graph, DEPLOYMENT, "plain")["template"]["spec"]["initContainers"]
    uri, digest, folder = fetches["args"]
    assert uri.endswith(f"/models/writer/{DIGEST}/weights.json") and (digest, folder) == (DIGEST, "/mnt/models")
    assert (fetches["image"], server(graph)["image"]) == (FETCHER, VLLM)


def test_a_server_splits_its_weights_among_all_its_gpus_and_asks_nobody_else_for_any(graph: Graph):
    found = server(graph)
    assert found["args"] == [
        "--served-model-name=plain",
        "--port=8000",
        "--tensor-parallel-size=2",
        "--max-model-len=8192",
    ]
    assert found["resources"]["limits"]["nvidia.com/gpu"] == "2"
    environment = {each["name"]: each["value"] for each in found["env"]}
    assert environment["HF_HUB_OFFLINE"] == "1" and environment["VLLM_NO_USAGE_STATS"] == "1"


def test_processes_of_a_pod_exchange_what_gpus_compute_in_memory_of_its_own(graph: Graph):
    pod = only(graph, DEPLOYMENT, "plain")["template"]["spec"]
    assert {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}} in pod["volumes"]
    assert {"name": "dshm", "mountPath": "/dev/shm"} in pod["containers"][0]["volumeMounts"]


def test_a_pod_that_goes_may_end_the_answers_that_it_began(graph: Graph):
    for name in ("plain", "scaled"):
        assert only(graph, DEPLOYMENT, name)["template"]["spec"]["terminationGracePeriodSeconds"] == 605


def test_code_from_among_the_weights_runs_only_where_the_file_says_why(graph: Graph):
    assert not any("--trust-remote-code" in argument for argument in server(graph)["args"])
    (container,) = only(graph, LLM, "operated")["template"]["containers"]
    assert "--trust-remote-code" in container["args"]


def test_it_scales_by_the_calls_that_vllm_works_on(graph: Graph):
    assert "replicas" not in only(graph, DEPLOYMENT, "scaled"), "an up would take autoscaled pods away"
    (trigger,) = only(graph, "kubernetes:keda.sh/v1alpha1:ScaledObject", "scaled")["triggers"]
    assert trigger["metadata"]["query"].startswith("sum(vllm:num_requests_running{")
    assert trigger["metadata"]["threshold"] == "16"


def test_kserve_brings_its_scheduler_and_our_weights(graph: Graph):
    found = only(graph, LLM, "operated")
    assert found["storageInitializer"] == {"enabled": False}, "it wouldn't check the bytes"
    assert found["template"]["initContainers"][0]["command"] == ["python", "-m", "modelyard_jobs.fetch"]
    assert found["template"]["containers"][0]["name"] == "main", "KServe's template is merged by that name"
    assert found["template"]["containers"][0]["securityContext"]["runAsNonRoot"] is True, "its template says otherwise"
    assert found["parallelism"] == {"tensor": 2} and found["router"]["scheduler"] == {}
    (rule,) = found["router"]["route"]["http"]["spec"]["rules"]
    assert rule["backendRefs"][0]["name"] == "ml-dev-fraud-operated-inference-pool"
    assert {match["path"]["value"] for match in rule["matches"]} == {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
    }


def test_the_route_that_kserve_makes_asks_for_tokens_too(graph: Graph):
    policy = only(graph, "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy", "operated")
    assert policy["targetRefs"][0]["name"] == "ml-dev-fraud-operated-kserve-route"
    assert policy["jwt"]["providers"][0]["audiences"] == ["chat"]


def test_a_model_is_private_unless_its_file_spells_out_a_door(graph: Graph):
    service = only(graph, "kubernetes:core/v1:Service", "plain")
    assert service["type"] == "ClusterIP" and service["selector"] == {"modelyard.dev/endpoint": "plain"}
    routes = [node.name for node in graph.of_type("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")]
    assert routes == ["scaled-route"]


def test_what_it_makes_breaks_none_of_our_rules(graph: Graph):
    judged = judge(graph, CATALOGUE, Surroundings("prod", region=REGION, account=ACCOUNT, today=date(2026, 11, 22)))
    ours = {node.urn for node in graph.nodes if node.type.startswith("kubernetes:")}
    assert [(each.rule.id, each.problem) for each in judged.results if each.urn in ours] == []
    assert judged.asked["pss-restricted"] >= 3


@pytest.mark.parametrize(
    ("file", "said"),
    [("weights.json", ""), ("model.tar.gz", "is an archive"), (None, "has no release record")],
)
def test_production_serves_released_folders_of_weights_alone(file: str | None, said: str):
    records = {} if file is None else {"releases/writer/3.json": released("writer", 3, DIGEST, file)}
    if not said:
        assert recorded(True, registry_with(records), chat=spec(pods=2)).of_type(DEPLOYMENT)
        return
    with pytest.raises(InputError, match=said):
        recorded(True, registry_with(records), chat=spec(pods=2))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "vllm/vllm-openai:v0.11.0"}, "image: got 'vllm/vllm-openai:v0.11.0'; names no image by its digest"),
        ({"fetcher": "jobs"}, "fetcher: got 'jobs'; names no image by its digest"),
        ({"needs": {"memory_mib": 65_536}}, "needs.gpus: got 0; are needed: vLLM computes on them"),
        ({"shared_memory_gib": 64}, "shared_memory_gib: got 64; is taken of the pod's memory, which is 65536 MiB"),
        ({"arguments": ["--trust-remote-code"]}, "arguments[0]: got '--trust-remote-code'; is written from"),
        ({"arguments": ["--tensor_parallel_size=4"]}, "arguments[0]: got '--tensor_parallel_size=4'; is written"),
        ({"served_by": OF_KSERVE}, "served_by.kind: got 'llm_inference_service'; sends calls to pods by a gateway"),
    ],
)
def test_a_faulty_model_is_refused_with_what_to_do(changes: dict[str, Any], said: str):
    (fault,) = spec(**changes).all_faults()
    assert said in str(fault) and fault.remedy


def test_gpus_for_the_pod_beside_the_old_ones_are_counted_too():
    given = spec(pods=4)
    (fault,) = given.needs.unfit_on({"gpus": PoolLimit(gpus=8)}, given.most)
    assert "gpus: got 2; times 5 pods is more than gpus ever has, 8" in str(fault)


def test_production_wants_a_second_pod_or_a_reason():
    (fault,) = spec().unfit_for_production()
    assert "pods: got 1" in str(fault)
    assert list(spec(without_spare_because="a pilot with ten users").unfit_for_production()) == []
