"""How far a column moved from its reference: population stability index, and a test of whether that is chance.

Numbers are counted between the deciles of the reference and compared by the two-sample Kolmogorov-Smirnov test;
categories are counted by name and compared by the chi-square test of homogeneity.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from modelyard.core.distributions import Value
from modelyard_jobs.monitors_read import category, number

BINS: Final = 10
FEW: Final = 20
"""Different numbers that are counted one by one, such as ratings."""
TOP: Final = 50
"""Categories that are counted by name; the rest is counted together."""
KEPT: Final = 500
"""Numbers of a reference that are kept, evenly through its order, so that whole rows can't be told from them."""
CHANCE: Final = 0.01
"""How often a column that stayed may seem to have moved, over all columns of a run together."""
_ADDED: Final = 0.5
_OTHER: Final = "\u0000other"


class Reference(Value):
    """A column as the model knew it. `edges` and `kept` are of numbers, `names` of categories."""

    name: str
    kind: str
    rows: int
    missing: int
    edges: tuple[float, ...] = ()
    kept: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    counts: tuple[int, ...]
    mean: float | None = None
    deviation: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing


class Moved(Value):
    """How far a column moved. `p` is the chance of that much, or more, where nothing moved."""

    name: str
    psi: float
    p: float
    test: str

    def significant(self, of: int) -> bool:
        """Whether it is no chance, where `of` columns are looked at (Bonferroni)."""
        return self.p < CHANCE / max(of, 1)


def reference_of(name: str, kind: str, values: Sequence[Any]) -> Reference:
    """A column's values, as later ones are compared with."""
    if kind == "number":
        numbers = np.asarray([number(value) for value in values], dtype=float)
        found = np.sort(numbers[np.isfinite(numbers)])
        missing = len(values) - len(found)
        if not len(found):
            return Reference(name=name, kind=kind, rows=len(values), missing=missing, counts=(0,))
        edges = _edges(found)
        picked = np.linspace(0, len(found) - 1, min(KEPT, len(found))).round().astype(int)
        return Reference(
            name=name,
            kind=kind,
            rows=len(values),
            missing=missing,
            edges=tuple(map(float, edges)),
            kept=tuple(map(float, found[picked])),
            counts=tuple(map(int, _counted(found, edges))),
            mean=float(found.mean()),
            deviation=float(found.std(ddof=1)) if len(found) > 1 else 0.0,
            least=float(found[0]),
            most=float(found[-1]),
        )
    named = Counter(each for value in values if (each := category(value)) is not None)
    top = sorted(named.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    rest = sum(named.values()) - sum(count for _, count in top)
    return Reference(
        name=name,
        kind=kind,
        rows=len(values),
        missing=len(values) - sum(named.values()),
        names=tuple(value for value, _ in top),
        counts=(*(count for _, count in top), rest),
    )


def moved(reference: Reference, values: Sequence[Any]) -> Moved | None:
    """How far `values` are from the reference; None where one side has none."""
    from scipy import stats

    if reference.kind == "number":
        numbers = np.asarray([number(value) for value in values], dtype=float)
        found = numbers[np.isfinite(numbers)]
        if not len(found) or not reference.kept:
            return None
        now = _counted(found, np.asarray(reference.edges))
        tested: Any = stats.ks_2samp(reference.kept, found, method="asymp")
        return Moved(name=reference.name, psi=psi(reference.counts, now), p=float(tested.pvalue), test="ks")
    named = Counter(each for value in values if (each := category(value)) is not None)
    if not named or not reference.present:
        return None
    counts = [named.pop(name, 0) for name in reference.names]
    counts.append(sum(named.values()))
    both = np.asarray([reference.counts, counts], dtype=float)
    both = both[:, both.sum(axis=0) > 0]
    tested: Any = stats.chi2_contingency(both) if both.shape[1] > 1 else None
    p = float(tested.pvalue) if tested is not None else 1.0
    return Moved(name=reference.name, psi=psi(reference.counts, counts), p=p, test="chi2")


def psi(expected: Sequence[int], found: Sequence[int] | np.ndarray) -> float:
    """The population stability index of counts on the same cells; half a row is added to each, so that none is empty.

    Below 0.1 nothing is seen to move; above 0.2 or 0.25 a model is usually looked at again (Siddiqi, Credit Risk
    Scorecards, 2006).
    """
    one = np.asarray(expected, dtype=float) + _ADDED
    other = np.asarray(found, dtype=float) + _ADDED
    one, other = one / one.sum(), other / other.sum()
    return max(0.0, float(((other - one) * np.log(other / one)).sum()))


def entropy(probability: float) -> float:
    """How uncertain a probability of one of two classes is, in bits: 0 to 1."""
    return -math.fsum(part * math.log2(part) for part in (probability, 1 - probability) if 0 < part < 1)


def _edges(found: np.ndarray) -> np.ndarray:
    different = np.unique(found)
    if len(different) <= FEW:
        return (different[1:] + different[:-1]) / 2 if len(different) > 1 else _around(different[0])
    return np.unique(np.quantile(found, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))


def _around(only: float) -> np.ndarray:
    """Edges around the one number of a constant column, so that another is seen."""
    return np.asarray([np.nextafter(only, -np.inf), np.nextafter(only, np.inf)])


def _counted(found: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, found, side="right"), minlength=len(edges) + 1)
