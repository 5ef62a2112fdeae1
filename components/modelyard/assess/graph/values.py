"""Values of a graph: plain JSON, and beside it what is unknown, what is secret, and their encodings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from google.protobuf import struct_pb2

from modelyard.core import wire


class Unknown(Enum):
    """The type of `UNKNOWN`: a value that only the deployment will tell."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret; `value` is UNKNOWN where it is encrypted or not known yet. It never prints its value."""

    value: Any = UNKNOWN

    def __repr__(self) -> str:
        return "Secret(…)"


def reveal(value: Any) -> Any:
    """The value inside a secret, or the value itself; for rules that must look, never for output."""
    return value.value if isinstance(value, Secret) else value


def undecided(value: Any) -> bool:
    """Whether any part of the value is unknown."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return undecided(value.value)
    if isinstance(value, Mapping):
        return any(undecided(part) for part in value.values())
    if isinstance(value, list):
        return any(undecided(part) for part in value)
    return False


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties of a wire message."""
    return {key: from_wire(value) for key, value in struct.fields.items()}


def from_wire(value: struct_pb2.Value) -> Any:
    """The value of a wire message."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in wire.UNKNOWNS else text
    if kind == "struct_value":
        return _signed({key: from_wire(part) for key, part in value.struct_value.fields.items()})
    if kind == "list_value":
        return [from_wire(part) for part in value.list_value.values]
    if kind == "bool_value":
        return value.bool_value
    if kind == "number_value":
        return _number(value.number_value)
    return None


def from_engine(value: Any) -> Any:
    """The value of what a preview or a state file holds as JSON."""
    if isinstance(value, str):
        return UNKNOWN if value in wire.UNKNOWNS else value
    if isinstance(value, dict):
        return _signed({key: from_engine(part) for key, part in value.items()})
    if isinstance(value, list):
        return [from_engine(part) for part in value]
    return _number(value) if isinstance(value, float) else value


def _number(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _signed(value: dict[str, Any]) -> Any:
    signature = value.get(wire.SIGNATURE)
    if signature is None:
        return value
    if signature == wire.SECRET:
        if "value" in value:
            return Secret(value["value"])
        if "plaintext" in value:
            return Secret(from_engine(json.loads(value["plaintext"])))
        return Secret()
    if signature == wire.OUTPUT:
        known = value.get("value", UNKNOWN)
        return Secret(known) if value.get("secret") else known
    if signature == wire.RESOURCE:
        return {"$resource": value.get("urn", "")}
    if signature in (wire.ASSET, wire.ARCHIVE):
        return {
            "$asset" if signature == wire.ASSET else "$archive": {
                key: part for key, part in value.items() if key not in (wire.SIGNATURE, "hash")
            }
        }
    return {key: part for key, part in value.items() if key != wire.SIGNATURE}


def set_wire(target: struct_pb2.Value, value: Any) -> None:
    """Write a value of the graph into a wire message."""
    if value is UNKNOWN:
        target.string_value = wire.UNKNOWN
    elif isinstance(value, Secret):
        fields = target.struct_value.fields
        fields[wire.SIGNATURE].string_value = wire.SECRET
        set_wire(fields["value"], value.value)
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, part in value.items():
            set_wire(target.struct_value.fields[key], part)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for part in value:
            set_wire(target.list_value.values.add(), part)
    else:
        target.null_value = struct_pb2.NULL_VALUE


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The wire message of the properties."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        set_wire(struct.fields[key], value)
    return struct


def mark(value: Any) -> Any:
    """The value as JSON: unknowns and secrets become marks, and a secret's value is left out.

    A user's own object that could be taken for a mark is wrapped, so that `unmark` gives back what was there.
    """
    if value is UNKNOWN:
        return {"$unknown": True}
    if isinstance(value, Secret):
        return {"$secret": True}
    if isinstance(value, Mapping):
        marked = {key: mark(part) for key, part in value.items()}
        return {"$object": marked} if marked.keys() in _MARKS else marked
    if isinstance(value, list | tuple):
        return [mark(part) for part in value]
    return value


_MARKS: Final = ({"$unknown"}, {"$secret"}, {"$object"})


def unmark(value: Any) -> Any:
    """The value that `mark` wrote."""
    if isinstance(value, dict):
        if value.keys() == {"$unknown"}:
            return UNKNOWN
        if value.keys() == {"$secret"}:
            return Secret()
        if value.keys() == {"$object"}:
            return {key: unmark(part) for key, part in value["$object"].items()}
        return {key: unmark(part) for key, part in value.items()}
    if isinstance(value, list):
        return [unmark(part) for part in value]
    return value
