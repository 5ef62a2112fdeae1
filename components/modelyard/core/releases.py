"""Releases of models: what was measured, who approved what, and the signature that says so.

Value types only, without a cloud SDK: jobs write gate results, the promotion signs a record, check and deployment
verify it. The rules themselves are `core.releasing`, which the signing function ships too.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from modelyard.core.distributions import Value
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.releasing import APPROVED, broken, canonical, message

VERSION: Final = 1
PREFIX: Final = "modelyard:"
"""Stands before every key of the metadata that lineage puts on a package."""
ALGORITHM: Final = "ECDSA_SHA_256"
_LONGEST: Final = 256

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hexadecimal."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""As long as a value of a package's metadata may be (sagemaker/latest/APIReference/API_CreateModelPackage)."""
GateKind = Literal[
    "accuracy", "bias", "feature_consistency", "data_quality", "drift", "explanation_stability", "latency"
]
Comparison = Literal["at_least", "at_most"]


class Gate(Value):
    """A declared threshold. `against`: the champion's value is taken from the new one's before it is compared."""

    kind: GateKind
    metric: Text
    comparison: Comparison
    threshold: float
    against: Literal["absolute", "champion"] = "absolute"
    slice: dict[str, str] = Field(default_factory=dict)
    """Column and value of the rows that count. Empty: all rows."""

    @property
    def asks(self) -> str:
        """What it asks for, in few words: `recall ≥ 0.8, country de`."""
        sign = "≥" if self.comparison == "at_least" else "≤"
        beside = " − champion's" if self.against == "champion" else ""
        where = "".join(f", {column} {value}" for column, value in sorted(self.slice.items()))
        return f"{self.metric}{beside} {sign} {self.threshold:g}{where}"


class GateResult(Value):
    """What an evaluation measured for one gate; `report` is where it explains itself."""

    gate: Text
    metric: Text
    value: float
    champion: float | None = None
    slice: dict[str, str] = Field(default_factory=dict)
    report: str = ""


class GateResults(Value):
    """The content of `gates/<model>/<version>.json`: what one evaluation measured of one version."""

    version: Literal[1] = VERSION
    package: Text
    results: tuple[GateResult, ...]


class Evaluation(Value):
    """The content of `gates.json`: what an evaluate step measured of a model, which has no version yet.

    `artifact_digest` is the SHA-256 of the archive that was measured, so that the results go to no other.
    """

    version: Literal[1] = VERSION
    artifact_digest: Digest
    results: tuple[GateResult, ...]


class Lineage(Value):
    """Where a version comes from: the metadata that a package must carry to be released.

    `artifact_version` is the S3 version of the model's object, `artifact_digest` the SHA-256 of its bytes,
    `data_snapshot` the hash of the manifest that it was trained on, `image_digest` that of the serving image,
    `provenance` that of the object that says all the rest (`core.provenance`).
    """

    author: Text
    artifact_version: Text
    artifact_digest: Digest
    data_snapshot: Digest
    code_commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")]
    image_digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    run_id: Text | None = None
    feature_views: tuple[str, ...] = ()
    provenance: Digest | None = None

    def metadata(self) -> dict[str, str]:
        """The `CustomerMetadataProperties` of a package; views that don't fit are in the provenance alone."""
        shown = self.model_dump(exclude_none=True)
        views = ",".join(self.feature_views)
        shown["feature_views"] = views if len(views) <= _LONGEST else ""
        return {f"{PREFIX}{key.replace('_', '-')}": value for key, value in sorted(shown.items()) if value}

    @classmethod
    def from_metadata(cls, properties: Mapping[str, str]) -> Self:
        """The lineage on a package. Raises `InputError` that names every key that is missing or doesn't fit."""
        found: dict[str, Any] = {
            key.removeprefix(PREFIX).replace("-", "_"): value
            for key, value in properties.items()
            if key.startswith(PREFIX)
        }
        found["feature_views"] = tuple(view for view in found.get("feature_views", "").split(",") if view)
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            where = Source("the package's metadata")
            faults = [
                Fault(
                    each["msg"],
                    "Register it again, with its lineage.",
                    where.at(PREFIX + str(each["loc"][0]).replace("_", "-")),
                )
                for each in error.errors(include_url=False, include_input=False)
            ]
            raise InputError(*faults) from None


class ReleaseRecord(Value):
    """Who released which bytes as which version, and what they were measured by.

    `author` is who the lineage names, `submitter` and `approver` are whom AWS saw (`aws:userid`). `champion` is the
    approved version that it was compared with; absent, there was none.
    """

    version: Literal[1] = VERSION
    team: Text
    environment: Text
    model: Text
    package: Text
    artifact: Text
    artifact_version: Text
    artifact_digest: Digest
    gates: tuple[GateResult, ...]
    author: Text
    submitter: Text
    approver: Text
    reason: str = ""
    champion: str | None = None
    data_snapshot: Digest
    code_commit: Text
    image_digest: Text
    provenance: Digest | None = None
    """The SHA-256 of the object that says where the version comes from. Absent: none was put down."""
    released_at: AwareDatetime

    def canonical(self) -> str:
        """The record as it is signed: JSON, keys sorted, no spaces."""
        return canonical(self.model_dump(mode="json"))


class SignedRelease(Value):
    """A record as the text that was signed, the signature in base64, and the ARN of the key."""

    payload: str
    signature: str
    key: str
    algorithm: Literal["ECDSA_SHA_256"] = ALGORITHM

    @property
    def record(self) -> ReleaseRecord:
        """The record. Raises `InputError` for a payload that is none."""
        try:
            return ReleaseRecord.model_validate_json(self.payload)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = Source("the release record", ".".join(map(str, problem["loc"])))
            raise InputError(Fault(problem["msg"], "Promote the version again.", where)) from None

    def verify(self, public_key: bytes) -> bool:
        """Whether the key signed exactly this payload; `public_key` is in DER, as KMS gives it (GetPublicKey).

        Raises `InputError` where the package `cryptography` is missing, or the key isn't one of a curve.
        """
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except binascii.Error:
            return False
        return signed(message(self.payload), signature, public_key)


def signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the key signed this content by ECDSA over SHA-256; `public_key` is in DER, as KMS gives it.

    Raises `InputError` where the package `cryptography` is missing, or the key isn't one of a curve.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        where = Source("the signature")
        raise InputError(Fault("can't be verified here", "Install the package cryptography.", where)) from None
    try:
        key = load_der_public_key(public_key)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InputError(Fault("is no public key of a curve", "Take the registry's own.", Source("the key")))
    try:
        key.verify(signature, content, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A condition of the release that doesn't hold; `code` is stable, `problem` is for people."""

    code: str
    problem: str

    def __str__(self) -> str:
        return f"{self.code}: {self.problem}"


def refusals(
    release: SignedRelease | None,
    *,
    public_key: bytes,
    gates: Mapping[str, Gate],
    package: str,
    status: str,
    artifact_digest: str,
) -> Sequence[Refusal]:
    """Every reason why a version may not be deployed to production; none means that it may.

    `package`, `status` and `artifact_digest` are what is there now: ARN, `ModelApprovalStatus`, and the SHA-256 of the
    bytes that would be served.
    """
    if release is None:
        found = [Refusal("not-released", f"{package} has no release record")]
        return [*found, *([] if status == APPROVED else [Refusal("not-approved", f"the package is {status}")])]
    signed = release.verify(public_key)
    found = [] if signed else [Refusal("invalid-signature", f"{release.key} didn't sign this record")]
    declared = {name: gate.model_dump(mode="json") for name, gate in gates.items()}
    plain: dict[str, Any] = json.loads(release.record.canonical())
    said = broken(plain, declared, package=package, status=status, wanted=APPROVED, digest=artifact_digest)
    return [*found, *(Refusal(code, problem) for code, problem in said)]
