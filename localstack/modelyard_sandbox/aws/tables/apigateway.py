"""API Gateway: REST APIs by definition, their policies, deployments, stages, settings, and the account's.

Source: the API Gateway REST API reference, and the read functions of hashicorp/terraform-provider-aws 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, TagFunctions, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

Operation = dict[str, str]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _replaced(live: Live, paths: Mapping[str, str]) -> list[Operation]:
    """A patch for each of the properties that change, at its path."""
    return [
        {"op": "replace", "path": path, "value": _text(live.inputs.get(prop))}
        for prop, path in paths.items()
        if prop in live.changed
    ]


def _patch(live: Live, operation: str, operations: Iterable[Operation], **where: Any) -> None:
    sent = list(operations)
    if sent:
        live.call(operation, **where, patchOperations=sent)


def _tags(arn: Callable[[Live], str], found: Callable[[Live], Mapping[str, Any]]) -> TagFunctions:
    """Tags of a thing with this ARN: the call that makes it carries the first ones, and what is found shows them."""

    def read(live: Live) -> dict[str, str]:
        return dict(found(live).get("tags") or {})

    def write(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
        if not live.state:
            return
        removed = sorted(set(old) - set(new))
        written = {key: value for key, value in new.items() if old.get(key) != value}
        if removed:
            live.call("untag_resource", resourceArn=arn(live), tagKeys=removed)
        if written:
            live.call("tag_resource", resourceArn=arn(live), tags=written)

    return TagFunctions(read, write)


def _api_arn(live: Live) -> str:
    return f"arn:{live.partition}:apigateway:{live.region}::/restapis/{live.id}"


def _stage_arn(live: Live) -> str:
    stage = f"{live.get('restApi')}/stages/{live.get('stageName')}"
    return f"arn:{live.partition}:apigateway:{live.region}::/restapis/{stage}"


_API_PATCHES: Final = {
    "apiKeySource": "/apiKeySource",
    "description": "/description",
    "disableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
    "endpointAccessMode": "/endpointAccessMode",
    "minimumCompressionSize": "/minimumCompressionSize",
    "name": "/name",
    "policy": "/policy",
    "securityPolicy": "/securityPolicy",
}
_DEFINED: Final = ("body", "failOnWarnings", "parameters", "putRestApiMode")


def _create_api(live: Live) -> dict[str, Any]:
    shape = live.client().meta.service_model.operation_model("CreateRestApi").input_shape
    sent = convert.to_aws(
        {prop: live.inputs.get(prop) for prop in (*_API_PATCHES, "binaryMediaTypes", "endpointConfiguration")}, shape
    )
    return live.call("create_rest_api", **sent, tags=live.tags or None)


def _define(live: Live) -> None:
    """What the definition says; then what the properties say, since the definition may have said otherwise."""
    if not live.inputs.get("body"):
        return
    live.call(
        "put_rest_api",
        restApiId=live.id,
        mode=live.inputs.get("putRestApiMode") or "overwrite",
        failOnWarnings=live.inputs.get("failOnWarnings"),
        parameters=live.inputs.get("parameters"),
        body=live.inputs["body"].encode(),
    )


def _read_api(live: Live) -> dict[str, Any]:
    """The definition is not read back, as the real provider doesn't: what somebody changes in it is not found."""
    api = live.call("get_rest_api", restApiId=live.id)
    endpoint = api.get("endpointConfiguration") or {}
    return {
        "apiKeySource": api.get("apiKeySource"),
        "arn": _api_arn(live),
        "binaryMediaTypes": api.get("binaryMediaTypes") or None,
        "createdDate": convert.from_aws(api.get("createdDate"), None),
        "description": api.get("description") or None,
        "disableExecuteApiEndpoint": bool(api.get("disableExecuteApiEndpoint")),
        "endpointAccessMode": api.get("endpointAccessMode"),
        "endpointConfiguration": {
            "types": endpoint["types"][0],
            **({"ipAddressType": endpoint["ipAddressType"]} if endpoint.get("ipAddressType") else {}),
            **({"vpcEndpointIds": endpoint["vpcEndpointIds"]} if endpoint.get("vpcEndpointIds") else {}),
        },
        "executionArn": f"arn:{live.partition}:execute-api:{live.region}:{live.account}:{live.id}",
        "minimumCompressionSize": _text(api.get("minimumCompressionSize")) or None,
        "name": api["name"],
        "policy": api.get("policy") or None,
        "rootResourceId": api.get("rootResourceId"),
        "securityPolicy": api.get("securityPolicy"),
    }


REST_API = Type(
    "aws:apigateway/restApi:RestApi",
    "apigateway",
    id=Answer("id"),
    name=Name("name", limit=1024),
    defaults={"disableExecuteApiEndpoint": False},
    assumed={"endpointConfiguration.ipAddressType": "ipv4"},
    computed=("arn", "createdDate", "executionArn", "rootResourceId"),
    create=(_create_api, _define),
    read=_read_api,
    update=(
        Step(lambda live: _patch(live, "update_rest_api", _replaced(live, _API_PATCHES), restApiId=live.id),
             on=tuple(_API_PATCHES)),
        Step(_define, on=_DEFINED),
    ),
    delete=Call("delete_rest_api", {"restApiId": "id"}, fill=False),
    json=("body", "policy"),
    kept=("apiKeySource", "binaryMediaTypes", "description", "endpointAccessMode", "endpointConfiguration", "policy")
    + ("minimumCompressionSize", "securityPolicy"),
    tags=_tags(_api_arn, lambda live: live.call("get_rest_api", restApiId=live.id)),
)  # fmt: skip


def _put_policy(live: Live) -> None:
    policy = {"op": "replace", "path": "/policy", "value": live.inputs["policy"]}
    live.call("update_rest_api", restApiId=live.inputs["restApiId"], patchOperations=[policy])


def _read_policy(live: Live) -> dict[str, Any] | None:
    policy = live.call("get_rest_api", restApiId=live.id).get("policy")
    return {"restApiId": live.id, "policy": policy} if policy else None


def _remove_policy(live: Live) -> None:
    nothing = {"op": "replace", "path": "/policy", "value": ""}
    live.call("update_rest_api", restApiId=live.id, patchOperations=[nothing])


POLICY = Type(
    "aws:apigateway/restApiPolicy:RestApiPolicy",
    "apigateway",
    id="restApiId",
    create=_put_policy,
    read=_read_policy,
    update=Step(_put_policy, on=("policy",)),
    delete=_remove_policy,
    json=("policy",),
)


def _deploy(live: Live) -> dict[str, Any]:
    return live.call(
        "create_deployment",
        restApiId=live.inputs["restApi"],
        description=live.inputs.get("description"),
        variables=live.inputs.get("variables"),
    )


def _read_deployment(live: Live) -> dict[str, Any]:
    found = live.call("get_deployment", restApiId=live.get("restApi"), deploymentId=live.id)
    return {
        "restApi": live.get("restApi"),
        "description": found.get("description") or None,
        "createdDate": convert.from_aws(found.get("createdDate"), None),
    }


DEPLOYMENT = Type(
    "aws:apigateway/deployment:Deployment",
    "apigateway",
    id=Answer("id"),
    computed=("createdDate",),
    create=_deploy,
    read=_read_deployment,
    update=Step(
        lambda live: _patch(
            live,
            "update_deployment",
            _replaced(live, {"description": "/description"}),
            restApiId=live.get("restApi"),
            deploymentId=live.id,
        ),
        on=("description",),
    ),
    delete=Call("delete_deployment", {"restApiId": "restApi", "deploymentId": "id"}, fill=False),
)

_STAGE_PATCHES: Final = {
    "cacheClusterEnabled": "/cacheClusterEnabled",
    "cacheClusterSize": "/cacheClusterSize",
    "clientCertificateId": "/clientCertificateId",
    "deployment": "/deploymentId",
    "description": "/description",
    "documentationVersion": "/documentationVersion",
    "xrayTracingEnabled": "/tracingEnabled",
}


def _of_stage(live: Live) -> dict[str, Any]:
    return {"restApiId": live.get("restApi"), "stageName": live.get("stageName")}


def _create_stage(live: Live) -> None:
    wanted = live.inputs
    live.call(
        "create_stage",
        restApiId=wanted["restApi"],
        stageName=wanted["stageName"],
        deploymentId=wanted["deployment"],
        description=wanted.get("description"),
        cacheClusterEnabled=wanted.get("cacheClusterEnabled"),
        cacheClusterSize=wanted.get("cacheClusterSize"),
        variables=wanted.get("variables"),
        documentationVersion=wanted.get("documentationVersion"),
        tracingEnabled=wanted.get("xrayTracingEnabled"),
        tags=live.tags or None,
    )


def _log(live: Live) -> None:
    logs = live.inputs.get("accessLogSettings")
    if not logs:
        _patch(live, "update_stage", [{"op": "remove", "path": "/accessLogSettings"}], **_of_stage(live))
        return
    values = {"destinationArn": logs["destinationArn"].removesuffix(":*"), "format": logs["format"]}
    patches = [
        {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value} for name, value in values.items()
    ]
    _patch(live, "update_stage", patches, **_of_stage(live))


def _vary(live: Live) -> None:
    before, wanted = live.state.get("variables") or {}, live.inputs.get("variables") or {}
    gone = [{"op": "remove", "path": f"/variables/{name}"} for name in sorted(set(before) - set(wanted))]
    new = [
        {"op": "replace", "path": f"/variables/{name}", "value": value}
        for name, value in wanted.items()
        if before.get(name) != value
    ]
    _patch(live, "update_stage", [*gone, *new], **_of_stage(live))


def _read_stage(live: Live) -> dict[str, Any]:
    found = live.call("get_stage", **_of_stage(live))
    api, name = live.get("restApi"), found["stageName"]
    logs = found.get("accessLogSettings") or {}
    host = f"{api}.execute-api.{live.region}.amazonaws.com"
    return {
        "restApi": api,
        "stageName": name,
        "deployment": found["deploymentId"],
        "accessLogSettings": {"destinationArn": logs["destinationArn"], "format": logs["format"]} if logs else None,
        "arn": _stage_arn(live),
        "cacheClusterEnabled": bool(found.get("cacheClusterEnabled")),
        "cacheClusterSize": found.get("cacheClusterSize"),
        "description": found.get("description") or None,
        "executionArn": f"arn:{live.partition}:execute-api:{live.region}:{live.account}:{api}/{name}",
        "invokeUrl": f"https://{host}/{name}",
        "variables": found.get("variables") or None,
        "webAclArn": found.get("webAclArn") or "",
        "xrayTracingEnabled": bool(found.get("tracingEnabled")),
    }


STAGE = Type(
    "aws:apigateway/stage:Stage",
    "apigateway",
    id=lambda live: f"ags-{live.get('restApi')}-{live.get('stageName')}",
    from_id=lambda id: dict(zip(("restApi", "stageName"), id.removeprefix("ags-").split("-", 1), strict=True)),
    name=Name("stageName", limit=128),
    defaults={"cacheClusterEnabled": False, "xrayTracingEnabled": False},
    computed=("arn", "executionArn", "invokeUrl", "webAclArn"),
    volatile=("webAclArn",),
    create=(_create_stage, Step(_log, on=("accessLogSettings",))),
    read=_read_stage,
    update=(
        Step(lambda live: _patch(live, "update_stage", _replaced(live, _STAGE_PATCHES), **_of_stage(live)),
             on=tuple(_STAGE_PATCHES)),
        Step(_log, on=("accessLogSettings",)),
        Step(_vary, on=("variables",)),
    ),
    delete=Call("delete_stage", {"restApiId": "restApi", "stageName": "stageName"}, fill=False),
    replace=("restApi", "stageName"),
    kept=("cacheClusterSize",),
    tags=_tags(_stage_arn, lambda live: live.call("get_stage", **_of_stage(live))),
)  # fmt: skip

_SETTINGS: Final = {
    "cacheDataEncrypted": ("caching/dataEncrypted", "cacheDataEncrypted"),
    "cacheTtlInSeconds": ("caching/ttlInSeconds", "cacheTtlInSeconds"),
    "cachingEnabled": ("caching/enabled", "cachingEnabled"),
    "dataTraceEnabled": ("logging/dataTrace", "dataTraceEnabled"),
    "loggingLevel": ("logging/loglevel", "loggingLevel"),
    "metricsEnabled": ("metrics/enabled", "metricsEnabled"),
    "requireAuthorizationForCacheControl": (
        "caching/requireAuthorizationForCacheControl",
        "requireAuthorizationForCacheControl",
    ),
    "throttlingBurstLimit": ("throttling/burstLimit", "throttlingBurstLimit"),
    "throttlingRateLimit": ("throttling/rateLimit", "throttlingRateLimit"),
    "unauthorizedCacheControlHeaderStrategy": (
        "caching/unauthorizedCacheControlHeaderStrategy",
        "unauthorizedCacheControlHeaderStrategy",
    ),
}
"""By property: the path of its patch, and the member of the answer."""


def _set_methods(live: Live) -> None:
    wanted: Mapping[str, Any] = live.inputs["settings"]
    patches = [
        {"op": "replace", "path": f"/{live.get('methodPath')}/{_SETTINGS[prop][0]}", "value": _text(value)}
        for prop, value in wanted.items()
        if value is not None
    ]
    _patch(live, "update_stage", patches, **_of_stage(live))


def _read_methods(live: Live) -> dict[str, Any] | None:
    """What was set; of the rest the service shows its defaults, which the provider keeps as they are."""
    found = live.call("get_stage", **_of_stage(live)).get("methodSettings", {}).get(live.get("methodPath"))
    if found is None:
        return None
    wanted = live.get("settings") or _SETTINGS
    settings = {prop: found[member] for prop, (_, member) in _SETTINGS.items() if prop in wanted and member in found}
    return {
        "restApi": live.get("restApi"),
        "stageName": live.get("stageName"),
        "methodPath": live.get("methodPath"),
        "settings": settings,
    }


def _forget_methods(live: Live) -> None:
    gone = {"op": "remove", "path": f"/{live.get('methodPath')}"}
    _patch(live, "update_stage", [gone], **_of_stage(live))


METHOD_SETTINGS = Type(
    "aws:apigateway/methodSettings:MethodSettings",
    "apigateway",
    id=lambda live: f"{live.get('restApi')}-{live.get('stageName')}-{live.get('methodPath')}",
    create=_set_methods,
    read=_read_methods,
    update=Step(_set_methods, on=("settings",)),
    delete=_forget_methods,
)


def _set_account(live: Live) -> None:
    role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": live.inputs.get("cloudwatchRoleArn") or ""}
    live.call("update_account", patchOperations=[role])


def _read_account(live: Live) -> dict[str, Any]:
    found = live.call("get_account")
    throttled = found.get("throttleSettings") or {}
    return {
        "apiKeyVersion": found.get("apiKeyVersion"),
        "cloudwatchRoleArn": found.get("cloudwatchRoleArn") or "",
        "features": found.get("features") or [],
        "throttleSettings": [
            {"burstLimit": throttled.get("burstLimit"), "rateLimit": int(throttled.get("rateLimit", 0))}
        ],
    }


def _reset_account(live: Live) -> None:
    live.call("update_account", patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])


ACCOUNT = Type(
    "aws:apigateway/account:Account",
    "apigateway",
    id=lambda live: "api-gateway-account",
    computed=("apiKeyVersion", "features", "throttleSettings"),
    create=_set_account,
    read=_read_account,
    update=Step(_set_account, on=("cloudwatchRoleArn",)),
    delete=_reset_account,
    kept=("cloudwatchRoleArn",),
)

TYPES = (REST_API, POLICY, DEPLOYMENT, STAGE, METHOD_SETTINGS, ACCOUNT)
