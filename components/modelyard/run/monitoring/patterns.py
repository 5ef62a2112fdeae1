"""Request patterns that look like the extraction of a model, or like an attack on it; with the standard library alone.

The function that reads captured calls ships this file as it is. What is looked for:
- sweeps: inputs that lie on a line, all but one value alike, as line searches and grids do (Lowd and Meek 2005,
  "Adversarial learning"; Tramèr et al. 2016, "Stealing machine learning models via prediction APIs").
- distances, steps: distances between inputs that don't scatter as ordinary ones do, or are the same, because synthetic
  inputs are made from others in steps of one size (Juuti et al. 2019, "PRADA: protecting against DNN model stealing
  attacks").
- outside: values beyond their ranges, since whoever has no data guesses (Tramèr et al. 2016).
- boundary: answers next to the threshold, where adaptive queries and evasion gather (Tramèr 2016; Lowd and Meek 2005).
- share of one: how much of the traffic one caller makes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelyard.core.captured import Call, Row

ON_A_LINE: Final = 3
"""Inputs that differ in one value alone, and make a line."""
SAME: Final = 0.01
"""Relative difference up to which two distances are the same."""
LEAST_DISTANCES: Final = 50
"""Distinct inputs below which distances tell nothing; PRADA waits for as many."""
CONTINUOUS: Final = 0.1
"""Distinct values, as a share of the inputs, from which on a column is a measure rather than a class."""
SEVERAL: Final = 15
"""Distinct values from which on a column is a measure for sweeps: who walks a grid leaves few in each column."""
LEAST_MEASURES: Final = 3
"""Measures below which distances are few and equal by themselves."""
MANY_NUMBERS: Final = 10
"""Columns of numbers from which on distances scatter, though each column has few values, as pixels do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at. `ranges`: least and most by column's position; `threshold` of the answer in column `answer`.

    `least`: inputs below which nothing is said. `most`: inputs of one caller that are compared, the newest of them.
    """

    least: int = 100
    most: int = 1000
    ranges: Mapping[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    threshold: float | None = None
    margin: float = 0.02
    answer: int = 0


def measured(calls: Iterable[Call], look: Look) -> dict[str, float]:
    """What was found, by the metric's name less its kind; what can't be told of these calls isn't in it.

    Where calls say who made them, each caller's inputs are compared among themselves, and the worst one tells.
    """
    found = [call for call in calls if not call.probed and call.rows]
    by_caller: dict[str, list[Row]] = {}
    for call in found:
        by_caller.setdefault(call.caller, []).extend(call.rows)
    total = sum(map(len, by_caller.values()))
    values: dict[str, float] = {"inputs": float(total)}
    if total < look.least:
        return values
    known = [len(rows) for caller, rows in by_caller.items() if caller]
    if known:
        values["share_of_one"] = max(known) / total
    large = [rows[-look.most :] for rows in by_caller.values() if len(rows) >= look.least]
    if large:
        values["sweeps"] = max(map(sweeps, large))
    for name, tells in (("distances", distances), ("steps", steps)):
        told = [value for value in map(tells, large) if value is not None]
        if told:
            values[name] = max(told)
    judged = [
        not least <= value <= most
        for rows in by_caller.values()
        for row in rows
        for position, (least, most) in look.ranges.items()
        if position < len(row) and isinstance(value := row[position], float)
    ]
    if judged:
        values["outside"] = sum(judged) / len(judged)
    answers = [answer[look.answer] for call in found for answer in call.answers if look.answer < len(answer)]
    if look.threshold is not None and answers:
        near = [isinstance(value, float) and abs(value - look.threshold) <= look.margin for value in answers]
        values["boundary"] = sum(near) / len(near)
    return values


def sweeps(rows: Sequence[Row]) -> float:
    """The share of the distinct inputs that lie on a line: they differ from two others in the same value alone.

    What moves is a number, and a measure is among those that stay: else ordinary calls would lie on lines.
    """
    distinct = _distinct(rows)
    numbers, measures = _numbers(distinct), set(_measures(distinct, SEVERAL))
    lines: dict[tuple[int, int], list[int]] = {}
    for index, row in enumerate(distinct):
        parts = [hash((position, str(value))) for position, value in enumerate(row)]
        whole = sum(parts)
        for position in numbers:
            if measures - {position}:
                lines.setdefault((position, whole - parts[position]), []).append(index)
    swept = {index for line in lines.values() if len(line) >= ON_A_LINE for index in line}
    return len(swept) / len(distinct) if distinct else 0.0


def distances(rows: Sequence[Row]) -> float | None:
    """How far the distances to the nearest other input are from a normal distribution, 0 to 1; None: can't be told.

    1 less the statistic of Shapiro and Francia (1972), of the distances or of their logarithms, whichever is nearer:
    PRADA takes the distances, and those of skewed measures, such as amounts, are log-normal.
    """
    nearest = _nearest_of(rows)
    if len(nearest) < LEAST_DISTANCES:
        return None
    return 1 - max(normality(nearest), normality([math.log(value) for value in nearest]))


def steps(rows: Sequence[Row]) -> float | None:
    """The largest share of the inputs whose distances to the nearest other input are the same; None: can't be told.

    Inputs that a program makes from others in steps of one size are found among ordinary ones, too.
    """
    nearest = sorted(_nearest_of(rows))
    if len(nearest) < LEAST_DISTANCES:
        return None
    first, most = 0, 0
    for last, value in enumerate(nearest):
        while value > nearest[first] * (1 + SAME):
            first += 1
        most = max(most, last - first + 1)
    return most / len(nearest)


def _nearest_of(rows: Sequence[Row]) -> list[float]:
    """The distance of each distinct input to the nearest other one; none where distances are few by themselves."""
    distinct = _distinct(rows)
    chosen = _measures(distinct)
    if len(chosen) < LEAST_MEASURES:
        numbers = _numbers(distinct)
        chosen = numbers if len(numbers) >= MANY_NUMBERS else []
    return [value for value in _nearest(_scaled(distinct, chosen)) if value > 0] if chosen else []


def normality(values: Sequence[float]) -> float:
    """The statistic of Shapiro and Francia: the squared correlation of values with a normal sample's; 1 is normal.

    Its expected values are Blom's. All values alike give 0.
    """
    ordered, normal, count = sorted(values), statistics.NormalDist(), len(values)
    expected = [normal.inv_cdf((rank - 0.375) / (count + 0.25)) for rank in range(1, count + 1)]
    mean = statistics.fmean(ordered)
    spread = math.fsum((value - mean) ** 2 for value in ordered)
    if spread <= count * (1e-9 * abs(mean)) ** 2:
        return 0.0
    together = math.fsum(a * b for a, b in zip(expected, ordered, strict=True))
    return together**2 / (spread * math.fsum(a * a for a in expected))


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Distinct inputs of the usual width: retries and repetition say nothing."""
    width = statistics.mode(map(len, rows)) if rows else 0
    return list(dict.fromkeys(row for row in rows if len(row) == width))


def _numbers(rows: Sequence[Row]) -> list[int]:
    """The columns that are numbers throughout, and not all the same."""
    columns = enumerate(zip(*rows, strict=True))
    return [at for at, column in columns if all(isinstance(v, float) for v in column) and len(set(column)) > 1]


def _measures(rows: Sequence[Row], enough: float = math.inf) -> list[int]:
    """The columns of numbers with many different values, or with `enough`."""
    wanted = min(enough, CONTINUOUS * len(rows))
    return [at for at in _numbers(rows) if len({row[at] for row in rows}) >= wanted]


def _scaled(rows: Sequence[Row], columns: Sequence[int]) -> list[tuple[float, ...]]:
    """These columns, each with a standard deviation of one."""
    scaled: list[list[float]] = []
    for at in columns:
        column = [float(row[at]) for row in rows]
        spread = statistics.pstdev(column)
        scaled.append([value / spread for value in column])
    return list(zip(*scaled, strict=True))


def _nearest(points: Sequence[tuple[float, ...]]) -> list[float]:
    nearest = [math.inf] * len(points)
    for one, point in enumerate(points):
        for other in range(one):
            between = math.dist(point, points[other])
            if between < nearest[one]:
                nearest[one] = between
            if between < nearest[other]:
                nearest[other] = between
    return nearest
