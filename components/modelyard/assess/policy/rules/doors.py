"""Rules on the ways by which callers come in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.policy.documents import read
from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import API, API_METHOD, API_ROUTE, FUNCTION_URL, HTTP_API

_ANY: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = ("get", "put", "post", "delete", "head", "patch", _ANY)
"""Operations that callers mean; a browser asks OPTIONS by itself, and signs nothing."""
_KNOWN: Final = ("oauth2", "openIdConnect")


def _knows_callers(door: Subject) -> Iterator[Violation]:
    yield from _DOORS[door.node.type](door)


def _of_address(address: Subject) -> Iterator[Violation]:
    if address.get("authorizationType") != "AWS_IAM":
        yield Violation("answers whoever knows its address", "authorizationType")


def _of_method(method: Subject) -> Iterator[Violation]:
    if method.get("authorization") == "NONE" and method.get("httpMethod") != "OPTIONS":
        yield Violation("answers without asking who calls", "authorization")


def _of_route(route: Subject) -> Iterator[Violation]:
    if route.get("authorizationType", "NONE") == "NONE" and not route.get("routeKey", "").startswith("OPTIONS "):
        yield Violation("answers without asking who calls", "authorizationType")


def _of_http_api(api: Subject) -> Iterator[Violation]:
    if api.says("target"):
        yield Violation("passes every call on: a route made with it asks nobody", "target")
    yield from _of_api(api)


def _of_api(api: Subject) -> Iterator[Violation]:
    for operation in _open_operations(read(api, "body")):
        yield Violation(f"answers {operation} without asking who calls", "body")


def _open_operations(body: Mapping[str, Any]) -> Iterator[str]:
    schemes = body.get("securityDefinitions") or body.get("components", {}).get("securitySchemes", {})
    for path, item in body.get("paths", {}).items():
        for method in _METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            wanted = operation.get("security", body.get("security", []))
            if not wanted or not all(any(_identifies(schemes.get(name, {})) for name in each) for each in wanted):
                yield f"{'ANY' if method == _ANY else method.upper()} {path}"


def _identifies(scheme: Mapping[str, Any]) -> bool:
    """Whether a scheme tells who calls: IAM, an authorizer, or tokens. A plan's key anyone may pass on."""
    authorized = "x-amazon-apigateway-authtype" in scheme or "x-amazon-apigateway-authorizer" in scheme
    return authorized or scheme.get("type") in _KNOWN


_DOORS: Final = {
    API: _of_api,
    HTTP_API: _of_http_api,
    API_METHOD: _of_method,
    API_ROUTE: _of_route,
    FUNCTION_URL: _of_address,
}
_SIGNED: Final = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def _api(security: list[Any]) -> Part:
    body = {
        "openapi": "3.0.1",
        "components": {"securitySchemes": {"caller": _SIGNED}},
        "paths": {"/invocations": {"post": {"security": security}}},
    }
    return part(API, name="door", body=json.dumps(body))


RULES: Final = (
    Rule(
        "endpoint-not-anonymous",
        Severity.CRITICAL,
        Domain.SERVING,
        "Nobody calls without saying who they are",
        "Who may ask a model as often as they like can rebuild it, run up its costs, and find what it was trained on. "
        "SageMaker asks every caller itself; what stands in front of it must as well. A key of a usage plan isn't one "
        "caller's.",
        "Ask for signed requests (AWS_IAM), or for an authorizer.",
        tuple(_DOORS),
        _knows_callers,
        bad=(_api([]),),
        good=(_api([{"caller": []}]),),
        maps=("NIST AC-3",),
    ),
)
