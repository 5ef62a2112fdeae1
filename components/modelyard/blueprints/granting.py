"""Gives an identity what a team's file says; the spec has seen to it that all of it exists."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.blueprints.access import AccessSpec
from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines import ImageRepositories, TrainingPipeline
from modelyard.build.registry import ModelRegistry
from modelyard.build.tracking import ExperimentTracking
from modelyard.build.training import TrainingPool
from modelyard.build.workbench import KnownWorkbench
from modelyard.core.access import Grantee
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.secrets import Secrets


@dataclass(slots=True)
class Made:
    """What a team's stack has made; absent parts weren't declared."""

    team: str
    audit: KnownAudit
    secrets: Secrets | None = None
    lake: DataLake | None = None
    features: FeatureStore | None = None
    training: TrainingPool | None = None
    registry: ModelRegistry | None = None
    tracking: ExperimentTracking | None = None
    images: ImageRepositories | None = None
    pipelines: dict[str, TrainingPipeline] = field(default_factory=dict[str, TrainingPipeline])
    workbench: KnownWorkbench | None = None

    def grant(self, grantee: Grantee, access: AccessSpec) -> None:
        """Give `grantee` what `access` says."""
        if self.lake is not None:
            _on_data(grantee, access, self.lake)
        if self.secrets is not None and access.secrets:
            self.secrets.grant_read(grantee, secrets=access.secrets)
        if access.events:
            self.audit.grant_publish(grantee, team=self.team)
        if self.features is not None and access.features is not None:
            _on_features(grantee, access, self.features)
        if self.registry is not None and access.models is not None:
            _on_models(grantee, access, self.registry)
        if self.training is not None and access.train:
            self.training.grant_submit(grantee)
        if self.tracking is not None and access.track is not None:
            _on_tracking(grantee, access, self.tracking)
        if self.images is not None and access.images is not None:
            _on_images(grantee, access, self.images)
        if access.pipelines is not None:
            for name in access.pipelines.start:
                self.pipelines[name].grant_start(grantee)
            for name in access.pipelines.watch:
                self.pipelines[name].grant_read(grantee)


def _on_data(grantee: Grantee, access: AccessSpec, lake: DataLake) -> None:
    if access.read:
        lake.grant_read(grantee, datasets=access.read)
    if access.write:
        lake.grant_write(grantee, datasets=access.write)
    if access.publish:
        lake.grant_publish(grantee, datasets=access.publish)
    if access.query:
        lake.grant_query(grantee)
    if access.snapshot:
        lake.grant_snapshot(grantee, datasets=access.snapshot)
    if access.erase:
        lake.grant_erase(grantee, datasets=access.erase)


def _on_features(grantee: Grantee, access: AccessSpec, store: FeatureStore) -> None:
    assert access.features is not None
    views = access.features
    if views.read_online:
        store.grant_read_online(grantee, views=views.read_online)
    if views.read_offline:
        store.grant_read_offline(grantee, views=views.read_offline)
    if views.write:
        store.grant_write(grantee, views=views.write)


def _on_models(grantee: Grantee, access: AccessSpec, registry: ModelRegistry) -> None:
    assert access.models is not None
    models = access.models
    if models.submit:
        registry.grant_submit(grantee, models=models.submit)
    if models.evaluate:
        registry.grant_evaluate(grantee, models=models.evaluate)
    if models.approve:
        registry.grant_approve(grantee, models=models.approve)
    if models.read:
        registry.grant_read(grantee, models=models.read)
    if models.pull:
        registry.grant_pull(grantee, models=models.pull)


def _on_tracking(grantee: Grantee, access: AccessSpec, tracking: ExperimentTracking) -> None:
    match access.track:
        case "log":
            tracking.grant_log(grantee)
        case "read":
            tracking.grant_read(grantee)
        case _:
            tracking.grant_manage(grantee)


def _on_images(grantee: Grantee, access: AccessSpec, images: ImageRepositories) -> None:
    assert access.images is not None
    if access.images.push:
        images.grant_push(grantee, repositories=access.images.push)
    if access.images.pull:
        images.grant_pull(grantee, repositories=access.images.pull)
