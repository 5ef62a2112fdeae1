"""The function that registers: it puts the model into the registry's bucket, and a version that waits for approval.

It ships as text with `core.releasing`, so it uses nothing beyond boto3 and the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from modelyard.core.releasing import PENDING, canonical

DECLARED: Final = Path(__file__).with_name("steps.json")
_CHUNK: Final = 8 * 2**20
_PART: Final = 512 * 2**20
_VALUE: Final = 256
"""Characters of a value of a package's metadata."""


class Refused(Exception):  # noqa: N818
    """Why no version is registered: every reason."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Register what the run trained. `event`: `step`, `run`, `started`, `artifact`, and the run's parameters."""
    return {"package": register(event, json.loads(DECLARED.read_text("utf-8"))[event["step"]], os.environ)}


def register(event: Mapping[str, Any], step: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The ARN of the version. Raises `Refused` with all that its lineage lacks, before anything is put down."""
    s3 = boto3.client("s3")
    author, commit = str(event.get("author") or ""), str(event.get("commit") or "")
    snapshot = _snapshot(s3, event, step, settings)
    reasons = [
        *([] if author else ["nobody says who wrote it: start the run with an author"]),
        *([] if commit else ['nobody says which commit it is of: start the run with one, or set "commit"']),
        *([snapshot] if isinstance(snapshot, str) else []),
    ]
    if reasons or isinstance(snapshot, str):
        raise Refused("; ".join(reasons))
    bucket, model = settings["REGISTRY"], str(step["model"])
    digest, artifact, version = _put_down(s3, str(event["artifact"]), bucket, model)
    parameters = {
        name.removeprefix("parameter_"): str(value) for name, value in event.items() if name.startswith("parameter_")
    }
    provenance = canonical(
        {
            "version": 1,
            "model": model,
            "author": author,
            "artifact_digest": digest,
            "snapshots": [snapshot],
            "feature_views": list(step["views"]),
            "code_repository": "",
            "code_commit": commit,
            "image": step["image"],
            "training_image": step["training_image"],
            "run_id": str(event["run"]),
            "parameters": parameters,
            "metrics": {},
            "origin": None,
        }
    )
    named = hashlib.sha256(provenance.encode()).hexdigest()
    _once(s3, bucket, f"lineage/{model}/{named}.json", provenance.encode())
    views = ",".join(step["views"])
    lineage = {
        "author": author,
        "artifact-digest": digest,
        "artifact-version": version,
        "code-commit": commit,
        "data-snapshot": snapshot["hash"],
        "feature-views": views if len(views) <= _VALUE else "",
        "image-digest": str(step["image"]).rpartition("@")[2],
        "provenance": named,
        "run-id": str(event["run"]),
    }
    request: dict[str, Any] = {
        "ModelPackageGroupName": json.loads(settings["GROUPS"])[event["step"]],
        "ModelPackageDescription": f"{settings['PIPELINE']}, run {event['run']}",
        "ModelApprovalStatus": PENDING,
        "ClientToken": hashlib.sha256(f"{settings['PIPELINE']} {event['run']} {event['step']}".encode()).hexdigest()[
            :36
        ],
        "InferenceSpecification": {
            "Containers": [{"Image": step["image"], "ModelDataUrl": f"s3://{bucket}/{artifact}"}],
            "SupportedContentTypes": step["content_types"],
            "SupportedResponseMIMETypes": step["response_types"],
        },
        "CustomerMetadataProperties": {f"modelyard:{key}": value for key, value in lineage.items() if value},
    }
    if event.get("report"):
        statistics = {"ContentType": "application/json", "S3Uri": str(event["report"])}
        request["ModelMetrics"] = {"ModelQuality": {"Statistics": statistics}}
    return boto3.client("sagemaker").create_model_package(**request)["ModelPackageArn"]


def _snapshot(
    s3: Any, event: Mapping[str, Any], step: Mapping[str, Any], settings: Mapping[str, str]
) -> dict[str, Any] | str:
    """The reference to the run's snapshot, the newest when it began where none was given; or why there is none."""
    bucket, prefix = settings["ARTIFACTS"], f"{settings['SNAPSHOTS']}{step['dataset']}/"
    given = str(event.get("snapshot") or "")
    key = f"{prefix}{given}.json" if given else _newest(s3, bucket, prefix, str(event["started"]))
    if not key:
        return f"{step['dataset']} had no snapshot when the run began: take one, or start the run with one"
    try:
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        return f"{step['dataset']} has no snapshot {given}: {error}"
    return {
        "team": manifest["team"],
        "dataset": manifest["dataset"],
        "prefix": manifest.get("prefix", ""),
        "hash": manifest["hash"],
        "bucket": bucket,
        "key": key,
        "objects": len(manifest["objects"]),
        "rows": sum(found["rows"] for found in manifest["objects"]),
        "taken_at": manifest["taken_at"],
    }


def _newest(s3: Any, bucket: str, prefix: str, started: str) -> str:
    """The key of the newest manifest that lay there when the run began, or an empty text."""
    began, newest = datetime.fromisoformat(started), ("", "")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            if found["LastModified"] <= began and found["Key"].endswith(".json"):
                newest = max(newest, (found["LastModified"].isoformat(), found["Key"]))
    return newest[1]


def _put_down(s3: Any, artifact: str, bucket: str, model: str) -> tuple[str, str, str]:
    """The SHA-256 of the bytes, the key in the registry's bucket that is named by it, and the version that lies there.

    The registry takes nothing twice, so the copy is made under the condition that nothing lies there, and of exactly
    the bytes that were read. What lies there already has the same name, so it is the same.
    """
    place, digest = urlsplit(artifact), hashlib.sha256()
    source = {"Bucket": place.netloc, "Key": place.path.lstrip("/")}
    found = s3.get_object(**source)
    for chunk in found["Body"].iter_chunks(_CHUNK):
        digest.update(chunk)
    named = digest.hexdigest()
    key = f"models/{model}/{named}/model.tar.gz"
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    where = {"Bucket": bucket, "Key": key, "UploadId": upload}
    try:
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part_copy(
                    **where,
                    PartNumber=number,
                    CopySource=source,
                    CopySourceIfMatch=found["ETag"],
                    CopySourceRange=f"bytes={first}-{last}",
                )["CopyPartResult"]["ETag"],
            }
            for number, (first, last) in enumerate(_ranges(found["ContentLength"]), start=1)
        ]
        done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
    except ClientError as error:
        s3.abort_multipart_upload(**where)
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        done = s3.head_object(Bucket=bucket, Key=key)
    return named, key, done["VersionId"]


def _ranges(size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, size, _PART):
        yield first, min(first + _PART, size) - 1


def _once(s3: Any, bucket: str, key: str, body: bytes) -> None:
    """Put down what is named by its content; what lies there already is the same."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ContentType="application/json")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
