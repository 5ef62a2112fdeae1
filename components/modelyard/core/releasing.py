"""The rules of the release gate, on plain JSON and with the standard library alone.

The function that signs releases ships this file as it is, so that whoever signs and whoever checks obey one text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

CONTEXT: Final = "modelyard-release-1"
"""Stands before what is signed, so that a signature of this key means a release and nothing else."""
IN_TOTO: Final = "application/vnd.in-toto+json"
PENDING: Final = "PendingManualApproval"
APPROVED: Final = "Approved"
EVALUATION: Final = "gates.json"
"""The file in an evaluate step's report that holds what it measured."""

Plain = Mapping[str, Any]


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, so that the same value is the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def message(payload: str) -> bytes:
    """What is signed for a payload: short, since KMS takes 4,096 bytes (kms/latest/APIReference/API_Sign)."""
    return f"{CONTEXT} {hashlib.sha256(payload.encode()).hexdigest()}".encode()


def statement(name: str, digest: str) -> str:
    """What OpenSSF model-signing signs for a file of this name and SHA-256: an in-toto statement, as canonical JSON.

    Source: the specification of the Model Signing format 1.0 (in-toto predicate `https://model_signing/signature/v1.0`).
    """
    whole = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": whole}}],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": [],
                },
                "resources": [{"name": ".", "algorithm": "sha256", "digest": digest}],
            },
        }
    )


def pae(statement: str) -> bytes:
    """The bytes whose signature stands for a statement: DSSE's pre-authentication encoding, version 1."""
    payload = statement.encode()
    return b" ".join((b"DSSEv1", str(len(IN_TOTO)).encode(), IN_TOTO.encode(), str(len(payload)).encode(), payload))


def bundle(statement: str, signature: bytes, public_key: bytes) -> str:
    """The statement with its signature as a Sigstore bundle, which `model_signing verify key` reads.

    `public_key`: in DER, as KMS gives it.
    """
    text = base64.b64encode(public_key).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    pem = f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
    return canonical(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "publicKey": {"hint": hashlib.sha256(pem.encode()).hexdigest()},
                "tlogEntries": [],
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(statement.encode()).decode(),
                "payloadType": IN_TOTO,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def person(identity: str) -> str:
    """Who stands behind a `aws:userid`, an ARN of a session or a name: the session's name, lower case."""
    return identity.rpartition(":")[2].rpartition("/")[2].lower()


def holds(gate: Plain, result: Plain, *, champion: bool) -> bool:
    """Whether a result passes a declared gate; its own word for it doesn't count.

    Against the champion, the threshold is how much the value differs from the champion's; the first version of a model
    has none to beat.
    """
    value = result.get("value")
    if not isinstance(value, int | float):
        return False
    if gate.get("against") == "champion":
        other = result.get("champion")
        if not isinstance(other, int | float):
            return not champion
        value -= other
    threshold = gate["threshold"]
    return bool(value >= threshold if gate["comparison"] == "at_least" else value <= threshold)


def unmet(gates: Mapping[str, Plain], results: Sequence[Plain], *, champion: bool) -> Iterator[tuple[str, str]]:
    """Every declared gate that has no result of its own measure, or one that doesn't hold."""
    for name, gate in sorted(gates.items()):
        measure: tuple[Any, Any] = (gate["metric"], gate.get("slice") or {})
        found = [r for r in results if r.get("gate") == name and (r.get("metric"), r.get("slice") or {}) == measure]
        if not found:
            yield "gate-missing", f"gate {name} has no result of {gate['metric']}"
        for result in found:
            if not holds(gate, result, champion=champion):
                said = f"{gate['metric']} is {result.get('value')}, {gate['comparison']} {gate['threshold']} is asked"
                yield "gate-failed", f"gate {name}: {said}"


def broken(
    record: Plain, gates: Mapping[str, Plain], *, package: str, status: str, wanted: str, digest: str
) -> Iterator[tuple[str, str]]:
    """Every condition of a release that doesn't hold, as its code and what is wrong.

    `package`, `status` and `digest` are what is found at this moment: the package's ARN, its approval status, and the
    SHA-256 of the artifact's bytes in hexadecimal. `wanted`: the status that it must have.
    """
    if record["package"] != package:
        yield "other-package", f"the record speaks of {record['package']}, not of {package}"
    if status != wanted:
        yield "not-approved" if wanted == APPROVED else "not-pending", f"the package is {status}, not {wanted}"
    approver, authors = person(record["approver"]), {person(record["author"]), person(record["submitter"])}
    if not approver:
        yield "no-approver", "nobody approved it"
    elif approver in authors:
        yield "approver-is-author", f"{approver} is the author, and can't approve it"
    if record["artifact_digest"] != digest:
        yield "digest-mismatch", f"the artifact's SHA-256 is {digest}, not {record['artifact_digest']}"
    yield from unmet(gates, record["gates"], champion=record.get("champion") is not None)
