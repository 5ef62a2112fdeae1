"""The function that writes the evidence of a release: it hears of an approval, and gathers what stands behind it.

It believes an event only which version it speaks of: all else comes from the registry, whose signed record must be
there and valid. What was written once stays: a second run takes what lies there and completes it. It ships as text with
`core.evidence`, the registry's `stored` and the page, so it uses nothing beyond boto3 and the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.build.registry.stored import signed
from modelyard.core.evidence import (
    INFRASTRUCTURE,
    MANIFEST,
    PAGE,
    PARTS,
    POLICY,
    SIGNATURE,
    absent,
    entry,
    file_of,
    folder,
    index_key,
    manifest,
    why_absent,
)
from modelyard.core.releasing import canonical, holds, person
from modelyard.run.governance.page import page

DECLARED: Final = Path(__file__).with_name("models.json")
_GONE: Final = ("NoSuchKey", "404", "ResourceNotFound")
_THERE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_PREFIX: Final = "modelyard:"


class NotReleased(Exception):
    """Somebody said that a version was approved, and the registry's record doesn't."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Write the bundle of the version that an event of the bus speaks of; `written` is false where it was there."""
    detail = event["detail"]
    declared = json.loads(DECLARED.read_text("utf-8"))
    model = next((name for name, said in declared.items() if said["group"] == detail["model"]), None)
    if model is None:
        raise NotReleased(f"{detail['model']} is no model of this registry")
    return write(model, int(detail["model_version"]), declared[model], event, os.environ)


def write(
    model: str, version: int, declared: Mapping[str, Any], event: Mapping[str, Any], settings: Mapping[str, str]
) -> dict[str, Any]:
    """Write what there is of a released version. Raises `NotReleased`."""
    s3, bucket, where = boto3.client("s3"), settings["BUCKET"], folder(model, version)
    done = {"model": model, "version": version, "evidence": f"s3://{bucket}/{where}"}
    if _text(s3, bucket, index_key(model, version)) is not None:
        return {**done, "written": False}
    found = gathered(model, version, declared, event, settings)
    parts = {part: _once(s3, bucket, where + file_of(part), found[part]) for part in PARTS}
    files = {file_of(part): content for part, content in parts.items()}
    about = _about(model, version, declared, files[file_of("release")], settings)
    files[PAGE] = _once(s3, bucket, where + PAGE, page(about, files))
    missing = {part: why for part, content in parts.items() if (why := why_absent(json.loads(content)))}
    listed = _once(s3, bucket, where + MANIFEST, manifest(about, files, missing))
    seal = _once(s3, bucket, where + SIGNATURE, _sealed(listed, settings["SEALER"]))
    _once(s3, bucket, index_key(model, version), entry(listed, seal))
    return {**done, "written": True, "absent": sorted(missing)}


def gathered(
    model: str, version: int, declared: Mapping[str, Any], event: Mapping[str, Any], settings: Mapping[str, str]
) -> dict[str, str]:
    """Every part as text; one that there isn't says why. Raises `NotReleased`."""
    s3, registry = boto3.client("s3"), settings["REGISTRY"]
    release = _text(s3, registry, f"releases/{model}/{version}.json")
    if release is None:
        raise NotReleased(f"{model} {version} has no release record")
    record = _record(json.loads(release), f"{declared['packages']}/{version}", settings["SIGNING_KEY"])
    sagemaker = boto3.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=record["package"])
    provenance = _provenance(s3, registry, model, record)
    signature = _text(s3, registry, f"releases/{model}/{version}.sig")
    made: dict[str, Any] = {
        "card": _card(sagemaker, declared["group"]),
        "lineage": _lineage(record, package, provenance),
        "gates": _gates(s3, registry, model, version, declared["gates"], record),
        "approvals": _approvals(s3, registry, model, version, record, package, event),
        "images": _images(record, package, provenance),
        "infrastructure": _document(s3, settings["BUCKET"], INFRASTRUCTURE, "the deployment has written none"),
        "policy": _document(s3, settings["BUCKET"], POLICY, "no policy report was put down"),
    }
    texts = {part: canonical(value) for part, value in made.items()}
    texts["release"] = release
    texts["artifact-signature"] = signature or canonical(absent("the release has none beside its record"))
    return texts


def _record(release: Mapping[str, Any], package: str, key: str) -> dict[str, Any]:
    """The record of a release that the registry's key signed, and that speaks of this package."""
    if not signed(boto3.client("kms"), release, key):
        raise NotReleased(f"the registry's key didn't sign the record of {package}")
    record = json.loads(release["payload"])
    if record["package"] != package:
        raise NotReleased(f"the record speaks of {record['package']}, not of {package}")
    return record


def _about(
    model: str, version: int, declared: Mapping[str, Any], release: bytes, settings: Mapping[str, str]
) -> dict[str, Any]:
    record = json.loads(json.loads(release)["payload"])
    return {
        "version": 1,
        "team": settings["TEAM"],
        "environment": settings["ENVIRONMENT"],
        "model": model,
        "model_version": version,
        "group": declared["group"],
        "package": record["package"],
        "approved_by": record["approver"],
        "released_at": record["released_at"],
        "written_at": datetime.now(UTC).isoformat(),
        "lock": {"mode": settings["LOCK_MODE"], "years": int(settings["LOCK_YEARS"])},
    }


def _card(sagemaker: Any, name: str) -> dict[str, Any]:
    try:
        found = sagemaker.describe_model_card(ModelCardName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        return absent(f"SageMaker has no card {name}")
    return {
        "name": name,
        "version": found["ModelCardVersion"],
        "status": found["ModelCardStatus"],
        "written_at": found.get("LastModifiedTime", found["CreationTime"]).isoformat(),
        "content": json.loads(found["Content"]),
    }


def _provenance(s3: Any, bucket: str, model: str, record: Mapping[str, Any]) -> dict[str, Any]:
    named = record.get("provenance")
    if named is None:
        return absent("the release names none")
    text = _text(s3, bucket, f"lineage/{model}/{named}.json")
    return absent(f"the registry has no lineage/{model}/{named}.json") if text is None else json.loads(text)


def _lineage(record: Mapping[str, Any], package: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    metadata = package.get("CustomerMetadataProperties") or {}
    return {
        "package": record["package"],
        "artifact": {name: record[f"artifact{suffix}"] for name, suffix in _ARTIFACT.items()},
        "author": record["author"],
        "submitter": record["submitter"],
        "data_snapshot": record["data_snapshot"],
        "code_commit": record["code_commit"],
        "metadata": {key.removeprefix(_PREFIX): value for key, value in sorted(metadata.items())},
        "provenance": dict(provenance),
    }


_ARTIFACT: Final = {"place": "", "version": "_version", "sha256": "_digest"}


def _gates(
    s3: Any, bucket: str, model: str, version: int, declared: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, Any]:
    champion = record.get("champion")
    judged = [
        {
            "gate": name,
            "asked": gate,
            "measured": (results := [r for r in record["gates"] if r.get("gate") == name]),
            "held": bool(results) and all(holds(gate, r, champion=champion is not None) for r in results),
        }
        for name, gate in sorted(declared.items())
    ]
    key = f"gates/{model}/{version}.json"
    return {
        "champion": champion or "none: the first of its kind",
        "gates": judged or "none is declared",
        "signed_results": record["gates"],
        "evaluation": _document(s3, bucket, key, "the registry has no results of an evaluation"),
    }


def _approvals(
    s3: Any,
    bucket: str,
    model: str,
    version: int,
    record: Mapping[str, Any],
    package: Mapping[str, Any],
    event: Mapping[str, Any],
) -> dict[str, Any]:
    who = record["approver"]
    decision = _document(s3, bucket, f"decisions/{who}/{model}/{version}.json", "the decision is gone")
    return {
        "approved_by": who,
        "person": person(who),
        "reason": record.get("reason", ""),
        "released_at": record["released_at"],
        "decision": decision,
        "status": package["ModelApprovalStatus"],
        "status_says": package.get("ApprovalDescription", ""),
        "author": record["author"],
        "submitter": record["submitter"],
        "event": {"id": event.get("id", ""), "time": event.get("time", ""), "detail": event["detail"]},
    }


def _images(record: Mapping[str, Any], package: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    trained = provenance.get("training_image") or absent("the lineage names no training image")
    return {
        "serving": {
            "digest": record["image_digest"],
            "images": [container.get("Image", "") for container in containers],
        },
        "training": trained,
    }


def _document(s3: Any, bucket: str, key: str, why: str) -> dict[str, Any]:
    """A JSON document with where it was read, in which version, and when that was written."""
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        return absent(why)
    return {
        "read": {
            "object": f"s3://{bucket}/{key}",
            "object_version": found.get("VersionId", ""),
            "written_at": found["LastModified"].isoformat(),
        },
        "content": json.loads(found["Body"].read()),
    }


def _text(s3: Any, bucket: str, key: str) -> str | None:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise


def _once(s3: Any, bucket: str, key: str, text: str) -> bytes:
    """Put an object down where there is none; what lies there then, this text or an earlier one."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), IfNoneMatch="*", ChecksumAlgorithm="SHA256")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return text.encode()


def _sealed(listed: bytes, sealer: str) -> str:
    answer = boto3.client("lambda").invoke(
        FunctionName=sealer, Payload=json.dumps({"manifest": listed.decode()}).encode()
    )
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RuntimeError(f"the manifest wasn't sealed: {said}")
    return str(said["seal"])
