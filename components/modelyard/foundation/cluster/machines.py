"""The roles of a cluster's machines, the policies that AWS keeps for them, and the disk that pods' files lie on."""

from __future__ import annotations

from typing import Final

import pulumi_aws as aws

from modelyard.core.access import trust_service
from modelyard.core.component import Component
from modelyard.core.identity import Role

DATA_DISK: Final = {"bottlerocket": "/dev/xvdb", "al2023": "/dev/xvda"}
"""Where images and pods' files lie, by the operating system."""
_JOIN: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")


def attached(component: Component, part: str, role: Role, policy: str) -> aws.iam.RolePolicyAttachment:
    """A policy that AWS keeps, for what AWS itself does in our name: it changes with what that needs."""
    return aws.iam.RolePolicyAttachment(
        component.named(part),
        role=role.role_name,
        policy_arn=f"arn:{component.context.partition}:iam::aws:policy/{policy}",
        opts=component.options(),
    )


def machine_role(component: Component, role: str, description: str) -> tuple[Role, list[aws.iam.RolePolicyAttachment]]:
    """A role by which machines join the cluster and pull images, no more; and what lets it."""
    made = Role(
        component.named(role),
        context=component.context,
        trusted=[trust_service("ec2.amazonaws.com", context=component.context)],
        description=description,
        opts=component.options(),
    )
    return made, [attached(component, f"{role}-{policy.lower()}", made, policy) for policy in _JOIN]
