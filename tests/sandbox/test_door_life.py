"""A public door in the emulator: made, unchanged, changed, gone, and nothing left; what strangers changed is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from tests.sandbox.lives import changed

from modelyard import Context, Keys, KeysSpec
from modelyard.run.serving import DoorAccount, DoorSpec, KnownEndpoint, PublicDoor
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
IAM: dict[str, Any] = {"kind": "iam"}
JWT: dict[str, Any] = {"kind": "jwt", "issuer": "https://login.acme.example", "audiences": ["score"]}


def a_door(*, logs: bool = True, **changes: Any) -> Callable[[], None]:
    fields = {"amount": {"kind": "number", "minimum": 0}}
    spec = DoorSpec.model_validate({"request": {"fields": fields}, "authorization": IAM, **changes})

    def program() -> None:
        account = [DoorAccount("doors", context=CONTEXT)] if logs else []
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        endpoint = KnownEndpoint.named("ml-dev-fraud-score", FRAUD)
        after = pulumi.ResourceOptions(depends_on=account)
        PublicDoor("door", spec, context=FRAUD, keys=keys, endpoint=endpoint, opts=after)

    return program


def offered(stack: Deployment) -> dict[str, Any]:
    """The method that callers find."""
    gateway = stack.client("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    (method,) = [
        each["resourceMethods"]["POST"]
        for each in gateway.get_resources(restApiId=api["id"])["items"]
        if "resourceMethods" in each
    ]
    return method


@pytest.mark.parametrize("authorization", [IAM, JWT], ids=["iam", "jwt"])
def test_a_door_is_made_stays_as_it_is_and_goes_without_a_trace(authorization: dict[str, Any]):
    with deploy(lambda: None, region="eu-west-1") as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_door(authorization=authorization))
        assert set(stack.operations.values()) <= {"create", "same"}
        assert offered(stack)["authorizationType"] == ("AWS_IAM" if authorization is IAM else "CUSTOM")
        stack.update(a_door(authorization=authorization))
        assert changed(stack) == {}
        stack.refresh()
        stack.update(a_door(authorization=authorization))
        assert changed(stack) == {}, "what AWS shows is what was written"
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before
        assert not stack.client("apigateway").get_account().get("cloudwatchRoleArn")


def test_a_changed_schema_is_a_new_deployment_that_the_same_stage_shows():
    with deploy(a_door(), region="eu-west-1") as stack:
        stage, address = stack.resource("door-stage"), stack.resource("door-api").id
        stack.update(a_door(request={"fields": {"amount": {"kind": "integer"}}}))
        assert changed(stack) == {"door-api": "update", "door-deployment": "replace", "door-stage": "update"}
        now = stack.resource("door-stage")
        assert stack.resource("door-api").id == address, "callers keep the address"
        assert now.properties["deployment"] != stage.properties["deployment"]
        deployments = stack.client("apigateway").get_deployments(restApiId=address)["items"]
        assert [each["id"] for each in deployments] == [now.properties["deployment"]]


def test_a_changed_definition_leaves_the_policy_in_force():
    with deploy(a_door(), region="eu-west-1") as stack:
        stack.update(a_door(request={"fields": {"amount": {"kind": "integer"}}}))
        api = stack.client("apigateway").get_rest_api(restApiId=stack.resource("door-api").id)
        assert "NoStrangers" in api["policy"]
        stack.refresh()
        stack.update(a_door(request={"fields": {"amount": {"kind": "integer"}}}))
        assert changed(stack) == {}, "the definition and the policy say the same"


def test_more_calls_are_let_through_by_one_update_of_each_limit():
    with deploy(a_door(), region="eu-west-1") as stack:
        stack.update(a_door(throttle={"rate": 20, "burst": 40}))
        assert changed(stack) == {"door-limits": "update"}
        stack.update(a_door(throttle={"rate": 20, "burst": 40}, firewall={"per_address": 1_000}))
        assert changed(stack) == {"door-firewall": "update"}


def test_a_door_changes_its_kind_of_callers_and_keeps_its_address():
    with deploy(a_door(), region="eu-west-1") as stack:
        address = stack.resource("door-api").id
        stack.update(a_door(authorization=JWT))
        assert offered(stack)["authorizationType"] == "CUSTOM"
        assert stack.resource("door-api").id == address
        policy = stack.client("apigateway").get_rest_api(restApiId=address)["policy"]
        assert "NoStrangers" not in policy, "it would deny every bearer, who is nobody to IAM"
        assert changed(stack)["door-policy"] == "update", "in place, and so before the deployment that needs it"
        stack.update(a_door())
        assert offered(stack)["authorizationType"] == "AWS_IAM"
        assert stack.client("lambda").list_functions()["Functions"] == []


def test_a_firewall_that_somebody_took_away_stands_again():
    with deploy(a_door(), region="eu-west-1") as stack:
        waf, stage = stack.client("wafv2"), stack.resource("door-stage").properties["arn"]
        waf.disassociate_web_acl(ResourceArn=stage)
        stack.refresh()
        stack.update(a_door())
        assert changed(stack)["door-firewall-stands"] == "create"
        assert waf.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == "ml-dev-fraud-door"


def test_a_policy_that_somebody_opened_is_closed_again():
    with deploy(a_door(), region="eu-west-1") as stack:
        gateway, api = stack.client("apigateway"), stack.resource("door-api").id
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}
        open_ = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        patch = {"op": "replace", "path": "/policy", "value": open_}
        gateway.update_rest_api(restApiId=api, patchOperations=[patch])
        stack.refresh()
        stack.update(a_door())
        assert changed(stack)["door-policy"] == "update"
        assert "NoStrangers" in gateway.get_rest_api(restApiId=api)["policy"]


def test_without_the_accounts_role_no_door_opens_and_the_message_says_which():
    with (
        deploy(lambda: None, region="eu-west-1") as stack,
        pytest.raises(Exception, match="CloudWatch Logs role ARN must be set in account settings"),
    ):
        stack.update(a_door(logs=False))


def test_the_authorizer_that_is_shipped_refuses_a_call_without_a_token():
    with deploy(a_door(authorization=JWT), region="eu-west-1") as stack:
        (made,) = stack.client("lambda").list_functions()["Functions"]
        event = {"type": "TOKEN", "authorizationToken": "Bearer a.b.c", "methodArn": "arn:aws:execute-api:x"}
        said = stack.client("lambda").invoke(FunctionName=made["FunctionName"], Payload=json.dumps(event).encode())
        assert said["FunctionError"]
        assert json.loads(said["Payload"].read())["errorMessage"] == "Unauthorized"
