"""What holds a loop's runs back: a lock that one of several starts gets, and what ran and was spent before.

It ships as text with the loop's function and the registry's `stored`, so it uses nothing beyond boto3 and the standard
library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.build.registry.stored import GONE, read

_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")

Plain = Mapping[str, Any]
Answer = dict[str, Any]


def guard(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """Take the lock and look whether a run may start; what may not gives the lock back at once.

    The run is put down before it starts, so that one whose machine died counts as well. What brings a version that is
    there costs no training: it takes the lock, and no other guard holds it back, so that a person can go back at once.
    """
    s3, bucket = boto3.client("s3"), settings["BUCKET"]
    holder = _take_lock(s3, event, declared, bucket)
    if holder is not None:
        return refused("lock-held", f"{holder} runs already")
    now = datetime.now(UTC)
    trains = not event["input"].get("package")
    said = list(_held_back(s3, event, declared, bucket, now)) if trains else []
    if said:
        give_lock_back(s3, event, declared, bucket)
        return refused(said[0][0], "; ".join(problem for _, problem in said))
    asked = event["input"]
    run = {
        "format": 1,
        "loop": declared["loop"],
        "run": event["execution"],
        "trigger": asked["trigger"],
        "why": asked["why"],
        "by": asked["by"],
        "began": now.isoformat(),
        "usd": declared["usd_a_run"] if trains else 0.0,
        "trains": trains,
    }
    put(s3, bucket, run_key(event, declared, now), run)
    if asked["trigger"] in declared["thresholds"]:
        marker = {"at": now.isoformat(), "run": event["execution"]}
        put(s3, bucket, _marker(declared, asked["trigger"]), marker)
    parameters = [{"Name": name, "Value": str(value)} for name, value in sorted(asked["parameters"].items())]
    return {"verdict": "go", "began": now.isoformat(), "parameters": parameters}


def rearm(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """A metric came back: the next alarm of the trigger may start a run again."""
    boto3.client("s3").delete_object(Bucket=settings["BUCKET"], Key=_marker(declared, str(event["trigger"])))
    return {"verdict": "armed"}


def _held_back(s3: Any, event: Plain, declared: Plain, bucket: str, now: datetime) -> Iterator[tuple[str, str]]:
    """Every reason why no run may start now."""
    trigger = event["input"]["trigger"]
    fired = read(s3, bucket, _marker(declared, trigger)) if trigger in declared["thresholds"] else None
    if fired is not None and fired["run"] != event["execution"]:
        yield "disarmed", f"{trigger} started a run at {fired['at'][:16]} and its metric hasn't come back since"
    month, before = (
        [
            run
            for run in _runs(s3, bucket, declared, day)
            if run["run"] != event["execution"] and run.get("trains", True)
        ]
        for day in (now, now.replace(day=1) - timedelta(days=1))
    )
    last = max((run["began"] for run in [*month, *before]), default=None)
    if last is not None:
        free = datetime.fromisoformat(last) + timedelta(hours=declared["cooldown_hours"])
        if now < free:
            yield "cooling-down", f"the last run began at {last[:16]}; the next may at {free.isoformat()[:16]} UTC"
    if len(month) >= declared["most_runs"]:
        yield "runs-exhausted", f"{len(month)} runs began this month, and {declared['most_runs']} may"
    spent = sum(run["usd"] for run in month)
    if spent + declared["usd_a_run"] > declared["usd_a_month"]:
        left = declared["usd_a_month"] - spent
        yield (
            "budget-exhausted",
            f"{left:g} of the month's {declared['usd_a_month']:g} USD are left, and a run is "
            f"estimated at {declared['usd_a_run']:g}",
        )


def _take_lock(s3: Any, event: Plain, declared: Plain, bucket: str) -> str | None:
    """Who holds the lock; None where it is this run's now.

    One of several starts wins, since S3 takes the object under a condition. What a run that is over left there is
    nobody's: the next takes it, under the condition that nobody else did meanwhile.
    """
    key, body = _lock(declared), json.dumps({"run": event["execution"]}).encode()
    condition: dict[str, str] = {"IfNoneMatch": "*"}
    for _ in range(3):
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
            return None
        except ClientError as error:
            if error.response["Error"]["Code"] not in (*_TAKEN, "NoSuchKey"):
                raise
        try:
            found = s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            condition = {"IfNoneMatch": "*"}
            continue
        holder = str(json.loads(found["Body"].read())["run"])
        if holder == event["execution"]:
            return None
        if runs_still(holder):
            return holder
        condition = {"IfMatch": found["ETag"]}
    return "another"


def runs_still(execution: str) -> bool:
    machines = boto3.client("stepfunctions")
    try:
        return machines.describe_execution(executionArn=execution)["status"] == "RUNNING"
    except machines.exceptions.ExecutionDoesNotExist:
        return False


def give_lock_back(s3: Any, event: Plain, declared: Plain, bucket: str) -> None:
    held = read(s3, bucket, _lock(declared))
    if held is not None and held["run"] == event["execution"]:
        s3.delete_object(Bucket=bucket, Key=_lock(declared))


def refused(code: str, reason: str) -> Answer:
    return {"verdict": "refused", "code": code, "reason": reason}


def version_of(package: str) -> int:
    return int(str(package).rpartition("/")[2])


def _lock(declared: Plain) -> str:
    return f"{declared['prefix']}lock.json"


def _marker(declared: Plain, trigger: str) -> str:
    return f"{declared['prefix']}fired/{trigger}.json"


def run_key(event: Plain, declared: Plain, began: datetime) -> str:
    name = event["execution"].rpartition(":")[2]
    return f"{declared['prefix']}runs/{began:%Y-%m}/{name}.json"


def _runs(s3: Any, bucket: str, declared: Plain, month: datetime) -> list[Answer]:
    """The runs that began in a month."""
    prefix = f"{declared['prefix']}runs/{month:%Y-%m}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (read(s3, bucket, each["Key"]) for page in pages for each in page.get("Contents", ()))
    return [run for run in found if run is not None]


def put(s3: Any, bucket: str, key: str, value: Plain) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(value).encode(), ContentType="application/json")


def parameter(name: str) -> Any:
    try:
        return json.loads(boto3.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise
