"""Versions that are many files, such as the weights of a language model: a list stands for them, named by its bytes.

The files lie uncompressed at `models/<model>/<digest>/weights/`, their list beside them as `weights.json`; its SHA-256
is the digest. The functions that sign and guard releases ship this file as it is, with the standard library alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

WEIGHTS: Final = "weights/"
LIST: Final = "weights.json"

Problem = tuple[str, str]


def artifact_of(container: Mapping[str, Any]) -> str:
    """The S3 URI of the object that stands for what a container serves: its archive, or the list of its files.

    `container` as SageMaker has it in models and packages; empty where it serves nothing.
    """
    data: Mapping[str, Any] = container.get("ModelDataSource") or {}
    source: Mapping[str, Any] = data.get("S3DataSource") or {}
    uri = str(container.get("ModelDataUrl") or source.get("S3Uri") or "")
    return f"{uri.removesuffix(WEIGHTS)}{LIST}" if uri.endswith(f"/{WEIGHTS}") else uri


def is_list(artifact: str) -> bool:
    """Whether an artifact's key or URI is that of a list of files."""
    return artifact.endswith(f"/{LIST}")


def place_of(artifact: str) -> str:
    """Where the files of a list lie, by the list's key or URI."""
    return f"{artifact.removesuffix(LIST)}{WEIGHTS}"


def text_of(files: Mapping[str, tuple[str, int]]) -> str:
    """The list: of each file by its name its SHA-256 in hexadecimal and its size in bytes."""
    shown = {name: {"sha256": digest, "size": size} for name, (digest, size) in files.items()}
    return json.dumps({"version": 1, "files": shown}, sort_keys=True, separators=(",", ":"))


def files_of(text: str | bytes) -> dict[str, tuple[str, int]]:
    """What `text_of` made. Raises `ValueError` for a text that is no list."""
    try:
        files = json.loads(text)["files"]
        return {str(name): (str(said["sha256"]), int(said["size"])) for name, said in files.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is no list of files: {error}") from None


def lying(s3: Any, bucket: str, key: str) -> dict[str, list[Mapping[str, Any]]]:
    """Every version of every object beside a list, by the file's name; markers of deletions are among them."""
    place = place_of(key)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=place):
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            found.setdefault(one["Key"].removeprefix(place), []).append(one)
    return found


def misplaced(s3: Any, bucket: str, key: str, listed: Mapping[str, tuple[str, int]]) -> Iterator[Problem]:
    """What lies there and isn't listed, or is and doesn't lie there once: SageMaker serves whatever lies there."""
    there = lying(s3, bucket, key)
    for name in sorted(set(there) - set(listed)):
        yield "foreign-weights", f"{name} lies among the weights, and their list doesn't name it"
    for name in sorted(listed):
        versions = there.get(name, [])
        if len(versions) != 1 or "Size" not in versions[0]:
            yield "foreign-weights", f"{name} has {len(versions)} versions, and must have one"


def unlike(s3: Any, bucket: str, key: str, text: str | bytes) -> Iterator[Problem]:
    """Why what lies there isn't what the list says.

    Contents are compared by the checksums that S3 made as it took them
    (AmazonS3/latest/userguide/checking-object-integrity); nobody's word for them counts, and nobody reads hundreds of
    gigabytes.
    """
    try:
        listed = files_of(text)
    except ValueError as error:
        yield "no-weights", f"{key} {error}"
        return
    wrong = list(misplaced(s3, bucket, key, listed))
    yield from wrong
    if wrong:
        return
    for name, (digest, size) in sorted(listed.items()):
        said = s3.head_object(Bucket=bucket, Key=f"{place_of(key)}{name}", ChecksumMode="ENABLED")
        wanted = base64.b64encode(bytes.fromhex(digest)).decode()
        if said.get("ChecksumSHA256") != wanted or said["ContentLength"] != size:
            found = said.get("ChecksumSHA256") or "no checksum"
            yield "digest-mismatch", f"{name} isn't what the list says: {found}"
