"""The public door: what is made, who is let in, what is refused, and what a file may not say of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from openapi_spec_validator import validate
from ruamel.yaml import YAML

from modelyard import Context, ExistingRole, Keys, KeysSpec, Role, trust_service
from modelyard.assess.graph import Graph, Node, record, reveal
from modelyard.core.errors import AccessError, SpecError
from modelyard.core.spec import SourceMap
from modelyard.run.serving import DoorAccount, DoorSpec, KnownEndpoint, PublicDoor

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "door.md"
PARTNER = "arn:aws:iam::210987654321:role/partner"
AMOUNT: dict[str, Any] = {"amount": {"kind": "number", "minimum": 0}}
IAM: dict[str, Any] = {"kind": "iam"}
JWT: dict[str, Any] = {"kind": "jwt", "issuer": "https://login.acme.example/", "audiences": ["score"]}


def spec(**changes: Any) -> DoorSpec:
    return DoorSpec.model_validate({"request": {"fields": AMOUNT}, "authorization": IAM, **changes})


def made(spec: DoorSpec, more: Callable[[PublicDoor], None] = lambda door: None) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        more(
            PublicDoor("door", spec, context=CONTEXT, keys=keys, endpoint=KnownEndpoint.named("ml-dev-score", CONTEXT))
        )

    return record(program, project="p", stack="s", region=CONTEXT.region)


def one(graph: Graph, kind: str) -> Node:
    (found,) = [node for node in graph.nodes if node.type == kind and not node.name.startswith("keys")]
    return found


def definition(graph: Graph) -> dict[str, Any]:
    return json.loads(reveal(one(graph, "aws:apigateway/restApi:RestApi").properties["body"]))


def method(graph: Graph) -> dict[str, Any]:
    ((path, methods),) = definition(graph)["paths"].items()
    assert path == "/invocations" and list(methods) == ["post"], "one way in, and no other"
    return methods["post"]


def schema(graph: Graph) -> dict[str, Any]:
    return definition(graph)["components"]["schemas"]["Request"]


def policy(graph: Graph) -> dict[str, Any]:
    said = json.loads(reveal(one(graph, "aws:apigateway/restApiPolicy:RestApiPolicy").properties["policy"]))
    return {statement["Sid"]: statement for statement in said["Statement"]}


def scheme(graph: Graph) -> dict[str, Any]:
    said = definition(graph)
    ((name, scheme),) = said["components"]["securitySchemes"].items()
    assert method(graph)["security"] == [{name: []}]
    return scheme


def faults(**changes: Any) -> dict[str, str]:
    wrong = spec(**changes)
    wrong.locate(SourceMap("teams/fraud.yaml"))
    with pytest.raises(SpecError) as caught:
        made(wrong)
    found = [(fault.source, fault) for fault in caught.value.faults if fault.source]
    assert {source.file for source, _ in found} == {"teams/fraud.yaml"}
    return {source.path: f"{fault.problem}: {fault.remedy}" for source, fault in found}


def test_the_method_leads_to_the_endpoint_and_nowhere_else():
    integration = method(made(spec()))["x-amazon-apigateway-integration"]
    assert integration["uri"] == (
        "arn:aws:apigateway:eu-west-1:runtime.sagemaker:path/endpoints/ml-dev-score/invocations"
    )
    assert integration["type"] == "aws" and integration["httpMethod"] == "POST"
    assert integration["credentials"].endswith("/ml-dev-fraud-door-caller")


def test_the_doors_role_invokes_this_endpoint_and_does_nothing_else():
    work = json.loads(
        reveal(
            next(node for node in made(spec()).nodes if node.type == "aws:iam/rolePolicy:RolePolicy").properties[
                "policy"
            ]
        )
    )
    assert work["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/ml-dev-score",
        }
    ]


def test_a_body_is_validated_and_what_is_no_json_has_no_way_in():
    graph = made(spec())
    said = method(graph)
    validator = definition(graph)["x-amazon-apigateway-request-validators"][
        said["x-amazon-apigateway-request-validator"]
    ]
    assert validator["validateRequestBody"] is True
    integration = said["x-amazon-apigateway-integration"]
    assert integration["passthroughBehavior"] == "never", "another content type would pass unvalidated"
    assert list(integration["requestTemplates"]) == ["application/json"]


def test_fields_become_a_schema_that_refuses_what_is_not_declared():
    fields = {
        "amount": {"kind": "number", "minimum": 0, "maximum": 1e6},
        "items": {"kind": "integer", "minimum": 1, "required": False},
        "country": {"kind": "text", "max_length": 2, "choices": ["DE", "FR"]},
        "note": {"kind": "text", "pattern": "^[a-z]+$", "required": False},
        "new": {"kind": "boolean"},
        "vector": {"kind": "list", "of": "number"},
    }
    assert schema(made(spec(request={"fields": fields}))) == {
        "type": "object",
        "required": ["amount", "country", "new", "vector"],
        "additionalProperties": False,
        "properties": {
            "amount": {"type": "number", "minimum": 0, "maximum": 1e6},
            "items": {"type": "integer", "minimum": 1},
            "country": {"type": "string", "maxLength": 2, "enum": ["DE", "FR"]},
            "note": {"type": "string", "maxLength": 256, "pattern": "^[a-z]+$"},
            "new": {"type": "boolean"},
            "vector": {"type": "array", "items": {"type": "number"}},
        },
    }


FIELDS: dict[str, Any] = {
    "amount": {"kind": "number", "minimum": 0, "maximum": 100},
    "country": {"kind": "text", "max_length": 2, "pattern": "^[A-Z]+$"},
    "items": {"kind": "integer", "minimum": 1, "required": False},
    "vector": {"kind": "list", "of": "number", "required": False},
}
RIGHT = {"amount": 1.5, "country": "DE"}


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (RIGHT, True),
        ({**RIGHT, "items": 2, "vector": [0.1, 2]}, True),
        ({"amount": 1.5}, False),
        ({**RIGHT, "amount": -1}, False),
        ({**RIGHT, "amount": 101}, False),
        ({**RIGHT, "amount": "1"}, False),
        ({**RIGHT, "country": "DEU"}, False),
        ({**RIGHT, "country": "de"}, False),
        ({**RIGHT, "items": 1.5}, False),
        ({**RIGHT, "vector": ["a"]}, False),
        ({**RIGHT, "card": "4111"}, False),
        ([RIGHT], False),
        (None, False),
    ],
)
def test_a_request_passes_as_its_fields_say(body: Any, passes: bool):
    said = schema(made(spec(request={"fields": FIELDS})))
    Draft4Validator.check_schema(said)
    assert Draft4Validator(said).is_valid(body) is passes


@pytest.mark.parametrize("authorization", [IAM, JWT], ids=["iam", "jwt"])
def test_the_definition_is_openapi_and_says_nothing_that_an_import_leaves_out(authorization: dict[str, Any]):
    graph = made(spec(request={"fields": FIELDS}, authorization=authorization))
    validate(definition(graph))
    left_out = {"minItems", "maxItems", "exclusiveMinimum", "exclusiveMaximum", "oneOf", "anyOf", "readOnly", "format"}
    assert not left_out & set(re.findall(r'"(\w+)":', json.dumps(schema(graph))))


def test_what_fails_behind_the_door_is_told_without_the_endpoints_own_words():
    answers = method(made(spec()))["x-amazon-apigateway-integration"]["responses"]
    assert answers.pop("default") == {"statusCode": "200"}
    assert {answer["statusCode"] for answer in answers.values()} == {"400", "429", "502"}
    assert all("$" not in json.dumps(answer["responseTemplates"]) for answer in answers.values())


def test_a_door_of_roles_takes_signed_requests_and_refuses_strangers():
    graph = made(spec(authorization={"kind": "iam", "callers": [PARTNER]}))
    assert scheme(graph)["x-amazon-apigateway-authtype"] == "awsSigv4"
    said = policy(graph)
    assert list(said) == ["NoPlainText", "NoStrangers", "NamedCallers"]
    deny, allow = said["NoStrangers"], said["NamedCallers"]
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"] == [
        "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/*",
        PARTNER,
    ]
    assert allow["Principal"] == {"AWS": PARTNER}
    assert allow["Resource"].endswith("/live/POST/invocations"), "the method alone"


def test_a_door_of_roles_without_named_callers_allows_nobody_by_itself():
    assert {statement["Effect"] for statement in policy(made(spec())).values()} == {"Deny"}


def test_a_door_of_tokens_asks_a_function_of_its_own():
    graph = made(spec(authorization={**JWT, "scopes": ["read"], "cache_seconds": 0}))
    said = scheme(graph)
    assert said["x-amazon-apigateway-authtype"] == "custom"
    authorizer = said["x-amazon-apigateway-authorizer"]
    work = one(graph, "aws:lambda/function:Function")
    assert authorizer["authorizerUri"].endswith(f"functions/{reveal(work.outputs['arn'])}/invocations")
    assert authorizer["authorizerResultTtlInSeconds"] == 0
    variables = reveal(work.properties["environment"])["variables"]
    assert variables["ISSUER"] == "https://login.acme.example/"
    assert json.loads(variables["AUDIENCES"]) == ["score"] and json.loads(variables["SCOPES"]) == ["read"]
    asks = one(graph, "aws:lambda/permission:Permission").properties
    assert reveal(asks["principal"]) == "apigateway.amazonaws.com"
    assert reveal(asks["sourceArn"]).endswith("/authorizers/*"), "this door alone asks it"
    assert list(policy(graph)) == ["NoPlainText"], "bearers are nobody to IAM, so a denial of strangers would be of all"


def test_no_door_is_without_authorization():
    with pytest.raises(ValueError, match="authorization"):
        DoorSpec.model_validate({"request": {"fields": AMOUNT}})
    with pytest.raises(ValueError, match="'iam', 'jwt'"):
        spec(authorization={"kind": "none"})


def test_a_grant_is_the_call_of_this_method_and_tells_where():
    def program(door: PublicDoor) -> None:
        trusted = [trust_service("lambda.amazonaws.com", context=CONTEXT)]
        door.grant_call(Role("shop", context=CONTEXT, trusted=trusted, description="Asks"))

    graph = made(spec(), program)
    node = next(node for node in graph.nodes if node.name == "shop-door-access")
    (statement,) = json.loads(reveal(node.properties["policy"]))["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"].endswith("/live/POST/invocations") and "*" not in statement["Resource"]
    said = json.loads(
        reveal(next(node for node in graph.nodes if node.name == "shop-door-address").properties["insecureValue"])
    )
    (address,) = said["addresses"]
    assert address["kind"] == "door" and address["region"] == "eu-west-1"
    assert address["url"].startswith("https://") and address["url"].endswith(
        ".execute-api.eu-west-1.amazonaws.com/live/invocations"
    )


def test_a_door_of_tokens_grants_nothing_to_roles():
    def program(door: PublicDoor) -> None:
        door.grant_call(ExistingRole("ada", "arn:aws:iam::123456789012:role/ada", context=CONTEXT))

    with pytest.raises(AccessError, match=r"bear tokens.*\n?.*Have the issuer give tokens"):
        made(spec(authorization=JWT), program)


def test_the_throttle_stands_without_being_asked_for_and_nothing_is_cached():
    settings = reveal(one(made(spec()), "aws:apigateway/methodSettings:MethodSettings").properties["settings"])
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (10, 20)
    assert settings["cachingEnabled"] is False, "an answer to one caller is no answer to another"
    assert settings["dataTraceEnabled"] is False, "it would log bodies"


def rules(graph: Graph) -> dict[str, dict[str, Any]]:
    found = reveal(one(graph, "aws:wafv2/webAcl:WebAcl").properties["rules"])
    return {rule["name"]: rule for rule in found}


def test_the_firewall_stands_before_the_stage():
    graph = made(spec())
    stands = one(graph, "aws:wafv2/webAclAssociation:WebAclAssociation").properties
    assert reveal(stands["resourceArn"]) == reveal(one(graph, "aws:apigateway/stage:Stage").outputs["arn"])
    assert list(rules(graph)) == ["address", "size", "common", "bad-inputs"]


def test_a_body_that_is_too_large_or_can_not_be_read_is_refused():
    rule = rules(made(spec(max_request_kib=12)))["size"]
    said = rule["statement"]["sizeConstraintStatement"]
    assert (said["comparisonOperator"], said["size"]) == ("GT", 12 * 1024)
    assert said["fieldToMatch"]["body"]["oversizeHandling"] == "MATCH", "what can't be read doesn't pass"
    assert "block" in rule["action"]


@pytest.mark.parametrize(("kib", "step"), [(16, None), (17, "KB_32"), (48, "KB_48"), (64, "KB_64")])
def test_the_firewall_reads_as_much_as_may_be_sent(kib: int, step: str | None):
    said = reveal(one(made(spec(max_request_kib=kib)), "aws:wafv2/webAcl:WebAcl").properties.get("associationConfig"))
    found = said["requestBodies"][0]["apiGateway"]["defaultSizeInspectionLimit"] if said else None
    assert found == step


def test_rules_of_the_common_set_can_be_told_to_count():
    rule = rules(made(spec(firewall={"counted_rules": ["CrossSiteScripting_BODY"]})))["common"]
    overrides = rule["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
    assert [each["name"] for each in overrides] == ["SizeRestrictions_BODY", "CrossSiteScripting_BODY"]
    assert all("count" in each["actionToUse"] for each in overrides)


def test_nobody_sees_tokens_in_samples_or_bodies_in_logs():
    graph = made(spec())
    acl = one(graph, "aws:wafv2/webAcl:WebAcl").properties
    shown = [reveal(acl["visibilityConfig"]), *(rule["visibilityConfig"] for rule in rules(graph).values())]
    assert not any(config["sampledRequestsEnabled"] for config in shown)
    log = reveal(one(graph, "aws:apigateway/stage:Stage").properties["accessLogSettings"])
    assert not any(word in log["format"] for word in ("body", "validationErrorString", "requestOverride"))


def test_the_access_log_lies_under_the_teams_key():
    graph = made(spec(log_days=30))
    log = one(graph, "aws:cloudwatch/logGroup:LogGroup").properties
    assert reveal(log["kmsKeyId"]).startswith("arn:aws:kms:") and reveal(log["retentionInDays"]) == 30
    assert reveal(log["name"]).startswith("/modelyard/ml/dev/fraud/")


def test_the_door_speaks_tls_12_at_least():
    api = one(made(spec()), "aws:apigateway/restApi:RestApi").properties
    assert reveal(api["securityPolicy"]) == "SecurityPolicy_TLS13_1_2_2021_06"
    assert reveal(api["endpointAccessMode"]) == "STRICT"


@pytest.mark.parametrize(
    "changes",
    [
        {"request": {"fields": {"amount": {"kind": "integer"}}}},
        {"authorization": {"kind": "iam", "callers": [PARTNER]}},
    ],
    ids=["definition", "policy"],
)
def test_a_change_of_definition_or_policy_is_deployed(changes: dict[str, Any]):
    def triggers(graph: Graph) -> object:
        return reveal(one(graph, "aws:apigateway/deployment:Deployment").properties["triggers"])

    assert triggers(made(spec())) == triggers(made(spec()))
    assert triggers(made(spec())) != triggers(made(spec(**changes)))


@pytest.mark.parametrize("authorization", [{**IAM, "callers": [PARTNER]}, JWT], ids=["iam", "jwt"])
def test_the_definition_and_the_policy_say_the_same(authorization: dict[str, Any]):
    graph = made(spec(authorization=authorization))
    here = reveal(one(graph, "aws:apigateway/restApi:RestApi").outputs["executionArn"])
    text = json.dumps(definition(graph)["x-amazon-apigateway-policy"]).replace('"execute-api:/', f'"{here}/')
    assert {each["Sid"]: each for each in json.loads(text)["Statement"]} == policy(graph)


@pytest.mark.parametrize("authorization", [IAM, JWT], ids=["iam", "jwt"])
def test_nothing_is_deployed_before_what_guards_it(authorization: dict[str, Any]):
    graph = made(spec(authorization=authorization))
    before = {urn.rpartition("::")[2] for urn in one(graph, "aws:apigateway/deployment:Deployment").dependencies}
    assert before >= {"door-policy", "door-caller-work"}
    assert ("door-asks" in before) is (authorization is JWT)


def test_all_that_is_wrong_is_said_at_once_with_place_and_remedy():
    fields = {
        "amount": {"kind": "number", "minimum": 5, "maximum": 1},
        "country": {"kind": "text", "max_length": 2, "choices": ["DE", "FRA", "DE"]},
        "note": {"kind": "text", "pattern": "("},
        "essay": {"kind": "text", "max_length": 40_000},
    }
    found = faults(
        request={"fields": fields},
        authorization={"kind": "iam", "callers": [PARTNER, PARTNER]},
        firewall={"per_address": 4_000},
    )
    assert found == {
        "request.fields.amount.minimum": "lies above the maximum of 1: Exchange the two.",
        "request.fields.country.choices": "names a text twice: Name each once.",
        "request.fields.country.choices[1]": 'is longer than 2 characters: Raise "max_length" to 3, or shorten it.',
        "request.fields.note.pattern": found["request.fields.note.pattern"],
        "request.fields.essay.max_length": "is more than a request of 16 KiB holds: Lower it, or raise "
        '"max_request_kib".',
        "authorization.callers[1]": "is named twice: Remove one.",
        "firewall.per_address": "can never be reached: the throttle lets 3020 requests through in 300 seconds: "
        "Use 3020 or less.",
    }
    assert found["request.fields.note.pattern"].startswith("is no regular expression: ")


def test_an_audience_that_is_a_pattern_is_refused():
    assert faults(authorization={**JWT, "audiences": ["*"]}) == {
        "authorization.audiences[0]": "is a pattern: Name the audience itself."
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"authorization": {**JWT, "issuer": "http://login.acme.example"}}, "issuer"),
        ({"authorization": {**JWT, "audiences": []}}, "audiences"),
        ({"authorization": {"kind": "iam", "callers": ["*"]}}, "callers"),
        ({"throttle": {"rate": 0}}, "throttle.rate"),
        ({"max_request_kib": 65}, "max_request_kib"),
        ({"request": {"fields": {}}}, "fields"),
        ({"request": {"fields": {"a b": {"kind": "boolean"}}}}, "a b"),
    ],
)
def test_values_that_never_make_sense_are_refused(changes: dict[str, Any], path: str):
    with pytest.raises(ValueError, match=path):
        spec(**changes)


def test_the_example_of_the_page_makes_a_door_and_its_figures_are_the_defaults():
    text = PAGE.read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    shown = DoorSpec.model_validate(YAML(typ="safe", pure=True).load(example))
    assert not list(shown.all_faults())
    assert len(rules(made(shown))) == 4 and "web ACL and its four rules" in text
    assert spec().max_request_kib == 16 and "bodies of 16 KiB" in text
    assert spec().throttle.rate == 10 and "Ten requests a second" in text


def test_an_account_lets_api_gateway_write_logs_and_nothing_else():
    graph = record(lambda: DoorAccount("doors", context=CONTEXT) and None, project="p", stack="s", region="eu-west-1")
    role = one(graph, "aws:iam/role:Role")
    trust = json.loads(reveal(role.properties["assumeRolePolicy"]))
    assert [each["Principal"] for each in trust["Statement"]] == [{"Service": "apigateway.amazonaws.com"}]
    assert reveal(one(graph, "aws:apigateway/account:Account").properties["cloudwatchRoleArn"]) == reveal(
        role.outputs["arn"]
    )
    (statement,) = json.loads(reveal(one(graph, "aws:iam/rolePolicy:RolePolicy").properties["policy"]))["Statement"]
    assert {action.partition(":")[0] for action in statement["Action"]} == {"logs"}
    assert statement["Resource"] == "arn:aws:logs:eu-west-1:123456789012:log-group:*"
