"""A stack's price in a month: lines from least to most, what each assumes, and what has no price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard.assess.cost.prices import ON_DEMAND, PriceTable, Quality, shipped
from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.blueprints.usage import Range, UsageSpec

HOURS: Final = 730
"""Hours in a month, as AWS's calculator counts them."""
_FREE_KINDS: Final = ("pulumi:", "kubernetes:")
"""How types begin that cost nothing by themselves, but for those that have an estimate."""
RESOURCE: Final = "resource"
"""The item of a price for any resource of a type."""


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

    def from_least(self, low: float) -> Line:
        """The same line with another least."""
        return replace(self, low=low)

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

        def owner(line: Line) -> str:
            node = self.graph.by_urn[line.urn]
            return (self.graph.top_component_of(node) or node).name

        return self._summed(owner)

    def by_resource(self) -> dict[str, tuple[float, float]]:
        """Least and most of each resource that costs anything, by its URN."""
        return self._summed(lambda line: line.urn)

    def _summed(self, key: Callable[[Line], str]) -> dict[str, tuple[float, float]]:
        found: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for line in self.lines:
            low, high = found[key(line)]
            found[key(line)] = low + line.low, high + line.high
        return dict(sorted(found.items(), key=lambda item: (-item[1][1], item[0])))


class Meter:
    """Writes the lines of one resource."""

    def __init__(self, subject: Subject, prices: PriceTable, usage: UsageSpec) -> None:
        self.subject, self.usage = subject, usage
        self._prices, self._region = prices, subject.around.region

    def takes(
        self,
        service: str,
        item: str,
        amount: Range | float,
        *,
        per: float = 1,
        assumes: str = "",
        least_kind: str = ON_DEMAND,
    ) -> Line | Unknown:
        """What `amount` of an item costs; `per`: how many of them each counted unit is.

        `least_kind`: the kind of price at the low end, where it is known.
        """
        given = Range(low=amount, high=amount) if isinstance(amount, int | float) else amount
        price = self._prices.get(service, item, self._region)
        urn, what = self.subject.node.urn, f"{service}: {item}"
        if price is None:
            return Unknown(urn, what, f"there is no price of it in {self._region}")
        least = self._prices.get(service, item, self._region, least_kind) or price
        return Line(
            urn,
            what,
            given.low * per * least.usd,
            given.high * per * price.usd,
            assumes or f"{given.low * per:g} to {given.high * per:g} {price.unit}",
            price.quality,
            price.source,
            price.as_of,
        )


Estimate = Callable[[Subject, Meter], Iterator[Line | Unknown]]


def priced(stack: Stack, estimates: Mapping[str, Estimate], free: Iterable[str]) -> Bill:
    """The bill of a stack. `estimates`: by resource type; `free`: types that cost nothing by themselves.

    A type that is neither costs what the price table says of one such resource: its type as the service, `resource` as
    the item.
    """
    graph, around, nothing = stack.graph, stack.around, frozenset(free)
    prices, usage = around.prices or shipped(), around.usage or UsageSpec()
    lines: list[Line] = []
    unknown: list[Unknown] = []
    for node in graph.nodes:
        estimate = estimates.get(node.kind)
        nobodys = node.kind in nothing or (estimate is None and node.kind.startswith(_FREE_KINDS))
        if not node.custom or node.external or nobodys:
            continue
        subject = Subject(stack, node)
        meter = Meter(subject, prices, usage)
        try:
            for found in (estimate or _by_its_type)(subject, meter):
                (lines if isinstance(found, Line) else unknown).append(found)  # pyright: ignore[reportArgumentType]
        except Undecided as open_:
            unknown.append(Unknown(node.urn, node.kind, f"{open_.path} isn't known before the deployment"))
    return Bill(graph, tuple(lines), tuple(unknown))


def _by_its_type(subject: Subject, meter: Meter) -> Iterator[Line | Unknown]:
    kind = subject.node.kind
    found = meter.takes(kind, RESOURCE, 1, assumes="a price of your own")
    yield found if isinstance(found, Line) else Unknown(subject.node.urn, kind, "nobody here knows what it costs")
