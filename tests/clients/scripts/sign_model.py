"""Signs a model of a registry with model-signing, by a key that never leaves KMS."""

# pyright: reportMissingImports=false

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import boto3
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from google.protobuf import json_format
from model_signing import signing
from model_signing._signing import sign_sigstore_pb as bundles
from model_signing._signing.signing import Payload
from sigstore_models import intoto
from sigstore_models.bundle import v1 as bundle
from sigstore_models.common import v1 as common


class KmsSigner(bundles.Signer):
    """Signs as model-signing's own signer of elliptic keys does; the digest alone goes to KMS."""

    def __init__(self, key: str) -> None:
        self._kms, self._key = boto3.client("kms"), key
        public = load_der_public_key(self._kms.get_public_key(KeyId=key)["PublicKey"])
        self._pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, payload: Payload) -> bundles.Signature:
        """The signature of a manifest, as a Sigstore bundle."""
        statement = json_format.MessageToJson(payload.statement.pb).encode()
        signed = self._kms.sign(
            KeyId=self._key,
            Message=hashlib.sha256(bundles.pae(statement)).digest(),
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        envelope = intoto.Envelope(
            payload=base64.b64encode(statement),
            payload_type="application/vnd.in-toto+json",
            signatures=[intoto.Signature(sig=base64.b64encode(signed["Signature"]), keyid="")],
        )
        return bundles.Signature(
            bundle.Bundle(
                media_type="application/vnd.dev.sigstore.bundle.v0.3+json",
                verification_material=self._get_verification_material(),
                dsse_envelope=envelope,
            )
        )

    def _get_verification_material(self) -> bundle.VerificationMaterial:
        hint = hashlib.sha256(self._pem).hexdigest()
        return bundle.VerificationMaterial(public_key=common.PublicKeyIdentifier(hint=hint), tlog_entries=[])


def main(bucket: str, artifact: str, key: str) -> None:
    """Put the signature of an object beside it."""
    s3, folder = boto3.client("s3"), Path(mkdtemp())
    model, signature = folder / Path(artifact).name, folder / "signature"
    s3.download_file(bucket, artifact, str(model))
    config: Any = signing.Config()
    config._signer = KmsSigner(key)
    config.sign(model, signature)
    s3.upload_file(str(signature), bucket, f"{artifact}.sig")
    print(json.dumps({"signature": f"{artifact}.sig"}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
