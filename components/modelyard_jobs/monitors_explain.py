"""Which columns matter to the predictions: Shapley values of a simple model that follows the real one.

A monitor's job reaches no network, so it can't ask the model. Trees that learn the captured predictions stand for it,
as far as they follow them; their Shapley values are exact (shap's TreeExplainer).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from modelyard.core.distributions import Value
from modelyard.core.monitors import Plan
from modelyard_jobs.monitors_read import Call, category, number

LEAST_FIDELITY: Final = 0.5
"""The share of the predictions' variance, on rows it didn't learn from, that the simple model must follow."""
_LEARNT, _EXPLAINED, _TREES, _DEPTH = 5_000, 500, 50, 8
_HELD_BACK: Final = 0.25


class Explained(Value):
    """Each column's share of the mean absolute attribution; `fidelity` is the simple model's R² on held-back rows."""

    shares: dict[str, float]
    fidelity: float


def explained(plan: Plan, calls: Sequence[Call]) -> Explained | None:
    """What matters to the predictions of `calls`; None where no simple model follows them."""
    import shap
    from sklearn.ensemble import RandomForestRegressor

    known = [(call, value) for call in calls if math.isfinite(value := _value(plan, call))]
    chance = np.random.default_rng(0)
    order = chance.permutation(len(known))[:_LEARNT]
    chosen = [known[index] for index in order]
    wanted = np.asarray([value for _, value in chosen])
    if len(chosen) < 2 or not np.std(wanted):
        return None
    rows = _matrix(plan, [call for call, _ in chosen])
    back = max(1, int(len(chosen) * _HELD_BACK))
    forest = RandomForestRegressor(n_estimators=_TREES, max_depth=_DEPTH, random_state=0, n_jobs=1)
    forest.fit(rows[back:], wanted[back:])
    fidelity = float(forest.score(rows[:back], wanted[:back]))
    if not fidelity >= LEAST_FIDELITY:
        return None
    values = np.asarray(shap.TreeExplainer(forest).shap_values(rows[:_EXPLAINED]))
    mean = np.abs(values).mean(axis=0)
    total = float(mean.sum())
    if not total:
        return None
    return Explained(
        shares={column.name: float(part) / total for column, part in zip(plan.columns, mean, strict=True)},
        fidelity=fidelity,
    )


def rank(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """The normalised discounted cumulative gain of today's ranking, by yesterday's attributions: 1 for the same order.

    Source: sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift, which takes 0.9 for a drift.
    """

    def gain(order: Sequence[str]) -> float:
        return sum(before[name] / math.log2(place + 2) for place, name in enumerate(order))

    ideal = gain(sorted(before, key=lambda name: -before[name]))
    return gain(sorted(before, key=lambda name: -now[name])) / ideal if ideal else 1.0


def _value(plan: Plan, call: Call) -> float:
    if call.probability is not None:
        return call.probability
    if plan.problem == "regression":
        return number(call.prediction)
    return float(category(call.prediction) == category(plan.positive)) if call.prediction is not None else math.nan


def _matrix(plan: Plan, calls: Sequence[Call]) -> np.ndarray:
    """Columns of numbers, what is missing below all of them; categories by their place in the alphabet."""
    columns: list[np.ndarray] = []
    for column in plan.columns:
        values: list[Any] = [call.features.get(column.name) for call in calls]
        if column.kind == "number":
            numbers = np.asarray([number(value) for value in values])
            finite = numbers[np.isfinite(numbers)]
            columns.append(np.where(np.isfinite(numbers), numbers, (finite.min() - 1) if len(finite) else 0.0))
        else:
            names = [str(category(value)) for value in values]
            order = {name: place for place, name in enumerate(sorted(set(names)))}
            columns.append(np.asarray([order[name] for name in names], dtype=float))
    return np.column_stack(columns)
