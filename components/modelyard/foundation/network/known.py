"""What every network can tell: its VPC, its subnets by tier, its security groups by intent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pulumi

from modelyard.core.contract import NetworkContract
from modelyard.core.errors import Fault, InputError, Source
from modelyard.foundation.network.spec import Intent, Tier


class NetworkLike(Protocol):
    """Where work runs, whether this stack makes it, adopts it, or knows it from the platform's contract."""

    @property
    def vpc_id(self) -> pulumi.Output[str]:
        """The VPC's id."""
        ...

    @property
    def cidr(self) -> pulumi.Output[str]:
        """The VPC's addresses."""
        ...

    def subnet_ids(self, tier: Tier) -> list[pulumi.Output[str]]:
        """The ids of a tier's subnets, in the order of their zones' names."""
        ...

    def security_group(self, intent: Intent) -> pulumi.Output[str]:
        """The id of the group for what has this intent."""
        ...


class PlatformNetwork(NetworkLike, Protocol):
    """A network of the platform's own stack: it takes wishes, and goes into the contract."""

    @property
    def reachable(self) -> pulumi.Output[list[str]]:
        """CIDRs where AWS's services answer, as far as work in the network reaches them."""
        ...

    def zones(self, tier: Tier) -> list[str]:
        """The zones of a tier's subnets, in the order of their names."""
        ...

    def use(self, service: str) -> None:
        """Tell that work in the network calls a service, such as `glue` or `ecr.api`."""
        ...

    def contract(self) -> dict[str, Any]:
        """What a `NetworkContract` says of the network; its values may still be unknown."""
        ...


class Places:
    """The answers of a network, given what it knows."""

    written: Source

    def _know(
        self,
        vpc_id: pulumi.Input[str],
        cidr: pulumi.Input[str],
        subnets: Mapping[Any, Mapping[str, pulumi.Input[str]]],
        groups: Mapping[Any, pulumi.Input[str]],
    ) -> None:
        self.vpc_id: pulumi.Output[str] = pulumi.Output.from_input(vpc_id)
        self.cidr: pulumi.Output[str] = pulumi.Output.from_input(cidr)
        self.subnets: dict[Tier, dict[str, pulumi.Output[str]]] = {
            tier: {zone: pulumi.Output.from_input(identity) for zone, identity in sorted(by_zone.items())}
            for tier, by_zone in subnets.items()
        }
        self.security_groups: dict[Intent, pulumi.Output[str]] = {
            intent: pulumi.Output.from_input(identity) for intent, identity in groups.items()
        }

    def subnet_ids(self, tier: Tier) -> list[pulumi.Output[str]]:
        """The ids of a tier's subnets, in the order of their zones' names.

        Raises `InputError` for a tier that the network hasn't.
        """
        if tier not in self.subnets:
            has = ", ".join(self.subnets)
            raise InputError(Fault("is no tier of this network", f"It has {has}.", self.written.at("subnets"), tier))
        return list(self.subnets[tier].values())

    def zones(self, tier: Tier) -> list[str]:
        """The zones of a tier's subnets, in the order of their names; none for a tier that the network hasn't."""
        return list(self.subnets.get(tier, ()))

    def security_group(self, intent: Intent) -> pulumi.Output[str]:
        """The id of the group for what has this intent: `workload`, `training` or `endpoints`.

        Raises `InputError` for another intent.
        """
        if intent not in self.security_groups:
            has = ", ".join(self.security_groups)
            where = self.written.at("security_groups")
            raise InputError(Fault("is no intent of this network", f"It has {has}.", where, intent))
        return self.security_groups[intent]

    def contract(self) -> dict[str, Any]:
        """What a `NetworkContract` says of the network; its values may still be unknown."""
        return {
            "vpc_id": self.vpc_id,
            "cidr": self.cidr,
            "subnets": self.subnets,
            "security_groups": self.security_groups,
        }


class KnownNetwork(Places):
    """The network that the platform's contract tells a team's stack of."""

    def __init__(self, contract: NetworkContract) -> None:
        self.written = Source("the platform's contract", "network")
        self._know(contract.vpc_id, contract.cidr, contract.subnets, contract.security_groups)
