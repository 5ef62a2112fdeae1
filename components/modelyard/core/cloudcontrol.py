"""What pulumi-aws lacks, through Cloud Control: the exception, since it sees no drift and imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component


def cloudformation(
    component: Component,
    role: str,
    type_name: str,
    properties: Mapping[str, Any],
    *,
    tags: Literal["map", "list"] = "map",
    **options: Any,
) -> aws.cloudcontrol.Resource:
    """The child of `component` that plays `role`: a resource of the CloudFormation type, tagged as all others are.

    `properties` are CloudFormation's; its `Tags` are a map, or a list of keys and values, as the type's schema has
    them. `options` are those of `Component.options`.
    """
    named = component.context.tags_for(component.component)
    listed = [{"Key": key, "Value": value} for key, value in sorted(named.items())]
    return aws.cloudcontrol.Resource(
        component.named(role),
        type_name=type_name,
        desired_state=pulumi.Output.json_dumps(
            {**properties, "Tags": named if tags == "map" else listed}, sort_keys=True
        ),
        opts=component.options(**options),
    )
