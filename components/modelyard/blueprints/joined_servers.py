"""A team's own servers on the platform's cluster: experiment tracking and features; what they need, and who may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pulumi

from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import DataLake
from modelyard.build.features import KubernetesFeatures, KubernetesFeaturesSpec
from modelyard.build.tracking import KubernetesTracking, KubernetesTrackingSpec
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.kubernetes import WorkloadIdentity
from modelyard.foundation.keys import KeysLike

TRACKING: Final = "tracking"
FEATURES: Final = "features"
"""What a team's stack calls them, by which the platform's policies know their pods."""

_USER: Final = {"log": "writer", "read": "reader"}
"""MLflow's user for what a file lets jobs do."""

Account = Callable[[str, str], WorkloadIdentity]
"""Makes the account `name` with a description."""


def servers(spec: TeamSpec) -> Iterator[tuple[str, KubernetesTrackingSpec | KubernetesFeaturesSpec]]:
    """What the team runs on the cluster for itself, by where its file says so."""
    if isinstance(spec.tracking, KubernetesTrackingSpec):
        yield TRACKING, spec.tracking
    if isinstance(spec.features, KubernetesFeaturesSpec):
        yield FEATURES, spec.features


def lacking(spec: TeamSpec, kind: str, opened: tuple[str, ...]) -> Iterator[Fault]:
    """Servers that a cluster of this kind can't run, that nobody opened a way for, or that ask for their own."""
    for part, server in servers(spec):
        if kind != "eks":
            problem = "gives its pods roles of AWS, and only a cluster of EKS can"
            remedy = f"Compose {type(server).__name__.removesuffix('Spec')} in Python with an account of your own."
            yield server.fault("flavour", problem, remedy, server.flavour)
        if server.ways.reached_from or server.ways.reaches:
            problem = "are the platform's to open, since no team opens its own fence"
            yield server.fault("ways", problem, f'Move them to "ways.{spec.team}.{part}" of the platform\'s file.')
        if part not in opened:
            problem = "can't reach what it keeps things in: the platform opens no way for it"
            remedy = (
                f'Add "ways: {{{spec.team}: {{{part}: …}}}}" to the platform\'s file, "{{}}" for a server that needs '
            )
            remedy += "none, and update the platform first."
            yield server.fault("flavour", problem, remedy, server.flavour)


def tracking(
    spec: KubernetesTrackingSpec,
    *,
    context: Context,
    account: Account,
    keys: KeysLike,
    after: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> KubernetesTracking:
    """The team's MLflow. `after`: what brings its Secrets."""
    made = KubernetesTracking(
        TRACKING,
        spec,
        context=context,
        identity=account("mlflow", f"Tracks experiments of {context.team} on Kubernetes"),
        keys=keys,
        fenced=True,
        after=after,
        opts=opts,
    )
    pulumi.export("tracking", {"uri": made.tracking_uri})
    return made


def features(
    spec: KubernetesFeaturesSpec,
    *,
    context: Context,
    account: Account,
    lake: DataLake | None,
    after: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> KubernetesFeatures:
    """The team's Feast store: servers that read, and a job that writes. `after`: what brings its Secrets."""
    made = KubernetesFeatures(
        FEATURES,
        spec,
        context=context,
        server=account("feast", f"Serves features of {context.team} on Kubernetes"),
        worker=account("feast-fill", f"Fills the feature store of {context.team} on Kubernetes"),
        lake=lake,
        fenced=True,
        after=after,
        opts=opts,
    )
    pulumi.export("features", {"address": made.address})
    return made


def signed_in(made: KubernetesTracking | None, track: str | None) -> list[dict[str, Any]]:
    """What each job's container is given, so that MLflow's client signs in as what the file says; nothing for none."""
    return [] if made is None or track is None else made.variables(_USER[track])
