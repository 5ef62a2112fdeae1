"""What only shows where a pipeline stands: data, views, models and images that aren't there, jobs outside the pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines.images import Image, RepositoryImage, repository_arn
from modelyard.build.pipelines.judging import gated
from modelyard.build.pipelines.repositories import ImageRepositories
from modelyard.build.pipelines.spec import ArgoWorkflows, OnData, OnFeatures, OnSchedule, PipelineSpec
from modelyard.build.pipelines.steps import EvaluateStep, JobStep, TrainStep
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import KubernetesTraining
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.instances import InstanceCatalogue

if TYPE_CHECKING:
    from modelyard.build.training import ClusterTrainingPool, TrainingPool


@dataclass(frozen=True, slots=True)
class Ground:
    """What a pipeline stands on; features, registry and images may be absent where no step needs them."""

    pool: TrainingPool | ClusterTrainingPool
    lake: DataLake
    features: FeatureStore | None
    registry: ModelRegistry | None
    images: ImageRepositories | None

    @property
    def repositories(self) -> dict[str, str]:
        """Where images of the team lie, by the names of its repositories."""
        images = self.images
        return {name: images.uri(name) for name in images.spec.repositories} if images is not None else {}


def unfit(spec: PipelineSpec, ground: Ground, *, context: Context, listens: bool) -> Iterator[Fault]:
    """The faults of the file or, where it has none, all others; `listens`: whether there is a bus to hear from."""
    written = list(spec.all_faults())
    if written:
        yield from written
        return
    pool, lake, features = ground.pool, ground.lake, ground.features
    registry, images = ground.registry, ground.images
    yield from _runners(spec, pool)
    views = tuple(features.spec.views) if features is not None else ()
    for name, step in spec.steps.items():
        yield from _image(spec, f"steps.{name}.image", step.image, context, pool, images)
    for name, step in spec.jobs.items():
        yield from _data(spec, name, step, lake, views)
        yield from _machine(spec, name, step, pool)
        if step.views and pool.spec.network_isolation:
            yield spec.fault(
                f"steps.{name}.inputs",
                "take a feature view, which code asks for by itself, and the pool's network isolation keeps it in",
                'Say "network_isolation: false" in the pool: its jobs stay in the VPC.',
            )
    models = tuple(registry.spec.models) if registry is not None else ()
    for name, step in spec.registers.items():
        if step.model not in models:
            yield _unknown(spec, f"steps.{name}.model", "model of the registry", step.model, models)
        if step.dataset is not None and step.dataset not in lake.spec.datasets:
            yield _unknown(spec, f"steps.{name}.dataset", "dataset of the lake", step.dataset, lake.spec.datasets)
    yield from _reports(spec, registry)
    for name, trigger in spec.triggers.items():
        if not isinstance(trigger, OnSchedule) and not listens:
            yield spec.fault(f"triggers.{name}", "listens for events, and there is no bus", "Give it the audit's.")
        if isinstance(trigger, OnData) and trigger.dataset not in lake.spec.datasets:
            path = f"triggers.{name}.dataset"
            yield _unknown(spec, path, "dataset of the lake", trigger.dataset, lake.spec.datasets)
        if isinstance(trigger, OnFeatures) and trigger.view not in views:
            yield _unknown(spec, f"triggers.{name}.view", "view of the feature store", trigger.view, views)


def _runners(spec: PipelineSpec, pool: TrainingPool | ClusterTrainingPool) -> Iterator[Fault]:
    """A pipeline and a pool that don't run each other's jobs."""
    flavour, argo = pool.spec.flavour, isinstance(spec.flavour, ArgoWorkflows)
    if argo and not isinstance(flavour, KubernetesTraining):
        yield spec.fault(
            "flavour.kind",
            f"runs pods, and the pool's jobs are of the flavour {flavour.kind}",
            "Give the pipeline a pool of kind kubernetes, or use another flavour here.",
            spec.flavour.kind,
        )
    elif isinstance(flavour, KubernetesTraining) and not argo:
        yield spec.fault(
            "flavour.kind",
            "creates jobs of SageMaker, and the pool's are pods of a cluster",
            'Use "argo", or give the pipeline a pool of kind sagemaker without a queue.',
            spec.flavour.kind,
        )
    elif not argo and (flavour.kind != "sagemaker" or flavour.queue is not None):
        yield spec.fault(
            "steps",
            "run as jobs of SageMaker, and the pool's go through AWS Batch",
            "Give the pipeline a pool of kind sagemaker without a queue.",
        )


def _reports(spec: PipelineSpec, registry: ModelRegistry | None) -> Iterator[Fault]:
    for name, step in gated(spec, registry).items():
        judge, _, output = (step.report or "").partition(".")
        measured = spec.jobs[judge]
        if isinstance(measured, EvaluateStep) and measured.outputs[output].dataset is not None:
            yield spec.fault(
                f"steps.{name}.report",
                "lies in a dataset, which other jobs write too, and gates trust what it says",
                f'Leave "dataset" out of the output {output} of {judge}.',
                step.report,
            )


def _image(
    spec: PipelineSpec,
    path: str,
    image: Image,
    context: Context,
    pool: TrainingPool | ClusterTrainingPool,
    images: ImageRepositories | None,
) -> Iterator[Fault]:
    if isinstance(image, RepositoryImage):
        known = tuple(images.spec.repositories) if images is not None else ()
        if image.repository not in known:
            yield _unknown(spec, f"{path}.repository", "repository of the team", image.repository, known)
        return
    repository = repository_arn(image, context.partition)
    own = context.arn("ecr", f"repository/{'-'.join((*context.names.owner, ''))}")
    if not repository.startswith(own) and repository not in pool.spec.repositories:
        yield spec.fault(
            path,
            "lies in a repository that the pool's jobs can't pull from",
            f"Push it to a repository of the team's, or add {repository} to the pool's \"repositories\".",
            image,
        )


def _data(spec: PipelineSpec, name: str, step: JobStep, lake: DataLake, views: Sequence[str]) -> Iterator[Fault]:
    has = lake.spec.datasets
    for path, dataset in step.datasets.items():
        if dataset not in has:
            yield _unknown(spec, f"steps.{name}.{path}", "dataset of the lake", dataset, has)
    if not isinstance(step, TrainStep):
        for output, each in step.outputs.items():
            if each.dataset is not None and each.dataset not in has:
                path = f"steps.{name}.outputs.{output}.dataset"
                yield _unknown(spec, path, "dataset of the lake", each.dataset, has)
    for path, view in step.views.items():
        if view.name not in views:
            yield _unknown(spec, f"steps.{name}.{path}.name", "view of the feature store", view.name, views)


def _machine(spec: PipelineSpec, name: str, step: JobStep, pool: TrainingPool | ClusterTrainingPool) -> Iterator[Fault]:
    wanted, allowed = step.resources, pool.spec.instance_types
    where = f"steps.{name}.resources"
    if wanted.instance_type is not None and wanted.instance_type not in allowed:
        remedy = f"The pool allows {', '.join(allowed)}."
        yield spec.fault(f"{where}.instance_type", "is no type of the pool", remedy, wanted.instance_type)
    chosen = InstanceCatalogue.shipped().get(wanted.instance_type or allowed[0])
    processes = not isinstance(pool.spec.flavour, KubernetesTraining) and not isinstance(step, TrainStep)
    if chosen is not None and not chosen.processes and processes:
        yield spec.fault(
            f"{where}.instance_type",
            "is no type that SageMaker runs processing jobs on",
            "Name another type of the pool.",
            chosen.sagemaker,
        )
    most = pool.spec.distributed.most_instances
    if wanted.instances is not None and wanted.instances > most:
        remedy = f'Use {most} or fewer, or raise "most_instances" there.'
        yield spec.fault(f"{where}.instances", f"are more than the pool's {most}", remedy, wanted.instances)
    longest = pool.spec.max_runtime_minutes
    if step.timeout_minutes is not None and step.timeout_minutes > longest:
        remedy = f'Use {longest} or less, or raise "max_runtime_minutes" there.'
        path = f"steps.{name}.timeout_minutes"
        yield spec.fault(path, f"is more than the pool's {longest}", remedy, step.timeout_minutes)


def _unknown(spec: PipelineSpec, path: str, what: str, value: str, known: Iterable[str]) -> Fault:
    has = ", ".join(known) or "none"
    return spec.fault(path, f"is no {what}", f"It has {has}.", value)
