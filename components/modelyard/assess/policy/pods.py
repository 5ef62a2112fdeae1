"""Pods of Kubernetes, wherever an object describes them: in workloads, and in the objects of operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.policy.rule import Undecided, Violation
from modelyard.assess.policy.subject import Subject

_TEMPLATE: Final = ("spec.template.spec",)
_JOB: Final = "template.spec.template.spec"
_RAY: Final = ("headGroupSpec.template.spec", "workerGroupSpecs[].template.spec")
_LLM: Final = ("spec.template", "spec.worker", "spec.prefill.template", "spec.prefill.worker")
_REPLICAS: Final = ("Chief", "Evaluator", "Launcher", "Master", "PS", "Worker")

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:core/v1:ReplicationController": _TEMPLATE,
    "kubernetes:apps/v1:DaemonSet": _TEMPLATE,
    "kubernetes:apps/v1:Deployment": _TEMPLATE,
    "kubernetes:apps/v1:ReplicaSet": _TEMPLATE,
    "kubernetes:apps/v1:StatefulSet": _TEMPLATE,
    "kubernetes:batch/v1:CronJob": ("spec.jobTemplate.spec.template.spec",),
    "kubernetes:batch/v1:Job": _TEMPLATE,
    "kubernetes:argoproj.io/v1alpha1:Rollout": _TEMPLATE,
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": (f"spec.replicatedJobs[].{_JOB}",),
    "kubernetes:kubeflow.org/v1:MPIJob": tuple(f"spec.mpiReplicaSpecs.{each}.template.spec" for each in _REPLICAS),
    "kubernetes:kubeflow.org/v1:PyTorchJob": tuple(
        f"spec.pytorchReplicaSpecs.{each}.template.spec" for each in _REPLICAS
    ),
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": (
        "spec.leaderWorkerTemplate.leaderTemplate.spec",
        "spec.leaderWorkerTemplate.workerTemplate.spec",
    ),
    "kubernetes:ray.io/v1:RayCluster": tuple(f"spec.{each}" for each in _RAY),
    "kubernetes:ray.io/v1:RayJob": (
        *(f"spec.rayClusterSpec.{each}" for each in _RAY),
        "spec.submitterPodTemplate.spec",
    ),
    "kubernetes:ray.io/v1:RayService": tuple(f"spec.rayClusterConfig.{each}" for each in _RAY),
    "kubernetes:serving.kserve.io/v1alpha1:ClusterServingRuntime": ("spec",),
    "kubernetes:serving.kserve.io/v1alpha1:LLMInferenceService": _LLM,
    "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService": _LLM,
    "kubernetes:serving.kserve.io/v1alpha1:ServingRuntime": ("spec",),
    "kubernetes:serving.kserve.io/v1beta1:InferenceService": (
        "spec.predictor",
        "spec.predictor.workerSpec",
        "spec.transformer",
        "spec.explainer",
    ),
    "kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime": (f"spec.template.spec.replicatedJobs[].{_JOB}",),
    "kubernetes:trainer.kubeflow.org/v1alpha1:TrainingRuntime": (f"spec.template.spec.replicatedJobs[].{_JOB}",),
}
"""Where each type describes pods; `[]` stands for each of a list."""

PODS: Final = tuple(_PLACES)
"""The types that describe pods."""

RUNTIMES: Final = (
    "kubernetes:serving.kserve.io/v1alpha1:ClusterServingRuntime",
    "kubernetes:serving.kserve.io/v1alpha1:ServingRuntime",
)
"""Types whose pods begin only with an object that names them, and gives them identity and resources."""

STEPS: Final = tuple(
    f"kubernetes:argoproj.io/v1alpha1:{kind}"
    for kind in ("ClusterWorkflowTemplate", "CronWorkflow", "Workflow", "WorkflowTemplate")
)
"""The types whose steps are containers; their pods are made of them by an operator."""

TRAIN_JOB: Final = "kubernetes:trainer.kubeflow.org/v1alpha1:TrainJob"
"""Changes some values of a runtime's pods, and is none itself."""

_PREDICTOR: Final = "spec.predictor"
_CONTAINERS: Final = ("initContainers", "containers")


@dataclass(frozen=True, slots=True)
class Container:
    """A container, or what changes one; `path`: where it is described."""

    subject: Subject
    path: str

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path`. Raises `Undecided`."""
        return self.subject.get(f"{self.path}.{path}", default)

    @property
    def name(self) -> str:
        """What it is called; a model of KServe, and a trainer, have no name."""
        return str(self.get("name", self.path.rpartition(".")[2]))


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or the template of one; `path`: where it is described."""

    subject: Subject
    path: str

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path`. Raises `Undecided`."""
        return self.subject.get(f"{self.path}.{path}", default)

    @property
    def completed(self) -> bool:
        """Whether a serving runtime says the rest of it: a predictor of KServe that names a model and no container."""
        return self.path == _PREDICTOR and self.get("model") is not None and not self.get("containers", [])

    def containers(self) -> Iterator[Container]:
        """Its containers, those that run before the others first."""
        for kind in _CONTAINERS:
            for index in range(len(self.get(kind, []))):
                yield Container(self.subject, f"{self.path}.{kind}[{index}]")
        if self.path == _PREDICTOR and self.get("model") is not None:
            yield Container(self.subject, f"{self.path}.model")


def pods(subject: Subject) -> Iterator[Pod]:
    """The pods that an object describes, unknown ones as well. Raises `Undecided` where nobody knows how many."""
    for place in _PLACES[subject.node.type]:
        for path in _each(subject, place):
            if _may_be(subject, path):
                yield Pod(subject, path)


def containers(subject: Subject) -> Iterator[Container]:
    """All containers of the pods that an object describes, and of those that it changes."""
    if subject.node.type == TRAIN_JOB:
        if subject.get("spec.trainer") is not None:
            yield Container(subject, "spec.trainer")
        return
    for pod in pods(subject):
        yield from pod.containers()


def each_pod(check: Callable[[Pod], Iterator[Violation]]) -> Callable[[Subject], Iterator[Violation]]:
    """A check of all pods of an object; one that can't be decided hides none of the others."""

    def checks(subject: Subject) -> Iterator[Violation]:
        undecided: Undecided | None = None
        for pod in pods(subject):
            try:
                yield from check(pod)
            except Undecided as error:
                undecided = undecided or error
        if undecided is not None:
            raise undecided

    return checks


def _may_be(subject: Subject, path: str) -> bool:
    try:
        return subject.get(path) is not None
    except Undecided:
        return True


def _each(subject: Subject, place: str) -> Iterator[str]:
    """The paths that a place stands for."""
    before, many, after = place.partition("[]")
    if not many:
        yield place
        return
    for index in range(len(subject.get(before, []))):
        yield from _each(subject, f"{before}[{index}]{after}")
