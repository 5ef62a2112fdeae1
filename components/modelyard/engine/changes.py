"""What changes inside a resource, value by value, from what the engine says of a step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.core.wire import SIGNATURE, UNKNOWN

ABSENT = "(absent)"
KNOWN_LATER = "(known after deployment)"
SECRET = "(secret)"

_SHOWN_LENGTH = 60


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One value that changes: its path (`rules[0].expiration.days`), before and after, and whether it replaces."""

    path: str
    before: Any
    after: Any
    replaces: bool = False

    def __str__(self) -> str:
        mark = "  (replaces)" if self.replaces else ""
        return f"{self.path} {shown(self.before)} → {shown(self.after)}{mark}"

    def as_json(self) -> dict[str, Any]:
        """The change as `--json` prints it."""
        return {"path": self.path, "before": self.before, "after": self.after, "replaces": self.replaces}


def of_step(metadata: Mapping[str, Any]) -> tuple[PropertyChange, ...]:
    """The changed properties of the step that `metadata` of an engine event describes.

    A refresh and a read compare outputs, every other step its inputs. Secrets and unknowns stay hidden.
    """
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    side = "outputs" if metadata.get("op") in ("refresh", "read") or metadata.get("drift") else "inputs"
    detailed: Mapping[str, Any] = metadata.get("detailedDiff") or {}
    named = {_top(path) for path in [*(metadata.get("diffs") or ()), *detailed]}
    replacing = {_top(path) for path in metadata.get("keys") or ()}
    replacing |= {
        _top(path)
        for path, change in detailed.items()
        if "replace" in str(change.get("kind", change.get("diffKind", "")))
    }
    before, after = old.get(side) or {}, new.get(side) or {}
    found: list[PropertyChange] = []
    for key in sorted({*before, *after}):
        if named and key not in named:
            continue
        pairs = _differences(key, before.get(key, ABSENT), after.get(key, ABSENT))
        found += [PropertyChange(path, a, b, key in replacing) for path, a, b in pairs]
    seen = {_top(change.path) for change in found}
    found += [
        PropertyChange(p, KNOWN_LATER, KNOWN_LATER, _top(p) in replacing) for p in detailed if _top(p) not in seen
    ]
    return tuple(found)


def plain(value: Any) -> Any:
    """`value` of the engine's log with secrets and unknowns replaced by words."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return SECRET
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return KNOWN_LATER if isinstance(value, str) and UNKNOWN in value else value


def shown(value: Any) -> str:
    """`value` on one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    before, after = _document(plain(before)), _document(plain(after))
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differences(_joined(path, key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            a = before[index] if index < len(before) else ABSENT
            b = after[index] if index < len(after) else ABSENT
            yield from _differences(f"{path}[{index}]", a, b)
    elif before != after:
        yield path, before, after


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if re.fullmatch(r"[\w\-]+", key) else f'{path}["{key}"]'


def _document(value: Any) -> Any:
    """JSON texts, such as IAM policies, are compared by what they say."""
    if isinstance(value, str) and value[:1] in "{[" and value[-1:] in "}]" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
