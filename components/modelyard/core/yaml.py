"""YAML as values with positions: the core schema of YAML 1.2 (yaml.org/spec/1.2.2), parsed by libyaml.

`yes` and `on` are texts, a number with a zero before it is decimal, and a day is the text that stands there.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, cast

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from modelyard.core.errors import Source
from modelyard.core.spec import joined

if TYPE_CHECKING:
    from yaml import SafeLoader
else:
    try:
        from yaml import CSafeLoader as SafeLoader
    except ImportError:  # PyYAML was built without libyaml: the same, thirty times slower.
        from yaml import SafeLoader

DEEPEST: Final = 40
MOST: Final = 200_000
"""Values, each counted as often as an alias brings it."""
_TAG: Final = "tag:yaml.org,2002:"
_KINDS: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("int", r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    (
        "timestamp",
        r"\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?",
        "0123456789",
    ),
)
_BASES: Final = {"0b": 2, "0o": 8, "0x": 16}


class Broken(ValueError):
    """What stands at `line` and `column` (from 1) is no YAML, or none that a file may hold."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem)
        self.line, self.column = line, column


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Tags of plain scalars and the forms that have them, by the first character."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, form, first in _KINDS:
        for character in first:
            found.setdefault(character, []).append((f"{_TAG}{kind}", re.compile(rf"(?:{form})\Z")))
    return found


class _Loader(SafeLoader):
    """Knows the scalars of the core schema, and those of no older version."""

    yaml_implicit_resolvers = _resolvers()


def values(text: str, file: str) -> tuple[Any, dict[str, Source]]:
    """What `text` holds as plain values, None for nothing, and where each was written.

    Raises `Broken`, and PyYAML's `YAMLError` where it is no YAML.
    """
    loader: Any = _Loader(text)
    try:
        node: Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    reader = _Reader(file)
    return (None if node is None else reader.value(node, "", 0)), reader.sources


class _Reader:
    """Turns nodes into values, and remembers where they stand."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.sources: dict[str, Source] = {}
        self._count = 0

    def value(self, node: Node, path: str, depth: int) -> Any:
        self._count += 1
        if depth > DEEPEST:
            raise _broken(f"{re.split(r'[.[]', path)[0]} is nested more than {DEEPEST} levels deep", node)
        if self._count > MOST:
            raise _broken(f"holds more than {MOST} values", node)
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._at(item, f"{path}[{index}]", depth) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag.startswith(_TAG):
            return _scalar(node, path)
        raise _strange(node, path)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, item in cast("list[tuple[Node, Node]]", node.value):
            key = _scalar(name, path) if isinstance(name, ScalarNode) else name.tag.removeprefix(_TAG)
            if not isinstance(name, ScalarNode) or not isinstance(key, str):
                raise _broken(f"the key {key!r} under {path or 'the top'} is not text; quote it", name)
            if key in found:
                raise _broken(f'found duplicate key "{key}"', name)
            found[key] = self._at(item, joined(path, key), depth)
        return found

    def _at(self, node: Node, path: str, depth: int) -> Any:
        mark = node.start_mark
        self.sources[path] = Source(self.file, path, mark.line + 1, mark.column + 1)
        return self.value(node, path, depth + 1)


def _scalar(node: ScalarNode, path: str) -> Any:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _whole(text, node, path)
        case "float":
            return _number(text, node, path)
        case _:
            raise _strange(node, path)


def _whole(text: str, node: Node, path: str) -> int:
    plain = text.replace("_", "").lower()
    digits = plain.lstrip("+-")
    try:
        number = int(digits[2:], _BASES[digits[:2]]) if digits[:2] in _BASES else int(digits)
    except ValueError:
        raise _broken(f"the number at {path} is too large, or none", node) from None
    if number > 2**63:
        raise _broken(f"the number at {path} is too large", node)
    return -number if plain.startswith("-") else number


def _number(text: str, node: Node, path: str) -> float:
    try:
        number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise _broken(f"the number at {path} is none", node) from None
    if not math.isfinite(number):
        raise _broken(f"the number at {path} is not finite", node)
    return number


def _strange(node: Node, path: str) -> Broken:
    kind = node.tag.removeprefix(_TAG)
    return _broken(f"{path or 'the file'} is a YAML {kind}; quote it, or use plain values", node)


def _broken(problem: str, node: Node) -> Broken:
    return Broken(problem, node.start_mark.line + 1, node.start_mark.column + 1)
