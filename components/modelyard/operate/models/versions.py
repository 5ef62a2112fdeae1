"""Versions of models: what they measured, whether their gates hold, and whether their release can be verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import ValidationError

from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.provenance import gates_key, release_key
from modelyard.core.releases import (
    Gate,
    GateResult,
    GateResults,
    Lineage,
    Refusal,
    SignedRelease,
    refusals,
)
from modelyard.core.releasing import APPROVED, PENDING, holds
from modelyard.core.weights import artifact_of
from modelyard.operate.models.place import Model, asking, code_of

Verdict = Literal["passed", "failed", "missing"]
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class GateState:
    """A declared gate and what was measured for it."""

    name: str
    gate: Gate
    result: GateResult | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Summary:
    """A version as the list shows it."""

    model: Model
    number: int
    status: str
    registered_at: datetime
    author: str
    gates: tuple[GateState, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """Everything about one version. `refused`: why it may not be deployed to production; nothing, where it may."""

    summary: Summary
    package: str
    description: str
    decided: str
    submitter: str
    artifact: str
    artifact_version: str
    image: str
    lineage: Lineage | None
    results: tuple[GateResult, ...]
    release: SignedRelease | None
    verified: bool
    refused: tuple[Refusal, ...]


def versions(model: Model, most: int = SHOWN) -> list[Summary]:
    """The versions of a model, the newest first, `most` at most."""
    sagemaker = model.registry.client("sagemaker")
    with asking(f"the group {model.group}"):
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=model.group, SortBy="CreationTime", SortOrder="Descending"
        )
        listed = [one for page in pages for one in page["ModelPackageSummaryList"]]
    numbers = sorted((int(one["ModelPackageVersion"]) for one in listed), reverse=True)
    champions = {int(one["ModelPackageVersion"]) for one in listed if one["ModelApprovalStatus"] == APPROVED}
    return [_summary(model, model.describe(number), any(c < number for c in champions)) for number in numbers[:most]]


def look(model: Model, number: int) -> Version:
    """Everything about one version, its release verified with the registry's own key.

    Raises `InputError` for a version that there isn't.
    """
    package = model.describe(number)
    release = _release(model, number)
    champion = release.record.champion is not None if release else _has_champion(model, number)
    summary = _summary(model, package, champion)
    container = _container(package)
    artifact = artifact_of(container)
    newest = _newest(model, artifact)
    verified, refused = False, (Refusal("not-released", f"{package['ModelPackageArn']} has no release record"),)
    if release is not None or summary.status == APPROVED:
        key = model.registry.public_key()
        verified = release is not None and release.verify(key)
        refused = tuple(
            refusals(
                release,
                public_key=key,
                gates={name: gate.value for name, gate in model.spec.gates.items()},
                package=package["ModelPackageArn"],
                status=summary.status,
                artifact_digest=_digest_of(release, newest),
            )
        )
        refused += tuple(_elsewhere(release, package, container))
    return Version(
        summary=summary,
        package=package["ModelPackageArn"],
        description=str(package.get("ModelPackageDescription", "")),
        decided=str(package.get("ApprovalDescription", "")),
        submitter=_submitter(package),
        artifact=artifact,
        artifact_version=newest,
        image=str(container.get("Image", "")),
        lineage=_lineage(package),
        results=_results(model, number),
        release=release,
        verified=verified,
        refused=refused,
    )


def _summary(model: Model, package: Mapping[str, Any], champion: bool) -> Summary:
    number, lineage = int(package["ModelPackageVersion"]), _lineage(package)
    return Summary(
        model=model,
        number=number,
        status=str(package["ModelApprovalStatus"]),
        registered_at=package["CreationTime"],
        author=lineage.author if lineage else "",
        gates=tuple(_states(model, _results(model, number), champion)),
    )


def _states(model: Model, results: Sequence[GateResult], champion: bool) -> Iterator[GateState]:
    for name, declared in sorted(model.spec.gates.items()):
        gate = declared.value
        found = [r for r in results if (r.gate, r.metric, r.slice) == (name, gate.metric, gate.slice)]
        if not found:
            yield GateState(name, gate, None, "missing")
            continue
        plain = gate.model_dump(mode="json")
        good = all(holds(plain, result.model_dump(mode="json"), champion=champion) for result in found)
        yield GateState(name, gate, found[-1], "passed" if good else "failed")


def _has_champion(model: Model, number: int) -> bool:
    with asking(f"the group {model.group}"):
        listed = model.registry.client("sagemaker").list_model_packages(
            ModelPackageGroupName=model.group, ModelApprovalStatus=APPROVED
        )["ModelPackageSummaryList"]
    return any(int(one["ModelPackageVersion"]) != number for one in listed)


def _results(model: Model, number: int) -> tuple[GateResult, ...]:
    key = gates_key(model.name, number)
    text = model.registry.read(key)
    if text is None:
        return ()
    try:
        found = GateResults.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(model, key, error, "Evaluate the version again.") from None
    return found.results if found.package == model.package(number) else ()


def _release(model: Model, number: int) -> SignedRelease | None:
    key = release_key(model.name, number)
    text = model.registry.read(key)
    if text is None:
        return None
    try:
        return SignedRelease.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(model, key, error, "Find out who wrote it; don't deploy this version.") from None


def _unreadable(model: Model, key: str, error: ValidationError, remedy: str) -> InputError:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = Source(f"s3://{model.registry.bucket}/{key}", ".".join(map(str, problem["loc"])))
    return InputError(Fault(problem["msg"], remedy, where))


def _lineage(package: Mapping[str, Any]) -> Lineage | None:
    try:
        return Lineage.from_metadata(package.get("CustomerMetadataProperties") or {})
    except InputError:
        return None


def _container(package: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    return containers[0] if len(containers) == 1 else {}


def _submitter(package: Mapping[str, Any]) -> str:
    created = package.get("CreatedBy", {})
    return str(created.get("IamIdentity", {}).get("PrincipalId") or created.get("UserProfileName") or "")


def _newest(model: Model, artifact: str) -> str:
    """The S3 version that is served when the artifact is read without naming one; empty where there is none.

    Readers may list versions, other accounts may read them.
    """
    from botocore.exceptions import ClientError

    place = f"s3://{model.registry.bucket}/"
    if not artifact.startswith(f"{place}models/{model.name}/"):
        return ""
    key, s3 = artifact.removeprefix(place), model.registry.client("s3")
    with asking(artifact, of=model.registry.context):
        try:
            return str(s3.head_object(Bucket=model.registry.bucket, Key=key)["VersionId"])
        except ClientError as error:
            if code_of(error) == "404":
                return ""
            if code_of(error) != "403":
                raise
        found = s3.list_object_versions(Bucket=model.registry.bucket, Prefix=key)
    return next((str(v["VersionId"]) for v in found.get("Versions", ()) if v["Key"] == key and v["IsLatest"]), "")


def _digest_of(release: SignedRelease | None, newest: str) -> str:
    """The digest of what is served: that of the release where its very version is, since versions don't change."""
    if release is None or release.record.artifact_version == newest:
        return "" if release is None else release.record.artifact_digest
    return f"that of version {newest}" if newest else "that of nothing: the artifact is gone"


def _elsewhere(
    release: SignedRelease | None, package: Mapping[str, Any], container: Mapping[str, Any]
) -> Iterator[Refusal]:
    """What the package serves beside what was released: nobody but the promotion should have changed it since."""
    if release is None:
        return
    record = release.record
    if artifact_of(container) != record.artifact:
        yield Refusal("foreign-artifact", f"the package serves {artifact_of(container)}, not {record.artifact}")
    served = container.get("ImageDigest") or str(container.get("Image", "")).rpartition("@")[2]
    if served != record.image_digest:
        yield Refusal("image-mismatch", f"the package serves by {served}, not by {record.image_digest}")
    lineage = _lineage(package)
    if lineage is None or lineage.provenance != record.provenance:
        yield Refusal("provenance-mismatch", "the package's metadata was changed since it was released")


def waits(summary: Summary) -> bool:
    """Whether a version is still to be decided."""
    return summary.status == PENDING
