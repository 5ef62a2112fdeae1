"""The rows of a subject taken out of a dataset: out of every version, and out of what snapshots say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.core.distributions import Categories
from modelyard.core.erasures import Evidence, record_key
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.snapshots import ErasedVersion, Manifest, ObjectVersion, Tombstone
from modelyard.operate.data.place import Dataset, argument, is_hidden
from modelyard.operate.data.snapshots import Found, file_name, key_of, manifests, raise_some, scratch
from modelyard.operate.data.store import LARGEST_WRITE, Listed, Store

if TYPE_CHECKING:
    from modelyard_jobs.rows import Condition

_KEPT: Final = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl", "Metadata")


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that holds rows of the subject: how many, of how many."""

    found: Listed
    matched: int
    total: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure will do; nothing is done yet.

    `affected` are the versions that hold rows of the subject, `snapshots` the snapshots that hold one of them,
    `redacted` those whose statistics name a value of the subject, `held` why some versions may not go,
    `unread` hidden objects that aren't of the dataset's format.
    """

    dataset: Dataset
    wanted: Mapping[str, str]
    seen: frozenset[tuple[str, str, str]]
    affected: tuple[Affected, ...]
    snapshots: tuple[Found, ...]
    redacted: tuple[Found, ...]
    held: tuple[Fault, ...]
    unread: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the subject in the objects as they are read today."""
        return sum(one.matched for one in self.affected if one.found.latest)


def plan(dataset: Dataset, wanted: Mapping[str, str], *, now: datetime | None = None) -> Plan:
    """Look through every version of `dataset`, and every copy of it, for rows whose columns have the `wanted` values.

    Raises `InputError` for a column that no row can be found by, and for an object that can't be looked into.
    """
    store = dataset.lake.store
    conditions = _conditions(dataset, wanted)
    versions = _versions(store, dataset)
    affected, unread = _search(store, dataset, versions, conditions)
    known = manifests(dataset.lake, dataset.name)
    gone = {one.found.identity for one in affected}
    return Plan(
        dataset=dataset,
        wanted=dict(wanted),
        seen=frozenset(found.identity for found in versions),
        affected=tuple(affected),
        snapshots=tuple(one for one in known if gone & {found.identity for found in one.manifest.objects}),
        redacted=tuple(one for one in known if _redacted(one.manifest, wanted) != one.manifest),
        held=(*_declared_hold(dataset), *_holds(store, affected, now or datetime.now(UTC))),
        unread=tuple(unread),
    )


def erase(plan: Plan, *, reference: str = "", now: datetime | None = None) -> Evidence:
    """Do what `plan` says: rewrite, mark the snapshots, delete, look again, and leave a record of it.

    Objects are rewritten only if nobody wrote them since; old versions go only once their snapshots are marked. So an
    erasure that was cut off is finished by running it again. Raises `InputError` where a version is under a hold.
    """
    raise_some(plan.held)
    dataset = plan.dataset
    store = dataset.lake.store
    moment = now or datetime.now(UTC)
    conditions = _conditions(dataset, plan.wanted)
    id = _id(moment, plan)
    left: list[str] = []
    erased: list[ErasedVersion] = []
    with scratch(max((one.found.size for one in plan.affected), default=0)) as folder:
        for one in plan.affected:
            replacement = None
            if one.found.latest:
                replacement = _rewrite(store, dataset, one, conditions, folder)
                if replacement is None:
                    left.append(one.found.key)
                    continue
            bucket, key, version = one.found.identity
            erased.append(
                ErasedVersion(bucket=bucket, key=key, version_id=version, rows=one.matched, replacement=replacement)
            )
    evidence_key = record_key(dataset.name, id)
    snapshots, redacted = _mark(store, plan, Tombstone(evidence=evidence_key, erased_at=moment, erased=tuple(erased)))
    kept = store.destroy([gone.identity for gone in erased])
    left += [str(fault.source) for fault in kept]
    left += _arrived(store, plan, erased, conditions)
    evidence = Evidence(
        id=id,
        reference=reference,
        team=dataset.lake.team,
        environment=dataset.lake.context.environment,
        dataset=dataset.name,
        columns=tuple(plan.wanted),
        erased_at=moment,
        erased_by=dataset.lake.caller(),
        versions_read=len(plan.seen),
        erased=tuple(erased),
        snapshots=snapshots,
        redacted=redacted,
        unread=plan.unread,
        left=tuple(sorted(set(left))),
    )
    body = evidence.model_dump_json().encode()
    store.write(dataset.lake.bucket("artifacts"), evidence_key, body, over=None, ContentType="application/json")
    return evidence


def _conditions(dataset: Dataset, wanted: Mapping[str, str]) -> tuple[Condition, ...]:
    from modelyard_jobs.rows import NoIdentifier, conditions

    try:
        return conditions(dataset.columns, wanted)
    except NoIdentifier as error:
        remedy = "Find the rows by a column that identifies the subject."
        raise InputError(Fault(str(error), remedy, argument("--where"), error.column)) from None


def _id(moment: datetime, plan: Plan) -> str:
    """Time, and a hash of the versions that go; nothing of the subject."""
    gone = "\x00".join("\x01".join(one.found.identity) for one in plan.affected)
    return f"{moment:%Y%m%dT%H%M%SZ}-{hashlib.sha256(gone.encode()).hexdigest()[:12]}"


def _versions(store: Store, dataset: Dataset) -> list[Listed]:
    return [
        found
        for prefix in (dataset.prefix, dataset.restored)
        for found in store.versions(dataset.bucket, prefix)
        if found.size
    ]


def _search(
    store: Store, dataset: Dataset, versions: Sequence[Listed], conditions: Sequence[Condition]
) -> tuple[list[Affected], list[str]]:
    from modelyard_jobs.rows import UnreadableRows, matching

    affected: list[Affected] = []
    unread: list[str] = []
    faults: list[Fault] = []
    with scratch(max((found.size for found in versions), default=0)) as folder:
        for found in versions:
            file = folder / file_name(found.key)
            store.download(found, file)
            try:
                matched, total = matching(file, dataset.spec.format, conditions)
            except UnreadableRows as error:
                if is_hidden(found.key):
                    unread.append(f"{found.key} (version {found.version_id})")
                else:
                    source = Source(f"s3://{found.bucket}/{found.key}")
                    problem = f"{error}; nobody knows whether the subject is in it"
                    faults.append(Fault(problem, "Look into it by hand and delete it.", source, found.version_id))
                continue
            if matched:
                affected.append(Affected(found, matched, total))
    raise_some(faults)
    return affected, unread


def _declared_hold(dataset: Dataset) -> list[Fault]:
    hold = dataset.spec.legal_hold
    if hold is None:
        return []
    problem = f"is under a legal hold since {hold.since}: {hold.reason}"
    remedy = f"Ask {hold.by}; erase when it is lifted, and tell the subject why not yet."
    return [Fault(problem, remedy, dataset.spec.source("legal_hold"), dataset.name)]


def _holds(store: Store, affected: Sequence[Affected], now: datetime) -> list[Fault]:
    faults: list[Fault] = []
    for one in affected:
        head = store.head(*one.found.identity) or {}
        until = head.get("ObjectLockRetainUntilDate")
        source = Source(f"s3://{one.found.bucket}/{one.found.key}")
        if head.get("ObjectLockLegalHoldStatus") == "ON":
            problem = "is under a legal hold, which goes before an erasure"
            remedy = "Ask whoever set the hold; erase when it is lifted, and tell the subject why not yet."
            faults.append(Fault(problem, remedy, source, one.found.version_id))
        elif until is not None and until > now:
            problem = f"must be kept until {until:%Y-%m-%d} (Object Lock, {head.get('ObjectLockMode')})"
            faults.append(Fault(problem, "Erase it then.", source, one.found.version_id))
    return faults


def _rewrite(
    store: Store, dataset: Dataset, one: Affected, conditions: Sequence[Condition], folder: Path
) -> ObjectVersion | None:
    """The object without the rows, written over the version that was read; None where another stands there now."""
    from modelyard_jobs.rows import without

    found = one.found
    name = file_name(found.key)
    source, cleaned = folder / name, folder / f"cleaned-{name}"
    store.download(found, source)
    removed, total = without(source, cleaned, dataset.spec.format, conditions)
    if cleaned.stat().st_size > LARGEST_WRITE:
        raise InputError(
            Fault(
                "is too large to be rewritten at once",
                "Split it, then erase.",
                Source(f"s3://{found.bucket}/{found.key}"),
            )
        )
    with cleaned.open("rb") as body:
        answer = store.write(found.bucket, found.key, body, over=found.etag, **_properties(store, found))
    if answer is None:
        return None
    with cleaned.open("rb") as body:
        sha256 = hashlib.file_digest(body, "sha256").hexdigest()
    return ObjectVersion(
        bucket=found.bucket,
        key=found.key,
        version_id=answer["VersionId"],
        size=cleaned.stat().st_size,
        etag=answer["ETag"].strip('"'),
        sha256=sha256,
        rows=total - removed,
    )


def _properties(store: Store, found: Listed) -> dict[str, Any]:
    """What an object carries beside its bytes, and keeps."""
    head = store.head(*found.identity) or {}
    kept = {name: head[name] for name in _KEPT if head.get(name)}
    tags = store.tags(*found.identity)
    return {**kept, **({"Tagging": tags} if tags else {})}


def _mark(store: Store, plan: Plan, stone: Tombstone) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write each manifest anew that lost a version or named a value, and delete what it was before."""
    bucket = plan.dataset.lake.bucket("artifacts")
    marked: list[str] = []
    redacted: list[str] = []
    gone = {one.identity: one for one in stone.erased}
    for found in {one.manifest.hash: one for one in (*plan.snapshots, *plan.redacted)}.values():
        manifest = found.manifest
        theirs = [gone[one.identity] for one in manifest.objects if one.identity in gone]
        new = _redacted(manifest, plan.wanted)
        if new != manifest:
            redacted.append(manifest.hash)
        fresh = tuple(one for one in theirs if one.identity not in manifest.erased)
        if fresh:
            stones = (*manifest.tombstones, stone.model_copy(update={"erased": fresh}))
            new = new.model_copy(update={"tombstones": stones})
            marked.append(manifest.hash)
        if new == manifest:
            continue
        key = key_of(manifest.dataset, manifest.hash)
        older = [one.identity for one in store.versions(bucket, key)]
        body = new.canonical().encode()
        if store.write(bucket, key, body, over=found.etag, ContentType="application/json") is None:
            raise InputError(
                Fault("was written by another erasure", "Run this one again.", Source(f"s3://{bucket}/{key}"))
            )
        raise_some(store.destroy(older))
    return tuple(marked), tuple(redacted)


def _redacted(manifest: Manifest, wanted: Mapping[str, str]) -> Manifest:
    """The manifest whose statistics name none of the values that the subject was found by."""
    columns = tuple(
        column.model_copy(update={"distribution": column.distribution.without(frozenset({wanted[column.name]}))})
        if column.name in wanted and isinstance(column.distribution, Categories)
        else column
        for column in manifest.statistics
    )
    return manifest.model_copy(update={"statistics": columns})


def _arrived(store: Store, plan: Plan, erased: Sequence[ErasedVersion], conditions: Sequence[Condition]) -> list[str]:
    """Keys of versions that came while the erasure ran, and hold rows of the subject."""
    ours = {one.replacement.identity for one in erased if one.replacement is not None}
    new = [one for one in _versions(store, plan.dataset) if one.identity not in plan.seen | ours]
    affected, _ = _search(store, plan.dataset, new, conditions)
    return [one.found.key for one in affected]
