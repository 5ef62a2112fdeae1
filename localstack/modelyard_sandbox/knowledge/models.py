"""Checks inputs against botocore's service models: patterns, lengths, enumerations and ranges.

A type's limits are read when it is first checked. Of the models, which are large, only those of the last few services
are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, cast

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, StringShape, StructureShape
from botocore.model import Shape as Member

from modelyard.core import sdk
from modelyard.core.sdk import ListOf, MapOf, ObjectOf, OneOf, Property, Scalar, Shape
from modelyard_sandbox.knowledge.constraints import CONSTRAINTS, Operation
from modelyard_sandbox.knowledge.values import UNKNOWN, Failure, join

# Tags have rules of their own; the region belongs to the provider.
_UNMATCHED = frozenset({"region", "tags", "tagsAll"})
_NUMBERS = frozenset({"integer", "long", "double", "float"})
# Java writes characters beyond the basic plane as a range of surrogate pairs.
_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
_SHOWN_CHOICES = 12


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model says of a value (lengths of text and lists, sizes of numbers), and of what is in it."""

    minimum: float | None = None
    maximum: float | None = None
    pattern: re.Pattern[str] | None = None
    choices: tuple[str, ...] = ()
    fields: Mapping[str, Limits] = field(default_factory=dict[str, "Limits"])
    item: Limits | None = None

    def __bool__(self) -> bool:
        return self != Limits()


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """What the service's model refuses of `inputs`, as `shapes.read` gave them; nothing for types not in the table."""
    if token not in CONSTRAINTS:
        return []
    operation = CONSTRAINTS[token]
    required = {name for name, wanted in sdk.resource_type(token).inputs.items() if wanted.required}
    source = f"{operation.service}:{operation.name}"
    return [
        Failure(path, reason, source)
        for name, limits in _limits_of(token).fields.items()
        if name in inputs and not (name not in required and inputs[name] in ("", [], {}))
        for path, reason in _violations(limits, inputs[name], name)
    ]


def _violations(limits: Limits, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value == UNKNOWN:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in limits.fields and item not in ("", [], {}):
                yield from _violations(limits.fields[name], item, join(path, name))
            elif limits.item:
                yield from _violations(limits.item, item, f'{path}["{name}"]')
    elif isinstance(value, list):
        yield from _size_violations(limits, len(value), path, "elements")
        if limits.item:
            for index, item in enumerate(value):
                yield from _violations(limits.item, item, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from _size_violations(limits, len(value), path, "characters")
        if limits.choices and value not in limits.choices:
            shown = ", ".join(limits.choices[:_SHOWN_CHOICES])
            yield path, f"{value!r} is none of {shown}{', …' if len(limits.choices) > _SHOWN_CHOICES else ''}"
        elif limits.pattern and not limits.pattern.fullmatch(value):
            yield path, f"{value!r} does not match {limits.pattern.pattern}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if limits.minimum is not None and value < limits.minimum:
            yield path, f"{value} is below the minimum of {limits.minimum:g}"
        if limits.maximum is not None and value > limits.maximum:
            yield path, f"{value} is above the maximum of {limits.maximum:g}"


def _size_violations(limits: Limits, size: int, path: str, unit: str) -> Iterator[tuple[str, str]]:
    if limits.minimum is not None and size < limits.minimum:
        yield path, f"has {size} {unit}; at least {limits.minimum:g} are needed"
    if limits.maximum is not None and size > limits.maximum:
        yield path, f"has {size} {unit}; at most {limits.maximum:g} are allowed"


@cache
def _limits_of(token: str) -> Limits:
    operation = CONSTRAINTS[token]
    return _TypeReader(_model(operation.service), operation).limits(sdk.resource_type(token).inputs)


@lru_cache(maxsize=4)
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class _TypeReader:
    """Walks a type's properties and the operation's members in parallel."""

    def __init__(self, model: ServiceModel, operation: Operation) -> None:
        self.model = model
        self.operation = operation
        self._within: list[type] = []
        """The classes that are being read: one that holds itself (statements of a web ACL) is read one level deep."""

    def limits(self, properties: Mapping[str, Property]) -> Limits:
        return self._object(properties, self._member(self.operation.root), "")

    def _member(self, path: str) -> Member:
        """The member that a path of the table names; lists on the way are gone into."""
        operation, colon, rest = path.rpartition(":")
        owner: Any = self.model.operation_model(operation if colon else self.operation.name)
        shape: Member = owner.input_shape
        for part in filter(None, rest.split(".")):
            shape = _members_of(shape)[part]
        return shape

    def _object(self, properties: Mapping[str, Property], member: Member, path: str) -> Limits:
        by_flat_name = {name.lower(): shape for name, shape in _members_of(member).items()}
        fields: dict[str, Limits] = {}
        for name, wanted in properties.items():
            here = join(path, name)
            if here in self.operation.members:
                declared = self.operation.members[here]
                found = self._member(declared) if declared else None
            else:
                found = by_flat_name.get(name.lower()) if name not in _UNMATCHED else None
            limits = self._value(wanted.shape, found, here)
            if limits:
                fields[name] = limits
        return Limits(fields=fields)

    def _value(self, shape: Shape, member: Member | None, path: str) -> Limits:
        """The limits where property and member are of one kind. A list may stand without a member: declared entries
        can name what is in it."""
        match shape:
            case OneOf(options):
                return next((found for option in options if (found := self._value(option, member, path))), Limits())
            case Scalar("string") if isinstance(member, StringShape):
                return Limits(*_range(member), pattern=_pattern(member), choices=tuple(cast(Any, member).enum))
            case Scalar("integer" | "number") if member is not None and member.type_name in _NUMBERS:
                return Limits(*_range(member))
            case ListOf(item):
                return self._list(item, member, path)
            case MapOf(item) if isinstance(member, MapShape):
                return Limits(item=self._value(item, cast(Any, member).value, path) or None)
            case ObjectOf(python_class) if isinstance(member, StructureShape | ListShape):
                if not isinstance(_element_of(member), StructureShape) or python_class in self._within:
                    return Limits()
                self._within.append(python_class)
                found = self._object(shape.fields, member, path)
                self._within.pop()
                return found
            case ObjectOf() if any(name.startswith(path + ".") for name in self.operation.members):
                return self._object(shape.fields, StructureShape("", {"type": "structure"}), path)
            case _:
                return Limits()

    def _list(self, item: Shape, member: Member | None, path: str) -> Limits:
        declared = self.operation.members.get(path + "[]")
        if declared:
            return Limits(item=self._value(item, self._member(declared), path) or None)
        if isinstance(member, ListShape):
            return Limits(*_range(member), item=self._value(item, _item_of(member), path) or None)
        if member is None and isinstance(item, ObjectOf):
            return Limits(item=self._value(item, None, path) or None)
        return Limits()


def _item_of(member: ListShape) -> Member:
    return cast(Any, member).member


def _element_of(member: Member) -> Member:
    while isinstance(member, ListShape):
        member = _item_of(member)
    return member


def _members_of(member: Member) -> Mapping[str, Member]:
    """The members of a structure, or of the structures that a list holds."""
    return cast(Any, _element_of(member)).members


def _range(member: Member) -> tuple[float | None, float | None]:
    metadata: dict[str, Any] = cast(Any, member).metadata
    return metadata.get("min"), metadata.get("max")


def _pattern(member: Member) -> re.Pattern[str] | None:
    """The pattern with AWS's alphabets (ASCII), or None where it is written in a dialect that Python lacks."""
    pattern: str | None = cast(Any, member).metadata.get("pattern")
    try:
        return re.compile(pattern.replace(*_SURROGATES), re.ASCII) if pattern else None
    except re.error:
        return None
