"""Snapshots of datasets: taken, listed, found by the beginning of their hash."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from modelyard.build.data import SNAPSHOTS
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.core.snapshots import Manifest, ObjectVersion, content_hash
from modelyard.operate.data.place import Dataset, Lake, argument, is_hidden
from modelyard.operate.data.store import Listed, NotDeployed, Store

SHORTEST: Final = 4
_SHOWN_FAULTS: Final = 20
_ROOM: Final = 3
"""Bytes of disk for each byte of the objects: the file that is read, its rows, what spills while they are sorted."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot; `new` tells whether it was taken just now, or was there before."""

    manifest: Manifest
    new: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest, the lake that holds it, and the entity tag of its object."""

    lake: Lake
    manifest: Manifest
    etag: str

    @property
    def dataset(self) -> Dataset:
        """The dataset that the snapshot is of. Raises `InputError` where the team's file no longer declares it."""
        return self.lake.dataset(self.manifest.dataset)


def take(dataset: Dataset, prefix: str = "", *, now: datetime | None = None) -> Taken:
    """A snapshot of what lies below `prefix` of `dataset`: read version by version, kept in the artifacts zone.

    What is a snapshot already is not read again. Raises `InputError` for a prefix that holds nothing or changes while
    it is read, for an object without versions, outside of every partition, or not of the declared form.
    """
    store = dataset.lake.store
    listed = _listed(store, dataset, prefix)
    parent = _latest(manifests(dataset.lake, dataset.name), prefix)
    if parent is not None and _is_of(parent, dataset, listed):
        return Taken(parent, new=False)
    with scratch(sum(found.size for found in listed)) as folder:
        manifest = _read(store, dataset, prefix, listed, folder, parent, now or datetime.now(UTC))
    _refuse_changed(dataset, prefix, listed, _listed(store, dataset, prefix, may_be_empty=True))
    bucket, key = dataset.lake.bucket("artifacts"), key_of(dataset.name, manifest.hash)
    if store.write(bucket, key, manifest.canonical().encode(), over=None, ContentType="application/json") is None:
        there = store.read(bucket, key)
        if there is None:
            raise EnvironmentFault(Fault("is being written by another", "Try again.", Source(f"s3://{bucket}/{key}")))
        return Taken(_parsed(there[0], bucket, key), new=False)
    return Taken(manifest, new=True)


def key_of(dataset: str, hash: str) -> str:
    """The key of a manifest in the artifacts zone."""
    return f"{SNAPSHOTS}{dataset}/{hash}.json"


def _listed(store: Store, dataset: Dataset, prefix: str, *, may_be_empty: bool = False) -> list[Listed]:
    below = dataset.below(prefix)
    listed = [found for found in store.current(dataset.bucket, below) if not is_hidden(found.key)]
    if not listed and not may_be_empty:
        raise InputError(
            Fault(
                "there is nothing to take a snapshot of",
                "Write the data first, or name another --prefix.",
                Source(f"s3://{dataset.bucket}/{below}"),
            )
        )
    faults = [
        Fault("has no version, so it may change", "Write it again: the bucket keeps versions now.", _source(found))
        for found in listed
        if found.version_id == "null"
    ]
    partitions = [column.name for column in dataset.spec.partitions]
    for found in listed:
        parts = found.key.removeprefix(dataset.prefix).split("/")[:-1]
        missing = [name for name in partitions if not any(part.startswith(f"{name}=") for part in parts)]
        if missing:
            problem = f"lies in no partition by {', '.join(missing)}; no query finds it"
            faults.append(Fault(problem, f"Move it below {missing[0]}=…/, or remove it.", _source(found)))
    raise_some(faults)
    return listed


def _source(found: Listed | ObjectVersion) -> Source:
    return Source(f"s3://{found.bucket}/{found.key}")


def raise_some(faults: Sequence[Fault]) -> None:
    """Raise `InputError` with the first of many faults, if there are any."""
    if faults:
        more = len(faults) - _SHOWN_FAULTS
        rest = [Fault(f"and {more} more", "")] if more > 0 else []
        raise InputError(*faults[:_SHOWN_FAULTS], *rest)


def _latest(found: Sequence[Found], prefix: str) -> Manifest | None:
    same = [one.manifest for one in found if one.manifest.prefix == prefix.strip("/")]
    return max(same, key=lambda manifest: manifest.taken_at, default=None)


def _is_of(manifest: Manifest, dataset: Dataset, listed: Sequence[Listed]) -> bool:
    same_schema = (manifest.columns, manifest.format) == (dataset.columns, dataset.spec.format)
    return same_schema and {one.identity for one in manifest.objects} == {one.identity for one in listed}


def _refuse_changed(dataset: Dataset, prefix: str, before: Sequence[Listed], after: Sequence[Listed]) -> None:
    then, now = ({found.key: found.version_id for found in side} for side in (before, after))
    faults = [
        Fault(
            f"was {_change(key in then, key in now)} while the snapshot was taken",
            "Take it again when nobody writes there, or of a --prefix that is complete.",
            Source(f"s3://{dataset.bucket}/{key}"),
        )
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    raise_some(faults)


def _change(before: bool, after: bool) -> str:
    return "overwritten" if before and after else "added" if after else "deleted"


def _read(
    store: Store,
    dataset: Dataset,
    prefix: str,
    listed: Sequence[Listed],
    folder: Path,
    parent: Manifest | None,
    now: datetime,
) -> Manifest:
    from modelyard_jobs.profile import Profile, UnreadableFile

    columns, format = dataset.columns, dataset.spec.format
    objects: list[ObjectVersion] = []
    faults: list[Fault] = []
    with Profile(columns, format, folder) as profile:
        for found in listed:
            file = folder / file_name(found.key)
            sha256 = store.download(found, file)
            try:
                rows = profile.add(file, dataset.partition(found.key))
            except UnreadableFile as error:
                faults.append(Fault(str(error), "Mend or remove it, or declare what it holds.", _source(found)))
                continue
            objects.append(
                ObjectVersion(
                    bucket=found.bucket,
                    key=found.key,
                    version_id=found.version_id,
                    size=found.size,
                    etag=found.etag.strip('"'),
                    sha256=sha256,
                    rows=rows,
                )
            )
        raise_some(faults)
        statistics = profile.statistics()
        undeclared = tuple(sorted(profile.undeclared))
    return Manifest(
        hash=content_hash(dataset.name, format, columns, objects),
        team=dataset.lake.team,
        environment=dataset.lake.context.environment,
        dataset=dataset.name,
        prefix=prefix.strip("/"),
        format=format,
        classification=dataset.spec.classification,
        columns=columns,
        undeclared=undeclared,
        objects=tuple(objects),
        statistics=statistics,
        taken_at=now,
        taken_by=dataset.lake.caller(),
        parent=parent.hash if parent is not None else None,
    )


def file_name(key: str) -> str:
    """What a downloaded object is called; readers tell by the name's ending whether it is compressed."""
    return "object.gz" if key.endswith(".gz") else "object"


@contextmanager
def scratch(size: int) -> Iterator[Path]:
    """A folder that only this user reads and that goes in the end, on a disk with room for `size` bytes of objects.

    Raises `EnvironmentFault` where the libraries that read data aren't installed, or the disk is too full.
    """
    try:
        import duckdb
        import pyarrow

        del duckdb, pyarrow
    except ImportError as error:
        raise EnvironmentFault(
            Fault(f"{error.name} isn't installed, which reads data", "Install it: pip install 'modelyard[jobs]'")
        ) from None
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < size * _ROOM:
        raise EnvironmentFault(
            Fault(
                f"has {free >> 20} MiB left, and {size * _ROOM >> 20} are needed",
                "Make room, or name another disk: TMPDIR=…",
                Source(place),
            )
        )
    with tempfile.TemporaryDirectory(prefix="modelyard-") as folder:
        yield Path(folder)


def manifests(lake: Lake, dataset: str | None = None) -> list[Found]:
    """The snapshots of a lake, or of one of its datasets; the oldest first."""
    bucket = lake.bucket("artifacts")
    keys = lake.store.keys(bucket, f"{SNAPSHOTS}{dataset}/" if dataset else SNAPSHOTS)
    found = [_load(lake, bucket, key) for key in keys if key.endswith(".json")]
    return sorted((one for one in found if one is not None), key=lambda one: (one.manifest.taken_at, one.manifest.hash))


def find(
    lakes: Sequence[Lake], reference: str, *, dataset: str | None = None, argument_name: str = "SNAPSHOT"
) -> Found:
    """The one snapshot of these lakes, or of one `dataset` of theirs, whose hash begins with `reference`.

    Of several lakes, those that aren't deployed have none.

    Raises `InputError` for a beginning that is too short, that no hash has, or that several have.
    """
    source = argument(argument_name)
    wanted = reference.lower()
    if len(wanted) < SHORTEST or set(wanted) - set("0123456789abcdef"):
        problem = f"is no beginning of a hash: at least {SHORTEST} of 0-9 and a-f"
        raise InputError(Fault(problem, "See them: yard data list", source, reference))
    hits: list[tuple[Lake, str, str]] = []
    for lake in lakes:
        bucket = lake.bucket("artifacts")
        try:
            keys = lake.store.keys(bucket, f"{SNAPSHOTS}{dataset}/" if dataset else SNAPSHOTS)
        except NotDeployed:
            if len(lakes) == 1:
                raise
            continue
        hits += [(lake, bucket, key) for key in keys if key.rpartition("/")[2].startswith(wanted)]
    if len(hits) > 1:
        several = ", ".join(key.removeprefix(SNAPSHOTS).removesuffix(".json") for _, _, key in hits)
        raise InputError(Fault(f"is the beginning of several: {several}", "Write more of it.", source, reference))
    loaded = _load(*hits[0]) if hits else None
    if loaded is None:
        where = dataset or ", ".join(lake.team for lake in lakes)
        raise InputError(Fault(f"is no snapshot of {where}", "See them: yard data list", source, reference))
    return loaded


def _load(lake: Lake, bucket: str, key: str) -> Found | None:
    there = lake.store.read(bucket, key)
    return None if there is None else Found(lake, _parsed(there[0], bucket, key), there[1])


def _parsed(text: str, bucket: str, key: str) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        reasons = "; ".join(detail["msg"] for detail in error.errors(include_url=False, include_input=False)[:3])
        remedy = "Somebody wrote over it; bring its first version back."
        raise InputError(Fault(f"is no manifest: {reasons}", remedy, Source(f"s3://{bucket}/{key}"))) from None
    if key != key_of(manifest.dataset, manifest.hash):
        problem = f"holds the snapshot {manifest.hash} of {manifest.dataset}"
        raise InputError(Fault(problem, "Bring its first version back.", Source(f"s3://{bucket}/{key}")))
    return manifest
