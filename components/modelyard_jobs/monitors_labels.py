"""How right the answers were, and how alike groups fared: figures of calls whose label came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from modelyard.core.monitors import Plan
from modelyard_jobs.monitors_read import Call, category, number

LEAST_OF_A_GROUP: Final = 30
"""Calls of a group below which its rates aren't compared."""


def errors(plan: Plan, calls: Sequence[Call]) -> list[float]:
    """How wrong each call was: by how much, or 0 and 1 where classes are told."""
    if plan.problem == "regression":
        errors = [abs(number(call.prediction) - number(call.label)) for call in calls]
        return [error for error in errors if math.isfinite(error)]
    return [float(not _right(plan, call)) for call in calls]


def _right(plan: Plan, call: Call) -> bool:
    if plan.problem == "binary":
        return _positive(plan, call.prediction) == _positive(plan, call.label)
    return category(call.prediction) == category(call.label)


def _positive(plan: Plan, value: Any) -> bool:
    return category(value) == category(plan.positive)


def by_time(calls: Sequence[Call], parts: int) -> list[list[Call]]:
    """The calls in parts of equal time, the oldest first."""
    first, last = min(call.at for call in calls), max(call.at for call in calls)
    length = (last - first).total_seconds() / parts
    cut: list[list[Call]] = [[] for _ in range(parts)]
    for call in calls:
        place = int((call.at - first).total_seconds() / length) if length else parts - 1
        cut[min(place, parts - 1)].append(call)
    return cut


def quality(plan: Plan, calls: Sequence[Call]) -> dict[str, float]:
    """The usual metrics of the problem; the area under the curve where there are probabilities and both classes."""
    from sklearn import metrics

    if plan.problem == "regression":
        pairs = [(number(call.label), number(call.prediction)) for call in calls]
        pairs = [(truth, said) for truth, said in pairs if math.isfinite(truth) and math.isfinite(said)]
        if len(pairs) < 2:
            return {}
        labels, answers = [truth for truth, _ in pairs], [said for _, said in pairs]
        return {
            "mae": float(metrics.mean_absolute_error(labels, answers)),
            "rmse": float(metrics.root_mean_squared_error(labels, answers)),
            "r2": float(metrics.r2_score(labels, answers)),
        }
    truth: list[Any]
    said: list[Any]
    scores: list[float] = []
    if plan.problem == "multiclass":
        truth = [str(category(call.label)) for call in calls]
        said = [str(category(call.prediction)) for call in calls]
    else:
        truth = [int(_positive(plan, call.label)) for call in calls]
        said = [int(_positive(plan, call.prediction)) for call in calls]
        scores = [call.probability for call in calls if call.probability is not None]
    average: Any = "binary" if plan.problem == "binary" else "weighted"
    figures: dict[str, Any] = {
        "accuracy": metrics.accuracy_score(truth, said),
        "precision": metrics.precision_score(truth, said, average=average, zero_division=0),  # pyright: ignore
        "recall": metrics.recall_score(truth, said, average=average, zero_division=0),  # pyright: ignore
        "f1": metrics.f1_score(truth, said, average=average, zero_division=0),  # pyright: ignore
    }
    if len(scores) == len(truth) and len(set(truth)) == 2:
        figures["auc"] = metrics.roc_auc_score(truth, scores)
    return {name: float(value) for name, value in figures.items()}


def bias(plan: Plan, calls: Sequence[Call]) -> tuple[dict[str, float], list[str]]:
    """How differently the groups fare; groups of few calls are left out, and said."""
    from fairlearn import metrics

    by_group: dict[str, list[Call]] = {}
    for call in calls:
        by_group.setdefault(str(category(call.features.get(plan.group))), []).append(call)
    large = {name: inside for name, inside in by_group.items() if len(inside) >= LEAST_OF_A_GROUP}
    small = sorted(by_group.keys() - large.keys())
    notes = [f"{len(small)} groups have fewer than {LEAST_OF_A_GROUP} calls and are left out"] if small else []
    if len(large) < 2:
        return {}, [*notes, "fewer than two groups can be compared"]
    chosen = [(name, call) for name, inside in large.items() for call in inside]
    truth = [int(_positive(plan, call.label)) for _, call in chosen]
    said = [int(_positive(plan, call.prediction)) for _, call in chosen]
    groups = [name for name, _ in chosen]
    figures = {
        "bias_demographic_parity": metrics.demographic_parity_difference(truth, said, sensitive_features=groups),
        "bias_equalized_odds": metrics.equalized_odds_difference(truth, said, sensitive_features=groups),
    }
    if any(said):
        figures["bias_impact_ratio"] = metrics.demographic_parity_ratio(truth, said, sensitive_features=groups)
    return {name: float(value) for name, value in figures.items()}, notes
