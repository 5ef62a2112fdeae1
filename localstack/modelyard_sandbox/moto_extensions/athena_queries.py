"""Athena runs queries, where DuckDB is installed: over the tables of the Glue catalog and their objects in S3.

Tables of Parquet, JSON lines and CSV are read; what is written is Parquet. The dialect is DuckDB's, with those
functions of Trino that Modelyard's jobs and Feast ask for. A queue of prepared results, moto's own way, goes first.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from moto.athena.models import AthenaBackend, QueryResults
from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError
from moto.glue.models import glue_backends
from moto.s3.models import FakeKey, s3_backends

CATALOG: Final = "AwsDataCatalog"
_NAME: Final = r'[`"]*([\w$.`"]+?)[`"]*'
_INSERT: Final = re.compile(rf"\s*INSERT\s+INTO\s+{_NAME}\s+((?:SELECT|WITH|VALUES)\b.*)", re.I | re.S)
_CREATE_AS: Final = re.compile(rf"\s*CREATE\s+TABLE\s+{_NAME}\s+WITH\s*\((.*?)\)\s*AS\s+(.*)", re.I | re.S)
_CREATE: Final = re.compile(
    rf"\s*CREATE\s+EXTERNAL\s+TABLE\s+{_NAME}\s*\((.*)\)\s*STORED\s+AS\s+PARQUET\s+LOCATION\s+'([^']+)'", re.I | re.S
)
_DROP: Final = re.compile(rf"\s*DROP\s+TABLE\s+(IF\s+EXISTS\s+)?{_NAME}\s*;?\s*$", re.I)
_ASKS: Final = re.compile(r"\s*(?:/\*.*?\*/\s*)*(?:SELECT|WITH)\b", re.I | re.S)
_OTHERS: Final = re.compile(r"\s*(?:ALTER|CREATE|DESCRIBE|DROP|MSCK|SHOW)\b", re.I)
_LOCATION: Final = re.compile(r"external_location\s*=\s*'([^']+)'", re.I)
_WORD: Final = re.compile(r"\w+")

_TYPES: Final = {"string": "VARCHAR", "binary": "BLOB"}
"""Types of Hive that DuckDB calls otherwise."""
_HIVE: Final = {"VARCHAR": "string", "BLOB": "binary", "INTEGER": "int", "TIMESTAMP_NS": "timestamp"}
_FINE: Final = "TIMESTAMPTZ_NS"
"""As pandas writes moments; DuckDB makes no other type of it but this without the nanoseconds."""
_READERS: Final = (("parquet", "read_parquet"), ("json", "read_json"), ("csv", "read_csv"))
_MACROS: Final = (
    "rand() AS random()",
    "date_format(moment, form) AS strftime(moment, form)",
    "from_iso8601_timestamp(text) AS CAST(CAST(text AS TIMESTAMPTZ) AS TIMESTAMP)",
)
_PARQUET: Final = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

_start = AthenaBackend.start_query_execution
_shown = AthenaResponse.get_query_execution


class QueryRefused(Exception):
    """Why a query fails."""


class Lake:
    """The tables of one account and region, as one query sees them in the database `default`."""

    def __init__(self, account: str, region: str, default: str, folder: Path) -> None:
        import duckdb

        self._glue = glue_backends[account][region]
        self._s3 = s3_backends[account]["aws"]
        self._default, self._folder = default, folder
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.execute(f"ATTACH ':memory:' AS {_quoted(CATALOG)}")
        self._db.execute(f"USE {_quoted(CATALOG)}")
        for macro in _MACROS:
            self._db.execute(f"CREATE TEMP MACRO {macro}")

    def run(self, sql: str) -> QueryResults | None:
        """What the statement answers; None for one that answers nothing, and for what moto does by itself."""
        if found := _INSERT.match(sql):
            return self._insert(found[1], found[2])
        if found := _CREATE_AS.match(sql):
            return self._create_as(found[1], found[2], found[3])
        if found := _CREATE.match(sql):
            return self._declare(found[1], dict(_columns_of(found[2])), found[3])
        if found := _DROP.match(sql):
            return self._drop(found[2], quietly=bool(found[1]))
        if _ASKS.match(sql):
            return self._select(sql)
        if _OTHERS.match(sql):
            return None
        raise QueryRefused("such a statement isn't run here")

    def _select(self, sql: str) -> QueryResults:
        self._load(sql)
        answer = self._db.execute(sql)
        columns = [(each[0], str(each[1])) for each in answer.description or ()]
        rows = [[{"VarCharValue": name} for name, _ in columns]]
        rows += [[_cell(value) for value in row] for row in answer.fetchall()]
        shown = [{"Name": name, "Label": name, "Type": _HIVE.get(kind, kind.lower())} for name, kind in columns]
        return QueryResults([{"Data": row} for row in rows], shown)  # pyright: ignore[reportReturnType]

    def _insert(self, name: str, query: str) -> None:
        table = self._table(name)
        self._load(f"{query} {name}")
        written = f"{self._schema(name)[1]}_written"
        self._db.execute(f"CREATE TABLE {_quoted(written)} AS FROM {self._known_as(name)} LIMIT 0")
        self._db.execute(f"INSERT INTO {_quoted(written)} {query}")
        keys = [_quoted(key["Name"]) for key in table.get("PartitionKeys", ())]
        self._write(written, table["StorageDescriptor"]["Location"], keys)

    def _create_as(self, name: str, settings: str, query: str) -> None:
        location = _LOCATION.search(settings)
        if location is None:
            raise QueryRefused("external_location is missing: only such tables are made here")
        self._load(query)
        self._db.execute(f"CREATE TABLE {_quoted(name)} AS {query}")
        kinds = self._db.execute(f"DESCRIBE {_quoted(name)}").fetchall()
        self._write(name, location[1], [])
        self._declare(name, {str(row[0]): _HIVE.get(row[1], str(row[1]).lower()) for row in kinds}, location[1])

    def _declare(self, name: str, columns: Mapping[str, str], location: str) -> None:
        database, table = self._schema(name)
        descriptor = {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": location,
            "SerdeInfo": {"SerializationLibrary": _PARQUET},
        }
        self._glue.create_table(database, table, {"Name": table, "StorageDescriptor": descriptor})

    def _drop(self, name: str, *, quietly: bool) -> None:
        database, table = self._schema(name)
        try:
            self._glue.delete_table(database, table)
        except JsonRESTError as error:
            if not quietly:
                raise QueryRefused(f"Table {database}.{table} does not exist") from error

    def _schema(self, name: str) -> tuple[str, str]:
        """Database and table of a name as a query writes it."""
        parts = [part.strip('`"') for part in name.split(".")]
        return (parts[-2] if len(parts) > 1 else self._default), parts[-1]

    def _table(self, name: str) -> Mapping[str, Any]:
        database, table = self._schema(name)
        try:
            return self._glue.get_table(database, table).as_dict()
        except JsonRESTError:
            raise QueryRefused(f"Table {database}.{table} does not exist") from None

    def _known_as(self, name: str) -> str:
        return ".".join(map(_quoted, (CATALOG, *self._schema(name))))

    def _load(self, sql: str) -> None:
        """Have every table of the catalog that the text speaks of, with its rows."""
        words = set(_WORD.findall(sql))
        for database in self._glue.get_databases():
            chosen = [table for name, table in database.tables.items() if name in words]
            if not chosen and database.name != self._default:
                continue
            self._db.execute(f"CREATE SCHEMA {_quoted(CATALOG)}.{_quoted(database.name)}")
            for table in chosen:
                self._fill(f"{database.name}.{table.name}", table.as_dict())
        if self._default:
            self._db.execute(f"USE {_quoted(CATALOG)}.{_quoted(self._default)}")

    def _fill(self, name: str, table: Mapping[str, Any]) -> None:
        described = table["StorageDescriptor"]
        columns = [*described["Columns"], *table.get("PartitionKeys", ())]
        kinds = ", ".join(f"{_quoted(each['Name'])} {_TYPES.get(each['Type'], each['Type'])}" for each in columns)
        known = self._known_as(name)
        self._db.execute(f"CREATE TABLE {known} ({kinds})")
        place = self._folder / name
        if self._fetch(described["Location"], place):
            serializer = described.get("SerdeInfo", {}).get("SerializationLibrary", "Iceberg")
            reader = next((read for kind, read in _READERS if kind in serializer.lower()), None)
            if reader is None:
                raise QueryRefused(f"{name} is written by {serializer}, which can't be read here")
            read = f"{reader}('{place}/**/*', hive_partitioning = true, union_by_name = true)"
            fine = [row[0] for row in self._db.execute(f"DESCRIBE FROM {read}").fetchall() if row[1] == _FINE]
            coarser = ", ".join(f"CAST({_quoted(column)} AS TIMESTAMPTZ) AS {_quoted(column)}" for column in fine)
            chosen = f"* REPLACE ({coarser})" if fine else "*"
            self._db.execute(f"INSERT INTO {known} BY NAME SELECT {chosen} FROM {read}")

    def _fetch(self, location: str, folder: Path) -> int:
        """Bring the objects below a location to `folder`; how many."""
        bucket, prefix = _place(location)
        found = [
            key
            for key in self._s3.get_bucket(bucket).keys.values()
            if isinstance(key, FakeKey) and key.size and key.name.startswith(prefix)
        ]
        for key in found:
            file = folder / key.name.removeprefix(prefix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(key.value)
        return len(found)

    def _write(self, table: str, location: str, keys: list[str]) -> None:
        """Put the rows of a table down below a location, by partition."""
        place = self._folder / "written"
        place.mkdir()
        partitions = f", PARTITION_BY ({', '.join(keys)})" if keys else ""
        target = place if keys else place / "rows.parquet"
        self._db.execute(f"COPY {_quoted(table)} TO '{target}' (FORMAT parquet{partitions})")
        bucket, prefix = _place(location)
        for file in sorted(place.rglob("*.parquet")):
            folder = file.parent.relative_to(place).as_posix()
            key = "/".join(part for part in (folder.strip("."), f"{uuid.uuid4()}.parquet") if part)
            self._s3.put_object(bucket, f"{prefix}{key}", file.read_bytes())


def start_query_execution(
    self: Any,
    query: str,
    context: Any,
    config: dict[str, Any],
    workgroup: str,
    execution_parameters: list[str] | None,
) -> str:
    """StartQueryExecution: the query is run at once, and its end kept for those who ask."""
    import duckdb

    prepared = bool(self.query_results_queue)
    execution = _start(self, query, context, config, workgroup, execution_parameters)
    if prepared:
        return execution
    database = context.get("Database", "") if isinstance(context, Mapping) else ""
    try:
        with tempfile.TemporaryDirectory(prefix="modelyard-athena-") as folder:
            found = Lake(self.account_id, self.region_name, database, Path(folder)).run(query)
        self.query_results[execution] = found or QueryResults([], [])
    except (QueryRefused, duckdb.Error) as error:
        self.executions[execution].refused = str(error)
    return execution


def get_query_execution(self: Any) -> str:
    """GetQueryExecution, which says why a query failed."""
    shown = _shown(self)
    execution = self.athena_backend.executions[self._get_param("QueryExecutionId")]
    refused = getattr(execution, "refused", "")
    if not refused:
        return shown
    answer = json.loads(shown)
    answer["QueryExecution"]["Status"] |= {"State": "FAILED", "StateChangeReason": refused}
    return json.dumps(answer)


def _columns_of(text: str) -> Iterator[tuple[str, str]]:
    for each in text.split(","):
        name, kind = each.split(maxsplit=1)
        yield name.strip("`"), kind.strip()


def _place(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    return parts.netloc, f"{parts.path.strip('/')}/"


def _cell(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"VarCharValue": str(value).lower()}
    if isinstance(value, datetime):
        return {"VarCharValue": f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"}
    return {"VarCharValue": str(value)}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing, and without DuckDB it stays as it was."""
    if importlib.util.find_spec("duckdb") is None:
        return
    AthenaBackend.start_query_execution = start_query_execution
    AthenaResponse.get_query_execution = get_query_execution
