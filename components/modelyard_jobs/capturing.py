"""Captured calls, written by the container itself: sampled, redacted, in SageMaker's lines, in batches to S3.

A call never waits for a write and never fails because of one; what could not be kept is counted. Format and places:
sagemaker/latest/dg/model-monitor-data-capture-endpoint.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from modelyard.core.redaction import Redaction

NAMESPACE: Final = "modelyard/endpoints"
MOST_WAITING: Final = 10_000
"""Calls that may wait to be written; further ones are dropped and counted, so that memory has a bound."""
MOST_BYTES: Final = 256 * 2**10
"""Of one side of a call that is kept; a larger call is dropped and counted."""
_BATCH: Final = 500
_SECONDS: Final = 15.0
"""How long a line waits for others before all are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A call as it was asked and answered; `attributes` and `inference_id` are what the caller sent along."""

    asked: bytes
    asked_type: str
    answered: bytes
    answered_type: str
    at: datetime
    inference_id: str = ""
    attributes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where calls go (`s3://bucket/prefix`, and `<endpoint>/<variant>` below it), how many, and what goes of them."""

    uri: str
    name: str
    percent: float
    redaction: Redaction | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, *, secrets: Any = None) -> Settings | None:
        """What the deployment says; None where nothing is to be kept.

        `secrets`: a boto3 client of Secrets Manager, needed where values are hashed. Absent: one for the container's
        own region. Raises `ValueError` for settings that contradict each other: then nothing must be served.
        """
        uri = environment.get("MODELYARD_CAPTURE_URI", "")
        if not uri:
            return None
        fields = json.loads(environment.get("MODELYARD_REDACT_FIELDS") or "{}")
        key = b""
        if secret := environment.get("MODELYARD_REDACT_SECRET"):
            if secrets is None:
                import boto3

                secrets = boto3.client("secretsmanager")
            said = secrets.get_secret_value(SecretId=secret)
            key = said["SecretBinary"] if "SecretBinary" in said else said["SecretString"].encode()
        columns = json.loads(environment.get("MODELYARD_REDACT_COLUMNS") or "[]")
        return cls(
            uri=uri.rstrip("/"),
            name=environment["MODELYARD_CAPTURE_AS"],
            percent=float(environment.get("MODELYARD_CAPTURE_PERCENT", "20")),
            redaction=Redaction(fields, columns, key) if fields else None,
        )


class Capturing:
    """Takes calls and writes those that chance chooses, from a thread of its own; `close` writes what waits.

    `s3`: a boto3 client. `chance`: gives numbers from 0 to 1. `tell`: takes the metric lines, which CloudWatch reads
    from the log (the embedded metric format).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        s3: Any,
        chance: Callable[[], float] = random.random,
        tell: Callable[[str], None] = print,
    ) -> None:
        self._settings, self._s3, self._chance, self._tell = settings, s3, chance, tell
        self._waiting: queue.Queue[Exchange | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def take(self, exchange: Exchange) -> None:
        """Keep a call, if chance says so; never raises and never waits."""
        if self._chance() * 100 >= self._settings.percent:
            return
        if max(len(exchange.asked), len(exchange.answered)) > MOST_BYTES:
            self._dropped += 1
            return
        try:
            self._waiting.put_nowait(exchange)
        except queue.Full:
            self._dropped += 1

    def close(self, seconds: float = 10.0) -> None:
        """Write what waits, for so many seconds at most."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(seconds)
            self._thread = None

    def write(self, batch: list[Exchange]) -> None:
        """Put a batch down as one object; what fails is counted, and said in a metric line."""
        lost = 0
        lines: list[str] = []
        for exchange in batch:
            try:
                lines.append(self._line(exchange))
            except Exception:
                lost += 1
        if lines:
            try:
                self._put(lines, batch[0].at)
            except Exception as error:
                lost += len(lines)
                lines = []
                self._tell(json.dumps({"capture": "failed", "error": type(error).__name__}))
        dropped, self._dropped = self._dropped, 0
        self._tell(json.dumps(_told(self._settings.name, len(lines), lost + dropped)))

    def _run(self) -> None:
        last = False
        while not last:
            batch: list[Exchange] = []
            until = time.monotonic() + _SECONDS
            while len(batch) < _BATCH and not last:
                try:
                    found = self._waiting.get(timeout=max(until - time.monotonic(), 0.001))
                except queue.Empty:
                    break
                last = found is None
                if found is not None:
                    batch.append(found)
            if batch or self._dropped:
                self.write(batch)

    def _line(self, exchange: Exchange) -> str:
        line = json.dumps(captured(exchange), ensure_ascii=False, separators=(",", ":"))
        if self._settings.redaction is None:
            return line
        kept = self._settings.redaction.line(line)
        if kept is None:
            raise ValueError("can't be redacted")
        return kept

    def _put(self, lines: list[str], at: datetime) -> None:
        bucket, _, prefix = self._settings.uri.removeprefix("s3://").partition("/")
        name = f"{at:%M-%S}-{at.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        key = "/".join(part for part in (prefix, self._settings.name, f"{at:%Y/%m/%d/%H}", name) if part)
        body = "".join(f"{line}\n" for line in lines).encode()
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/jsonlines")


def captured(exchange: Exchange) -> dict[str, Any]:
    """A call as SageMaker's capture writes it."""
    about: dict[str, Any] = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{exchange.at:%Y-%m-%dT%H:%M:%SZ}"}
    if exchange.inference_id:
        about["inferenceId"] = exchange.inference_id
    if exchange.attributes:
        about["customAttributes"] = [exchange.attributes]
    return {
        "captureData": {
            "endpointInput": _side(exchange.asked, exchange.asked_type, "INPUT"),
            "endpointOutput": _side(exchange.answered, exchange.answered_type, "OUTPUT"),
        },
        "eventMetadata": about,
        "eventVersion": "0",
    }


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def _side(data: bytes, content_type: str, mode: str) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "CSV" if "csv" in kind else "JSON" if "json" in kind else "BASE64"
    try:
        text = data.decode() if encoding != "BASE64" else base64.b64encode(data).decode()
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(data).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def _told(name: str, kept: int, lost: int) -> dict[str, Any]:
    """A metric line. Source: AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification."""
    names = {"captured_calls": kept, "lost_calls": lost}
    metrics = [{"Name": each, "Unit": "Count"} for each in names]
    described = {"Namespace": NAMESPACE, "Dimensions": [["Endpoint"]], "Metrics": metrics}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]}
    return {"_aws": about, "Endpoint": name.partition("/")[0], **names}
