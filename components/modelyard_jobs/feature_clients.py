"""Athena, SageMaker's and Feast's online stores, and CloudWatch, as the feature jobs ask them."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from modelyard.core.addresses import FeatureViewAddress
from modelyard.core.features import NAMESPACE, FeatureColumn, ViewDefinition, record_id
from modelyard_jobs.features import Row, iso
from modelyard_jobs.resources import resources

_LOOK_EVERY_SECONDS: Final = 2.0
_AT_ONCE: Final = 100
"""Records of one BatchGetRecord (sagemaker/latest/APIReference/API_feature_store_BatchGetRecord)."""
_ATTEMPTS: Final = 5


class QueryFailed(RuntimeError):
    """Athena stopped a query; the message is its reason."""


class Athena:
    """SQL in one workgroup; `pause` waits between two looks."""

    def __init__(self, client: Any, workgroup: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._workgroup = workgroup
        self._pause = pause

    def run(self, sql: str) -> None:
        """Run a statement to its end. Raises `QueryFailed`."""
        self._ended(sql)

    def rows(self, sql: str) -> Iterator[Row]:
        """The rows of a query, all values as text. Raises `QueryFailed`."""
        execution = self._ended(sql)
        columns: list[str] = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=execution):
            found = page["ResultSet"]["Rows"]
            if not columns:
                columns = [each["Name"] for each in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
                found = found[1:]
            for row in found:
                yield dict(zip(columns, (cell.get("VarCharValue") for cell in row["Data"]), strict=True))

    def _ended(self, sql: str) -> str:
        started = self._client.start_query_execution(QueryString=sql, WorkGroup=self._workgroup)
        execution = started["QueryExecutionId"]
        while True:
            status = self._client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return execution
            if status["State"] in ("FAILED", "CANCELLED"):
                raise QueryFailed(status.get("StateChangeReason", status["State"]))
            self._pause(_LOOK_EVERY_SECONDS)


class FeatureGroup:
    """The online store of a SageMaker feature group."""

    def __init__(self, client: Any, view: ViewDefinition) -> None:
        self._client = client
        self._view = view

    def put(self, rows: Iterable[Row]) -> int:
        """Write each row as a record; a value that isn't there is left out."""
        count = 0
        for row in rows:
            self._client.put_record(FeatureGroupName=self._view.store, Record=self._record(row))
            count += 1
        return count

    def get(self, keys: Sequence[Row]) -> Sequence[Row | None]:
        """The records of entities, in their order."""
        wanted = [record_id(row, self._view.keys) for row in keys]
        found: dict[str, Row] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            found |= self._batch(wanted[start : start + _AT_ONCE])
        return [found.get(each) for each in wanted]

    def _batch(self, wanted: list[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for _ in range(_ATTEMPTS):
            asked = [{"FeatureGroupName": self._view.store, "RecordIdentifiersValueAsString": wanted}]
            answer = self._client.batch_get_record(Identifiers=asked)
            for record in answer["Records"]:
                values = {each["FeatureName"]: each["ValueAsString"] for each in record["Record"]}
                found[record["RecordIdentifierValueAsString"]] = values
            if answer.get("Errors"):
                raise RuntimeError(answer["Errors"][0]["ErrorMessage"])
            wanted = [
                each for left in answer["UnprocessedIdentifiers"] for each in left["RecordIdentifiersValueAsString"]
            ]
            if not wanted:
                return found
        raise RuntimeError(f"{len(wanted)} records of {self._view.store} could not be read")

    def _record(self, row: Row) -> list[dict[str, str]]:
        view = self._view
        values = {view.record_id: record_id(row, view.keys)}
        for column in (*view.entity, *view.features):
            if row.get(column.name) is not None:
                values[column.name] = _as_text(column, row[column.name])
        values[view.event_time] = iso(row[view.event_time])
        return [{"FeatureName": name, "ValueAsString": text} for name, text in values.items()]


def _as_text(column: FeatureColumn, value: Any) -> str:
    match column.type:
        case "boolean":
            return "1" if str(value).lower() in ("1", "true") else "0"
        case "timestamp":
            return iso(value)
        case _:
            return str(value)


class Feast:
    """A view of a Feast store, through Feast's own SDK."""

    def __init__(self, store: Any, view: ViewDefinition) -> None:
        self._store = store
        self._view = view

    def materialize(self, start: datetime, end: datetime) -> None:
        """Bring what the history holds between two moments online."""
        self._store.materialize(start_date=start, end_date=end, feature_views=[self._view.store])

    def get(self, keys: Sequence[Row]) -> Sequence[Row | None]:
        """The records of entities, in their order. Feast says no event time of them."""
        if not keys:
            return []
        wanted = [f"{self._view.store}:{name}" for name in self._view.names]
        kinds = {key.name: int if key.type == "integer" else str for key in self._view.entity}
        asked = [{name: kinds[name](value) for name, value in row.items()} for row in keys]
        answer = self._store.get_online_features(features=wanted, entity_rows=asked).to_dict()
        rows = [{name: answer[name][index] for name in self._view.names} for index in range(len(keys))]
        return [row if any(value is not None for value in row.values()) else None for row in rows]

    def put(self, rows: Iterable[Row]) -> int:
        """Not how Feast is filled."""
        raise NotImplementedError("Feast is filled from its history")


class CloudWatch:
    """The figures of one view."""

    def __init__(self, client: Any, view: ViewDefinition) -> None:
        self._client = client
        self._dimensions = [{"Name": name, "Value": value} for name, value in view.dimensions.items()]

    def put(self, name: str, value: float, unit: str) -> None:
        """Keep one figure."""
        figure = {"MetricName": name, "Dimensions": self._dimensions, "Value": value, "Unit": unit}
        self._client.put_metric_data(Namespace=NAMESPACE, MetricData=[figure])


def connect(key: str) -> tuple[ViewDefinition, Athena, Any, CloudWatch]:
    """What the running job works with, for the version `key` of a view that its role was granted."""
    import boto3

    name, _, version = key.rpartition("-v")
    address = resources().feature_view(name, int(version))
    s3 = boto3.client("s3")
    body = s3.get_object(Bucket=address.bucket, Key=address.definition)["Body"].read()
    view = ViewDefinition.model_validate_json(body)
    online = (
        Feast(_feast(s3, address), view)
        if address.flavour == "feast"
        else FeatureGroup(boto3.client("sagemaker-featurestore-runtime"), view)
    )
    return view, Athena(boto3.client("athena"), address.workgroup), online, CloudWatch(boto3.client("cloudwatch"), view)


def _feast(s3: Any, address: FeatureViewAddress) -> Any:
    """Feast's store, from what the stack wrote; its registry is brought to the definitions first."""
    folder = Path(mkdtemp())
    for file in ("feature_store.yaml", "definitions.py"):
        s3.download_file(address.bucket, f"{address.repository}{file}", str(folder / file))
    if address.endpoint:
        os.environ["MODELYARD_FEAST_REDIS"] = redis_connection(address)
    from feast import Entity, FeatureService, FeatureStore, FeatureView  # pyright: ignore[reportMissingImports]

    store = FeatureStore(repo_path=str(folder))
    spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("the definitions can't be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kinds = (Entity, FeatureView, FeatureService)
    store.apply([thing for thing in vars(module).values() if isinstance(thing, kinds)])
    return store


def redis_connection(address: FeatureViewAddress, session: Any = None) -> str:
    """How Feast reaches the cache as this identity: a token signed by IAM is the password, for fifteen minutes.

    Source: AmazonElastiCache/latest/dg/auth-iam, "Connecting with IAM".
    """
    import boto3
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    chosen = session or boto3.Session()
    region = chosen.region_name
    signer = RequestSigner(
        ServiceId("elasticache"), region, "elasticache", "v4", chosen.get_credentials(), chosen.events
    )
    user = address.writer or address.reader
    cache = address.endpoint.partition(".")[0].rpartition("-")[0]
    request = {
        "method": "GET",
        "url": f"http://{cache}/?Action=connect&User={user}&ResourceType=ServerlessCache",
        "body": {},
        "headers": {},
        "context": {},
    }
    token: Any = signer.generate_presigned_url(request, operation_name="connect", expires_in=900, region_name=region)
    return f"{address.endpoint},ssl=true,username={user},password={token.removeprefix('http://')}"
