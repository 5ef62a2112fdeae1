"""A snapshot brought back: its object versions copied to a prefix, read again, and compared with the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.errors import DeploymentError, Fault, InputError, Source
from modelyard.core.snapshots import Manifest, ObjectVersion
from modelyard.operate.data.place import Dataset, argument, is_hidden
from modelyard.operate.data.snapshots import file_name, raise_some, scratch
from modelyard.operate.data.store import Listed, Store


@dataclass(frozen=True, slots=True)
class Restore:
    """What a restore will do, or did.

    `copies` pairs each version with the key of its copy; `removed` are the keys that the snapshot doesn't have and the
    dataset gets a delete marker over; `unchanged` keys have the right version already. `erased` rows are those that an
    erasure took out since the snapshot. `live`: into the dataset itself, and not beside it.
    """

    dataset: Dataset
    manifest: Manifest
    prefix: str
    copies: tuple[tuple[ObjectVersion, str], ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    erased: int
    live: bool

    @property
    def rows(self) -> int:
        """Rows that the prefix holds afterwards."""
        return self.manifest.rows - self.erased

    @property
    def objects(self) -> int:
        """Objects that the prefix holds afterwards."""
        return len(self.copies) + len(self.unchanged)


def drill_prefix(dataset: Dataset, manifest: Manifest) -> str:
    """Where a restore goes that names no prefix; an erasure looks there too."""
    return f"{dataset.restored}{manifest.short}/"


def plan_restore(dataset: Dataset, manifest: Manifest, to: str | None = None) -> Restore:
    """What bringing `manifest` back to `to` takes; absent, a prefix beside the dataset, for a drill.

    Raises `InputError` for versions that are gone, and for a prefix that holds something else or is another dataset's.
    """
    store = dataset.lake.store
    if to is not None and not to.strip("/"):
        raise InputError(Fault("is the whole zone", "Name a prefix.", argument("--to"), to))
    prefix = f"{to.strip('/')}/" if to is not None else drill_prefix(dataset, manifest)
    _refuse_foreign(dataset, manifest, prefix)
    live = prefix == dataset.prefix
    sources = _sources(dataset, manifest)
    _refuse_gone(store, dataset, sources)
    present = store.current(dataset.bucket, dataset.below(manifest.prefix) if live else prefix)
    current = {found.key: found.version_id for found in present if not is_hidden(found.key)}
    copies: list[tuple[ObjectVersion, str]] = []
    unchanged: list[str] = []
    for found in sources:
        key = prefix + found.key.removeprefix(dataset.prefix)
        if live and current.get(key) == found.version_id:
            unchanged.append(key)
        else:
            copies.append((found, key))
    wanted = {key for _, key in copies}.union(unchanged)
    others = sorted(current.keys() - wanted)
    if others and not live:
        raise InputError(
            Fault(
                f"holds what the snapshot doesn't: {others[0]}{f' and {len(others) - 1} more' if others[1:] else ''}",
                "Name an empty prefix by --to, or remove what is there.",
                Source(f"s3://{dataset.bucket}/{prefix}"),
            )
        )
    if live and others and dataset.spec.legal_hold is not None:
        problem = f"is under a legal hold, and {len(others)} objects would leave it"
        remedy = "Restore beside it: leave --to away."
        raise InputError(Fault(problem, remedy, dataset.spec.source("legal_hold"), dataset.name))
    erased = manifest.rows - sum(found.rows for found in sources)
    return Restore(dataset, manifest, prefix, tuple(copies), tuple(unchanged), tuple(others), erased, live)


def restore(planned: Restore, *, discard: bool = False) -> Restore:
    """Do what `planned` says, then read every object of the prefix again: hash, size and rows must be the manifest's.

    `discard` deletes the copies of a drill for good once they are proven. Raises `DeploymentError` for a copy that is
    not what the snapshot holds.
    """
    dataset = planned.dataset
    store = dataset.lake.store
    made = [(found, key, store.copy(found, dataset.bucket, key)) for found, key in planned.copies]
    for key in planned.removed:
        store.hide(dataset.bucket, key)
    with scratch(max(found.size for found, _, _ in made) if made else 0) as folder:
        faults = [fault for copied in made for fault in _differences(store, dataset, *copied, folder)]
    if faults:
        raise DeploymentError(*faults)
    if discard and not planned.live:
        raise_some(store.destroy([(dataset.bucket, key, version) for _, key, version in made]))
    return planned


def _refuse_foreign(dataset: Dataset, manifest: Manifest, prefix: str) -> None:
    for name in dataset.lake.spec.datasets:
        other = dataset.lake.dataset(name)
        if (
            other.bucket == dataset.bucket
            and (prefix.startswith(other.prefix) or other.prefix.startswith(prefix))
            and prefix != dataset.prefix
        ):
            whose = "lies inside the dataset" if name == dataset.name else f"is the dataset {name}'s"
            remedy = f"Name a prefix of no dataset, or {dataset.prefix} to bring the dataset itself back."
            raise InputError(Fault(whose, remedy, argument("--to"), prefix))
    if manifest.objects[0].bucket != dataset.bucket:
        problem = f"lies in the bucket {manifest.objects[0].bucket}, and the dataset is in another by now"
        raise InputError(Fault(problem, "Restore it by its team's file of that time.", argument("SNAPSHOT")))


def _sources(dataset: Dataset, manifest: Manifest) -> list[ObjectVersion]:
    """The versions to copy: the snapshot's own, or what an erasure put in their place."""
    found: list[ObjectVersion] = []
    faults: list[Fault] = []
    gone = manifest.erased
    for one in manifest.objects:
        version = one
        while version.identity in gone:
            replacement = gone[version.identity].replacement
            if replacement is None:
                problem = "was erased together with a subject's rows, and had been overwritten before"
                remedy = "Nobody can bring it back. Take a later snapshot."
                faults.append(Fault(problem, remedy, Source(f"s3://{one.bucket}/{one.key}"), one.version_id))
                break
            version = replacement
        else:
            found.append(version)
    raise_some(faults)
    return found


def _refuse_gone(store: Store, dataset: Dataset, sources: Sequence[ObjectVersion]) -> None:
    zone = dataset.lake.spec.zones.get(dataset.spec.zone)
    days = f"{zone.noncurrent_days} days" if zone is not None else "a while"
    faults = [
        Fault(
            f"is gone: the zone {dataset.spec.zone} keeps overwritten and deleted versions for {days}",
            "Take a snapshot that is whole, or copy it elsewhere while it is. Raise noncurrent_days for the next time.",
            Source(f"s3://{one.bucket}/{one.key}"),
            one.version_id,
        )
        for one in sources
        if store.head(*one.identity) is None
    ]
    raise_some(faults)


def _differences(
    store: Store, dataset: Dataset, found: ObjectVersion, key: str, version: str, folder: Path
) -> list[Fault]:
    from modelyard_jobs.profile import UnreadableFile, count_rows

    file = folder / file_name(key)
    copy = Listed(dataset.bucket, key, version, found.size, found.etag, True)
    sha256 = store.download(copy, file)
    source = Source(f"s3://{dataset.bucket}/{key}")
    if sha256 != found.sha256:
        return [Fault(f"has the hash {sha256}, and the snapshot says {found.sha256}", "Restore again.", source)]
    try:
        rows = count_rows(file, dataset.columns, dataset.spec.format)
    except UnreadableFile as error:
        return [Fault(str(error), "Compare the dataset's declaration with that of the snapshot.", source)]
    if rows != found.rows:
        return [Fault(f"has {rows} rows, and the snapshot says {found.rows}", "Restore again.", source)]
    return []
