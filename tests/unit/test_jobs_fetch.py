"""A pod serves the bytes that were released, or nothing."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody

from modelyard.core.weights import text_of
from modelyard_jobs.fetch import Unlike, fetch


class Store:
    """Objects by key, as boto3 hands them out."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {key.replace("__", "/"): content for key, content in objects.items()}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "bucket"
        content = self.objects[Key]
        return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ARCHIVE = "s3://bucket/models/scores/d/model.tar.gz"
LIST = "s3://bucket/models/scores/d/weights.json"


def test_an_archive_whose_bytes_were_released_is_unpacked_and_leaves_nothing_else(tmp_path: Path):
    packed = archive(model=b"weights", code__load=b"code")
    store = Store(**{"models/scores/d/model.tar.gz": packed})
    assert fetch(ARCHIVE, sha(packed), tmp_path, s3=store) == len(packed)
    assert sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()) == [
        "code/load",
        "model",
    ]


def test_an_archive_of_other_bytes_is_not_unpacked(tmp_path: Path):
    store = Store(**{"models/scores/d/model.tar.gz": archive(model=b"another")})
    with pytest.raises(Unlike, match="was released"):
        fetch(ARCHIVE, sha(b"released"), tmp_path, s3=store)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path):
    packed = archive(**{"../outside": b"x"})
    store = Store(**{"models/scores/d/model.tar.gz": packed})
    with pytest.raises(tarfile.TarError):
        fetch(ARCHIVE, sha(packed), tmp_path / "model", s3=store)
    assert not (tmp_path / "outside").exists()


def listed(**files: bytes) -> tuple[Store, str]:
    named = {name.replace("__", "/"): content for name, content in files.items()}
    text = text_of({name: (sha(content), len(content)) for name, content in named.items()}).encode()
    weights = {f"models/scores/d/weights/{name}": content for name, content in named.items()}
    return Store(**{"models/scores/d/weights.json": text, **weights}), sha(text)


def test_weights_come_file_by_file_as_their_list_says(tmp_path: Path):
    store, digest = listed(config=b"{}", shards__one=b"1")
    assert fetch(LIST, digest, tmp_path, s3=store) == 3
    assert (tmp_path / "shards" / "one").read_bytes() == b"1"


def test_a_shard_that_was_exchanged_stops_the_pod(tmp_path: Path):
    store, digest = listed(shard=b"released")
    store.objects["models/scores/d/weights/shard"] = b"poisoned"
    with pytest.raises(Unlike, match="shard has the SHA-256"):
        fetch(LIST, digest, tmp_path, s3=store)
    assert not (tmp_path / "shard").exists()


def test_a_list_that_was_exchanged_stops_the_pod_before_any_file_comes(tmp_path: Path):
    store, _ = listed(shard=b"poisoned")
    with pytest.raises(Unlike):
        fetch(LIST, sha(b"released"), tmp_path, s3=store)
    assert list(tmp_path.iterdir()) == []


def test_a_listed_name_that_leads_elsewhere_is_refused(tmp_path: Path):
    store, digest = listed(**{"../outside": b"x"})
    with pytest.raises(Unlike, match="outside"):
        fetch(LIST, digest, tmp_path / "model", s3=store)
