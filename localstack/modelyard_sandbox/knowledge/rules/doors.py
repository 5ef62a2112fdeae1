"""REST APIs by definition, their stages, and the web ACLs before them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, between, choice, exactly_one, known, matches
from modelyard_sandbox.knowledge.values import UNKNOWN, contains_unknown

_API = "aws:apigateway/restApi:RestApi"
_STAGE = "aws:apigateway/stage:Stage"
_SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
_ACCOUNT = "aws:apigateway/account:Account"
_ACL = "aws:wafv2/webAcl:WebAcl"
_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
_LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"

_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest"
_CREATE_API = f"{_GATEWAY}/api/API_CreateRestApi.html"
_IMPORT = f"{_GATEWAY}/developerguide/import-export-api-endpoints.html"
_NOTES = f"{_GATEWAY}/developerguide/api-gateway-known-issues.html"
_EXTENSIONS = f"{_GATEWAY}/developerguide/api-gateway-swagger-extensions.html"
_TLS = f"{_GATEWAY}/developerguide/apigateway-security-policies.html"
_CREATE_STAGE = f"{_GATEWAY}/api/API_CreateStage.html"
_LOGS = f"{_GATEWAY}/developerguide/set-up-logging.html"
_METHOD_SETTING = f"{_GATEWAY}/api/API_MethodSetting.html"
_UPDATE_ACCOUNT = f"{_GATEWAY}/api/API_UpdateAccount.html"
_WAF = "https://docs.aws.amazon.com/waf/latest"
_RULE = f"{_WAF}/APIReference/API_Rule.html"
_CREATE_ACL = f"{_WAF}/APIReference/API_CreateWebACL.html"
_RATE = f"{_WAF}/APIReference/API_RateBasedStatement.html"
_BODY = f"{_WAF}/APIReference/API_RequestBodyAssociatedResourceTypeConfig.html"
_ASSOCIATE = f"{_WAF}/APIReference/API_AssociateWebACL.html"
_WAF_LOGS = f"{_WAF}/developerguide/logging-destinations.html"

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
_INTEGRATION = "x-amazon-apigateway-integration"
_VALIDATOR = "x-amazon-apigateway-request-validator"
_SCHEMAS = "#/components/schemas/"
_SEGMENT = re.compile(r"[A-Za-z0-9._:,-]+|\{[A-Za-z0-9._-]+\+?\}", re.ASCII)
LONGEST_WAIT = 29_000
SHORTEST_WAIT = 50


def _definition(judge: Callable[[Mapping[str, Any]], Iterator[str]]) -> Callable[[str], str | None]:
    """A condition on a definition as data; what is no JSON is another rule's."""

    def refuses(text: str) -> str | None:
        if contains_unknown(text):
            return None
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return next(judge(document), None) if isinstance(document, Mapping) else None

    return refuses


def _readable(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}"
    except RecursionError:
        return "is nested too deeply"
    if not isinstance(document, Mapping) or not str(document.get("openapi", "")).startswith("3.0"):
        return "is no OpenAPI 3.0 document"
    if not _within(document, "info").get("title"):
        return "has no info.title"
    return None


def _within(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A part of a document, or nothing where it is no object."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, methods in _within(document, "paths").items():
        for verb, said in methods.items() if isinstance(methods, Mapping) else ():
            if verb in _METHODS and isinstance(said, Mapping):
                yield f"{verb.upper()} {path}", said


def _paths(document: Mapping[str, Any]) -> Iterator[str]:
    for path in _within(document, "paths"):
        parts = str(path).removeprefix("/").split("/") if path != "/" else []
        if not str(path).startswith("/") or not all(_SEGMENT.fullmatch(part) for part in parts):
            yield f"the path {path} has other characters than letters, digits, hyphens, periods, commas and braces"


def _models(document: Mapping[str, Any]) -> Iterator[str]:
    for name in _within(document, "components", "schemas"):
        if not re.fullmatch(r"[A-Za-z0-9]+", name, re.ASCII):
            yield f"the model {name} has other characters than letters and digits"


def _references(document: Mapping[str, Any]) -> Iterator[str]:
    models = _within(document, "components", "schemas")

    def found(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from found(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from found(inner)

    for name in found([document.get("paths"), models]):
        if not name.startswith(_SCHEMAS) or name.removeprefix(_SCHEMAS) not in models:
            yield f"{name} is no model of the document"


def _validated(document: Mapping[str, Any]) -> Iterator[str]:
    validators = _within(document, "x-amazon-apigateway-request-validators")
    for where, said in [("the document", document), *_operations(document)]:
        if said.get(_VALIDATOR) is not None and str(said[_VALIDATOR]) not in validators:
            yield f"{where} names the validator {said[_VALIDATOR]}, which isn't defined"


def _secured(document: Mapping[str, Any]) -> Iterator[str]:
    schemes = _within(document, "components", "securitySchemes")
    for where, said in _operations(document):
        wanted = said.get("security")
        for each in wanted if isinstance(wanted, list) else ():
            for name in each if isinstance(each, Mapping) else ():
                if name not in schemes:
                    yield f"{where} names the security scheme {name}, which isn't defined"


def _authorizers(document: Mapping[str, Any]) -> Iterator[str]:
    for name, scheme in _within(document, "components", "securitySchemes").items():
        said = _within({"scheme": scheme}, "scheme", "x-amazon-apigateway-authorizer")
        if not said:
            continue
        if said.get("type") in ("token", "request") and not said.get("authorizerUri"):
            yield f"the authorizer {name} has no authorizerUri"
        seconds = said.get("authorizerResultTtlInSeconds", 0)
        if not isinstance(seconds, int) or not 0 <= seconds <= 3600:
            yield f"the authorizer {name} keeps its answers for {seconds} seconds; 0 to 3600 are allowed"


def _integrated(document: Mapping[str, Any]) -> Iterator[str]:
    for where, said in _operations(document):
        integration = _within(said, _INTEGRATION)
        if not integration:
            yield f"{where} has no {_INTEGRATION}"
            continue
        kind = integration.get("type")
        if kind not in ("aws", "aws_proxy", "http", "http_proxy", "mock"):
            yield f"{where} is integrated by {kind!r}, which is no type"
        elif kind != "mock" and not (integration.get("uri") and integration.get("httpMethod")):
            yield f"the integration of {where} needs uri and httpMethod"
        wait = integration.get("timeoutInMillis", LONGEST_WAIT)
        if not isinstance(wait, int) or not SHORTEST_WAIT <= wait <= LONGEST_WAIT:
            yield f"the integration of {where} waits {wait} ms; {SHORTEST_WAIT} to {LONGEST_WAIT} are allowed"


def _policy_and_mode(api: Mapping[str, Any]) -> str | None:
    policy = known(api, "securityPolicy")
    if policy and policy.startswith("SecurityPolicy_") and "endpointAccessMode" not in api:
        return f"{policy} needs an endpointAccessMode"
    return None


def _logged(settings: Mapping[str, Any]) -> str | None:
    form, destination = known(settings, "format"), known(settings, "destinationArn")
    if form is not None and not re.search(r"\$context\.(requestId|extendedRequestId)\b", form):
        return "a format names $context.requestId or $context.extendedRequestId"
    wanted = r"arn:[^:]+:(logs:[^:]+:\d{12}:log-group:.+|firehose:[^:]+:\d{12}:deliverystream/amazon-apigateway-.+)"
    if destination is not None and not contains_unknown(destination) and not re.fullmatch(wanted, destination):
        return f"{destination} is neither a log group nor a delivery stream called amazon-apigateway-…"
    return None


def _cached(stage: Mapping[str, Any]) -> str | None:
    if stage.get("cacheClusterSize") and stage.get("cacheClusterEnabled") is False:
        return "cacheClusterSize without cacheClusterEnabled"
    return None


def _acts(rule: Mapping[str, Any]) -> str | None:
    """Groups of rules have actions of their own, which are overridden; other statements need one."""
    statement = known(rule, "statement")
    if not isinstance(statement, Mapping):
        return None
    group = any(name in statement for name in ("managedRuleGroupStatement", "ruleGroupReferenceStatement"))
    wanted, other = ("overrideAction", "action") if group else ("action", "overrideAction")
    if other in rule or wanted not in rule:
        return f"takes {wanted}, and no {other}"
    return None


def _differ(name: str) -> Callable[[Sequence[Mapping[str, Any]]], str | None]:
    def refuses(listed: Sequence[Mapping[str, Any]]) -> str | None:
        seen = [known(rule, name) for rule in listed if isinstance(rule, Mapping)]
        given = [value for value in seen if value is not None]
        twice = next((value for value in given if given.count(value) > 1), None)
        return f"two of them have the {name} {twice}" if twice is not None else None

    return refuses


def _protected(arn: str) -> str | None:
    if arn == UNKNOWN:
        return None
    kinds = (
        r"apigateway:[^:]+::/restapis/[^/]+/stages/[^/]+",
        r"elasticloadbalancing:[^:]+:\d{12}:loadbalancer/app/.+",
        r"appsync:[^:]+:\d{12}:apis/.+",
        r"cognito-idp:[^:]+:\d{12}:userpool/.+",
        r"apprunner:[^:]+:\d{12}:service/.+",
        r"ec2:[^:]+:\d{12}:verified-access-instance/.+",
    )
    return None if any(re.fullmatch(f"arn:[^:]+:{kind}", arn) for kind in kinds) else f"{arn} can have no web ACL"


def _waf_logs(arn: str) -> str | None:
    if arn == UNKNOWN:
        return None
    last = re.split(r":log-group:|:deliverystream/|:s3:::", arn)[-1]
    return None if last.startswith("aws-waf-logs-") else f"{last}: a destination's name begins with aws-waf-logs-"


RULES: Sequence[Rule] = (
    Rule(_API, "body", _readable, _IMPORT),
    Rule(_API, "body", _definition(_paths), _NOTES),
    Rule(_API, "body", _definition(_models), _NOTES),
    Rule(_API, "body", _definition(_references), _NOTES),
    Rule(_API, "body", _definition(_validated), _EXTENSIONS),
    Rule(_API, "body", _definition(_secured), _IMPORT),
    Rule(_API, "body", _definition(_authorizers), _EXTENSIONS),
    Rule(_API, "body", _definition(_integrated), _EXTENSIONS),
    Rule(_API, "", _policy_and_mode, _TLS),
    Rule(_API, "endpointConfiguration.types", choice("EDGE", "PRIVATE", "REGIONAL"), _CREATE_API),
    Rule(_API, "putRestApiMode", choice("merge", "overwrite"), _IMPORT),
    Rule(_STAGE, "stageName", matches(r"[A-Za-z0-9_-]{1,128}", "is no name of a stage"), _CREATE_STAGE),
    Rule(_STAGE, "accessLogSettings", _logged, _LOGS),
    Rule(_STAGE, "", _cached, _CREATE_STAGE),
    Rule(_SETTINGS, "methodPath", matches(r"\*/\*|.+/([A-Z]+|\*)", "write */*, or path/METHOD"), _METHOD_SETTING),
    Rule(_SETTINGS, "settings.loggingLevel", choice("OFF", "ERROR", "INFO"), _METHOD_SETTING),
    Rule(_SETTINGS, "settings.cacheTtlInSeconds", between(0, 3600), _METHOD_SETTING),
    Rule(_SETTINGS, "settings.throttlingRateLimit", between(-1, 10_000), _METHOD_SETTING),
    Rule(_SETTINGS, "settings.throttlingBurstLimit", between(-1, 5_000), _METHOD_SETTING),
    Rule(_ACCOUNT, "cloudwatchRoleArn", matches(r"|arn:[^:]+:iam::\d{12}:role/.+", "is no role"), _UPDATE_ACCOUNT),
    Rule(_ACL, "defaultAction", exactly_one("allow", "block"), _CREATE_ACL),
    Rule(_ACL, "rules", _differ("name"), _RULE),
    Rule(_ACL, "rules", _differ("priority"), _RULE),
    Rule(_ACL, "rules[]", _acts, _RULE),
    Rule(_ACL, "rules[].statement.rateBasedStatement.evaluationWindowSec", choice(60, 120, 300, 600), _RATE),
    Rule(
        _ACL,
        "associationConfig.requestBodies[].apiGateway.defaultSizeInspectionLimit",
        choice("KB_16", "KB_32", "KB_48", "KB_64"),
        _BODY,
    ),
    Rule(_ASSOCIATION, "resourceArn", _protected, _ASSOCIATE),
    Rule(_LOGGING, "logDestinationConfigs[]", _waf_logs, _WAF_LOGS),
)
