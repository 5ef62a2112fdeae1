"""Gives an identity what a team's file says; the spec has seen to it that all of it exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelyard.blueprints.access import (
    AccessSpec,
    BatchAccessSpec,
    EndpointAccessSpec,
    FeatureAccessSpec,
    ImageAccessSpec,
    ModelAccessSpec,
)
from modelyard.build.data import DataLake, grant_access
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines import ImageRepositories, TrainingPipeline
from modelyard.build.registry import ModelRegistry
from modelyard.build.tracking import ExperimentTracking
from modelyard.build.training import TrainingPool
from modelyard.build.workbench import KnownWorkbench
from modelyard.core.access import Grantee
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.secrets import Secrets
from modelyard.run.governance import EvidenceStore
from modelyard.run.monitoring import EndpointMonitors, EndpointWatch, TeamWatch
from modelyard.run.retraining import RetrainingLoop
from modelyard.run.serving import BatchInference, InferenceEndpoint, LanguageModelEndpoint, PublicDoor

if TYPE_CHECKING:
    from modelyard.build.features import KubernetesFeatures
    from modelyard.build.pipelines import ClusterPipeline
    from modelyard.build.tracking import KubernetesTracking
    from modelyard.build.training import ClusterTrainingPool


@dataclass(slots=True)
class Made:
    """What a team's stack has made; absent parts weren't declared."""

    team: str
    audit: KnownAudit
    secrets: Secrets | None = None
    lake: DataLake | None = None
    features: FeatureStore | None = None
    cluster_features: KubernetesFeatures | None = None
    training: TrainingPool | None = None
    cluster_training: ClusterTrainingPool | None = None
    registry: ModelRegistry | None = None
    tracking: ExperimentTracking | None = None
    cluster_tracking: KubernetesTracking | None = None
    images: ImageRepositories | None = None
    evidence: EvidenceStore | None = None
    pipelines: dict[str, TrainingPipeline] = field(default_factory=dict[str, TrainingPipeline])
    cluster_pipelines: dict[str, ClusterPipeline] = field(default_factory=dict[str, "ClusterPipeline"])
    endpoints: dict[str, InferenceEndpoint] = field(default_factory=dict[str, InferenceEndpoint])
    language_models: dict[str, LanguageModelEndpoint] = field(default_factory=dict[str, LanguageModelEndpoint])
    monitors: dict[str, EndpointMonitors] = field(default_factory=dict[str, EndpointMonitors])
    watches: dict[str, EndpointWatch] = field(default_factory=dict[str, EndpointWatch])
    watch: TeamWatch | None = None
    loops: dict[str, RetrainingLoop] = field(default_factory=dict[str, RetrainingLoop])
    doors: dict[str, PublicDoor] = field(default_factory=dict[str, PublicDoor])
    batches: dict[str, BatchInference] = field(default_factory=dict[str, BatchInference])
    workbench: KnownWorkbench | None = None

    def grant(self, grantee: Grantee, access: AccessSpec) -> None:
        """Give `grantee` what `access` says."""
        if self.lake is not None:
            grant_access(
                self.lake,
                grantee,
                read=access.read,
                write=access.write,
                publish=access.publish,
                query=access.query,
                snapshot=access.snapshot,
                erase=access.erase,
            )
        if self.secrets is not None and access.secrets:
            self.secrets.grant_read(grantee, secrets=access.secrets)
        if access.events:
            self.audit.grant_publish(grantee, team=self.team)
        if self.features is not None and access.features is not None:
            _on_features(grantee, access.features, self.features)
        if self.cluster_features is not None and access.features is not None and access.features.write:
            views = self.cluster_features.spec.views
            read = sorted({views[name].dataset for name in access.features.write})
            self.cluster_features.grant_write_history(grantee, datasets=read)
        if self.registry is not None and access.models is not None:
            _on_models(grantee, access.models, self.registry)
        if self.evidence is not None and access.evidence is not None:
            if access.evidence.read:
                self.evidence.grant_read(grantee, models=access.evidence.read)
            if access.evidence.report:
                self.evidence.grant_report(grantee)
        for pool in (self.training, self.cluster_training):
            if pool is not None and access.train:
                pool.grant_submit(grantee)
        if self.tracking is not None and access.track is not None:
            _on_tracking(grantee, access, self.tracking)
        if self.cluster_tracking is not None and self.cluster_tracking.spec.files.kind == "bucket":
            if access.track == "log":
                self.cluster_tracking.grant_log(grantee)
            elif access.track == "read":
                self.cluster_tracking.grant_read(grantee)
        if self.images is not None and access.images is not None:
            _on_images(grantee, access.images, self.images)
        if access.pipelines is not None:
            pipelines = {**self.pipelines, **self.cluster_pipelines}
            for name in access.pipelines.start:
                pipelines[name].grant_start(grantee)
            for name in access.pipelines.watch:
                pipelines[name].grant_read(grantee)
        if access.endpoints is not None:
            self._on_endpoints(grantee, access.endpoints)
        for name in access.retrain:
            self.loops[name].grant_start(grantee)
        if access.batches is not None:
            self._on_batches(grantee, access.batches)

    def _on_endpoints(self, grantee: Grantee, access: EndpointAccessSpec) -> None:
        for name in access.invoke:
            self.endpoints[name].grant_invoke(grantee)
        for name in access.invoke_language_models:
            self.language_models[name].grant_invoke(grantee)
        for name in access.read:
            self.endpoints[name].grant_read(grantee)
        for name in access.read_capture:
            self.endpoints[name].grant_read_capture(grantee)
        for name in access.read_results:
            self.monitors[name].grant_read_results(grantee)
        for name in access.start_monitors:
            self.monitors[name].grant_start(grantee)
        if self.watch is not None and access.read_incidents:
            self.watch.grant_read_incidents(grantee, endpoints=access.read_incidents)
        if self.watch is not None and access.close_incidents:
            self.watch.grant_close_incidents(grantee, endpoints=access.close_incidents)

    def _on_batches(self, grantee: Grantee, access: BatchAccessSpec) -> None:
        for name in access.start:
            self.batches[name].grant_start(grantee)
        for name in access.read:
            self.batches[name].grant_read(grantee)


def _on_features(grantee: Grantee, access: FeatureAccessSpec, store: FeatureStore) -> None:
    for views, grant in (
        (access.read_online, store.grant_read_online),
        (access.read_offline, store.grant_read_offline),
        (access.write, store.grant_write),
    ):
        if views:
            grant(grantee, views=views)


def _on_models(grantee: Grantee, access: ModelAccessSpec, registry: ModelRegistry) -> None:
    for models, grant in (
        (access.submit, registry.grant_submit),
        (access.evaluate, registry.grant_evaluate),
        (access.approve, registry.grant_approve),
        (access.read, registry.grant_read),
        (access.pull, registry.grant_pull),
    ):
        if models:
            grant(grantee, models=models)


def _on_tracking(grantee: Grantee, access: AccessSpec, tracking: ExperimentTracking) -> None:
    match access.track:
        case "log":
            tracking.grant_log(grantee)
        case "read":
            tracking.grant_read(grantee)
        case _:
            tracking.grant_manage(grantee)


def _on_images(grantee: Grantee, access: ImageAccessSpec, images: ImageRepositories) -> None:
    for repositories, grant in ((access.push, images.grant_push), (access.pull, images.grant_pull)):
        if repositories:
            grant(grantee, repositories=repositories)
