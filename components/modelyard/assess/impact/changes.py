"""What changes inside a resource, value by value; secrets are compared and never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE, Node
from modelyard.assess.graph.values import UNKNOWN, Secret, mark, undecided
from modelyard.assess.impact.replacing import PROVIDER, Effect, effect, known
from modelyard.core import sdk

ABSENT: Final = "(absent)"
LATER: Final = "(not known before the deployment)"
SECRET: Final = "(secret)"
_LENGTH: Final = 60
_PLAIN: Final = re.compile(r"[\w\-]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that changes: its path (`rules[0].days`), before and after as they are shown, and what it does."""

    path: str
    before: Any
    after: Any
    effect: Effect

    def __str__(self) -> str:
        said = "" if self.effect is Effect.UPDATES else f"  ({self.effect})"
        return f"{self.path} {_short(self.before)} → {_short(self.after)}{said}"

    def as_json(self) -> dict[str, Any]:
        """The change as `--json` prints it."""
        return {"path": self.path, "before": self.before, "after": self.after, "effect": str(self.effect)}


def changes(before: Node, after: Node, renewed: Iterable[str] = ()) -> list[Change]:
    """What changes, in the order of paths. `renewed`: properties whose value is made anew by the deployment.

    Left out is what the options ignore, what no state holds, and what is only left to the provider: automatic names,
    defaults, and inputs that it fills in and the program no longer sets. A secret that is encrypted on either side
    can't be compared: see `uncompared`.
    """
    table, anew = known(after.type), frozenset(renewed)
    ignored = after.options.get("ignoreChanges", ())
    filled = before.properties.get("__defaults") or ()
    found: list[Change] = []
    for prop in sorted({*before.properties, *after.properties} - table.unseen):
        if prop.startswith("__") or (after.type.startswith(PROVIDER) and not _given(after.type, prop)):
            continue
        old, new = before.properties.get(prop), after.properties.get(prop)
        if prop in anew:
            found.append(Change(prop, _shown(old), LATER, effect(after, prop)))
            continue
        if new is None and (prop in table.kept or prop in filled or _settled(after.type, prop)):
            continue
        default = table.defaults.get(prop)
        old, new = default if old is None else old, default if new is None else new
        root = "" if after.type == CLOUD_CONTROL_TYPE and prop == "desiredState" else prop
        for path, a, b in _differences(root, old, new, unordered=prop in table.sets):
            told = effect(after, path)
            if undecided(b) and told is Effect.REPLACES:
                told = Effect.MAY
            found.append(Change(path, _shown(a), _shown(b), told))
    return [change for change in found if not _ignored(change.path, ignored)]


def uncompared(before: Node, after: Node) -> list[str]:
    """The properties that hold a secret on both sides whose values can't be compared: one of them is encrypted."""
    return sorted(
        prop
        for prop in before.properties.keys() & after.properties.keys()
        if isinstance(before.properties[prop], Secret)
        and isinstance(after.properties[prop], Secret)
        and UNKNOWN in (before.properties[prop].value, after.properties[prop].value)
    )


def _ignored(path: str, ignored: Iterable[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)


def _given(kind: str, prop: str) -> bool:
    """Whether a program can set the input: into a provider's the engine writes its version, too."""
    try:
        return prop in sdk.resource_type(kind).inputs
    except sdk.UnknownTypeError:
        return True


def _settled(kind: str, prop: str) -> bool:
    """Whether the provider fills the input in where nobody sets it: it may be given, and is always there afterwards."""
    try:
        found = sdk.resource_type(kind)
    except sdk.UnknownTypeError:
        return False
    given, there = found.inputs.get(prop), found.outputs.get(prop)
    return given is not None and there is not None and there.required and not given.required


def _differences(path: str, old: Any, new: Any, *, unordered: bool = False) -> Iterator[tuple[str, Any, Any]]:
    old, new = _document(old), _document(new)
    if isinstance(old, Secret) or isinstance(new, Secret):
        yield from _of_secrets(path, old, new)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if not key.startswith("__"):
                yield from _differences(_joined(path, key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        if unordered:
            old, new = (sorted(each, key=_text) for each in (old, new))
        for index in range(max(len(old), len(new))):
            a = old[index] if index < len(old) else None
            b = new[index] if index < len(new) else None
            yield from _differences(f"{path}[{index}]", a, b)
    elif old != new and not (_empty(old) and _empty(new)):
        yield path, old, new


def _of_secrets(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """A value that only becomes a secret, or stops being one, is the same to the provider."""
    a, b = (each.value if isinstance(each, Secret) else each for each in (old, new))
    if (UNKNOWN in (a, b) and isinstance(old, Secret) and isinstance(new, Secret)) or _document(a) == _document(b):
        return
    yield path, old, new


def _document(value: Any) -> Any:
    """JSON texts, such as policies, are compared by what they say."""
    if isinstance(value, str) and value[:1] in ("{", "[") and value[-1:] in ("}", "]"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _empty(value: Any) -> bool:
    return value is None or value in ({}, [])


def _joined(path: str, key: str) -> str:
    if not path:
        return key
    return f"{path}.{key}" if _PLAIN.fullmatch(key) else f'{path}["{key}"]'


def _shown(value: Any) -> Any:
    if value is None:
        return ABSENT
    if isinstance(value, Secret):
        return SECRET
    if value is UNKNOWN:
        return LATER
    if isinstance(value, Mapping):
        return {key: _shown(part) for key, part in value.items()}
    return [_shown(part) for part in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return json.dumps(mark(value), sort_keys=True)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"
