"""Rules on S3 buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.policy.documents import principals, statements, words
from modelyard.assess.policy.examples import Of, Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import (
    AUDIT_TRAIL,
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_LOCK,
    BUCKET_LOGGING,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_VERSIONING,
    DATA_LAKE,
    EVIDENCE_STORE,
)

_FOUR: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_RAW = part(BUCKET, "raw")


def _inside(bucket: Subject, *components: str) -> bool:
    return any(up.type in components for up in bucket.stack.graph.ancestors(bucket.node))


def _takes_logs(bucket: Subject) -> bool:
    """Whether other buckets' access logs are delivered to it."""
    return bool(bucket.parts(BUCKET_LOGGING, "targetBucket"))


def _blocks_public_access(bucket: Subject) -> Iterator[Violation]:
    blocks = bucket.parts(BUCKET_PUBLIC_ACCESS, "bucket")
    if not blocks:
        yield Violation("has no block of public access")
    for block in blocks:
        for flag in _FOUR:
            if block.get(flag) is not True:
                yield Violation(f"lets {flag} open", flag)


def _asks_for_tls(bucket: Subject) -> Iterator[Violation]:
    for policy in bucket.parts(BUCKET_POLICY, "bucket"):
        for each in statements(policy, "policy"):
            refuses = each.get("Effect") == "Deny" and "*" in principals(each) and "s3:*" in words(each.get("Action"))
            if refuses and str(each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false":
                return
    yield Violation("takes requests without TLS: no statement of its policy refuses them")


def encrypted_under_a_key(bucket: Subject) -> bool:
    """Whether a bucket encrypts what it is given, or takes logs alone, which their service can't encrypt so."""
    algorithms = (
        encryption.get("rules[0].applyServerSideEncryptionByDefault.sseAlgorithm")
        for encryption in bucket.parts(BUCKET_ENCRYPTION, "bucket")
    )
    return _takes_logs(bucket) or any(each in ("aws:kms", "aws:kms:dsse") for each in algorithms)


def _encrypts_under_a_key(bucket: Subject) -> Iterator[Violation]:
    if not encrypted_under_a_key(bucket):
        yield Violation("isn't encrypted under a key of KMS by default")


def _keeps_versions(bucket: Subject) -> Iterator[Violation]:
    if not _inside(bucket, DATA_LAKE) or _takes_logs(bucket):
        return
    found = [each.get("versioningConfiguration.status") for each in bucket.parts(BUCKET_VERSIONING, "bucket")]
    if found != ["Enabled"]:
        yield Violation("holds datasets and keeps no versions of them")


def _ages(bucket: Subject) -> Iterator[Violation]:
    for lifecycle in bucket.parts(BUCKET_LIFECYCLE, "bucket"):
        rules = lifecycle.get("rules", [])
        if any(lifecycle.get(f"rules[{index}].status") == "Enabled" for index in range(len(rules))):
            return
    yield Violation("has no lifecycle: what lies in it stays, and is paid for, for ever")


def _locks_what_auditors_need(bucket: Subject) -> Iterator[Violation]:
    if not _inside(bucket, AUDIT_TRAIL, EVIDENCE_STORE) or _takes_logs(bucket):
        return
    for lock in bucket.parts(BUCKET_LOCK, "bucket"):
        if lock.get("rule.defaultRetention.days", 0) or lock.get("rule.defaultRetention.years", 0):
            return
    yield Violation("holds records for auditors, and whoever may delete objects may delete them")


def _logs_access(bucket: Subject) -> Iterator[Violation]:
    if not _takes_logs(bucket) and not bucket.parts(BUCKET_LOGGING, "bucket"):
        yield Violation("doesn't log who asks it for what")


def _block(**changes: bool) -> Part:
    flags: dict[str, Any] = {**dict.fromkeys(_FOUR, True), **changes}
    return part(BUCKET_PUBLIC_ACCESS, "block", bucket=Of("raw"), **flags)


_TLS = (
    '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", '
    '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
)
_NO_TLS = '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "1"}, "Action": "s3:*", "Resource": "*"}]}'
_BY_KEY = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]
_BY_S3 = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
_LAKE = part(DATA_LAKE, "lake")
_AUDIT = part(AUDIT_TRAIL, "audit")
_TRAIL = part(BUCKET, "trail", parent="audit")
_IN_LAKE = part(BUCKET, "raw", parent="lake")

RULES: Final = (
    Rule(
        "s3-block-public",
        Severity.CRITICAL,
        Domain.DATA,
        "Buckets block public access",
        "One policy or ACL is enough to show a bucket to everybody; the block wins over both.",
        "Add a BucketPublicAccessBlock with all four flags.",
        (BUCKET,),
        _blocks_public_access,
        bad=(_RAW, _block(blockPublicPolicy=False)),
        good=(_RAW, _block()),
        maps=("FSBP S3.1", "FSBP S3.8", "NIST AC-3"),
    ),
    Rule(
        "s3-tls-only",
        Severity.MEDIUM,
        Domain.DATA,
        "Buckets refuse requests without TLS",
        "What travels in plain text can be read and changed on its way.",
        "Refuse s3:* where aws:SecureTransport is false in the bucket's policy.",
        (BUCKET,),
        _asks_for_tls,
        bad=(_RAW, part(BUCKET_POLICY, "policy", bucket=Of("raw"), policy=_NO_TLS)),
        good=(_RAW, part(BUCKET_POLICY, "policy", bucket=Of("raw"), policy=_TLS)),
        maps=("FSBP S3.5", "CIS 2.1.1", "NIST SC-8"),
    ),
    Rule(
        "s3-kms",
        Severity.MEDIUM,
        Domain.DATA,
        "Buckets encrypt under a key of KMS",
        "Under a key, reading asks for a second permission, and every use of the key is recorded. "
        "Buckets that take access logs are left out: S3 delivers them under its own key alone.",
        "Encrypt by default with aws:kms and a key of the team's.",
        (BUCKET,),
        _encrypts_under_a_key,
        bad=(_RAW, part(BUCKET_ENCRYPTION, "encryption", bucket=Of("raw"), rules=_BY_S3)),
        good=(_RAW, part(BUCKET_ENCRYPTION, "encryption", bucket=Of("raw"), rules=_BY_KEY)),
        maps=("FSBP S3.17", "NIST SC-28"),
    ),
    Rule(
        "dataset-bucket-versioned",
        Severity.HIGH,
        Domain.DATA,
        "Buckets of datasets keep versions",
        "A snapshot that a model was trained on names versions of objects; without them no training can be repeated.",
        "Enable versioning on the lake's buckets.",
        (BUCKET,),
        _keeps_versions,
        bad=(
            _LAKE,
            _IN_LAKE,
            part(BUCKET_VERSIONING, "v", bucket=Of("raw"), versioningConfiguration={"status": "Suspended"}),
        ),
        good=(
            _LAKE,
            _IN_LAKE,
            part(BUCKET_VERSIONING, "v", bucket=Of("raw"), versioningConfiguration={"status": "Enabled"}),
        ),
        maps=("FSBP S3.14", "AIA 10", "NIST CP-9"),
    ),
    Rule(
        "dataset-bucket-lifecycle",
        Severity.LOW,
        Domain.DATA,
        "Buckets have a lifecycle",
        "What nobody removes costs money every month, and personal data may not stay for ever.",
        "Add a lifecycle with at least one enabled rule.",
        (BUCKET,),
        _ages,
        bad=(_RAW,),
        good=(_RAW, part(BUCKET_LIFECYCLE, "cycle", bucket=Of("raw"), rules=[{"id": "old", "status": "Enabled"}])),
        maps=("FSBP S3.13",),
    ),
    Rule(
        "audit-bucket-object-lock",
        Severity.MEDIUM,
        Domain.DATA,
        "Records for auditors can't be deleted",
        "A trail that its subject can delete proves nothing.",
        "Give the bucket an object lock with a default retention.",
        (BUCKET,),
        _locks_what_auditors_need,
        bad=(_AUDIT, _TRAIL),
        good=(
            _AUDIT,
            _TRAIL,
            part(
                BUCKET_LOCK, "lock", bucket=Of("trail"), rule={"defaultRetention": {"days": 365, "mode": "GOVERNANCE"}}
            ),
        ),
        maps=("FSBP S3.15", "AIA 12"),
    ),
    Rule(
        "s3-access-logs",
        Severity.MEDIUM,
        Domain.DATA,
        "Buckets log who asks for what",
        "Without a log nobody can say afterwards what was read.",
        "Deliver access logs to the platform's log bucket.",
        (BUCKET,),
        _logs_access,
        bad=(_RAW,),
        good=(_RAW, part(BUCKET, "logs"), part(BUCKET_LOGGING, "logging", bucket=Of("raw"), targetBucket=Of("logs"))),
        maps=("FSBP S3.9", "SOC 2 CC7.2"),
    ),
)
