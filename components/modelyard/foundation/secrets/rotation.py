"""What a file says about the rotation of a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import RoleArn, Spec

FunctionArn = Annotated[
    str,
    StringConstraints(
        pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$"
    ),
]
StateMachineArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]+$")
]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]+$", max_length=128)]
Folder = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$", max_length=512)
]
"""A folder below the one of the file that names it."""


class _Rotation(Spec):
    every_days: int = Field(
        default=30,
        ge=1,
        le=1000,
        description="Days between rotations, 1 to 1000 (the service's limits). A month: what auditors expect.",
    )
    every_hours: int | None = Field(
        default=None,
        ge=4,
        le=23,
        description="Hours between rotations, in place of days; the service takes 4 or more. Absent: days count.",
    )

    def check(self) -> Iterator[Fault]:
        """Days or hours, not both."""
        if self.every_hours is not None and "every_days" in self.model_fields_set:
            yield self.fault("every_hours", "excludes every_days", "Take one of the two away.", self.every_hours)

    @property
    def rate(self) -> str:
        """The schedule as a rate expression, as Secrets Manager and EventBridge write it."""
        count, unit = (self.every_days, "day") if self.every_hours is None else (self.every_hours, "hour")
        return f"rate({count} {unit}{'' if count == 1 else 's'})"


class _FunctionRotates(_Rotation):
    rotate_immediately: bool = Field(
        default=True,
        description=(
            "Whether the first rotation comes at creation, so that the value that the deployment put in is worthless "
            "a moment later. Off: Secrets Manager only tests the function, and rotates at the next turn."
        ),
    )


class FunctionRotation(_FunctionRotates):
    """Rotation by a Lambda function that exists. Its owner lets `secretsmanager.amazonaws.com` invoke it."""

    kind: Literal["function"] = Field(description="A function that exists.")
    arn: FunctionArn = Field(description="The function, in the account and region of the secret.")
    role: RoleArn = Field(
        description="The role that the function runs as; it gets what rotating this secret takes, and nothing else."
    )


class CodeRotation(_FunctionRotates):
    """Rotation by a Lambda function made from code in the project."""

    kind: Literal["code"] = Field(description="A function made from a folder of this project.")
    folder: Folder = Field(
        description="The folder with the code, text without dependencies, beside the file that says so."
    )
    handler: str = Field(
        default="main.handler",
        pattern=r"^[A-Za-z0-9_./-]+\.[A-Za-z0-9_]+$",
        max_length=128,
        description="Module and function that Lambda calls with SecretId, ClientRequestToken and Step.",
    )
    runtime: Literal["python3.11", "python3.12", "python3.13", "nodejs20.x", "nodejs22.x"] = Field(
        default="python3.13", description="What runs the code. The newest Python: supported longest."
    )
    timeout_seconds: int = Field(
        default=60, ge=1, le=900, description="Seconds for each of the four steps; Lambda takes 1 to 900."
    )
    memory_mib: int = Field(
        default=256, ge=128, le=10_240, description="MiB of the function; Lambda takes 128 to 10240."
    )
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827] = Field(
        default=90, description="Days that the function's logs stay: a quarter to look back."
    )
    variables: dict[VariableName, str] = Field(
        default_factory=dict,
        max_length=50,
        description="Environment variables of the function, such as a database's host. Nothing secret.",
    )
    inside_network: bool = Field(
        default=False,
        description="Whether the function runs in the private subnets, for what only the network reaches, such as a "
        "database. Off: in Lambda's own network, which needs no way out.",
    )


class RenewalRotation(_FunctionRotates):
    """Rotation by a function of Modelyard's, which generates the value anew as the secret's own fields say.

    For what both sides read from here whenever they use it: nobody else is told of the new value.
    """

    handler: ClassVar[str] = "main.handler"
    runtime: ClassVar[str] = "python3.13"
    timeout_seconds: ClassVar[int] = 60
    memory_mib: ClassVar[int] = 128
    log_days: ClassVar[int] = 90
    variables: ClassVar[Mapping[str, str]] = {}
    inside_network: ClassVar[bool] = False

    kind: Literal["renewal"] = Field(description="A function of Modelyard's generates it anew.")


class StateMachineRotation(_Rotation):
    """Rotation by a Step Functions state machine that a schedule starts, for what takes longer than a function may.

    An execution gets `{"SecretId": "<ARN>"}`. Secrets Manager knows nothing of this rotation.
    """

    kind: Literal["state_machine"] = Field(description="A state machine that a schedule starts.")
    arn: StateMachineArn = Field(description="The state machine, in the account and region of the secret.")
    role: RoleArn = Field(
        description="The role that it runs as; it gets what rotating this secret takes, and nothing else."
    )


RotationSpec = Annotated[
    FunctionRotation | CodeRotation | RenewalRotation | StateMachineRotation, Field(discriminator="kind")
]
"""How a secret is rotated."""
