"""Fills a version of a feature view from its source, measures its age, and compares its stores.

`python -m modelyard_jobs.features materialize|compare VIEW-vN` runs in a processing job. What it does is functions over
three small interfaces, so that it runs against anything that answers them.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from modelyard.core.features import DAY, FRESHNESS, MISMATCHED, FeatureColumn, FeatureType, ViewDefinition

Row = Mapping[str, Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Queries(Protocol):
    """Answers SQL over the catalog, as Athena does."""

    def rows(self, sql: str) -> Iterator[Row]:
        """The rows, by column; what isn't there is None."""
        ...

    def run(self, sql: str) -> None:
        """Run a statement that answers nothing, such as an INSERT."""
        ...


class Online(Protocol):
    """A store of single records."""

    def put(self, rows: Iterable[Row]) -> int:
        """Write records; how many."""
        ...

    def get(self, keys: Sequence[Row]) -> Sequence[Row | None]:
        """The records of entities, in their order; None for those that aren't there."""
        ...


class Fills(Protocol):
    """A store that fills itself from its history, as Feast does."""

    def materialize(self, start: datetime, end: datetime) -> None:
        """Bring what the history holds between two moments online."""
        ...


class Metrics(Protocol):
    """Where figures go."""

    def put(self, name: str, value: float, unit: str) -> None:
        """Keep one figure of the view."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """Entities whose online values were compared with the history, and how many differ, in all and by feature."""

    compared: int
    differing: int
    missing: int
    features: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def share(self) -> float:
        """The share of entities that differ or are missing; of none, zero."""
        return (self.differing + self.missing) / self.compared if self.compared else 0.0


def moment(value: Any) -> datetime | None:
    """A time as Athena or a feature group writes it, in UTC; what says no zone is UTC."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        found = value
    else:
        text = str(value).strip().removesuffix(" UTC").replace("Z", "+00:00")
        found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def iso(value: Any) -> str:
    """A time as feature groups take it: ISO 8601 in UTC, with milliseconds."""
    found = moment(value)
    if found is None:
        raise ValueError("an event time is missing")
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 1000:03d}Z"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(database: str, table: str) -> str:
    return f"{_name(database)}.{_name(table)}"


def _literal(when: datetime) -> str:
    return f"TIMESTAMP '{when.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"


def _columns(view: ViewDefinition) -> str:
    names = [*view.keys, view.event_time, *view.names]
    return ", ".join(f"{_name(view.source.columns[name])} AS {_name(name)}" for name in names)


def _between(view: ViewDefinition, since: datetime | None, until: datetime) -> str:
    time = f"CAST({_name(view.source.columns[view.event_time])} AS timestamp)"
    after = f"{time} > {_literal(since)} AND " if since is not None else ""
    return f"{after}{time} <= {_literal(until)}"


def rows_sql(view: ViewDefinition, since: datetime | None, until: datetime) -> str:
    """The source's rows after `since` and up to `until`, oldest first, so that the newest is written last."""
    table = _table(view.source.database, view.source.table)
    return (
        f"SELECT {_columns(view)} FROM {table} WHERE {_between(view, since, until)} ORDER BY {_name(view.event_time)}"
    )


def insert_sql(view: ViewDefinition, since: datetime | None, until: datetime) -> str:
    """The same rows, written to the history by day."""
    if view.offline is None:
        raise ValueError(f"{view.view} keeps no history")
    time = _name(view.source.columns[view.event_time])
    day = f"date_format({time}, '%Y-%m-%d') AS {_name(DAY)}"
    return (
        f"INSERT INTO {_table(view.offline.database, view.offline.table)} "
        f"SELECT {_cast(view)}, {day} FROM {_table(view.source.database, view.source.table)} "
        f"WHERE {_between(view, since, until)}"
    )


def _cast(view: ViewDefinition) -> str:
    kinds: dict[FeatureType, str] = {
        "string": "varchar",
        "integer": "bigint",
        "float": "double",
        "boolean": "boolean",
        "timestamp": "timestamp",
    }
    columns = [*view.entity, FeatureColumn(name=view.event_time, type="timestamp"), *view.features]
    return ", ".join(
        f"CAST({_name(view.source.columns[c.name])} AS {kinds[c.type]}) AS {_name(c.name)}" for c in columns
    )


def newest_sql(view: ViewDefinition) -> str:
    """The event time of the newest record of the history."""
    if view.offline is None:
        raise ValueError(f"{view.view} keeps no history")
    return f'SELECT max({_name(view.event_time)}) AS "newest" FROM {_table(view.offline.database, view.offline.table)}'


def sample_sql(view: ViewDefinition, now: datetime) -> str:
    """The newest record of each of some entities, drawn at random; without those that are online no longer."""
    if view.offline is None:
        raise ValueError(f"{view.view} keeps no history")
    names = ", ".join(_name(name) for name in (*view.keys, view.event_time, *view.names))
    keys, time = ", ".join(_name(key) for key in view.keys), _name(view.event_time)
    table = _table(view.offline.database, view.offline.table)
    lives = ""
    if view.ttl_hours is not None:
        oldest = now - timedelta(hours=view.ttl_hours)
        limit = f"'{iso(oldest)}'" if view.flavour == "sagemaker" else _literal(oldest)
        lives = f" AND {time} > {limit}"
    return (
        f"SELECT {names} FROM (SELECT {names}, row_number() OVER (PARTITION BY {keys} ORDER BY {time} DESC) AS place "
        f"FROM {table}) WHERE place = 1{lives} ORDER BY rand() LIMIT {view.sample}"
    )


def newest(view: ViewDefinition, queries: Queries) -> datetime | None:
    """The event time of the newest record of the history; None for an empty one, or none at all."""
    if view.offline is None:
        return None
    return next((moment(row["newest"]) for row in queries.rows(newest_sql(view))), None)


def materialize(
    view: ViewDefinition, queries: Queries, online: Online | Fills, metrics: Metrics, now: datetime
) -> datetime | None:
    """Take what is new from the source into the stores, and measure the age of the newest record.

    Returns its event time; None where there is no record, of which nothing is measured: the alarm takes silence for
    age. What a run wrote before it failed is written again by the next, which changes nothing online.
    """
    since = newest(view, queries)
    if view.flavour == "feast":
        queries.run(insert_sql(view, since, now))
        if view.online:
            _fills(online).materialize(since or EPOCH, now)
        found = newest(view, queries)
    else:
        latest = [since] if since is not None else []
        _puts(online).put(_seen(queries.rows(rows_sql(view, since, now)), view.event_time, latest))
        found = latest[0] if latest else None
    if found is not None:
        metrics.put(FRESHNESS, max((now - found).total_seconds(), 0.0), "Seconds")
    return found


def _puts(online: Online | Fills) -> Online:
    return online  # pyright: ignore[reportReturnType]


def _fills(online: Online | Fills) -> Fills:
    return online  # pyright: ignore[reportReturnType]


def _seen(rows: Iterable[Row], event_time: str, latest: list[datetime]) -> Iterator[Row]:
    for row in rows:
        when = moment(row[event_time])
        if when is not None:
            latest[:] = [max([when, *latest])]
        yield row


def compare(view: ViewDefinition, queries: Queries, online: Online, metrics: Metrics, now: datetime) -> Comparison:
    """Compare a sample of the history with what is read online, and measure the share that differs.

    Records that are newer online than in the history, which follows minutes behind, are left out.
    """
    sample = list(queries.rows(sample_sql(view, now)))
    found = online.get([{key: row[key] for key in view.keys} for row in sample])
    compared = differing = missing = 0
    features: dict[str, int] = {}
    for row, record in zip(sample, found, strict=True):
        if record is not None and _ahead(view, row, record):
            continue
        compared += 1
        if record is None:
            missing += 1
            continue
        wrong = [each.name for each in view.features if not _same(each, row, record, view.tolerance)]
        differing += bool(wrong)
        for name in wrong:
            features[name] = features.get(name, 0) + 1
    result = Comparison(compared, differing, missing, features)
    if compared:
        metrics.put(MISMATCHED, result.share, "None")
    return result


def _ahead(view: ViewDefinition, row: Row, record: Row) -> bool:
    there, here = moment(row.get(view.event_time)), moment(record.get(view.event_time))
    return there is not None and here is not None and here > there + timedelta(milliseconds=1)


def _same(column: FeatureColumn, row: Row, record: Row, tolerance: float) -> bool:
    one, other = typed(row.get(column.name), column.type), typed(record.get(column.name), column.type)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(one) and math.isnan(other))
    return one == other


def typed(value: Any, kind: FeatureType) -> Any:
    """A value as its type has it, whether a store gives it as text or not; None for none."""
    if value is None or (value == "" and kind != "string"):
        return None
    match kind:
        case "integer":
            return int(value)
        case "float":
            return float(value)
        case "boolean":
            return str(value).lower() in ("1", "true")
        case "timestamp":
            return moment(value)
        case _:
            return str(value)


def main(arguments: Sequence[str], now: datetime | None = None) -> int:
    """Run one job; 0 when it is done, 2 for arguments that are none."""
    from modelyard_jobs.feature_clients import connect

    if len(arguments) != 2 or arguments[0] not in ("materialize", "compare"):
        print("usage: python -m modelyard_jobs.features materialize|compare VIEW-vN", file=sys.stderr)
        return 2
    job, key = arguments
    view, queries, online, metrics = connect(key)
    moment_of_run = now or datetime.now(UTC)
    if job == "materialize":
        found = materialize(view, queries, online, metrics, moment_of_run)
        print(json.dumps({"view": key, "newest": found.isoformat() if found else None}))
        return 0
    result = compare(view, queries, online, metrics, moment_of_run)
    counts = {"compared": result.compared, "differing": result.differing, "missing": result.missing}
    print(json.dumps({"view": key, **counts, "features": dict(result.features)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
