"""What outlives its stack is written once, read back, and listed with its hash."""

import hashlib
import io
import json
from pathlib import Path

import pytest

from modelyard.core.errors import InputError
from modelyard.operate.archive import INDEX, Archive, FolderStore, store


def no_client() -> None:
    raise AssertionError("a folder needs no client")


def test_every_file_is_listed_with_its_size_its_hash_and_why(tmp_path: Path):
    archive = Archive(store(str(tmp_path), "fraud", no_client))
    archive.add("data/a", io.BytesIO(b"x" * 3_000_000), "kept for 400 days")
    archive.add("state.json", b"{}", "the stack as it was")
    archive.close({"team": "fraud"})
    index = json.loads((tmp_path / "fraud" / INDEX).read_text())
    assert index["team"] == "fraud"
    assert [(f["name"], f["size"]) for f in index["files"]] == [("data/a", 3_000_000), ("state.json", 2)]
    assert index["files"][0]["sha256"] == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert (tmp_path / "fraud/data/a").stat().st_size == 3_000_000


def test_a_file_that_is_not_as_it_was_written_stops_everything_before_the_index(tmp_path: Path):
    archive = Archive(FolderStore(tmp_path / "fraud"))
    archive.add("state.json", b"{}", "the stack as it was")
    (tmp_path / "fraud/state.json").write_bytes(b"[]")
    with pytest.raises(InputError, match="isn't as it was written; nothing was removed"):
        archive.close({})
    assert not (tmp_path / "fraud" / INDEX).exists()


def test_a_folder_that_exists_is_not_written_into(tmp_path: Path):
    (tmp_path / "fraud").mkdir()
    with pytest.raises(InputError, match="exists already"):
        store(str(tmp_path), "fraud", no_client)


def test_a_bucket_without_a_name_is_refused():
    with pytest.raises(InputError, match="names no bucket"):
        store("s3://", "fraud", no_client)
