"""The form of an evidence bundle, on plain JSON and with the standard library alone.

The functions that write and seal bundles ship this file as it is, so that whoever writes and whoever checks obey one
text. A bundle lies at `bundles/<model>/<version>/`: one file per part, a page, a manifest with every file's SHA-256,
and a signature of the manifest; `index/<model>/<version>.json` says that it is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.core.releasing import canonical, statement

KIND: Final = "modelyard-evidence-1"
PARTS: Final[Mapping[str, str]] = {
    "card": "Model card",
    "lineage": "Lineage",
    "gates": "Gates",
    "approvals": "Approvals",
    "release": "Release record",
    "artifact-signature": "The artifact's signature",
    "images": "Images",
    "infrastructure": "Infrastructure",
    "policy": "Policy report",
}
"""What every bundle holds, in the order of its page; a part that there isn't says so in its place."""
PAGE: Final = "page.html"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
BUNDLES: Final = "bundles"
INDEX: Final = "index"
INFRASTRUCTURE: Final = "deployment/infrastructure.json"
POLICY: Final = "deployment/policy.json"
"""Where the deployment puts down what it knows of itself."""

Plain = Mapping[str, Any]


def folder(model: str, version: int) -> str:
    """What the keys of a bundle begin with."""
    return f"{BUNDLES}/{model}/{version}/"


def index_key(model: str, version: int) -> str:
    """The key of a bundle's entry in the index."""
    return f"{INDEX}/{model}/{version}.json"


def file_of(part: str) -> str:
    """The file of a part."""
    return f"{part}.json"


FILES: Final = (*(file_of(part) for part in PARTS), PAGE)
"""The files that a manifest lists."""


def sha256(content: bytes) -> str:
    """The SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def absent(why: str) -> dict[str, str]:
    """What stands for a part that there isn't."""
    return {"absent": why}


def why_absent(part: object) -> str:
    """Why a part isn't there; empty where it is."""
    if isinstance(part, dict) and set(part) == {"absent"}:  # pyright: ignore[reportUnknownArgumentType]
        return str(part["absent"])  # pyright: ignore[reportUnknownArgumentType]
    return ""


def manifest(about: Plain, files: Mapping[str, bytes], missing: Mapping[str, str]) -> str:
    """The manifest of files by name, as it is signed; `about` says whose they are, `missing` which parts are absent."""
    listed = {name: {"bytes": len(content), "sha256": sha256(content)} for name, content in files.items()}
    return canonical({**about, "kind": KIND, "files": listed, "absent": dict(missing)})


def entry(manifest: bytes, signature: bytes) -> str:
    """The bundle's entry in the index: what it is about, and the hashes of manifest and signature."""
    said = json.loads(manifest)
    about = {key: value for key, value in said.items() if key not in ("files", "kind")}
    hashes = {"manifest_sha256": sha256(manifest), "signature_sha256": sha256(signature)}
    return canonical({**about, **hashes, "absent": sorted(said["absent"]), "files": len(said["files"])})


def sealed(manifest: bytes) -> str:
    """The statement whose signature seals a manifest: OpenSSF model-signing's, of the manifest as a file."""
    return statement(MANIFEST, sha256(manifest))


@dataclass(frozen=True, slots=True)
class Difference:
    """What isn't as the bundle says: the file, what is wrong, and the two values where there are two."""

    file: str
    problem: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        two = f": expected {self.expected}, found {self.found}" if self.expected or self.found else ""
        return f"{self.file}: {self.problem}{two}"


def differences(files: Mapping[str, bytes], index: bytes | None) -> Iterator[Difference]:
    """What doesn't fit within a bundle: files by name, manifest and signature included, and its entry in the index.

    Signatures are looked at elsewhere. `index`: absent for a copy, which has none.
    """
    if index is not None:
        yield from _indexed(files, index)
    text = files.get(MANIFEST)
    if text is None:
        yield Difference(MANIFEST, "is missing")
        return
    try:
        listed = json.loads(text)["files"]
        expected = {str(name): (str(said["sha256"]), int(said["bytes"])) for name, said in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Difference(MANIFEST, "is no manifest")
        return
    for name in FILES:
        if name not in expected:
            yield Difference(name, "isn't in the manifest")
    for name, (digest, length) in expected.items():
        content = files.get(name)
        if content is None:
            yield Difference(name, "is missing", f"{length} bytes, SHA-256 {digest}", "nothing")
        elif sha256(content) != digest:
            yield Difference(name, "was changed", f"SHA-256 {digest}", f"SHA-256 {sha256(content)}")
    for name in sorted(set(files) - set(expected) - {MANIFEST, SIGNATURE}):
        yield Difference(name, "is no file of the bundle")


def _indexed(files: Mapping[str, bytes], index: bytes) -> Iterator[Difference]:
    try:
        said = json.loads(index)
        hashes = {MANIFEST: str(said["manifest_sha256"]), SIGNATURE: str(said["signature_sha256"])}
    except (ValueError, KeyError, TypeError):
        yield Difference(INDEX, "is no entry of an index")
        return
    found = {name: sha256(files[name]) if name in files else "nothing" for name in hashes}
    for name, digest in hashes.items():
        if found[name] != digest:
            yield Difference(name, "isn't the one that the index names", f"SHA-256 {digest}", f"SHA-256 {found[name]}")
    if found == hashes:
        try:
            same = entry(files[MANIFEST], files[SIGNATURE]).encode() == index
        except (ValueError, KeyError, TypeError, AttributeError):
            same = False
        if not same:
            yield Difference(INDEX, "isn't the entry that belongs to the manifest")
