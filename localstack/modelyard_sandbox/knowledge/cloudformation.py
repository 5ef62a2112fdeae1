"""CloudFormation's published schemas: what Cloud Control, and the provider before it, refuse of a desired state.

The schemas come with cfn-lint. A type's `createOnlyProperties` replace it, its `readOnlyProperties` are nobody's to
write, and its `writeOnlyProperties` are shown by no read: an update that doesn't mention one has lost it.
Sources: cloudformation-cli/latest/userguide/resource-type-schema, cloudcontrolapi/latest/userguide/
resource-operations-update.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelyard_sandbox.knowledge import rules
from modelyard_sandbox.knowledge.values import Failure, contains_unknown, join

TOKEN: Final = "aws:cloudcontrol/resource:Resource"
_REGION: Final = "us-east-1"
_SOURCE: Final = "https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-types.html"


class PatchError(Exception):
    """Cloud Control's refusal of an update's patch, with its error code."""

    def __init__(self, problem: str, code: str = "ValidationException") -> None:
        super().__init__(problem)
        self.code = code


@cache
def schema(name: str) -> Mapping[str, Any] | None:
    """The published schema of the type `AWS::Service::Name`; None where there is none."""
    found = importlib.util.find_spec("cfnlint")
    if not found or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "data" / "schemas"
    file = _names(folder).get(name)
    return json.loads((folder / "resources" / f"{file}.json").read_text()) if file else None


@cache
def _names(folder: Path) -> Mapping[str, str]:
    return json.loads((folder / "providers" / f"{_REGION}.json").read_text())


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """What the type's schema refuses of a resource of Cloud Control, or else the rules for its name, which trust it.

    What is not known yet isn't judged.
    """
    name, text = inputs.get("typeName"), inputs.get("desiredState")
    if token != TOKEN or not isinstance(name, str) or not isinstance(text, str) or contains_unknown([name, text]):
        return []
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        return []
    failures = [Failure(path, why, _SOURCE) for path, why in refused(name, wanted)]
    if isinstance(wanted, dict) and not failures:
        failures = rules.check(name, wanted)
    return [Failure(join("desiredState", at.property).rstrip("."), at.reason, at.source) for at in failures]


def refused(name: str, wanted: Any) -> Iterator[tuple[str, str]]:
    """Where and why the schema refuses a desired state."""
    published = schema(name)
    if published is None or not isinstance(wanted, Mapping):
        return
    for path in _present(wanted, published.get("readOnlyProperties", ())):
        yield path, "AWS writes it, nobody else: it is one of the type's readOnlyProperties"
    for error in _validator(name).iter_errors(wanted):
        path = ""
        for part in error.absolute_path:
            path = f"{path}[{part}]" if isinstance(part, int) else join(path, str(part))
        yield path, error.message


@cache
def _validator(name: str) -> Any:
    """A validator with the patterns' own dialect: they use classes of Unicode that `re` lacks."""
    import regex
    from jsonschema import Draft7Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, value: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(value, str) and not regex.search(wanted, value):
            yield ValidationError(f"{value!r} does not match {wanted}")

    return validators.extend(Draft7Validator, {"pattern": pattern})(schema(name))


def replaces(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the provider takes a change of the desired state for a replacement.

    It does where a step of the patch names a property that is only given at creation. A step further down in such a
    property is an update to it, which AWS refuses: see `patched`.
    Source: internal/service/cloudcontrol of the provider, the schema's IsCreateOnlyPropertyPath.
    """
    import jsonpatch

    fixed = _create_only(name)
    return any(step["path"] in fixed for step in jsonpatch.make_patch(dict(old), dict(new)))


def _create_only(name: str) -> frozenset[str]:
    """JSON pointers into a desired state."""
    return frozenset(path.removeprefix("/properties") for path in (schema(name) or {}).get("createOnlyProperties", ()))


def readable(name: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """A model as reads show it: the type's properties, without those that are only written."""
    published = schema(name) or {}
    shown = {prop: value for prop, value in model.items() if prop in published.get("properties", model)}
    for path in published.get("writeOnlyProperties", ()):
        shown = _without(shown, _parts(path))
    return shown


def patched(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], current: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str]]:
    """The model that an update hands to the type, and the properties at its top that the patch speaks of.

    The provider sends the difference of two desired states, and Cloud Control applies it to what a read shows.
    So a property that is only written must come anew to be heard: unchanged it is lost, changed it has no path.
    Raises PatchError with Cloud Control's words.
    """
    import jsonpatch
    from jsonpointer import JsonPointerException

    patch = jsonpatch.make_patch(dict(old), dict(new))
    _updatable(name, [step["path"] for step in patch])
    try:
        model: dict[str, Any] = patch.apply(readable(name, current))
    except (jsonpatch.JsonPatchException, JsonPointerException) as error:
        said = ", ".join(f"{step['op']} {step['path']}" for step in patch)
        raise PatchError(f"noSuchPath in source ({said}): {error}") from error
    told = sorted(path for path, _ in _required(name, model))
    if told:
        raise PatchError(f"Model validation failed ({'; '.join(told)})")
    return model, frozenset(step["path"].split("/")[1] for step in patch)


def _updatable(name: str, paths: Sequence[str]) -> None:
    """Raises PatchError where the type has no updates, or a path lies in what is only given at creation."""
    published = schema(name)
    if published and "update" not in published.get("handlers", {"update": {}}):
        raise PatchError(f"Resource type {name} does not support UPDATE action", "UnsupportedActionException")
    fixed = sorted(fixed for fixed in _create_only(name) if any(path.startswith(f"{fixed}/") for path in paths))
    if fixed:
        raise PatchError(f"createOnlyProperties {fixed} cannot be updated", "NotUpdatableException")


def _required(name: str, model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the model of an update lacks."""
    for error in _validator(name).iter_errors(model) if schema(name) else ():
        if error.validator == "required":
            yield f"#: {error.message}", ""


def _parts(path: str) -> list[str]:
    return path.removeprefix("/properties/").split("/")


def _at(value: Any, parts: list[str]) -> Any:
    """What lies at a path; of a list, what lies there in each element."""
    if not parts:
        return value
    if parts[0] == "*":
        return [_at(item, parts[1:]) for item in value] if isinstance(value, list) else None
    return _at(value.get(parts[0]), parts[1:]) if isinstance(value, Mapping) else None


def _present(wanted: Mapping[str, Any], paths: Any) -> Iterator[str]:
    for path in paths:
        found = _at(wanted, _parts(path))
        if found is not None and found != [] and not (isinstance(found, list) and all(one is None for one in found)):
            yield ".".join(_parts(path))


def _without(value: Any, parts: list[str]) -> Any:
    if isinstance(value, list) and parts[0] == "*":
        return [_without(item, parts[1:]) for item in value]
    if not isinstance(value, Mapping) or parts[0] not in value:
        return value
    if len(parts) == 1:
        return {key: item for key, item in value.items() if key != parts[0]}
    return {key: _without(item, parts[1:]) if key == parts[0] else item for key, item in value.items()}
