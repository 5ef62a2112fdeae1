"""The statistics of a column and the distribution of its values, in a form that any two snapshots can be compared by.

A histogram's bins have a width of a power of two and begin at a multiple of it. So the edges depend on nothing but the
width, and two histograms made apart are brought onto the same bins exactly, by adding counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

BINS: Final = 32
"""Bins between the 1st and the 99th percentile, at most; up to two more where these lie inside of a bin."""
SMALLEST_EXPONENT: Final = -1000
TOP: Final = 50
"""Categories that are counted by name; the rest is counted together."""
LEAST_NAMED: Final = 5
"""Rows that a category needs to be named; rarer values may point at a person, and tell little of a distribution."""
LONGEST_NAMED: Final = 128
"""Characters of a category that is named; what is longer is text and no category."""
QUANTILES: Final = (10, 50, 100, 250, 500, 750, 900, 950, 990)
"""The quantiles of numbers, in thousandths; each is a value of the data (the inverse of the empirical distribution)."""

Kind: TypeAlias = Literal["numbers", "times", "categories", "opaque"]
_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"), "numbers"),
    **dict.fromkeys(("date", "timestamp"), "times"),
    **dict.fromkeys(("boolean", "string"), "categories"),
}
_WHOLE: Final = frozenset({"tinyint", "smallint", "int", "bigint", "date"})


class Value(BaseModel):
    """A value type: frozen, without unknown fields, not-a-number nor infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Histogram(Value):
    """Counts of numbers by bins: bin i holds `(first + i) · 2^exponent <= x < (first + i + 1) · 2^exponent`.

    `below` and `above` count what lies outside of all bins.
    """

    exponent: int
    first: int
    counts: tuple[int, ...] = Field(min_length=1)
    below: int = 0
    above: int = 0

    @property
    def total(self) -> int:
        """How many numbers were counted."""
        return self.below + sum(self.counts) + self.above

    @property
    def edges(self) -> list[float]:
        """The edges of the bins, one more than there are bins; one beyond the range of floats is infinite."""
        return [edge(self.first + index, self.exponent) for index in range(len(self.counts) + 1)]

    def onto(self, exponent: int, first: int, bins: int) -> Histogram:
        """The same counts on other bins, which are as wide or wider and don't reach beyond these.

        Raises `ValueError` for bins that these counts don't tell.
        """
        step = exponent - self.exponent
        begin, end = self.first, self.first + len(self.counts)
        if step < 0 or bins < 1 or first << step < begin or (first + bins) << step > end:
            raise ValueError("these bins are narrower than what was counted, or reach beyond it")
        counts = [0] * bins
        below, above = self.below, self.above
        for index, count in enumerate(self.counts):
            cell = ((begin + index) >> step) - first
            if cell < 0:
                below += count
            elif cell >= bins:
                above += count
            else:
                counts[cell] += count
        return Histogram(exponent=exponent, first=first, counts=tuple(counts), below=below, above=above)

    def by_cell(self, exponent: int) -> dict[int, int]:
        """The counts on bins of a width as wide or wider, by the bin's index; tails stand in the bins next to these."""
        step = exponent - self.exponent
        cells: dict[int, int] = {}
        for index, count in enumerate((self.below, *self.counts, self.above)):
            cell = (self.first - 1 + index) >> step
            cells[cell] = cells.get(cell, 0) + count
        return cells


def edge(index: int, exponent: int) -> float:
    """The lower edge of bin `index`: `index · 2^exponent`."""
    try:
        return math.ldexp(float(index), exponent)
    except OverflowError:
        return math.copysign(math.inf, index)


def bins_for(low: float, high: float, *, whole: bool) -> tuple[int, int, int]:
    """Exponent, first bin and number of bins for numbers that mostly lie between `low` and `high`.

    `whole`: they are whole numbers, and no bin is narrower than one.
    """
    width = high / BINS - low / BINS
    magnitude = math.frexp(max(abs(low), abs(high)))[1]
    mantissa, exponent = math.frexp(width) if width > 0 else (1.0, magnitude - 4)
    if mantissa == 0.5:
        exponent -= 1
    exponent = max(exponent, magnitude - 52, SMALLEST_EXPONENT, 0 if whole else SMALLEST_EXPONENT)
    first, last = (_bin_of(number, exponent) for number in (low, high))
    return exponent, first, last - first + 1


def _bin_of(number: float, exponent: int) -> int:
    """The bin that holds `number`; what is too small to be scaled lies beside zero all the same."""
    scaled = math.ldexp(number, -exponent)
    return -1 if number < 0 and not scaled else math.floor(scaled)


def together(one: Histogram, other: Histogram) -> tuple[list[int], list[int]]:
    """The counts of both on the same cells, in ascending order.

    Exact where the two have a bin in common: what is below, the common bins, what is above. Else the two lie apart, or
    one within a single bin of the other, and their tails (2 % at most) are counted next to their bins.
    """
    exponent = max(one.exponent, other.exponent)
    begins: list[int] = []
    ends: list[int] = []
    for histogram in (one, other):
        step = exponent - histogram.exponent
        begins.append(-(-histogram.first >> step))
        ends.append((histogram.first + len(histogram.counts)) >> step)
    first, bins = max(begins), min(ends) - max(begins)
    if bins >= 1:
        here, there = one.onto(exponent, first, bins), other.onto(exponent, first, bins)
        return [here.below, *here.counts, here.above], [there.below, *there.counts, there.above]
    cells, others = one.by_cell(exponent), other.by_cell(exponent)
    indices = sorted({*cells, *others})
    return [cells.get(index, 0) for index in indices], [others.get(index, 0) for index in indices]


class Quantile(Value):
    """The smallest number of the data that at least `thousandths` of a thousand numbers don't exceed."""

    thousandths: int
    value: float


class Numbers(Value):
    """The finite numbers of a column; `times` in seconds since 1970, UTC.

    `deviation` is the sample's standard deviation, absent for a single number and where it is no float. `not_finite`
    counts NaN and infinities.
    """

    kind: Literal["numbers", "times"]
    not_finite: int = 0
    minimum: float
    maximum: float
    mean: float
    deviation: float | None
    quantiles: tuple[Quantile, ...]
    histogram: Histogram


class Category(Value):
    """A value, and in how many rows it stands."""

    value: str
    count: int


class Categories(Value):
    """The values that most rows have, and in how many rows stands another.

    Named are the `TOP` most frequent, the most frequent first, with at least `LEAST_NAMED` rows each.
    """

    kind: Literal["categories"] = "categories"
    top: tuple[Category, ...]
    other: int

    def without(self, values: frozenset[str]) -> Categories:
        """The same distribution with `values` counted among the others."""
        gone = sum(category.count for category in self.top if category.value in values)
        kept = tuple(category for category in self.top if category.value not in values)
        return Categories(top=kept, other=self.other + gone)


Distribution: TypeAlias = Annotated[Numbers | Categories, Field(discriminator="kind")]


class ColumnStatistics(Value):
    """One column over all rows of a snapshot.

    `distinct` counts different values, absent where values have no order (arrays, maps, structs, binary). The
    distribution is absent for those, for columns that are personal, and where every row is null.
    """

    name: str
    rows: int
    nulls: int
    distinct: int | None
    distribution: Distribution | None = None


def kind_of(type_: str) -> Kind:
    """How values of a Glue type are counted."""
    return _KINDS.get(type_.partition("(")[0], "opaque")


def is_whole(type_: str) -> bool:
    """Whether values of a Glue type are whole numbers, or whole days."""
    return type_ in _WHOLE


def distance(one: Distribution, other: Distribution) -> float | None:
    """The Jensen-Shannon distance of two distributions, 0 (the same) to 1 (nothing in common).

    Absent for two that can't be compared: of another kind, or without values.
    """
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return jensen_shannon(*together(one.histogram, other.histogram)) if one.kind == other.kind else None
    if isinstance(one, Categories) and isinstance(other, Categories):
        return jensen_shannon(*_named(one, other))
    return None


def _named(one: Categories, other: Categories) -> tuple[list[int], list[int]]:
    """The counts of each value that both sides tell, and of all others."""
    here, there = ({category.value: category.count for category in side.top} for side in (one, other))
    known = [
        value
        for value in sorted({*here, *there})
        if (value in here or not one.other) and (value in there or not other.other)
    ]
    counts = [[found.get(value, 0) for value in known] for found in (here, there)]
    for named, found, side in zip(counts, (here, there), (one, other), strict=True):
        named.append(side.other + sum(found.values()) - sum(named))
    return counts[0], counts[1]


def jensen_shannon(one: Sequence[int], other: Sequence[int]) -> float | None:
    """The Jensen-Shannon distance (base 2) of counts on the same cells; absent where one side has none."""
    total, totals = sum(one), sum(other)
    if not total or not totals:
        return None
    terms: list[float] = []
    for here, there in zip(one, other, strict=True):
        p, q = here / total, there / totals
        middle = (p + q) / 2
        terms += [share * math.log2(share / middle) / 2 for share in (p, q) if share]
    return math.sqrt(min(1.0, max(0.0, math.fsum(terms))))
