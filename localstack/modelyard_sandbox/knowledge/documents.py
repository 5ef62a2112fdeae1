"""IAM documents among the inputs: their JSON, grammar, action names and quotas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from modelyard_sandbox.knowledge import actions
from modelyard_sandbox.knowledge.statements import Demands, as_list, violations
from modelyard_sandbox.knowledge.values import Failure, contains_unknown, select

_GRAMMAR = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"
_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_BUCKET_POLICY = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html"
_KEY_POLICY = "https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"
_KEY_LOCKOUT = "https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"
_SECRET_POLICY = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html"
_API_POLICY = (
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
)
_ENDPOINT_POLICY = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: what its statements must say, its quota, how that is counted, and the page that says so."""

    name: str
    demands: Demands
    quota: int
    counted: Literal["characters without whitespace", "characters", "bytes"]
    source: str


_IDENTITY = Demands(principal=False, resource=True, arns=True)
_RESOURCE = Demands(principal=True, resource=True)
_INLINE_QUOTA = 10_240

MANAGED = Kind("a managed policy", _IDENTITY, 6_144, "characters without whitespace", _QUOTAS)
INLINE = Kind("an inline policy", _IDENTITY, _INLINE_QUOTA, "characters without whitespace", _QUOTAS)
TRUST = Kind(
    "a trust policy",
    Demands(principal=True, resource=False, service="sts"),
    2_048,
    "characters without whitespace",
    _QUOTAS,
)
BUCKET = Kind("a bucket policy", Demands(principal=True, resource=True, service="s3"), 20_480, "bytes", _BUCKET_POLICY)
KEY = Kind("a key policy", _RESOURCE, 32_768, "bytes", _KEY_POLICY)
SECRET = Kind("a secret's policy", _RESOURCE, 20_480, "characters", _SECRET_POLICY)
API = Kind(
    "an API's policy", Demands(principal=True, resource=True, service="execute-api"), 8_192, "bytes", _API_POLICY
)
ENDPOINT = Kind("an endpoint policy", _RESOURCE, 20_480, "characters", _ENDPOINT_POLICY)

DOCUMENTS: Mapping[str, Sequence[tuple[str, Kind]]] = {
    "aws:apigateway/restApi:RestApi": [("policy", API)],
    "aws:apigateway/restApiPolicy:RestApiPolicy": [("policy", API)],
    "aws:ec2/vpcEndpoint:VpcEndpoint": [("policy", ENDPOINT)],
    "aws:iam/policy:Policy": [("policy", MANAGED)],
    "aws:iam/role:Role": [("assumeRolePolicy", TRUST), ("inlinePolicies[].policy", INLINE)],
    "aws:iam/rolePolicy:RolePolicy": [("policy", INLINE)],
    "aws:kms/key:Key": [("policy", KEY)],
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": [("inlinePolicy", INLINE)],
    "aws:s3/bucket:Bucket": [("policy", BUCKET)],
    "aws:s3/bucketPolicy:BucketPolicy": [("policy", BUCKET)],
    "aws:secretsmanager/secret:Secret": [("policy", SECRET)],
    "aws:secretsmanager/secretPolicy:SecretPolicy": [("policy", SECRET)],
}


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """What AWS refuses of the type's documents. One that contains something unknown is undecided, and passes."""
    failures = [
        failure
        for path, kind in DOCUMENTS.get(token, ())
        for at, document in select(inputs, path)
        if not contains_unknown(document)
        for failure in _check(document, kind, at)
    ]
    whole = _WHOLES.get(token)
    return [*failures, *(whole(inputs) if whole else ())]


def inline_size(document: str | Mapping[str, Any]) -> int:
    """The size of a document as IAM counts it towards its quotas: characters without whitespace."""
    return len(re.sub(r"\s", "", _text(document)))


def _check(document: str | Mapping[str, Any], kind: Kind, path: str) -> Iterator[Failure]:
    text = _text(document)
    counted = {
        "characters without whitespace": inline_size(document),
        "characters": len(text),
        "bytes": len(text.encode()),
    }[kind.counted]
    if counted > kind.quota:
        yield Failure(path, f"has {counted:,} {kind.counted}; {kind.name} has at most {kind.quota:,}", kind.source)
    try:
        content = json.loads(text)
    except ValueError as error:
        yield Failure(path, f"is no JSON: {error}", _GRAMMAR)
        return
    except RecursionError:
        yield Failure(path, "is nested too deeply", _GRAMMAR)
        return
    for reason in violations(content, kind.demands):
        yield Failure(path, reason, _GRAMMAR)


def _inline_total(role: Mapping[str, Any]) -> Iterator[Failure]:
    """A role's inline policies share one quota."""
    documents = [document for _, document in select(role, "inlinePolicies[].policy") if not contains_unknown(document)]
    total = sum(inline_size(document) for document in documents)
    if len(documents) > 1 and total > _INLINE_QUOTA:
        reason = f"have {total:,} characters without whitespace together; a role has at most {_INLINE_QUOTA:,}"
        yield Failure("inlinePolicies", reason, _QUOTAS)


def _own_bucket(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    """A bucket policy speaks of its own bucket only."""
    for _, bucket in select(inputs, "bucket"):
        own = re.compile(rf"arn:aws[a-z-]*:s3:::{re.escape(bucket)}(/.*)?", re.DOTALL)
        for at, statement in _statements_of(inputs):
            foreign = [name for name in as_list(statement.get("Resource")) if not own.fullmatch(str(name))]
            if foreign:
                yield Failure(at, f"the resource {foreign[0]!r} lies outside the bucket {bucket!r}", _BUCKET_POLICY)


def _changeable(key: Mapping[str, Any]) -> Iterator[Failure]:
    """KMS refuses a key policy that nobody may change afterwards."""
    allowing = [statement for _, statement in _statements_of(key) if statement.get("Effect") == "Allow"]
    if not allowing or key.get("bypassPolicyLockoutSafetyCheck"):
        return
    allowed = [str(action) for statement in allowing for action in as_list(statement.get("Action"))]
    by_exclusion = any("NotAction" in statement for statement in allowing)
    if not by_exclusion and not any(actions.covers(action, "kms:PutKeyPolicy") for action in allowed):
        yield Failure("policy", "nobody could change this policy again: allow kms:PutKeyPolicy", _KEY_LOCKOUT)


_WHOLES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Failure]]] = {
    "aws:iam/role:Role": _inline_total,
    "aws:kms/key:Key": _changeable,
    "aws:s3/bucketPolicy:BucketPolicy": _own_bucket,
}


def _statements_of(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The statements of the decided, well-formed document in `policy`."""
    for at, document in select(inputs, "policy"):
        if contains_unknown(document):
            continue
        try:
            content = json.loads(_text(document))
        except (ValueError, RecursionError):
            continue
        for statement in as_list(content.get("Statement")) if isinstance(content, Mapping) else ():
            if isinstance(statement, Mapping):
                yield at, statement


def _text(document: str | Mapping[str, Any]) -> str:
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
