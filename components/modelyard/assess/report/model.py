"""What a report tells of: stacks with their graphs, and what the checks, the prices and the grants say of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelyard.assess.access.uses import Used
from modelyard.assess.cost.bill import Bill
from modelyard.assess.cost.changes import Amount, Change
from modelyard.assess.graph.model import Graph
from modelyard.assess.impact.plan import Plan
from modelyard.assess.policy.examine import Checked, Examined


@dataclass(frozen=True, slots=True)
class Reach:
    """What one identity may do.

    `role`: the component that it works for, or `deployment`. `may`: things, and the intents of the grant on each,
    none where the statement was written without one. `refused`: what it is granted and something else denies.
    """

    identity: str
    role: str
    people: tuple[str, ...]
    trusted: tuple[str, ...]
    may: tuple[tuple[str, tuple[str, ...]], ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackReport:
    """One stack in one environment.

    `platform`: the graph that it reads its contract from; the stack's own graph for the platform. `before`: least and
    most dollars a month at the commit that it is compared with; None where nothing was compared.
    """

    examined: Examined
    graph: Graph
    platform: Graph
    bill: Bill
    region: str
    reaches: tuple[Reach, ...] = ()
    uses: tuple[Used, ...] = ()
    unread: tuple[str, ...] = ()
    before: Amount | None = None

    @property
    def stack(self) -> str:
        """`platform`, or the team."""
        return self.examined.stack

    @property
    def environment(self) -> str:
        """The environment."""
        return self.examined.environment

    @property
    def name(self) -> str:
        """The stack in its environment: `fraud in prod`."""
        return self.examined.name

    @property
    def price(self) -> Amount:
        """Least and most dollars a month."""
        return self.bill.low, self.bill.high

    @property
    def price_change(self) -> Change | None:
        """How the price differs from that at the commit; None where nothing was compared."""
        return None if self.before is None else Change(self.name, self.before, self.price)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page and the comment say.

    `plan`: what the files would change beside the commit `against`; None where nothing was compared. `gone`: least and
    most dollars a month of stacks that only that commit has, by name. `only_picture`: nothing but the graphs is known,
    so the page is their picture.
    """

    title: str
    made_at: datetime
    source: Mapping[str, Any]
    checked: Checked
    stacks: tuple[StackReport, ...]
    against: str = ""
    plan: Plan | None = None
    gone: Mapping[str, Amount] = field(default_factory=dict[str, Amount])
    only_picture: bool = False

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments, in their order."""
        return tuple(dict.fromkeys(one.environment for one in self.stacks))

    @property
    def graphs(self) -> Iterator[Graph]:
        """Every graph that something is told of, the platforms' among them."""
        for one in self.stacks:
            yield from (one.graph, one.platform)

    @property
    def price(self) -> Amount:
        """Least and most dollars a month of all stacks."""
        return _sum(one.price for one in self.stacks)

    @property
    def price_change(self) -> Change | None:
        """How the price of all stacks differs from that at the commit, those that are gone among them."""
        befores = [one.before for one in self.stacks if one.before is not None]
        if not befores and not self.gone:
            return None
        return Change("all stacks", _sum((*befores, *self.gone.values())), self.price)


def _sum(amounts: Iterable[Amount]) -> Amount:
    found = list(amounts)
    return sum(low for low, _ in found), sum(high for _, high in found)
