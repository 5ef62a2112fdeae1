"""Monitors' jobs on captured calls as SageMaker writes them: what moved is found, what stayed isn't, seeded."""

from __future__ import annotations

import base64
import csv
import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelyard.core.monitors import LIMITS, SAMPLE, Plan, limits_of, limits_text
from modelyard.run.monitoring import METRICS, dimensions
from modelyard_jobs import monitors_read
from modelyard_jobs.monitors import main
from modelyard_jobs.monitors_judge import BELOW

START = datetime(2026, 11, 21, tzinfo=UTC)
COLUMNS = [
    {"name": "amount", "kind": "number"},
    {"name": "age", "kind": "number"},
    {"name": "country", "kind": "category"},
    {"name": "sex", "kind": "category"},
]
ENDPOINT, SCHEDULE = "ml-dev-fraud-score", "ml-dev-fraud-watch-data-drift"
Row = dict[str, Any]


def a_row(chance: random.Random, *, amount: float = 1.0, wrong: float = 0.1, unfair: float = 0.0) -> Row:
    """A payment; `amount` shifts, `wrong` is how often the label differs, `unfair` lowers the odds of one group."""
    row: Row = {
        "amount": round(chance.lognormvariate(3, 0.8) * amount, 2),
        "age": chance.randint(18, 90),
        "country": chance.choices(["de", "fr", "it"], [6, 3, 1])[0],
        "sex": chance.choice(["f", "m"]),
    }
    probability = min(0.99, row["amount"] / 60)
    if row["sex"] == "f":
        probability *= 1 - unfair
    row["probability"] = round(probability, 4)
    row["prediction"] = int(probability >= 0.5)
    row["label"] = 1 - row["prediction"] if chance.random() < wrong else row["prediction"]
    return row


def rows(count: int = 600, seed: int = 1, **changes: float) -> list[Row]:
    chance = random.Random(seed)
    return [a_row(chance, **changes) for _ in range(count)]


def plan(kind: str, **changes: Any) -> Plan:
    given = {
        "endpoint": ENDPOINT,
        "kind": kind,
        "columns": COLUMNS,
        "problem": "binary",
        "prediction": "0",
        "probability": "1",
        "group": "sex",
        "reference": "s3://lake/reference/",
        "reference_prediction": "prediction",
        "reference_probability": "probability",
        "reference_label": "label",
    }
    return Plan.model_validate({**given, **changes})


def line(row: Row, number: int, at: datetime, *, label: bool = True, json_: bool = False) -> str:
    """One captured call; with its label as SageMaker's merge job adds it."""
    features = [row[column["name"]] for column in COLUMNS]
    answer = [row["prediction"], row["probability"]]
    if json_:
        named = {column["name"]: value for column, value in zip(COLUMNS, features, strict=True)}
        asked = {"observedContentType": "application/json", "data": json.dumps(named), "encoding": "JSON"}
    else:
        asked = {"observedContentType": "text/csv", "data": ",".join(map(str, features)), "encoding": "CSV"}
    answered = {"observedContentType": "text/csv", "data": ",".join(map(str, answer)), "encoding": "CSV"}
    event = {
        "captureData": {"endpointInput": {**asked, "mode": "INPUT"}, "endpointOutput": {**answered, "mode": "OUTPUT"}},
        "eventMetadata": {"eventId": f"call-{number}", "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
        "eventVersion": "0",
    }
    if label:
        event["groundTruthData"] = {"data": str(row["label"]), "encoding": "CSV"}
    return json.dumps(event)


class Place:
    """The folders of a job's container."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def below(self, path: str) -> Path:
        folder = self.root / "opt/ml" / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def made(self, told: Plan, table: Iterable[Row] | None = None) -> dict[str, Any]:
        """The baseline of a reference's rows, put where a run finds it."""
        (self.below("processing/plan") / "plan.json").write_text(told.text)
        with (self.below("processing/reference") / "part.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["amount", "age", "country", "sex", "probability", "prediction", "label"])
            writer.writeheader()
            writer.writerows(rows(2_000, seed=7) if table is None else table)
        assert main(["baseline"], {}, root=self.root) == 0
        text = (self.root / "opt/ml/processing/output/constraints.json").read_text()
        (self.below("processing/baseline/constraints") / "constraints.json").write_text(text)
        return json.loads(text)

    def captured(self, lines: Iterable[str], hour: str = "00") -> None:
        folder = self.below(f"processing/input/{ENDPOINT}/main/2026/11/21/{hour}")
        (folder / "part.jsonl").write_text("".join(f"{each}\n" for each in lines))

    def ran(self, **limits: float) -> dict[str, float]:
        return self.ran_with({LIMITS: limits_text(limits)})

    def ran_with(self, told: dict[str, str]) -> dict[str, float]:
        environment = {
            "start_time": "2026-11-21T00: 00: 00Z",
            "end_time": "2026-11-22T00: 00: 00Z",
            "sagemaker_endpoint_name": ENDPOINT,
            "sagemaker_monitoring_schedule_name": SCHEDULE,
            **told,
        }
        assert main([], environment, root=self.root) == 0
        return {each["MetricName"]: each["Value"] for each in self.emitted()}

    def emitted(self) -> list[dict[str, Any]]:
        text = (self.root / "opt/ml/output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text()
        return [json.loads(each) for each in text.splitlines()]

    def report(self, name: str) -> dict[str, Any]:
        return json.loads((self.root / f"opt/ml/processing/output/{name}.json").read_text())

    @property
    def violations(self) -> dict[str, str]:
        return {
            each["feature_name"]: each["constraint_check_type"]
            for each in self.report("constraint_violations")["violations"]
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def calls(table: list[Row], **options: Any) -> list[str]:
    minute = timedelta(minutes=1)
    return [line(row, number, START + number * minute, **options) for number, row in enumerate(table)]


RUNS: dict[str, Callable[[bool], list[Row]]] = {
    "data_drift": lambda shifted: rows(amount=2.0 if shifted else 1.0),
    "prediction_drift": lambda shifted: rows(amount=2.0 if shifted else 1.0),
    "concept_proxy": lambda shifted: rows(amount=3.0 if shifted else 1.0),
    "concept_drift": lambda shifted: rows(1_200, wrong=0.35 if shifted else 0.1),
    "model_quality": lambda shifted: rows(wrong=0.4 if shifted else 0.1),
    "bias_drift": lambda shifted: rows(unfair=0.7 if shifted else 0.0),
}
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
def test_what_a_run_emits_is_what_alarms_look_at(place: Place, kind: str):
    began = datetime.now(UTC) - timedelta(seconds=1)
    place.made(plan(kind))
    place.captured(calls(rows()))
    place.ran()
    known = {metric.name for metric in METRICS[kind].metrics}  # type: ignore[index]
    assert {each["MetricName"] for each in place.emitted()} <= known
    for each in place.emitted():
        told = {dimension["Name"]: dimension["Value"] for dimension in each["Dimensions"]}
        assert told == dimensions(kind, ENDPOINT, schedule=SCHEDULE)  # type: ignore[arg-type]
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


def test_late_labels_leave_their_calls_out_and_the_share_says_so(place: Place):
    place.made(plan("model_quality"))
    table = calls(rows(200))
    waiting = calls(rows(200), label=False)
    place.captured([*table[:120], *waiting[120:]])
    figures = place.ran()
    assert figures["labelled_share"] == 0.6
    assert 0.8 < figures["accuracy"] < 1
    place.captured([*table[:20], *waiting[20:]])
    figures = place.ran()
    assert figures["labelled_share"] == 0.1
    assert "accuracy" not in figures, "twenty labels tell nothing"


def test_labels_join_by_the_callers_id_before_sagemakers(place: Place):
    place.made(plan("model_quality"))
    table = rows(200, wrong=0.0)
    events = [json.loads(each) for each in calls(table, label=False)]
    for number, event in enumerate(events):
        event["eventMetadata"]["inferenceId"] = f"order-{number}"
    place.captured(json.dumps(event) for event in events)
    labels = [
        {"groundTruthData": {"data": str(row["label"]), "encoding": "CSV"}, "eventMetadata": {"eventId": f"order-{n}"}}
        for n, row in enumerate(table)
    ]
    file = place.below("processing/groundtruth/2026/11/21/01") / "labels.jsonl"
    file.write_text("\n".join(["no label", *map(json.dumps, labels)]))
    figures = place.ran()
    assert figures["labelled_share"] == 1
    assert figures["accuracy"] == 1


@pytest.mark.parametrize("kind", [*RUNS, "data_quality"])
def test_an_hour_without_calls_is_measured_as_one_and_is_no_drift(place: Place, kind: str):
    place.made(plan(kind))
    figures = place.ran(data_drift_worst=0.1, accuracy=0.9, labelled_share=0.5)
    assert figures == {"records": 0.0, "broken_records": 0.0}
    assert place.violations == {}


def test_broken_lines_are_counted_and_the_others_judged(place: Place):
    place.made(plan("data_drift"))
    good = calls(rows(200))
    short = json.loads(good[0])
    short["captureData"]["endpointInput"]["data"] = "1.0,2"
    binary = json.loads(good[1])
    binary["captureData"]["endpointInput"] |= {"data": base64.b64encode(b"\xff\xfe").decode(), "encoding": "BASE64"}
    empty = {"captureData": {}, "eventMetadata": {"eventId": "x", "inferenceTime": "2026-11-21T01:00:00Z"}}
    broken = ["{", "[]", json.dumps(short), json.dumps(binary), json.dumps(empty)]
    place.captured([*good, *broken])
    figures = place.ran()
    assert figures["broken_records"] == len(broken)
    assert figures["records"] == 200


def test_calls_outside_of_the_runs_time_are_left_out(place: Place):
    place.made(plan("data_drift"))
    place.captured(calls(rows(200)))
    told = {"start_time": "2026-11-21T01:00:00Z", "end_time": "2026-11-21T02:00:00Z"}
    assert place.ran_with(told)["records"] == 60


def test_a_sample_is_the_same_calls_every_time(place: Place):
    place.made(plan("data_drift"))
    place.captured(calls(rows(1_000)))
    first = place.ran_with({SAMPLE: "0.25"})
    assert 200 < first["records"] < 300
    assert place.ran_with({SAMPLE: "0.25"}) == first


def test_more_calls_than_fit_are_thinned_evenly_and_said_so(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitors_read, "MOST_CALLS", 300)
    place.made(plan("data_drift"))
    place.captured(calls(rows(1_000)))
    figures = place.ran(data_drift_worst=0.2)
    assert 200 < figures["records"] <= 300
    assert place.violations == {}
    assert place.report("statistics")["modelyard"]["notes"] == ["25.000% of the captured calls were looked at"]
    place.captured(calls(rows(1_000, amount=2.0)))
    place.ran(data_drift_worst=0.2)
    assert place.violations == {"amount": "baseline_drift_check"}


def test_what_a_probe_asked_says_nothing_of_the_traffic(place: Place):
    place.made(plan("data_drift"))
    events = [json.loads(each) for each in calls(rows(200))]
    for event in events[:80]:
        event["eventMetadata"]["inferenceId"] = f"modelyard-probe-{event['eventMetadata']['eventId']}"
    place.captured(map(json.dumps, events))
    assert place.ran()["records"] == 120


def test_requests_in_json_and_in_base64_are_the_same_calls(place: Place):
    place.made(plan("data_quality"))
    place.captured(calls(rows(200), json_=True))
    assert place.ran(tolerance=0.02)["data_quality_violations"] == 0
    events = [json.loads(each) for each in calls(rows(200))]
    for event in events:
        asked = event["captureData"]["endpointInput"]
        asked |= {"data": base64.b64encode(asked["data"].encode()).decode(), "encoding": "BASE64"}
    place.captured(map(json.dumps, events))
    assert place.ran(tolerance=0.02) == {"data_quality_violations": 0, "records": 200, "broken_records": 0}


def test_a_request_of_several_rows_is_several_calls(place: Place):
    place.made(plan("prediction_drift"))
    table = rows(120)
    event = json.loads(line(table[0], 0, START))
    kept = event["captureData"]
    kept["endpointInput"]["data"] = "\n".join(f"{row['amount']},{row['age']},{row['country']},f" for row in table)
    kept["endpointOutput"]["data"] = "\n".join(f"{row['prediction']},{row['probability']}" for row in table)
    place.captured([json.dumps(event)])
    assert place.ran()["records"] == 120
    kept["endpointOutput"]["data"] = "1,0.9"
    place.captured([json.dumps(event)])
    assert place.ran()["broken_records"] == 1, "a single answer belongs to none of the rows"


NAMES = [column["name"] for column in COLUMNS]
FORMS: dict[str, Callable[[list[Row]], Any]] = {
    "instances, a list each": lambda table: {"instances": [[row[name] for name in NAMES] for row in table]},
    "instances, features each": lambda table: {
        "instances": [{"features": [row[name] for name in NAMES]} for row in table]
    },
    "MLflow, records": lambda table: {"dataframe_records": [{name: row[name] for name in NAMES} for row in table]},
    "MLflow, split": lambda table: {
        "dataframe_split": {"columns": NAMES, "data": [[row[name] for name in NAMES] for row in table]}
    },
    "a list of objects": lambda table: [{name: row[name] for name in NAMES} for row in table],
}


@pytest.mark.parametrize("form", FORMS)
def test_the_usual_forms_of_requests_in_json_are_read_row_by_row(place: Place, form: str):
    place.made(plan("data_quality", prediction="0", probability=""))
    table = rows(120)
    event = json.loads(line(table[0], 0, START))
    asked, given = event["captureData"]["endpointInput"], event["captureData"]["endpointOutput"]
    asked |= {
        "data": json.dumps(FORMS[form](table)),
        "encoding": "JSON",
        "observedContentType": "application/json",
    }
    given |= {"data": json.dumps({"predictions": [row["prediction"] for row in table]}), "encoding": "JSON"}
    place.captured([json.dumps(event)])
    assert place.ran(tolerance=0.02) == {"data_quality_violations": 0, "records": 120, "broken_records": 0}


def test_answers_in_json_are_found_by_their_path(place: Place):
    place.made(plan("prediction_drift", prediction="label", probability="scores.fraud"))
    events = [json.loads(each) for each in calls(rows(200))]
    for event, row in zip(events, rows(200), strict=True):
        answer = {"predictions": [{"label": row["prediction"], "scores": {"fraud": row["probability"]}}]}
        event["captureData"]["endpointOutput"] |= {"data": json.dumps(answer), "encoding": "JSON"}
    place.captured(map(json.dumps, events))
    assert place.ran()["prediction_drift"] < 0.1


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
