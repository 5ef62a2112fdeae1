"""Inside LocalStack, where it is asked for: requests to S3 and KMS under a role's credentials are judged.

What S3 reads or writes under a key of KMS needs that key too, through S3 (`kms:ViaService`). Requests of the account's
own access key, of unknown keys, and LocalStack's own are an administrator's; other services are not judged.
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard_sandbox.localstack.policies import Asked, Standing, allowed

_BUCKET_ACTIONS: Final = {
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "HeadBucket": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
}
_OBJECT_ACTIONS: Final = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "UploadPart": "PutObject",
}
_OF_VERSIONS: Final = ("GetObject", "DeleteObject")
"""Actions of S3 that are called otherwise where they name a version
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a role in a session, with what it has."""

    role: str
    session: str
    tags: Mapping[str, str]
    standing: Standing


def install() -> None:
    """Judge each request before its service sees it."""
    from localstack.aws import handlers

    handlers.serve_custom_service_request_handlers.append(_judge)


def _judge(chain: Any, context: Any, response: Any) -> None:
    del chain, response
    from localstack.aws.api import CommonServiceException

    if context.is_internal_call or not context.operation or context.service.service_name not in ("s3", "kms"):
        return
    caller = _caller(context)
    if caller is None:
        return
    of_kms = context.service.service_name == "kms"
    for asked, policy in _of_kms(context, caller) if of_kms else _of_s3(context, caller):
        of_key = asked.action.startswith("kms:")
        if not allowed(asked, caller.standing, policy, sovereign=of_key and policy is not None):
            raise CommonServiceException(
                "AccessDeniedException" if of_kms else "AccessDenied",
                f"User: {caller.session} is not authorized to perform: {asked.action} on resource: {asked.resource}",
                status_code=400 if of_kms else 403,
            )


def _caller(context: Any) -> Caller | None:
    from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    key = extract_access_key_id_from_auth_header(context.request.headers) or ""
    sessions = sts_backends[context.account_id][context.partition].assumed_roles
    session = next((found for found in sessions if found.access_key_id == key), None)
    if session is None:
        return None
    iam = iam_backends[context.account_id][context.partition]
    role = iam.get_role_by_arn(session.role_arn)
    policies = [json.loads(document) for document in role.policies.values()]
    policies += [_document(policy) for policy in role.managed_policies.values()]
    boundary = role.permissions_boundary_arn
    standing = Standing(policies, _document(iam.managed_policies[boundary]) if boundary else None)
    tags = {tag["Key"]: tag["Value"] for tag in role.tags}
    return Caller(role.arn, session.arn, tags, standing)


def _document(policy: Any) -> Any:
    return json.loads(next(version.document for version in policy.versions if version.is_default))


def _asked(context: Any, caller: Caller, action: str, resource: str, **carried: str) -> Asked:
    keys = {
        "aws:principalarn": caller.role,
        "aws:principalaccount": context.account_id,
        "aws:resourceaccount": context.account_id,
        "aws:requestedregion": context.region,
        "aws:securetransport": "true",
        **{f"aws:principaltag/{name.lower()}": value for name, value in caller.tags.items()},
        **carried,
    }
    return Asked(action, resource, caller.role, caller.session, keys)


def _of_s3(context: Any, caller: Caller) -> Iterator[tuple[Asked, Any]]:
    """What a request to S3 asks for, each with the policy of its bucket or key."""
    request, operation = context.service_request or {}, context.operation.name
    name = request.get("Bucket")
    bucket = _bucket(context, name)
    policy = json.loads(bucket.policy) if bucket is not None and bucket.policy else None
    of_bucket = f"arn:{context.partition}:s3:::{name}"
    keys = [request["Key"]] if "Key" in request else []
    if operation == "DeleteObjects":
        operation, keys = "DeleteObject", [entry["Key"] for entry in request["Delete"]["Objects"]]
    if not keys:
        action = f"s3:{_BUCKET_ACTIONS.get(operation, operation)}"
        carried = {"s3:prefix": request["Prefix"]} if request.get("Prefix") is not None else {}
        yield _asked(context, caller, action, of_bucket if name else "*", **carried), policy
        return
    action = _OBJECT_ACTIONS.get(operation, operation)
    if action in _OF_VERSIONS and request.get("VersionId"):
        action += "Version"
    given = {
        "s3:x-amz-server-side-encryption": request.get("ServerSideEncryption"),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": request.get("SSEKMSKeyId"),
    }
    carried = {key: value for key, value in given.items() if value}
    for key in keys:
        asked = _asked(context, caller, f"s3:{action}", f"{of_bucket}/{key}", **carried)
        yield asked, policy
        if bucket is not None:
            yield from _through_s3(context, asked, bucket, key)


def _through_s3(context: Any, asked: Asked, bucket: Any, key: str) -> Iterator[tuple[Asked, Any]]:
    """What S3 asks of KMS in the caller's name."""
    request = context.service_request
    if asked.action == "s3:PutObject":
        rule = (bucket.encryption_rule or {}).get("ApplyServerSideEncryptionByDefault", {})
        used = request.get("SSEKMSKeyId") or rule.get("KMSMasterKeyID")
        encrypted = (request.get("ServerSideEncryption") or rule.get("SSEAlgorithm")) == "aws:kms"
        action = "kms:GenerateDataKey"
    elif asked.action in ("s3:GetObject", "s3:GetObjectVersion"):
        version = request.get("VersionId")
        found = bucket.objects.get(key, version) if version else bucket.objects.get(key)
        used, encrypted = getattr(found, "kms_key_id", None), getattr(found, "encryption", None) == "aws:kms"
        action = "kms:Decrypt"
    else:
        return
    kept = _key(context, used) if encrypted and used else None
    if kept is not None:
        through = {
            "kms:viaservice": f"s3.{context.region}.amazonaws.com",
            "kms:calleraccount": context.account_id,
            "kms:encryptioncontext:aws:s3:arn": bucket.bucket_arn,
        }
        carried = {**asked.carried, **through}
        yield replace(asked, action=action, resource=kept.metadata["Arn"], carried=carried), json.loads(kept.policy)


def _of_kms(context: Any, caller: Caller) -> Iterator[tuple[Asked, Any]]:
    """What a request to KMS asks for, with the policy of its key."""
    from localstack.services.kms.models import deserialize_ciphertext_blob

    request = context.service_request or {}
    named = request.get("KeyId")
    if named is None and "CiphertextBlob" in request:
        named = deserialize_ciphertext_blob(request["CiphertextBlob"]).key_id
    kept = _key(context, named) if named else None
    carried = {
        f"kms:encryptioncontext:{name.lower()}": value for name, value in request.get("EncryptionContext", {}).items()
    }
    carried["kms:calleraccount"] = context.account_id
    resource = kept.metadata["Arn"] if kept is not None else "*"
    asked = _asked(context, caller, f"kms:{context.operation.name}", resource, **carried)
    yield asked, json.loads(kept.policy) if kept is not None else None


def _bucket(context: Any, name: str | None) -> Any:
    from localstack.services.s3.models import s3_stores

    store = s3_stores[context.account_id][context.region]
    return store.buckets.get(name) if name else None


def _key(context: Any, named: str) -> Any:
    """A key by its id, its ARN, or an alias."""
    from localstack.services.kms.models import kms_stores

    region = named.split(":")[3] if named.startswith("arn:") else context.region
    store = kms_stores[context.account_id][region]
    tail = named.split(":")[-1].removeprefix("key/")
    if tail.startswith("alias/"):
        alias = store.aliases.get(tail)
        return store.keys.get(alias.metadata["TargetKeyId"]) if alias else None
    return store.keys.get(tail)
