"""Whether evidence holds: each file's hash, the manifest's seal, the locks, and the registry's own record."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from modelyard.core import releasing
from modelyard.core.errors import InputError
from modelyard.core.evidence import (
    INDEX,
    MANIFEST,
    SIGNATURE,
    Difference,
    differences,
    file_of,
    folder,
    index_key,
    sealed,
    sha256,
)
from modelyard.core.provenance import release_key
from modelyard.core.releases import SignedRelease, signed
from modelyard.operate.evidence.place import SIGN_IN, Bundle
from modelyard.operate.models.place import asking

_RELEASE: Final = file_of("release")
_YEAR: Final = 365
"""Days; S3 may count a leap year's, too."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what doesn't hold; nothing, where the evidence does."""

    bundle: Bundle
    looked: tuple[str, ...]
    wrong: tuple[Difference, ...]


def verify(bundle: Bundle) -> Verified:
    """Verify a bundle that lies in its store.

    Raises `InputError` where the caller may not see what is needed, the registry's public key above all.
    """
    looked = (
        "each file by the manifest's SHA-256",
        "the manifest by the index and by its signature",
        "the public key from KMS, never from the bundle",
        "each object's lock, by the mode and the years that the manifest says",
        "that no object was written twice or hidden",
        "the release record by its signature, and beside the registry's own",
    )
    if bundle.index is None:
        missing = (Difference(f"{INDEX} entry", "is missing: the bundle was never whole, or somebody took it away"),)
    else:
        missing = ()
    wrong = (*missing, *_content(bundle), *_locks(bundle), *_record(bundle))
    return Verified(bundle, looked, wrong)


def verify_copy(bundle: Bundle) -> Verified:
    """Verify a copy by the registry's public key and record; a copy has no lock."""
    looked = (
        "each file by the manifest's SHA-256",
        "the manifest by its signature",
        "the public key from KMS, never from the copy",
        "the release record by its signature, and beside the registry's own",
    )
    return Verified(bundle, looked, (*_content(bundle), *_record(bundle)))


def _content(bundle: Bundle) -> Iterator[Difference]:
    yield from differences(bundle.files, bundle.index)
    listed = bundle.files.get(MANIFEST)
    if listed is None:
        return
    yield from _seal(listed, bundle.files.get(SIGNATURE), bundle.model.registry.public_key())
    said = bundle.manifest if isinstance(bundle.manifest, dict) else {}
    for name, expected in (("model", bundle.model.name), ("model_version", bundle.version)):
        if said.get(name) != expected:  # pyright: ignore[reportUnknownMemberType]
            yield Difference(MANIFEST, f"speaks of another {name}", str(expected), str(said.get(name)))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _seal(listed: bytes, text: bytes | None, public_key: bytes) -> Iterator[Difference]:
    if text is None:
        yield Difference(SIGNATURE, "is missing")
        return
    try:
        envelope: dict[str, Any] = json.loads(text)["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True).decode()
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    except (ValueError, KeyError, IndexError, TypeError, binascii.Error):
        yield Difference(SIGNATURE, "is no signature")
        return
    if not signed(releasing.pae(payload), signature, public_key):
        yield Difference(SIGNATURE, "isn't valid: the registry's key didn't sign it")
    elif payload != sealed(listed):
        yield Difference(MANIFEST, "isn't the one that was sealed", _subject(payload), f"SHA-256 {sha256(listed)}")
    elif text != releasing.bundle(payload, signature, public_key).encode():
        yield Difference(SIGNATURE, "isn't written as it was sealed")


def _subject(statement: str) -> str:
    """The hash that a statement speaks of, as far as it can be read."""
    try:
        return f"SHA-256 {json.loads(statement)['predicate']['resources'][0]['digest']}"
    except (ValueError, KeyError, IndexError, TypeError):
        return "no statement"


def _locks(bundle: Bundle) -> Iterator[Difference]:
    store, prefix = bundle.store, folder(bundle.model.name, bundle.version)
    own = index_key(bundle.model.name, bundle.version)
    seen: dict[str, int] = {}
    for key, _, _ in (*store.keys(prefix), *(one for one in store.keys(own) if one[0] == own)):
        seen[key] = seen.get(key, 0) + 1
    for key, count in seen.items():
        name = f"{INDEX} entry" if key == own else key.removeprefix(prefix)
        if count > 1:
            yield Difference(name, "was overwritten or hidden", "1 version", f"{count}")
        else:
            yield from _lock(bundle, key, name)


def _lock(bundle: Bundle, key: str, name: str) -> Iterator[Difference]:
    """S3 tells a lock to whom it lets see retentions (AmazonS3/latest/API/API_HeadObject)."""
    store = bundle.store
    with asking(f"s3://{store.bucket}/{key}", SIGN_IN, of=store.registry.context):
        found = store.s3.head_object(Bucket=store.bucket, Key=key)
    written: datetime = found["LastModified"]
    declared = _declared_lock(bundle)
    mode, until = str(found.get("ObjectLockMode", "none")), found.get("ObjectLockRetainUntilDate")
    if mode not in (declared["mode"], "COMPLIANCE"):
        yield Difference(name, "isn't locked as it was written", str(declared["mode"]), mode)
    wanted = written + timedelta(days=_YEAR * int(declared["years"]) - 1)
    if mode != "none" and (until is None or until < wanted):
        shown = "no end" if until is None else f"until {until:%Y-%m-%d}"
        yield Difference(name, "is locked for too short a time", f"until {wanted:%Y-%m-%d}", shown)


def _declared_lock(bundle: Bundle) -> dict[str, Any]:
    """The lock that the manifest says; where it can't be read, which is told elsewhere, that of the team's file."""
    own = {"mode": bundle.store.spec.mode, "years": bundle.store.spec.retention_years}
    try:
        said = bundle.manifest["lock"]
        return {"mode": str(said["mode"]), "years": int(said["years"])}
    except (KeyError, TypeError, ValueError):
        return own


def _record(bundle: Bundle) -> Iterator[Difference]:
    content, registry = bundle.files.get(_RELEASE), bundle.model.registry
    if content is None:
        return
    there = registry.read(release_key(bundle.model.name, bundle.version))
    if there is None:
        yield Difference(_RELEASE, "is no longer in the registry", f"SHA-256 {sha256(content)}", "nothing")
    elif there.encode() != content:
        expected = f"SHA-256 {sha256(there.encode())}"
        yield Difference(_RELEASE, "isn't the registry's record", expected, f"SHA-256 {sha256(content)}")
    try:
        release = SignedRelease.model_validate_json(content)
        record = release.record
    except (ValidationError, InputError):
        yield Difference(_RELEASE, "is no release record")
        return
    if not release.verify(registry.public_key()):
        yield Difference(_RELEASE, "isn't valid: the registry's key didn't sign this record")
    package = bundle.model.package(bundle.version)
    if record.package != package:
        yield Difference(_RELEASE, "speaks of another version", package, record.package)
