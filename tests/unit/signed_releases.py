"""Releases that a registry's key signed, and what answers for the registry that has them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.ground import ACCOUNT

from modelyard.core.releases import ReleaseRecord, SignedRelease
from modelyard.core.releasing import message


@cache
def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def released(model: str, version: int, artifact: str, file: str = "model.tar.gz") -> str:
    record = ReleaseRecord.model_validate(
        {
            "team": "fraud",
            "environment": "dev",
            "model": model,
            "package": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/ml-dev-fraud-registry-{model}/{version}",
            "artifact": f"s3://bucket/models/{model}/{artifact}/{file}",
            "artifact_version": "1",
            "artifact_digest": artifact,
            "gates": [],
            "author": "ada@acme.example",
            "submitter": "AROA:ada@acme.example",
            "approver": "AROA:grace@acme.example",
            "data_snapshot": "0" * 64,
            "code_commit": "0" * 40,
            "image_digest": "0" * 64,
            "released_at": "2026-01-01T00:00:00Z",
        }
    )
    payload = record.canonical()
    signature = private_key().sign(message(payload), ec.ECDSA(SHA256()))
    return SignedRelease(payload=payload, signature=base64.b64encode(signature).decode(), key="key").model_dump_json()


def registry_with(records: Mapping[str, str]) -> dict[str, Any]:
    public = private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "aws:s3/getObjects:getObjects": lambda args, _: {"keys": [key for key in records if key == args["prefix"]]},
        "aws:s3/getObject:getObject": lambda args, _: {"body": records[args["key"]]},
        "aws:kms/getPublicKey:getPublicKey": {"publicKey": base64.b64encode(public).decode()},
    }
