"""What whoever runs a pipeline's steps may read and write, and where it lies: the same in every flavour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines.steps import JobStep, TrainStep
from modelyard.core.access import Grantee


def let_work(worker: Grantee, jobs: Sequence[JobStep], *, lake: DataLake, features: FeatureStore | None) -> None:
    """Whom the steps run as reads and writes what they name."""
    reads = sorted({dataset for step in jobs for dataset in step.datasets.values()})
    writes = sorted(
        {
            output.dataset
            for step in jobs
            if not isinstance(step, TrainStep)
            for output in step.outputs.values()
            if output.dataset is not None
        }
    )
    views = sorted({view.name for step in jobs for view in step.views.values()})
    if reads:
        lake.grant_read(worker, datasets=reads)
    if writes:
        lake.grant_write(worker, datasets=writes)
    if views and features is not None:
        features.grant_read_offline(worker, views=views)


def dataset_uris(lake: DataLake) -> pulumi.Output[Mapping[str, str]]:
    """The S3 URIs of all datasets, by their names."""
    return pulumi.Output.all(
        **{
            name: pulumi.Output.concat("s3://", lake.zone(dataset.zone).bucket.bucket, "/", lake.spec.prefix(name))
            for name, dataset in lake.spec.datasets.items()
        }
    )
