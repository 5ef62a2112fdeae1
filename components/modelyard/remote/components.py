"""What the package offers: the boundary is plain values, and behind it stand the library's own components.

Specs come as plain values and are validated by the library's own models; live things of another program, such as a key,
come as names and ARNs. The schema is made from the annotations, which must be no text for that:
nothing comes from `__future__` here.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NotRequired, TypedDict, TypeVar, cast

import pulumi
from pulumi.runtime import settings as pulumi_settings

from modelyard.build import data, registry
from modelyard.core.context import Context
from modelyard.core.document import Document, load
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.settle import settle
from modelyard.core.spec import Spec
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.keys import KnownKeys

S = TypeVar("S", bound=Spec)


class PlaceArgs(TypedDict):
    """Where a component lives; it gives every physical name and tag."""

    organization: str
    platform: str
    environment: str
    team: str
    region: str
    account: str
    production: NotRequired[bool]
    """Whether state is protected. Absent: it isn't."""
    boundary: NotRequired[str]
    """The ARN of the permissions boundary that roles carry. Absent: they carry none."""


class DataLakeArgs(TypedDict):
    """What a data lake is made from."""

    place: pulumi.Input[PlaceArgs]
    key_arn: pulumi.Input[str]
    """The ARN of the key that encrypts the team's data."""
    spec: pulumi.Input[dict[str, Any]]
    """What stands under `data` in a team's file."""


class ModelRegistryArgs(TypedDict):
    """What a model registry is made from."""

    place: pulumi.Input[PlaceArgs]
    key_arn: pulumi.Input[str]
    """The ARN of the key that encrypts the team's models."""
    spec: pulumi.Input[dict[str, Any]]
    """What stands under `registry` in a team's file."""


class DataLake(pulumi.ComponentResource):
    """Buckets, tables and a workgroup: one bucket per zone, a Glue table per dataset."""

    buckets: pulumi.Output[dict[str, str]]
    """The names of the buckets, by zone."""
    database: pulumi.Output[str]
    """The Glue database of the tables."""
    workgroup: pulumi.Output[str]
    """The Athena workgroup for queries."""

    def __init__(self, name: str, args: DataLakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:DataLake", name, {}, opts)
        context, spec = _context(args), _spec(args, data.LakeSpec)
        with _program_below(self):
            keys = KnownKeys({"default": cast(str, args["key_arn"])})
            made = data.DataLake(name, spec, context=context, keys=keys, opts=pulumi.ResourceOptions(parent=self))
        self.buckets = pulumi.Output.all(**{zone: one.bucket.bucket for zone, one in made.zones.items()})
        self.database, self.workgroup = made.database.name, made.workgroup.name
        self.register_outputs({"buckets": self.buckets, "database": self.database, "workgroup": self.workgroup})


class ModelRegistry(pulumi.ComponentResource):
    """A package group per model, a bucket, a key that signs releases, and the machine that alone approves."""

    bucket: pulumi.Output[str]
    """The bucket of the models' artifacts."""

    def __init__(self, name: str, args: ModelRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:ModelRegistry", name, {}, opts)
        context, spec = _context(args), _spec(args, registry.RegistrySpec)
        with _program_below(self):
            made = registry.ModelRegistry(
                name,
                spec,
                context=context,
                keys=KnownKeys({"default": cast(str, args["key_arn"])}),
                audit=KnownAudit(context),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.bucket = made.bucket.bucket
        self.register_outputs({"bucket": self.bucket})


@contextmanager
def _program_below(component: pulumi.ComponentResource) -> Generator[None]:
    """Grants are written when a program ends; here each component is a whole program, of which it is the root."""
    before = pulumi_settings.ROOT.get()
    pulumi_settings.set_root_resource(component)
    try:
        yield
        settle(component)
    finally:
        pulumi_settings.ROOT.set(before)


def _context(args: Mapping[str, Any]) -> Context:
    place = _known(args, "place")
    return Context(**{"production": False, **place})


def _spec(args: Mapping[str, Any], kind: type[S]) -> S:
    """The spec, with every fault of it at once. What another resource will tell first can't be in it."""
    given = _known(args, "spec")
    return load(Document("spec", given, {}), kind)


def _known(args: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = args[name]
    if isinstance(value, pulumi.Output):
        problem = "holds what only the deployment tells, or a secret"
        raise InputError(Fault(problem, "Give plain values; pass what is live beside it.", Source("args", name)))
    return cast(dict[str, Any], value)
