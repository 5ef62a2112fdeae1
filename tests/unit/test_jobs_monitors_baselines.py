"""What a baseline is made of, what makes none, and what it tells."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.unit.monitored import COLUMNS, Place, Row, calls, plan, rows

from modelyard.core.monitors import limits_of, limits_text
from modelyard_jobs.monitors import main


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_groups_are_compared_and_small_ones_left_out(place: Place):
    place.made(plan("bias_drift"))
    table = rows(400, unfair=0.7)
    for row in table[:10]:
        row["sex"] = "x"
    place.captured(calls(table))
    figures = place.ran(bias_demographic_parity=0.1)
    assert figures["bias_demographic_parity"] > 0.2
    assert figures["bias_impact_ratio"] < 0.5
    notes = place.report("statistics")["modelyard"]["notes"]
    assert notes == ["1 groups have fewer than 30 calls and are left out"]


def test_a_model_that_looks_at_another_column_explains_itself_otherwise(place: Place):
    def by(column: str, seed: int) -> list[Row]:
        chance = random.Random(seed)
        table = rows(500, seed=seed)
        for row in table:
            share = (row["age"] - 18) / 72 if column == "age" else min(1.0, row["amount"] / 60)
            row["probability"] = round(min(0.99, max(0.01, share + chance.gauss(0, 0.02))), 4)
        return table

    place.made(plan("explanation_drift"), by("amount", 1))
    place.captured(calls(by("amount", 2)))
    figures = place.ran(explanation_rank=0.9)
    assert figures["explanation_rank"] > 0.99
    assert figures["explanation_shift"] < 0.1
    assert place.violations == {}
    place.captured(calls(by("age", 2)))
    figures = place.ran(explanation_rank=0.9)
    assert figures["explanation_rank"] < 0.9
    assert figures["explanation_shift"] > 0.5
    assert "explanation_rank" in place.violations


def test_predictions_that_nothing_explains_make_no_baseline(place: Place, capsys: pytest.CaptureFixture[str]):
    chance = random.Random(1)
    table = [{**row, "probability": round(chance.random(), 4)} for row in rows(300)]
    with pytest.raises(AssertionError):
        place.made(plan("explanation_drift"), table)
    assert "no simple model follows the reference's predictions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "table", "said"),
    [
        ({"reference_label": "truth"}, None, "the reference has no column truth; it has age, amount"),
        ({}, [], "the reference has no row"),
        ({}, rows(20), "the reference has 20 rows, and 50 are the least"),
        ({"reference_format": "parquet"}, None, "the reference has no parquet file"),
    ],
)
def test_a_reference_that_makes_no_baseline_is_refused(
    place: Place, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], table: list[Row] | None, said: str
):
    with pytest.raises(AssertionError):
        place.made(plan("model_quality", **changes), table)
    assert said in capsys.readouterr().err


def test_a_run_before_its_baseline_says_what_is_missing(place: Place, capsys: pytest.CaptureFixture[str]):
    assert main([], {}, root=place.root) == 1
    assert "has the baseline job run?" in capsys.readouterr().err
    (place.below("processing/baseline/constraints") / "constraints.json").write_text('{"features": []}')
    assert main([], {}, root=place.root) == 1
    assert "its baseline isn't ours" in capsys.readouterr().err


def test_a_baseline_tells_no_more_of_a_column_than_it_needs(place: Place):
    made = place.made(plan("data_drift"))
    (amount,) = [column for column in made["modelyard"]["columns"] if column["name"] == "amount"]
    assert len(amount["kept"]) == 500 < amount["rows"] == 2_000
    assert [each["name"] for each in made["features"]] == [column["name"] for column in COLUMNS]


def test_limits_come_back_as_they_were_said():
    limits = {"data_drift_worst": 0.2, "data_drift_share": 0.3}
    assert limits_of(limits_text(limits)) == limits


def test_another_limit_is_no_other_plan_and_another_reference_is():
    assert plan("data_drift").hash == plan("data_drift").hash
    assert plan("data_drift").hash != plan("data_drift", reference="s3://lake/other/").hash
