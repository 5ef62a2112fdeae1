"""What runs a team's models: endpoints, public doors, and predictions for whole datasets; wiring only."""

from __future__ import annotations

import pulumi

from modelyard.blueprints.granting import Made
from modelyard.blueprints.spec import TeamSpec
from modelyard.core.context import Context
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import NetworkLike
from modelyard.run.serving import BatchInference, InferenceEndpoint, PublicDoor


def running(
    spec: TeamSpec,
    made: Made,
    *,
    context: Context,
    keys: KnownKeys,
    network: NetworkLike | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Endpoints with their doors, and batches, on the team's registry and lake."""
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
    if made.endpoints:
        pulumi.export("endpoints", {name: endpoint.endpoint_name for name, endpoint in made.endpoints.items()})
    if made.doors:
        pulumi.export("doors", {name: door.url for name, door in made.doors.items()})
    if made.batches:
        pulumi.export("batches", {name: batch.machine_arn for name, batch in made.batches.items()})
