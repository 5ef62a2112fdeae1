"""REST APIs by definition, what is deployed of them, and what the account must allow, through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

API = "aws:apigateway/restApi:RestApi"
POLICY = "aws:apigateway/restApiPolicy:RestApiPolicy"
DEPLOYMENT = "aws:apigateway/deployment:Deployment"
STAGE = "aws:apigateway/stage:Stage"
SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
ACCOUNT = "aws:apigateway/account:Account"
ROLE = "arn:aws:iam::123456789012:role/door"
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/door"


def method_integration() -> dict[str, Any]:
    return {
        "type": "aws",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:eu-west-1:runtime.sagemaker:path/endpoints/score/invocations",
        "credentials": ROLE,
        "passthroughBehavior": "never",
        "requestTemplates": {"application/json": "$input.body"},
        "responses": {"default": {"statusCode": "200"}},
    }


def definition(**changes: Any) -> str:
    """A door with one method, in the form that API Gateway imports."""
    method = {
        "security": [{"caller": []}],
        "x-amazon-apigateway-request-validator": "body",
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}}}},
        "responses": {"200": {"description": "What the model says"}},
        "x-amazon-apigateway-integration": method_integration(),
    }
    return json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "door", "version": "1"},
            "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True}},
            "components": {
                "schemas": {"Request": {"type": "object", "required": ["amount"]}},
                "securitySchemes": {
                    "caller": {
                        "type": "apiKey",
                        "name": "Authorization",
                        "in": "header",
                        "x-amazon-apigateway-authtype": "awsSigv4",
                    }
                },
            },
            "paths": {"/invocations": {"post": method}},
            **changes,
        }
    )


def policy(*paths: str) -> str:
    here = "arn:aws:execute-api:eu-west-1:123456789012:"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": [here + path for path in paths],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def an_api(cloud: Any, **changes: Any) -> Any:
    given = {"name": "door", "body": definition(), "endpointConfiguration": {"types": "REGIONAL"}, **changes}
    return cloud.make(API, **given)


def a_stage(cloud: Any, **changes: Any) -> tuple[Any, Any, Any]:
    api = an_api(cloud)
    deployment = cloud.make(DEPLOYMENT, restApi=api.id, triggers={"definition": "1"})
    stage = cloud.make(STAGE, restApi=api.id, deployment=deployment.id, stageName="live", **changes)
    return api, deployment, stage


def test_an_api_lives_and_dies(cloud: Any) -> None:
    api = an_api(cloud, tags={"team": "fraud"})
    assert api["arn"] == f"arn:aws:apigateway:eu-west-1::/restapis/{api.id}"
    assert api["executionArn"] == f"arn:aws:execute-api:eu-west-1:123456789012:{api.id}"
    api.update(description="The way in")
    api.update(description="The only way in")
    api.update(disableExecuteApiEndpoint=True)
    api.update(disableExecuteApiEndpoint=False)
    api.update(securityPolicy="SecurityPolicy_TLS13_1_2_2021_06", endpointAccessMode="STRICT")
    api.update(tags={"team": "churn", "stage": "pilot"})
    api.update(tags={"team": "churn"})
    assert api.forecast(endpointConfiguration={"types": "EDGE"}).replaces == {"endpointConfiguration"}
    api.delete()


def test_a_definition_is_what_the_api_offers_and_changes_in_place(cloud: Any) -> None:
    api = an_api(cloud)
    gateway = cloud.client("apigateway")

    def offered() -> dict[str, Any]:
        resources = gateway.get_resources(restApiId=api.id)["items"]
        (methods,) = [each["resourceMethods"] for each in resources if each["path"] == "/invocations"]
        return methods["POST"]

    method = offered()
    assert method["authorizationType"] == "AWS_IAM"
    assert method["requestModels"] == {"application/json": "Request"}
    assert method["methodIntegration"]["type"] == "AWS" and method["methodIntegration"]["credentials"] == ROLE
    (validator,) = gateway.get_request_validators(restApiId=api.id)["items"]
    assert validator["validateRequestBody"] and method["requestValidatorId"] == validator["id"]
    (model,) = gateway.get_models(restApiId=api.id)["items"]
    assert json.loads(model["schema"])["required"] == ["amount"]
    open_to_all = {"post": {"x-amazon-apigateway-integration": method_integration()}}
    api.update(body=definition(components={}, paths={"/invocations": open_to_all}))
    assert offered()["authorizationType"] == "NONE"
    assert gateway.get_models(restApiId=api.id)["items"] == []


def test_an_authorizer_of_the_definition_is_the_methods(cloud: Any) -> None:
    scheme = {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/f/invocations",
            "authorizerResultTtlInSeconds": 60,
        },
    }
    api = an_api(cloud, body=definition(components={"schemas": {"Request": {}}, "securitySchemes": {"caller": scheme}}))
    gateway = cloud.client("apigateway")
    (made,) = gateway.get_authorizers(restApiId=api.id)["items"]
    (method,) = [
        each["resourceMethods"]["POST"]
        for each in gateway.get_resources(restApiId=api.id)["items"]
        if "resourceMethods" in each
    ]
    assert (method["authorizationType"], method["authorizerId"]) == ("CUSTOM", made["id"])
    assert made["authorizerResultTtlInSeconds"] == 60


def test_a_policy_is_put_changed_found_changed_and_taken_away(cloud: Any) -> None:
    api = an_api(cloud)
    guard = cloud.make(POLICY, restApiId=api.id, policy=policy(f"{api.id}/live/*"))
    guard.update(policy=policy(f"{api.id}/*"))
    patch = {"op": "replace", "path": "/policy", "value": policy(f"{api.id}/open/*")}
    cloud.client("apigateway").update_rest_api(restApiId=api.id, patchOperations=[patch])
    assert "open" in guard.read().state["policy"]
    assert guard.forecast(restApiId="other").replaces == {"restApiId"}
    guard.delete()
    assert "policy" not in cloud.client("apigateway").get_rest_api(restApiId=api.id)


def test_a_definition_that_overwrites_takes_the_policy_along_unless_it_has_one(cloud: Any) -> None:
    api = an_api(cloud)
    guard = cloud.make(POLICY, restApiId=api.id, policy=policy(f"{api.id}/*"))
    api.update(body=definition(**{"x-amazon-apigateway-policy": json.loads(policy("a")) | {"Id": "execute-api:/*"}}))
    assert f":{api.id}/*" in json.loads(guard.read().state["policy"])["Id"], "the API is called by its ARN"
    api.update(body=definition())
    assert guard.read() is None


def test_a_deployment_is_replaced_when_its_triggers_change(cloud: Any) -> None:
    api = an_api(cloud)
    deployment = cloud.make(DEPLOYMENT, restApi=api.id, triggers={"definition": "1"}, description="first")
    deployment.update(description="the first")
    assert deployment.forecast(triggers={"definition": "2"}).replaces == {"triggers"}
    deployment.delete()


def test_a_deployment_that_a_stage_shows_stays(cloud: Any) -> None:
    api, deployment, stage = a_stage(cloud)
    assert "Active stages" in cloud.refuses_to_delete(deployment)
    newer = cloud.make(DEPLOYMENT, restApi=api.id, triggers={"definition": "2"})
    stage.update(deployment=newer.id)
    deployment.delete()


def test_an_api_without_methods_is_not_deployed(cloud: Any) -> None:
    api = an_api(cloud, body=definition(paths={}))
    assert "doesn't contain any methods" in cloud.refused(DEPLOYMENT, restApi=api.id)


def test_a_stage_lives_and_dies(cloud: Any) -> None:
    cloud.make(ACCOUNT, cloudwatchRoleArn=ROLE)
    _, _, stage = a_stage(cloud, tags={"team": "fraud"}, variables={"a": "1"})
    api = stage["restApi"]
    assert stage["invokeUrl"] == f"https://{api}.execute-api.eu-west-1.amazonaws.com/live"
    assert stage["arn"] == f"arn:aws:apigateway:eu-west-1::/restapis/{api}/stages/live"
    stage.update(accessLogSettings={"destinationArn": LOGS, "format": "$context.requestId"})
    stage.update(accessLogSettings={"destinationArn": LOGS, "format": "$context.requestId $context.status"})
    stage.update(accessLogSettings=None)
    stage.update(xrayTracingEnabled=True)
    stage.update(description="what callers see")
    stage.update(variables={"b": "2"})
    stage.update(tags={"team": "churn"})
    assert stage.forecast(stageName="other").replaces == {"stageName"}
    assert stage.imported(f"ags-{api}-live").inputs["variables"] == {"b": "2"}
    stage.delete()


def test_a_stage_logs_only_where_the_account_names_a_role(cloud: Any) -> None:
    api = an_api(cloud)
    deployment = cloud.make(DEPLOYMENT, restApi=api.id)
    logs = {"destinationArn": LOGS, "format": "$context.requestId"}
    given = {"restApi": api.id, "deployment": deployment.id, "stageName": "live", "accessLogSettings": logs}
    assert "CloudWatch Logs role ARN must be set" in cloud.refused(STAGE, **given)


def test_what_somebody_else_changed_of_a_stage_is_found(cloud: Any) -> None:
    api, _, stage = a_stage(cloud)
    patch = {"op": "replace", "path": "/tracingEnabled", "value": "true"}
    cloud.client("apigateway").update_stage(restApiId=api.id, stageName="live", patchOperations=[patch])
    assert stage.read().state["xrayTracingEnabled"] is True


def test_settings_of_methods_live_and_die(cloud: Any) -> None:
    api, _, _ = a_stage(cloud)
    settings = {"throttlingRateLimit": 10, "throttlingBurstLimit": 20, "cachingEnabled": False, "metricsEnabled": True}
    made = cloud.make(SETTINGS, restApi=api.id, stageName="live", methodPath="*/*", settings=settings)
    assert made.id == f"{api.id}-live-*/*"
    made.update(settings={**settings, "throttlingRateLimit": 5})
    patch = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "10000"}
    cloud.client("apigateway").update_stage(restApiId=api.id, stageName="live", patchOperations=[patch])
    assert made.read().state["settings"]["throttlingRateLimit"] == 10_000
    assert made.forecast(methodPath="invocations/POST").replaces == {"methodPath"}
    made.delete()


def test_the_accounts_role_is_set_changed_and_taken_away(cloud: Any) -> None:
    account = cloud.make(ACCOUNT, cloudwatchRoleArn=ROLE)
    account.update(cloudwatchRoleArn=f"{ROLE}-2")
    cloud.provider.delete(ACCOUNT, account.id, account.urn, account.state)
    assert not cloud.client("apigateway").get_account().get("cloudwatchRoleArn")


@pytest.mark.parametrize("kind", [POLICY, DEPLOYMENT])
def test_what_belongs_to_no_api_is_refused(cloud: Any, kind: str) -> None:
    given = {"restApiId": "none", "policy": policy("none/*")} if kind == POLICY else {"restApi": "none"}
    assert "Invalid Rest API Id" in cloud.refused(kind, **given)
