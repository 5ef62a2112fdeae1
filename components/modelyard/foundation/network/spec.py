"""What a platform file says about the network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import REPLACES, LogDays, Spec
from modelyard.foundation.network import plan

Tier = Literal["private", "isolated", "public"]
TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
Intent = Literal["workload", "training", "endpoints"]
INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)

Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", max_length=32)]
"""The full name of an availability zone, such as eu-west-1a."""

Service = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=64)]
"""An AWS service as endpoints call it: what follows `com.amazonaws.<region>.`, such as glue or ecr.api."""

VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]
SecurityGroupId = Annotated[str, StringConstraints(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]


class EndpointsSpec(Spec):
    """Private ways to AWS services. Those to S3 and DynamoDB cost nothing and are always there."""

    interface: Literal["auto", "none"] | tuple[Service, ...] = Field(
        default="auto",
        description=(
            "Services with an interface endpoint: `auto`, `none`, or a list such as [glue, ecr.api]. `auto`: those "
            "that the components use, unless NAT reaches them already, so that nobody pays for an unused one."
        ),
    )
    zones: Literal["one", "all"] | None = Field(
        default=None,
        description=(
            "Zones in which each endpoint has an address; each costs by the hour. Absent: all in production, so that a "
            "zone may fail, else the first one of `zones`."
        ),
    )

    def check(self) -> Iterator[Fault]:
        """A service named twice, or one that has a gateway endpoint."""
        if isinstance(self.interface, str):
            return
        for index, service in enumerate(self.interface):
            if service in plan.GATEWAY_SERVICES:
                problem = "has a gateway endpoint, which costs nothing and is always there"
                yield self.fault(f"interface[{index}]", problem, "Remove it.", service)
            elif service in self.interface[:index]:
                yield self.fault(f"interface[{index}]", "is named twice", "Remove one of them.", service)


class FlowLogsSpec(Spec):
    """Every connection of the network, accepted or refused, written to CloudWatch Logs."""

    kind: Literal["cloudwatch"] = Field(default="cloudwatch", description="Written to CloudWatch Logs, encrypted.")
    retention_days: LogDays = Field(
        default=30, description="Days that they are kept. A month: long enough to look into an incident, still cheap."
    )


class NoFlowLogsSpec(Spec):
    """No record of the network's connections; auditors will ask why."""

    kind: Literal["off"] = Field(description="No flow logs at all.")


class VpcSpec(Spec):
    """A VPC that the platform makes: private by default, without a way to or from the internet."""

    kind: Literal["vpc"] = Field(default="vpc", description="The platform makes a VPC of its own.")
    cidr: Annotated[str, REPLACES] = Field(
        description="The VPC's addresses, /16 to /22, out of 10/8, 172.16/12, 192.168/16 or 100.64/10: 10.20.0.0/16."
    )
    zones: tuple[Zone, ...] = Field(
        min_length=1,
        max_length=6,
        description="Availability zones by full name: [eu-west-1a, eu-west-1b]. At least two in production.",
    )
    subnets: Annotated[dict[Tier, dict[Zone, str]] | None, REPLACES] = Field(
        default=None,
        description=(
            "Addresses by tier (private, isolated, public) and zone. Absent: planned by the zone's letter, so that a "
            "zone can come or go without moving another."
        ),
    )
    public: bool = Field(
        default=False,
        description="Whether there are public subnets without NAT too. Off: nothing here needs to be reached.",
    )
    nat: Literal["none", "one", "per-zone"] = Field(
        default="none",
        description=(
            "NAT gateways: none, one (in the first zone), or one per zone. None: private, and they cost about $33 a "
            "month each; what the work needs of AWS is reached through endpoints."
        ),
    )
    endpoints: EndpointsSpec = Field(default_factory=EndpointsSpec, description="Private ways to AWS services.")
    flow_logs: Annotated[FlowLogsSpec | NoFlowLogsSpec, Field(discriminator="kind")] = Field(
        default_factory=FlowLogsSpec,
        description="The record of connections (kind: cloudwatch), or none (kind: off). On: an incident needs it.",
    )

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that the VPC has: the public one only where something public is needed."""
        if self.subnets is not None:
            return tuple(tier for tier in TIERS if tier in self.subnets)
        return TIERS if self.public or self.nat != "none" else ("private", "isolated")

    @property
    def private_zones(self) -> list[str]:
        """Where the work runs."""
        return list(self.subnets.get("private", ())) if self.subnets is not None else list(self.zones)

    def plan(self) -> dict[Tier, dict[str, str]]:
        """The CIDR of every subnet, by tier and zone; zones in their order by name."""
        given = self.subnets
        if given is not None:
            return {tier: dict(sorted(given[tier].items())) for tier in self.tiers}
        network = ipaddress.IPv4Network(self.cidr)
        return {tier: {zone: plan.automatic(network, tier, zone) for zone in sorted(self.zones)} for tier in self.tiers}

    def check(self) -> Iterator[Fault]:
        """Addresses, zones, and a plan of subnets that fits."""
        wrong = plan.vpc_problem(self.cidr)
        if wrong is not None:
            yield self.fault("cidr", *wrong, self.cidr)
        for index, zone in enumerate(self.zones):
            if zone in self.zones[:index]:
                yield self.fault(f"zones[{index}]", "is named twice", "Remove one of them.", zone)
            elif zone[:-1] != self.zones[0][:-1]:
                problem = f"lies in another region than zones[0] ({self.zones[0]})"
                yield self.fault(f"zones[{index}]", problem, "Name zones of one region.", zone)
            if self.subnets is None and zone[-1] not in plan.LETTERS:
                remedy = 'Give its subnets under "subnets".'
                yield self.fault(f"zones[{index}]", f"has no slot in the plan, which has {plan.LETTERS}", remedy, zone)
        if self.subnets is not None:
            yield from self._check_subnets(self.subnets, sound=wrong is None)

    def zones_outside(self, region: str) -> Iterator[Fault]:
        """The zones that lie in another region."""
        for index, zone in enumerate(self.zones):
            if zone[:-1] != region:
                problem = f"is a zone outside the region {region}"
                yield self.fault(f"zones[{index}]", problem, f"Use one such as {region}a.", zone)

    def too_few_for_production(self) -> Iterator[Fault]:
        """Production survives the loss of a zone, so it needs two."""
        if len(set(self.zones)) < 2:
            yield self.fault("zones", "are fewer than production needs", "Name at least two zones.", list(self.zones))

    def _check_subnets(self, given: dict[Tier, dict[str, str]], *, sound: bool) -> Iterator[Fault]:
        needed: list[tuple[Tier, str]] = [("private", "is where the work runs")]
        if self.nat != "none":
            needed.append(("public", f"is where NAT gateways live, and nat is {self.nat}"))
        elif self.public:
            needed.append(("public", "is asked for by public: true"))
        for tier, reason in needed:
            if tier not in given:
                yield self.fault("subnets", f"lack the tier {tier}, which {reason}", f'Add "{tier}".', list(given))
        for tier, by_zone in given.items():
            for zone in self.zones:
                if zone not in by_zone:
                    yield self.fault(f"subnets.{tier}", f"has no subnet in the zone {zone}", f'Add "{zone}".')
            for zone in by_zone:
                if zone not in self.zones:
                    remedy = 'Add it to "zones", or remove the subnet.'
                    yield self.fault(f"subnets.{tier}.{zone}", "is a subnet in a zone that zones don't name", remedy)
        whole = ipaddress.IPv4Network(self.cidr) if sound else None
        named = {f"subnets.{tier}.{zone}": cidr for tier, by_zone in given.items() for zone, cidr in by_zone.items()}
        for path, problem, remedy, value in plan.subnet_problems(named, whole):
            yield self.fault(path, problem, remedy, value)


class ExistingNetworkSpec(Spec):
    """A VPC that somebody else made and routes; its subnets and endpoints stay theirs."""

    kind: Literal["existing"] = Field(default="existing", description="A VPC that exists already.")
    vpc_id: Annotated[VpcId, REPLACES] = Field(description="The VPC's id.")
    subnets: dict[Tier, dict[Zone, SubnetId]] = Field(
        description="Subnet ids by tier (private, isolated, public) and zone; private ones there must be."
    )
    security_groups: dict[Intent, SecurityGroupId] = Field(
        default_factory=dict,
        description="Groups by intent (workload, training, endpoints). Those that are absent are made in the VPC.",
    )

    @property
    def private_zones(self) -> list[str]:
        """Where the work runs."""
        return list(self.subnets.get("private", ()))

    def check(self) -> Iterator[Fault]:
        """Private subnets must be there, and none may be named twice."""
        if not self.subnets.get("private"):
            yield self.fault("subnets", "lack private ones, where the work runs", 'Add "private".', list(self.subnets))
        seen: dict[str, str] = {}
        for tier, by_zone in self.subnets.items():
            for zone, identity in by_zone.items():
                here = f"subnets.{tier}.{zone}"
                if identity in seen:
                    yield self.fault(here, f"is the same subnet as {seen[identity]}", "Name another.", identity)
                seen.setdefault(identity, here)

    def zones_outside(self, region: str) -> Iterator[Fault]:
        """The subnets whose zones lie in another region."""
        for tier, by_zone in self.subnets.items():
            for zone in by_zone:
                if zone[:-1] != region:
                    problem = f"is in a zone outside the region {region}"
                    yield self.fault(f"subnets.{tier}.{zone}", problem, f"Use one such as {region}a.")


NetworkSpec = Annotated[VpcSpec | ExistingNetworkSpec, Field(discriminator="kind")]
"""A VPC of ours, or one that exists; told apart by `kind`."""
