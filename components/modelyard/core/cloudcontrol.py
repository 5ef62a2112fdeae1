"""What pulumi-aws lacks, through Cloud Control: the exception, since it sees no drift and imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component


def cloudformation(
    component: Component, role: str, type_name: str, properties: Mapping[str, Any], **options: Any
) -> aws.cloudcontrol.Resource:
    """The child of `component` that plays `role`: a resource of the CloudFormation type, tagged as all others are.

    `properties` are CloudFormation's; its `Tags` are a map. `options` are those of `Component.options`.
    """
    tags = component.context.tags_for(component.component)
    return aws.cloudcontrol.Resource(
        component.named(role),
        type_name=type_name,
        desired_state=pulumi.Output.json_dumps({**properties, "Tags": tags}, sort_keys=True),
        opts=component.options(**options),
    )
