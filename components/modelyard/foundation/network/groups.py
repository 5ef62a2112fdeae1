"""Security groups by intent, and the few ways that their rules leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.foundation.network.spec import INTENTS, Intent

_HTTPS: Final[dict[str, Any]] = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
_EVERYTHING: Final[dict[str, Any]] = {"ip_protocol": "-1"}
_DESCRIPTIONS: Final[dict[Intent, str]] = {
    "workload": "Jobs, endpoints and tasks: HTTPS to AWS services",
    "training": "Distributed training: as workload, and everything among themselves, which EFA and NCCL need",
    "endpoints": "Interface endpoints: HTTPS from workload and training",
}
_WORKING: Final[tuple[Intent, ...]] = ("workload", "training")


def security_groups(
    network: Component,
    vpc_id: pulumi.Input[str],
    *,
    given: Mapping[Intent, str],
    ways_out: Mapping[str, Mapping[str, pulumi.Input[str]]],
) -> dict[Intent, pulumi.Input[str]]:
    """The id of the group of each intent: those `given`, and new ones for the rest, with all their rules.

    `ways_out`: where work may send HTTPS to beside the endpoints, by name, as arguments of an egress rule. Rules are
    written for new groups only.
    """
    ids: dict[Intent, pulumi.Input[str]] = {
        intent: given[intent] if intent in given else _group(network, vpc_id, intent) for intent in INTENTS
    }
    for intent in _WORKING:
        if intent not in given:
            _egress(network, intent, "endpoints", ids[intent], referenced_security_group_id=ids["endpoints"], **_HTTPS)
            for way, destination in ways_out.items():
                _egress(network, intent, way, ids[intent], **destination, **_HTTPS)
        if "endpoints" not in given:
            _ingress(network, "endpoints", intent, ids["endpoints"], ids[intent], **_HTTPS)
    if "training" not in given:
        own = ids["training"]
        _ingress(network, "training", "itself", own, own, **_EVERYTHING)
        _egress(network, "training", "itself", own, referenced_security_group_id=own, **_EVERYTHING)
    return ids


def _group(network: Component, vpc_id: pulumi.Input[str], intent: Intent) -> pulumi.Output[str]:
    role = f"{intent}-group"
    name = network.physical("security-group", intent)
    group = aws.ec2.SecurityGroup(
        network.named(role),
        name=name,
        description=_DESCRIPTIONS[intent],
        vpc_id=vpc_id,
        tags={"Name": name},
        opts=network.options(),
    )
    return group.id


def _egress(network: Component, intent: Intent, way: str, group: pulumi.Input[str], **rule: Any) -> None:
    aws.vpc.SecurityGroupEgressRule(
        network.named(f"{intent}-to-{way}"),
        security_group_id=group,
        description=f"{intent} to {way}",
        opts=network.options(),
        **rule,
    )


def _ingress(
    network: Component, intent: Intent, origin: str, group: pulumi.Input[str], source: pulumi.Input[str], **rule: Any
) -> None:
    aws.vpc.SecurityGroupIngressRule(
        network.named(f"{intent}-from-{origin}"),
        security_group_id=group,
        referenced_security_group_id=source,
        description=f"{intent} from {origin}",
        opts=network.options(),
        **rule,
    )
