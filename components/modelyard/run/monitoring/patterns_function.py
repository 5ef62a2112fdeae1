"""The function that reads the captured calls of an hour, or a few, and measures what looks like an attack.

It ships as text with `patterns`, `core.captured` and the table of metrics, so it uses nothing beyond boto3 and the
standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3

from modelyard.core.captured import Call, calls
from modelyard.run.monitoring.patterns import Look, measured
from modelyard.run.monitoring.publishing import publish

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of captured calls that one run reads, the newest first: what fits the function's memory and minutes."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Look at the last full hours before now, or before the event's `at`."""
    at = datetime.fromisoformat(event["at"]) if "at" in event else datetime.now(UTC)
    settings = os.environ
    end = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [end - timedelta(hours=back) for back in range(1, int(settings["HOURS"]) + 1)]
    found = list(captured(boto3.client("s3"), settings, hours))
    values = measured((call for call in found if call is not None), look(settings["LOOK"]))
    told = {f"patterns_{name}": value for name, value in values.items()}
    publish(boto3.client("cloudwatch"), "patterns", settings["ENDPOINT"], told, at)
    return {**told, "unreadable": sum(call is None for call in found)}


def look(text: str) -> Look:
    """What to look at, from the JSON that the stack wrote."""
    said = json.loads(text)
    ranges = {int(position): (float(least), float(most)) for position, (least, most) in said.pop("ranges").items()}
    return Look(**said, ranges=ranges)


def captured(s3: Any, settings: Mapping[str, str], hours: list[datetime]) -> Iterator[Call | None]:
    """The captured calls of these hours, the newest first of which there is room, in the order of time.

    SageMaker writes them below the endpoint's and the variant's name, by hour, UTC
    (sagemaker/latest/dg/model-monitor-data-capture-endpoint).
    """
    chosen: list[tuple[str, str]] = []
    room = MOST_BYTES
    for hour in hours:
        for variant in settings["VARIANTS"].split(","):
            prefix = f"{settings['PREFIX']}/{settings['ENDPOINT']}/{variant}/{hour:%Y/%m/%d/%H}/"
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=settings["BUCKET"], Prefix=prefix)
            for one in sorted((o for page in pages for o in page.get("Contents", ())), key=_key, reverse=True):
                room -= one["Size"]
                if room >= 0:
                    chosen.append((f"{hour:%Y%m%d%H}/{one['Key'].rpartition('/')[2]}", one["Key"]))
    for _, key in sorted(chosen):
        text = s3.get_object(Bucket=settings["BUCKET"], Key=key)["Body"].read().decode(errors="replace")
        yield from calls(text.splitlines())


def _key(found: Mapping[str, Any]) -> str:
    return str(found["Key"])
