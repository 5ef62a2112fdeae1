"""A lake with datasets, and files put into it and read again."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelyard import Context, LakeSpec
from modelyard.operate.data import Dataset

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
COLUMNS = [
    {"name": "entity_id", "type": "string", "personal": True},
    {"name": "country", "type": "string"},
    {"name": "amount", "type": "double"},
]
EVENTS: dict[str, Any] = {
    "classification": "internal",
    "owner": "a@acme.example",
    "columns": COLUMNS,
    "partitions": [{"name": "day", "type": "date"}],
}
HELD = {"reason": "case 4711, letter of the court", "since": "2026-01-01", "by": "law@acme.example"}
SPEC = LakeSpec.model_validate(
    {
        "datasets": {
            "events": EVENTS,
            "labels": {**EVENTS, "partitions": [], "format": "csv"},
            "logins": {**EVENTS, "partitions": [], "format": "json"},
            "held": {**EVENTS, "zone": "curated", "partitions": [], "legal_hold": HELD},
        }
    }
)
Rows = Sequence[tuple[str | None, str | None, float | None]]
YLVA: Rows = [("ylva", "FI", 1.0), ("ylva", "FI", 2.0)]
BOB: Rows = [("bob", "SE", 3.0)] * 6


def parquet(rows: Rows) -> bytes:
    ids, countries, amounts = zip(*rows, strict=True) if rows else ((), (), ())
    types = (("entity_id", pa.string()), ("country", pa.string()), ("amount", pa.float64()))
    columns = {
        name: pa.array(values, type_) for (name, type_), values in zip(types, (ids, countries, amounts), strict=True)
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"made": "by a test"}), buffer, compression="zstd")
    return buffer.getvalue()


def write(dataset: Dataset, key: str, body: Rows | bytes, **properties: Any) -> str:
    data = body if isinstance(body, bytes) else parquet(body)
    answer = dataset.lake.s3.put_object(Bucket=dataset.bucket, Key=dataset.prefix + key, Body=data, **properties)
    return answer["VersionId"]


def read(dataset: Dataset, key: str) -> list[dict[str, Any]]:
    body = dataset.lake.s3.get_object(Bucket=dataset.bucket, Key=key)["Body"].read()
    return pq.read_table(io.BytesIO(body)).to_pylist()


def day(number: int, file: str = "a.parquet") -> str:
    return f"day=2026-01-{number:02}/{file}"


class Meddling:
    """A boto3 client after whose first download somebody writes."""

    def __init__(self, s3: Any, meddle: Callable[[], object]) -> None:
        self._s3, self._meddle, self._done = s3, meddle, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **wanted: Any) -> Any:
        answer = self._s3.get_object(**wanted)
        if not self._done and "VersionId" in wanted:
            self._done = True
            self._meddle()
        return answer
