"""S3: buckets, the parts of a bucket, and objects. Source: the S3 API reference."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from modelyard.core.wire import ASSET, SIGNATURE
from modelyard_sandbox.aws.declare import FILLED, Call, Name, TagFunctions, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_HOSTED_ZONES: Final = {"us-east-1": "Z3AQBSTGFYJSTF", "us-west-2": "Z3BJ6K6RIION7M", "eu-west-1": "Z1BKCTXD74EZPE"}


def _bucket_tags(live: Live) -> dict[str, str]:
    try:
        answer = live.call("get_bucket_tagging", Bucket=live.id)
    except live.error as error:
        if live.code(error) == "NoSuchTagSet":
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _tag_bucket(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    if new:
        tags = [{"Key": key, "Value": value} for key, value in new.items()]
        live.call("put_bucket_tagging", Bucket=live.id, Tagging={"TagSet": tags})
    elif old:
        live.call("delete_bucket_tagging", Bucket=live.id)


def _location(live: Live) -> dict[str, str] | None:
    return None if live.region == "us-east-1" else {"locationConstraint": live.region}


def _read_bucket(live: Live) -> dict[str, Any]:
    live.call("head_bucket", Bucket=live.id)
    return {
        "bucket": live.id,
        "arn": f"arn:{live.partition}:s3:::{live.id}",
        "bucketDomainName": f"{live.id}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{live.id}.s3.{live.region}.amazonaws.com",
        "bucketRegion": live.region,
        "hostedZoneId": _HOSTED_ZONES.get(live.region, ""),
    }


def _empty_bucket(live: Live) -> None:
    """The real provider bypasses governance, too; compliance lets nobody delete."""
    if not live.get("forceDestroy"):
        return
    bypass = True if live.get("objectLockEnabled") else None
    for page in live.client().get_paginator("list_object_versions").paginate(Bucket=live.id):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            which = {"Bucket": live.id, "Key": version["Key"], "VersionId": version["VersionId"]}
            live.call("delete_object", **which, BypassGovernanceRetention=bypass)


BUCKET = Type(
    "aws:s3/bucket:Bucket",
    "s3",
    fields={"bucket": "Bucket", "objectLockEnabled": "ObjectLockEnabledForBucket"},
    id="bucket",
    name=Name("bucket", limit=63, prefix="bucketPrefix", lower=True),
    defaults={"forceDestroy": False, "objectLockEnabled": False, "bucketNamespace": "global"},
    computed=("arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "hostedZoneId"),
    create=Call("create_bucket", {"CreateBucketConfiguration": _location}),
    read=_read_bucket,
    delete=(_empty_bucket, Call("delete_bucket")),
    inert=("forceDestroy",),
    tags=TagFunctions(_bucket_tags, _tag_bucket),
)


def bucket_part(kind: str, put: Call, get: Call, delete: Call, **rest: Any) -> Type:
    """A setting of a bucket as a resource of its own: put on create and update, gone with the bucket."""
    rest["fields"] = {"bucket": "Bucket"} | rest.get("fields", {})
    rest["replace"] = ("bucket", "expectedBucketOwner")
    token = f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"
    return Type(token, "s3", id="bucket", create=put, read=get, update=put, delete=delete, **rest)


def _read_versioning(live: Live) -> dict[str, Any]:
    answer = live.call("get_bucket_versioning", Bucket=live.id)
    return {
        "bucket": live.id,
        "versioningConfiguration": {
            **(live.state.get("versioningConfiguration") or {}),
            "status": answer.get("Status", "Disabled"),
        },
    }


_PUT_VERSIONING = Call("put_bucket_versioning")
BUCKET_VERSIONING = Type(
    "aws:s3/bucketVersioning:BucketVersioning",
    "s3",
    fields=fields("bucket", "versioningConfiguration") | {"versioningConfiguration.mfaDelete": "MFADelete"},
    id="bucket",
    create=_PUT_VERSIONING,
    read=_read_versioning,
    update=_PUT_VERSIONING,
    delete=Call(
        "put_bucket_versioning",
        {"VersioningConfiguration": lambda _: {"status": "Suspended"}},
        # Under Object Lock versions stay for good; the native plugin takes that for a deletion too.
        ignore=("InvalidBucketState",),
    ),
    replace=("bucket", "expectedBucketOwner"),
)
BUCKET_ENCRYPTION = bucket_part(
    "BucketServerSideEncryptionConfiguration",
    Call("put_bucket_encryption", {"ServerSideEncryptionConfiguration": FILLED}),
    Call("get_bucket_encryption", take="ServerSideEncryptionConfiguration"),
    Call("delete_bucket_encryption"),
    fields=fields("rules"),
)
BUCKET_PUBLIC_ACCESS_BLOCK = bucket_part(
    "BucketPublicAccessBlock",
    Call("put_public_access_block", {"PublicAccessBlockConfiguration": FILLED}),
    Call("get_public_access_block", take="PublicAccessBlockConfiguration"),
    Call("delete_public_access_block"),
    fields=fields("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"),
    defaults=dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
    ),
    inert=("skipDestroy",),
)
BUCKET_OWNERSHIP_CONTROLS = bucket_part(
    "BucketOwnershipControls",
    Call("put_bucket_ownership_controls", {"OwnershipControls": FILLED}),
    Call("get_bucket_ownership_controls", take="OwnershipControls"),
    Call("delete_bucket_ownership_controls"),
    fields={"rule": "Rules"},
    single=("rule",),
)
BUCKET_POLICY = bucket_part(
    "BucketPolicy",
    Call("put_bucket_policy"),
    Call("get_bucket_policy"),
    Call("delete_bucket_policy"),
    fields=fields("policy"),
    json=("policy",),
)
BUCKET_LOGGING = bucket_part(
    "BucketLogging",
    Call("put_bucket_logging", {"BucketLoggingStatus": {"LoggingEnabled": FILLED}}),
    Call("get_bucket_logging", take="LoggingEnabled"),
    Call("put_bucket_logging", {"BucketLoggingStatus": {}}),
    fields=fields("targetBucket", "targetPrefix", "targetGrants", "targetObjectKeyFormat"),
)
BUCKET_LIFECYCLE = bucket_part(
    "BucketLifecycleConfiguration",
    Call("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": FILLED}),
    Call("get_bucket_lifecycle_configuration"),
    Call("delete_bucket_lifecycle"),
    fields=fields("rules"),
    defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
)
BUCKET_OBJECT_LOCK = bucket_part(
    "BucketObjectLockConfiguration",
    Call("put_object_lock_configuration", {"ObjectLockConfiguration": FILLED}),
    Call("get_object_lock_configuration", take="ObjectLockConfiguration"),
    Call(
        "put_object_lock_configuration",
        {"ObjectLockConfiguration": lambda _: {"objectLockEnabled": "Enabled"}},
    ),
    fields=fields("objectLockEnabled", "rule"),
    defaults={"objectLockEnabled": "Enabled"},
)


def _body(live: Live) -> bytes:
    """The bytes of an object's content, wherever they are written."""
    inputs = live.inputs
    if inputs.get("content") is not None:
        return str(inputs["content"]).encode()
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    source = inputs.get("source")
    if not isinstance(source, dict) or source.get(SIGNATURE) != ASSET:
        return b""
    return source["text"].encode() if source.get("text") else Path(source["path"]).read_bytes()


def _read_object(live: Live) -> dict[str, Any]:
    bucket, key = live.get("bucket"), live.get("key")
    head = live.call("head_object", Bucket=bucket, Key=key)
    return {
        "bucket": bucket,
        "key": key,
        "arn": f"arn:{live.partition}:s3:::{bucket}/{key}",
        "etag": head["ETag"].strip('"'),
        "contentType": head.get("ContentType"),
        "versionId": head.get("VersionId", ""),
    }


def _object_tags(live: Live) -> dict[str, str]:
    answer = live.call("get_object_tagging", Bucket=live.get("bucket"), Key=live.get("key"))
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _tag_object(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    tags = [{"Key": key, "Value": value} for key, value in new.items()]
    live.call("put_object_tagging", Bucket=live.get("bucket"), Key=live.get("key"), Tagging={"TagSet": tags})


def _tagging(live: Live) -> str:
    """An object that is put anew has the tags that come with it, and no older ones."""
    return urlencode(live.inputs.get("tags") or {})


_PUT_OBJECT = Call("put_object", {"Body": _body, "Tagging": _tagging})
OBJECT = Type(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "s3",
    fields=fields(
        "bucket", "key", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType"
    )
    | fields("metadata", "serverSideEncryption", "storageClass", "bucketKeyEnabled", kmsKeyId="SSEKMSKeyId"),
    id=lambda live: f"{live.inputs['bucket']}/{live.inputs['key']}",
    from_id=lambda id: dict(zip(("bucket", "key"), id.removeprefix("s3://").split("/", 1), strict=True)),
    defaults={"forceDestroy": False},
    computed=("arn", "versionId", "etag"),
    volatile=("versionId", "etag"),
    create=_PUT_OBJECT,
    read=_read_object,
    update=_PUT_OBJECT,
    delete=Call("delete_object", {"Bucket": "bucket", "Key": "key"}, fill=False),
    replace=("bucket", "key"),
    inert=("forceDestroy",),
    tags=TagFunctions(_object_tags, _tag_object),
)

TYPES = (
    BUCKET,
    BUCKET_VERSIONING,
    BUCKET_ENCRYPTION,
    BUCKET_PUBLIC_ACCESS_BLOCK,
    BUCKET_OWNERSHIP_CONTROLS,
    BUCKET_POLICY,
    BUCKET_LOGGING,
    BUCKET_LIFECYCLE,
    BUCKET_OBJECT_LOCK,
    OBJECT,
)
