"""Calls of an endpoint, and a place where a monitoring job reads and writes, for tests of the job."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from modelyard.core.monitors import LIMITS, Plan, limits_text
from modelyard_jobs.monitors import main

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
