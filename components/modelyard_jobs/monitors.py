"""The program of a monitor's jobs: `python -m modelyard_jobs.monitors` judges a run, or makes a baseline.

`run`, or nothing, judges; `baseline` makes a baseline. It keeps SageMaker's contract of a container of one's own: what
it is told, and where it finds and leaves what, are variables and folders that SageMaker names
(sagemaker/latest/dg/model-monitor-byoc-containers).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from modelyard.core.monitors import LIMITS, SAMPLE, Plan, limits_of
from modelyard_jobs.monitors_drift import Reference
from modelyard_jobs.monitors_judge import Baseline, Verdict, Violation, baseline, judged
from modelyard_jobs.monitors_read import captured, read_labels, reference

INPUT: Final = "/opt/ml/processing/input"
OUTPUT: Final = "/opt/ml/processing/output"
CONSTRAINTS: Final = "/opt/ml/processing/baseline/constraints"
LABELS: Final = "/opt/ml/processing/groundtruth"
PLAN: Final = "/opt/ml/processing/plan"
REFERENCE: Final = "/opt/ml/processing/reference"
METRICS: Final = "/opt/ml/output/metrics/cloudwatch"
MESSAGE: Final = "/opt/ml/output/message"
FIGURES: Final = "cloudwatch_metrics.jsonl"
"""The figures of a run: for SageMaker, and among the results for who started the job otherwise."""
OURS: Final = "modelyard"
"""Our part of constraints.json: the whole baseline, since that file alone reaches every kind of monitor."""


class Unfit(RuntimeError):
    """What the job was given doesn't let it work; the message says what to do."""


def main(arguments: Sequence[str], environment: Mapping[str, str] | None = None, *, root: Path = Path("/")) -> int:
    """Make a baseline, or judge a run. `root` stands for `/`. Gives the exit code."""
    told = os.environ if environment is None else environment
    try:
        if list(arguments) == ["baseline"]:
            _baseline(told, root)
        elif list(arguments) in ([], ["run"]):
            _run(told, root)
        else:
            raise Unfit(f"{' '.join(arguments)} is nothing that it does; say run, or baseline")
    except (Unfit, ValueError) as fault:
        print(f"monitor: {fault}", file=sys.stderr)
        return 1
    return 0


def _baseline(told: Mapping[str, str], root: Path) -> None:
    try:
        plan = Plan.model_validate_json(_only(_in(root, told.get("plan", PLAN))).read_text("utf-8"))
    except ValidationError as error:
        raise Unfit(f"the plan can't be read: {error.error_count()} faults") from None
    made = baseline(plan, reference(_in(root, told.get("reference", REFERENCE)), plan.reference_format))
    _write(_in(root, told.get("output_path", OUTPUT)), made.rows, made.columns, made)


def _run(told: Mapping[str, str], root: Path) -> None:
    base = _read_baseline(_in(root, told.get("baseline_constraints", CONSTRAINTS)))
    plan, start = base.plan, _moment(told.get("start_time"))
    end = _moment(told.get("end_time"))
    found = captured(
        _in(root, told.get("dataset_source", INPUT)),
        plan,
        start=start,
        end=end,
        sample=float(told.get(SAMPLE, "1")),
        labels=read_labels(_in(root, told.get("ground_truth_source", LABELS))),
    )
    verdict = judged(base, found, limits_of(told.get(LIMITS, "")))
    output = _in(root, told.get("output_path", OUTPUT))
    _write(output, len(found.calls), (), base, verdict)
    schedule = told.get("sagemaker_monitoring_schedule_name", "")
    endpoint = told.get("sagemaker_endpoint_name", plan.endpoint)
    lines = _lines(verdict.figures, endpoint, schedule, datetime.now(UTC))
    for folder in (_in(root, METRICS), output):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FIGURES).write_text(lines, "utf-8")
    _say(_in(root, MESSAGE), verdict.violations)


def _read_baseline(folder: Path) -> Baseline:
    try:
        said = json.loads(_only(folder).read_text("utf-8"))
        return Baseline.model_validate(said[OURS])
    except (ValueError, KeyError):
        raise Unfit("its baseline isn't ours; start the baseline job, and use what it writes") from None


def _write(
    folder: Path, rows: int, columns: Sequence[Reference], base: Baseline, verdict: Verdict | None = None
) -> None:
    """The three reports that SageMaker shows (sagemaker/latest/dg/model-monitor-byoc-contract-outputs)."""
    folder.mkdir(parents=True, exist_ok=True)
    statistics: dict[str, Any] = {
        "version": 0.0,
        "dataset": {"item_count": rows},
        "features": [_statistics(column) for column in columns],
    }
    if verdict is not None:
        statistics[OURS] = {
            "kind": base.plan.kind,
            "figures": verdict.figures,
            "baseline": base.figures,
            "moved": [far.model_dump() for far in verdict.moved],
            "notes": verdict.notes,
        }
        violations = {"violations": [violation.model_dump() for violation in verdict.violations]}
        (folder / "constraint_violations.json").write_text(json.dumps(violations, indent=2), "utf-8")
    else:
        constraints = {
            "version": 0.0,
            "features": [_constraints(column) for column in columns],
            "monitoring_config": {"emit_metrics": "Enabled"},
            OURS: base.model_dump(mode="json"),
        }
        (folder / "constraints.json").write_text(json.dumps(constraints), "utf-8")
    (folder / "statistics.json").write_text(json.dumps(statistics, indent=2), "utf-8")


def _statistics(column: Reference) -> dict[str, Any]:
    common = {"num_present": column.present, "num_missing": column.missing}
    if column.kind == "number":
        found = {"mean": column.mean, "std_dev": column.deviation, "min": column.least, "max": column.most}
        known = {"common": common, **{name: value for name, value in found.items() if value is not None}}
        return {"name": column.name, "inferred_type": "Fractional", "numerical_statistics": known}
    buckets = [{"value": name, "count": count} for name, count in zip(column.names, column.counts, strict=False)]
    known = {"common": common, "distribution": {"categorical": {"buckets": buckets}}}
    return {"name": column.name, "inferred_type": "String", "string_statistics": known}


def _constraints(column: Reference) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": column.name,
        "inferred_type": "Fractional" if column.kind == "number" else "String",
        "completeness": column.present / column.rows if column.rows else 0.0,
    }
    if column.kind == "number" and column.least is not None:
        made["num_constraints"] = {"is_non_negative": column.least >= 0}
    if column.kind == "category" and not column.counts[-1]:
        made["string_constraints"] = {"domains": list(column.names)}
    return made


def _lines(figures: Mapping[str, float], endpoint: str, schedule: str, at: datetime) -> str:
    """Figures as SageMaker takes them to CloudWatch (sagemaker/latest/dg/model-monitor-byoc-cloudwatch).

    They are of the moment of the run, not of the calls': alarms look at what is new, and labels come late.
    """
    dimensions = [{"Name": "Endpoint", "Value": endpoint}, {"Name": "MonitoringSchedule", "Value": schedule}]
    said = [
        {
            "MetricName": name,
            "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "Dimensions": dimensions,
            "Value": value,
        }
        for name, value in sorted(figures.items())
    ]
    return "".join(f"{json.dumps(line)}\n" for line in said)


def _say(file: Path, violations: Sequence[Violation]) -> None:
    """What SageMaker shows of a run (sagemaker/latest/dg/model-monitor-byoc-contract-statistics)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    said = f"CompletedWithViolations: {len(violations)} don't hold" if violations else "Completed: everything holds"
    file.write_text(said, "utf-8")


def _only(folder: Path) -> Path:
    files = [folder] if folder.is_file() else sorted(folder.glob("*.json")) if folder.is_dir() else []
    if len(files) != 1:
        raise Unfit(f"{folder.name} has {len(files)} files, and one is wanted; has the baseline job run?")
    return files[0]


def _in(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _moment(text: str | None) -> datetime | None:
    """A time as SageMaker tells it; its documentation shows blanks among the digits."""
    if not text:
        return None
    found = datetime.fromisoformat(text.replace(" ", "").replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
