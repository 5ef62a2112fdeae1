"""A VPC that somebody else made: adopted, never changed but for security groups of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.foundation.network.groups import security_groups
from modelyard.foundation.network.known import Places
from modelyard.foundation.network.spec import ExistingNetworkSpec

ANYWHERE: Final = "0.0.0.0/0"


class ExistingNetwork(Places, Component):
    """An adopted VPC. Its routes and endpoints are its owner's; groups that it lacks are made in it."""

    CAPABILITY = "network"

    def __init__(
        self,
        name: str,
        spec: ExistingNetworkSpec,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.zones_outside(context.region)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        found = aws.ec2.get_vpc_output(id=spec.vpc_id, opts=pulumi.InvokeOutputOptions(parent=self))
        groups = security_groups(
            self,
            spec.vpc_id,
            given=spec.security_groups,
            ways_out={"elsewhere": {"cidr_ipv4": ANYWHERE}},
        )
        self._know(spec.vpc_id, found.cidr_block, spec.subnets, groups)
        self.reachable = pulumi.Output.from_input([ANYWHERE])
        """CIDRs where AWS's services answer: its owner routes, and nobody here knows what."""
        self.register_outputs({"vpc_id": self.vpc_id, "security_groups": self.security_groups})

    def use(self, service: str) -> None:
        """Nothing is made: how an adopted VPC reaches `service` is its owner's to route."""
