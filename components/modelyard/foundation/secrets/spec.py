"""What a file says about secrets: never a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.retention import Classification, Retention
from modelyard.core.spec import Name, RoleArn, Spec
from modelyard.foundation.secrets.rotation import FunctionRotation, RotationSpec, StateMachineRotation

SecretArn = Annotated[
    str,
    StringConstraints(
        pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+-[A-Za-z0-9]{6}$"
    ),
]
"""The whole ARN of a secret, with the six characters at its end."""

KeyArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-)?[a-f0-9-]{32,36}$")
]
RegionName = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", max_length=32)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
ManagedPrefix = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*![A-Za-z0-9/_+=.@-]{3,}$", max_length=512)]

SECRETS_DOMAIN: Final = "secrets"
"""The domain of keys that encrypts secrets, where the owner has one; else the default key does."""


class ReplicaSpec(Spec):
    """A copy of a secret in another region."""

    key_arn: KeyArn = Field(
        description="The key there that encrypts the copy; one of the region itself, since keys don't leave theirs."
    )


class _Kept(Spec):
    """What every secret of our own has."""

    description: str = Field(default="", max_length=2048, description="What it opens, for those who find it.")
    version: int = Field(
        default=1,
        ge=1,
        le=2**31 - 1,
        description="Raise it to have the value written anew; nothing else does, since no state holds the value.",
    )
    classification: Classification = Field(
        default=Classification.CONFIDENTIAL,
        description="How sensitive it is: public, internal, confidential or restricted. A secret is one.",
    )
    replicas: dict[RegionName, ReplicaSpec] = Field(
        default_factory=dict, description="Copies by region, for what must start elsewhere. Absent: none."
    )
    rotation: RotationSpec | None = Field(
        default=None, description="How it is rotated. Absent: it isn't, and the policy checks say so."
    )

    def check(self) -> Iterator[Fault]:
        """A replica is encrypted by a key of its own region."""
        for region, replica in self.replicas.items():
            if f":kms:{region}:" not in replica.key_arn:
                yield self.fault(
                    f"replicas.{region}.key_arn", f"is no key of {region}", "Name a key there.", replica.key_arn
                )


class GeneratedSecret(_Kept):
    """A secret whose value AWS makes: nobody types it, and nobody has to."""

    kind: Literal["generated"] = Field(description="Made by Secrets Manager.")
    length: int = Field(
        default=32,
        ge=16,
        le=4096,
        description="Characters of the value. 32: beyond guessing, and every service takes it.",
    )
    punctuation: bool = Field(default=True, description="Whether it has punctuation marks.")
    exclude: str = Field(
        default="/@\"'\\`$",
        max_length=4096,
        description="Characters that it must not have. Those that break connection strings and shells.",
    )
    beside: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(
        default_factory=dict,
        description=(
            "What stands beside it, such as `username` or `host`; nothing secret. The value is then a JSON object with "
            "the generated part under `password`, as rotation functions expect it. Absent: the value is the bare text."
        ),
    )

    def check(self) -> Iterator[Fault]:
        """The generated part has its own place in the object."""
        yield from super().check()
        if "password" in self.beside:
            yield self.fault("beside.password", "is where the generated value goes", "Take it out.")


class EnvironmentSecret(_Kept):
    """A secret whose value comes from an environment variable of whoever deploys, such as a vendor's API key."""

    kind: Literal["environment"] = Field(description="Taken from the environment at deployment.")
    variable: Variable = Field(description="The variable that holds the value when the stack is deployed.")


class ManagedSecret(Spec):
    """A secret that another service makes and rotates, such as the master password of a database in RDS."""

    kind: Literal["managed"] = Field(description="Made and rotated by another service.")
    arn: SecretArn | None = Field(default=None, description="Its ARN. Absent: it is found by `prefix`.")
    prefix: ManagedPrefix | None = Field(
        default=None,
        description=(
            "The beginning of its name, such as `rds!cluster-7c…`: the service's name, `!`, and enough to find exactly "
            "one secret at deployment. Absent: `arn` names it."
        ),
    )
    key_arn: KeyArn | None = Field(
        default=None, description="The key that encrypts it. Absent: the account's own `aws/secretsmanager`."
    )

    def check(self) -> Iterator[Fault]:
        """Exactly one way to find it."""
        if (self.arn is None) == (self.prefix is None):
            yield self.fault("arn", "goes without prefix, and one of the two is needed", "Give one of them.", self.arn)


class ReferenceSecret(Spec):
    """A secret that somebody else made and looks after, in this account or another."""

    kind: Literal["reference"] = Field(description="Somebody else's, by ARN.")
    arn: SecretArn = Field(
        description="Its whole ARN. In another account its policy and its key's policy must let the readers in."
    )
    key_arn: KeyArn | None = Field(
        default=None,
        description="Its key. Absent: `aws/secretsmanager` of its account, which no other account can use.",
    )


OwnSecret = GeneratedSecret | EnvironmentSecret
SecretSpec = Annotated[
    GeneratedSecret | EnvironmentSecret | ManagedSecret | ReferenceSecret, Field(discriminator="kind")
]
"""One secret: who makes its value, and who looks after it."""


class SecretsSpec(Spec):
    """The secrets of one owner, by name; the file holds where values come from, and never a value."""

    entries: dict[Name, SecretSpec] = Field(default_factory=dict, description="The secrets by name.")
    deployers: tuple[RoleArn, ...] = Field(
        default=(),
        max_length=10,
        description=(
            "Roles outside the owner's path that deploy this stack, and so write values. Absent: the owner's own "
            "deployment role alone, which lies below its path."
        ),
    )
    in_cluster: tuple[Name, ...] = Field(
        default=(),
        description="Those that come into the team's namespace of the platform's cluster, as files that its pods "
        "mount. Absent: none; a copy in a cluster is one more place to read it from.",
    )
    retention: Retention | None = Field(
        default=None,
        description="What a destroy does: keep (refused, and 30 days to take it back), snapshot (30 days) or ephemeral "
        "(gone at once). Absent: chosen from classification and environment.",
    )

    def check(self) -> Iterator[Fault]:
        """Only what is there comes into a cluster."""
        for index, name in enumerate(self.in_cluster):
            if name not in self.entries:
                problem = f"is no secret here; there are: {', '.join(self.entries) or 'none'}"
                yield self.fault(f"in_cluster[{index}]", problem, "Name one of them.", name)

    def faults_in(self, account: str, region: str) -> Iterator[Fault]:
        """What only shows beside the place where the secrets live: what should be there and isn't, or the reverse."""
        for index, name in enumerate(self.in_cluster):
            arn = getattr(self.entries.get(name), "arn", None)
            if arn is not None and f":{region}:" not in arn:
                problem = "lies in another region, and a cluster's secrets come from its own"
                yield self.fault(f"in_cluster[{index}]", problem, "Take it out, or name its replica here.", name)
        for name, secret in self.entries.items():
            if isinstance(secret, GeneratedSecret | EnvironmentSecret) and region in secret.replicas:
                path = f"entries.{name}.replicas.{region}"
                yield self.fault(path, "is the region of the secret itself", "Take it out.", region)
            rotation = secret.rotation if isinstance(secret, GeneratedSecret | EnvironmentSecret) else None
            if isinstance(rotation, FunctionRotation | StateMachineRotation):
                for part, here in (("arn", f":{region}:{account}:"), ("role", f"::{account}:")):
                    if here not in getattr(rotation, part):
                        path = f"entries.{name}.rotation.{part}"
                        problem = "lies in another account or region than the secret"
                        yield self.fault(path, problem, "Name one beside the secret.", getattr(rotation, part))
            if isinstance(secret, ReferenceSecret) and f":{account}:" not in secret.arn and secret.key_arn is None:
                problem = "is of another account, and encrypted by a key that no other account can use"
                yield self.fault(
                    f"entries.{name}.arn",
                    problem,
                    "Give it a customer-managed key, and name that in key_arn.",
                    secret.arn,
                )
