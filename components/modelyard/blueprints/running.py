"""What runs a team's models: endpoints, what watches them, loops, public doors, and batches; wiring only."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from modelyard.blueprints.flavours import MonitoringSpec, only
from modelyard.blueprints.granting import Made
from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import DataLake
from modelyard.core.context import Context
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import NetworkLike
from modelyard.run.monitoring import EndpointMonitors, EndpointWatch, TeamWatch
from modelyard.run.retraining import RetrainingLoop
from modelyard.run.serving import (
    BatchInference,
    EndpointSpec,
    InferenceEndpoint,
    LanguageModelEndpoint,
    LanguageModelSpec,
    PublicDoor,
)


class _Around(TypedDict):
    """What everything here takes."""

    context: Context
    keys: KnownKeys
    opts: pulumi.ResourceOptions


def running(
    spec: TeamSpec,
    made: Made,
    *,
    context: Context,
    keys: KnownKeys,
    network: NetworkLike | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Endpoints with what is around them, and batches, on the team's registry and lake."""
    registry, lake = made.registry, made.lake
    if registry is None or lake is None:
        return
    around: _Around = {"context": context, "keys": keys, "opts": opts}
    for name, endpoint in only(EndpointSpec, spec.serving).items():
        made.endpoints[name] = InferenceEndpoint(
            name, endpoint, registry=registry, lake=lake, network=network, secrets=made.secrets, **around
        )
    for name, models in only(LanguageModelSpec, spec.language_models).items():
        made.language_models[name] = LanguageModelEndpoint(name, models, registry=registry, network=network, **around)
    if made.endpoints:
        _watch(spec, made, lake, network, around)
    for name, loop in spec.retraining.items():
        watching = made.monitors.get(loop.endpoint)
        made.loops[name] = RetrainingLoop(
            name,
            loop,
            endpoints=made.endpoints,
            pipelines=made.pipelines,
            registry=registry,
            lake=lake,
            audit=made.audit,
            features=made.features,
            alarms=watching.alarms if watching is not None else {},
            **around,
        )
    for name, door in spec.doors.items():
        made.doors[name] = PublicDoor(f"{name}-door", door, endpoint=made.endpoints[name], **around)
    for name, batch in spec.batch_inference.items():
        made.batches[name] = BatchInference(
            f"{name}-batch", batch, registry=registry, lake=lake, network=network, **around
        )
    _say(made)


def _watch(spec: TeamSpec, made: Made, lake: DataLake, network: NetworkLike | None, around: _Around) -> None:
    """What watches each endpoint, with the alarms of its model on its page, and what the team has once for all."""
    said = only(MonitoringSpec, spec.monitoring)
    for name, endpoint in made.endpoints.items():
        wanted = said.get(name) or MonitoringSpec(owner=endpoint.spec.owner)
        monitors = EndpointMonitors(f"{name}-monitors", wanted, endpoint=endpoint, lake=lake, network=network, **around)
        watch = EndpointWatch(f"{name}-watch", wanted.watch, endpoint=endpoint, lake=lake, **around)
        watch.show(*monitors.alarm_arns)
        made.monitors[name], made.watches[name] = monitors, watch
    watched = list(made.watches.values())
    written = spec.source("monitoring")
    made.watch = TeamWatch("watch", watched=watched, lake=lake, evidence=made.evidence, written=written, **around)


def _say(made: Made) -> None:
    if made.endpoints:
        pulumi.export(
            "endpoints",
            {
                name: endpoint.endpoint_name if endpoint.exists else endpoint.awaits
                for name, endpoint in made.endpoints.items()
            },
        )
        pulumi.export("dashboards", [watch.dashboard_name for watch in made.watches.values() if watch.dashboard_name])
    if made.language_models:
        pulumi.export("language_models", {name: each.components for name, each in made.language_models.items()})
    if made.loops:
        pulumi.export("loops", {name: loop.known_arn for name, loop in made.loops.items()})
    if made.doors:
        pulumi.export("doors", {name: door.url for name, door in made.doors.items()})
    if made.batches:
        pulumi.export("batches", {name: batch.machine_arn for name, batch in made.batches.items()})
