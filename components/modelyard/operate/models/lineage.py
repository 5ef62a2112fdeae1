"""The lineage of a version: data, features, code, run, package, release; as a tree, as a diagram, as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.provenance import Provenance, SnapshotReference, key_of
from modelyard.core.releasing import person
from modelyard.core.snapshots import SHOWN, Manifest
from modelyard.operate.models.place import Model, read
from modelyard.operate.models.versions import Version, look


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that a version was trained on; `manifest` is absent where it can't be read, and `gone` says why."""

    reference: SnapshotReference
    manifest: Manifest | None
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from; `provenance` is absent where its package names none."""

    version: Version
    provenance: Provenance | None
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing on the way: what it is, its name, and what there is to say of it."""

    id: str
    kind: str
    name: str
    said: tuple[str, ...] = ()


def trace(model: Model, number: int) -> Lineage:
    """Where a version comes from, with the manifests of its snapshots as far as the caller may read them.

    Raises `InputError` for a version that there isn't, and for a provenance that isn't the one that its package names.
    """
    version = look(model, number)
    named = version.lineage.provenance if version.lineage else None
    provenance = provenance_of(model, named) if named else None
    found = tuple(_snapshot(model, one) for one in provenance.snapshots) if provenance else ()
    return Lineage(version, provenance, found)


def provenance_of(model: Model, digest: str) -> Provenance | None:
    """The provenance of this hash; None where there is none. Raises `InputError` for one that has another."""
    key = key_of(model.name, digest)
    text = model.registry.read(key)
    if text is None:
        return None
    where = Source(f"s3://{model.registry.bucket}/{key}")
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != digest:
        raise InputError(Fault(f"has the SHA-256 {found}", "Don't believe it; find out who wrote it.", where))
    try:
        return Provenance.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(map(str, problem["loc"]))
        raise InputError(Fault(problem["msg"], "Register the version again.", where.at(path))) from None


def _snapshot(model: Model, reference: SnapshotReference) -> Snapshot:
    try:
        text = read(model.registry.client("s3"), reference.bucket, reference.key, of=model.registry.context)
    except InputError as error:
        return Snapshot(reference, None, error.faults[0].problem)
    if text is None:
        return Snapshot(reference, None, "the manifest is gone")
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        return Snapshot(reference, None, str(error.errors(include_url=False, include_input=False)[0]["msg"]))
    if manifest.hash != reference.hash:
        return Snapshot(reference, None, f"the manifest there is of another snapshot, {manifest.short}")
    return Snapshot(reference, manifest)


def steps(found: Lineage) -> list[list[Step]]:
    """What there is on the way, stage by stage, from the data to the release."""
    version, provenance = found.version, found.provenance
    stages: list[list[Step]] = []
    if provenance is not None:
        stages.append([_of_snapshot(one) for one in found.snapshots])
        views = [Step(f"view-{view}", "feature view", view) for view in provenance.feature_views]
        stages += [views] if views else []
        stages.append([_of_run(provenance)])
        if provenance.origin is not None:
            origin = provenance.origin
            record = origin.release.record
            said = (f"approved by {person(record.approver)} on {record.released_at:%Y-%m-%d}",)
            stages.append([Step("origin", f"release in {origin.environment}", origin.package.rpartition(":")[2], said)])
    elif version.lineage is not None:
        said = (f"data {version.lineage.data_snapshot[:SHOWN]}", f"commit {version.lineage.code_commit[:SHOWN]}")
        stages.append([Step("run", "run", version.lineage.run_id or "unknown", said)])
    package = (f"registered by {version.submitter}", f"author {version.summary.author or 'unknown'}", version.artifact)
    stages.append([Step("package", "package", f"{version.summary.model.name} {version.summary.number}", package)])
    stages.append([_of_release(version)])
    return stages


def _of_snapshot(found: Snapshot) -> Step:
    reference = found.reference
    where = f"{reference.team}/{reference.dataset}{f'/{reference.prefix}' if reference.prefix else ''}"
    said = [f"{where}, taken {reference.taken_at:%Y-%m-%d}: {reference.objects:,} objects, {reference.rows:,} rows"]
    if found.manifest is None:
        said.append(f"not shown: {found.gone}")
    return Step(f"snapshot-{reference.hash}", "snapshot", reference.hash[:SHOWN], tuple(said))


def _of_run(provenance: Provenance) -> Step:
    said = [f"commit {provenance.code_commit[:SHOWN]} {provenance.code_repository}".rstrip()]
    if provenance.training_image:
        said.append(f"trained in {provenance.training_image}")
    said.append(f"served by {provenance.image}")
    said += [f"{name} = {value}" for name, value in sorted(provenance.parameters.items())]
    said += [f"measured {name} {value:g}" for name, value in sorted(provenance.metrics.items())]
    return Step("run", "run", provenance.run_id or "without an id", tuple(said))


def _of_release(version: Version) -> Step:
    if version.release is None:
        return Step("release", "release", f"none; the version is {version.summary.status}")
    record = version.release.record
    said = [f"approved by {person(record.approver)} on {record.released_at:%Y-%m-%d %H:%M} UTC"]
    said += [f"NOT VALID  {refusal}" for refusal in version.refused]
    name = "signature verified" if version.verified else "SIGNATURE NOT VALID"
    return Step("release", "release", name, tuple(said))


def tree(found: Lineage) -> Iterator[str]:
    """The way as text: the release at the root, and below each thing what it was made from."""
    from modelyard.operate.data import showing

    manifests = {one.reference.hash: one.manifest for one in found.snapshots}
    for depth, stage in enumerate(reversed(steps(found))):
        indent = "   " * depth
        for step in stage:
            branch = f"{indent[:-3]}└─ " if depth else ""
            yield f"{branch}{step.kind} {step.name}"
            for line in step.said:
                yield f"{indent}   {line}"
            manifest = manifests.get(step.id.removeprefix("snapshot-"))
            if manifest is not None:
                for line in showing.snapshot(manifest, new=True):
                    yield f"{indent}     {line}"


def mermaid(found: Lineage) -> Iterator[str]:
    """The way as a Mermaid flowchart, from the data to the release."""
    yield "flowchart LR"
    stages = steps(found)
    ids = {step.id: f"n{number}" for number, step in enumerate(step for stage in stages for step in stage)}
    for stage in stages:
        for step in stage:
            lines = [f"{step.kind} {step.name}", *step.said]
            yield f'  {ids[step.id]}["{"<br/>".join(_escaped(line) for line in lines)}"]'
    for before, after in zip(stages, stages[1:], strict=False):
        for one in before:
            for other in after:
                yield f"  {ids[one.id]} --> {ids[other.id]}"


def _escaped(text: str) -> str:
    marks: Sequence[tuple[str, str]] = (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"))
    for mark, written in marks:
        text = text.replace(mark, written)
    return text


def as_json(found: Lineage) -> dict[str, Any]:
    """The way for `--json`: the provenance whole, and each manifest as far as it could be read."""
    release = found.version.release
    return {
        "model": found.version.summary.model.name,
        "version": found.version.summary.number,
        "package": found.version.package,
        "provenance": found.provenance.model_dump(mode="json") if found.provenance else None,
        "metadata": found.version.lineage.model_dump(mode="json") if found.version.lineage else None,
        "snapshots": [
            {
                "hash": one.reference.hash,
                "manifest": one.manifest.model_dump(mode="json") if one.manifest else None,
                "not_shown": one.gone or None,
            }
            for one in found.snapshots
        ],
        "release": release.record.model_dump(mode="json") if release else None,
        "verified": found.version.verified,
    }
