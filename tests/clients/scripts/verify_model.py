"""Verifies a model of a registry with model-signing's own command, against the public key that KMS tells."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import boto3
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key


def main(bucket: str, artifact: str, key: str, beside: str = "") -> None:
    """Whether it was signed as it lies there, and what model-signing said. `beside`: where the signature lies."""
    s3, folder = boto3.client("s3"), Path(mkdtemp())
    model, signature, public = folder / Path(artifact).name, folder / "signature", folder / "public.pem"
    s3.download_file(bucket, artifact, str(model))
    s3.download_file(bucket, beside or f"{artifact}.sig", str(signature))
    known = load_der_public_key(boto3.client("kms").get_public_key(KeyId=key)["PublicKey"])
    public.write_bytes(known.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    program = str(Path(sys.executable).with_name("model_signing"))
    done = subprocess.run(
        [program, "verify", "key", str(model), "--signature", str(signature), "--public_key", str(public)],
        capture_output=True,
        text=True,
        check=False,
    )
    print(json.dumps({"verified": done.returncode == 0, "said": done.stdout + done.stderr}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
