"""A version that is a folder of weights: registered, released and guarded like any other."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.models_world import DIGEST, World, world

from modelyard.core.errors import InputError
from modelyard.core.weights import LIST, artifact_of, files_of, place_of
from modelyard_jobs import versions
from modelyard_jobs.versions import Registered, register

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-vllm@{DIGEST}"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("weights")) as (made,):
        yield made


def weights(folder: Path) -> Path:
    """A folder with what a server loads; no two have the same bytes."""
    number = next(_numbers)
    place = folder / f"weights-{number}"
    (place / "tokenizer").mkdir(parents=True)
    (place / "config.json").write_text('{"layers": 1}')
    (place / "model-00001.safetensors").write_bytes(f"weights {number}".encode())
    (place / "tokenizer" / "vocabulary.txt").write_text("a b c")
    return place


def registered(dev: World, folder: Path) -> Registered:
    client = dev.session("submit", "SageMaker")
    return register(
        dev.address,
        folder,
        image=IMAGE,
        author="ada",
        code_commit="c" * 40,
        snapshots=[dev.snapshot()[1]],
        content_types=["application/json"],
        s3=client("s3"),
        sagemaker=client("sagemaker"),
    )


def container(dev: World, version: Registered) -> dict[str, Any]:
    package = dev.stack.client("sagemaker").describe_model_package(ModelPackageName=version.package)
    return package["InferenceSpecification"]["Containers"][0]


def guarded(dev: World, version: Registered) -> dict[str, str]:
    """What the guard finds behind a model that serves the version, problem by code."""
    sagemaker = dev.stack.client("sagemaker")
    name = f"ml-dev-fraud-assistant-{next(_numbers)}"
    role = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-assistant-model"
    sagemaker.create_model(
        ModelName=name, PrimaryContainer={"ModelPackageName": version.package}, ExecutionRoleArn=role
    )
    event = {"detail": {"eventName": "CreateModel", "requestParameters": {"modelName": name}, "eventID": "e"}}
    said = dev.stack.client("lambda").invoke(
        FunctionName="ml-dev-fraud-registry-guard", Payload=json.dumps(event).encode()
    )
    answer = json.loads(said["Payload"].read())
    return {code: problem for _, _, code, problem in answer["unreleased"]}


def add(dev: World, version: Registered, name: str) -> None:
    """Put a further file among the weights of a version, as whoever registers may."""
    place = place_of(artifact_of(container(dev, version))).removeprefix(f"s3://{dev.bucket}/")
    s3 = dev.session("submit", "SageMaker")("s3")
    s3.put_object(Bucket=dev.bucket, Key=f"{place}{name}", Body=b"code", IfNoneMatch="*", ChecksumAlgorithm="SHA256")


def test_a_folder_is_registered_uncompressed_below_the_digest_of_its_list(dev: World, tmp_path: Path):
    version = registered(dev, weights(tmp_path))
    source = container(dev, version)["ModelDataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    artifact = artifact_of(container(dev, version))
    assert artifact.endswith(f"/{version.provenance.artifact_digest}/{LIST}") and source["S3Uri"] == place_of(artifact)
    key = artifact.removeprefix(f"s3://{dev.bucket}/")
    text = dev.stack.client("s3").get_object(Bucket=dev.bucket, Key=key)["Body"].read()
    assert hashlib.sha256(text).hexdigest() == version.provenance.artifact_digest
    assert set(files_of(text)) == {"config.json", "model-00001.safetensors", "tokenizer/vocabulary.txt"}


def test_weights_are_released_by_their_list_and_every_file_is_locked(dev: World, tmp_path: Path):
    version = registered(dev, weights(tmp_path))
    dev.measure(version)
    dev.approve(version.version)
    s3 = dev.stack.client("s3")
    place = place_of(artifact_of(container(dev, version))).removeprefix(f"s3://{dev.bucket}/")
    found = s3.list_objects_v2(Bucket=dev.bucket, Prefix=place)["Contents"]
    assert len(found) == 3
    for each in found:
        assert s3.head_object(Bucket=dev.bucket, Key=each["Key"])["ObjectLockMode"]
    assert guarded(dev, version) == {}


def test_a_file_that_the_list_does_not_name_is_not_released(dev: World, tmp_path: Path):
    version = registered(dev, weights(tmp_path))
    dev.measure(version)
    add(dev, version, "modeling.py")
    with pytest.raises(InputError, match="foreign-weights: modeling.py lies among the weights"):
        dev.approve(version.version)


def test_a_list_that_says_other_bytes_is_not_released(dev: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = weights(tmp_path)
    monkeypatch.setattr(versions, "sha256", lambda _: "0" * 64)
    version = registered(dev, folder)
    dev.measure(version)
    with pytest.raises(InputError, match="digest-mismatch: config.json isn't what the list says"):
        dev.approve(version.version)


def test_a_file_that_came_after_the_release_is_told(dev: World, tmp_path: Path):
    version = registered(dev, weights(tmp_path))
    dev.measure(version)
    dev.approve(version.version)
    add(dev, version, "modeling.py")
    assert set(guarded(dev, version)) == {"foreign-weights"}


def test_a_folder_that_cannot_be_served_is_not_registered(dev: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="holds no file"):
        registered(dev, tmp_path)
    monkeypatch.setattr(versions, "LARGEST_AT_ONCE", 5)
    with pytest.raises(ValueError, match="config.json.*split what is above 5 GiB"):
        registered(dev, weights(tmp_path))
