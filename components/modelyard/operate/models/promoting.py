"""Promotion to another environment: the released bytes, verified, registered there, with lineage to their origin.

Whoever promotes reads the source through what `pulled_by` lets in, and submits in the target. The target approves by
its own gates and its own people.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.addresses import ModelAddress
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.provenance import Origin, Provenance
from modelyard.core.releases import Lineage, SignedRelease
from modelyard.core.weights import is_list
from modelyard.operate.models.lineage import provenance_of
from modelyard.operate.models.place import Model, asking
from modelyard.operate.models.versions import Version, look, versions


@dataclass(frozen=True, slots=True)
class Promoted:
    """A version in the target, and the one that it is a copy of; `new`: registered just now, or there before."""

    source: Version
    target: Model
    version: int
    package: str
    new: bool


def promote(source: Model, number: int, target: Model, image: str = "") -> Promoted:
    """Register a released version of `source` in the group of `target`, where it waits for approval.

    `image`: the same serving image in another repository. Absent: where the source has it. Raises `InputError` with
    every reason why the version isn't released, and for bytes that aren't those of the record.
    """
    if source.registry.context == target.registry.context:
        remedy = "Name another environment by --to."
        raise InputError(
            Fault("is promoted to where it is", remedy, Source("--to"), source.registry.context.environment)
        )
    found = look(source.registry.seen_from(target.registry).model(source.name), number)
    source = found.summary.model
    release = found.release
    if release is None or found.refused:
        where = Source(f"{source.name} {number} in {source.registry.context.environment}")
        remedy = "Release it there first: yard model approve"
        raise InputError(*(Fault(str(refusal), remedy, where) for refusal in found.refused))
    if is_list(release.record.artifact):
        problem, remedy = "is many files, which no promotion carries yet", "Register it in the other account by itself."
        raise InputError(Fault(problem, remedy, Source(found.artifact)))
    served = image or found.image
    if served.rpartition("@")[2] != release.record.image_digest:
        problem = f"is another image than {release.record.image_digest}"
        raise InputError(
            Fault(problem, "Copy the released image, and name the copy by its digest.", Source("--image"), image)
        )
    provenance = _known(source, found, release)
    there = _there(target, found.package, release)
    if there is not None:
        return Promoted(found, target, there, target.package(there), new=False)
    from modelyard_jobs.versions import fetch, register

    origin = Origin(
        environment=source.registry.context.environment,
        package=found.package,
        provenance=release.record.provenance,
        release=release,
    )
    place = f"s3://{source.registry.bucket}/"
    with tempfile.TemporaryDirectory(prefix="modelyard-promotion-") as folder:
        file = Path(folder) / "model.tar.gz"
        with asking(found.artifact, of=source.registry.context):
            key = found.artifact.removeprefix(place)
            digest = fetch(
                source.registry.client("s3"), source.registry.bucket, key, release.record.artifact_version, file
            )
        if digest != release.record.artifact_digest:
            problem = f"has the SHA-256 {digest}, and the release says {release.record.artifact_digest}"
            raise InputError(Fault(problem, "Don't deploy it; find out who changed it.", Source(found.artifact)))
        with asking(f"the group {target.group}", of=target.registry.context):
            made = register(
                address_of(target),
                file,
                image=served,
                author=release.record.author,
                code_commit=release.record.code_commit,
                snapshots=provenance.snapshots,
                feature_views=provenance.feature_views,
                code_repository=provenance.code_repository,
                training_image=provenance.training_image,
                run_id=provenance.run_id,
                parameters=provenance.parameters,
                metrics=provenance.metrics,
                origin=origin,
                description=found.description,
                s3=target.registry.client("s3"),
                sagemaker=target.registry.client("sagemaker"),
            )
    return Promoted(found, target, made.version, made.package, new=True)


def address_of(model: Model) -> ModelAddress:
    """What jobs are told of a model, as far as registering takes it."""
    return ModelAddress(
        name=model.name,
        group=model.group,
        bucket=model.registry.bucket,
        key_arn="",
        signing_key_arn=model.registry.signing_alias,
        promotion=model.registry.promotion,
    )


def _known(source: Model, found: Version, release: SignedRelease) -> Provenance:
    provenance = provenance_of(source, release.record.provenance) if release.record.provenance else None
    if provenance is None:
        problem = "its release says nothing of where it comes from"
        remedy = "Register it again by modelyard_jobs.versions.register, and release that version."
        raise InputError(Fault(problem, remedy, Source(found.package)))
    return provenance


def _there(target: Model, package: str, release: SignedRelease) -> int | None:
    """The target's version that is a copy of the package already."""
    for summary in versions(target):
        metadata = target.describe(summary.number).get("CustomerMetadataProperties") or {}
        try:
            lineage = Lineage.from_metadata(metadata)
        except InputError:
            continue
        if lineage.artifact_digest != release.record.artifact_digest or lineage.provenance is None:
            continue
        provenance = provenance_of(target, lineage.provenance)
        if provenance is not None and provenance.origin is not None and provenance.origin.package == package:
            return summary.number
    return None
