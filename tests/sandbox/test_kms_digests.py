"""Keys of a curve sign digests: what was hashed elsewhere is not hashed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from modelyard_sandbox import moto_extensions

MESSAGE = b"a statement that may be longer than KMS takes"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    moto_extensions.install()
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-west-1")
        made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        yield {"kms": kms, "asked": {"KeyId": made, "SigningAlgorithm": "ECDSA_SHA_256"}}


def test_the_signature_of_a_digest_is_that_of_its_message(key: dict[str, Any]):
    signed = key["kms"].sign(Message=DIGEST, MessageType="DIGEST", **key["asked"])["Signature"]
    for message, kind in ((MESSAGE, "RAW"), (DIGEST, "DIGEST")):
        said = key["kms"].verify(Message=message, MessageType=kind, Signature=signed, **key["asked"])
        assert said["SignatureValid"]


def test_a_signature_of_other_bytes_is_invalid(key: dict[str, Any]):
    signed = key["kms"].sign(Message=DIGEST, MessageType="RAW", **key["asked"])["Signature"]
    said = key["kms"].verify(Message=DIGEST, MessageType="DIGEST", Signature=signed, **key["asked"])
    assert not said["SignatureValid"]


def test_what_is_no_digest_of_the_algorithm_is_refused(key: dict[str, Any]):
    with pytest.raises(ClientError, match="invalid length"):
        key["kms"].sign(Message=MESSAGE, MessageType="DIGEST", **key["asked"])
