"""What a door offers, as API Gateway imports it: one method, its schema, its authorization, and where it leads.

Sources: apigateway/latest/developerguide/api-gateway-swagger-extensions, and for what an import leaves out
api-gateway-known-issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from modelyard.run.serving.door_spec import DoorSpec, TokenIssuer

STAGE: Final = "live"
PATH: Final = "/invocations"
METHOD: Final = "POST"
JSON: Final = "application/json"
MOST_MILLISECONDS: Final = 29_000
"""How long API Gateway waits for an answer at most, unless its quota was raised (developerguide/limits)."""
_SCHEME: Final = "caller"
_NOT_AS_ASKED: Final = "400"
_TOO_MANY: Final = "429"
_OURS: Final = r"(40[1-9]|41\d|42[0-8]|4[3-9]\d|5\d{2})"
"""What is no fault of the caller's: the model's (424), the role's (403), SageMaker's (5xx)."""

LOGGED: Final[Mapping[str, str]] = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "status": "$context.status",
    "caller": "$context.identity.userArn",
    "subject": "$context.authorizer.principalId",
    "address": "$context.identity.sourceIp",
    "refused": "$context.error.responseType",
    "firewall": "$context.wafResponseCode",
    "model": "$context.integrationStatus",
    "milliseconds": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "tls": "$context.tlsVersion",
}
"""What the access log says of a call: no part of a body, so not why a validation failed, which quotes the body."""


def definition(
    spec: DoorSpec,
    *,
    title: str,
    uri: pulumi.Input[str],
    role_arn: pulumi.Input[str],
    policy: Mapping[str, Any],
    authorizer_uri: str = "",
) -> dict[str, Any]:
    """The OpenAPI document of the door. `uri` is SageMaker's path, as API Gateway calls it, `role_arn` who calls it.

    `policy`: who is let in, in a document that calls the API itself `execute-api:`.
    """
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "x-amazon-apigateway-policy": policy,
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-gateway-responses": {
            "BAD_REQUEST_BODY": {
                "statusCode": _NOT_AS_ASKED,
                "responseTemplates": {JSON: '{"message": $context.error.messageString, "fault": "$context.error.'
                              'validationErrorString"}'},
            }
        },
        "components": {
            "schemas": {"Request": spec.request.as_json_schema()},
            "securitySchemes": {_SCHEME: _scheme(spec, authorizer_uri)},
        },
        "paths": {
            PATH: {
                METHOD.lower(): {
                    "security": [{_SCHEME: []}],
                    "x-amazon-apigateway-request-validator": "all",
                    "requestBody": {
                        "required": True,
                        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Request"}}},
                    },
                    "responses": {
                        "200": {"description": "What the model says"},
                        _NOT_AS_ASKED: {"description": "The request is not as asked for"},
                        _TOO_MANY: {"description": "Too many, or the model is not ready"},
                        "502": {"description": "The model failed"},
                    },
                    "x-amazon-apigateway-integration": _integration(uri, role_arn),
                }
            }
        },
    }  # fmt: skip


def _scheme(spec: DoorSpec, authorizer_uri: str) -> dict[str, Any]:
    scheme = {"type": "apiKey", "name": "Authorization", "in": "header"}
    if not isinstance(spec.authorization, TokenIssuer):
        return {**scheme, "x-amazon-apigateway-authtype": "awsSigv4"}
    return {
        **scheme,
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": authorizer_uri,
            "authorizerResultTtlInSeconds": spec.authorization.cache_seconds,
            "identityValidationExpression": r"^[Bb]earer +[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
        },
    }


def _integration(uri: pulumi.Input[str], role_arn: pulumi.Input[str]) -> dict[str, Any]:
    """A body that is no JSON has no template, so it is refused: else it would pass unvalidated."""

    def failed(status: str, message: str) -> dict[str, Any]:
        return {"statusCode": status, "responseTemplates": {JSON: f'{{"message": "{message}"}}'}}

    return {
        "type": "aws",
        "httpMethod": METHOD,
        "uri": uri,
        "credentials": role_arn,
        "passthroughBehavior": "never",
        "timeoutInMillis": MOST_MILLISECONDS,
        "requestParameters": {
            "integration.request.header.Accept": f"'{JSON}'",
            "integration.request.header.Content-Type": f"'{JSON}'",
        },
        "requestTemplates": {JSON: "$input.body"},
        "responses": {
            "default": {"statusCode": "200"},
            _NOT_AS_ASKED: failed(_NOT_AS_ASKED, "the model does not take this request"),
            _TOO_MANY: failed(_TOO_MANY, "the model is not ready"),
            _OURS: failed("502", "the model failed"),
        },
    }
