"""Rules on clusters and pods: wherever a pod is described it is seen, and what isn't said counts as it does there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pulumi_kubernetes as k8s
import pytest

from modelyard.assess.graph import record
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings

RULES = {rule.id: rule for rule in CATALOGUE}
PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333")
OPEN = ["undecided"]
SAFE: Mapping[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
OF_POD: Mapping[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
PINNED = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/train@sha256:{'5f' * 32}"


def said(rule: str, *parts: Part, today: date | None = None) -> list[str]:
    """What is wrong, and "undecided" for what nobody can decide."""
    around = Surroundings("prod", True, "eu-west-1", "111122223333", today=today)
    results = judge(graph_of(parts), [RULES[rule]], around).results
    return [each.problem if each.verdict is Verdict.VIOLATED else "undecided" for each in results]


def container(**more: Any) -> dict[str, Any]:
    return {"name": "train", "image": "docker.io/somebody/train:v1", **more}


def template(spec: Any) -> dict[str, Any]:
    return {"template": {"spec": spec}}


def described(spec: dict[str, Any]) -> dict[str, Part]:
    """The same pod in every object that may describe one, by its kind."""
    ray = {"headGroupSpec": template(spec), "workerGroupSpecs": [template(spec)]}
    replicated = {"replicatedJobs": [{"name": "node", "template": {"spec": template(spec)}}]}
    objects: dict[str, Any] = {
        "core/v1:Pod": spec,
        "core/v1:ReplicationController": template(spec),
        "apps/v1:DaemonSet": template(spec),
        "apps/v1:Deployment": template(spec),
        "apps/v1:ReplicaSet": template(spec),
        "apps/v1:StatefulSet": template(spec),
        "batch/v1:CronJob": {"jobTemplate": {"spec": template(spec)}},
        "batch/v1:Job": template(spec),
        "argoproj.io/v1alpha1:Rollout": template(spec),
        "jobset.x-k8s.io/v1alpha2:JobSet": replicated,
        "kubeflow.org/v1:MPIJob": {"mpiReplicaSpecs": {"Launcher": template(spec)}},
        "kubeflow.org/v1:PyTorchJob": {"pytorchReplicaSpecs": {"Worker": template(spec)}},
        "leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": {"leaderWorkerTemplate": {"workerTemplate": {"spec": spec}}},
        "ray.io/v1:RayCluster": ray,
        "ray.io/v1:RayJob": {"rayClusterSpec": ray},
        "ray.io/v1:RayService": {"rayClusterConfig": ray},
        "serving.kserve.io/v1alpha1:LLMInferenceService": {"template": spec},
        "serving.kserve.io/v1alpha2:LLMInferenceService": {"prefill": {"worker": spec}},
        "serving.kserve.io/v1alpha1:ClusterServingRuntime": spec,
        "serving.kserve.io/v1alpha1:ServingRuntime": spec,
        "serving.kserve.io/v1beta1:InferenceService": {"predictor": spec},
        "trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime": {"template": {"spec": replicated}},
        "trainer.kubeflow.org/v1alpha1:TrainingRuntime": {"template": {"spec": replicated}},
    }
    return {kind: part(f"kubernetes:{kind}", spec=spec) for kind, spec in objects.items()}


KINDS = tuple(described({}))
OF_RUNTIMES = tuple(kind for kind in KINDS if kind.endswith("ServingRuntime"))
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_type_that_the_rules_take_for_a_pod_is_tried_here():
    asked = {kind for kind in RULES["pss-restricted"].types if kind != "kubernetes:core/v1:Namespace"}
    assert asked == {f"kubernetes:{kind}" for kind in KINDS}


@every_kind
def test_a_privileged_container_is_found_wherever_it_is_described(kind: str):
    bad = described(
        {"securityContext": OF_POD, "containers": [container(securityContext={**SAFE, "privileged": True})]}
    )
    problems = said("pss-restricted", bad[kind])
    assert problems and all(each == "lets train do all that its node may" for each in problems)
    good = described({"securityContext": OF_POD, "containers": [container(securityContext=SAFE)]})
    assert said("pss-restricted", good[kind]) == []


@every_kind
def test_an_image_by_tag_and_of_a_stranger_is_found_wherever_it_is_described(kind: str):
    bad = described({"containers": [container()]})[kind]
    assert said("image-digest-pinned", bad) and said("approved-registries", bad)
    good = described({"initContainers": [container(image=PINNED)], "containers": [container(image=PINNED)]})[kind]
    assert said("image-digest-pinned", good) == said("approved-registries", good) == []


@every_kind
def test_a_secret_in_an_environment_is_found_wherever_it_is_described(kind: str):
    bad = described({"containers": [container(env=[{"name": "DB_PASSWORD", "value": "example"}])]})
    assert said("no-plaintext-secret-in-env", bad[kind])
    reference = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    assert said("no-plaintext-secret-in-env", described({"containers": [container(env=[reference])]})[kind]) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OF_RUNTIMES])
def test_a_container_without_limits_is_found_wherever_it_is_described(kind: str):
    problems = said("resource-limits", described({"containers": [container()]})[kind])
    told = "has no request of cpu and no request of memory and no limit of memory for train"
    assert problems and set(problems) == {told}


@pytest.mark.parametrize("kind", OF_RUNTIMES)
@pytest.mark.parametrize("rule", ["resource-limits", "workload-identity-required"])
def test_what_a_service_gives_its_runtime_is_asked_of_the_service(kind: str, rule: str):
    assert f"kubernetes:{kind}" not in RULES[rule].types


def test_a_trainer_is_asked_for_its_image_and_its_environment():
    kind = "kubernetes:trainer.kubeflow.org/v1alpha1:TrainJob"
    trainer = {"image": "train:v1", "env": [{"name": "API_TOKEN", "value": "example"}]}
    job = part(kind, spec={"trainer": trainer, "runtimeRef": {"name": "torch"}})
    assert said("image-digest-pinned", job) and said("no-plaintext-secret-in-env", job)
    assert kind not in RULES["pss-restricted"].types, "its pods are the runtime's"


def test_a_step_of_a_workflow_is_asked_for_its_image_and_its_environment():
    steps = [{"name": "fit", "container": {"image": "train:v1", "env": [{"name": "API_TOKEN", "value": "example"}]}}]
    workflow = part("kubernetes:argoproj.io/v1alpha1:Workflow", spec={"templates": steps})
    assert said("image-digest-pinned", workflow) and said("no-plaintext-secret-in-env", workflow)


def test_a_secret_in_a_config_map_is_found():
    config = part("kubernetes:core/v1:ConfigMap", data={"DB_PASSWORD": "example", "REGION": "eu-west-1"})
    assert len(said("no-plaintext-secret-in-env", config)) == 1


def test_what_pulumi_keeps_secret_is_no_secret_in_an_environment_and_what_nobody_knows_is_open():
    kept = described({"containers": [container(env=[{"name": "URL", "value": Secret("canary-9d")}])]})["core/v1:Pod"]
    (problem,) = said("no-plaintext-secret-in-env", kept)
    assert "canary-9d" not in problem
    for env in (UNKNOWN, [UNKNOWN], [{"name": "URL", "value": UNKNOWN}]):
        pod = described({"containers": [container(env=env)]})["core/v1:Pod"]
        assert said("no-plaintext-secret-in-env", pod) == OPEN


@pytest.mark.parametrize(
    ("of_pod", "of_container", "problem"),
    [
        ({"hostNetwork": True}, {}, "shares its node's network"),
        ({"hostPID": True, "hostIPC": True}, {}, "shares its node's processes and shares its node's memory"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, {}, "mounts a volume of kind hostPath"),
        (
            {"securityContext": {**OF_POD, "sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            {},
            "sets kernel.msgmax",
        ),
        ({}, {"securityContext": {**SAFE, "capabilities": {"drop": []}}}, "lets train keep capabilities"),
        (
            {},
            {"securityContext": {**SAFE, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}},
            "lets train have the capability SYS_ADMIN",
        ),
        ({}, {"securityContext": {"capabilities": {"drop": ["ALL"]}}}, "lets train gain privileges"),
        ({}, {"ports": [{"containerPort": 80, "hostPort": 80}]}, "lets train listen on a port of its node"),
        ({}, {"securityContext": {**SAFE, "runAsUser": 0}}, "lets train run as root"),
        ({}, {"securityContext": {**SAFE, "runAsNonRoot": False}}, "lets train run as root"),
        ({}, {"securityContext": {**SAFE, "procMount": "Unmasked"}}, "lets train see all of /proc"),
        (
            {},
            {"securityContext": {**SAFE, "seccompProfile": {"type": "Unconfined"}}},
            "lets train make any system call",
        ),
        (
            {},
            {"securityContext": {**SAFE, "appArmorProfile": {"type": "Unconfined"}}},
            "lets train go without AppArmor",
        ),
        (
            {},
            {"securityContext": {**SAFE, "seLinuxOptions": {"type": "spc_t"}}},
            "lets train choose its own SELinux label",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_that_the_restricted_standard_forbids_is_told(
    of_pod: dict[str, Any], of_container: dict[str, Any], problem: str
):
    spec = {"securityContext": OF_POD, **of_pod, "containers": [container(**{"securityContext": SAFE, **of_container})]}
    assert said("pss-restricted", described(spec)["core/v1:Pod"]) == [problem]


def test_what_the_standard_lets_be_is_let_be():
    spec = {
        "securityContext": {**OF_POD, "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]},
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "d", "persistentVolumeClaim": {"claimName": "d"}}],
        "containers": [
            container(
                securityContext={
                    **SAFE,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                    "runAsUser": 1000,
                },
                ports=[{"containerPort": 8080}],
            )
        ],
    }
    assert said("pss-restricted", described(spec)["core/v1:Pod"]) == []


def test_a_model_of_kserve_leaves_to_its_runtime_what_it_does_not_say_and_may_take_nothing():
    kind = "kubernetes:serving.kserve.io/v1beta1:InferenceService"
    model = {"modelFormat": {"name": "xgboost"}, "storageUri": "s3://models/scores"}
    assert said("pss-restricted", part(kind, spec={"predictor": {"model": model}})) == []
    asks = {**model, "securityContext": {"privileged": True}}
    assert said("pss-restricted", part(kind, spec={"predictor": {"model": asks}})) == [
        "lets model do all that its node may"
    ]
    assert said("pss-restricted", part(kind, spec={"predictor": {"model": model, "hostNetwork": True}}))


def test_one_pod_that_nobody_knows_hides_no_other():
    groups = [template(UNKNOWN), template({"hostNetwork": True, "containers": []})]
    head = template({"containers": []})
    ray = part("kubernetes:ray.io/v1:RayCluster", spec={"headGroupSpec": head, "workerGroupSpecs": groups})
    assert sorted(said("pss-restricted", ray)) == ["shares its node's network", "undecided"]


def space(**labels: str) -> Part:
    return part("kubernetes:core/v1:Namespace", "space", metadata={"name": "fraud", "labels": labels})


def policy(namespace: Any = "fraud", **spec: Any) -> Part:
    given = {"podSelector": {}, "policyTypes": ["Ingress"], **spec}
    metadata = {"name": "denies", "namespace": namespace}
    return part("kubernetes:networking.k8s.io/v1:NetworkPolicy", "denies", metadata=metadata, spec=given)


def test_a_namespace_that_only_warns_takes_everything():
    assert said("pss-restricted", space(**{"pod-security.kubernetes.io/warn": "restricted"}))
    assert said("pss-restricted", space(**{"pod-security.kubernetes.io/enforce": "baseline"}))
    assert said("pss-restricted", space(**{"pod-security.kubernetes.io/enforce": "restricted"})) == []


def test_the_systems_own_namespaces_are_left_out():
    system = part("kubernetes:core/v1:Namespace", metadata={"name": "kube-system"})
    assert said("pss-restricted", system) == said("default-deny-netpol", system) == []


@pytest.mark.parametrize(
    "close",
    [
        policy("churn"),
        policy(podSelector={"matchLabels": {"app": "scores"}}),
        policy(policyTypes=["Egress"]),
        policy(ingress=[{}]),
    ],
    ids=["of another namespace", "of some pods", "of what goes out", "lets all in"],
)
def test_a_policy_that_denies_too_little_is_none(close: Part):
    assert said("default-deny-netpol", space(), close)


def test_a_policy_may_name_its_namespace_by_its_output():
    assert said("default-deny-netpol", space(), policy(Of("space", "name"))) == []


def cluster(**more: Any) -> Part:
    return part("aws:eks/cluster:Cluster", roleArn="r", **more)


@pytest.mark.parametrize(
    ("network", "problems"),
    [
        ({}, 2),
        ({"endpointPrivateAccess": True}, 1),
        ({"endpointPrivateAccess": True, "endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}, 1),
        ({"endpointPublicAccess": False}, 1),
        ({"endpointPrivateAccess": True, "endpointPublicAccess": False}, 0),
    ],
)
def test_a_cluster_is_public_until_it_says_otherwise(network: dict[str, Any], problems: int):
    assert len(said("eks-private", cluster(vpcConfig=network))) == problems


@pytest.mark.parametrize(
    ("version", "today", "supported"),
    [
        ("1.34", date(2026, 12, 2), True),
        ("1.34", date(2026, 12, 3), False),
        ("1.33", date(2026, 11, 22), False),
        ("1.21", date(2026, 11, 22), False),
        ("1.99", date(2026, 11, 22), True),
        ("1.34", None, True),
        ("", date(2026, 11, 22), False),
    ],
)
def test_a_version_is_supported_until_its_day(version: str, today: date | None, supported: bool):
    assert (said("eks-supported-version", cluster(version=version), today=today) == []) is supported


def test_a_version_that_is_no_version_cannot_be_decided():
    assert said("eks-supported-version", cluster(version="latest")) == OPEN


def test_a_key_that_another_resource_gives_counts_as_one():
    key = part("aws:kms/key:Key", "key")
    encryption = {"resources": ["secrets"], "provider": {"keyArn": Of("key", "arn")}}
    assert said("eks-secrets-kms", key, cluster(encryptionConfig=encryption)) == []
    assert said("eks-secrets-kms", key, cluster(encryptionConfig={**encryption, "resources": []}))


def pool(requirement: dict[str, Any], **spec: Any) -> Part:
    inner = {"requirements": [requirement], "taints": spec.pop("taints", [])}
    return part("kubernetes:karpenter.sh/v1:NodePool", spec={"template": {"spec": inner}, **spec})


@pytest.mark.parametrize(
    ("requirement", "dear"),
    [
        ({"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["p"]}, True),
        ({"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m7i", "g6e"]}, True),
        ({"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["trn1.2xlarge"]}, True),
        ({"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "Gt", "values": ["0"]}, True),
        ({"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "DoesNotExist"}, False),
        ({"key": "karpenter.k8s.aws/instance-category", "operator": "NotIn", "values": ["p", "g"]}, False),
        ({"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m7i.large"]}, False),
    ],
)
def test_a_pool_with_gpus_has_a_taint_and_a_limit(requirement: dict[str, Any], dear: bool):
    assert len(said("gpu-limits-and-taint", pool(requirement))) == (2 if dear else 0)
    taint = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
    assert said("gpu-limits-and-taint", pool(requirement, taints=taint, limits={"nvidia.com/gpu": 8})) == []


def test_a_taint_that_only_prefers_keeps_nobody_away():
    category = {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["p"]}
    soft = [{"key": "nvidia.com/gpu", "effect": "PreferNoSchedule"}]
    assert len(said("gpu-limits-and-taint", pool(category, taints=soft, limits={"cpu": 64}))) == 1


def test_a_pool_whose_machines_nobody_knows_cannot_be_decided():
    for values in (UNKNOWN, [UNKNOWN]):
        requirement = {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": values}
        assert said("gpu-limits-and-taint", pool(requirement)) == OPEN


def test_gpus_are_asked_for_by_limits():
    asks = {"containers": [container(resources={"requests": {"nvidia.com/gpu": 1}})]}
    (problem,) = said("gpu-limits-and-taint", described(asks)["batch/v1:Job"])
    assert "nvidia.com/gpu" in problem
    limited = {"containers": [container(resources={"limits": {"nvidia.com/gpu": 1}})]}
    assert said("gpu-limits-and-taint", described(limited)["batch/v1:Job"]) == []


def test_a_limit_counts_as_the_request_that_isnt_made():
    whole = {"containers": [container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})]}
    assert said("resource-limits", described(whole)["core/v1:Pod"]) == []
    sidecar = {"initContainers": [container(name="fetch")], **whole}
    (problem,) = said("resource-limits", described(sidecar)["core/v1:Pod"])
    assert problem.endswith("for fetch")


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ({}, 1),
        ({"serviceAccountName": "default"}, 1),
        ({"automountServiceAccountToken": False}, 0),
        ({"serviceAccountName": "train"}, 0),
        ({"serviceAccountName": UNKNOWN}, 1),
    ],
)
def test_a_pod_has_an_identity_of_its_own_or_none(spec: dict[str, Any], problems: int):
    pod = described({**spec, "containers": [container()]})["core/v1:Pod"]
    assert len(said("workload-identity-required", pod)) == problems


FROM_SECRET = {"valueFrom": {"secretKeyRef": {"name": "store", "key": "id"}}}


@pytest.mark.parametrize(
    ("endpoint", "key", "problems"),
    [
        ("https://s3.store.acme.example", FROM_SECRET, 0),
        ("https://s3.store.acme.example", {"value": "AKIA"}, 1),
        ("https://s3.eu-west-1.amazonaws.com", FROM_SECRET, 1),
        (None, FROM_SECRET, 1),
    ],
)
def test_keys_that_do_not_end_are_for_stores_that_give_pods_no_identity(
    endpoint: str | None, key: dict[str, Any], problems: int
):
    leads = [] if endpoint is None else [{"name": "AWS_ENDPOINT_URL_S3", "value": endpoint}]
    given = container(env=[*leads, {"name": "AWS_ACCESS_KEY_ID", **key}])
    pod = described({"serviceAccountName": "mlflow", "containers": [given]})["core/v1:Pod"]
    assert len(said("workload-identity-required", pod)) == problems


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, 0),
        ({"httpPutResponseHopLimit": 1, "httpTokens": "required"}, 0),
        ({"httpPutResponseHopLimit": 2}, 1),
        ({"httpTokens": "optional"}, 1),
    ],
)
def test_pods_do_not_reach_the_role_of_their_node(options: dict[str, Any], problems: int):
    nodes = part("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", spec={"metadataOptions": options})
    assert len(said("workload-identity-required", nodes)) == problems


def test_a_program_with_pulumi_kubernetes_is_judged_as_it_is_recorded():
    def program() -> None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = k8s.core.v1.Namespace("fraud", metadata={"labels": labels})
        inside: Any = {"namespace": namespace.metadata["name"]}
        closed: Any = {"pod_selector": {}, "policy_types": ["Ingress"]}
        k8s.networking.v1.NetworkPolicy("denies", metadata=inside, spec=closed)
        bad: Any = {"host_network": True, "containers": [{"name": "train", "image": "train:v1"}]}
        k8s.batch.v1.Job("train", metadata=inside, spec={"template": {"spec": bad}})
        k8s.apiextensions.CustomResource(
            "scores",
            api_version="serving.kserve.io/v1beta1",
            kind="InferenceService",
            metadata=inside,
            spec={"predictor": {"model": {"image": "serve:v1"}}},
        )

    graph = record(program, project="p", stack="s")
    judged = judge(graph, [RULES[name] for name in ("default-deny-netpol", "pss-restricted")], PRODUCTION)
    assert [result.problem for result in judged.results] == [
        "shares its node's network",
        "lets train gain privileges, and keep capabilities, and run as root, and make any system call",
    ]
    images = judge(graph, [RULES["image-digest-pinned"]], PRODUCTION).results
    assert {result.urn.rpartition("::")[2] for result in images} == {"train", "scores"}
    (job,) = graph.named("train")
    assert job.properties["metadata"]["namespace"].startswith("fraud-"), "an object gets the name that Pulumi gives it"
