"""What the sandbox refuses of REST APIs and web ACLs: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import doors

API = "aws:apigateway/restApi:RestApi"
STAGE = "aws:apigateway/stage:Stage"
SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
ACCOUNT = "aws:apigateway/account:Account"
ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"

ROLE = "arn:aws:iam::123456789012:role/door"
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/door"
WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/door/11111111-1111-1111-1111-111111111111"
SHOWN = {"metricName": "door", "cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False}
INTEGRATION = "x-amazon-apigateway-integration"
AWS = {"type": "aws", "httpMethod": "POST", "uri": "arn:aws:apigateway:eu-west-1:runtime.sagemaker:path/a"}


def body(
    path: str = "/a", *, components: Mapping[str, Any] | None = None, top: Any = None, said: Any = None, **method: Any
) -> str:
    return json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "door"},
            "components": components or {},
            "paths": {path: {"post": {INTEGRATION: AWS, **method, **(said or {})}}},
            **(top or {}),
        }
    )


def authorizer(**said: Any) -> str:
    scheme = {"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "arn:a", **said}}
    return body(components={"securitySchemes": {"caller": scheme}})


def of_model(name: str) -> Mapping[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def rule(name: str = "rate", priority: int = 0, **more: Any) -> dict[str, Any]:
    statement = {"rateBasedStatement": {"limit": 100, "aggregateKeyType": "IP"}}
    return {
        "name": name,
        "priority": priority,
        "action": {"block": {}},
        "statement": statement,
        "visibilityConfig": SHOWN,
        **more,
    }


def group(**more: Any) -> dict[str, Any]:
    statement = {"managedRuleGroupStatement": {"vendorName": "AWS", "name": "AWSManagedRulesCommonRuleSet"}}
    return {"name": "common", "priority": 1, "statement": statement, "visibilityConfig": SHOWN, **more}


def rate(seconds: int) -> dict[str, Any]:
    statement = {"rateBasedStatement": {"limit": 100, "aggregateKeyType": "IP", "evaluationWindowSec": seconds}}
    return rule(statement=statement)


def inspected(limit: str) -> dict[str, Any]:
    return {"associationConfig": {"requestBodies": [{"apiGateway": {"defaultSizeInspectionLimit": limit}}]}}


def logs(form: str = "$context.requestId", to: str = LOGS) -> dict[str, Any]:
    return {"accessLogSettings": {"destinationArn": to, "format": form}}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    API: {"name": "door", "body": body()},
    STAGE: {"restApi": "a", "deployment": "b", "stageName": "live"},
    SETTINGS: {"restApi": "a", "stageName": "live", "methodPath": "*/*", "settings": {"metricsEnabled": True}},
    ACCOUNT: {"cloudwatchRoleArn": ROLE},
    ACL: {"name": "door", "scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": SHOWN},
    ASSOCIATION: {
        "webAclArn": WEB_ACL,
        "resourceArn": "arn:aws:apigateway:eu-west-1::/restapis/a1/stages/live",
    },
    LOGGING: {
        "resourceArn": WEB_ACL,
        "logDestinationConfigs": ["arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-door"],
    },
}
CASES = [
    ("a definition is JSON", API, {"body": "{"}, {}),
    ("a definition is OpenAPI 3.0", API, {"body": body(top={"openapi": "3.1.0"})}, {}),
    ("a definition has a title", API, {"body": body(top={"info": {}})}, {}),
    ("a path has an alphabet", API, {"body": body("/a b")}, {"body": body("/a/{b}")}),
    ("a model's name has an alphabet", API, {"body": body(components={"schemas": {"a_b": {}}})},
     {"body": body(components={"schemas": {"AB": {}}})}),
    ("a reference is to a model", API, {"body": body(requestBody=of_model("A"))},
     {"body": body(requestBody=of_model("A"), components={"schemas": {"A": {}}})}),
    ("a validator is defined", API, {"body": body(said={"x-amazon-apigateway-request-validator": "all"})},
     {"body": body(said={"x-amazon-apigateway-request-validator": "all"},
                   top={"x-amazon-apigateway-request-validators": {"all": {}}})}),
    ("a security scheme is defined", API, {"body": body(security=[{"caller": []}])},
     {"body": body(security=[{"caller": []}], components={"securitySchemes": {"caller": {}}})}),
    ("an authorizer is somewhere", API, {"body": authorizer(authorizerUri="")}, {"body": authorizer()}),
    ("an answer is kept for an hour at most", API, {"body": authorizer(authorizerResultTtlInSeconds=3601)},
     {"body": authorizer(authorizerResultTtlInSeconds=3600)}),
    ("a method leads somewhere", API, {"body": json.dumps({**json.loads(body()), "paths": {"/a": {"get": {}}}})}, {}),
    ("an integration has a type", API, {"body": body(said={INTEGRATION: {**AWS, "type": "lambda"}})},
     {"body": body(said={INTEGRATION: {"type": "mock"}})}),
    ("an integration has an address", API, {"body": body(said={INTEGRATION: {"type": "http"}})}, {}),
    ("an integration waits 29 seconds at most", API,
     {"body": body(said={INTEGRATION: {**AWS, "timeoutInMillis": 29_001}})},
     {"body": body(said={INTEGRATION: {**AWS, "timeoutInMillis": 29_000}})}),
    ("an enhanced security policy needs a mode", API, {"securityPolicy": "SecurityPolicy_TLS13_1_2_2021_06"},
     {"securityPolicy": "SecurityPolicy_TLS13_1_2_2021_06", "endpointAccessMode": "STRICT"}),
    ("an endpoint has a type", API, {"endpointConfiguration": {"types": "GLOBAL"}},
     {"endpointConfiguration": {"types": "REGIONAL"}}),
    ("a definition is merged or overwrites", API, {"putRestApiMode": "add"}, {"putRestApiMode": "merge"}),
    ("a stage's name has an alphabet", STAGE, {"stageName": "a b"}, {"stageName": "a_b-1"}),
    ("a log says which request", STAGE, logs("$context.status"), logs("$context.extendedRequestId")),
    ("a log lies in a group, or in a stream of that name", STAGE,
     logs(to="arn:aws:firehose:eu-west-1:123456789012:deliverystream/door"),
     logs(to="arn:aws:firehose:eu-west-1:123456789012:deliverystream/amazon-apigateway-door")),
    ("a size is of a cache", STAGE, {"cacheClusterSize": "0.5", "cacheClusterEnabled": False},
     {"cacheClusterSize": "0.5", "cacheClusterEnabled": True}),
    ("settings are of a method", SETTINGS, {"methodPath": "*"}, {"methodPath": "invocations/POST"}),
    ("a log has a level", SETTINGS, {"settings": {"loggingLevel": "DEBUG"}}, {"settings": {"loggingLevel": "ERROR"}}),
    ("an answer is cached for an hour at most", SETTINGS, {"settings": {"cacheTtlInSeconds": 3601}},
     {"settings": {"cacheTtlInSeconds": 3600}}),
    ("an account has a rate", SETTINGS, {"settings": {"throttlingRateLimit": 10_001}},
     {"settings": {"throttlingRateLimit": 10_000}}),
    ("an account has a burst", SETTINGS, {"settings": {"throttlingBurstLimit": 5_001}},
     {"settings": {"throttlingBurstLimit": 5_000}}),
    ("a role writes logs", ACCOUNT, {"cloudwatchRoleArn": "door"}, {"cloudwatchRoleArn": ""}),
    ("what no rule meets passes or doesn't", ACL, {"defaultAction": {}}, {"defaultAction": {"block": {}}}),
    ("a rule has a name of its own", ACL, {"rules": [rule(), rule(priority=1)]}, {"rules": [rule(), rule("b", 1)]}),
    ("a rule has a place of its own", ACL, {"rules": [rule(), rule("b")]}, {"rules": [rule()]}),
    ("a group of rules has actions of its own", ACL, {"rules": [group(action={"block": {}})]},
     {"rules": [group(overrideAction={"none": {}})]}),
    ("a rule does something", ACL, {"rules": [{**rule(), "action": None}]}, {"rules": [rule()]}),
    ("a rate is counted over given windows", ACL, {"rules": [rate(90)]}, {"rules": [rate(120)]}),
    ("a body is read in steps", ACL, inspected("KB_17"), inspected("KB_64")),
    ("a web ACL stands before some things", ASSOCIATION, {"resourceArn": "arn:aws:s3:::a-bucket-of-mine"},
     {"resourceArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/b"}),
    ("a firewall's log is called so", LOGGING, {"logDestinationConfigs": [LOGS]},
     {"logDestinationConfigs": ["arn:aws:s3:::aws-waf-logs-door"]}),
]  # fmt: skip


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused})
    assert check(token, {**ACCEPTED[token], **accepted}) == []


def policy(*callers: str, action: str = "execute-api:Invoke") -> str:
    arn = "arn:aws:execute-api:eu-west-1:123456789012:a1/*"
    statement = {"Effect": "Allow", "Principal": {"AWS": list(callers)}, "Action": action, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_of_an_api_speaks_of_calls_and_has_room_for_a_hundred_roles_and_not_for_two_hundred():
    token = "aws:apigateway/restApiPolicy:RestApiPolicy"
    for refused in (policy(*[f"{ROLE}{n}" for n in range(200)]), policy(ROLE, action="s3:GetObject")):
        assert check(token, {"restApiId": "a1", "policy": refused}), refused[:80]
    assert check(token, {"restApiId": "a1", "policy": policy(*[f"{ROLE}{n}" for n in range(100)])}) == []


@pytest.mark.parametrize("text", ["[]", '{"openapi": "3.0.1", "info": "a", "paths": [], "components": {"schemas": 1}}'])
def test_a_definition_of_another_form_is_refused_and_nothing_falls_over(text: str):
    assert check(API, {**ACCEPTED[API], "body": text})


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(doors.RULES, ACCEPTED, CASES) == []
