"""What parts of a team's file stand on, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelyard.blueprints.flavours import KUBERNETES, only
from modelyard.build.features import FeaturesSpec, KubernetesFeaturesSpec
from modelyard.build.tracking import KubernetesTrackingSpec
from modelyard.core.errors import Fault
from modelyard.foundation.network import INTENTS
from modelyard.run.serving import EndpointSpec, KubernetesEndpointSpec, KubernetesLanguageModelSpec, LanguageModelSpec

if TYPE_CHECKING:
    from modelyard.blueprints.spec import TeamSpec

_LAKE: Final = ("stands on a lake, and the team has none", 'Add "data: {datasets: {…}}".')
_REGISTRY: Final = ("serves models of a registry, and the team has none", 'Add "registry: {models: {…}}".')
NEED_THE_BUS: Final = ("governance", "pipelines", "retraining")
"""Parts that hear and tell on the platform's bus, which a team's own account hasn't."""


def lacking(spec: TeamSpec) -> Iterator[Fault]:
    """Each part of the file whose ground is missing: a lake, a registry, a network, the platform's bus."""
    yield from _network(spec)
    for part in NEED_THE_BUS if spec.account is not None else ():
        if getattr(spec, part, None):
            problem = "works with the platform's bus, which the team's own account hasn't"
            yield spec.fault(part, problem, 'Remove it, or take "account" away.')
    yield from _building(spec)
    yield from _running(spec)


def without_cluster(spec: TeamSpec) -> Iterator[Fault]:
    """Each part of the file that lives in the platform's cluster, for a team that has no share of it."""
    asked: list[tuple[str, object]] = []
    if spec.training is not None and spec.training.flavour.kind == "kubernetes":
        asked.append(("training.flavour.kind", "kubernetes"))
    if spec.secrets is not None and spec.secrets.in_cluster:
        asked.append(("secrets.in_cluster", ", ".join(spec.secrets.in_cluster)))
    for part in ("serving", "language_models"):
        asked += [
            (f"{part}.{name}.flavour", KUBERNETES)
            for name, served in getattr(spec, part).items()
            if served.flavour == KUBERNETES
        ]
    for part, server in (("tracking", spec.tracking), ("features", spec.features)):
        if isinstance(server, KubernetesTrackingSpec | KubernetesFeaturesSpec):
            asked.append((f"{part}.flavour", KUBERNETES))
    for path, value in asked:
        problem = "needs a share of the platform's cluster, and the team has none"
        remedy = 'Add "quota: {pools: {…}}" to the header of the file, and update the platform first.'
        yield spec.fault(path, problem, remedy, value)


def _network(spec: TeamSpec) -> Iterator[Fault]:
    if spec.network is not None:
        if spec.account is None:
            problem = "is for a team with an account of its own; this one works in the platform's network"
            yield spec.fault("network", problem, 'Remove it, or say which "account".')
        without = [intent for intent in INTENTS if intent not in spec.network.security_groups]
        if without:
            problem = f"lack {', '.join(without)}, and a team's deployment makes none in a network of others"
            yield spec.fault("network.security_groups", problem, "Name them.")
    elif spec.account is not None:
        placed = [("training", spec.training is not None and spec.training.vpc)]
        served, models = only(EndpointSpec, spec.serving), only(LanguageModelSpec, spec.language_models)
        placed += [(f"serving.{name}", endpoint.in_network) for name, endpoint in served.items()]
        placed += [(f"language_models.{name}", endpoint.vpc) for name, endpoint in models.items()]
        placed += [(f"batch_inference.{name}", batch.vpc) for name, batch in spec.batch_inference.items()]
        for part, asks in placed:
            if asks:
                remedy = 'Say which network the account has ("network: {vpc_id: …}"), or "vpc: false".'
                problem = "asks for a network, and the team's own account has none"
                yield spec.fault(f"{part}.vpc", problem, remedy)


def _building(spec: TeamSpec) -> Iterator[Fault]:
    features = spec.features
    kept_apart = isinstance(features, KubernetesFeaturesSpec) and features.kept.kind != "lake"
    for part, made in (("features", features is not None and not kept_apart), ("training", spec.training is not None)):
        if made and spec.data is None:
            yield spec.fault(part, *_LAKE)
    if isinstance(features, FeaturesSpec) and spec.data is not None:
        yield from features.faults_for(spec.data)
    elsewhere = spec.training is not None and spec.training.flavour.kind != KUBERNETES
    if isinstance(spec.tracking, KubernetesTrackingSpec) and elsewhere and spec.jobs is not None and spec.jobs.track:
        problem = "is on the platform's cluster, which jobs elsewhere don't reach"
        remedy = 'Remove it, or train there: "training.flavour: {kind: kubernetes, …}".'
        yield spec.fault("jobs.track", problem, remedy, spec.jobs.track)
    if spec.training is not None and spec.training.lustre is not None and spec.account is None:
        problem = "has FSx read with the team's key, and its service can't be told apart by team in a shared account"
        yield spec.fault("training.lustre", problem, 'Give the team an "account" of its own, or remove it.')
    for name in spec.pipelines if spec.training is None else ():
        yield spec.fault(f"pipelines.{name}", "runs training jobs, and there are none", 'Add "training: {…}".')
    if spec.jobs is not None and spec.training is None:
        problem = "speaks of training jobs, and there are none"
        yield spec.fault("jobs", problem, 'Add "training: {…}", or remove it.')


def _running(spec: TeamSpec) -> Iterator[Fault]:
    if spec.governance is not None and spec.registry is None:
        problem = "keeps evidence of releases, and there are none"
        yield spec.fault("governance", problem, 'Add "registry: {models: {…}}".')
    for part in ("serving", "language_models", "batch_inference"):
        for name in getattr(spec, part):
            if spec.registry is None:
                yield spec.fault(f"{part}.{name}", *_REGISTRY)
            if spec.data is None and getattr(getattr(spec, part)[name], "flavour", "") != KUBERNETES:
                yield spec.fault(f"{part}.{name}", *_LAKE)
    for part, others in (("serving", ("pipelines", "language_models")), ("language_models", ("pipelines",))):
        for name in getattr(spec, part):
            for other in others:
                if name in getattr(spec, other):
                    problem = f"stands among {other} too, and both would make roles and keep logs under it"
                    yield spec.fault(f"{part}.{name}", problem, "Choose another.", name)
    yield from _watching(spec)
    for name, loop in spec.retraining.items():
        if isinstance(spec.serving.get(loop.endpoint), KubernetesEndpointSpec):
            problem = "is on Kubernetes, and loops bring versions to endpoints of SageMaker alone"
            remedy = "Start the pipeline by its own schedule, and name each version in the endpoint's release."
            yield spec.fault(f"retraining.{name}.endpoint", problem, remedy, loop.endpoint)
        pipeline = spec.pipelines.get(loop.pipeline or "")
        if pipeline is not None and pipeline.flavour.kind == "argo":
            problem = "runs on a cluster, where no loop starts anything"
            remedy = "Give the pipeline a schedule of its own, and remove it here: people bring what it registers."
            yield spec.fault(f"retraining.{name}.pipeline", problem, remedy, loop.pipeline)
    models = only(KubernetesLanguageModelSpec, spec.language_models)
    for name in spec.doors:
        endpoint = spec.serving.get(name)
        if isinstance(endpoint, KubernetesEndpointSpec) or name in models:
            part = "serving" if endpoint is not None else "language_models"
            problem = "is API Gateway's, which leads to endpoints of SageMaker, and this one is on Kubernetes"
            yield spec.fault(f"doors.{name}", problem, f'Give "{part}.{name}.door", at a gateway of the cluster.', name)
        elif endpoint is None:
            known = ", ".join(spec.serving) or "none"
            problem = f"is the door of no endpoint; the team has: {known}"
            yield spec.fault(f"doors.{name}", problem, "Name an endpoint.", name)
        elif endpoint.served_by.kind == "multi_model":
            problem = "leads to an endpoint of many models, and a door's callers name none"
            yield spec.fault(f"doors.{name}", problem, "Put a door before an endpoint of one model.", name)
        elif endpoint.served_by.kind == "asynchronous":
            problem = "leads to an endpoint whose answers come later, as objects"
            yield spec.fault(f"doors.{name}", problem, "Let callers put down what they ask, or serve at once.", name)


def _watching(spec: TeamSpec) -> Iterator[Fault]:
    """Monitors of what isn't there, or of another flavour than what they watch."""
    on_cluster = only(KubernetesLanguageModelSpec, spec.language_models)
    for name, watched in spec.monitoring.items():
        endpoint = spec.serving.get(name) or on_cluster.get(name)
        if endpoint is None:
            known = ", ".join((*spec.serving, *on_cluster)) or "none"
            problem = f"watches no endpoint; the team has: {known}"
            yield spec.fault(f"monitoring.{name}", problem, "Name an endpoint.", name)
        elif watched.flavour != endpoint.flavour:
            problem = f"is another flavour than that of what it watches, {endpoint.flavour}"
            yield spec.fault(f"monitoring.{name}.flavour", problem, "Remove it.", watched.flavour)
