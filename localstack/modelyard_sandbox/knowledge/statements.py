"""The grammar of IAM documents: elements, effects, actions, resources, principals and conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard_sandbox.knowledge import actions

VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_PRINCIPALS = ("AWS", "CanonicalUser", "Federated", "Service")
_OPERATORS = frozenset(
    {
        *(f"String{kind}" for kind in ("Equals", "NotEquals", "Like", "NotLike")),
        *(f"String{kind}" for kind in ("EqualsIgnoreCase", "NotEqualsIgnoreCase")),
        *(
            f"{kind}{comparison}"
            for kind in ("Numeric", "Date")
            for comparison in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
        ),
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        *(f"Arn{kind}" for kind in ("Equals", "NotEquals", "Like", "NotLike")),
    }
)
_SID = re.compile(r"[A-Za-z0-9]*")
_ARN = re.compile(r"\*|arn:[^:]+:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_AWS_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::[^:]+:[^*?]+|AIDA\w+|AROA\w+")
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True, slots=True)
class Demands:
    """What a kind of document wants of its statements.

    `principal`: needed, or else forbidden; `resource`: needed, or else forbidden; `arns`: resources must be ARNs or
    `*`, and Sids plain; `service`: all actions belong to it.
    """

    principal: bool
    resource: bool
    arns: bool = False
    service: str = ""


def violations(document: Any, demands: Demands) -> Iterator[str]:
    """The reasons why AWS refuses a decoded document; each names the statement by its Sid or position."""
    if not isinstance(document, Mapping):
        yield "must be a JSON object with a Statement"
        return
    yield from _unknown_elements(document, _ELEMENTS)
    if "Version" in document and document["Version"] not in VERSIONS:
        yield f"Version {document['Version']!r} is none of {', '.join(VERSIONS)}"
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not statements:
        yield "Statement is needed: an object or a list of them"
        return
    for index, statement in enumerate(statements):
        if not isinstance(statement, Mapping):
            yield f"statement {index} must be an object"
            continue
        name = f"statement {statement.get('Sid') or index}"
        yield from (f"{name}: {reason}" for reason in _statement(statement, demands))
    sids = [statement.get("Sid") for statement in statements if isinstance(statement, Mapping)]
    yield from (
        f"the Sid {sid!r} is there twice" for sid in sorted({sid for sid in sids if sid and sids.count(sid) > 1})
    )


def _statement(statement: Mapping[str, Any], demands: Demands) -> Iterator[str]:
    yield from _unknown_elements(statement, _STATEMENT_ELEMENTS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"Effect must be Allow or Deny, not {statement.get('Effect')!r}"
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or (demands.arns and not _SID.fullmatch(sid)):
        yield f"the Sid {sid!r} takes letters and digits only"
    yield from _one_of(statement, "Action", wanted=True)
    yield from _one_of(statement, "Resource", wanted=demands.resource)
    yield from _one_of(statement, "Principal", wanted=demands.principal)
    for element in ("Action", "NotAction"):
        yield from _actions(statement.get(element), demands.service)
    for element in ("Resource", "NotResource"):
        yield from _resources(statement.get(element), demands.arns)
    for element in ("Principal", "NotPrincipal"):
        if element in statement:
            yield from _principal(statement[element], element)
    if "Condition" in statement:
        yield from _condition(statement["Condition"])


def _unknown_elements(found: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for element in found:
        if element not in known:
            yield f"unknown element {element!r}; {', '.join(known)} exist"


def _one_of(statement: Mapping[str, Any], element: str, *, wanted: bool) -> Iterator[str]:
    given = [name for name in (element, f"Not{element}") if name in statement]
    if len(given) > 1:
        yield f"{' and '.join(given)} exclude one another"
    elif wanted and not given:
        yield f"{element} is needed"
    elif given and not wanted:
        yield f"{given[0]} is not allowed here"


def as_list(value: Any) -> list[Any]:
    """An element that may be one or many, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(value: Any, element: str) -> tuple[list[str], str | None]:
    """The texts of an element that may be one or many, and what is wrong with it."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        return [], f"{element} must be text, or a list of texts that is not empty"
    return texts, None


def _actions(value: Any, service: str) -> Iterator[str]:
    if value is None:
        return
    names, wrong = _texts(value, "Action")
    if wrong:
        yield wrong
    for name in names:
        prefix, colon, _ = name.partition(":")
        if name != "*" and not colon:
            yield f"the action {name!r} needs a service, as in s3:GetObject"
        elif service and name != "*" and prefix.lower() != service:
            yield f"the action {name!r} does not belong to {service}"
        elif not actions.exists(name):
            what = "action" if actions.is_service(prefix) else "service"
            yield f"the action {name!r} names no {what} that exists"


def _resources(value: Any, arns: bool) -> Iterator[str]:
    if value is None:
        return
    names, wrong = _texts(value, "Resource")
    if wrong:
        yield wrong
    for name in names:
        if arns and not _ARN.fullmatch(name):
            yield f"the resource {name!r} must be an ARN or *"


def _principal(value: Any, element: str) -> Iterator[str]:
    if value == "*":
        return
    if not isinstance(value, Mapping) or not value:
        yield f"{element} must be * or an object with {', '.join(_PRINCIPALS)}"
        return
    for kind, names in value.items():
        if kind not in _PRINCIPALS:
            yield f"{element} has unknown kind {kind!r}; {', '.join(_PRINCIPALS)} exist"
            continue
        texts, wrong = _texts(names, f"{element}.{kind}")
        if wrong:
            yield wrong
        for text in texts:
            if kind == "AWS" and not _AWS_PRINCIPAL.fullmatch(text):
                yield f"{text!r} is no principal: an account, or the ARN of a role, user or account, without wildcards"
            if kind == "Service" and not _SERVICE_PRINCIPAL.fullmatch(text):
                yield f"{text!r} is no service principal, such as sagemaker.amazonaws.com"


def _condition(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield "Condition must be an object of operators"
        return
    for operator, tests in value.items():
        if not _is_operator(operator):
            yield f"the condition operator {operator!r} does not exist"
        if not isinstance(tests, Mapping):
            yield f"Condition.{operator} must be an object of condition keys"
            continue
        for key, wanted in tests.items():
            if ":" not in key:
                yield f"the condition key {key!r} needs a prefix, as in aws:SourceArn"
            values = as_list(wanted)
            if not values or not all(isinstance(item, str | bool | int | float) for item in values):
                yield f"Condition.{operator}.{key} must be a value, or a list of values that is not empty"


def _is_operator(operator: str) -> bool:
    name = re.sub(r"^For(AllValues|AnyValue):", "", operator)
    return name == "Null" or name.removesuffix("IfExists") in _OPERATORS
