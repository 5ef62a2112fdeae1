"""What the platform's stack promises the teams' stacks: one versioned output, `contract`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelyard.core.errors import ContractError, Fault, Source

VERSION: Final = 1
"""Grows when a field changes its meaning or goes away; a new optional field leaves it as it is."""
OUTPUT: Final = "contract"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class NetworkContract(_Part):
    """Where the teams' work runs: subnet ids by tier and zone, security group ids by intent."""

    vpc_id: str
    cidr: str
    subnets: dict[str, dict[str, str]]
    security_groups: dict[str, str]


class ReleaseKeysContract(_Part):
    """ARNs of the key that signs a team's releases, and of the key of artifacts that other accounts pull."""

    signing: str
    artifacts: str | None = None
    pulled_by: tuple[str, ...] = ()


class WorkbenchContract(_Part):
    """A team's workbench: its domain, the role that work there runs as, and the profile of each person."""

    domain_id: str
    role_arn: str
    profiles: dict[str, str]


class TeamContract(_Part):
    """The fence of one team: ARNs of its boundary, its deployment role, and its keys by domain."""

    boundary_arn: str
    deployment_role_arn: str
    keys: dict[str, str]
    account: str | None = None
    """The account that is the team's alone. Absent: the platform's."""
    releases: ReleaseKeysContract | None = None
    """Absent: the team releases no models."""
    workbench: WorkbenchContract | None = None
    """Absent: the platform makes none for the team."""
    namespace: str | None = None
    """The team's namespace in the platform's cluster. Absent: it has none there."""
    dataset_claims: dict[str, str] = Field(default_factory=dict)
    """Claims in that namespace by which datasets are files, by dataset."""
    ways: tuple[str, ...] = ()
    """Servers of the team for which the platform has opened ways through the fence of that namespace."""


class SignInContract(_Part):
    """How people sign in: through what kind of door, and what their role's trust must name of it."""

    kind: Literal["identity-center", "saml", "oidc", "roles"]
    provider: str = ""
    """The name of the SAML provider, or the issuer's URL of the OpenID Connect provider."""
    audience: str = ""
    roles: tuple[str, ...] = ()


class CiContract(_Part):
    """A CI system whose runs are taken for what they say they are, and below which names teams may name some."""

    issuer: str
    audience: str
    below: tuple[str, ...]


class PoolContract(_Part):
    """Machines with GPUs of a cluster: how many GPUs at most, what pods ask for, and which machines come."""

    gpus: int
    resource: str
    instance_types: tuple[str, ...] = ()
    efa: bool = False
    spot: bool = False
    topology: bool = False


class ClusterContract(_Part):
    """The platform's cluster of Kubernetes, and how it is reached."""

    kind: Literal["eks", "existing"]
    name: str
    """The cluster's name on EKS, else the context of the kubeconfig."""
    version: str
    endpoint: str = ""
    certificate: str = ""
    """Of the authority that signed the API server's, base64."""
    issuer: str = ""
    """The URL of who signs the tokens of its service accounts. Empty: nobody whom IAM knows."""
    pools: dict[str, PoolContract] = Field(default_factory=dict)
    charts: dict[str, str] = Field(default_factory=dict)
    """What is installed there, by chart: its version."""
    gateways: dict[str, str] = Field(default_factory=dict)
    """The platform's gateways there, by name: the domain of which each team has a part."""


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
    cluster: ClusterContract | None = None
    """Absent: the platform has none."""
    teams: dict[str, TeamContract] = Field(default_factory=dict)
    sign_in: SignInContract | None = None
    ci: dict[str, CiContract] = Field(default_factory=dict)
    leavers: dict[str, str] = Field(default_factory=dict)
    """Who has left, and on which day."""

    def account_of(self, team: str) -> str:
        """The account that `team` lives in: its own, or the platform's."""
        return self.team(team).account or self.account

    def network_of(self, team: str) -> NetworkContract:
        """The platform's network. Raises `ContractError` for a team in an account of its own, which can't reach it."""
        if self.account_of(team) != self.account:
            raise ContractError(
                Fault(
                    "lives in an account of its own, where the platform's subnets and security groups don't exist",
                    'Give it a network: {kind: vpc, …} of its own, or take "account" away.',
                    Source(f"team {team}", "network"),
                )
            )
        return self.network

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
