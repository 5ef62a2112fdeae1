"""The function that calls an endpoint with a declared example and measures whether, and how soon, it is answered.

It ships as text with the table of metrics, so it uses nothing beyond boto3 and the standard library. Its calls bear an
inference id of their own, so that what reads captured calls leaves them out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from modelyard.core.captured import PROBE
from modelyard.run.monitoring.publishing import publish

PAYLOAD: Final = Path(__file__).with_name("payload.txt")


def handler(_: Mapping[str, Any], __: object) -> dict[str, Any]:
    """One probe. What kept the endpoint from answering is returned, and printed into the log."""
    told = probe(PAYLOAD.read_bytes(), os.environ, clock=time.perf_counter)
    values = {"uptime_answered": float(told["answered"])}
    if told["answered"]:
        values["uptime_latency"] = told["milliseconds"]
    publish(boto3.client("cloudwatch"), "uptime", os.environ["ENDPOINT"], values, datetime.now(UTC))
    if told["why"]:
        print(f"not answered: {told['why']}")
    return told


def probe(payload: bytes, settings: Mapping[str, str], *, clock: Callable[[], float]) -> dict[str, Any]:
    """Whether the endpoint answered, in how many milliseconds, and what was wrong; it is called once, never again."""
    seconds = float(settings["SECONDS"])
    once = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
    runtime = boto3.client("sagemaker-runtime", config=once)
    one_of_many = {"TargetModel": settings["TARGET_MODEL"]} if settings["TARGET_MODEL"] else {}
    began = clock()
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=settings["ENDPOINT"],
            Body=payload,
            ContentType=settings["CONTENT_TYPE"],
            Accept=settings["ACCEPT"],
            InferenceId=f"{PROBE}-{uuid4().hex}",
            **one_of_many,
        )
        text = answer["Body"].read().decode(errors="replace")
    except (ClientError, BotoCoreError) as error:
        return {"answered": False, "milliseconds": 1000 * (clock() - began), "why": str(error)}
    wanted = settings.get("EXPECTS", "")
    why = f"the answer says nothing of {wanted!r}" if wanted and wanted not in text else ""
    return {"answered": not why, "milliseconds": 1000 * (clock() - began), "why": why}
