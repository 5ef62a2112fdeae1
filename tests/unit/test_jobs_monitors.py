"""Monitors' jobs on captured calls as SageMaker writes them: what moved is found, what stayed isn't, seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.monitored import ENDPOINT, RUNS, SCHEDULE, Place, Row, a_row, calls, plan, rows

from modelyard.run.monitoring import METRICS, dimensions
from modelyard.run.monitoring.metrics import MonitorKind
from modelyard_jobs.monitors_judge import BELOW


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


LIMIT = {
    "data_drift": ("data_drift_worst", 0.2),
    "prediction_drift": ("prediction_drift", 0.2),
    "concept_proxy": ("concept_proxy_shift", 0.2),
    "concept_drift": ("concept_drift_rise", 0.5),
    "model_quality": ("accuracy", 0.8),
    "bias_drift": ("bias_demographic_parity", 0.15),
}


@pytest.mark.parametrize("kind", RUNS)
def test_what_moved_is_found_and_what_stayed_is_not(place: Place, kind: str):
    place.made(plan(kind))
    metric, limit = LIMIT[kind]
    for shifted in (False, True):
        place.captured(calls(RUNS[kind](shifted)))
        figures = place.ran(**{metric: limit})
        bad = figures[metric] < limit if metric in BELOW else figures[metric] > limit
        assert bad is shifted, figures
        assert bool(place.violations) is shifted, place.violations


@pytest.mark.parametrize("kind", [*RUNS, "data_quality"])
def test_what_a_run_emits_is_what_alarms_look_at(place: Place, kind: MonitorKind):
    began = datetime.now(UTC) - timedelta(seconds=1)
    place.made(plan(kind))
    place.captured(calls(rows()))
    place.ran()
    known = {metric.name for metric in METRICS[kind].metrics}
    assert {each["MetricName"] for each in place.emitted()} <= known
    for each in place.emitted():
        told = {dimension["Name"]: dimension["Value"] for dimension in each["Dimensions"]}
        assert told == dimensions(kind, ENDPOINT, schedule=SCHEDULE)
        moment = datetime.fromisoformat(each["Timestamp"].replace("Z", "+00:00"))
        assert moment > began, "an alarm sees nothing of yesterday's points, and labels come late"
    results = (place.root / "opt/ml/processing/output/cloudwatch_metrics.jsonl").read_text()
    assert [json.loads(line) for line in results.splitlines()] == place.emitted()


def test_figures_are_bad_on_the_same_side_for_alarms_and_for_reports():
    below = {metric.name for known in METRICS.values() if known.publisher == "job" for metric in known.metrics}
    assert below >= BELOW
    for known in METRICS.values():
        if known.publisher == "job":
            for metric in known.metrics:
                assert (metric.worse == "below") is (metric.name in BELOW), metric


def test_only_the_columns_that_moved_are_told(place: Place):
    place.made(plan("data_drift"))
    place.captured(calls(rows(amount=2.0)))
    figures = place.ran(data_drift_worst=0.2)
    assert place.violations == {"amount": "baseline_drift_check"}
    assert figures["data_drift_share"] == 0.25


def test_a_new_mix_of_categories_is_found(place: Place):
    place.made(plan("data_drift"))
    place.captured(calls([{**row, "country": "it"} for row in rows()]))
    place.ran(data_drift_worst=0.2)
    assert place.violations == {"country": "baseline_drift_check"}


def test_sixty_calls_that_stayed_are_no_drift_though_small_samples_scatter(place: Place):
    place.made(plan("data_drift"))
    worst = []
    for seed in range(20):
        place.captured(calls(rows(60, seed=100 + seed)))
        worst.append(place.ran(data_drift_worst=0.1)["data_drift_worst"])
    assert sum(value > 0.1 for value in worst) <= 1, worst


BAD_ROWS: dict[str, tuple[Callable[[Row], Row], tuple[str, str]]] = {
    "missing": (lambda row: {**row, "age": ""}, ("age", "missing_column_check")),
    "half of it missing": (
        lambda row: {**row, "age": "" if row["age"] % 2 else row["age"]},
        ("age", "completeness_check"),
    ),
    "no number": (lambda row: {**row, "amount": "a lot"}, ("amount", "data_type_check")),
    "negative": (lambda row: {**row, "amount": -row["amount"]}, ("amount", "num_constraints_check")),
    "a new name": (lambda row: {**row, "country": "xx"}, ("country", "categorical_values_check")),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_rows_that_break_a_rule_are_told_with_column_and_rule(place: Place, case: str):
    change, (column, rule) = BAD_ROWS[case]
    place.made(plan("data_quality"))
    place.captured(calls([change(row) for row in rows()]))
    figures = place.ran(tolerance=0.02)
    assert place.violations == {column: rule}
    assert figures["data_quality_violations"] == 1


def test_rows_like_the_references_break_no_rule(place: Place):
    place.made(plan("data_quality"))
    place.captured(calls(rows()))
    assert place.ran(tolerance=0.02)["data_quality_violations"] == 0
    assert (place.root / "opt/ml/output/message").read_text() == "Completed: everything holds"


def test_errors_that_grow_by_and_by_are_a_trend(place: Place):
    place.made(plan("concept_drift"))
    chance = random.Random(3)
    table = [a_row(chance, wrong=0.05 + 0.35 * number / 1_400) for number in range(1_400)]
    place.captured(calls(table))
    figures = place.ran(concept_drift_trend=0.5)
    assert figures["concept_drift_trend"] > 0.8
    assert "concept_drift_trend" in place.violations


def test_a_number_that_is_predicted_is_judged_by_its_error(place: Place):
    def numbers(noise: float, seed: int) -> list[Row]:
        chance = random.Random(seed)
        return [{**row, "prediction": row["amount"], "label": row["amount"] + chance.gauss(0, noise)} for row in rows()]

    for kind, metric in (("model_quality", "mae"), ("concept_drift", "concept_drift_rise")):
        told = plan(kind, problem="regression", probability="", reference_probability="")
        place.made(told, numbers(1.0, 1))
        for noise, bad in ((1.0, False), (4.0, True)):
            place.captured(calls(numbers(noise, 2)))
            assert (place.ran()[metric] > 1.5) is bad
