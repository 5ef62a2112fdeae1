"""What monitors read: captured calls as SageMaker keeps them, labels as they come, rows of a reference.

A captured line holds one request and its answer, which may be several rows of each (sagemaker/latest/dg/
model-monitor-data-capture). A label names its call by the inference id that the caller gave, or by SageMaker's event id
(sagemaker/latest/dg/model-monitor-model-quality-merge).
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from modelyard.core.captured import PROBE
from modelyard.core.monitors import Plan
from modelyard.core.snapshots import Format

MOST_ROWS: Final = 200_000
"""Rows of a reference that are looked at: a seeded sample of more."""
MOST_CALLS: Final = 1_000_000
"""Calls of a run that are looked at, about 2 GiB: of more, a half, a quarter, and so on, always the same."""
_ROWS_OF_REQUESTS: Final = ("instances", "inputs", "dataframe_records", "rows", "features")
_ROWS_OF_ANSWERS: Final = ("predictions", "outputs", "scores")


class Broken(ValueError):
    """A line that isn't what SageMaker writes, or not of the declared columns."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row that was predicted: features by column, what came back, and the label where it is known."""

    id: str
    at: datetime
    features: Mapping[str, Any]
    prediction: Any = None
    probability: float | None = None
    label: Any = None


@dataclass(slots=True)
class Captured:
    """The calls of a run, `share` of those that were captured. `widths` counts requests by their number of columns."""

    calls: list[Call] = field(default_factory=list[Call])
    lines: int = 0
    broken: int = 0
    share: float = 1.0
    widths: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def labelled(self) -> list[Call]:
        """The calls whose label came, and whose answer is known."""
        return [call for call in self.calls if call.label is not None and call.prediction is not None]

    @property
    def labelled_share(self) -> float:
        """The share of the calls whose label came; of none, zero."""
        return len(self.labelled) / len(self.calls) if self.calls else 0.0


def captured(
    folder: Path,
    plan: Plan,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    sample: float = 1.0,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Captured:
    """The calls below `folder` from `start` and before `end`, or a share of them by their ids; a probe's are none.

    SageMaker brings whole hours, which may be more than the run is about. `labels` by id join what has none yet.
    """
    found = Captured(share=min(sample, 1.0))
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else ():
        for line in _lines(file):
            found.lines += 1
            try:
                event = _event(line)
                if (start and event.at < start) or (end and event.at >= end):
                    continue
                if event.inference_id.startswith(PROBE) or _place(event.name) >= found.share:
                    continue
                for width in event.widths:
                    found.widths[width] = found.widths.get(width, 0) + 1
                found.calls += event.calls(plan, labels or {})
            except (Broken, ValueError, TypeError, KeyError, LookupError):
                found.broken += 1
            if len(found.calls) > MOST_CALLS:
                found.share /= 2
                found.calls = [call for call in found.calls if _place(call.id) < found.share]
    return found


def read_labels(folder: Path) -> dict[str, Sequence[str]]:
    """Labels by the id of their call; a later file's stand above an earlier's, and broken lines are left out."""
    found: dict[str, Sequence[str]] = {}
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else ():
        for line in _lines(file):
            try:
                known = json.loads(line)
                about = known["eventMetadata"]
                found[about.get("inferenceId") or about["eventId"]] = _labels(known["groundTruthData"])
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
    return found


def reference(folder: Path, format: Format) -> dict[str, list[Any]]:
    """The rows below `folder` by column; of more than `MOST_ROWS` a seeded sample. Raises `ValueError` for none."""
    import duckdb

    ending = {"csv": "csv", "json": "json*", "parquet": "parquet"}[format]
    files = sorted(str(file) for file in folder.rglob(f"*.{ending}"))
    if not files:
        raise ValueError(f"the reference has no {format} file")
    read = {
        "csv": "read_csv(?, header = true, all_varchar = true, hive_partitioning = false)",
        "json": "read_json(?, hive_partitioning = false)",
        "parquet": "read_parquet(?, hive_partitioning = false)",
    }[format]
    database = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    try:
        database.execute("SET threads = 1")
        rows = database.execute(
            f"SELECT * FROM {read} USING SAMPLE reservoir({MOST_ROWS} ROWS) REPEATABLE (1)", [files]
        )
        names = [column[0] for column in rows.description or ()]
        table = rows.fetchall()
    except duckdb.Error as error:
        raise ValueError(f"the reference can't be read as {format}: {str(error).splitlines()[0]}") from None
    finally:
        database.close()
    if not table:
        raise ValueError("the reference has no row")
    return {name: [row[index] for row in table] for index, name in enumerate(names)}


def number(value: Any) -> float:
    """A value as a number; what is missing or no number is NaN."""
    if value is None or value == "" or isinstance(value, dict | list):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def category(value: Any) -> str | None:
    """A value as a name, the same for 1, 1.0 and "1"; None where it is missing."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    found = number(value)
    return f"{int(found)}" if math.isfinite(found) and found == int(found) else str(value)


@dataclass(frozen=True, slots=True)
class _Event:
    id: str
    inference_id: str
    at: datetime
    requests: list[Any]
    answers: list[Any]
    labels: Sequence[str] | None

    @property
    def name(self) -> str:
        return self.inference_id or self.id

    @property
    def widths(self) -> list[int]:
        return [len(row) for row in self.requests if isinstance(row, list | dict)]

    def calls(self, plan: Plan, labels: Mapping[str, Sequence[str]]) -> Iterator[Call]:
        known = self.labels
        if known is None:
            known = labels.get(self.inference_id) or labels.get(self.id)
        if self.answers and len(self.answers) != len(self.requests):
            raise Broken("as many answers as rows")
        made: list[Call] = []
        for index, row in enumerate(self.requests):
            answer = self.answers[index] if self.answers else None
            probability = number(_part(answer, plan.probability)) if plan.probability else math.nan
            prediction = _part(answer, plan.prediction) if plan.prediction else None
            if prediction is None and plan.problem == "binary" and math.isfinite(probability):
                prediction = plan.positive if probability >= plan.threshold else "not"
            made.append(
                Call(
                    id=self.name,
                    at=self.at,
                    features=_features(row, plan),
                    prediction=prediction,
                    probability=probability if math.isfinite(probability) else None,
                    label=known[index] if known is not None and index < len(known) else None,
                )
            )
        yield from made


def _event(line: str) -> _Event:
    event = json.loads(line)
    kept, about = event["captureData"], event["eventMetadata"]
    asked = kept.get("endpointInput") or kept.get("batchTransformInput")
    answered = kept.get("endpointOutput") or kept.get("batchTransformOutput")
    if not asked:
        raise Broken("without a request")
    truth = event.get("groundTruthData")
    at = datetime.fromisoformat(about["inferenceTime"].replace("Z", "+00:00"))
    requests = _rows(_decoded(asked), _ROWS_OF_REQUESTS)
    return _Event(
        id=about["eventId"],
        inference_id=about.get("inferenceId") or "",
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        requests=requests,
        answers=_one_each(_rows(_decoded(answered), _ROWS_OF_ANSWERS), len(requests)) if answered else [],
        labels=_labels(truth) if truth else None,
    )


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as opened:
        for line in opened:
            if line.strip():
                yield line


def _decoded(part: Mapping[str, Any]) -> Any:
    """The value of a request or an answer: rows of CSV as lists, JSON as it is."""
    data, encoding = part["data"], part.get("encoding", "CSV")
    kind = str(part.get("observedContentType", ""))
    if encoding == "BASE64":
        try:
            data = base64.b64decode(data, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise Broken("no text") from None
        encoding = "JSON" if "json" in kind else "CSV"
    if encoding != "JSON":
        return [row for row in csv.reader(data.splitlines()) if row]
    if "jsonlines" in kind:
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    return json.loads(data)


def _rows(value: Any, wrappers: Sequence[str]) -> list[Any]:
    """The rows of a value, without what is wrapped around them."""
    if isinstance(value, dict):
        split = value.get("dataframe_split", value)
        if isinstance(split, dict) and isinstance(split.get("columns"), list) and isinstance(split.get("data"), list):
            return [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
        for name in wrappers:
            if isinstance(value.get(name), list):
                return _rows(value[name], wrappers)
        return [value]
    if isinstance(value, list):
        return [_plain(row) for row in value] if value and isinstance(value[0], list | dict) else [value]
    return [[value]]


def _one_each(answers: list[Any], requests: int) -> list[Any]:
    """Answers to several rows that stand in one row, as `0.1,0.7` does: one for each."""
    if len(answers) == 1 and requests > 1 and isinstance(answers[0], list) and len(answers[0]) == requests:
        return [[answer] for answer in answers[0]]
    return answers


def _plain(row: Any) -> Any:
    """A row without a wrapper around its list of features."""
    if isinstance(row, dict) and len(row) == 1:
        (inside,) = row.values()
        if isinstance(inside, list):
            return inside
    return row


def _features(row: Any, plan: Plan) -> dict[str, Any]:
    names = [column.name for column in plan.columns]
    if isinstance(row, dict):
        return {name: row.get(name) for name in names}
    if len(row) < len(names):
        raise Broken("fewer columns than are declared")
    return dict(zip(names, row, strict=False))


def _part(answer: Any, path: str) -> Any:
    """A part of an answer: `0` of a list, `score.value` of an object; None where it isn't there."""
    found = answer
    if isinstance(found, dict) and path.isdigit() and path not in found:
        values = list(found.values())
        return values[int(path)] if int(path) < len(values) else None
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit():
            found = found[int(step)] if int(step) < len(found) else None
        else:
            return None
    return found


def _labels(truth: Mapping[str, Any]) -> Sequence[str]:
    data = str(truth["data"])
    if truth.get("encoding") == "JSON":
        value = json.loads(data)
        return [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return [row[0] for row in csv.reader(data.splitlines()) if row]


def _place(id: str) -> float:
    """Where a call lies from 0 to 1: the same every time, so that every monitor of one share sees the same calls."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:6], "big") / 2**48
