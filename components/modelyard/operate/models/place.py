"""Where a team's models are registered: groups, bucket and keys, from the project's files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from modelyard.blueprints.platform import platform_context
from modelyard.build.registry import ModelSpec, RegistrySpec
from modelyard.core.context import Context
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import Place, deploy_it

COMPONENT: Final = "registry"
"""What a team's stack calls its registry."""
_REFUSED: Final = ("AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation")
_GONE: Final = ("NoSuchKey", "NoSuchVersion", "404")


class Client(Protocol):
    """Gives the boto3 client of a service, in a region or where the caller is at home."""

    def __call__(self, service: str, region: str = "") -> Any:
        """The client."""
        ...


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry of one team in one environment; `client` asks it.

    `signing_key`: what names the key that signs to KMS. Absent: the alias of the key that the platform makes.
    """

    context: Context
    spec: RegistrySpec
    client: Client
    signing_key: str = ""

    @property
    def team(self) -> str:
        """The team that it belongs to."""
        return self.context.owner

    @property
    def bucket(self) -> str:
        """The bucket of artifacts, results, decisions and records."""
        return self.context.names.of("s3-bucket", COMPONENT)

    @property
    def promotion(self) -> str:
        """The ARN of the state machine that alone approves."""
        name = self.context.names.of("state-machine", COMPONENT, "promotion")
        return self.context.arn("states", f"stateMachine:{name}")

    @property
    def signing_alias(self) -> str:
        """What KMS is asked by for the public key: never what a record says of itself."""
        # The platform calls the component that makes the keys after the team.
        alias = self.context.names.of("kms-alias", f"{self.team}-release-keys", "signing")
        return self.signing_key or self.context.arn("kms", alias)

    def model(self, name: str) -> Model:
        """The model called `name`. Raises `InputError` for one that the team's file doesn't declare."""
        if name not in self.spec.models:
            known = ", ".join(self.spec.models) or "none"
            problem = f"is no model of {self.team}; there are: {known}"
            raise InputError(Fault(problem, "Name one, or declare it.", self.spec.source("models"), name))
        return Model(self, name, self.spec.models[name])

    @property
    def models(self) -> list[Model]:
        """All models, by name."""
        return [self.model(name) for name in sorted(self.spec.models)]

    def seen_from(self, other: Registry) -> Registry:
        """This registry, asked by who is at home in the other's account: what it sees, `pulled_by` has let in."""

        def client(service: str, region: str = "") -> Any:
            return other.client(service, region or self.context.region)

        return replace(self, client=client)

    def public_key(self) -> bytes:
        """The public key of releases, in DER, as KMS gives it."""
        with asking(f"the key {self.signing_alias}", of=self.context):
            return self.client("kms").get_public_key(KeyId=self.signing_alias)["PublicKey"]

    def read(self, key: str) -> str | None:
        """The text of an object of the bucket; None where there is none."""
        return read(self.client("s3"), self.bucket, key, of=self.context)


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a registry: a group of versions."""

    registry: Registry
    name: str
    spec: ModelSpec

    @property
    def group(self) -> str:
        """The name of its package group."""
        return self.registry.context.names.of("sagemaker", COMPONENT, self.name)

    def package(self, version: int) -> str:
        """The ARN of a version."""
        return self.registry.context.arn("sagemaker", f"model-package/{self.group}/{version}")

    def describe(self, version: int) -> dict[str, Any]:
        """What SageMaker tells of a version. Raises `InputError` for one that there isn't."""
        with asking(f"{self.name} {version}"):
            sagemaker = self.registry.client("sagemaker")
            try:
                return sagemaker.describe_model_package(ModelPackageName=self.package(version))
            except sagemaker.exceptions.ClientError as error:
                if "does not exist" not in str(error) and "not found" not in str(error).lower():
                    raise
        source = Source("VERSION")
        remedy = f"See what there is: yard model list {self.name}"
        raise InputError(Fault(f"{self.name} of {self.registry.team} has no such version", remedy, source, version))


_SIGN_IN: Final = "Sign in as a persona that has it: `models` in the team's file says who submits, approves and reads."


@contextmanager
def asking(thing: str, sign_in: str = _SIGN_IN, *, of: Context | None = None) -> Iterator[None]:
    """What AWS refuses becomes an error of ours: no permission (then `sign_in` is the remedy), not deployed (`of` says
    whose `thing` is), no connection."""
    from botocore.exceptions import BotoCoreError, ClientError

    source = Source(thing)
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code in _REFUSED:
            raise InputError(Fault(f"{error.operation_name} is refused", sign_in, source)) from None
        if code in ("NoSuchBucket", "StateMachineDoesNotExist", "NotFoundException"):
            raise InputError(Fault("isn't deployed", deploy_it(of), source)) from None
        raise EnvironmentFault(Fault(str(error), "Try again.", source)) from None
    except BotoCoreError as error:
        raise EnvironmentFault(Fault(str(error), "Check the connection and the credentials.", source)) from None


def code_of(error: Any) -> str:
    """The code that AWS gives a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


def read(s3: Any, bucket: str, key: str, *, of: Context) -> str | None:
    """The text of an object; None where there is none. `of` says whose the bucket is."""
    from botocore.exceptions import ClientError

    with asking(f"s3://{bucket}/{key}", of=of):
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            raise


def registries_of(where: Place, teams: Sequence[str] | None = None) -> list[Registry]:
    """The registries of `teams`, absent of all teams of the environment; a team without models has none."""
    platform = platform_context(where.project.platform(where.environment), where.environment)
    found: list[Registry] = []
    for team in teams if teams is not None else [name for name in where.names if name != "platform"]:
        spec = where.project.team(team, where.environment)
        if spec.registry is not None:
            cloud = Cloud(where, account=spec.account or "")
            found.append(Registry(platform.for_team(team, account=spec.account), spec.registry, cloud.client))
    return found


def model_of(where: Place, name: str, team: str | None = None) -> Model:
    """The model called `name`, of `team` or of the one team that has it.

    Raises `InputError` where no team has it, and where several do.
    """
    registries = registries_of(where, [team] if team else None)
    if team and registries:
        return registries[0].model(name)
    having = [registry for registry in registries if name in registry.spec.models]
    source = Source("NAME")
    if not having:
        known = sorted({model for registry in registries for model in registry.spec.models})
        said = f"no team of {where.environment} has such a model; there are: {', '.join(known) or 'none'}"
        raise InputError(Fault(said, "Name one, or declare it under registry.models.", source, name))
    if len(having) > 1:
        teams = ", ".join(registry.team for registry in having)
        raise InputError(Fault(f"several teams have one: {teams}", "Say whose it is: --team", source, name))
    return having[0].model(name)
