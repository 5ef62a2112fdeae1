"""A stack's price in a month: lines from least to most, what each assumes, and what has no price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.cost.prices import PriceTable, Quality
from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Stack, Subject, Surroundings
from modelyard.blueprints.usage import Range, UsageSpec

HOURS: Final = 730
"""Hours in a month, as AWS's calculator counts them."""
_SUREST: Final = tuple(Quality)


@dataclass(frozen=True, slots=True)
class Line:
    """What one meter of one resource costs in a month, in dollars, and what that assumes."""

    urn: str
    what: str
    low: float
    high: float
    assumes: str
    quality: Quality
    source: str
    as_of: str

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Unknown:
    """What has no price, and why: it counts as unknown, never as nothing."""

    urn: str
    what: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of a stack."""

    graph: Graph
    lines: tuple[Line, ...]
    unknown: tuple[Unknown, ...]

    @property
    def low(self) -> float:
        """The least that the stack costs in a month, in dollars, without what is unknown."""
        return sum(line.low for line in self.lines)

    @property
    def high(self) -> float:
        """The most."""
        return sum(line.high for line in self.lines)

    def by_quality(self) -> dict[Quality, float]:
        """How much of the most rests on figures of each quality."""
        found = dict.fromkeys(Quality, 0.0)
        for line in self.lines:
            found[line.quality] += line.high
        return found

    def by_component(self) -> dict[str, tuple[float, float]]:
        """Least and most of each outermost component, by its name; what hangs under the stack itself by its own."""
        found: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for line in self.lines:
            node = self.graph.by_urn[line.urn]
            owner = self.graph.top_component_of(node) or node
            low, high = found[owner.name]
            found[owner.name] = low + line.low, high + line.high
        return dict(sorted(found.items(), key=lambda item: (-item[1][1], item[0])))


class Meter:
    """Writes the lines of one resource."""

    def __init__(self, subject: Subject, prices: PriceTable, usage: UsageSpec) -> None:
        self.subject, self.usage = subject, usage
        self._prices, self._region = prices, subject.around.region

    def takes(
        self, service: str, item: str, amount: Range | float, *, per: float = 1, assumes: str = ""
    ) -> Line | Unknown:
        """What `amount` of an item costs; `per`: how many of them each counted unit is."""
        given = Range(low=amount, high=amount) if isinstance(amount, int | float) else amount
        price = self._prices.get(service, item, self._region)
        urn, what = self.subject.node.urn, f"{service}: {item}"
        if price is None:
            return Unknown(urn, what, f"there is no price of it in {self._region}")
        return Line(
            urn,
            what,
            given.low * per * price.usd,
            given.high * per * price.usd,
            assumes or f"{given.low * per:g} to {given.high * per:g} {price.unit}",
            price.quality,
            price.source,
            price.as_of,
        )


Estimate = Callable[[Subject, Meter], Iterator[Line | Unknown]]


def priced(
    graph: Graph,
    around: Surroundings,
    estimates: Mapping[str, Estimate],
    free: Iterable[str],
    *,
    prices: PriceTable,
    usage: UsageSpec,
) -> Bill:
    """The bill of a stack. `estimates`: by resource type; `free`: types that cost nothing by themselves."""
    stack, nothing = Stack(graph, around), frozenset(free)
    lines: list[Line] = []
    unknown: list[Unknown] = []
    for node in graph.nodes:
        if not node.custom or node.external or node.kind in nothing or node.kind.startswith("pulumi:"):
            continue
        estimate, subject = estimates.get(node.kind), Subject(stack, node)
        if estimate is None:
            unknown.append(Unknown(node.urn, node.kind, "nobody here knows what it costs"))
            continue
        try:
            for found in estimate(subject, Meter(subject, prices, usage)):
                (lines if isinstance(found, Line) else unknown).append(found)  # pyright: ignore[reportArgumentType]
        except Undecided as open_:
            unknown.append(Unknown(node.urn, node.kind, f"{open_.path} isn't known before the deployment"))
    return Bill(graph, tuple(lines), tuple(unknown))
