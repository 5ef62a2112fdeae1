"""What pulumi-aws lacks, through Cloud Control or CloudFormation: the exception, not the habit.

Cloud Control sees no drift and imports nothing, and its updates are patches: a property that is only ever written, and
doesn't change, isn't sent again (cloudcontrolapi/latest/userguide/resource-operations-update). Where an update needs
such properties, the resource lives in a CloudFormation stack of its own, which sends them all every time.
"""

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


def in_a_stack(
    component: Component, role: str, type_name: str, properties: Mapping[str, Any], **options: Any
) -> aws.cloudformation.Stack:
    """The child of `component` that plays `role`: a stack with one resource of the CloudFormation type.

    An update that fails is rolled back by CloudFormation, and fails the deployment. `properties` are without `Tags`:
    resources take those of their stack.
    """
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"It": {"Type": type_name, "Properties": dict(properties)}},
    }
    return aws.cloudformation.Stack(
        component.named(role),
        name=component.physical("stack", role),
        template_body=pulumi.Output.json_dumps(template, sort_keys=True),
        on_failure="DELETE",
        opts=component.options(**options),
    )
