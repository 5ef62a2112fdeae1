"""The function that decides on a release: it looks at what AWS itself vouches for, signs, and locks what it signed.

It ships as text with `stored`, `core.releasing` and `core.weights`, so it uses nothing beyond boto3 and the standard
library.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.build.registry.stored import readable
from modelyard.core.releasing import PENDING, broken, bundle, canonical, message, pae, statement
from modelyard.core.weights import artifact_of, files_of, is_list, place_of, unlike

DECLARED: Final = Path(__file__).with_name("models.json")
_CHUNK: Final = 8 * 2**20
_LINEAGE: Final = ("author", "artifact-version", "artifact-digest", "data-snapshot", "code-commit", "image-digest")


class Refused(Exception):
    """Why the version isn't released: codes and problems."""

    def __init__(self, *reasons: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{code}: {problem}" for code, problem in reasons))


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Decide on one version: `model`, `version`, and `approver`, below whose `aws:userid` the decision lies.

    Only that caller can have put it there, so its place says who decided. What isn't released is told by every reason.
    """
    declared = json.loads(DECLARED.read_text("utf-8"))
    try:
        return decide(event, declared, os.environ)
    except Refused as refused:
        return {"decision": "refused", "reasons": str(refused)}


def decide(event: Mapping[str, Any], declared: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """What becomes of the version. Raises `Refused`."""
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    bucket, model, approver = settings["BUCKET"], str(event["model"]), str(event["approver"])
    if model not in declared or "/" in approver:
        raise Refused(("unknown-model", f"{model} is no model of this registry"))
    version, now = int(event["version"]), datetime.now(UTC)
    package_arn = f"{declared[model]['packages']}/{version}"
    try:
        package = sagemaker.describe_model_package(ModelPackageName=package_arn)
    except ClientError as error:
        raise Refused(("unknown-version", f"{model} has no version {version}: {error}")) from None
    decision = readable(s3, bucket, f"decisions/{approver}/{model}/{version}.json")
    if decision is None or decision.get("decision") not in ("approved", "rejected"):
        raise Refused(("no-decision", f"{approver} has put down no decision on version {version}"))
    told = {
        "version": 1,
        "team": settings["TEAM"],
        "model": declared[model]["group"],
        "model_version": str(version),
        "at": now.isoformat(),
        "decision": decision["decision"],
        "by": approver,
        "reason": str(decision.get("reason", "")),
    }
    done = {"decision": decision["decision"], "package": package_arn, "event": told, "by": approver}
    done |= _mail(told, model, declared[model]["topic"])
    if decision["decision"] == "rejected":
        return done
    record = _record(s3, sagemaker, event, declared[model], package, settings)
    record |= {"approver": approver, "reason": told["reason"], "released_at": now.isoformat()}
    found = _digest(s3, bucket, record)
    said = [
        *_unproven(s3, bucket, record),
        *_unlike(s3, bucket, record),
        *broken(
            record,
            declared[model]["gates"],
            package=package_arn,
            status=package["ModelApprovalStatus"],
            wanted=PENDING,
            digest=found,
        ),
    ]
    if said:
        raise Refused(*said)
    key = f"releases/{model}/{version}.json"
    _release(s3, record, key, settings, now)
    told["evidence"] = f"s3://{bucket}/{key}"
    return done


def _mail(told: Mapping[str, str], model: str, topic: str) -> dict[str, str]:
    """What the model's owner is told; SNS takes a hundred characters of a subject."""
    who, said = told["by"].rpartition(":")[2], f"{model} {told['model_version']} was {told['decision']}"
    why = f": {told['reason']}" if told["reason"] else ""
    return {"topic": topic, "subject": said[:100], "message": f"{said} by {who} on {told['at'][:16]} UTC{why}"}


def _record(
    s3: Any,
    sagemaker: Any,
    event: Mapping[str, Any],
    declared: Mapping[str, Any],
    package: Mapping[str, Any],
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """What the package, the results and the group say of the version; all that is missing is told at once."""
    model, bucket = str(event["model"]), settings["BUCKET"]
    known = package.get("CustomerMetadataProperties") or {}
    missing = [("no-lineage", f"the package lacks modelyard:{key}") for key in _LINEAGE if not known.get(_key(key))]
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    place = f"s3://{bucket}/models/{model}/"
    artifact = artifact_of(containers[0]) if len(containers) == 1 else ""
    if not artifact.startswith(place):
        missing.append(("foreign-artifact", f"the version must have one artifact, below {place}"))
    else:
        served = containers[0].get("ImageDigest") or containers[0]["Image"].rpartition("@")[2]
        if served != known.get(_key("image-digest")):
            missing.append(("image-mismatch", f"the package serves by {served}"))
    created = package.get("CreatedBy", {})
    submitter = created.get("IamIdentity", {}).get("PrincipalId") or created.get("UserProfileName")
    if not submitter:
        missing.append(("no-submitter", "SageMaker doesn't say who registered the package"))
    results = readable(s3, bucket, f"gates/{model}/{int(event['version'])}.json") or {}
    if results and results.get("package") != package["ModelPackageArn"]:
        missing.append(("other-package", "the results of the gates are of another package"))
    if missing:
        raise Refused(*missing)
    champions = sagemaker.list_model_packages(
        ModelPackageGroupName=declared["group"],
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    return {
        "version": 1,
        "team": settings["TEAM"],
        "environment": settings["ENVIRONMENT"],
        "model": model,
        "package": package["ModelPackageArn"],
        "artifact": artifact,
        "artifact_version": known[_key("artifact-version")],
        "artifact_digest": known[_key("artifact-digest")],
        "gates": results.get("results", []),
        "author": known[_key("author")],
        "submitter": submitter,
        "champion": champions[0]["ModelPackageArn"] if champions else None,
        "data_snapshot": known[_key("data-snapshot")],
        "code_commit": known[_key("code-commit")],
        "image_digest": known[_key("image-digest")],
        "provenance": known.get(_key("provenance")),
    }


def _key(name: str) -> str:
    return f"modelyard:{name}"


def _digest(s3: Any, bucket: str, record: Mapping[str, Any]) -> str:
    """The SHA-256 of the artifact's bytes, read here: nobody's word for it counts."""
    key, digest = record["artifact"].removeprefix(f"s3://{bucket}/"), hashlib.sha256()
    try:
        body = s3.get_object(Bucket=bucket, Key=key, VersionId=record["artifact_version"])["Body"]
    except ClientError as error:
        raise Refused(("no-artifact", f"{record['artifact']}: {error}")) from None
    for chunk in body.iter_chunks(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _listed(s3: Any, bucket: str, record: Mapping[str, Any]) -> tuple[str, bytes]:
    """The key of a list of files, and its text as it was registered."""
    key = record["artifact"].removeprefix(f"s3://{bucket}/")
    return key, s3.get_object(Bucket=bucket, Key=key, VersionId=record["artifact_version"])["Body"].read()


def _unlike(s3: Any, bucket: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a list stands for many files: why these aren't what it says."""
    if is_list(record["artifact"]):
        yield from unlike(s3, bucket, *_listed(s3, bucket, record))


def _unproven(s3: Any, bucket: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the object that says where the version comes from; a version may have none."""
    named = record["provenance"]
    if named is None:
        return
    try:
        text = s3.get_object(Bucket=bucket, Key=f"lineage/{record['model']}/{named}.json")["Body"].read()
    except ClientError as error:
        yield "no-provenance", f"the package's provenance can't be read: {error}"
        return
    if hashlib.sha256(text).hexdigest() != named:
        yield "provenance-mismatch", "the provenance isn't the one that the package names"
        return
    said = json.loads(text)
    if any(said.get(name) != record[name] for name in ("artifact_digest", "author", "code_commit", "model")):
        yield "provenance-mismatch", "the provenance says something else than the package does"


def _release(s3: Any, record: Mapping[str, Any], key: str, settings: Mapping[str, str], now: datetime) -> None:
    """Sign record and artifact and put both signatures down; neither they nor the artifact go until the lock's end.

    The artifact's is a bundle of OpenSSF model-signing beside the record, for whoever knows nothing of Modelyard.
    """
    payload, bucket, kms = canonical(record), settings["BUCKET"], boto3.client("kms")

    def signed(message: bytes) -> Mapping[str, Any]:
        return kms.sign(
            KeyId=settings["SIGNING_KEY"], Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )

    own = signed(message(payload))
    release = {
        "payload": payload,
        "signature": base64.b64encode(own["Signature"]).decode(),
        "key": own["KeyId"],
        "algorithm": "ECDSA_SHA_256",
    }
    artifact = record["artifact"].removeprefix(f"s3://{bucket}/")
    said = statement(Path(artifact).name, record["artifact_digest"])
    public = kms.get_public_key(KeyId=settings["SIGNING_KEY"])["PublicKey"]
    mode, until = settings["LOCK_MODE"], now + timedelta(days=int(settings["LOCK_DAYS"]))
    locked = {artifact: record["artifact_version"]}
    if is_list(artifact):
        _, text = _listed(s3, bucket, record)
        place = place_of(artifact)
        locked |= {
            f"{place}{name}": s3.head_object(Bucket=bucket, Key=f"{place}{name}")["VersionId"]
            for name in files_of(text)
        }
    for object_key, version in sorted(locked.items()):
        s3.put_object_retention(
            Bucket=bucket, Key=object_key, VersionId=version, Retention={"Mode": mode, "RetainUntilDate": until}
        )
    for place, text in (
        (f"{key.removesuffix('.json')}.sig", bundle(said, signed(pae(said))["Signature"], public)),
        (key, canonical(release)),
    ):
        s3.put_object(
            Bucket=bucket,
            Key=place,
            Body=text.encode(),
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
            ObjectLockMode=mode,
            ObjectLockRetainUntilDate=until,
        )
