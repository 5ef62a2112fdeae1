"""Athena in the emulator runs what it is asked: over the catalog's tables and what lies in their places."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import pyarrow
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from pyarrow import parquet

from modelyard_jobs.feature_clients import Athena, QueryFailed
from modelyard_sandbox import moto_extensions

REGION, LAKE, HISTORY = "eu-west-1", "lake-of-acme", "history-of-acme"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
COLUMNS = {"who": "string", "amount": "double", "vip": "boolean", "at": "timestamp"}


class Account:
    """Two tables: what came in, and a history by day."""

    def __init__(self) -> None:
        self.s3, self.glue, self.athena = (boto3.client(name, region_name=REGION) for name in ("s3", "glue", "athena"))
        self.glue.create_database(DatabaseInput={"Name": "lake"})
        for bucket in (LAKE, HISTORY):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.table("payments", f"s3://{LAKE}/payments/")
        self.table("by_day", f"s3://{HISTORY}/by_day/", PartitionKeys=[{"Name": "day", "Type": "string"}])
        self.queries = Athena(self.athena, "primary", pause=lambda _: None)

    def table(self, name: str, location: str, serializer: str = PARQUET, **more: Any) -> None:
        descriptor = {
            "Columns": [{"Name": column, "Type": kind} for column, kind in COLUMNS.items()],
            "Location": location,
            "SerdeInfo": {"SerializationLibrary": serializer},
        }
        self.glue.create_table(DatabaseName="lake", TableInput={"Name": name, "StorageDescriptor": descriptor, **more})

    def put(self, key: str, *rows: tuple[str, float | None, bool, datetime]) -> None:
        file = io.BytesIO()
        columns = {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}
        parquet.write_table(pyarrow.table(columns), file)
        self.s3.put_object(Bucket=LAKE, Key=key, Body=file.getvalue())

    def keys(self, bucket: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def start(self, sql: str) -> str:
        context = {"Database": "lake", "Catalog": "AwsDataCatalog"}
        begun = self.athena.start_query_execution(QueryString=sql, QueryExecutionContext=context, WorkGroup="primary")
        return self.athena.get_query_execution(QueryExecutionId=begun["QueryExecutionId"])["QueryExecution"]["Status"][
            "State"
        ]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    moto_extensions.install()
    with mock_aws():
        yield Account()


def test_rows_are_answered_as_athena_writes_them(account: Account):
    account.put("payments/1.parquet", ("ann", 12.5, True, datetime(2026, 3, 1, 9)))
    account.put("payments/2.parquet", ("bob", None, False, datetime(2026, 3, 2, 9)))
    account.put("payments-of-others/1.parquet", ("eve", 1.0, False, datetime(2026, 3, 3)))
    found = list(account.queries.rows('SELECT * FROM "lake"."payments" ORDER BY "at"'))
    assert found == [
        {"who": "ann", "amount": "12.5", "vip": "true", "at": "2026-03-01 09:00:00.000"},
        {"who": "bob", "amount": None, "vip": "false", "at": "2026-03-02 09:00:00.000"},
    ]


def test_json_lines_are_read_too(account: Account):
    account.table("told", f"s3://{LAKE}/told/", "org.openx.data.jsonserde.JsonSerDe")
    account.s3.put_object(Bucket=LAKE, Key="told/1.json", Body=b'{"who": "ann"}\n{"who": "bob", "amount": 2}\n')
    assert list(account.queries.rows("SELECT who, amount FROM lake.told ORDER BY who")) == [
        {"who": "ann", "amount": None},
        {"who": "bob", "amount": "2.0"},
    ]


def test_a_table_without_objects_has_no_rows(account: Account):
    assert list(account.queries.rows('SELECT * FROM "lake"."payments"')) == []


def test_what_is_inserted_lies_in_its_partition_and_is_read_again(account: Account):
    account.put("payments/1.parquet", ("ann", 12.5, True, datetime(2026, 3, 1, 9)))
    for _ in range(2):
        account.queries.run(
            'INSERT INTO "lake"."by_day" SELECT who, amount, vip, "at", date_format("at", \'%Y-%m-%d\') '
            'FROM "lake"."payments"'
        )
    keys = account.keys(HISTORY)
    assert len(keys) == 2 and all(key.startswith("by_day/day=2026-03-01/") for key in keys)
    assert list(account.queries.rows("SELECT day, count(*) AS n FROM lake.by_day GROUP BY day")) == [
        {"day": "2026-03-01", "n": "2"}
    ]


def test_a_table_is_made_of_a_query_and_dropped_again_its_objects_stay(account: Account):
    account.put("payments/1.parquet", ("ann", 12.5, True, datetime(2026, 3, 1, 9)))
    settings = f"external_location = 's3://{HISTORY}/made', format = 'parquet'"
    assert account.start(f"CREATE TABLE _made WITH ({settings}) AS SELECT who FROM payments") == "SUCCEEDED"
    described = account.glue.get_table(DatabaseName="lake", Name="_made")["Table"]["StorageDescriptor"]
    assert described["Columns"] == [{"Name": "who", "Type": "string"}]
    assert list(account.queries.rows("SELECT * FROM lake._made")) == [{"who": "ann"}]
    assert account.start("DROP TABLE `lake._made`") == "SUCCEEDED"
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        account.glue.get_table(DatabaseName="lake", Name="_made")
    assert len(account.keys(HISTORY)) == 1
    assert account.start("DROP TABLE lake._made") == "FAILED"
    assert account.start("DROP TABLE IF EXISTS lake._made") == "SUCCEEDED"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM lake.nowhere", "nowhere"),
        ("INSERT INTO lake.nowhere SELECT 1", "lake.nowhere does not exist"),
        ("SELECT missing FROM lake.payments", "missing"),
        ("SELEC 1 FROM lake.payments", "such a statement isn't run here"),
        ("CREATE TABLE t WITH (format = 'parquet') AS SELECT 1 AS one", "external_location is missing"),
        ("SELECT * FROM lake.orc", "OrcSerde, which can't be read here"),
    ],
)
def test_a_query_that_cannot_be_run_fails_and_says_why(account: Account, sql: str, said: str):
    account.table("orc", f"s3://{LAKE}/payments/", "org.apache.hadoop.hive.ql.io.orc.OrcSerde")
    account.put("payments/1.parquet", ("ann", 12.5, True, datetime(2026, 3, 1, 9)))
    with pytest.raises(QueryFailed, match=said):
        account.queries.run(sql)


def test_a_tables_columns_are_told_by_athena_too(account: Account):
    said = account.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="lake", TableName="by_day")
    columns = {each["Name"]: each["Type"] for each in said["TableMetadata"]["Columns"]}
    assert columns == COLUMNS
    with pytest.raises(ClientError, match="MetadataException"):
        account.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="lake", TableName="nowhere")
