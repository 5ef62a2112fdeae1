"""What a team's file says about a training pipeline: its steps, what starts it, and what runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.features import ScheduleExpression
from modelyard.build.pipelines.argo_checks import argo_that_fails
from modelyard.build.pipelines.graph import before, circle
from modelyard.build.pipelines.steps import (
    MODEL,
    EvaluateStep,
    FeaturesStep,
    IngestStep,
    JobStep,
    OutputInput,
    ParameterName,
    ParameterText,
    RegisterStep,
    RunParameter,
    Step,
    StepSpec,
    TrainStep,
)
from modelyard.build.training import PinnedImage
from modelyard.core.errors import Fault
from modelyard.core.spec import Email, Name, Spec

RUN_PARAMETERS: Final = ("author", "commit", "snapshot")
"""Parameters that every run has; what starts it fills them in, as far as it knows."""


class StepFunctions(Spec):
    """A state machine of Step Functions."""

    kind: Literal["step_functions"] = Field(
        default="step_functions",
        description="A state machine of Step Functions, where runs of everything else are seen, too.",
    )


class SageMakerPipelines(Spec):
    """A pipeline of SageMaker."""

    kind: Literal["sagemaker"] = Field(
        description="A pipeline of SageMaker: runs are seen in Studio, and orchestration costs nothing."
    )
    parallel_steps: int = Field(default=5, ge=1, le=50, description="Steps that run at a time in one run.")


class ArgoWorkflows(Spec):
    """A WorkflowTemplate of Argo Workflows."""

    kind: Literal["argo"] = Field(
        description="A WorkflowTemplate of Argo Workflows: steps are pods of a pool on Kubernetes."
    )
    tools_image: PinnedImage | None = Field(
        default=None,
        description="An image with `modelyard_jobs`, by digest, for registering, which needs no program of yours. "
        "Absent: no step registers.",
    )
    parallel_steps: int = Field(default=5, ge=1, le=50, description="Steps that run at a time in one run.")
    keep_days: int = Field(default=7, ge=1, le=365, description="Days that a run that ended can be looked at.")


class OnSchedule(Spec):
    """Starts by the clock."""

    kind: Literal["schedule"] = Field(description="Starts by the clock.")
    expression: ScheduleExpression = Field(description="As EventBridge Scheduler writes it, in UTC: rate(1 day).")


class OnPush(Spec):
    """Starts when code was pushed; commit and author of the run are those of the push."""

    kind: Literal["push"] = Field(description="Starts when code was pushed.")
    repository: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        description="The repository, as the event calls it: acme/fraud."
    )
    branch: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        default="main", description="The branch; others start nothing, since runs cost money."
    )


class OnData(Spec):
    """Starts when a dataset has a new snapshot, which is then the run's."""

    kind: Literal["data"] = Field(description="Starts when there is a new snapshot of a dataset.")
    dataset: Name = Field(description="The dataset.")


class OnFeatures(Spec):
    """Starts when a feature view has a new version, or its version was filled."""

    kind: Literal["features"] = Field(description="Starts when a feature view has a new version.")
    view: Name = Field(description="The view.")


TriggerSpec = Annotated[OnSchedule | OnPush | OnData | OnFeatures, Field(discriminator="kind")]


class PipelineSpec(Spec):
    """A training pipeline."""

    owner: Email = Field(description="Who hears when a run fails, and is the author where nothing else says who is.")
    description: str = Field(default="", max_length=1024, description="What it is for.")
    flavour: Annotated[StepFunctions | SageMakerPipelines | ArgoWorkflows, Field(discriminator="kind")] = Field(
        default_factory=StepFunctions, description="What runs it: kind step_functions, sagemaker or argo."
    )
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")] | None = Field(
        default=None,
        description="The commit that these images are of; whoever deploys fills it in. Absent: what starts a run says.",
    )
    parameters: dict[ParameterName, ParameterText] = Field(
        default_factory=dict, max_length=20, description="Parameters of a run, with their defaults."
    )
    steps: dict[Name, StepSpec] = Field(min_length=1, max_length=40, description="Steps by name, in any order.")
    triggers: dict[Name, TriggerSpec] = Field(
        default_factory=dict, max_length=10, description="What starts it. Absent: whoever was granted to."
    )

    @property
    def jobs(self) -> dict[str, JobStep]:
        """The steps that need a machine."""
        return {name: step for name, step in self.steps.items() if not isinstance(step, RegisterStep)}

    @property
    def registers(self) -> dict[str, RegisterStep]:
        """The steps that make versions of models."""
        return {name: step for name, step in self.steps.items() if isinstance(step, RegisterStep)}

    @property
    def needs(self) -> dict[str, frozenset[str]]:
        """Which steps each step waits for."""
        return {name: _waits_for(step) for name, step in self.steps.items()}

    def datasets_of(self, name: str) -> frozenset[str]:
        """The datasets that a step takes, or those before it."""
        known = before(self.needs)[name] | {name}
        return frozenset(
            d for other in known for step in [self.jobs.get(other)] if step for d in step.datasets.values()
        )

    def views_of(self, name: str) -> tuple[str, ...]:
        """The versions of feature views that a step takes, or those before it."""
        known = before(self.needs)[name] | {name}
        found = {v.key for other in known for step in [self.jobs.get(other)] if step for v in step.views.values()}
        return tuple(sorted(found))

    def check(self) -> Iterator[Fault]:
        """Steps that can't run, or not in any order; outputs from nowhere and to nowhere; parameters nobody has."""
        yield from self._check_parameters()
        lost = list(self._check_references())
        yield from lost
        found = circle({name: needs & self.steps.keys() for name, needs in self.needs.items()})
        if found:
            yield self.fault(
                f"steps.{found[0]}", f"waits for itself: {' → '.join(found)}", "Break the circle somewhere."
            )
        yield from self._check_producers()
        if not lost and not found:
            yield from self._check_meaning()
        if isinstance(self.flavour, ArgoWorkflows):
            yield from argo_that_fails(self, self.flavour)

    def _check_parameters(self) -> Iterator[Fault]:
        for name in self.parameters.keys() & set(RUN_PARAMETERS):
            yield self.fault(f"parameters.{name}", "is a parameter of every run already", "Remove it.", name)
        known = (*self.parameters, *RUN_PARAMETERS)
        for step_name, step in self.jobs.items():
            for name, value in step.parameters.items():
                if isinstance(value, RunParameter) and value.of not in known:
                    path = f"steps.{step_name}.parameters.{name}.of"
                    yield self.fault(path, "is no parameter of the run", f"It has {', '.join(known)}.", value.of)

    def _check_references(self) -> Iterator[Fault]:
        for name, step in self.steps.items():
            for path, reference in step.taken.items():
                other, _, output = reference.partition(".")
                where = f"steps.{name}.{path}"
                if other not in self.steps:
                    has = ", ".join(n for n in self.steps if n != name) or "none"
                    yield self.fault(
                        where, f"takes an output of {other}, which is no step", f"Steps: {has}.", reference
                    )
                elif output not in self.steps[other].produced:
                    has = ", ".join(self.steps[other].produced) or "nothing"
                    yield self.fault(where, f"is no output of {other}", f"It leaves {has}.", reference)
            for index, other in enumerate(step.after):
                if other not in self.steps:
                    has = ", ".join(n for n in self.steps if n != name) or "none"
                    yield self.fault(f"steps.{name}.after[{index}]", "is no step", f"Steps: {has}.", other)

    def _check_producers(self) -> Iterator[Fault]:
        makers: dict[str, str] = {}
        taken = {reference for step in self.steps.values() for reference in step.taken.values()}
        for name, step in self.jobs.items():
            if isinstance(step, TrainStep):
                continue
            for output, spec in step.outputs.items():
                path = f"steps.{name}.outputs.{output}"
                if spec.dataset is not None and spec.dataset in makers:
                    yield self.fault(
                        f"{path}.dataset",
                        f"is filled by {makers[spec.dataset]} already, and two producers of one output mix",
                        "Let one of the two fill it.",
                        spec.dataset,
                    )
                if spec.dataset is not None:
                    makers.setdefault(spec.dataset, f"{name}.{output}")
                elif f"{name}.{output}" not in taken and isinstance(step, IngestStep | FeaturesStep):
                    yield self.fault(
                        path,
                        "goes nowhere: no step takes it",
                        "Take it in a step, fill a dataset with it, or remove it.",
                    )

    def _check_meaning(self) -> Iterator[Fault]:
        ancestors = before(self.needs)
        for name, step in self.steps.items():
            if isinstance(step, EvaluateStep) and not self._models(step):
                yield self.fault(
                    f"steps.{name}.inputs",
                    "lack a model to evaluate",
                    f'Take what a train step leaves ("model: {{kind: output, of: train.{MODEL}}}").',
                )
            if isinstance(step, RegisterStep):
                yield from self._check_register(name, step, ancestors[name])

    def _check_register(self, name: str, step: RegisterStep, earlier: frozenset[str]) -> Iterator[Fault]:
        trainer = step.artifact.partition(".")[0]
        if not isinstance(self.steps[trainer], TrainStep):
            yield self.fault(f"steps.{name}.artifact", "is no model", "Take what a train step leaves.", step.artifact)
        judges = [
            o
            for o in earlier
            for e in [self.steps[o]]
            if isinstance(e, EvaluateStep)
            if step.artifact in self._models(e)
        ]
        if not judges:
            yield self.fault(
                f"steps.{name}",
                f"registers {step.artifact} without an evaluation of it before",
                'Add a step of kind evaluate that takes the model, and "after" or "report" here.',
            )
        elif step.report is not None and step.report.partition(".")[0] not in judges:
            yield self.fault(
                f"steps.{name}.report",
                "is no evaluation of this model",
                f"Take one of {', '.join(judges)}.",
                step.report,
            )
        datasets = sorted(self.datasets_of(name))
        if step.dataset is None and len(datasets) != 1:
            remedy = f'Say which ("dataset"): {", ".join(datasets)}.' if datasets else 'Name it ("dataset").'
            problem = "comes from several datasets" if datasets else "comes from no dataset of the lake"
            yield self.fault(f"steps.{name}", f"{problem}, and its lineage names the snapshot of one", remedy)
        unknown = [trigger for trigger, spec in self.triggers.items() if not isinstance(spec, OnPush)]
        if self.commit is None and unknown:
            yield self.fault(
                "commit",
                f"is missing: a run that {', '.join(unknown)} started wouldn't know it, and no version is without",
                'Let whoever deploys fill it in, or start it by "push" alone.',
            )

    def _models(self, step: EvaluateStep) -> list[str]:
        taken = [found.of for found in step.inputs.values() if isinstance(found, OutputInput)]
        return [of for of in taken if isinstance(self.steps.get(of.partition(".")[0]), TrainStep)]


def _waits_for(step: Step) -> frozenset[str]:
    return frozenset({*step.after, *(reference.partition(".")[0] for reference in step.taken.values())})
