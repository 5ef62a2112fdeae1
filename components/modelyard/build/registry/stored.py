"""What functions look up of a registry: a document, a release's signature, and the artifact that S3 serves.

Functions ship this file as it is: it uses nothing beyond botocore and the standard library. Clients are its callers'.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from modelyard.core.releasing import message

GONE: Final = ("NoSuchKey", "404")
"""How S3 says that there is no such object."""


def read(s3: Any, bucket: str, key: str, gone: tuple[str, ...] = GONE) -> Any:
    """The JSON that lies there, or None where S3 answers one of `gone`. Raises `ValueError` for other text."""
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in gone:
            return None
        raise


def readable(s3: Any, bucket: str, key: str) -> Any:
    """The JSON that lies there, or None for whatever can't be read: S3 denies an object that isn't there, too, to
    whoever may not list."""
    try:
        return read(s3, bucket, key, (*GONE, "AccessDenied"))
    except ValueError:
        return None


def signed(kms: Any, release: Mapping[str, Any], key: str) -> bool:
    """Whether the KMS key made the signature of a release's record."""
    try:
        said = kms.verify(
            KeyId=key,
            Message=message(release["payload"]),
            MessageType="RAW",
            Signature=base64.b64decode(release["signature"]),
            SigningAlgorithm="ECDSA_SHA_256",
        )
    except (kms.exceptions.KMSInvalidSignatureException, ValueError):
        return False
    return bool(said["SignatureValid"])


def newest(s3: Any, bucket: str, artifact: str) -> str:
    """The version of an artifact, by its URI, that an endpoint would read now; `none` where there is none."""
    key = artifact.removeprefix(f"s3://{bucket}/")
    found = s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", ())
    return next((str(one["VersionId"]) for one in found if one["Key"] == key and one["IsLatest"]), "none")
