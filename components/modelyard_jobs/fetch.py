"""Brings a version's files before its server starts: `python -m modelyard_jobs.fetch s3://… SHA256 FOLDER`.

The object is an archive, or the list of files that stands for a folder of weights (`…/weights.json`). Nothing is put
down whose bytes aren't those that were released: the archive's SHA-256, or the list's and then each file's, must be as
told. Exit code 1 and one line on stderr where they aren't.
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from modelyard.core.weights import files_of, is_list, place_of

_BLOCK: Final = 2**20


class Unlike(Exception):
    """What lies there isn't what was released."""


def fetch(uri: str, digest: str, folder: Path, *, s3: Any) -> int:
    """Bring the archive's content, or the listed files, into `folder`; gives how many bytes came.

    `digest`: the SHA-256 of the object in hexadecimal. Raises `Unlike`, and what boto3 raises.
    """
    place = urlsplit(uri)
    bucket, key = place.netloc, place.path.removeprefix("/")
    folder.mkdir(parents=True, exist_ok=True)
    if is_list(key):
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        _expect(uri, hashlib.sha256(text).hexdigest(), digest)
        return _files(files_of(text), bucket, place_of(key), folder, s3)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".archive-") as file:
        size, found = _copy(s3.get_object(Bucket=bucket, Key=key)["Body"], file)
        _expect(uri, found, digest)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            archive.extractall(folder, filter="data")
    return size


def _files(listed: dict[str, tuple[str, int]], bucket: str, place: str, folder: Path, s3: Any) -> int:
    total, root = 0, folder.resolve()
    for name, (digest, _) in sorted(listed.items()):
        target = (root / name).resolve()
        if not target.is_relative_to(root):
            raise Unlike(f"{name} lies outside of the model's folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            size, found = _copy(s3.get_object(Bucket=bucket, Key=f"{place}{name}")["Body"], file)
        if found != digest:
            target.unlink()
        _expect(name, found, digest)
        total += size
    return total


def _copy(body: Any, file: Any) -> tuple[int, str]:
    """The size and SHA-256 of what is copied."""
    size, known = 0, hashlib.sha256()
    for block in body.iter_chunks(_BLOCK):
        file.write(block)
        known.update(block)
        size += len(block)
    file.flush()
    return size, known.hexdigest()


def _expect(name: str, found: str, digest: str) -> None:
    if found != digest:
        raise Unlike(f"{name} has the SHA-256 {found}, and {digest} was released")


def main(arguments: Sequence[str]) -> int:
    """Fetch as the arguments say. Gives the exit code."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    if len(arguments) != 3:
        print("fetch: say the object's URI, its SHA-256, and the folder", file=sys.stderr)
        return 1
    uri, digest, folder = arguments
    try:
        size = fetch(uri, digest, Path(folder), s3=boto3.client("s3"))
    except (Unlike, ValueError, OSError, tarfile.TarError, BotoCoreError, ClientError) as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    print(f"fetch: {size} bytes of {uri}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
