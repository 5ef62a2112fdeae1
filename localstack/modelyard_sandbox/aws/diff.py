"""What changes between two sets of inputs, property by property, and what of it replaces the resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.aws.check import DEFAULTED
from modelyard_sandbox.aws.computed import settled
from modelyard_sandbox.aws.declare import ANYTHING, Type, updatable
from modelyard_sandbox.plugins.answers import Difference, Kind, add_paths, within
from modelyard_sandbox.plugins.values import Properties, same


def differences(declared: Type, old: Properties, new: Properties, ignored: Iterable[str] = ()) -> Difference:
    """The difference of two plain sets of inputs; `ignored` are the paths of ignoreChanges."""
    roots = {path.partition(".")[0].partition("[")[0] for path in ignored}
    changed = frozenset(
        prop
        for prop in {*old, *new} - roots - {DEFAULTED, *declared.write_only}
        if not _equal(declared, prop, _with_default(declared, old, prop), _with_default(declared, new, prop))
    )
    paths: dict[str, Kind] = {}
    for prop in sorted(changed):
        before = _spoken_of(declared, prop, old.get(prop), new.get(prop))
        add_paths(prop, before, new.get(prop), paths, whole=prop in (*declared.json, *declared.sets))
    further = declared.fixed(old, new) if declared.fixed else ()
    replaces = frozenset(
        prop for prop in changed if not updatable(declared, prop) or _fixed(declared, prop, paths) or prop in further
    )
    return Difference(changed, replaces, paths, bool(replaces) and _collides(declared, old, new))


def _fixed(declared: Type, prop: str, paths: Mapping[str, Kind]) -> bool:
    """Whether a part of the property changes that is fixed, although other parts of it aren't."""
    fixed = [path for path in declared.replace if path.startswith(f"{prop}.")]
    return any(within(path, part) for path in paths for part in fixed) or (prop in paths and bool(fixed))


def _with_default(declared: Type, inputs: Properties, prop: str) -> Any:
    value = inputs.get(prop)
    default = declared.defaults.get(prop)
    return default if value is None and not callable(default) else value


def _equal(declared: Type, prop: str, old: Any, new: Any) -> bool:
    if new is None and prop in declared.kept:
        return True
    old = _spoken_of(declared, prop, old, new)
    if prop == "tags" and UNKNOWN not in (old, new):
        return (old or {}) == (new or {})
    return same(old, new, as_json=prop in declared.json, as_set=prop in declared.sets)


def _spoken_of(declared: Type, prop: str, old: Any, new: Any) -> Any:
    """The `old` value without what the provider, or a default, filled in where `new` says nothing."""
    return _without_assumed(declared.assumed, prop, settled(declared.token, prop, old, new), new)


def _without_assumed(assumed: Mapping[str, Any], path: str, old: Any, new: Any) -> Any:
    """`old` without members that have their default, and of which `new` doesn't speak."""
    if not assumed or not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return old
    return {
        key: _without_assumed(assumed, f"{path}.{key}", value, new.get(key))
        for key, value in old.items()
        if key in new or f"{path}.{key}" not in assumed or assumed[f"{path}.{key}"] not in (value, ANYTHING)
    }


def _collides(declared: Type, old: Properties, new: Properties) -> bool:
    """Whether predecessor and successor would be one thing to AWS, so that the first must go first."""
    if declared.delete_first:
        return True
    if declared.name and declared.name.property in (new.get(DEFAULTED) or ()):
        return False
    identity = [declared.name.property] if declared.name else []
    if isinstance(declared.id, str):
        identity.append(declared.id)
    elif not identity and not callable(declared.id):
        return False
    if callable(declared.id) and not identity:
        return False
    return all(old.get(prop) == new.get(prop) and new.get(prop) != UNKNOWN for prop in identity)
