"""Where things are kept that outlive their stack: a folder, or a prefix of a bucket; each file with its hash."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from modelyard.core.errors import Fault, InputError, Source

INDEX: Final = "kept.json"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of an archive: its name there, bytes, SHA-256 in hexadecimal, and why it is kept."""

    name: str
    size: int
    sha256: str
    reason: str


class Store(Protocol):
    """Takes files, and never overwrites one."""

    @property
    def place(self) -> str:
        """What people call the place."""
        ...

    def put(self, name: str, content: BinaryIO) -> None:
        """Write one file."""
        ...

    def get(self, name: str) -> BinaryIO:
        """Read one file back."""
        ...


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder that isn't there yet."""

    folder: Path

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def put(self, name: str, content: BinaryIO) -> None:
        """Write one file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while chunk := content.read(_CHUNK):
                file.write(chunk)

    def get(self, name: str) -> BinaryIO:
        """Read one file back."""
        return (self.folder / name).open("rb")


@dataclass(frozen=True, slots=True)
class BucketStore:
    """A prefix of a bucket that this stack doesn't own; `s3` is a boto3 client."""

    s3: Any
    bucket: str
    prefix: str

    @property
    def place(self) -> str:
        """The place as `s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}"

    def put(self, name: str, content: BinaryIO) -> None:
        """Write one file."""
        self.s3.upload_fileobj(content, self.bucket, f"{self.prefix}/{name}")

    def get(self, name: str) -> BinaryIO:
        """Read one file back."""
        return self.s3.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}")["Body"]


def store(destination: str, name: str, s3: Callable[[], Any]) -> Store:
    """The store called `name` below `destination`, a folder or `s3://bucket/prefix`.

    Raises `InputError` for a bucket without a name and a folder that exists already.
    """
    if destination.startswith("s3://"):
        bucket, _, prefix = destination.removeprefix("s3://").partition("/")
        if not bucket:
            raise InputError(
                Fault("names no bucket", "Write s3://bucket or s3://bucket/prefix.", Source("--keep"), destination)
            )
        return BucketStore(s3(), bucket, "/".join(part for part in (prefix.strip("/"), name) if part))
    folder = Path(destination).expanduser() / name
    if folder.exists():
        raise InputError(Fault("exists already", "Name another folder.", Source("--keep"), str(folder)))
    return FolderStore(folder)


class _Hashing(io.RawIOBase):
    """Reads through to another stream, and hashes and counts what passes."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._inner.read(size) if size >= 0 else self._inner.read()
        self.digest.update(chunk)
        self.size += len(chunk)
        return chunk


@dataclass(slots=True)
class Archive:
    """Files going into a store, and the index of them that is written last."""

    store: Store
    kept: list[Kept] = field(default_factory=list[Kept])

    def add(self, name: str, content: BinaryIO | bytes, reason: str) -> Kept:
        """Keep one file because of `reason`."""
        through = _Hashing(io.BytesIO(content) if isinstance(content, bytes) else content)
        self.store.put(name, through)  # pyright: ignore[reportArgumentType]
        kept = Kept(name, through.size, through.digest.hexdigest(), reason)
        self.kept.append(kept)
        return kept

    def close(self, about: dict[str, Any]) -> None:
        """Read everything back, and write the index. Raises `InputError` for a file that isn't as it was written."""
        spoilt = [item.name for item in self.kept if self._hash(item.name) != item.sha256]
        if spoilt:
            raise InputError(
                *(
                    Fault("isn't as it was written; nothing was removed", "Keep it elsewhere.", Source(name))
                    for name in spoilt
                )
            )
        index = {**about, "files": [asdict(item) for item in self.kept]}
        self.store.put(INDEX, io.BytesIO(json.dumps(index, indent=2).encode()))

    def _hash(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.store.get(name) as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()
