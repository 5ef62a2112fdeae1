"""Conditions of policies: moto takes a statement whose conditions aren't met for a denial; IAM takes no notice of it.

Covers the operators and keys that S3 requests are judged by. A key that the request doesn't carry is absent, as IAM
has it: negated operators and `…IfExists` are met, the others are not (IAM user guide, "Condition operators"). Who asks
is known by the access key; variables in resources stand for what the request carries, and `NotResource` is obeyed,
which moto reads as no resource at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import parse_qsl

from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import get_account_id_from
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

_asked: ContextVar[S3Response | None] = ContextVar("asked", default=None)
"""The request to S3 that is being judged."""

_ALWAYS: Final = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
"""The sandbox listens on the loopback interface only, which counts as the safest of transports."""

_HEADERS: Final = {
    "s3:if-match": "if-match",
    "s3:if-none-match": "if-none-match",
    "s3:x-amz-server-side-encryption": "x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "x-amz-server-side-encryption-aws-kms-key-id",
}
_QUERY: Final = {"s3:prefix": "prefix", "s3:delimiter": "delimiter"}
_PARTS: Final = {"acl": "Acl", "legal-hold": "LegalHold", "retention": "Retention", "tagging": "Tagging"}
"""What a request's query asks of an object beside its bytes: an action of its own, and for moto the object's."""
_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")
_ACCESS_KEY: Final = re.compile(r"Credential=([^/]+)/")


def _expression(pattern: str) -> str:
    """IAM's pattern as a regular expression."""
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)


def _like(pattern: str, value: str) -> bool:
    return re.fullmatch(_expression(pattern), value, re.DOTALL) is not None


def _same(pattern: str, value: str) -> bool:
    return pattern == value


def _bool(pattern: str, value: str) -> bool:
    return pattern.lower() == value.lower()


def _less(pattern: str, value: str) -> bool:
    return float(value) < float(pattern)


_TESTS: Final[dict[str, tuple[Callable[[str, str], bool], bool]]] = {
    "StringEquals": (_same, False),
    "StringNotEquals": (_same, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_like, False),
    "ArnLike": (_like, False),
    "ArnNotEquals": (_like, True),
    "ArnNotLike": (_like, True),
    "Bool": (_bool, False),
    "NumericLessThan": (_less, False),
}
"""Each operator's comparison, and whether it is negated."""


def _listed(value: Any) -> Sequence[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def met(conditions: Mapping[str, Mapping[str, Any]], carried: Mapping[str, str]) -> bool:
    """Whether a request that carries these keys (lower case) meets all conditions. An unknown operator is never met."""
    for operator, tests in conditions.items():
        name, optional = operator.removesuffix("IfExists"), operator.endswith("IfExists")
        for key, wanted in tests.items():
            value = carried.get(key.lower())
            if name == "Null":
                if _bool(_listed(wanted)[0], "true") != (value is None):
                    return False
                continue
            if name not in _TESTS:
                return False
            compare, negated = _TESTS[name]
            if value is None:
                if not (optional or negated):
                    return False
            elif any(compare(pattern, value) for pattern in _listed(wanted)) == negated:
                return False
    return True


def _query(asked: S3Response) -> dict[str, str]:
    """The request's query; moto's own may be read from the body."""
    return dict(parse_qsl(asked.parsed_url.query, keep_blank_values=True))


def _carried(given: Mapping[str, str] | None) -> dict[str, str]:
    found = {**_ALWAYS, **{key.lower(): value for key, value in (given or {}).items()}}
    asked = _asked.get()
    if asked is not None:
        headers = {name.lower(): str(value) for name, value in asked.headers.items()}
        query = _query(asked)
        found.update({key: headers[header] for key, header in _HEADERS.items() if header in headers})
        found.update({key: query[name] for key, name in _QUERY.items() if name in query})
        found["s3:objectcreationoperation"] = "false" if "partNumber" in query or "uploads" in query else "true"
        found.update(caller(headers.get("authorization", ""), asked.region))
    return found


def _action(action: str) -> str:
    """The action that IAM asks for: moto tells apart only reading, writing and deleting an object."""
    asked = _asked.get()
    query = _query(asked) if asked is not None else {}
    if action in ("s3:GetObject", "s3:PutObject"):
        return action + next((part for name, part in _PARTS.items() if name in query), "")
    return "s3:DeleteObjectVersion" if action == "s3:DeleteObject" and "versionId" in query else action


def caller(authorization: str, region: str) -> dict[str, str]:
    """Who signed a request, as the keys that IAM fills in: the role's ARN and the session's id, or a user's."""
    match = _ACCESS_KEY.search(authorization)
    if match is None:
        return {}
    backend = sts_backends[get_account_id_from(match[1])]["aws"]
    role = backend.get_assumed_role_from_access_key(match[1])
    user_id, arn, _ = backend.get_caller_identity(match[1], region)
    return {"aws:userid": user_id, "aws:principalarn": role.role_arn if role else arn}


def _covers(patterns: Sequence[str], resource: str, carried: Mapping[str, str]) -> bool:
    """Whether a resource is among patterns; one whose variable the request can't fill in covers nothing."""
    for pattern in patterns:
        names = [name.lower() for name in _VARIABLE.findall(pattern)]
        if all(name in carried for name in names):
            parts = _VARIABLE.split(pattern)
            # Every second part is a variable's name; its value is no pattern.
            written = "".join(
                re.escape(carried[part.lower()]) if number % 2 else _expression(part)
                for number, part in enumerate(parts)
            )
            if re.fullmatch(written, resource, re.DOTALL):
                return True
    return False


def _statement(written: Mapping[str, Any], resource: str, carried: Mapping[str, str]) -> dict[str, Any] | None:
    """What moto is to judge in the place of a statement; None where it doesn't speak of the resource."""
    bare = {key: value for key, value in written.items() if key not in ("Condition", "NotResource", "Resource")}
    if "NotResource" in written:
        return None if _covers(_listed(written["NotResource"]), resource, carried) else bare | {"Resource": "*"}
    resources = _listed(written["Resource"]) if "Resource" in written else []
    if any("${" in pattern for pattern in resources):
        return bare | {"Resource": "*"} if _covers(resources, resource, carried) else None
    return bare | ({"Resource": written["Resource"]} if resources else {})


def install() -> None:
    """Let moto's statements take no part where their conditions aren't met; a second time changes nothing."""
    if getattr(IAMPolicyStatement, "_judged_by_conditions", False):
        return
    judge = IAMPolicyStatement.is_action_permitted
    S3Response._key_response = _remembered(S3Response._key_response)  # type: ignore[method-assign]
    S3Response._bucket_response = _remembered(S3Response._bucket_response)  # type: ignore[method-assign]

    def with_conditions(
        self: IAMPolicyStatement,
        action: str,
        resource: str = "*",
        principal: str | None = None,
        incoming_condition_values: dict[str, str] | None = None,
    ) -> PermissionResult:
        carried = _carried(incoming_condition_values)
        conditions = self._statement.get("Condition")
        if conditions and not met(conditions, carried):
            return PermissionResult.NEUTRAL
        statement = _statement(self._statement, resource, carried)
        if statement is None:
            return PermissionResult.NEUTRAL
        return judge(IAMPolicyStatement(statement), _action(action), resource, principal)

    IAMPolicyStatement.is_action_permitted = with_conditions  # type: ignore[method-assign]
    IAMPolicyStatement._judged_by_conditions = True  # type: ignore[attr-defined]


def _remembered(answer: Callable[[S3Response, Any, str], Any]) -> Callable[[S3Response, Any, str], Any]:
    """The answer to a request, while which the request is known."""

    def remembering(self: S3Response, request: Any, full_url: str) -> Any:
        token = _asked.set(self)
        try:
            return answer(self, request, full_url)
        finally:
            _asked.reset(token)

    return remembering
