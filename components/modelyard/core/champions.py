"""Who serves behind an endpoint under `release: loop`, and in which shape: two records that two sides share.

The loop alone writes the champion; the endpoint's stack alone writes the shape. Both are JSON in parameters of Systems
Manager below the team's path. Value types only, without a cloud SDK: functions write them as plain JSON.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from modelyard.core.distributions import Value
from modelyard.core.names import Names

FORMAT: Final = 1
CHAMPIONS: Final = "champions"
SHAPES: Final = "shapes"
MOST_BYTES: Final = 8_192
"""Bytes of a value in the advanced tier (systems-manager/latest/userguide/parameter-store-advanced-parameters)."""


def champion_parameter(names: Names, endpoint: str) -> str:
    """The parameter with the champion of an endpoint, by the endpoint's component name."""
    return f"{names.path}{CHAMPIONS}/{endpoint}"


def shape_parameter(names: Names, endpoint: str) -> str:
    """The parameter with the shape of an endpoint, by the endpoint's component name."""
    return f"{names.path}{SHAPES}/{endpoint}"


def promoted_prefix(names: Names, endpoint: str) -> str:
    """What the names of the models and configurations begin with that the loop makes for an endpoint."""
    return names.of("promoted-model", endpoint, content="promoted")


class Champion(Value):
    """The version that serves, what the loop made for it, and what served before.

    Before there is an endpoint, the loop has made nothing: `configuration` and `models` are empty, and `up` deploys
    the version. The same holds of `previous_configuration` where the endpoint's stack made what served before.
    """

    format: Literal[1] = FORMAT
    endpoint: str
    """The endpoint's component name."""
    model: str
    """The model's name in the registry."""
    version: int = Field(ge=1)
    package: str
    """The ARN of the model package."""
    configuration: str = ""
    models: tuple[str, ...] = ()
    previous_version: int | None = None
    previous_configuration: str = ""
    previous_models: tuple[str, ...] = ()
    baselines: dict[str, str] = Field(default_factory=dict)
    """S3 URIs by monitor. Empty: the version brought none."""
    run: str
    """The ARN of the loop's execution."""
    released_at: AwareDatetime
    why: str


class Shape(Value):
    """All that makes a configuration of an endpoint but the version: requests of SageMaker's API, less what names it.

    `models` has for each part (a variant, or the shadow) the request of CreateModel without `ModelName`; its first
    container gets `ModelPackageName`. `configuration` is the request of CreateEndpointConfig without
    `EndpointConfigName`, and in it each `ModelName` is a part's name.
    """

    format: Literal[1] = FORMAT
    hash: str
    """Changes where, and only where, the shape does."""
    base_version: int = Field(ge=1)
    """The version with which the stack deployed this shape."""
    endpoint: str
    """The physical name."""
    prefix: str
    """What the names of the loop's models and configurations begin with: `promoted_prefix`."""
    role: str
    """The ARN of the role that the containers run as."""
    packages: str
    """What the ARNs of the model's versions are, less the slash and the number."""
    models: dict[str, dict[str, Any]]
    versions: dict[str, int] = Field(default_factory=dict)
    """Versions of the parts that have one of their own, such as the shadow. A part that isn't here: the champion's."""
    configuration: dict[str, Any]
    deployment: dict[str, Any] | None = None
    """`DeploymentConfig` of UpdateEndpoint, alarms included. Absent: the kind takes none (serverless)."""
    not_retained: tuple[str, ...] = ()
    """Properties of variants that an update doesn't keep, as `ExcludeRetainedVariantProperties` names them."""
    alarms: tuple[str, ...] = ()
    """The alarms that take a rollout back, by name: the same as in `deployment`."""
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """The parameter's value."""
        return self.model_dump_json(exclude_none=True)
