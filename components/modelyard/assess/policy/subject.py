"""What a rule looks at: one resource, its properties, and the rest of its stack."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.rule import Undecided

if TYPE_CHECKING:
    from datetime import date

    from modelyard.assess.cost.prices import PriceTable
    from modelyard.blueprints.ceilings import Ceiling
    from modelyard.blueprints.usage import UsageSpec

_STEP: Final = re.compile(r"[^.\[\]]+")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a graph doesn't say of its stack, and rules ask.

    `registries`: hosts and repositories that images may come from, each with all below it; empty: the account's own.
    `ceiling`: what the stack may cost; absent, nobody said. `usage` and `prices`: what its price depends on; absent,
    the usual, and the shipped table. `today`: the day that is asked of; absent, the one on which Modelyard's own tables
    were made.
    """

    environment: str = ""
    production: bool = False
    region: str = ""
    account: str = ""
    team: str | None = None
    registries: tuple[str, ...] = ()
    ceiling: Ceiling | None = None
    usage: UsageSpec | None = None
    prices: PriceTable | None = None
    today: date | None = None


class Stack:
    """A graph with its surroundings, and who points to whom in it."""

    def __init__(self, graph: Graph, around: Surroundings) -> None:
        self.graph = graph
        self.around = around
        self._pointing: dict[tuple[str, str], dict[str, list[Node]]] = {}
        self._found: dict[object, object] = {}

    def subjects(self, *types: str) -> Iterator[Subject]:
        """The stack's own resources of these types; what it only reads isn't its to answer for."""
        return (Subject(self, node) for node in self.graph.of_type(*types) if not node.external)

    def once(self, find: Callable[[Stack], _Found]) -> _Found:
        """What `find` finds in the whole stack: it looks once, however many resources ask."""
        if find not in self._found:
            self._found[find] = find(self)
        return cast(_Found, self._found[find])

    def pointing(self, at: Node, kind: str, by: str) -> list[Node]:
        """The nodes of type `kind` whose property `by` comes from `at`, or names it."""
        known = self._pointing.get((kind, by))
        if known is None:
            known = self._pointing[kind, by] = self._index(kind, by)
        found = {node.urn: node for key in (at.urn, *_names(at)) for node in known.get(key, ())}
        return list(found.values())

    def _index(self, kind: str, by: str) -> dict[str, list[Node]]:
        found: defaultdict[str, list[Node]] = defaultdict(list)
        for node in self.graph.of_type(kind):
            for urn in node.property_dependencies.get(by, ()):
                found[urn].append(node)
            value = node.properties.get(by)
            if isinstance(value, str):
                found[value].append(node)
        return found


class Subject:
    """One resource, as a rule asks about it."""

    __slots__ = ("node", "stack")

    def __init__(self, stack: Stack, node: Node) -> None:
        self.stack = stack
        self.node = node

    @property
    def around(self) -> Surroundings:
        """What the graph doesn't say of the stack."""
        return self.stack.around

    @property
    def name(self) -> str:
        """The logical name."""
        return self.node.name

    def get(self, path: str, default: Any = None) -> Any:
        """The property at `path`, as `rules[0].noncurrent.days`, secret or not; `default` where there is none.

        Lists and mappings may hold unknown values further in. Raises `Undecided` where a value on the way is unknown.
        """
        return _revealed(self.as_written(path, default))

    def as_written(self, path: str, default: Any = None) -> Any:
        """As `get`, but what is secret stays marked as such: for rules that ask just that."""
        value: Any = self.node.desired
        for step in _steps(path):
            value = value.value if isinstance(value, Secret) else value
            if value is UNKNOWN:
                raise Undecided(path)
            if isinstance(value, Mapping):
                value = value.get(step)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):  # pyright: ignore
                value = value[int(step)]  # pyright: ignore[reportUnknownVariableType]
            else:
                return default
        if value is UNKNOWN or (isinstance(value, Secret) and value.value is UNKNOWN):
            raise Undecided(path)
        return default if value is None else value

    def each(self, path: str) -> list[Any]:
        """What the list at `path` holds; none where there is no list. Raises `Undecided` where a part is unknown."""
        return [self.get(f"{path}[{index}]") for index in range(len(self.get(path, [])))]

    def says(self, path: str) -> bool:
        """Whether something stands at `path`. An output of another resource does, though nobody knows it yet.

        Raises `Undecided` for an unknown value of which nobody knows where it comes from.
        """
        try:
            return self.get(path) not in (None, "", [], {})
        except Undecided:
            if self.node.property_dependencies.get(_steps(path)[0]):
                return True
            raise

    def parts(self, kind: str, by: str) -> list[Subject]:
        """The resources of type `kind` whose property `by` names this one."""
        return [Subject(self.stack, node) for node in self.stack.pointing(self.node, kind, by) if not node.external]

    @property
    def tags(self) -> Mapping[str, Any]:
        """The tags that it bears."""
        return self.get("tags", {})


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return _revealed(value.value)
    if isinstance(value, Mapping):
        return {key: _revealed(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_revealed(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(_STEP.findall(path))


def _names(node: Node) -> Iterator[str]:
    """What others may call it by."""
    for values in (node.outputs, node.properties):
        for key in ("arn", "id", "name", "bucket"):
            value = values.get(key)
            if isinstance(value, str) and value:
                yield value
