"""Object versions of S3: listed, read by version, written once; and what S3 refuses, told with a remedy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelyard.core.context import Context
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.core.snapshots import ObjectVersion
from modelyard.operate.deployments import deploy_it

CHUNK: Final = 4 * 2**20
LARGEST_WRITE: Final = 5 * 2**30
"""Bytes that one conditional write takes (AmazonS3/latest/userguide/qfacts)."""
MOST_DELETIONS: Final = 1000
_CONDITION_FAILED: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412")
_GONE: Final = ("NoSuchKey", "NoSuchVersion", "404")


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of an object, as a listing shows it. `latest`: no newer one stands above it."""

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    latest: bool

    @property
    def identity(self) -> tuple[str, str, str]:
        """Bucket, key and version id."""
        return self.bucket, self.key, self.version_id


class NotDeployed(InputError):
    """There is no such bucket."""


@contextmanager
def asking(bucket: str, of: Context | None) -> Iterator[None]:
    """What S3 refuses becomes an error of ours: no bucket (`of` says whose), no permission, no connection."""
    from botocore.exceptions import BotoCoreError, ClientError

    source = Source(f"s3://{bucket}")
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "NoSuchBucket":
            problem = Fault("there is no such bucket; the lake isn't deployed", deploy_it(of), source)
            raise NotDeployed(problem) from None
        if code in ("AccessDenied", "403", "AllAccessDisabled"):
            problem = Fault(
                f"{error.operation_name} is refused",
                "Sign in as a role that has the permission; docs/snapshots.md lists what each command needs.",
                source,
            )
            raise InputError(problem) from None
        raise EnvironmentFault(Fault(str(error), "Try again.", source)) from None
    except BotoCoreError as error:
        raise EnvironmentFault(Fault(str(error), "Check the connection and the credentials.", source)) from None


def code_of(error: Any) -> str:
    """The code that S3 gives a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


@dataclass(frozen=True, slots=True)
class Store:
    """The object versions that a boto3 client reaches. `of`: whose the buckets are, for a remedy; absent: unknown."""

    s3: Any
    of: Context | None = None

    def versions(self, bucket: str, prefix: str) -> list[Listed]:
        """Every version below `prefix`, by key, the newest first; delete markers are none."""
        with asking(bucket, self.of):
            pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            return [
                Listed(bucket, found["Key"], found["VersionId"], found["Size"], found["ETag"], found["IsLatest"])
                for page in pages
                for found in page.get("Versions", ())
            ]

    def current(self, bucket: str, prefix: str) -> list[Listed]:
        """The versions below `prefix` that are read without naming one."""
        return [found for found in self.versions(bucket, prefix) if found.latest]

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys of the objects below `prefix`."""
        with asking(bucket, self.of):
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def download(self, found: Listed | ObjectVersion, to: Path) -> str:
        """Write the bytes of one version to a file: their SHA-256, in hexadecimal."""
        digest = hashlib.sha256()
        with asking(found.bucket, self.of):
            got = self.s3.get_object(Bucket=found.bucket, Key=found.key, VersionId=found.version_id)
            with to.open("wb") as file:
                for chunk in got["Body"].iter_chunks(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
        return digest.hexdigest()

    def head(self, bucket: str, key: str, version_id: str) -> dict[str, Any] | None:
        """What S3 tells of a version without its bytes; None where it is gone."""
        from botocore.exceptions import ClientError

        with asking(bucket, self.of):
            try:
                return self.s3.head_object(Bucket=bucket, Key=key, VersionId=version_id)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise

    def tags(self, bucket: str, key: str, version_id: str) -> str:
        """The tags of a version, as a write takes them: a query string."""
        from urllib.parse import urlencode

        with asking(bucket, self.of):
            tags = self.s3.get_object_tagging(Bucket=bucket, Key=key, VersionId=version_id)["TagSet"]
        return urlencode({tag["Key"]: tag["Value"] for tag in tags})

    def read(self, bucket: str, key: str) -> tuple[str, str] | None:
        """The text of an object and its entity tag; None where there is none."""
        from botocore.exceptions import ClientError

        with asking(bucket, self.of):
            try:
                got = self.s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise
            return got["Body"].read().decode(), got["ETag"]

    def write(self, bucket: str, key: str, body: Any, *, over: str | None, **properties: Any) -> dict[str, Any] | None:
        """Write an object in the place of the one whose entity tag is `over`; None: in the place of none.

        What S3 answers; None where something else stands there.
        """
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over}
        with asking(bucket, self.of):
            try:
                return self.s3.put_object(Bucket=bucket, Key=key, Body=body, **condition, **properties)
            except ClientError as error:
                if code_of(error) in (*_CONDITION_FAILED, *_GONE):
                    return None
                raise

    def copy(self, found: ObjectVersion, bucket: str, key: str) -> str:
        """Copy a version within S3, in parts where it is large: the copy's version id."""
        from boto3.s3.transfer import TransferConfig, create_transfer_manager

        source = {"Bucket": found.bucket, "Key": found.key, "VersionId": found.version_id}
        config = TransferConfig(use_threads=False, preferred_transfer_client="classic")
        with asking(bucket, self.of):
            manager: Any = create_transfer_manager(self.s3, config)
            with manager as transfers:
                transfers.copy(source, bucket, key).result()
            return self.s3.head_object(Bucket=bucket, Key=key)["VersionId"]

    def hide(self, bucket: str, key: str) -> None:
        """Put a delete marker over an object; its versions stay."""
        with asking(bucket, self.of):
            self.s3.delete_object(Bucket=bucket, Key=key)

    def destroy(self, versions: Sequence[tuple[str, str, str]]) -> list[Fault]:
        """Delete versions for good; what couldn't be."""
        faults: list[Fault] = []
        by_bucket: dict[str, list[tuple[str, str]]] = {}
        for bucket, key, version_id in versions:
            by_bucket.setdefault(bucket, []).append((key, version_id))
        for bucket, pairs in by_bucket.items():
            for start in range(0, len(pairs), MOST_DELETIONS):
                wanted = [{"Key": key, "VersionId": version} for key, version in pairs[start : start + MOST_DELETIONS]]
                with asking(bucket, self.of):
                    answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
                faults += [
                    Fault(
                        f"this version couldn't be deleted: {error.get('Message', error.get('Code'))}",
                        "Take away what holds it (a bucket policy, Object Lock), and run the erasure again.",
                        Source(f"s3://{bucket}/{error['Key']}"),
                        error.get("VersionId", ""),
                    )
                    for error in answer.get("Errors", ())
                ]
        return faults
