"""What a pool on Kubernetes makes, what its jobs are, and which ones it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.ground import FRAUD, REGION, ground, recording
from tests.trained import IMAGE, ONE, POOLS, PROGRAMS, VOLUMES, given, recorded, whole

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.build.training import MachinePool, TrainingPool, TrainingSpec
from modelyard.build.training.kubernetes_jobs import ClusterJobs
from modelyard.build.training.kubernetes_pods import JobPlaces
from modelyard.build.training.kubernetes_spec import KubernetesTraining
from modelyard.core.addresses import Addresses, ClusterPoolAddress
from modelyard.core.errors import SpecError
from modelyard.foundation.cluster import ClusterQuotaSpec, PoolLimit


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded(whole())


def properties(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(name)
    return dict(found.properties)


def runtime(graph: Graph, program: str) -> dict[str, Any]:
    return properties(graph, f"training-run-{program}")["spec"]


def job(graph: Graph, program: str) -> dict[str, Any]:
    return json.loads(properties(graph, "training-jobs")["data"][f"{program}.json"])


def trains(spec: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """The batch job of a runtime or a JobSet."""
    return spec["replicatedJobs"][index]["template"]["spec"]


def only(template: dict[str, Any]) -> dict[str, Any]:
    (container,) = template["spec"]["containers"]
    return container


def variables(template: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in only(template)["env"]}


def faults(spec: TrainingSpec) -> list[str]:
    return [f"{fault.source.path}: {fault}" for fault in spec.all_faults() if fault.source]


def refused(spec: TrainingSpec, **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        recorded(spec, **more)
    return str(caught.value)


# what it makes


def test_a_program_is_a_runtime_that_a_job_names_in_the_teams_namespace(graph: Graph):
    made = properties(graph, "training-run-tune")
    assert (made["apiVersion"], made["kind"]) == ("trainer.kubeflow.org/v1alpha1", "TrainingRuntime")
    assert made["metadata"]["namespace"] == "ml-dev-fraud"
    named = job(graph, "tune")["spec"]["runtimeRef"]
    assert named == {
        "apiGroup": "trainer.kubeflow.org",
        "kind": "TrainingRuntime",
        "name": made["metadata"]["name"],
    }, "a job that names no kind would look for a runtime of the whole cluster"


def test_torchrun_starts_on_every_node_with_a_process_for_each_gpu(graph: Graph):
    made = runtime(graph, "tune")
    assert made["mlPolicy"] == {"numNodes": 2, "torch": {"numProcPerNode": 8}}
    (replicated,) = made["template"]["spec"]["replicatedJobs"]
    assert replicated["name"] == "node", "the operator looks for torchrun's main node under this name"
    assert replicated["template"]["metadata"]["labels"] == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    container = only(trains(made["template"]["spec"])["template"])
    assert container["name"] == "node"
    assert container["command"] == ["torchrun", "train.py", "--resume"]


def test_a_train_job_says_its_nodes_itself_since_torchrun_hears_of_no_others_without(graph: Graph):
    assert job(graph, "tune")["spec"]["trainer"] == {"numNodes": 2, "image": IMAGE}


def test_mpi_reaches_nodes_that_wait_and_ends_when_its_launcher_does(graph: Graph):
    made = runtime(graph, "mpi")
    assert made["mlPolicy"]["mpi"]["runLauncherAsNode"] is True
    spec = made["template"]["spec"]
    assert [each["name"] for each in spec["replicatedJobs"]] == ["launcher", "node"]
    assert only(trains(spec)["template"])["command"] == ["mpirun", "--hostfile", "/etc/mpi/hostfile", "train.py"]
    assert only(trains(spec, 1)["template"])["command"][0] == "/usr/sbin/sshd"
    assert spec["successPolicy"]["targetReplicatedJobs"] == ["launcher"]
    assert only(trains(runtime(graph, "deep")["template"]["spec"])["template"])["command"][:2] == [
        "deepspeed",
        "--hostfile",
    ]


def test_a_ray_job_brings_its_cluster_and_takes_it_away(graph: Graph):
    made = job(graph, "search")
    assert (made["apiVersion"], made["kind"]) == ("ray.io/v1", "RayJob")
    spec = made["spec"]
    assert spec["entrypoint"] == "python 'a b.py'"
    assert spec["shutdownAfterJobFinishes"] is True
    (workers,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert workers["replicas"] == workers["minReplicas"] == workers["maxReplicas"] == 2
    assert only(workers["template"])["resources"]["limits"]["nvidia.com/gpu"] == "8"
    leads = spec["rayClusterSpec"]["headGroupSpec"]["template"]
    assert "nvidia.com/gpu" not in only(leads)["resources"]["limits"]
    assert "nodeSelector" not in leads["spec"], "a head computes nothing, and a machine with GPUs isn't for it"


def test_nodes_of_a_job_set_are_told_the_first_of_them(graph: Graph):
    spec = job(graph, "plain")["spec"]
    template = trains(spec)
    assert (template["completionMode"], template["completions"], template["parallelism"]) == ("Indexed", 2, 2)
    told = variables(template["template"])
    assert told["MODELYARD_MAIN_NODE"] == "$(MODELYARD_JOB)-node-0-0.$(MODELYARD_JOB)"
    names = [each["name"] for each in only(template["template"])["env"]]
    assert names.index("MODELYARD_JOB") < names.index("MODELYARD_MAIN_NODE"), "a variable takes earlier ones alone"
    assert told["MODELYARD_NODES"] == "2"


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_job_waits_in_the_queue_and_ends_with_its_time(graph: Graph, program: str):
    made = job(graph, program)
    assert made["metadata"]["labels"] == {
        "kueue.x-k8s.io/queue-name": "default",
        "kueue.x-k8s.io/max-exec-time-seconds": "5400",
    }
    assert made["metadata"]["generateName"] == f"{program}-"
    assert made["spec"]["suspend"] is True, "what nobody let in must not run, whether Kueue answers or not"


def pods_of(graph: Graph, program: str) -> list[dict[str, Any]]:
    """The templates of a program's pods."""
    made = job(graph, program)
    if made["kind"] == "TrainJob":
        return [
            each["template"]["spec"]["template"]
            for each in runtime(graph, program)["template"]["spec"]["replicatedJobs"]
        ]
    if made["kind"] == "JobSet":
        return [trains(made["spec"])["template"]]
    ray = made["spec"]["rayClusterSpec"]
    workers = [each["template"] for each in ray["workerGroupSpecs"]]
    return [*workers, ray["headGroupSpec"]["template"], made["spec"]["submitterPodTemplate"]]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_pod_may_do_nothing_to_its_node_and_acts_as_the_teams_account(graph: Graph, program: str):
    account = properties(graph, "trainer-account")["metadata"]["name"]
    for template in pods_of(graph, program):
        spec = template["spec"]
        assert spec["serviceAccountName"] == account
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only(template)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_nodes_stand_in_the_pool_on_allowed_types_with_all_that_a_machine_has(graph: Graph):
    template = pods_of(graph, "tune")[0]
    spec = template["spec"]
    assert spec["nodeSelector"] == {"modelyard.dev/pool": "a100"}
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["p4d.24xlarge"]
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert only(template)["resources"] == {
        "requests": {"cpu": "90", "memory": "979Gi", "nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "4"},
        "limits": {"memory": "979Gi", "nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "4"},
    }
    assert variables(template)["FI_PROVIDER"] == "efa"


def test_processes_of_a_node_share_memory_that_is_bounded(graph: Graph):
    template = pods_of(graph, "tune")[0]
    shm = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "489Gi"}}
    assert shm in template["spec"]["volumes"]
    assert {"name": "shm", "mountPath": "/dev/shm"} in only(template)["volumeMounts"]


def test_nodes_of_one_job_ask_for_neighbours_where_the_pool_has_them(graph: Graph):
    neighbours = "kueue.x-k8s.io/podset-preferred-topology"
    assert pods_of(graph, "tune")[0]["metadata"]["annotations"][neighbours].endswith("layer-3")
    assert neighbours not in pods_of(graph, "one")[0]["metadata"]["annotations"]


def test_machines_arent_emptied_under_a_run(graph: Graph):
    for program in PROGRAMS:
        for template in pods_of(graph, program):
            assert template["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"


def test_a_run_on_one_node_goes_on_when_its_machine_is_taken(graph: Graph):
    spec = runtime(graph, "one")["template"]["spec"]
    lost = {"type": "DisruptionTarget", "status": "True"}
    assert trains(spec)["podFailurePolicy"] == {"rules": [{"action": "Ignore", "onPodConditions": [lost]}]}
    assert trains(spec)["backoffLimit"] == spec["failurePolicy"]["maxRestarts"] == 0, "its own failure is final"


def test_a_lost_node_restarts_all_nodes_as_often_as_was_said_and_a_late_run_never(graph: Graph):
    spec = runtime(graph, "tune")["template"]["spec"]
    assert trains(spec)["podFailurePolicy"]["rules"][0]["action"] == "FailJob"
    assert spec["failurePolicy"]["maxRestarts"] == 2
    (late,) = spec["failurePolicy"]["rules"]
    assert (late["action"], late["onJobFailureReasons"]) == ("FailJobSet", ["DeadlineExceeded"])
    assert trains(spec)["activeDeadlineSeconds"] == 5400


def test_a_job_set_of_a_train_job_stays_since_it_would_be_made_again(graph: Graph):
    assert "ttlSecondsAfterFinished" not in runtime(graph, "tune")["template"]["spec"]
    assert job(graph, "plain")["spec"]["ttlSecondsAfterFinished"] == 86_400


def test_volumes_are_claimed_and_mounted_by_every_job(graph: Graph):
    claim = properties(graph, "training-volume-fast")
    assert claim["spec"]["storageClassName"] == "lustre"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for program in PROGRAMS:
        template = pods_of(graph, program)[0]
        assert {"name": "volume-fast", "mountPath": "/data"} in only(template)["volumeMounts"]
        (volume,) = [each for each in template["spec"]["volumes"] if each["name"] == "volume-fast"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_jobs_find_where_to_write_and_may_write_there(graph: Graph):
    told = variables(pods_of(graph, "tune")[0])
    assert told["MODELYARD_OUTPUT"].startswith("s3://") and told["MODELYARD_OUTPUT"].endswith("/training/training/")
    assert told["MODELYARD_CHECKPOINTS"].endswith("/checkpoints/training/")
    assert told["MODELYARD_RESOURCES"] == "/modelyard/ml/dev/fraud/trainer-identity"
    policy = json.loads(properties(graph, "trainer-identity-training-access")["policy"])
    written = [s for s in policy["Statement"] if "s3:PutObject" in s["Action"]]
    assert [s for s in written if "checkpoints/training" in json.dumps(s["Resource"])]


def test_checkpoints_on_a_volume_are_no_ones_of_s3():
    fast = {"fast": {**VOLUMES["fast"], "checkpoints": True}}
    jobs = plainly(given(flavour={"volumes": fast}))
    template = jobs.runtime("one")["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    assert variables(template)["MODELYARD_CHECKPOINTS"] == "/data/"


def test_who_was_granted_finds_the_cluster_and_how_jobs_get_in(graph: Graph):
    told = json.loads(properties(graph, "submitter-training-address")["insecureValue"])
    (address,) = Addresses.model_validate(told).addresses
    assert isinstance(address, ClusterPoolAddress)
    assert (address.namespace, address.queue, address.max_runtime_seconds) == ("ml-dev-fraud", "default", 5400)
    assert address.templates == properties(graph, "training-jobs")["metadata"]["name"]
    assert "search=ray" in address.programs
    (found,) = json.loads(properties(graph, "submitter-training-access")["policy"])["Statement"]
    assert found["Action"] == "eks:DescribeCluster"


def test_our_rules_find_nothing_in_it(graph: Graph):
    judged = judge(graph, CATALOGUE, Surroundings(region=REGION, environment="dev", production=False))
    assert [each for each in judged.results if ":kubernetes:" in each.urn] == []
    assert judged.asked["pss-restricted"] >= 4


# what a job may be told


def plainly(spec: TrainingSpec, pool: str = "a100") -> ClusterJobs:
    assert isinstance(spec.flavour, KubernetesTraining)
    places = JobPlaces(
        "ml-dev-fraud", "trainer", REGION, "/r", "s3://b/o/", "s3://b/c/", {v: v for v in spec.flavour.volumes}
    )
    return ClusterJobs(spec, spec.flavour, places=places, pool=POOLS[pool])


@pytest.mark.parametrize("program", ["tune", "search", "plain"])
def test_a_job_takes_a_name_nodes_variables_and_a_priority(program: str):
    made = plainly(whole()).job(
        program, runtime="r", called="tonight", nodes=1, environment={"LR": "0.1"}, priority="ml-dev-urgent"
    )
    assert made["metadata"]["name"] == "tonight"
    assert made["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "ml-dev-urgent"
    assert '{"name": "LR", "value": "0.1"}' in json.dumps(made)
    nodes = {
        "TrainJob": lambda: made["spec"]["trainer"]["numNodes"],
        "RayJob": lambda: made["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"],
        "JobSet": lambda: trains(made["spec"])["parallelism"],
    }
    assert nodes[made["kind"]]() == 1


def test_a_program_on_slices_asks_for_one_of_them():
    template = plainly(given(pool="slices"), "slices").runtime("one")["template"]["spec"]["replicatedJobs"][0]
    limits = only(template["template"]["spec"]["template"])["resources"]["limits"]
    assert limits["nvidia.com/mig-3g.20gb"] == "1"
    assert "nvidia.com/gpu" not in limits


def test_spare_capacity_is_asked_for_by_name():
    spec = given(pool="small", instance_types=["g5.xlarge"], spot={}, checkpoints={"prefix": "checkpoints"})
    assert not faults(spec)
    template = plainly(spec, "small").runtime("one")["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]
    assert template["template"]["spec"]["nodeSelector"]["karpenter.sh/capacity-type"] == "spot"


# what is refused


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        (given(network_isolation=True), "network_isolation", "can't be held by Kubernetes"),
        (given(vpc=False), "vpc", "Kubernetes's instances stand in a network"),
        (given(quota={"instances": {"p4d.24xlarge": 1}}), "quota", "header of the file"),
        (
            given(lustre={"dataset": "sales", "capacity_gib": 1200, "ends": "2027-01-31"}),
            "lustre",
            "storage class of FSx for Lustre",
        ),
        (
            given(spot={"max_wait_minutes": 60}, checkpoints={"prefix": "c"}),
            "spot.max_wait_minutes",
            "wait in the queue",
        ),
        (given(spot={}), "spot", "without checkpoints"),
        (given(distributed={"launcher": "mpi"}), "distributed.launcher", "runtime: {kind: trainer"),
        (given(instance_types=["ml.p4d.24xlarge"]), "instance_types[0]", 'Write "p4d.24xlarge"'),
        (
            given(instance_types=["g5.xlarge"], distributed={"efa": True}),
            "instance_types[0]",
            "has no Elastic Fabric Adapter",
        ),
        (given({"one": {**ONE, "nodes": 3}}), "flavour.programs.one.nodes", "Use 2 or fewer"),
        (given({"one": {**ONE, "gpus": 9}}), "flavour.programs.one.gpus", "leaves to pods, 8"),
        (given({"one": {**ONE, "memory_gib": 1152}}), "flavour.programs.one.memory_gib", "leaves to pods, 979"),
        (
            given({"one": {**ONE, "runtime": {"kind": "trainer", "launcher": "mpi"}}}),
            "flavour.programs.one.runtime.launcher",
            "there is one",
        ),
        (
            given({"one": {**PROGRAMS["mpi"], "user": 2000}}),
            "flavour.programs.one.user",
            "mpiuser",
        ),
        (
            given(PROGRAMS, flavour={"volumes": {"disk": {**VOLUMES["fast"], "shared": False}}}),
            "flavour.volumes.disk.shared",
            "run on several machines",
        ),
        (given(flavour={"volumes": {"v": {**VOLUMES["fast"], "path": "/tmp/x"}}}), "flavour.volumes.v.path", "/data"),
        (
            given(flavour={"volumes": {"a": VOLUMES["fast"], "b": VOLUMES["fast"]}}),
            "flavour.volumes.b.path",
            "is that of a",
        ),
        (
            given(
                flavour={"volumes": {"fast": {**VOLUMES["fast"], "checkpoints": True}}},
                checkpoints={"prefix": "checkpoints"},
            ),
            "flavour.volumes.fast.checkpoints",
            "two places",
        ),
    ],
)
def test_a_pool_that_cant_be_is_refused_where_it_says_so(spec: TrainingSpec, path: str, says: str):
    (found,) = [fault for fault in spec.all_faults() if fault.source and path.endswith(fault.source.path)]
    assert says in str(found)
    assert found.remedy


def test_a_launcher_that_the_runtime_hasnt_is_no_launcher():
    with pytest.raises(ValueError, match="'torchrun', 'mpi' or 'deepspeed'"):
        given({"one": {**ONE, "runtime": {"kind": "trainer", "launcher": "tf_config"}}})


def test_an_image_by_tag_is_none():
    with pytest.raises(ValueError, match="programs.one.image"):
        given({"one": {**ONE, "image": "registry.example/train:latest"}})


@pytest.mark.parametrize(
    ("spec", "more", "says"),
    [
        (given(pool="h100"), {}, "flavour.pool: got 'h100'; is no pool of the cluster. It has a100, small, slices."),
        (
            given(pool="small"),
            {},
            "instance_types[0]: got 'p4d.24xlarge'; is no type of the pool small. It starts g5.xlarge, g5.12xlarge.",
        ),
        (given(pool="slices", distributed={"efa": True}), {}, "adapters that the pool slices doesn't hand out"),
        (given(spot={}, checkpoints={"prefix": "c"}), {}, "is no capacity of the pool a100"),
        (
            given({"two": PROGRAMS["tune"]}),
            {"quota": ClusterQuotaSpec.model_validate({"pools": {"a100": {"gpus": 8, "borrow": 4}}})},
            "got 2; of them need 16 GPUs, more than the 12 that the team may use of a100",
        ),
        (given(), {"quota": ClusterQuotaSpec()}, "more than the 0 that the team's quota has of a100"),
        (
            given({"two": PROGRAMS["tune"]}),
            {"quota": None, "pools": {"a100": MachinePool(PoolLimit(8), ("p4d.24xlarge",))}},
            "more than the 8 that the pool a100 ever has",
        ),
    ],
)
def test_a_pool_is_refused_for_what_its_cluster_hasnt(spec: TrainingSpec, more: dict[str, Any], says: str):
    assert says in refused(spec, **more)


def test_all_faults_come_at_once():
    text = refused(given({"one": {**ONE, "nodes": 9}}, pool="h100", vpc=False))
    assert "vpc" in text and "flavour.pool" in text and "flavour.programs.one.nodes" in text


def test_a_pool_of_sagemaker_goes_into_no_cluster_and_one_of_a_cluster_not_into_sagemaker():
    assert 'Use "kubernetes"' in refused(TrainingSpec.model_validate({"instance_types": ["ml.g5.xlarge"]}))

    def program() -> None:
        TrainingPool("training", given(), context=FRAUD, lake=ground().lake)

    with pytest.raises(SpecError, match="needs a cluster"):
        recording(program)
