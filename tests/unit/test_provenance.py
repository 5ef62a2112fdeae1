"""Where a version comes from: one text, one hash, and what the package's metadata says of it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pydantic import ValidationError

from modelyard.core.addresses import ModelAddress
from modelyard.core.provenance import Provenance, SnapshotReference, artifact_key, key_of
from modelyard.core.releases import Lineage
from modelyard_jobs import versions
from modelyard_sandbox import moto_extensions

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:{'d' * 64}"
MODEL = ModelAddress(name="scores", group="scores", bucket="registry", key_arn="k", signing_key_arn="s", promotion="p")


def snapshot(hash: str = "b" * 64) -> SnapshotReference:
    return SnapshotReference(
        team="fraud",
        dataset="events",
        hash=hash,
        bucket="lake",
        key="snapshots/events/b.json",
        objects=1,
        rows=4,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def a_provenance(**changes: Any) -> Provenance:
    said: dict[str, Any] = {
        "model": "scores",
        "author": "ada",
        "artifact_digest": "a" * 64,
        "snapshots": [snapshot()],
        "code_commit": "c" * 40,
        "image": IMAGE,
    }
    return Provenance.model_validate(said | changes)


def test_the_hash_is_of_the_text_and_of_all_of_it():
    one = a_provenance(parameters={"depth": "6"})
    assert one.digest == hashlib.sha256(one.text().encode()).hexdigest()
    assert Provenance.model_validate_json(one.text()) == one
    assert a_provenance(parameters={"depth": "7"}).digest != one.digest


def test_data_has_one_hash_however_many_snapshots_there_are():
    assert a_provenance().data_snapshot == "b" * 64
    both = a_provenance(snapshots=[snapshot(), snapshot("e" * 64)]).data_snapshot
    assert both == a_provenance(snapshots=[snapshot("e" * 64), snapshot()]).data_snapshot
    assert both not in ("b" * 64, "e" * 64)


def test_the_metadata_names_the_provenance_and_leaves_out_what_doesnt_fit():
    views = [f"customer-view-number-{number}-v1" for number in range(20)]
    provenance = a_provenance(feature_views=views)
    metadata = provenance.lineage("v1").metadata()
    assert metadata["modelyard:provenance"] == provenance.digest
    assert "modelyard:feature-views" not in metadata
    assert all(len(value) <= 256 for value in metadata.values())
    assert Lineage.from_metadata(metadata).provenance == provenance.digest


@pytest.mark.parametrize(
    "changes", [{"snapshots": []}, {"code_commit": "main"}, {"artifact_digest": "x"}, {"image": "serve:latest"}]
)
def test_what_names_nothing_for_sure_is_no_provenance(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        a_provenance(**changes)


@pytest.mark.parametrize("largest", [versions.LARGEST_AT_ONCE, 4])
def test_the_same_bytes_are_put_down_once_in_one_piece_or_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
):
    monkeypatch.setattr(versions, "LARGEST_AT_ONCE", largest)
    file = tmp_path / "model.tar.gz"
    file.write_bytes(b"weights")
    moto_extensions.install()
    with mock_aws():
        keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "eu-west-1"}
        s3, sagemaker = boto3.client("s3", **keys), boto3.client("sagemaker", **keys)
        s3.create_bucket(Bucket="registry", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="registry", VersioningConfiguration={"Status": "Enabled"})
        sagemaker.create_model_package_group(ModelPackageGroupName="scores")

        def register() -> versions.Registered:
            return versions.register(
                MODEL,
                file,
                image=IMAGE,
                author="ada",
                code_commit="c" * 40,
                snapshots=[snapshot()],
                s3=s3,
                sagemaker=sagemaker,
            )

        first, second = register(), register()
        assert (first.version, second.version) == (1, 2)
        key = artifact_key("scores", versions.sha256(file))
        assert len(s3.list_object_versions(Bucket="registry", Prefix=key)["Versions"]) == 1
        kept = s3.get_object(Bucket="registry", Key=key_of("scores", first.provenance.digest))["Body"].read()
        assert json.loads(kept)["author"] == "ada"
        package = sagemaker.describe_model_package(ModelPackageName=second.package)
        assert package["ModelApprovalStatus"] == "PendingManualApproval"
        assert package["CustomerMetadataProperties"]["modelyard:artifact-digest"] == versions.sha256(file)
