"""What a team's file says of the way in to an endpoint on Kubernetes: which gateway, who calls, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Spec

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
Host = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", max_length=253),
]
Https = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#]*)?$", max_length=253)]
RoutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]


class GatewaySpec(Spec):
    """A Gateway that the platform keeps."""

    name: ObjectName = Field(description="The Gateway's name.")
    namespace: ObjectName = Field(description="The namespace that it lies in.")
    listener: ObjectName | None = Field(
        default=None, description="The listener, by its section's name. Absent: all that take the host, HTTP as well."
    )


class JwtCallers(Spec):
    """Callers show a token that an issuer signed."""

    kind: Literal["jwt"] = Field(description="Callers show a token.")
    issuer: Https = Field(description="Who signs tokens.")
    keys: Https | None = Field(
        default=None, description="Where the issuer's keys lie (JWKS). Absent: below it at /.well-known/jwks.json."
    )
    audiences: tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...] = Field(
        min_length=1,
        max_length=8,
        description="For whom tokens must be made: without, any token of the issuer's would do.",
    )
    scopes: tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...] = Field(
        default=(),
        max_length=16,
        description="What tokens must be allowed, all of it. Absent: to whom they were given.",
    )

    @property
    def keys_at(self) -> str:
        """Where the issuer's keys lie."""
        return self.keys or f"{self.issuer.rstrip('/')}/.well-known/jwks.json"


class Anybody(Spec):
    """Whoever reaches the gateway may call."""

    kind: Literal["anybody"] = Field(description="Whoever reaches the gateway may call.")
    unsafe_because: Annotated[str, StringConstraints(min_length=10, max_length=300)] = Field(
        description="Why nobody needs to say who they are; it stands on the route."
    )


class GatewayDoorSpec(Spec):
    """A route from a gateway to the endpoint, who may use it, and how often."""

    gateway: GatewaySpec = Field(description="The Gateway.")
    host: Host = Field(description="The host that callers name.")
    paths: tuple[RoutePath, ...] = Field(
        default=("/invocations",),
        min_length=1,
        max_length=16,
        description="What callers reach, each exactly. Metrics and probes stay inside.",
    )
    callers: Annotated[JwtCallers | Anybody, Field(discriminator="kind")] = Field(
        description="Who may call: kind jwt, or anybody."
    )
    calls_per_second: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Calls a second that each proxy of the gateway lets through; further ones get 429. Fifty.",
    )
    timeout_seconds: int = Field(default=60, ge=1, le=3600, description="Seconds after which a call gets 504.")

    def check(self) -> Iterator[Fault]:
        """Paths that would show what is meant to stay inside."""
        for index, path in enumerate(self.paths):
            if path in ("/", "/metrics"):
                problem = "is no call of a model" if path == "/" else "shows figures to callers"
                yield self.fault(f"paths[{index}]", problem, "Name what callers call, such as /invocations.", path)
