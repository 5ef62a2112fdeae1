"""API Gateway: what a definition declares, what is in use, and what the account must allow first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from moto.apigateway import urls
from moto.apigateway.exceptions import BadRequestException, DeploymentNotFoundException, RestAPINotFound
from moto.apigateway.models import APIGatewayBackend, RestAPI, Stage
from moto.apigateway.responses import APIGatewayResponse

_create_rest_api = APIGatewayResponse.create_rest_api
_put_rest_api = APIGatewayBackend.put_rest_api
_to_dict = RestAPI.to_dict
_patch_api = RestAPI.apply_patch_operations
_patch_stage = Stage.apply_operations
_delete_rest_api = APIGatewayBackend.delete_rest_api
_delete_deployment = APIGatewayBackend.delete_deployment
_get_deployment = APIGatewayBackend.get_deployment
_update_stage = APIGatewayBackend.update_stage
_delete_stage = APIGatewayBackend.delete_stage

_TRANSPORT: Final = ("securityPolicy", "endpointAccessMode")
_INTEGRATION: Final = "x-amazon-apigateway-integration"
_AUTHORIZER: Final = "x-amazon-apigateway-authorizer"
_AUTH_TYPE: Final = "x-amazon-apigateway-authtype"
_VALIDATORS: Final = "x-amazon-apigateway-request-validators"
_VALIDATOR: Final = "x-amazon-apigateway-request-validator"
_POLICY: Final = "x-amazon-apigateway-policy"
_RESPONSES: Final = "x-amazon-apigateway-gateway-responses"
_NO_ROLE: Final = "CloudWatch Logs role ARN must be set in account settings to enable logging"


def create_rest_api(self: Any) -> Any:
    """CreateRestApi; the security policy and the access mode stay with the API."""
    status, headers, body = _create_rest_api(self)
    if status != 200:
        return status, headers, body
    api = self.backend.get_rest_api(json.loads(body)["id"])
    api.transport = {name: given for name in _TRANSPORT if (given := self._get_param(name))}
    return status, headers, json.dumps(api.to_dict())


def _shown(self: Any) -> dict[str, Any]:
    return {**_to_dict(self), **getattr(self, "transport", {})}


def _patched(self: Any, operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        path, value = operation["path"].removeprefix("/"), operation.get("value")
        if path in _TRANSPORT:
            self.transport = {**getattr(self, "transport", {}), path: value}
        elif path == "disableExecuteApiEndpoint":
            self.disableExecuteApiEndpoint = str(value).lower() == "true"
        elif path == "minimumCompressionSize":
            self.minimum_compression_size = int(value) if value else None
        elif path == "policy":
            self.policy = value or None
        else:
            _patch_api(self, [operation])


def put_rest_api(
    self: Any, function_id: str, api_doc: dict[str, Any], fail_on_warnings: bool, mode: str = "merge"
) -> RestAPI:
    """PutRestApi: what the document says of authorizers, validators, models and methods holds afterwards.

    Types of integrations are small letters there, capital ones in the API. A definition that overwrites takes the
    policy along, unless it has one.
    """
    api = self.get_rest_api(function_id)
    if mode == "overwrite":
        api.authorizers, api.request_validators, api.models, api.gateway_responses = {}, {}, {}, {}
    document = json.loads(json.dumps(api_doc))
    for methods in document.get("paths", {}).values():
        for method in methods.values():
            if integration := method.get(_INTEGRATION):
                integration["type"] = str(integration.get("type", "")).upper()
    _put_rest_api(self, function_id, document, fail_on_warnings, mode)
    said = document.get(_POLICY)
    if said or mode == "overwrite":
        here = f"arn:{self.partition}:execute-api:{self.region_name}:{self.account_id}:{api.id}/"
        api.policy = json.dumps(said).replace('"execute-api:/', f'"{here}') if said else None
    root = api.get_resource_for_path("/")
    api.root_resource_id = root.id
    authorizers = {name: _authorizer(api, name, scheme) for name, scheme in _schemes(document).items()}
    validators = {
        name: api.create_request_validator(
            name, bool(rule.get("validateRequestBody")), bool(rule.get("validateRequestParameters"))
        ).id
        for name, rule in document.get(_VALIDATORS, {}).items()
    }
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        api.add_model(name, "", json.dumps(schema), "application/json")
    for kind, response in document.get(_RESPONSES, {}).items():
        api.put_gateway_response(
            kind, response.get("statusCode"), response.get("responseParameters"), response.get("responseTemplates")
        )
    for path, methods in document.get("paths", {}).items():
        resource = api.get_resource_for_path(path)
        for verb, said in methods.items():
            method = resource.get_method(verb.upper())
            kind, method.authorizer_id = _authorization(document, said, authorizers)
            method.authorization_type = kind
            method.request_validator_id = validators.get(said.get(_VALIDATOR) or document.get(_VALIDATOR))
            method.request_models = _models(said)
    return api


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return document.get("components", {}).get("securitySchemes", {})


def _authorizer(api: Any, name: str, scheme: Mapping[str, Any]) -> tuple[str, str | None]:
    """How a method with this scheme is authorized, and the authorizer's id, if the scheme has one."""
    if scheme.get(_AUTH_TYPE, "").lower() == "awssigv4":
        return "AWS_IAM", None
    said = scheme.get(_AUTHORIZER, {})
    made = api.create_authorizer(
        f"{api.id[:4]}{len(api.authorizers):02d}",
        name,
        str(said.get("type", "token")).upper(),
        said.get("providerARNs"),
        scheme.get(_AUTH_TYPE),
        said.get("authorizerUri"),
        said.get("authorizerCredentials"),
        said.get("identitySource") or f"method.request.header.{scheme.get('name', 'Authorization')}",
        said.get("identityValidationExpression"),
        said.get("authorizerResultTtlInSeconds", 300),
    )
    return ("COGNITO_USER_POOLS" if said.get("type") == "cognito_user_pools" else "CUSTOM"), made.id


def _authorization(
    document: Mapping[str, Any], method: Mapping[str, Any], known: Mapping[str, tuple[str, str | None]]
) -> tuple[str, str | None]:
    for wanted in method.get("security", document.get("security", ())):
        for name in wanted:
            if name in known:
                return known[name]
    return "NONE", None


def _models(method: Mapping[str, Any]) -> dict[str, str]:
    content = method.get("requestBody", {}).get("content", {})
    return {
        kind: said["schema"]["$ref"].rpartition("/")[2]
        for kind, said in content.items()
        if "$ref" in said.get("schema", {})
    }


def delete_rest_api(self: Any, function_id: str) -> RestAPI:
    """DeleteRestApi; one that is gone is not found."""
    if function_id not in self.apis:
        raise RestAPINotFound()
    return _delete_rest_api(self, function_id)


def get_deployment(self: Any, function_id: str, deployment_id: str) -> Any:
    """GetDeployment; one that is gone is not found."""
    if deployment_id not in self.get_rest_api(function_id).deployments:
        raise DeploymentNotFoundException()
    return _get_deployment(self, function_id, deployment_id)


def delete_deployment(self: Any, function_id: str, deployment_id: str) -> Any:
    """DeleteDeployment; not while a stage shows it."""
    stages = self.get_rest_api(function_id).stages.values()
    if any(stage.deployment_id == deployment_id for stage in stages):
        raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
    return _delete_deployment(self, function_id, deployment_id)


def update_deployment(self: Any) -> str:
    """UpdateDeployment: its description."""
    _, _, api, _, deployment = self.path.split("/")[:5]
    found = self.backend.get_deployment(api, deployment)
    for operation in self._get_param("patchOperations"):
        if operation["path"] == "/description":
            found.description = operation.get("value") or ""
    return json.dumps(found.to_json())


def update_stage(self: Any, function_id: str, stage_name: str, patch_operations: Any) -> Any:
    """UpdateStage; logs go to CloudWatch only where the account's settings name a role for it."""
    logs = any(
        operation["op"] != "remove"
        and (
            operation["path"].startswith("/accessLogSettings")
            or (operation["path"].endswith("/logging/loglevel") and operation.get("value") != "OFF")
        )
        for operation in patch_operations
    )
    if logs and not self.account.cloudwatch_role_arn:
        raise BadRequestException(_NO_ROLE)
    for operation in patch_operations:
        if operation["path"] == "/deploymentId":
            self.get_deployment(function_id, operation["value"])
    return _update_stage(self, function_id, stage_name, patch_operations)


def _settings_removed(self: Any, operations: list[dict[str, Any]]) -> Any:
    """A stage's settings of one method go by their path; the other changes are moto's own."""
    others = []
    for operation in operations:
        path = operation["path"].removeprefix("/")
        if operation["op"] == "remove" and path in self.method_settings:
            self.method_settings.pop(path)
        else:
            others.append(operation)
    return _patch_stage(self, others)


def delete_stage(self: Any, function_id: str, stage_name: str) -> None:
    """DeleteStage: a web ACL lets go of it."""
    from moto.wafv2.models import wafv2_backends

    stage = self.get_stage(function_id, stage_name)
    if stage.web_acl_arn:
        arn = f"arn:{self.partition}:apigateway:{self.region_name}::/restapis/{function_id}/stages/{stage_name}"
        wafv2_backends[self.account_id][self.region_name].disassociate_web_acl(arn)
    _delete_stage(self, function_id, stage_name)


def _tagged(self: Any) -> Any:
    """The API, or the stage, that a request on tags names."""
    parts = unquote(self.path.split("/tags/")[1]).partition("/restapis/")[2].split("/")
    api = self.backend.get_rest_api(parts[0])
    return self.backend.get_stage(parts[0], parts[2]) if len(parts) > 2 else api


def get_tags(self: Any) -> str:
    """GetTags."""
    return json.dumps({"tags": _tagged(self).tags or {}})


def tag_resource(self: Any) -> str:
    """TagResource."""
    thing = _tagged(self)
    thing.tags = {**(thing.tags or {}), **(self._get_param("tags") or {})}
    return "{}"


def untag_resource(self: Any) -> str:
    """UntagResource."""
    thing = _tagged(self)
    gone = self.querystring.get("tagKeys") or []
    thing.tags = {key: value for key, value in (thing.tags or {}).items() if key not in gone}
    return "{}"


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (create_rest_api, update_deployment, get_tags, tag_resource, untag_resource):
        setattr(APIGatewayResponse, operation.__name__, operation)
    for operation in (
        put_rest_api,
        delete_rest_api,
        get_deployment,
        delete_deployment,
        update_stage,
        delete_stage,
    ):
        setattr(APIGatewayBackend, operation.__name__, operation)
    RestAPI.to_dict = _shown  # type: ignore[method-assign]
    RestAPI.apply_patch_operations = _patched  # type: ignore[method-assign]
    Stage.apply_operations = _settings_removed  # type: ignore[method-assign]
    of_an_api = "{0}/tags/arn:(?P<partition>[^/]+):apigateway:(?P<region_name>[^/]+)::/restapis/(?P<function_id>[^/]+)$"
    urls.url_paths[of_an_api] = APIGatewayResponse.dispatch
