"""Which captured calls a monitoring job judges: what it joins, samples, leaves out, and reads of each form."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.monitored import COLUMNS, RUNS, START, Place, Row, calls, line, plan, rows

from modelyard.core.monitors import SAMPLE
from modelyard_jobs import monitors_read


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


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
