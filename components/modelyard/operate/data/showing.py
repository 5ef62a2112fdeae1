"""What people are shown of snapshots, differences, erasures and restores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelyard.core.distributions import Categories, ColumnStatistics, Numbers
from modelyard.core.erasures import Evidence
from modelyard.core.snapshots import SHOWN, ColumnDifference, Difference, Manifest, SnapshotSummary
from modelyard.operate.data.erasure import Plan
from modelyard.operate.data.restoring import Restore

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_BARS = " ▁▂▃▄▅▆▇█"
_MOST_KEYS = 10


def size(bytes_: int) -> str:
    """Bytes in the unit that people read them in."""
    amount, unit = float(bytes_), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{bytes_} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def snapshot(manifest: Manifest, *, new: bool) -> Iterator[str]:
    """One snapshot, with a line for each column."""
    where = f"{manifest.team}/{manifest.dataset}{f'/{manifest.prefix}' if manifest.prefix else ''}"
    yield f"{manifest.short}  {where}  {'' if new else '(nothing changed since it was taken)'}".rstrip()
    yield (
        f"{_count(len(manifest.objects), 'object')}, {_count(manifest.rows, 'row')}, {size(manifest.size)}, "
        f"{manifest.classification.value}, taken {manifest.taken_at:%Y-%m-%d %H:%M} UTC"
    )
    for stone in manifest.tombstones:
        rows = sum(gone.rows for gone in stone.erased)
        yield f"erased on {stone.erased_at:%Y-%m-%d}: {_count(rows, 'row')}; record {stone.evidence}"
    if manifest.undeclared:
        yield f"also in the files, and not declared: {', '.join(manifest.undeclared)}"
    types = {column.name: column.type for column in manifest.columns}
    lines = [(found.name, types[found.name], *_statistics(found)) for found in manifest.statistics]
    yield from _table([("column", "type", "nulls", "distinct", "distribution"), *lines], frozenset({2, 3}))


def _statistics(found: ColumnStatistics) -> tuple[str, str, str]:
    nulls = f"{found.nulls / found.rows:.1%}" if found.rows else "-"
    distinct = "-" if found.distinct is None else f"{found.distinct:,}"
    distribution = found.distribution
    if isinstance(distribution, Numbers):
        ends = [_number(distribution, value) for value in (distribution.minimum, distribution.maximum)]
        return nulls, distinct, f"{ends[0]} {_bars(distribution.histogram.counts)} {ends[1]}"
    if isinstance(distribution, Categories) and distribution.top:
        named = ", ".join(f"{category.value!r} {category.count:,}" for category in distribution.top[:3])
        rest = sum(category.count for category in distribution.top[3:]) + distribution.other
        return nulls, distinct, f"{named}{f', others {rest:,}' if rest else ''}"
    return nulls, distinct, ""


def _bars(counts: Sequence[int]) -> str:
    most = max(counts)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] if count else " " for count in counts) if most else ""


def _number(distribution: Numbers, value: float) -> str:
    if distribution.kind == "times":
        from datetime import UTC, datetime, timedelta

        try:
            return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value):%Y-%m-%d %H:%M:%S}".removesuffix(
                " 00:00:00"
            )
        except OverflowError:
            return f"{value:.6g}"
    return f"{value:.6g}"


def snapshots(found: Sequence[SnapshotSummary]) -> Iterator[str]:
    """The lines of `yard data list`."""
    if not found:
        yield "There are no snapshots yet. Take one: yard data snapshot TEAM DATASET"
        return
    head = ("snapshot", "dataset", "taken (UTC)", "objects", "rows", "size", "parent", "by", "")
    rows = [
        (
            one.hash[:SHOWN],
            f"{one.dataset}/{one.prefix}".rstrip("/"),
            f"{one.taken_at:%Y-%m-%d %H:%M}",
            f"{one.objects:,}",
            f"{one.rows:,}",
            size(one.size),
            (one.parent or "")[:SHOWN],
            one.taken_by.rpartition(":")[2],
            f"rows erased {one.erased_at:%Y-%m-%d}" if one.erased_at else "",
        )
        for one in found
    ]
    yield from _table([head, *rows], frozenset({3, 4, 5}))


def difference(found: Difference) -> Iterator[str]:
    """What differs between two snapshots: objects, schema, rows, columns."""
    yield f"{found.a[:SHOWN]} → {found.b[:SHOWN]}{'  the same snapshot' if found.same else ''}"
    yield f"rows     {found.rows[0]:,} → {found.rows[1]:,} ({found.rows[1] - found.rows[0]:+,})"
    yield f"size     {size(found.size[0])} → {size(found.size[1])}"
    parts = (("added", found.added), ("removed", found.removed), ("changed", found.changed))
    counts = ", ".join(f"{len(keys)} {what}" for what, keys in parts)
    yield f"objects  {counts}, {found.unchanged} unchanged"
    marks = [("+", key) for key in found.added] + [("-", key) for key in found.removed]
    marks += [("~", f"{one.key}{' (the same bytes)' if one.same_bytes else ''}") for one in found.changed]
    for mark, key in marks[:_MOST_KEYS]:
        yield f"  {mark} {key}"
    if len(marks) > _MOST_KEYS:
        yield f"  and {len(marks) - _MOST_KEYS} more; see them all by --json"
    for column in found.columns_added:
        yield f"schema   + {column.name} {column.type}"
    for column in found.columns_removed:
        yield f"schema   - {column.name} {column.type}"
    for changed in found.columns_changed:
        yield f"schema   ~ {changed.name} {changed.type[0]} → {changed.type[1]}"
    if found.statistics:
        head = ("column", "distance", "nulls", "distinct", "mean", "median")
        yield ""
        yield from _table([head, *(_changes(one) for one in found.statistics)], frozenset({1}))


def _changes(one: ColumnDifference) -> tuple[str, ...]:
    def pair(found: tuple[float | None, float | None] | None) -> str:
        return "" if found is None else " → ".join("-" if value is None else f"{value:.6g}" for value in found)

    nulls = "" if one.null_share is None else " → ".join(f"{share:.1%}" for share in one.null_share)
    distance = "" if one.distance is None else f"{one.distance:.3f}"
    return one.name, distance, nulls, pair(one.distinct), pair(one.mean), pair(one.median)


def planned(found: Plan) -> Iterator[str]:
    """What an erasure will do."""
    versions = [one for one in found.affected if not one.found.latest]
    current = len(found.affected) - len(versions)
    yield f"{_count(found.rows, 'row')} in {_count(current, 'object')}, and {_count(len(versions), 'older version')}"
    for one in found.affected:
        what = "rewrite" if one.found.latest else "delete "
        yield f"  {what}  {one.found.key}  {one.matched:,} of {one.total:,} rows  version {one.found.version_id}"
    for one in found.snapshots:
        yield f"  mark     snapshot {one.manifest.short} of {one.manifest.taken_at:%Y-%m-%d}, which loses versions"
    for one in found.redacted:
        yield f"  redact   snapshot {one.manifest.short}, whose statistics name the value"
    for name in found.unread:
        yield f"  can't look into the hidden object {name}"
    for fault in found.held:
        yield f"  held     {fault}"


def erased(found: Evidence) -> Iterator[str]:
    """What an erasure did."""
    rewritten = sum(one.replacement is not None for one in found.erased)
    yield f"{_count(rewritten, 'object')} rewritten, {_count(len(found.erased), 'version')} deleted for good"
    if found.snapshots:
        yield f"marked snapshots: {', '.join(hash[:SHOWN] for hash in found.snapshots)}"
    if found.redacted:
        yield f"statistics that named the value: {', '.join(hash[:SHOWN] for hash in found.redacted)}"
    yield f"record: {found.key}"
    for name in found.left:
        yield f"NOT ERASED: {name}. It was written or held meanwhile; run the erasure again."


def restored(found: Restore, *, done: bool) -> Iterator[str]:
    """What a restore will do, or did."""
    verb = ("copied", "hidden") if done else ("to copy", "to hide")
    yield f"{found.manifest.short} → s3://{found.dataset.bucket}/{found.prefix}"
    yield f"{_count(len(found.copies), 'object')} {verb[0]}, {len(found.unchanged)} in place already"
    if found.removed:
        yield f"{_count(len(found.removed), 'object')} {verb[1]} by a delete marker; their versions stay"
    if found.erased:
        yield f"{_count(found.erased, 'row')} less than the snapshot had: erased since then"
    if done:
        yield f"verified: {_count(found.objects, 'object')}, {_count(found.rows, 'row')}, every hash as in the snapshot"


def plan_as_json(found: Plan) -> dict[str, object]:
    """What an erasure will do, for `--json`; the subject's values aren't in it."""
    return {
        "dataset": found.dataset.name,
        "columns": list(found.wanted),
        "rows": found.rows,
        "versions": [
            {
                "key": one.found.key,
                "version_id": one.found.version_id,
                "current": one.found.latest,
                "rows": one.matched,
                "of": one.total,
            }
            for one in found.affected
        ],
        "snapshots": [one.manifest.hash for one in found.snapshots],
        "redacted": [one.manifest.hash for one in found.redacted],
        "held": [fault.as_json() for fault in found.held],
        "unread": list(found.unread),
    }


def restore_as_json(found: Restore) -> dict[str, object]:
    """What a restore will do, or did, for `--json`."""
    return {
        "snapshot": found.manifest.hash,
        "bucket": found.dataset.bucket,
        "prefix": found.prefix,
        "copies": [key for _, key in found.copies],
        "unchanged": list(found.unchanged),
        "removed": list(found.removed),
        "rows": found.rows,
        "erased_rows": found.erased,
    }
