"""Jobs of SageMaker, wherever a stack writes them: as resources, and as steps of state machines and of pipelines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from modelyard.assess.policy.documents import read
from modelyard.assess.policy.rule import Undecided, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import PIPELINE, STATE_MACHINE, TRAINING_JOB, TUNING_JOB

WRITING: Final = (PIPELINE, STATE_MACHINE, TRAINING_JOB, TUNING_JOB)
"""Types that say what a job is."""

_CREATES: Final = re.compile(
    r".*:(?:aws-sdk:)?sagemaker:create(Training|Processing|HyperParameterTuning|Transform)Job(?:\.\w+)?"
)
_STEP: Final = re.compile(r"[^.\[\]]+")


class Kind(StrEnum):
    """What a job does."""

    TRAINING = "training"
    TUNING = "tuning"
    PROCESSING = "processing"
    TRANSFORM = "transform"


_KINDS: Final = {
    "Training": Kind.TRAINING,
    "Tuning": Kind.TUNING,
    "HyperParameterTuning": Kind.TUNING,
    "Processing": Kind.PROCESSING,
    "Transform": Kind.TRANSFORM,
}
_PLACES: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.TRAINING: {"network": "", "cluster": "ResourceConfig"},
    Kind.TUNING: {"network": "", "cluster": "ResourceConfig"},
    Kind.PROCESSING: {"network": "NetworkConfig.", "cluster": "ProcessingResources.ClusterConfig"},
    Kind.TRANSFORM: {"network": "", "cluster": "TransformResources"},
}


@dataclass(frozen=True, slots=True)
class Machines:
    """Instances of one type in a job; `path`: what says so."""

    type: str
    count: int
    path: str


class Job:
    """One job; properties are called as SageMaker's API calls them."""

    def __init__(self, subject: Subject, kind: Kind, path: str, written: Any = None) -> None:
        self.kind = kind
        self.path = path
        self._subject = subject
        self._written = written

    def at(self, path: str) -> str:
        """The property of the resource that says `path`."""
        found = path if self._written is not None else _camel(path)
        return f"{self.path}.{found}" if self.path else found

    @property
    def network(self) -> str:
        """What the names of its network's properties begin with."""
        return _PLACES[self.kind]["network"]

    @property
    def cluster(self) -> str:
        """Which property says on what it runs."""
        if self.kind is Kind.TUNING and self.says("HyperParameterTuningResourceConfig"):
            return "HyperParameterTuningResourceConfig"
        return _PLACES[self.kind]["cluster"]

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path`. Raises `Undecided` for what only the run will tell."""
        if self._written is None:
            return self._subject.get(self.at(path), default)
        value = self._read(path)
        if _comes_later(value):
            raise Undecided(self.at(path))
        return default if value is None else value

    def given(self, path: str) -> Any:
        """The value at `path` as it is written, an expression where the run tells it."""
        return self._subject.as_written(self.at(path)) if self._written is None else self._read(path)

    def says(self, path: str) -> bool:
        """Whether something stands at `path`, though it be told by the run."""
        if self._written is None:
            return self._subject.says(self.at(path))
        return self._read(path) not in (None, "", [], {})

    def machines(self) -> Iterator[Machines]:
        """What it runs on; nothing where SageMaker chooses."""
        cluster = self.cluster
        for group in ("InstanceGroups", "InstanceConfigs"):
            for index in range(len(self.get(f"{cluster}.{group}", []))):
                yield from self._machines(f"{cluster}.{group}[{index}]")
        yield from self._machines(cluster)

    def _machines(self, place: str) -> Iterator[Machines]:
        kind = self.get(f"{place}.InstanceType", "")
        if kind:
            yield Machines(kind, int(self.get(f"{place}.InstanceCount", 1)), self.at(f"{place}.InstanceType"))

    def tags(self) -> Mapping[str, Any]:
        """The tags that it bears."""
        if self._written is None:
            return self._subject.tags
        return {self.get(f"Tags[{i}].Key", ""): self.get(f"Tags[{i}].Value") for i in range(len(self.get("Tags", [])))}

    def _read(self, path: str) -> Any:
        value = self._written
        for step in _STEP.findall(path):
            if _comes_later(value):
                raise Undecided(self.at(path))
            if isinstance(value, Mapping):
                inner = cast(Mapping[str, Any], value)
                if f"{step}.$" in inner:
                    return {"Get": inner[f"{step}.$"]}
                value = inner.get(step)
            elif isinstance(value, list) and step.isdecimal():
                values = cast(list[Any], value)
                value = values[int(step)] if int(step) < len(values) else None
            else:
                return None
        return value


def jobs(subject: Subject, *kinds: Kind) -> Iterator[Job]:
    """The jobs that `subject` writes, of these kinds. Raises `Undecided`."""
    return (job for job in _WRITERS[subject.node.type](subject) if job.kind in kinds)


def each_job(
    subject: Subject, kinds: tuple[Kind, ...], check: Callable[[Job], Iterator[Violation]]
) -> Iterator[Violation]:
    """What `check` finds in any of the jobs; one that can't be decided hides none of the others."""
    undecided: Undecided | None = None
    for job in jobs(subject, *kinds):
        try:
            yield from check(job)
        except Undecided as error:
            undecided = undecided or error
    if undecided is not None:
        raise undecided


def _of_machine(machine: Subject) -> Iterator[Job]:
    yield from _of_states(machine, read(machine, "definition"), "definition")


def _of_states(machine: Subject, definition: Any, path: str) -> Iterator[Job]:
    for name, state in definition.get("States", {}).items():
        here = f"{path}.States.{name}"
        for index, branch in enumerate(state.get("Branches", ())):
            yield from _of_states(machine, branch, f"{here}.Branches[{index}]")
        for inner in ("ItemProcessor", "Iterator"):
            yield from _of_states(machine, state.get(inner, {}), f"{here}.{inner}")
        found = _CREATES.fullmatch(str(state.get("Resource", "")))
        said = "Arguments" if "Arguments" in state else "Parameters"
        if found:
            yield from _written(machine, _KINDS[found[1]], state.get(said, {}), f"{here}.{said}")


def _of_pipeline(pipeline: Subject) -> Iterator[Job]:
    if pipeline.says("pipelineDefinitionS3Location"):
        raise Undecided("pipelineDefinitionS3Location")
    yield from _of_steps(pipeline, read(pipeline, "pipelineDefinition").get("Steps", ()), "pipelineDefinition.Steps")


def _of_steps(pipeline: Subject, steps: Any, path: str) -> Iterator[Job]:
    for index, step in enumerate(steps):
        here, arguments = f"{path}[{index}].Arguments", step.get("Arguments", {})
        if step.get("Type") in _KINDS:
            yield from _written(pipeline, _KINDS[step["Type"]], arguments, here)
        for branch in ("IfSteps", "ElseSteps"):
            yield from _of_steps(pipeline, arguments.get(branch, ()), f"{here}.{branch}")


def _written(subject: Subject, kind: Kind, said: Any, path: str) -> Iterator[Job]:
    if kind is not Kind.TUNING or _comes_later(said):
        yield Job(subject, kind, path, said)
        return
    if "TrainingJobDefinition" in said:
        yield Job(subject, kind, f"{path}.TrainingJobDefinition", said["TrainingJobDefinition"])
    for index, definition in enumerate(said.get("TrainingJobDefinitions", ())):
        yield Job(subject, kind, f"{path}.TrainingJobDefinitions[{index}]", definition)
    if not any(name.startswith("TrainingJobDefinition") and not name.endswith(".$") for name in said):
        yield Job(subject, kind, path, {"Get": "the definitions"})


def _of_tuning(tuning: Subject) -> Iterator[Job]:
    if tuning.says("trainingJobDefinition"):
        yield Job(tuning, Kind.TUNING, "trainingJobDefinition")
    for index in range(len(tuning.get("trainingJobDefinitions", []))):
        yield Job(tuning, Kind.TUNING, f"trainingJobDefinitions[{index}]")


def _of_job(job: Subject) -> Iterator[Job]:
    yield Job(job, Kind.TRAINING, "")


_WRITERS: Final = {
    PIPELINE: _of_pipeline,
    STATE_MACHINE: _of_machine,
    TRAINING_JOB: _of_job,
    TUNING_JOB: _of_tuning,
}


def _comes_later(value: Any) -> bool:
    """Whether a value is an expression: of JSONata, or of a pipeline's parameters and earlier steps."""
    if isinstance(value, str):
        return value.startswith("{%")
    if not isinstance(value, Mapping):
        return False
    names = list(cast(Mapping[str, Any], value))
    return len(names) == 1 and (names[0] == "Get" or names[0].startswith("Std:"))


def _camel(path: str) -> str:
    return ".".join(step[:1].lower() + step[1:] for step in path.split("."))
