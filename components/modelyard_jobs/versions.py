"""Versions of models, as jobs make them: bytes and lineage written once, a package that waits, results of gates."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelyard.core.addresses import ModelAddress
from modelyard.core.provenance import Origin, Provenance, SnapshotReference, artifact_key, gates_key, key_of
from modelyard.core.releases import Evaluation, GateResult, GateResults
from modelyard.core.releasing import EVALUATION, PENDING
from modelyard.core.weights import LIST, WEIGHTS, text_of

LARGEST_AT_ONCE: Final = 5 * 2**30
"""Bytes that one PutObject takes (AmazonS3/latest/userguide/qfacts)."""
_PART: Final = 256 * 2**20
_CHUNK: Final = 8 * 2**20
_THERE: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412")


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that waits for approval, and what is known of its origin."""

    package: str
    version: int
    provenance: Provenance


def register(
    model: ModelAddress,
    artifact: Path,
    *,
    image: str,
    author: str,
    code_commit: str,
    snapshots: Sequence[SnapshotReference],
    feature_views: Sequence[str] = (),
    code_repository: str = "",
    training_image: str = "",
    run_id: str | None = None,
    parameters: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    origin: Origin | None = None,
    description: str = "",
    content_types: Sequence[str] = ("text/csv",),
    s3: Any = None,
    sagemaker: Any = None,
) -> Registered:
    """Put down an artifact and where it comes from, and register a version of both that waits for approval.

    `artifact`: a `.tar.gz` as SageMaker serves it, or a folder of files that are served as they are, such as a language
    model's weights, none of them above `LARGEST_AT_ONCE`. `image`: the serving image by digest. `author`: who answers
    for the version, by the name that they sign in with. `snapshots`: what it was trained on. `s3`, `sagemaker`: boto3
    clients. Absent: those of the job's own region. Raises pydantic's `ValidationError` for what no lineage may say, and
    `ValueError` for a folder that can't be served.
    """
    listed = _listed(artifact) if artifact.is_dir() else None
    digest = hashlib.sha256(listed.encode()).hexdigest() if listed is not None else sha256(artifact)
    provenance = Provenance(
        model=model.name,
        author=author,
        artifact_digest=digest,
        snapshots=tuple(snapshots),
        feature_views=tuple(feature_views),
        code_repository=code_repository,
        code_commit=code_commit,
        image=image,
        training_image=training_image,
        run_id=run_id,
        parameters=dict(parameters or {}),
        metrics=dict(metrics or {}),
        origin=origin,
    )
    if s3 is None or sagemaker is None:
        import boto3

        s3, sagemaker = s3 or boto3.client("s3"), sagemaker or boto3.client("sagemaker")
    key = artifact_key(model.name, digest)
    served: dict[str, Any] = {"ModelDataUrl": f"s3://{model.bucket}/{key}"}
    if listed is None:
        version_id = _put_once(s3, model.bucket, key, artifact)
    else:
        folder = key.rpartition("/")[0]
        version_id = _put_weights(s3, model.bucket, folder, artifact, listed)
        place = f"s3://{model.bucket}/{folder}/{WEIGHTS}"
        source = {"S3Uri": place, "S3DataType": "S3Prefix", "CompressionType": "None"}
        served = {"ModelDataSource": {"S3DataSource": source}}
    lineage = provenance.lineage(version_id)
    _put_text_once(s3, model.bucket, key_of(model.name, provenance.digest), provenance.text())
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=model.group,
        ModelApprovalStatus=PENDING,
        InferenceSpecification={
            "Containers": [{"Image": image, **served}],
            "SupportedContentTypes": list(content_types),
            "SupportedResponseMIMETypes": list(content_types),
        },
        CustomerMetadataProperties=lineage.metadata(),
        **({"ModelPackageDescription": description} if description else {}),
    )
    package = str(answer["ModelPackageArn"])
    return Registered(package, int(package.rpartition("/")[2]), provenance)


def report(model: ModelAddress, package: str, results: Iterable[GateResult], *, s3: Any = None) -> str:
    """Put down what the gates of a version measured, the key of the object; the last word counts."""
    if s3 is None:
        import boto3

        s3 = boto3.client("s3")
    key = gates_key(model.name, int(package.rpartition("/")[2]))
    body = GateResults(package=package, results=tuple(results)).model_dump_json().encode()
    s3.put_object(Bucket=model.bucket, Key=key, Body=body, ContentType="application/json", ChecksumAlgorithm="SHA256")
    return key


def measured(artifact: Path, results: Iterable[GateResult], *, report: Path) -> Path:
    """Write what an evaluate step measured of `artifact` into the folder `report`, for the version to be.

    `artifact`: the archive as the train step left it, `/opt/ml/processing/input/<input>/model.tar.gz`. `report`: the
    output that the register step names, `/opt/ml/processing/output/<output>`.
    """
    report.mkdir(parents=True, exist_ok=True)
    said = Evaluation(artifact_digest=sha256(artifact), results=tuple(results))
    file = report / EVALUATION
    file.write_text(said.model_dump_json(), "utf-8")
    return file


def sha256(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fetch(s3: Any, bucket: str, key: str, version: str, to: Path) -> str:
    """Write the bytes of one version to a file: their SHA-256, in hexadecimal."""
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
    with to.open("wb") as file:
        shutil.copyfileobj(body, file, _CHUNK)
    return sha256(to)


def _listed(folder: Path) -> str:
    """The list of a folder's files. Raises `ValueError` for what can't be served so."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    large = [name for name, path in files.items() if path.stat().st_size > LARGEST_AT_ONCE]
    if large or not files:
        said = f"{', '.join(large)}: split what is above 5 GiB" if large else "holds no file"
        raise ValueError(f"{folder}: {said}")
    return text_of({name: (sha256(path), path.stat().st_size) for name, path in files.items()})


def _put_weights(s3: Any, bucket: str, place: str, folder: Path, listed: str) -> str:
    """The S3 version of the list, which comes last: whoever sees it sees all files."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _put_once(s3, bucket, f"{place}/{WEIGHTS}{path.relative_to(folder).as_posix()}", path)
    return _put_text_once(s3, bucket, f"{place}/{LIST}", listed)


def _put_once(s3: Any, bucket: str, key: str, file: Path) -> str:
    """The S3 version of the file at `key`, which is named by its bytes: what lies there already is the same."""
    from botocore.exceptions import ClientError

    try:
        if file.stat().st_size > LARGEST_AT_ONCE:
            return _put_in_parts(s3, bucket, key, file)
        with file.open("rb") as body:
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumAlgorithm="SHA256")
        return str(answer["VersionId"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
    return _there(s3, bucket, key)


def _put_in_parts(s3: Any, bucket: str, key: str, file: Path) -> str:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    parts: list[dict[str, Any]] = []
    try:
        with file.open("rb") as body:
            while part := body.read(_PART):
                number = len(parts) + 1
                done = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
                parts.append({"ETag": done["ETag"], "PartNumber": number})
        answer = s3.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except BaseException:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise
    return str(answer["VersionId"])


def _put_text_once(s3: Any, bucket: str, key: str, text: str) -> str:
    """The S3 version of a text at `key`, which is named by it: what lies there already is the same."""
    from botocore.exceptions import ClientError

    try:
        answer = s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=text.encode(),
            IfNoneMatch="*",
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
        )
        return str(answer["VersionId"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
    return _there(s3, bucket, key)


def _there(s3: Any, bucket: str, key: str) -> str:
    """The newest S3 version of an object."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    return next(str(found["VersionId"]) for found in listed if found["Key"] == key and found["IsLatest"])
