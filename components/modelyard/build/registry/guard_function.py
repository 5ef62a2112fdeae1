"""The function that looks behind every model that is deployed: is it a version, approved, and released by a record?

It hears SageMaker's calls from CloudTrail and can stop none of them; what isn't released it tells on the bus and counts
in a metric, which raises an alarm. It ships as text with what the function that signs ships with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.build.registry.stored import newest, read, signed
from modelyard.core.releasing import APPROVED, broken
from modelyard.core.weights import artifact_of, files_of, is_list, misplaced

DECLARED: Final = Path(__file__).with_name("models.json")
_OF_MODELS: Final = ("CreateModel", "CreateTransformJob")
_OF_CONFIGS: Final = ("CreateEndpoint", "UpdateEndpoint")
_OF_COMPONENTS: Final = ("CreateInferenceComponent", "UpdateInferenceComponent")
_OF_PACKAGES: Final = ("CreateModelPackage", "UpdateModelPackage")
Finding = tuple[str, str, str, str]
"""The model, its version, a code, and what is wrong."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Look at one call, an event of EventBridge; what isn't released, told and counted."""
    declared = json.loads(DECLARED.read_text("utf-8"))
    call, settings = event["detail"], os.environ
    found = sorted(set(examine(call, declared, settings)))
    if found:
        tell(found, str(call.get("eventID", "")), settings)
    return {"unreleased": [list(finding) for finding in found]}


def examine(call: Mapping[str, Any], declared: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[Finding]:
    """What a call deploys that isn't released, or which status it sets though only the promotion may."""
    name, asked = call["eventName"], call.get("requestParameters") or {}
    if call.get("errorCode"):
        return
    if name in _OF_PACKAGES:
        yield from _set_by_hand(call, asked, settings)
    if name in _OF_MODELS:
        yield from _model(str(asked["modelName"]), declared, settings)
    if name == "CreateEndpointConfig":
        yield from _models(_named(asked, "productionVariants", "shadowProductionVariants"), declared, settings)
    if name in _OF_CONFIGS:
        config = boto3.client("sagemaker").describe_endpoint_config(EndpointConfigName=asked["endpointConfigName"])
        yield from _models(_named(config, "ProductionVariants", "ShadowProductionVariants"), declared, settings)
    if name in _OF_COMPONENTS:
        specification = asked.get("specification") or {}
        if specification.get("modelName"):
            yield from _model(str(specification["modelName"]), declared, settings)
        container = specification.get("container") or {}
        if container:
            served = {"ModelDataUrl": container.get("artifactUrl", ""), "Image": container.get("image", "")}
            yield from _container(str(asked["inferenceComponentName"]), served, declared, settings)


def tell(found: list[Finding], event_id: str, settings: Mapping[str, str]) -> None:
    """Put each model on the bus as one that a gate refused, and count all."""
    now = datetime.now(UTC).isoformat()
    entries: list[dict[str, Any]] = []
    for model, version in sorted({(model, version) for model, version, _, _ in found}):
        checks = [{"name": code, "passed": False} for m, v, code, _ in found if (m, v) == (model, version)]
        detail = {
            "version": 1,
            "team": settings["TEAM"],
            "model": model,
            "model_version": version,
            "at": now,
            "gate": "release",
            "passed": False,
            "checks": checks,
            "evidence": f"CloudTrail event {event_id}",
        }
        entries.append(
            {
                "EventBusName": settings["BUS"],
                "Source": f"modelyard.{settings['TEAM']}",
                "DetailType": "modelyard.gate",
                "Detail": json.dumps(detail),
            }
        )
    print(json.dumps({"unreleased": found, "event": event_id}))
    boto3.client("cloudwatch").put_metric_data(
        Namespace=settings["NAMESPACE"],
        MetricData=[
            {
                "MetricName": settings["METRIC"],
                "Dimensions": [{"Name": "Registry", "Value": settings["REGISTRY"]}],
                "Value": len(entries),
                "Unit": "Count",
            }
        ],
    )
    events = boto3.client("events")
    for start in range(0, len(entries), 10):
        answer = events.put_events(Entries=entries[start : start + 10])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"the bus took {answer['FailedEntryCount']} events not")


def _set_by_hand(call: Mapping[str, Any], asked: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[Finding]:
    issuer = call.get("userIdentity", {}).get("sessionContext", {}).get("sessionIssuer", {}).get("arn", "")
    if asked.get("modelApprovalStatus") != APPROVED or issuer == settings["PROMOTION_ROLE"]:
        return
    answer = call.get("responseElements") or {}
    package = str(answer.get("modelPackageArn") or asked.get("modelPackageArn") or asked.get("modelPackageGroupName"))
    model, version = _parts(package)
    who = call.get("userIdentity", {}).get("arn", "somebody")
    yield model, version, "approved-by-hand", f"{who} set {APPROVED}, and only the promotion may"


def _named(said: Mapping[str, Any], *lists: str) -> list[str]:
    """The models that variants name; a variant of inference components names none."""
    variants = [variant for name in lists for variant in said.get(name) or ()]
    names = [variant.get("ModelName") or variant.get("modelName") for variant in variants]
    return sorted({str(name) for name in names if name})


def _models(names: list[str], declared: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[Finding]:
    for name in names:
        yield from _model(name, declared, settings)


def _model(name: str, declared: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[Finding]:
    try:
        said = boto3.client("sagemaker").describe_model(ModelName=name)
    except ClientError as error:
        yield name, "unknown", "not-found", f"the model can't be looked at: {error}"
        return
    containers = said.get("Containers") or [said.get("PrimaryContainer") or {}]
    for container in containers:
        yield from _container(name, container, declared, settings)


def _container(
    name: str, container: Mapping[str, Any], declared: Mapping[str, Any], settings: Mapping[str, str]
) -> Iterator[Finding]:
    """What is wrong with what a container serves."""
    package = str(container.get("ModelPackageName") or "")
    artifact = artifact_of(container)
    if package:
        found = boto3.client("sagemaker").describe_model_package(ModelPackageName=package)
        arn, place = str(found["ModelPackageArn"]), _place(str(found["ModelPackageArn"]), declared)
        if place is None:
            yield name, "unknown", "foreign-package", f"it serves {arn}, which is none of this registry's"
            return
        release = read(boto3.client("s3"), settings["BUCKET"], f"releases/{place[0]}/{place[1]}.json")
    else:
        place, release = _by_artifact(artifact, settings["BUCKET"])
        if release is None or place is None or place[0] not in declared:
            what = artifact or "an image without an artifact"
            yield name, "unknown", "not-registered", f"it serves {what}, which no release names"
            return
        arn = f"{declared[place[0]]['packages']}/{place[1]}"
        found = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    group, version = declared[place[0]]["group"], place[1]
    if release is None:
        yield group, version, "not-released", f"{arn} has no release record"
        return
    for code, problem in _against(release, found, container, artifact, declared[place[0]]["gates"], settings):
        yield group, version, code, problem


def _against(
    release: Mapping[str, Any],
    package: Mapping[str, Any],
    container: Mapping[str, Any],
    artifact: str,
    gates: Mapping[str, Any],
    settings: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """Every reason why the record doesn't speak for what is served."""
    if not signed(boto3.client("kms"), release, settings["SIGNING_KEY"]):
        yield "invalid-signature", "the registry's key didn't sign this record"
    record = json.loads(release["payload"])
    registered = package.get("InferenceSpecification", {}).get("Containers", [{}])[0]
    for served in {artifact or record["artifact"], artifact_of(registered)}:
        if served != record["artifact"]:
            yield "foreign-artifact", f"it serves {served}, and {record['artifact']} was released"
    image = str(container.get("Image") or registered.get("Image", ""))
    digest = registered.get("ImageDigest") if not container.get("Image") else None
    if (digest or image.rpartition("@")[2]) != record["image_digest"]:
        yield "image-mismatch", f"it serves by {image}, and {record['image_digest']} was released"
    yield from _added(settings["BUCKET"], record)
    served = newest(boto3.client("s3"), settings["BUCKET"], record["artifact"])
    found = record["artifact_digest"] if served == record["artifact_version"] else f"that of version {served}"
    status = package["ModelApprovalStatus"]
    arn = package["ModelPackageArn"]
    yield from broken(record, gates, package=arn, status=status, wanted=APPROVED, digest=found)


def _added(bucket: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a list stands for many files: what else lies among them, since all that lies there is served."""
    if is_list(record["artifact"]):
        s3, key = boto3.client("s3"), record["artifact"].removeprefix(f"s3://{bucket}/")
        text = s3.get_object(Bucket=bucket, Key=key, VersionId=record["artifact_version"])["Body"].read()
        yield from misplaced(s3, bucket, key, files_of(text))


def _parts(arn: str) -> tuple[str, str]:
    """Group and version of a package's ARN, or of a group's name."""
    tail = arn.partition(":model-package/")[2] or arn.rpartition("/")[2]
    group, _, version = tail.partition("/")
    return group, version or "unknown"


def _place(arn: str, declared: Mapping[str, Any]) -> tuple[str, str] | None:
    """The declared model and the version of a package's ARN."""
    packages, _, version = arn.rpartition("/")
    return next(((model, version) for model, said in declared.items() if said["packages"] == packages), None)


def _by_artifact(artifact: str, bucket: str) -> tuple[tuple[str, str] | None, Any]:
    """The newest release of an artifact that a model serves without naming a version."""
    place = f"s3://{bucket}/models/"
    if not artifact.startswith(place):
        return None, None
    model = artifact.removeprefix(place).partition("/")[0]
    s3 = boto3.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"releases/{model}/")
    numbers = {int(Path(found["Key"]).stem) for page in pages for found in page.get("Contents", ())}
    for number in sorted(numbers, reverse=True):
        release = read(s3, bucket, f"releases/{model}/{number}.json")
        if release is not None and json.loads(release["payload"])["artifact"] == artifact:
            return (model, str(number)), release
    return None, None
