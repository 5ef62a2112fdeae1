"""Checks inputs against the SDK's classes, and reads them as the provider does: numbers and truth values given as text
count, whole numbers arrive as floats, and `null` is the same as absent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from modelyard.core import sdk
from modelyard.core.sdk import ListOf, MapOf, ObjectOf, OneOf, Property, Scalar, Shape
from modelyard_sandbox.knowledge.values import UNKNOWN, Failure, join

# What Go's strconv.ParseBool takes, which is what the provider reads text by.
_TRUTH = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_BRIDGE_KEYS = frozenset({"__defaults"})
_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def read(token: str, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[Failure]]:
    """The inputs as the provider reads them, with UNKNOWN in place of what failed, and the failures."""
    try:
        properties = sdk.resource_type(token).inputs
    except sdk.UnknownTypeError as error:
        return {}, [Failure("", error.faults[0].problem)]
    failures: list[Failure] = []
    return _read_object(properties, inputs, "", failures), failures


def _read_object(
    properties: Mapping[str, Property], value: Mapping[str, Any], path: str, failures: list[Failure]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, item in value.items():
        if name in _BRIDGE_KEYS or item is None:
            continue
        if name not in properties:
            failures.append(Failure(join(path, name), f"unknown property{_did_you_mean(name, properties)}"))
            continue
        result[name] = _read(properties[name].shape, item, join(path, name), failures)
    for name, wanted in properties.items():
        if wanted.required and name not in result:
            failures.append(Failure(join(path, name), "required, but missing"))
    return result


def _read(shape: Shape, value: Any, path: str, failures: list[Failure]) -> Any:
    if value == UNKNOWN:
        return UNKNOWN
    match shape:
        case ListOf(item) if isinstance(value, list):
            return [_read(item, element, f"{path}[{index}]", failures) for index, element in enumerate(value)]
        case MapOf(item) if isinstance(value, Mapping):
            return {
                key: _read(item, element, f'{path}["{key}"]', failures)
                for key, element in value.items()
                if key not in _BRIDGE_KEYS and element is not None
            }
        case ObjectOf() if isinstance(value, Mapping):
            return _read_object(shape.fields, value, path, failures)
        case OneOf(options):
            return _read_one_of(options, value, path, failures)
        case Scalar("any" | "asset"):
            return value
        case Scalar(kind):
            read = _read_scalar(kind, value)
            if read is not None:
                return read
        case _:
            pass
    failures.append(Failure(path, f"must be {_described(shape)}, not {_shown(value)}"))
    return UNKNOWN


def _read_one_of(options: Iterable[Shape], value: Any, path: str, failures: list[Failure]) -> Any:
    """The first option that takes the value. An object given where text is an option is a JSON document: the provider
    takes any, and writes it as text."""
    options = tuple(options)
    if Scalar("string") in options and isinstance(value, Mapping):
        return value
    attempts: list[list[Failure]] = []
    for option in options:
        attempt: list[Failure] = []
        read = _read(option, value, path, attempt)
        if not attempt:
            return read
        attempts.append(attempt)
    failures += max(attempts, key=lambda attempt: max(len(failure.property) for failure in attempt))
    return UNKNOWN


def _read_scalar(kind: str, value: Any) -> Any:
    """The value as the provider reads it, or None where it refuses."""
    match kind, value:
        case "string", bool():
            return "true" if value else "false"
        case "string", float() if value.is_integer():
            return str(int(value))
        case "string", str() | int() | float():
            return str(value)
        case "boolean", bool():
            return value
        case "boolean", str():
            return _TRUTH.get(value)
        case "integer" | "number", bool():
            return None
        case "integer" | "number", str() | int() | float():
            try:
                number = float(value)
            except ValueError:
                return None
            if number.is_integer():
                return int(number)
            return number if kind == "number" else None
    return None


def _described(shape: Shape) -> str:
    match shape:
        case Scalar(kind):
            return _NAMES[kind]
        case ListOf():
            return "a list"
        case MapOf():
            return "a map"
        case ObjectOf():
            return "an object"
        case OneOf(options):
            return " or ".join(_described(option) for option in options)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return repr(value)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    by_flat_name = {candidate.replace("_", "").lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.replace("_", "").lower(), by_flat_name, 1)
    return f"; did you mean {by_flat_name[close[0]]!r}?" if close else ""
