"""Training on Kubernetes as its objects: runtimes that a stack makes, and jobs that people, pipelines and loops start.

Sources: trainer.kubeflow.org v1alpha1 (Kubeflow Trainer 2.1), ray.io v1 (KubeRay 1.4), jobset.x-k8s.io v1alpha2,
kueue.sigs.k8s.io/docs/tasks/run, kubernetes.io/docs/concepts/workloads/controllers/job (pod failure policy).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard.build.training.kubernetes_checks import MachinePool, Room, needs_of, room
from modelyard.build.training.kubernetes_pods import JobPlaces, job_pod, light_pod
from modelyard.build.training.kubernetes_spec import (
    ClusterProgramSpec,
    JobSetRuntime,
    KubernetesTraining,
    RayRuntime,
    TrainerRuntime,
)
from modelyard.core.kubernetes import DEFAULT_QUEUE, QUEUE

if TYPE_CHECKING:
    import pulumi

    from modelyard.build.training.spec import TrainingSpec

TRAINER: Final = "trainer.kubeflow.org/v1alpha1"
RAY: Final = "ray.io/v1"
JOB_SET: Final = "jobset.x-k8s.io/v1alpha2"
LONGEST_LABEL: Final = "kueue.x-k8s.io/max-exec-time-seconds"
_PRIORITY: Final = "kueue.x-k8s.io/priority-class"
_STEP: Final = "trainer.kubeflow.org/trainjob-ancestor-step"
_HOSTFILE: Final = "/etc/mpi/hostfile"
_SSH: Final = "/home/mpiuser"
_SSH_PORT: Final = 2222
_HOUR: Final = 3600
_MINUTE: Final = 60
_RAY_TTL_SECONDS: Final = 60
_SUBMITTER: Final = Room(0, 1, 1)
_NODE: Final = "node"
"""What Kubeflow Trainer calls the pods of a job, and the container in each: it finds them by this name alone."""


class ClusterJobs:
    """The objects of one pool's programs. `places` may hold values that are known only after deployment."""

    def __init__(
        self, spec: TrainingSpec, flavour: KubernetesTraining, *, places: JobPlaces, pool: MachinePool
    ) -> None:
        has = room(spec.instances())
        assert has is not None, "types that nobody knows are refused before"
        self._spec, self._flavour, self._places, self._pool, self._has = spec, flavour, places, pool, has
        self.seconds: int = spec.max_runtime_minutes * _MINUTE
        """How long a job may run, starting anew included."""

    def runtime(self, name: str) -> dict[str, Any]:
        """The spec of the TrainingRuntime of a program whose runtime is of kind trainer. Raises `KeyError`.

        A TrainJob's JobSet is made again whenever it is gone, so that none here deletes itself when it has ended.
        """
        program = self._flavour.programs[name]
        runtime = program.runtime
        if not isinstance(runtime, TrainerRuntime):
            raise KeyError(name)
        needs = needs_of(program, self._has, sliced=self._pool.sliced)
        if runtime.launcher == "torchrun":
            policy: dict[str, Any] = {"torch": {"numProcPerNode": max(needs.gpus, 1)}}
            jobs = [self._replicated(name, program, ["torchrun", *program.command], trains=True)]
            whole: dict[str, Any] = {}
        else:
            policy = {
                "mpi": {
                    "mpiImplementation": "OpenMPI",
                    "numProcPerNode": max(needs.gpus, 1),
                    "runLauncherAsNode": True,
                    "sshAuthMountPath": f"{_SSH}/.ssh",
                }
            }
            started = ["mpirun", "--hostfile", _HOSTFILE] if runtime.launcher == "mpi" else _DEEPSPEED
            waits = ["/usr/sbin/sshd", "-De", "-f", f"{_SSH}/.sshd_config"]
            answers = {"readinessProbe": {"tcpSocket": {"port": _SSH_PORT}, "initialDelaySeconds": 5}}
            jobs = [
                self._replicated(name, program, [*started, *program.command], trains=True, job="launcher"),
                self._replicated(name, program, waits, trains=False, more=answers),
            ]
            whole = {
                "network": {"publishNotReadyAddresses": True},
                "successPolicy": {"operator": "All", "targetReplicatedJobs": ["launcher"]},
            }
        return {
            "mlPolicy": {"numNodes": program.nodes, **policy},
            "template": {"spec": {**whole, "failurePolicy": _again(program), "replicatedJobs": jobs}},
        }

    def job(
        self,
        name: str,
        *,
        runtime: pulumi.Input[str] = "",
        called: str | None = None,
        nodes: int | None = None,
        environment: Mapping[str, str] | None = None,
        priority: pulumi.Input[str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """A job of a program, as `kubectl create -f` takes it; suspended, since Kueue starts what it lets in.

        `runtime`: what the program's TrainingRuntime is called, for those that have one. Absent `called`: a name that
        begins with the program's. `nodes`: fewer or more than the program says. `environment`: variables beside its
        own. `priority`: a PriorityClass. Raises `KeyError` for a program that the pool hasn't.
        """
        program = self._flavour.programs[name]
        count = program.nodes if nodes is None else nodes
        extra = [{"name": key, "value": value} for key, value in sorted((environment or {}).items())]
        match program.runtime:
            case TrainerRuntime():
                version, kind, spec = TRAINER, "TrainJob", self._train_job(program, runtime, count, extra)
            case RayRuntime():
                version, kind, spec = RAY, "RayJob", self._ray_job(name, program, program.runtime, count, extra)
            case JobSetRuntime():
                version, kind, spec = JOB_SET, "JobSet", self._job_set(name, program, count, extra)
        marks: dict[str, Any] = {
            **(labels or {}),
            QUEUE: self._flavour.queue or DEFAULT_QUEUE,
            LONGEST_LABEL: str(self.seconds),
        }
        if priority is not None:
            marks[_PRIORITY] = priority
        given = {"generateName": f"{name}-"} if called is None else {"name": called}
        metadata = {**given, "namespace": self._places.namespace, "labels": marks}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {"suspend": True, **spec}}

    def limits(self) -> dict[str, Any]:
        """What a job here is held to, as the pool's ConfigMap tells it."""
        spec, flavour = self._spec, self._flavour
        return {
            "pool": flavour.pool,
            "queue": flavour.queue or DEFAULT_QUEUE,
            "instance_types": list(spec.instance_types),
            "max_runtime_seconds": self.seconds,
            "most_instances": spec.distributed.most_instances,
            "programs": {name: program.runtime.kind for name, program in flavour.programs.items()},
        }

    def _train_job(
        self, program: ClusterProgramSpec, runtime: pulumi.Input[str], nodes: int, extra: list[dict[str, str]]
    ) -> dict[str, Any]:
        """Names the runtime. The trainer is always said: without it the operator tells torchrun of no other node."""
        trainer: dict[str, Any] = {"numNodes": nodes, "image": program.image}
        if extra:
            trainer["env"] = extra
        return {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": runtime},
            "trainer": trainer,
        }

    def _job_set(
        self, name: str, program: ClusterProgramSpec, nodes: int, extra: list[dict[str, str]]
    ) -> dict[str, Any]:
        label = "metadata.labels['jobset.sigs.k8s.io/jobset-name']"
        known = [
            {"name": "MODELYARD_JOB", "valueFrom": {"fieldRef": {"fieldPath": label}}},
            {"name": "MODELYARD_MAIN_NODE", "value": f"$(MODELYARD_JOB)-{_NODE}-0-0.$(MODELYARD_JOB)"},
            {"name": "MODELYARD_NODES", "value": str(nodes)},
        ]
        job = self._replicated(name, program, list(program.command), trains=False)
        job["template"]["spec"] |= {"completionMode": "Indexed", "completions": nodes, "parallelism": nodes}
        _add(job["template"]["spec"]["template"], [*known, *extra])
        return {
            "failurePolicy": _again(program),
            "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
            "replicatedJobs": [{**job, "replicas": 1}],
            "ttlSecondsAfterFinished": self._flavour.keep_hours * _HOUR,
        }

    def _ray_job(
        self, name: str, program: ClusterProgramSpec, runtime: RayRuntime, nodes: int, extra: list[dict[str, str]]
    ) -> dict[str, Any]:
        needs = Room(0, runtime.head_vcpus, runtime.head_memory_gib)
        common: dict[str, Any] = {"places": self._places}
        leads = light_pod(name, self._spec, self._flavour, program, needs=needs, container="ray-head", **common)
        works = job_pod(name, self._spec, self._flavour, program, pool=self._pool, container="ray-worker", **common)
        submits = light_pod(
            name, self._spec, self._flavour, program, needs=_SUBMITTER, container="ray-job-submitter", **common
        )
        for each in (leads, works):
            del each["spec"]["restartPolicy"]
            _add(each, extra)
        workers = {
            "groupName": _NODE,
            "replicas": nodes,
            "minReplicas": nodes,
            "maxReplicas": nodes,
            "rayStartParams": {},
            "template": works,
        }
        return {
            "activeDeadlineSeconds": self.seconds,
            "backoffLimit": program.retries - 1,
            "entrypoint": shlex.join(program.command),
            "rayClusterSpec": {
                "rayVersion": runtime.version,
                "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": leads},
                "workerGroupSpecs": [workers],
            },
            "shutdownAfterJobFinishes": True,
            "submitterPodTemplate": submits,
            "ttlSecondsAfterFinished": _RAY_TTL_SECONDS,
        }

    def _replicated(
        self,
        name: str,
        program: ClusterProgramSpec,
        command: list[str],
        *,
        trains: bool,
        job: str = _NODE,
        more: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A replicated job of a JobSet; `trains`: the one whose values a TrainJob changes."""
        template = job_pod(
            name,
            self._spec,
            self._flavour,
            program,
            places=self._places,
            pool=self._pool,
            command=command,
            more=more,
        )
        lost = "Ignore" if program.nodes == 1 else "FailJob"
        condition = {"type": "DisruptionTarget", "status": "True"}
        spec = {
            "activeDeadlineSeconds": self.seconds,
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": [{"action": lost, "onPodConditions": [condition]}]},
            "template": template,
        }
        marked = {"metadata": {"labels": {_STEP: "trainer"}}} if trains else {}
        return {"name": job, "template": {**marked, "spec": spec}}


_DEEPSPEED: Final = ["deepspeed", "--hostfile", _HOSTFILE, "--launcher", "openmpi"]


def _again(program: ClusterProgramSpec) -> dict[str, Any]:
    """When a JobSet starts anew: where a node was lost to all, up to the attempts; never because time ran out.

    On one node the job itself goes on elsewhere, and what failed by itself has failed.
    """
    restarts = program.retries - 1 if program.nodes > 1 else 0
    late = {"name": "late", "action": "FailJobSet", "onJobFailureReasons": ["DeadlineExceeded"]}
    return {"maxRestarts": restarts, "restartStrategy": "BlockingRecreate", "rules": [late]}


def _add(template: dict[str, Any], variables: list[dict[str, Any]]) -> None:
    for container in template["spec"]["containers"]:
        container["env"] = [*container["env"], *variables]
