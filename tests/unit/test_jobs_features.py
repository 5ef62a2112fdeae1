"""What the feature jobs do: they take what is new, measure its age, and compare what is online with the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from modelyard.core.addresses import FeatureViewAddress
from modelyard.core.features import ViewDefinition
from modelyard_jobs.feature_clients import Athena, CloudWatch, FeatureGroup, QueryFailed, redis_connection
from modelyard_jobs.features import Row, compare, iso, main, materialize, moment, typed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
VIEW: dict[str, Any] = {
    "view": "customer",
    "version": 1,
    "flavour": "sagemaker",
    "store": "customer-v1",
    "entity": [{"name": "customer_id", "type": "string"}],
    "event_time": "at",
    "features": [{"name": "amount", "type": "float"}, {"name": "vip", "type": "boolean"}],
    "source": {
        "database": "lake",
        "table": "transactions",
        "columns": {"customer_id": "customer_id", "at": "happened_at", "amount": "amount", "vip": "vip"},
    },
    "offline": {"database": "lake", "table": "history"},
    "workgroup": "lake",
    "sample": 100,
    "tolerance": 1e-6,
    "dimensions": {"View": "customer-v1"},
}


def view(**changes: Any) -> ViewDefinition:
    return ViewDefinition.model_validate({**VIEW, **changes})


class Tables:
    """The catalog in a database of this process, which takes the same SQL; answers are text, as Athena's are."""

    def __init__(self, *transactions: tuple[str, str, float, bool]) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'; CREATE SCHEMA lake")
        self._db.execute("CREATE MACRO date_format(t, f) AS strftime(t, '%Y-%m-%d')")
        self._db.execute("CREATE MACRO rand() AS random()")
        self._db.execute(
            "CREATE TABLE lake.transactions (customer_id VARCHAR, happened_at TIMESTAMP, amount DOUBLE, vip BOOLEAN)"
        )
        self._db.execute(
            'CREATE TABLE lake.history (customer_id VARCHAR, "at" TIMESTAMP, amount DOUBLE, vip BOOLEAN, day VARCHAR)'
        )
        for each in transactions:
            self._db.execute("INSERT INTO lake.transactions VALUES (?, ?, ?, ?)", list(each))

    def run(self, sql: str) -> None:
        self._db.execute(sql)

    def rows(self, sql: str) -> Iterator[Row]:
        found = self._db.execute(sql)
        names = [column[0] for column in found.description or ()]
        for row in found.fetchall():
            yield dict(zip(names, (None if value is None else str(value) for value in row), strict=True))


class Store:
    """An online store in memory, which writes what it is given to the history of `tables` too, as SageMaker does."""

    def __init__(self, tables: Tables | None = None, **records: Row) -> None:
        self.records: dict[str, Row] = dict(records)
        self._tables = tables
        self.filled: list[tuple[datetime, datetime]] = []

    def put(self, rows: Iterable[Row]) -> int:
        count = 0
        for row in rows:
            self.records[row["customer_id"]] = row
            count += 1
            if self._tables is not None:
                values = f"'{row['customer_id']}', '{row['at']}', {row['amount']}, {row['vip']}, ''"
                self._tables.run(f"INSERT INTO lake.history VALUES ({values})")
        return count

    def get(self, keys: Sequence[Row]) -> Sequence[Row | None]:
        return [self.records.get(row["customer_id"]) for row in keys]

    def materialize(self, start: datetime, end: datetime) -> None:
        self.filled.append((start, end))


class Figures(dict[str, float]):
    def put(self, name: str, value: float, unit: str) -> None:
        self[name] = value


EARLY, LATE = ("ada", "2026-01-31 09:00:00", 1.5, True), ("bob", "2026-01-31 11:00:00", 2.5, False)


def test_what_is_new_is_taken_and_its_age_measured():
    tables, figures = Tables(EARLY, LATE), Figures()
    store = Store(tables)
    found = materialize(view(), tables, store, figures, NOW)
    assert found == datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert set(store.records) == {"ada", "bob"}
    assert figures == {"FreshnessSeconds": 3600}


def test_a_second_run_takes_only_what_came_since_and_still_measures():
    tables, figures = Tables(EARLY), Figures()
    materialize(view(), tables, Store(tables), Figures(), NOW)
    tables.run("INSERT INTO lake.transactions VALUES ('bob', '2026-01-31 11:00:00', 2.5, false)")
    store = Store(tables)
    materialize(view(), tables, store, figures, NOW)
    assert set(store.records) == {"bob"}
    again = Store(tables)
    materialize(view(), tables, again, figures, NOW)
    assert not again.records and figures == {"FreshnessSeconds": 3600}, "no news is measured as well: it ages"


def test_what_lies_in_the_future_is_not_taken():
    tables, store = Tables(EARLY, ("eve", "2026-02-01 09:00:00", 1.0, True)), Store()
    materialize(view(), tables, store, Figures(), NOW)
    assert set(store.records) == {"ada"}


def test_of_no_record_no_age_is_measured():
    figures = Figures()
    assert materialize(view(), Tables(), Store(), figures, NOW) is None
    assert figures == {}, "the alarm takes silence for age"


def test_feast_is_filled_from_its_history_which_is_written_first():
    tables, store, figures = Tables(EARLY, LATE), Store(), Figures()
    found = materialize(view(flavour="feast"), tables, store, figures, NOW)
    assert [row["day"] for row in tables.rows("SELECT DISTINCT day FROM lake.history")] == ["2026-01-31"]
    assert [end for _, end in store.filled] == [NOW]
    assert found == datetime(2026, 1, 31, 11, tzinfo=UTC) and figures["FreshnessSeconds"] == 3600
    materialize(view(flavour="feast"), tables, store, figures, NOW)
    (count,) = [row["n"] for row in tables.rows("SELECT count(*) AS n FROM lake.history")]
    assert count == "2", "a second run writes nothing twice"
    assert store.filled[-1][0] == found


def filled() -> Tables:
    tables = Tables(EARLY, LATE)
    materialize(view(), tables, Store(tables), Figures(), NOW)
    return tables


ADA = {"customer_id": "ada", "at": "2026-01-31T09:00:00.000Z", "amount": "1.5000000001", "vip": "1"}
BOB = {"customer_id": "bob", "at": "2026-01-31T11:00:00.000Z", "amount": "2.5", "vip": "0"}


def test_stores_that_agree_differ_in_nothing():
    figures = Figures()
    result = compare(view(), filled(), Store(ada=ADA, bob=BOB), figures, NOW)
    assert (result.compared, result.differing, result.missing) == (2, 0, 0)
    assert figures == {"MismatchedShare": 0}


def test_a_value_that_differs_and_a_record_that_is_missing_count():
    figures = Figures()
    result = compare(view(), filled(), Store(ada={**ADA, "amount": "9"}), figures, NOW)
    assert (result.compared, result.differing, result.missing) == (2, 1, 1)
    assert dict(result.features) == {"amount": 1}, "features are named, values are not"
    assert figures == {"MismatchedShare": 1}


def test_what_is_newer_online_is_no_difference():
    ahead = {**ADA, "at": "2026-01-31T11:30:00.000Z", "amount": "9"}
    result = compare(view(), filled(), Store(ada=ahead, bob=BOB), Figures(), NOW)
    assert (result.compared, result.differing) == (1, 0)


def test_records_past_their_time_are_not_missed():
    tables = filled()
    result = compare(view(flavour="feast", ttl_hours=2), tables, Store(bob=BOB), Figures(), NOW)
    assert (result.compared, result.missing) == (1, 0)


def test_times_and_values_are_read_as_every_store_writes_them():
    assert (
        moment("2026-01-31 09:00:00.000 UTC") == moment("2026-01-31T10:00:00+01:00") == moment("2026-01-31T09:00:00Z")
    )
    assert iso("2026-01-31 09:00:00.123456") == "2026-01-31T09:00:00.123Z"
    assert typed("TRUE", "boolean") is typed("1", "boolean") is True
    assert typed("", "float") is None and typed("", "string") == ""


def test_wrong_arguments_are_told(capsys: pytest.CaptureFixture[str]):
    assert main(["dance", "customer-v1"]) == 2
    assert "usage" in capsys.readouterr().err


# --- clients


class AthenaStub:
    """Answers as Athena does: a header in the first page, cells without a value for NULL."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: list[dict[str, str]] = []

    def start_query_execution(self, **asked: str) -> dict[str, str]:
        self.asked.append(asked)
        return {"QueryExecutionId": "1"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": self.states.pop(0), "StateChangeReason": "no such column"}}}

    def get_paginator(self, _: str) -> AthenaStub:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        columns = {"ColumnInfo": [{"Name": "id"}, {"Name": "amount"}]}
        pages = [[["id", "amount"], ["ada", None]], [["bob", "2.5"]]]
        return [
            {
                "ResultSet": {
                    "ResultSetMetadata": columns,
                    "Rows": [
                        {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in page
                    ],
                }
            }
            for page in pages
        ]


def test_a_query_is_waited_for_and_its_pages_are_one_answer():
    waited: list[float] = []
    athena = Athena(stub := AthenaStub("QUEUED", "RUNNING", "SUCCEEDED"), "lake", waited.append)
    assert list(athena.rows("SELECT 1")) == [{"id": "ada", "amount": None}, {"id": "bob", "amount": "2.5"}]
    assert len(waited) == 2 and stub.asked == [{"QueryString": "SELECT 1", "WorkGroup": "lake"}]


def test_a_query_that_failed_says_why():
    with pytest.raises(QueryFailed, match="no such column"):
        Athena(AthenaStub("FAILED"), "lake").run("SELECT nothing")


class RuntimeStub:
    """A feature group's records; it leaves what is beyond `room` unprocessed, as the service may."""

    def __init__(self, room: int = 100) -> None:
        self.records: dict[str, list[dict[str, str]]] = {}
        self.room = room

    def put_record(self, FeatureGroupName: str, Record: list[dict[str, str]]) -> None:
        self.records[Record[0]["ValueAsString"]] = Record

    def batch_get_record(self, Identifiers: list[dict[str, Any]]) -> dict[str, Any]:
        (asked,) = Identifiers
        now, later = (
            asked["RecordIdentifiersValueAsString"][part] for part in (slice(self.room), slice(self.room, None))
        )
        found = [{"RecordIdentifierValueAsString": i, "Record": self.records[i]} for i in now if i in self.records]
        left = [{**asked, "RecordIdentifiersValueAsString": later}] if later else []
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": left}


def test_a_record_of_a_feature_group_comes_back_as_it_was_written():
    group = FeatureGroup(RuntimeStub(), view())
    row = {"customer_id": "ada", "at": "2026-01-31 09:00:00.000", "amount": "1.5", "vip": "true"}
    assert group.put([row, {**row, "customer_id": "bob", "amount": None}]) == 2
    ada, nobody, bob = group.get([{"customer_id": "ada"}, {"customer_id": "nobody"}, {"customer_id": "bob"}])
    assert ada == {"customer_id": "ada", "at": "2026-01-31T09:00:00.000Z", "amount": "1.5", "vip": "1"}
    assert nobody is None
    assert bob is not None and "amount" not in bob, "what isn't there is not written"


def test_what_the_service_left_over_is_asked_for_again():
    group = FeatureGroup(RuntimeStub(room=60), view())
    row = {"at": "2026-01-31 09:00:00", "amount": "1", "vip": "true"}
    group.put({**row, "customer_id": str(number)} for number in range(150))
    assert all(group.get([{"customer_id": str(number)} for number in range(150)]))


def test_the_password_of_a_cache_is_a_request_that_iam_signed():
    import boto3

    given = {
        "name": "customer-v1",
        "view": "customer",
        "version": "1",
        "flavour": "feast",
        "store": "customer_v1",
        "bucket": "b",
        "definition": "d",
        "workgroup": "w",
        "key_arn": "k",
        "endpoint": "ml-dev-fraud-features-0a1b2c.serverless.eu-west-1.cache.amazonaws.com:6379",
        "writer": "ml-dev-fraud-features-writer",
    }
    session = boto3.Session("AKIA", "secret", region_name="eu-west-1")
    text = redis_connection(FeatureViewAddress.model_validate(given), session)
    host, secured, user, password = text.split(",")
    assert (host, secured, user) == (given["endpoint"], "ssl=true", f"username={given['writer']}")
    assert password.startswith("password=ml-dev-fraud-features/?Action=connect&User=ml-dev-fraud-features-writer")
    assert "X-Amz-Expires=900" in password and "ResourceType=ServerlessCache" in password


def test_figures_carry_the_views_dimensions():
    sent: list[dict[str, Any]] = []

    class Client:
        def put_metric_data(self, **given: Any) -> None:
            sent.append(given)

    CloudWatch(Client(), view()).put("FreshnessSeconds", 5.0, "Seconds")
    (figure,) = sent[0]["MetricData"]
    assert sent[0]["Namespace"] == "modelyard/features"
    assert figure["Dimensions"] == [{"Name": "View", "Value": "customer-v1"}]
