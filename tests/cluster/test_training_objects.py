"""Training and pipelines on a real API server: it takes each object strictly, and refuses runs that go too far."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient, ApiException, CoreV1Api
from tests import piped, trained
from tests.cluster.refusing import refusal

from modelyard.assess.graph import Graph
from modelyard.core.kubernetes import TOKEN
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.server import Cluster

PLURALS = {
    "ConfigMap": "configmaps",
    "CronWorkflow": "cronworkflows",
    "Job": "jobs",
    "JobSet": "jobsets",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Pod": "pods",
    "RayJob": "rayjobs",
    "ServiceAccount": "serviceaccounts",
    "TrainJob": "trainjobs",
    "TrainingRuntime": "trainingruntimes",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "WorkflowTemplate": "workflowtemplates",
}
LATE = 504
"""What a server says that has just begun, on a busy machine, to its first caller: it reads its definitions still."""
THEIRS = "ml-dev-fraud"


@pytest.fixture(scope="module")
def api(api_server_with_crds: Cluster) -> ApiClient:
    return client.connected(api_server_with_crds.kubeconfig)


@pytest.fixture(scope="module")
def namespace(api: ApiClient) -> Iterator[str]:
    """A namespace whose pods are held to the restricted standard, with the accounts that they run as."""
    core: Any = CoreV1Api(api)
    name = f"test-{uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    for account in ("default", "trainer", "worker", "judge", "conductor"):
        called = account if account == "default" else f"{THEIRS}-{account}"
        put(api, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": called, "namespace": name}})
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="module")
def training() -> Graph:
    return trained.recorded(trained.whole())


def put(api: ApiClient, wanted: dict[str, Any]) -> Any:
    version, metadata = wanted["apiVersion"], wanted["metadata"]
    base = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    below = f"{base}/namespaces/{metadata['namespace']}" if "namespace" in metadata else base
    path = f"{below}/{PLURALS[wanted['kind']]}/{metadata['name']}"
    try:
        return client.apply(api, path, wanted, "test")
    except ApiException as late:
        if late.status != LATE:
            raise
        return client.apply(api, path, wanted, "test")


def objects(graph: Graph, namespace: str) -> list[dict[str, Any]]:
    """What a stack puts into the cluster, as if the team's namespace were this one."""
    found = [dict(each.properties) for each in graph.nodes if each.type.startswith(TOKEN)]
    made: list[dict[str, Any]] = json.loads(json.dumps(found))
    for each in made:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = namespace
    return made


def jobs(graph: Graph, namespace: str) -> dict[str, dict[str, Any]]:
    """The jobs that the pool's ConfigMap has, by program, each with a name."""
    (held,) = graph.named("training-jobs")
    found = {key.removesuffix(".json"): json.loads(text) for key, text in held.properties["data"].items()}
    del found["limits"]
    for program, each in found.items():
        each["metadata"] |= {"name": f"{program}-1", "namespace": namespace}
        del each["metadata"]["generateName"]
    return found


def templates(graph: Graph, namespace: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that a runtime or a job describes, by a name of its own."""

    def below(found: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(found, dict):
            if "containers" in found.get("spec", {}):
                yield name, found
                return
            for key, each in found.items():
                yield from below(each, f"{name}-{key.lower()}")
        elif isinstance(found, list):
            for index, each in enumerate(found):
                yield from below(each, f"{name}-{index}")

    for each in [*objects(graph, namespace), *jobs(graph, namespace).values()]:
        yield from below(each.get("spec"), each["metadata"]["name"])


def test_what_a_pool_makes_is_taken_and_so_are_its_jobs(api: ApiClient, namespace: str, training: Graph):
    made = [each for each in objects(training, namespace) if each["kind"] != "ServiceAccount"]
    assert {each["kind"] for each in made} == {"ConfigMap", "PersistentVolumeClaim", "TrainingRuntime"}
    for wanted in [*made, *jobs(training, namespace).values()]:
        assert put(api, wanted)["metadata"]["name"] == wanted["metadata"]["name"]


def test_what_a_pipeline_makes_is_taken(api: ApiClient, namespace: str):
    kinds: set[str] = set()
    for wanted in objects(piped.recorded(piped.given()), namespace):
        if wanted["apiVersion"].startswith("argoproj.io/"):
            put(api, wanted)
            kinds.add(wanted["kind"])
    assert kinds == {"CronWorkflow", "WorkflowTemplate"}


def test_a_field_that_nobody_knows_is_refused(api: ApiClient, namespace: str, training: Graph):
    wanted = copy.deepcopy(jobs(training, namespace)["tune"])
    wanted["spec"]["ttlSecondsAfterFinished"] = 60
    with pytest.raises(ApiException) as refused:
        put(api, wanted)
    assert "field not declared in schema" in str(refused.value.body)


def test_every_pod_of_a_job_keeps_to_the_restricted_standard(api: ApiClient, namespace: str, training: Graph):
    pods = dict(templates(training, namespace))
    assert len(pods) == 10
    for index, template in enumerate(pods.values()):
        metadata = {**template["metadata"], "name": f"pod-{index}", "namespace": namespace}
        put(api, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


def test_a_pod_that_takes_more_is_refused(api: ApiClient, namespace: str, training: Graph):
    template = copy.deepcopy(next(iter(dict(templates(training, namespace)).values())))
    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    metadata = {"name": "takes-more", "namespace": namespace}
    with pytest.raises(ApiException, match="violates PodSecurity"):
        put(api, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


# what the wall refuses


@pytest.fixture(scope="module")
def wall(api: ApiClient, namespace: str, training: Graph) -> str:
    """The namespace once its wall stands: an image from elsewhere has been refused."""
    for wanted in objects(trained.walled(namespace), namespace):
        put(api, wanted)
    refusal(lambda: put(api, a_pod(namespace, "elsewhere", image=f"docker.io/x/y@{trained.DIGEST}")))
    return namespace


def a_pod(namespace: str, name: str, *, image: str = trained.IMAGE, account: str = "default") -> dict[str, Any]:
    safe = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "main", "image": image, "securityContext": safe}
    spec = {"serviceAccountName": account, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def as_user(cluster: Cluster, name: str) -> ApiClient:
    """The administrator under another name, who may do as much."""
    api = client.connected(cluster.kubeconfig)
    api.set_default_header("Impersonate-User", name)
    api.set_default_header("Impersonate-Group", "system:masters")
    return api


def renamed(wanted: dict[str, Any], name: str) -> dict[str, Any]:
    made = copy.deepcopy(wanted)
    made["metadata"]["name"] = name
    return made


@pytest.mark.parametrize("image", [f"docker.io/x/y@{trained.DIGEST}", trained.IMAGE.partition("@")[0] + ":latest"])
def test_an_image_from_elsewhere_or_by_tag_is_refused(api: ApiClient, wall: str, image: str):
    assert "runs images by digest of" in refusal(lambda: put(api, a_pod(wall, "other", image=image)))


@pytest.mark.parametrize("program", trained.PROGRAMS)
def test_a_job_of_the_pools_is_let_in_and_one_that_runs_longer_is_not(
    api: ApiClient, wall: str, training: Graph, program: str
):
    wanted = renamed(jobs(training, wall)[program], f"{program}-2")
    put(api, wanted)
    longer = renamed(wanted, f"{program}-3")
    longer["metadata"]["labels"]["kueue.x-k8s.io/max-exec-time-seconds"] = "5401"
    assert "may run 5400 seconds" in refusal(lambda: put(api, longer))
    endless = renamed(wanted, f"{program}-4")
    del endless["metadata"]["labels"]["kueue.x-k8s.io/max-exec-time-seconds"]
    endless["spec"].pop("activeDeadlineSeconds", None)
    assert "may run 5400 seconds" in refusal(lambda: put(api, endless))


def test_a_job_on_more_machines_is_refused_whatever_its_kind(api: ApiClient, wall: str, training: Graph):
    known = jobs(training, wall)
    train, ray, plain = (renamed(known[each], f"{each}-5") for each in ("tune", "search", "plain"))
    train["spec"]["trainer"]["numNodes"] = 3
    ray["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplicas"] = 3
    plain["spec"]["replicatedJobs"][0]["replicas"] = 2
    for wanted in (train, ray, plain):
        assert "may have 2 machines" in refusal(lambda wanted=wanted: put(api, wanted))


def test_parts_of_a_run_are_its_controllers_to_make(api_server_with_crds: Cluster, api: ApiClient, wall: str):
    template = {"spec": {"restartPolicy": "Never", **a_pod(wall, "x")["spec"]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "part", "namespace": wall}}
    job["spec"] = {"parallelism": 2, "template": template}
    assert "may run 5400 seconds" in refusal(lambda: put(api, job))
    own = as_user(api_server_with_crds, f"system:serviceaccount:{wall}:worker")
    assert "may run 5400 seconds" in refusal(lambda: put(own, job)), "an account of the team's is no controller"
    put(as_user(api_server_with_crds, "system:serviceaccount:jobset-system:jobset-controller-manager"), job)
