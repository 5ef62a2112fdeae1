"""What the platform's stack promises the teams' stacks: one versioned output, `contract`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelyard.core.errors import ContractError, Fault, Source

VERSION: Final = 1
"""Grows when a field changes its meaning or goes away; a new optional field leaves it as it is."""
OUTPUT: Final = "contract"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class NetworkContract(_Part):
    """Where the teams' work runs: subnet ids by tier and zone, security group ids by intent."""

    vpc_id: str
    cidr: str
    subnets: dict[str, dict[str, str]]
    security_groups: dict[str, str]


class TeamContract(_Part):
    """The fence of one team: ARNs of its boundary, its deployment role, and its keys by domain."""

    boundary_arn: str
    deployment_role_arn: str
    keys: dict[str, str]


class PlatformContract(_Part):
    """Everything that a team's stack needs of the platform's, for one environment."""

    version: int = VERSION
    organization: str
    platform: str
    environment: str
    account: str
    region: str
    production: bool
    sandbox: bool = False
    network: NetworkContract
    teams: dict[str, TeamContract] = Field(default_factory=dict)

    def team(self, name: str) -> TeamContract:
        """The fence of team `name`. Raises `ContractError` where the platform doesn't know the team yet."""
        if name not in self.teams:
            raise ContractError(
                Fault(
                    f"the platform stack knows no such team; known: {', '.join(sorted(self.teams)) or 'none'}",
                    f"Update the platform stack first: yard up platform --env {self.environment}",
                    Source(f"stack {self.environment} of modelyard-platform"),
                    name,
                )
            )
        return self.teams[name]


def read_contract(value: object, environment: str) -> PlatformContract:
    """The contract that the platform's stack of `environment` exports.

    Raises `ContractError` where the stack exports none, or one of another version.
    """
    source = Source(f"stack {environment} of modelyard-platform", OUTPUT)
    update = f"Update the platform stack first: yard up platform --env {environment}"
    if not isinstance(value, Mapping):
        raise ContractError(Fault("the platform stack is missing, or not deployed", update, source))
    found = cast(Mapping[str, Any], value)
    version = found.get("version")
    if version != VERSION:
        newer = isinstance(version, int | float) and version > VERSION
        remedy = "Upgrade modelyard for this team's stack." if newer else update
        raise ContractError(
            Fault(f"this modelyard reads version {VERSION}", remedy, source.at("contract.version"), version)
        )
    try:
        return PlatformContract.model_validate(found)
    except ValidationError as error:
        faults = [
            Fault(detail["msg"], update, source.at(".".join((OUTPUT, *map(str, detail["loc"])))))
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise ContractError(*faults) from None
