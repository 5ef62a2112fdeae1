"""S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import (
    Rule,
    at_most_one,
    avoids,
    between,
    choice,
    exactly_one,
    known,
    length,
    matches,
    size,
)
from modelyard_sandbox.knowledge.values import UNKNOWN

_BUCKET = "aws:s3/bucket:Bucket"
_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
_LOGGING = "aws:s3/bucketLogging:BucketLogging"

_NAMES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
_KEYS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"
_PUT_OBJECT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"
_PUT_VERSIONING = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html"
_DEFAULT_ENCRYPTION = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html"
_LIFECYCLE_RULES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html"
_TRANSITIONS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"
_RULE_FILTER = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRuleFilter.html"
_RETENTION = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html"
_KEY_FORMAT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_TargetObjectKeyFormat.html"

_POSITIVE = between(1, 2**31 - 1)
_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")


def _encryption_key(default: Mapping[str, Any]) -> str | None:
    if "kmsMasterKeyId" in default and known(default, "sseAlgorithm") == "AES256":
        return "kmsMasterKeyId goes with aws:kms or aws:kms:dsse, not with AES256"
    return None


def _distinct_ids(rules: Sequence[Mapping[str, Any]]) -> str | None:
    ids = [rule["id"] for rule in rules if isinstance(rule, Mapping) and known(rule, "id")]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    return f"rule ids must differ; {twice[0]!r} is there twice" if twice else None


def _acts(rule: Mapping[str, Any]) -> str | None:
    actions = (
        "abortIncompleteMultipartUpload",
        "expiration",
        "noncurrentVersionExpiration",
        "noncurrentVersionTransitions",
        "transitions",
    )
    return None if any(rule.get(action) for action in actions) else f"a rule needs one of {', '.join(actions)}"


def _infrequent_after_30_days(transition: Mapping[str, Any]) -> str | None:
    days = known(transition, "days")
    if isinstance(days, int) and known(transition, "storageClass") in _INFREQUENT and days < 30:
        return f"objects move to {transition['storageClass']} after 30 days at the earliest, not {days}"
    return None


def _expires_after_transitions(rule: Mapping[str, Any]) -> str | None:
    expiration, transitions = rule.get("expiration"), rule.get("transitions")
    if not isinstance(expiration, Mapping) or not isinstance(transitions, list):
        return None
    days = known(expiration, "days")
    for transition in transitions:
        moved = known(transition, "days") if isinstance(transition, Mapping) else None
        if isinstance(days, int) and isinstance(moved, int) and days <= moved:
            return f"expiration after {days} days must come later than the transition after {moved}"
    return None


def _one_filter(filter_: Mapping[str, Any]) -> str | None:
    given = [name for name, value in filter_.items() if value]
    return f"a filter has one predicate; put {' and '.join(given)} under and" if len(given) > 1 else None


def _key_bytes(key: str) -> str | None:
    count = len(key.encode())
    return f"has {count} bytes; object keys have at most 1,024" if count > 1024 else None


def _lock_pair(inputs: Mapping[str, Any]) -> str | None:
    given = [name for name in ("objectLockMode", "objectLockRetainUntilDate") if name in inputs]
    if len(given) == 1 and inputs[given[0]] != UNKNOWN:
        return "objectLockMode and objectLockRetainUntilDate go together"
    return None


RULES: Sequence[Rule] = (
    Rule(_BUCKET, "bucket", length(3, 63), _NAMES),
    Rule(_BUCKET, "bucket", matches(r"[a-z0-9.-]*", "bucket names take lowercase letters, digits, - and ."), _NAMES),
    Rule(_BUCKET, "bucket", avoids(r"^[.-]|[.-]$", "bucket names begin and end with a letter or digit"), _NAMES),
    Rule(_BUCKET, "bucket", avoids(r"\.\.", "no two dots may meet in a bucket name"), _NAMES),
    Rule(
        _BUCKET, "bucket", avoids(r"^\d{1,3}(\.\d{1,3}){3}$", "a bucket name must not look like an IP address"), _NAMES
    ),
    Rule(_BUCKET, "bucket", avoids(r"^(xn--|sthree-|amzn-s3-demo-)", "this prefix is reserved"), _NAMES),
    Rule(_BUCKET, "bucket", avoids(r"(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$", "this suffix is reserved"), _NAMES),
    Rule(_BUCKET, "bucketPrefix", length(0, 37), _NAMES),
    Rule(_VERSIONING, "versioningConfiguration.status", choice("Enabled", "Suspended", "Disabled"), _PUT_VERSIONING),
    Rule(_ENCRYPTION, "rules[].applyServerSideEncryptionByDefault", _encryption_key, _DEFAULT_ENCRYPTION),
    Rule(_LIFECYCLE, "rules", size(1000, "rules"), _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules", _distinct_ids, _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[]", _acts, _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[]", _expires_after_transitions, _TRANSITIONS),
    Rule(_LIFECYCLE, "rules[].id", length(1, 255), _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].filter", _one_filter, _RULE_FILTER),
    Rule(_LIFECYCLE, "rules[].abortIncompleteMultipartUpload.daysAfterInitiation", _POSITIVE, _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].expiration", at_most_one("date", "days", "expiredObjectDeleteMarker"), _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].expiration.days", _POSITIVE, _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].noncurrentVersionExpiration.noncurrentDays", _POSITIVE, _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].noncurrentVersionExpiration.newerNoncurrentVersions", between(1, 100), _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].transitions[]", at_most_one("date", "days"), _LIFECYCLE_RULES),
    Rule(_LIFECYCLE, "rules[].transitions[]", _infrequent_after_30_days, _TRANSITIONS),
    Rule(_LIFECYCLE, "rules[].transitions[].days", between(0, 2**31 - 1), _LIFECYCLE_RULES),
    Rule(_LOCK, "rule.defaultRetention", exactly_one("days", "years"), _RETENTION),
    Rule(_LOCK, "rule.defaultRetention.days", between(1, 36500), _RETENTION),
    Rule(_LOCK, "rule.defaultRetention.years", between(1, 100), _RETENTION),
    Rule(_OBJECT, "", at_most_one("content", "contentBase64", "source"), _PUT_OBJECT),
    Rule(_OBJECT, "", _lock_pair, _PUT_OBJECT),
    Rule(_OBJECT, "key", _key_bytes, _KEYS),
    Rule(_LOGGING, "targetObjectKeyFormat", exactly_one("partitionedPrefix", "simplePrefix"), _KEY_FORMAT),
)
