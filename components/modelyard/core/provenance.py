"""Where a version of a model comes from, in full: data, features, code, run, and the version that it was promoted from.

Value types only. A provenance is an object that nobody overwrites, `lineage/<model>/<its own SHA-256>.json` in the
registry's bucket; the package's metadata and the signed record name it by that hash. It refers to snapshots instead of
holding their statistics, so that an erasure reaches those.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints

from modelyard.core.distributions import Value
from modelyard.core.releases import Digest, Lineage, SignedRelease, Text
from modelyard.core.releasing import canonical
from modelyard.core.snapshots import Manifest

VERSION: Final = 1
FOLDER: Final = "lineage/"


class SnapshotReference(Value):
    """A snapshot of a dataset: its hash, and the object that holds its manifest."""

    team: Text
    dataset: Text
    prefix: str = ""
    hash: Digest
    bucket: Text
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    objects: int
    rows: int
    taken_at: AwareDatetime

    @classmethod
    def of(cls, manifest: Manifest, bucket: str, key: str) -> Self:
        """The reference to a manifest that lies at `key` of `bucket`."""
        return cls(
            team=manifest.team,
            dataset=manifest.dataset,
            prefix=manifest.prefix,
            hash=manifest.hash,
            bucket=bucket,
            key=key,
            objects=len(manifest.objects),
            rows=manifest.rows,
            taken_at=manifest.taken_at,
        )


class Origin(Value):
    """The version in another environment that this one is a copy of, as it was released there."""

    environment: Text
    package: Text
    provenance: Digest | None = None
    release: SignedRelease


class Provenance(Value):
    """All that is known of how a version came to be; `parameters` and `metrics` are those of the run."""

    version: Literal[1] = VERSION
    model: Text
    author: Text
    artifact_digest: Digest
    snapshots: tuple[SnapshotReference, ...] = Field(min_length=1)
    feature_views: tuple[Text, ...] = ()
    """View and version, such as `customer-v2`."""
    code_repository: str = ""
    code_commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")]
    image: Annotated[str, StringConstraints(pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$", max_length=1024)]
    """The serving image, by digest: `registry/repository@sha256:…`."""
    training_image: str = ""
    run_id: Text | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    origin: Origin | None = None

    @property
    def data_snapshot(self) -> str:
        """The hash that stands for all data: the snapshot's own, or that of all their hashes if there are several."""
        hashes = sorted({found.hash for found in self.snapshots})
        return hashes[0] if len(hashes) == 1 else hashlib.sha256(canonical(hashes).encode()).hexdigest()

    def text(self) -> str:
        """The provenance as it is kept: JSON, keys sorted, no spaces."""
        return canonical(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The SHA-256 of the text."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def lineage(self, artifact_version: str) -> Lineage:
        """The metadata of the package; `artifact_version` is the S3 version of the artifact."""
        return Lineage(
            author=self.author,
            artifact_version=artifact_version,
            artifact_digest=self.artifact_digest,
            data_snapshot=self.data_snapshot,
            code_commit=self.code_commit,
            image_digest=self.image.rpartition("@")[2],
            run_id=self.run_id,
            feature_views=self.feature_views,
            provenance=self.digest,
        )


def key_of(model: str, digest: str) -> str:
    """The key of a provenance in the registry's bucket."""
    return f"{FOLDER}{model}/{digest}.json"


def artifact_key(model: str, digest: str) -> str:
    """The key of an artifact in the registry's bucket: named by its bytes, so that no two share a place."""
    return f"models/{model}/{digest}/model.tar.gz"


def gates_key(model: str, version: int) -> str:
    """The key of what the gates measured of a version."""
    return f"gates/{model}/{version}.json"


def decision_key(user_id: str, model: str, version: int) -> str:
    """The key of a decision on a version; `user_id` is the decider's `aws:userid`."""
    return f"decisions/{user_id}/{model}/{version}.json"


def release_key(model: str, version: int) -> str:
    """The key of a version's signed record."""
    return f"releases/{model}/{version}.json"
