"""What runs a team's models: endpoints, what watches them, loops, public doors, and batches; wiring only."""

from __future__ import annotations

import pulumi

from modelyard.blueprints.granting import Made
from modelyard.blueprints.spec import MonitoringSpec, TeamSpec
from modelyard.core.context import Context
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import NetworkLike
from modelyard.run.monitoring import EndpointMonitors, EndpointWatch, TeamWatch
from modelyard.run.retraining import RetrainingLoop
from modelyard.run.serving import BatchInference, InferenceEndpoint, LanguageModelEndpoint, PublicDoor


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
    if made.registry is None or made.lake is None:
        return
    for name, endpoint in spec.serving.items():
        made.endpoints[name] = InferenceEndpoint(
            name,
            endpoint,
            context=context,
            registry=made.registry,
            lake=made.lake,
            keys=keys,
            network=network,
            secrets=made.secrets,
            opts=opts,
        )
    for name, models in spec.language_models.items():
        made.language_models[name] = LanguageModelEndpoint(
            name, models, context=context, registry=made.registry, keys=keys, network=network, opts=opts
        )
    _monitoring(spec, made, context, keys, network, opts)
    for name, loop in spec.retraining.items():
        watching = made.monitors.get(loop.endpoint)
        made.loops[name] = RetrainingLoop(
            name,
            loop,
            context=context,
            endpoints=made.endpoints,
            pipelines=made.pipelines,
            registry=made.registry,
            lake=made.lake,
            keys=keys,
            audit=made.audit,
            features=made.features,
            alarms=watching.alarms if watching is not None else {},
            opts=opts,
        )
    for name, door in spec.doors.items():
        made.doors[name] = PublicDoor(
            f"{name}-door", door, context=context, keys=keys, endpoint=made.endpoints[name], opts=opts
        )
    for name, batch in spec.batch_inference.items():
        made.batches[name] = BatchInference(
            f"{name}-batch",
            batch,
            context=context,
            registry=made.registry,
            lake=made.lake,
            keys=keys,
            network=network,
            opts=opts,
        )
    _say(made)


def _monitoring(
    spec: TeamSpec,
    made: Made,
    context: Context,
    keys: KnownKeys,
    network: NetworkLike | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """What watches each endpoint, with the alarms of its model on its page, and what the team has once for all."""
    if made.lake is None or not made.endpoints:
        return
    for name, endpoint in made.endpoints.items():
        wanted = spec.monitoring.get(name) or MonitoringSpec(owner=endpoint.spec.owner)
        monitors = EndpointMonitors(
            f"{name}-monitors",
            wanted,
            context=context,
            endpoint=endpoint,
            lake=made.lake,
            keys=keys,
            network=network,
            opts=opts,
        )
        watch = EndpointWatch(
            f"{name}-watch", wanted.watch, context=context, endpoint=endpoint, lake=made.lake, keys=keys, opts=opts
        )
        watch.show(*monitors.alarm_arns)
        made.monitors[name], made.watches[name] = monitors, watch
    made.watch = TeamWatch(
        "watch",
        context=context,
        watched=list(made.watches.values()),
        lake=made.lake,
        keys=keys,
        evidence=made.evidence,
        opts=opts,
    )


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
