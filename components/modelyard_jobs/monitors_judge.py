"""What each monitor makes of a run's calls: figures under stable names, and what doesn't hold.

A baseline is what the same functions made of the reference. Figures that too few calls would make up aren't given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from pydantic import Field

from modelyard.core.distributions import Value
from modelyard.core.monitored import JobKind
from modelyard.core.monitors import Plan
from modelyard_jobs.monitors_drift import Moved, Reference, entropy, moved, reference_of
from modelyard_jobs.monitors_explain import Explained, explained, rank
from modelyard_jobs.monitors_labels import LEAST_OF_A_GROUP, bias, by_time, errors, quality
from modelyard_jobs.monitors_read import Call, Captured, category, number

LEAST: Final = 50
"""Calls, or labelled calls, below which no figure is given."""
CERTAIN: Final = 0.05
"""How often an error that stayed may seem to rise."""
MOST: Final = 1000.0
"""What a rise from almost nothing counts as."""
PREDICTION: Final = "prediction"
UNCERTAINTY: Final = "uncertainty"


class Baseline(Value):
    """What a run is compared with: the plan, its columns as the model knew them, and what was found of the answers."""

    plan: Plan
    rows: int
    columns: tuple[Reference, ...] = ()
    figures: dict[str, float] = Field(default_factory=dict)
    explained: Explained | None = None


class Violation(Value):
    """What doesn't hold, in the words of SageMaker's own reports."""

    feature_name: str
    constraint_check_type: str
    description: str


@dataclass(slots=True)
class Verdict:
    """What a run found. `notes` are what a reader must know of the figures."""

    figures: dict[str, float] = field(default_factory=dict[str, float])
    violations: list[Violation] = field(default_factory=list[Violation])
    moved: list[Moved] = field(default_factory=list[Moved])
    notes: list[str] = field(default_factory=list[str])


def baseline(plan: Plan, table: Mapping[str, Sequence[Any]]) -> Baseline:
    """The baseline of a reference's rows by column. Raises `ValueError` for columns that it lacks, and for too few."""
    needed = {*([column.name for column in plan.columns] if plan.kind in _OF_REQUESTS else ())}
    needed |= {name for name in _answers(plan) if name}
    lacking = sorted(needed - table.keys())
    if lacking:
        raise ValueError(f"the reference has no column {', '.join(lacking)}; it has {', '.join(sorted(table))}")
    rows = len(next(iter(table.values())))
    if rows < LEAST:
        raise ValueError(f"the reference has {rows} rows, and {LEAST} are the least")
    calls = [_called(plan, table, index) for index in range(rows)]
    columns: list[Reference] = []
    if plan.kind in ("data_quality", "data_drift"):
        columns = [reference_of(each.name, each.kind, table[each.name]) for each in plan.columns]
    elif plan.kind == "prediction_drift":
        columns = [reference_of(PREDICTION, *_predictions(plan, calls))]
    elif plan.kind == "concept_proxy":
        columns = [reference_of(UNCERTAINTY, "number", _uncertainties(calls))]
    figures: dict[str, float] = {}
    if plan.kind == "concept_drift":
        figures = {"concept_drift_error": float(np.mean(errors(plan, calls)))}
    elif plan.kind == "model_quality":
        figures = quality(plan, calls)
    elif plan.kind == "bias_drift":
        figures, _ = bias(plan, calls)
    found = explained(plan, calls) if plan.kind == "explanation_drift" else None
    if plan.kind == "explanation_drift" and found is None:
        raise ValueError("no simple model follows the reference's predictions, so that none can be explained")
    return Baseline(plan=plan, rows=rows, columns=tuple(columns), figures=figures, explained=found)


def judged(base: Baseline, found: Captured, limits: Mapping[str, float]) -> Verdict:
    """What the calls of a run are, beside the baseline; `limits` by metric say what doesn't hold.

    Without a call there is no figure but their number.
    """
    verdict = Verdict()
    plan = base.plan
    if plan.kind in _OF_LABELS and found.calls:
        verdict.figures["labelled_share"] = found.labelled_share
    calls = found.labelled if plan.kind in _OF_LABELS else found.calls
    if len(calls) < LEAST:
        verdict.notes.append(f"{len(calls)} {'labelled ' if plan.kind in _OF_LABELS else ''}calls, {LEAST} at least")
    else:
        _JUDGES[plan.kind](base, found, calls, limits, verdict)
    _compare(base, limits, verdict)
    if found.share < 1:
        verdict.notes.append(f"{found.share:.3%} of the captured calls were looked at")
    verdict.figures["records"] = float(len(found.calls))
    verdict.figures["broken_records"] = float(found.broken)
    return verdict


def _data_quality(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    tolerance = limits.get("tolerance", 0.0)
    for column in base.columns:
        values = [call.features.get(column.name) for call in calls]
        given = [value for value in values if category(value) is not None]
        complete, before = len(given) / len(values), column.present / column.rows
        if not given:
            _violate(verdict, column.name, "missing_column_check", "no call has it")
            continue
        if complete < before - tolerance:
            says = f"{complete:.1%} have a value, and {before:.1%} of the reference"
            _violate(verdict, column.name, "completeness_check", says)
        if column.kind == "number":
            numbers = np.asarray([number(value) for value in given])
            fit = float(np.isfinite(numbers).mean())
            if fit < 1 - tolerance:
                _violate(verdict, column.name, "data_type_check", f"{1 - fit:.1%} of the values are no number")
            if column.least is not None and column.least >= 0 and (share := float((numbers < 0).mean())) > tolerance:
                _violate(verdict, column.name, "num_constraints_check", f"{share:.1%} are negative, and none was")
        elif not column.counts[-1]:
            known = set(column.names)
            share = sum(category(value) not in known for value in given) / len(given)
            if share > tolerance:
                _violate(verdict, column.name, "categorical_values_check", f"{share:.1%} have values that none had")
    wide = sum(count for width, count in found.widths.items() if width > len(base.columns))
    if wide / max(len(calls), 1) > tolerance:
        _violate(verdict, "", "extra_column_check", f"{wide} calls have more than {len(base.columns)} columns")
    verdict.figures["data_quality_violations"] = float(len(verdict.violations))


def _data_drift(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    limit = limits.get("data_drift_worst", math.inf)
    for column in base.columns:
        far = moved(column, [call.features.get(column.name) for call in calls])
        if far is not None:
            verdict.moved.append(far)
    real = [far for far in verdict.moved if far.significant(len(base.columns))]
    beyond = [far for far in real if far.psi > limit]
    verdict.figures["data_drift_worst"] = max((far.psi for far in real), default=0.0)
    verdict.figures["data_drift_share"] = len(beyond) / len(base.columns)
    for far in beyond:
        _violate(verdict, far.name, "baseline_drift_check", f"moved by {far.psi:.3f} (psi), above {limit:g}")


def _prediction_drift(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    _, values = _predictions(base.plan, calls)
    _one_moved(base.columns[0], values, "prediction_drift", verdict)


def _concept_proxy(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    known = [call.probability for call in calls if call.probability is not None]
    if len(known) < LEAST:
        verdict.notes.append(f"{len(known)} calls have a probability, {LEAST} at least")
        return
    _one_moved(base.columns[0], _uncertainties(calls), "concept_proxy_shift", verdict)
    verdict.figures["concept_proxy_confidence"] = float(np.mean([max(p, 1 - p) for p in known]))


def _concept_drift(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    from scipy import stats

    plan = base.plan
    windows = [errors(plan, part) for part in by_time(calls, plan.windows)]
    windows = [window for window in windows if len(window) >= LEAST_OF_A_GROUP]
    if not windows:
        verdict.notes.append(f"no part of the time has {LEAST_OF_A_GROUP} labelled calls")
        return
    means = [float(np.mean(window)) for window in windows]
    before, newest, last = base.figures["concept_drift_error"], means[-1], windows[-1]
    if plan.problem != "regression":
        tested: Any = stats.binomtest(int(sum(last)), len(last), before, alternative="greater")
    else:
        tested = stats.ttest_1samp(last, before, alternative="greater") if np.std(last) else None
    p = float(newest <= before) if tested is None else float(tested.pvalue)
    rise = min((newest - before) / before, MOST) if before else (MOST if newest else 0.0)
    verdict.figures["concept_drift_error"] = newest
    verdict.figures["concept_drift_rise"] = rise if p < CERTAIN else min(rise, 0.0)
    verdict.figures["concept_drift_trend"] = _trend(means)


def _trend(means: Sequence[float]) -> float:
    """Kendall's tau of the means over time; zero where it may be chance."""
    from scipy import stats

    if len(means) < 3:
        return 0.0
    tested: Any = stats.kendalltau(range(len(means)), means)
    tau = float(tested.statistic)
    return tau if math.isfinite(tau) and tested.pvalue < CERTAIN else 0.0


def _model_quality(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    verdict.figures |= quality(base.plan, calls)


def _bias_drift(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    figures, notes = bias(base.plan, calls)
    verdict.figures |= figures
    verdict.notes += notes


def _explanation_drift(
    base: Baseline, found: Captured, calls: Sequence[Call], limits: Mapping[str, float], verdict: Verdict
) -> None:
    now, before = explained(base.plan, calls), base.explained
    if now is None or before is None:
        verdict.notes.append("no simple model follows the predictions, so that none can be explained")
        return
    shifts = {name: abs(now.shares[name] - share) for name, share in before.shares.items()}
    worst = max(shifts, key=lambda name: shifts[name])
    verdict.figures["explanation_rank"] = rank(before.shares, now.shares)
    verdict.figures["explanation_shift"] = shifts[worst]
    verdict.notes.append(f"{worst} moved most; {now.fidelity:.2f} of the predictions' variance is followed")


_JUDGES: Final[Mapping[JobKind, Callable[[Baseline, Captured, Sequence[Call], Mapping[str, float], Verdict], None]]] = {
    "data_quality": _data_quality,
    "data_drift": _data_drift,
    "prediction_drift": _prediction_drift,
    "concept_drift": _concept_drift,
    "concept_proxy": _concept_proxy,
    "model_quality": _model_quality,
    "bias_drift": _bias_drift,
    "explanation_drift": _explanation_drift,
}
_OF_LABELS: Final = ("concept_drift", "model_quality", "bias_drift")
_OF_REQUESTS: Final = ("data_quality", "data_drift", "explanation_drift")
BELOW: Final = frozenset(
    (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auc",
        "r2",
        "bias_impact_ratio",
        "concept_proxy_confidence",
        "explanation_rank",
        "labelled_share",
    )
)
"""Figures that are bad where they are small."""


def _compare(base: Baseline, limits: Mapping[str, float], verdict: Verdict) -> None:
    """A figure beyond its limit is a violation; columns that moved are already told one by one."""
    for name, limit in sorted(limits.items()):
        value = verdict.figures.get(name)
        if value is None or name in ("data_drift_worst", "data_quality_violations"):
            continue
        if value < limit if name in BELOW else value > limit:
            before = base.figures.get(name)
            told = f"; the baseline has {before:.4g}" if before is not None else ""
            side = "below" if name in BELOW else "above"
            _violate(verdict, name, "baseline_drift_check", f"is {value:.4g}, {side} {limit:g}{told}")


def _violate(verdict: Verdict, name: str, check: str, says: str) -> None:
    verdict.violations.append(Violation(feature_name=name, constraint_check_type=check, description=says))


def _one_moved(column: Reference, values: Sequence[Any], metric: str, verdict: Verdict) -> None:
    far = moved(column, values)
    if far is None:
        verdict.notes.append(f"no call has a {column.name}")
        return
    verdict.moved.append(far)
    verdict.figures[metric] = far.psi if far.significant(1) else 0.0


def _answers(plan: Plan) -> tuple[str, ...]:
    """The columns that a reference needs beside those of the requests."""
    match plan.kind:
        case "prediction_drift" | "explanation_drift":
            return (plan.reference_probability or plan.reference_prediction,)
        case "concept_proxy":
            return (plan.reference_probability,)
        case "concept_drift" | "model_quality":
            return (plan.reference_prediction or plan.reference_probability, plan.reference_label)
        case "bias_drift":
            return (plan.reference_prediction or plan.reference_probability, plan.reference_label, plan.group)
        case _:
            return ()


def _called(plan: Plan, table: Mapping[str, Sequence[Any]], index: int) -> Call:
    """A row of the reference as if it had been a call."""
    from datetime import UTC, datetime

    def at(name: str) -> Any:
        return table[name][index] if name and name in table else None

    probability = number(at(plan.reference_probability))
    prediction = at(plan.reference_prediction)
    if prediction is None and plan.problem == "binary" and math.isfinite(probability):
        prediction = plan.positive if probability >= plan.threshold else "not"
    return Call(
        id=str(index),
        at=datetime.fromtimestamp(0, UTC),
        features={column.name: at(column.name) for column in plan.columns},
        prediction=prediction,
        probability=probability if math.isfinite(probability) else None,
        label=at(plan.reference_label),
    )


def _predictions(plan: Plan, calls: Sequence[Call]) -> tuple[str, list[Any]]:
    """What is compared of the answers: probabilities where the reference has them, numbers, or classes."""
    if plan.reference_probability:
        return "number", [call.probability for call in calls]
    return "number" if plan.problem == "regression" else "category", [call.prediction for call in calls]


def _uncertainties(calls: Sequence[Call]) -> list[float]:
    return [entropy(call.probability) for call in calls if call.probability is not None]
