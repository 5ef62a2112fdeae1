"""Conditions of policies: moto takes a statement whose conditions aren't met for a denial; IAM takes no notice of it.

Covers the operators and keys that S3 requests are judged by. A key that the request doesn't carry is absent, as IAM
has it: negated operators and `…IfExists` are met, the others are not (IAM user guide, "Condition operators").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import has_request_context, request
from moto.iam.access_control import IAMPolicyStatement, PermissionResult

_ALWAYS: Final = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
"""The sandbox listens on the loopback interface only, which counts as the safest of transports."""

_HEADERS: Final = {
    "s3:x-amz-server-side-encryption": "x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "x-amz-server-side-encryption-aws-kms-key-id",
}
_QUERY: Final = {"s3:prefix": "prefix", "s3:delimiter": "delimiter"}


def _like(pattern: str, value: str) -> bool:
    written = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(written, value, re.DOTALL) is not None


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


def _carried(given: Mapping[str, str] | None) -> dict[str, str]:
    found = {**_ALWAYS, **{key.lower(): value for key, value in (given or {}).items()}}
    if has_request_context():
        found.update({key: request.headers[header] for key, header in _HEADERS.items() if header in request.headers})
        found.update({key: request.args[name] for key, name in _QUERY.items() if name in request.args})
    return found


def install() -> None:
    """Let moto's statements take no part where their conditions aren't met."""
    judge = IAMPolicyStatement.is_action_permitted

    def with_conditions(
        self: IAMPolicyStatement,
        action: str,
        resource: str = "*",
        principal: str | None = None,
        incoming_condition_values: dict[str, str] | None = None,
    ) -> PermissionResult:
        conditions = self._statement.get("Condition")
        if not conditions:
            return judge(self, action, resource, principal, incoming_condition_values)
        if not met(conditions, _carried(incoming_condition_values)):
            return PermissionResult.NEUTRAL
        bare = {key: value for key, value in self._statement.items() if key != "Condition"}
        return judge(IAMPolicyStatement(bare), action, resource, principal)

    IAMPolicyStatement.is_action_permitted = with_conditions
