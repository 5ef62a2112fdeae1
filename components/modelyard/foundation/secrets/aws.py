"""Secrets in AWS Secrets Manager."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.addresses import SecretAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import AccessError, Fault, InputError, SpecError
from modelyard.core.identity import Role
from modelyard.core.retention import Retention, retention_for
from modelyard.core.settle import at_program_end
from modelyard.core.source import is_recorded
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.secrets.code import code_of, rotation_of
from modelyard.foundation.secrets.policies import Kept, Place, may_read, only_the_owner
from modelyard.foundation.secrets.rotating import Rotating
from modelyard.foundation.secrets.spec import (
    SECRETS_DOMAIN,
    EnvironmentSecret,
    GeneratedSecret,
    ManagedSecret,
    OwnSecret,
    ReferenceSecret,
    SecretsSpec,
)

CONSUMERS: Final = "consumers"
_WINDOW_DAYS: Final = {Retention.KEEP: 30, Retention.SNAPSHOT: 30, Retention.EPHEMERAL: 0}
"""Days in which a deletion can be taken back; Secrets Manager takes 7 to 30, or 0 for none (API_DeleteSecret)."""


class Secrets(Component):
    """The secrets of one owner: made, rotated and replicated, readable by whom they were granted to.

    `keys` encrypt them, the domain `secrets` if there is one. `network`: where rotation functions run that need it.
    `folder`: what the folders of rotation code are below. Absent: the folder of the file that describes the secrets.

    Raises `SpecError` for an environment variable that isn't there, and for rotation code that can't be read.
    """

    CAPABILITY = "secrets"

    def __init__(
        self,
        name: str,
        spec: SecretsSpec,
        *,
        context: Context,
        keys: KeysLike,
        network: NetworkLike | None = None,
        folder: Path | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        values, missing = _from_environment(spec)
        code, broken = code_of(spec, folder, network=network is not None)
        faults = [*spec.all_faults(), *spec.faults_in(context.account, context.region), *missing, *broken]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._key = keys.arn(SECRETS_DOMAIN)
        self._kept: dict[str, Kept] = {}
        self._own: dict[str, aws.secretsmanager.Secret] = {}
        self._settled = False
        self._rotating = Rotating(self, self._key, network)
        for entry, secret in spec.entries.items():
            if isinstance(secret, ManagedSecret):
                self._know(entry, secret.arn or self._found(entry, secret), secret.key_arn)
            elif isinstance(secret, ReferenceSecret):
                self._know(entry, secret.arn, secret.key_arn)
            else:
                written = self._make(entry, secret, values.get(entry))
                if (rotation := rotation_of(secret)) is not None:
                    role = self._rotating.prepare(self._kept[entry], rotation, code.get(entry, {}), written)
                    self._note_reader(self._kept[entry], role, role.arn)
        self.arns: dict[str, pulumi.Output[str]] = {entry: kept.arn for entry, kept in self._kept.items()}
        at_program_end(self._settle)
        self.register_outputs({"arns": self.arns})

    def grant_read(self, grantee: Grantee, *, secrets: Sequence[str]) -> None:
        """Let `grantee` read the values of exactly these secrets, their replicas included.

        Raises `InputError` for a secret that isn't there, and `AccessError` once the program has ended.
        """
        unknown = [name for name in secrets if name not in self._kept]
        if unknown:
            has = ", ".join(self._kept) or "none"
            where = self.written.at("entries")
            raise InputError(*(Fault("is no secret here", f"There are: {has}.", where, name) for name in unknown))
        identity = identity_of(grantee)
        statements: list[Statement] = []
        addresses: list[PendingAddress] = []
        for kept in [self._kept[name] for name in secrets]:
            statements += [statement for place in kept.places for statement in may_read(place)]
            addresses.append(address(SecretAddress, name=kept.name, secret_arn=kept.arn, key_arn=kept.key_arn or ""))
            self._note_reader(kept, identity, identity.arn)
        identity.allow(self, "read", statements, addresses)

    def add_managed(self, name: str, arn: pulumi.Input[str], *, key_arn: pulumi.Input[str] | None = None) -> None:
        """Take in a secret that a service of this program makes, such as the master password of a database.

        Raises `InputError` for a name that is taken.
        """
        if name in self._kept:
            raise InputError(
                Fault("is a secret here already", "Choose another name.", self.written.at("entries"), name)
            )
        self._know(name, arn, key_arn)
        self.arns[name] = self._kept[name].arn

    def consumers(self) -> dict[str, list[pulumi.Output[str]]]:
        """Who reads each secret, by the ARNs of their roles, as granted so far; what rotates it is among them."""
        return {name: list(kept.readers) for name, kept in self._kept.items()}

    def _know(self, name: str, arn: pulumi.Input[str], key_arn: pulumi.Input[str] | None) -> None:
        region = arn.split(":")[3] if isinstance(arn, str) else self.context.region
        key = None if key_arn is None else pulumi.Output.from_input(key_arn)
        self._kept[name] = Kept(name, (Place(region, pulumi.Output.from_input(arn), key),))

    def _found(self, name: str, secret: ManagedSecret) -> str:
        """The one secret whose name begins so."""
        assert secret.prefix is not None
        found = aws.secretsmanager.get_secrets(
            filters=[{"name": "name", "values": [secret.prefix]}], opts=pulumi.InvokeOptions(parent=self)
        )
        arns = [arn for arn, known in zip(found.arns, found.names, strict=True) if known.startswith(secret.prefix)]
        if len(arns) != 1:
            problem = "begins no secret's name" if not arns else f"begins the names of {len(arns)} secrets"
            remedy = "Deploy what makes it first." if not arns else "Lengthen it, or give the ARN."
            raise InputError(self.spec.fault(f"entries.{name}.prefix", problem, remedy, secret.prefix))
        return arns[0]

    def _make(self, name: str, spec: OwnSecret, value: pulumi.Output[str] | None) -> pulumi.Resource:
        retention = retention_for(spec.classification, production=self.context.production, declared=self.spec.retention)
        secret = aws.secretsmanager.Secret(
            self.written_at(name, spec.source()),
            name=self.physical("secret", name),
            description=spec.description or f"{self.context.owner}: {name}",
            kms_key_id=self._key,
            recovery_window_in_days=_WINDOW_DAYS[retention],
            replicas=[
                {"region": region, "kms_key_id": replica.key_arn} for region, replica in sorted(spec.replicas.items())
            ],
            opts=self.options(protect=retention.protect),
        )
        self._own[name] = secret
        here = Place(self.context.region, secret.arn, self._key)
        self._kept[name] = Kept(name, (here, *(_replica(here, at, spec.replicas[at].key_arn) for at in spec.replicas)))
        return aws.secretsmanager.SecretVersion(
            self.written_at(f"{name}-value", spec.source()),
            secret_id=secret.arn,
            secret_string_wo=self._generated(spec) if isinstance(spec, GeneratedSecret) else value,
            secret_string_wo_version=spec.version,
            opts=self.options(),
        )

    def _generated(self, spec: GeneratedSecret) -> pulumi.Output[str]:
        """A password of the service's making, alone or in its object; another one at every run, sent or not."""
        made = aws.secretsmanager.get_random_password_output(
            password_length=spec.length,
            exclude_punctuation=not spec.punctuation,
            exclude_characters=spec.exclude,
            require_each_included_type=True,
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        password = pulumi.Output.secret(made.random_password)
        if not spec.beside:
            return password
        return password.apply(lambda text: json.dumps({**spec.beside, "password": text}))

    def _note_reader(self, kept: Kept, identity: object, arn: pulumi.Output[str]) -> None:
        if self._settled:
            problem = f"{self.component} grants {kept.name} after the policies were written"
            raise AccessError(Fault(problem, "Grant in the program itself, never inside apply().", self.written))
        if any(known is arn for known in kept.readers):
            return
        kept.readers.append(arn)
        below = isinstance(identity, Role) and identity.context.names.path == self.context.names.path
        if not below:
            kept.strangers.append(arn)

    def _settle(self) -> None:
        self._settled = True
        for name, secret in self._own.items():
            strangers = [*self.spec.deployers, *self._kept[name].strangers]
            aws.secretsmanager.SecretPolicy(
                self.named(f"{name}-policy"),
                secret_arn=secret.arn,
                policy=access.policy_json(only_the_owner(self.context, strangers)),
                block_public_policy=True,
                opts=self.options(),
            )
        self._rotating.start()
        if self._kept:
            self._tell_consumers()

    def _tell_consumers(self) -> None:
        """Write down who reads what, where an auditor finds it."""
        length = access.size(self.consumers())
        if length > access.PARAMETER_ADVANCED:
            problem = f"have consumers that take a parameter of {length} bytes; {access.PARAMETER_ADVANCED} fit"
            raise AccessError(Fault(problem, "Divide the secrets between two components.", self.written))
        aws.ssm.Parameter(
            self.named(CONSUMERS),
            name=self.physical("ssm-parameter", CONSUMERS),
            description=f"Who reads each of {self.component}, by role",
            type="String",
            tier="Standard" if length <= access.PARAMETER_STANDARD else "Advanced",
            insecure_value=pulumi.Output.json_dumps(self.consumers(), sort_keys=True),
            opts=self.options(),
        )


def _replica(here: Place, region: str, key_arn: str) -> Place:
    there = pulumi.Output.all(here.arn).apply(lambda arns: arns[0].replace(f":{here.region}:", f":{region}:", 1))
    return Place(region, there, pulumi.Output.from_input(key_arn))


def _from_environment(spec: SecretsSpec) -> tuple[dict[str, pulumi.Output[str]], list[Fault]]:
    """The values that the environment holds, and a fault for each that it lacks.

    A program that is only recorded needs none: what has no value there stands for itself, as a secret.
    """
    values: dict[str, pulumi.Output[str]] = {}
    faults: list[Fault] = []
    for name, secret in _of_environment(spec):
        value = os.environ.get(secret.variable, "")
        if not value.strip() and is_recorded():
            value = f"the value of {secret.variable}"
        if value.strip():
            values[name] = pulumi.Output.secret(value)
        else:
            problem = "is not set in the environment" if secret.variable not in os.environ else "is set, and empty"
            faults.append(
                secret.fault("variable", problem, f"Run: export {secret.variable}=…, then deploy.", secret.variable)
            )
    return values, faults


def _of_environment(spec: SecretsSpec) -> Iterator[tuple[str, EnvironmentSecret]]:
    for name, secret in spec.entries.items():
        if isinstance(secret, EnvironmentSecret):
            yield name, secret
