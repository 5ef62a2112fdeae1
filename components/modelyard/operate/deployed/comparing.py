"""A desired state beside what a read shows, property by property, as the type's published schema has them.

Left out is what no read shows (`writeOnlyProperties`), what nobody can ask for (`readOnlyProperties`), and what wasn't
asked for: a default that the service filled in. Source: cloudformation-cli/latest/userguide/resource-type-schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

Plain = Mapping[str, Any]
Path = tuple[str, ...]

ABSENT: Final = "nothing"
"""What stands for a value that isn't there."""
_SERVICES_OWN: Final = "aws:"
"""What the names of tags begin with that AWS writes itself."""
_SHOWN_AS: Final[Mapping[str, Mapping[Path, Path]]] = {
    "AWS::SageMaker::InferenceComponent": {
        ("RuntimeConfig", "CopyCount"): ("RuntimeConfig", "DesiredCopyCount"),
        ("Specification", "Container", "Image"): ("Specification", "Container", "DeployedImage", "SpecifiedImage"),
    }
}
"""Properties that are only written, and what a read shows instead (the types' pages of the template reference)."""
_SHOWN_LATER: Final[Mapping[str, tuple[str, ...]]] = {"AWS::SageMaker::Endpoint": ("DeploymentConfig",)}
"""Properties that a read shows only after the first update (sagemaker/latest/APIReference/API_DescribeEndpoint,
`LastDeploymentConfig`): where there is none yet, nobody can tell."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that isn't as it was asked for: its path, the value asked for, and the one that is there."""

    property: str
    wanted: Any
    found: Any


def differences(kind: str, schema: Plain, wanted: Plain, found: Plain) -> Iterator[Difference]:
    """What differs between a desired state of the CloudFormation type `kind` and what a read shows of it."""
    instead = _SHOWN_AS.get(kind, {})
    unseen = {
        *(_path(pointer) for pointer in schema.get("writeOnlyProperties") or ()),
        *(_path(pointer) for pointer in schema.get("readOnlyProperties") or ()),
    }
    rewritten = {_path(pointer) for pointer in schema.get("propertyTransform") or {}}
    later = [name for name in _SHOWN_LATER.get(kind, ()) if found.get(name) is None]
    wanted = {name: value for name, value in wanted.items() if name not in later}
    yield from _Comparison(schema, frozenset(unseen), frozenset(rewritten)).objects((), schema, wanted, found)
    for asked, shown in instead.items():
        here, there = _at(wanted, asked), _at(found, shown)
        if here is not None and not _same(here, there):
            yield Difference(".".join(asked), here, ABSENT if there is None else there)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """`unseen`: paths that can't be compared, `rewritten`: paths that a read shows in another form."""

    schema: Plain
    unseen: frozenset[Path]
    rewritten: frozenset[Path]

    def values(self, path: Path, said: Plain, wanted: Any, found: Any) -> Iterator[Difference]:
        """What differs at one path. `said`: what the schema says of it."""
        general = tuple("*" if part.isdigit() else part for part in path)
        if wanted is None or general in self.unseen or _computed(wanted):
            return
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            yield from self.objects(path, said, cast(Plain, wanted), cast(Plain, found))
        elif isinstance(wanted, list) and isinstance(found, list):
            yield from self.lists(path, said, cast(list[Any], wanted), cast(list[Any], found))
        elif found is None:
            if not _empty(wanted):
                yield Difference(_shown(path), wanted, ABSENT)
        elif not _same(wanted, found) and not (general in self.rewritten and _ends_alike(wanted, found)):
            yield Difference(_shown(path), wanted, found)

    def objects(self, path: Path, said: Plain, wanted: Plain, found: Plain) -> Iterator[Difference]:
        """What differs in an object; of a map, whose keys are the user's own, also what nobody asked for."""
        resolved = self._resolved(said)
        declared = cast(Plain, resolved.get("properties") or {})
        for key, value in wanted.items():
            yield from self.values((*path, key), cast(Plain, declared.get(key) or {}), value, found.get(key))
        if not declared and ("patternProperties" in resolved or "additionalProperties" in resolved):
            for key in sorted(set(found) - set(wanted)):
                if not key.startswith(_SERVICES_OWN):
                    yield Difference(_shown((*path, key)), ABSENT, found[key])

    def lists(self, path: Path, said: Plain, wanted: list[Any], found: list[Any]) -> Iterator[Difference]:
        """What differs in a list: tags by their keys, a set whatever its order, and else element by element."""
        resolved = self._resolved(said)
        if (tags := _tags(wanted)) is not None and (there := _tags(found)) is not None:
            yield from self.objects(path, {"additionalProperties": {}}, tags, there)
            return
        items = cast(Plain, resolved.get("items") or {})
        if resolved.get("insertionOrder", True) is False or resolved.get("uniqueItems"):
            yield from self._sets(path, items, wanted, found)
            return
        for index, value in enumerate(wanted):
            yield from self.values((*path, str(index)), items, value, found[index] if index < len(found) else None)
        for index in range(len(wanted), len(found)):
            yield Difference(_shown((*path, str(index))), ABSENT, found[index])

    def _sets(self, path: Path, items: Plain, wanted: list[Any], found: list[Any]) -> Iterator[Difference]:
        left = list(found)
        missing: list[tuple[int, Any]] = []
        for index, value in enumerate(wanted):
            same = next(
                (one for one in left if not any(self.values((*path, str(index)), items, value, one))), _NOT_THERE
            )
            if same is _NOT_THERE:
                missing.append((index, value))
            else:
                left.remove(same)
        for (index, value), other in zip(missing, left, strict=False):
            yield from self.values((*path, str(index)), items, value, other)
        for index, value in missing[len(left) :]:
            yield Difference(_shown((*path, str(index))), value, ABSENT)
        for other in left[len(missing) :]:
            yield Difference(_shown(path), ABSENT, other)

    def _resolved(self, said: Plain) -> Plain:
        """What a reference to one of the schema's definitions stands for."""
        while isinstance(reference := said.get("$ref"), str):
            said = cast(Plain, _at(self.schema, tuple(reference.removeprefix("#/").split("/"))) or {})
        return said


_NOT_THERE: Final = object()


def _path(pointer: str) -> Path:
    """`/properties/A/*/B` as the names on its way; a list's elements are `*`."""
    parts = pointer.removeprefix("/properties/").split("/")
    return tuple("*" if part == "items" else part for part in parts if part != "properties")


def _shown(path: Path) -> str:
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path).removeprefix(".")


def _at(value: Any, path: Path) -> Any:
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = cast(Plain, value).get(part)
    return value


def _tags(items: Sequence[Any]) -> dict[str, Any] | None:
    """A list of tags as a map; None for any other list."""
    if not items or not all(isinstance(one, Mapping) and set(cast(Plain, one)) == {"Key", "Value"} for one in items):
        return None
    return {str(one["Key"]): one["Value"] for one in items}


def _computed(wanted: Any) -> bool:
    """Whether a template leaves a value to CloudFormation, by one of its functions."""
    if not isinstance(wanted, Mapping) or len(cast(Plain, wanted)) != 1:
        return False
    (name,) = cast(Plain, wanted)
    return name == "Ref" or name.startswith("Fn::")


def _same(wanted: Any, found: Any) -> bool:
    """Whether two plain values are the same: CloudFormation takes numbers and truth values as texts, too."""
    if isinstance(wanted, Mapping | list) or isinstance(found, Mapping | list):
        return wanted == found
    return wanted == found or _text(wanted) == _text(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _ends_alike(wanted: Any, found: Any) -> bool:
    """Whether one is the end of the other, such as a key's id of its ARN."""
    pair = sorted((str(wanted), str(found)), key=len)
    return pair[1].endswith(pair[0])


def _empty(value: Any) -> bool:
    return value in ({}, [], "")
