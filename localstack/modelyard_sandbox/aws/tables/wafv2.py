"""WAF: web ACLs, what they protect, and where they log. Source: the AWS WAF V2 API reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_RENAMED: Final = {
    "visibilityConfig.cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
    "rules.visibilityConfig.cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
}
_SAID: Final = (
    *("captchaConfig", "challengeConfig", "dataProtectionConfig", "defaultAction", "description", "rules"),
    *("tokenDomains", "visibilityConfig"),
)
_INSPECTED: Final = {
    "apiGateway": "API_GATEWAY",
    "appRunnerService": "APP_RUNNER_SERVICE",
    "cloudfront": "CLOUDFRONT",
    "cognitoUserPool": "COGNITO_USER_POOL",
    "verifiedAccessInstance": "VERIFIED_ACCESS_INSTANCE",
}
_GONE: Final = ("WAFNonexistentItemException",)
_WINDOW: Final = 300
"""Seconds over which a rate is counted where nobody says otherwise."""


def _shape(live: Live, member: str = "") -> Any:
    shape = live.client().meta.service_model.operation_model("CreateWebACL").input_shape
    return shape.members[member] if member else shape


def _wanted(live: Live) -> dict[str, Any]:
    wanted = live.inputs
    sent = convert.to_aws({prop: wanted[prop] for prop in _SAID if wanted.get(prop) is not None}, _shape(live),
                          {**_RENAMED, "rules": "Rules"})  # fmt: skip
    sent.setdefault("Rules", [])
    bodies = (wanted.get("associationConfig") or {}).get("requestBodies") or ()
    if bodies:
        sent["AssociationConfig"] = {
            "RequestBody": {
                _INSPECTED[kind]: {"DefaultSizeInspectionLimit": said["defaultSizeInspectionLimit"]}
                for body in bodies
                for kind, said in body.items()
                if said
            }
        }
    if wanted.get("customResponseBodies"):
        sent["CustomResponseBodies"] = {
            body["key"]: {"Content": body["content"], "ContentType": body["contentType"]}
            for body in wanted["customResponseBodies"]
        }
    return {"Name": live.get("name"), "Scope": live.get("scope"), **sent}


def _create(live: Live) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in live.tags.items()]
    return live.call("create_web_acl", **_wanted(live), Tags=tags or None)["Summary"]


def _found(live: Live) -> dict[str, Any]:
    return live.call("get_web_acl", Name=live.get("name"), Scope=live.get("scope"), Id=live.id)


def _update(live: Live) -> None:
    live.call("update_web_acl", **_wanted(live), Id=live.id, LockToken=_found(live)["LockToken"])


def _delete(live: Live) -> None:
    token = _found(live)["LockToken"]
    live.call("delete_web_acl", Name=live.get("name"), Scope=live.get("scope"), Id=live.id, LockToken=token)


def _without_defaults(value: Any) -> Any:
    """Windows of five minutes are the service's own, and said by nobody."""
    if isinstance(value, Mapping):
        return {
            key: _without_defaults(item)
            for key, item in value.items()
            if (key, item) != ("evaluationWindowSec", _WINDOW)
        }
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value


def _in_known_order(rules: Sequence[Mapping[str, Any]], known: Any) -> list[Mapping[str, Any]]:
    order = [rule["name"] for rule in known or ()]
    return sorted(rules, key=lambda rule: order.index(rule["name"]) if rule["name"] in order else len(order))


def _read(live: Live) -> dict[str, Any]:
    acl = _found(live)["WebACL"]
    shown = {
        prop: convert.from_aws(acl[prop[0].upper() + prop[1:]], _shape(live, prop[0].upper() + prop[1:]), _RENAMED,
                               prop)
        for prop in _SAID
        if acl.get(prop[0].upper() + prop[1:]) not in (None, "", [])
    }  # fmt: skip
    bodies = acl.get("AssociationConfig", {}).get("RequestBody", {})
    kinds = {member: prop for prop, member in _INSPECTED.items()}
    if bodies:
        shown["associationConfig"] = {
            "requestBodies": [
                {kinds[kind]: {"defaultSizeInspectionLimit": said["DefaultSizeInspectionLimit"]}}
                for kind, said in bodies.items()
            ]
        }
    if acl.get("CustomResponseBodies"):
        shown["customResponseBodies"] = [
            {"key": key, "content": body["Content"], "contentType": body["ContentType"]}
            for key, body in acl["CustomResponseBodies"].items()
        ]
    if "rules" in shown:
        spoken = any("evaluationWindowSec" in str(rule) for rule in live.get("rules") or ())
        rules = shown["rules"] if spoken else _without_defaults(shown["rules"])
        shown["rules"] = _in_known_order(rules, live.get("rules"))
    return {
        **shown,
        "arn": acl["ARN"],
        "applicationIntegrationUrl": "",
        "capacity": acl["Capacity"],
        "lockToken": _found(live)["LockToken"],
        "name": acl["Name"],
        "scope": live.get("scope"),
    }


WEB_ACL = Type(
    "aws:wafv2/webAcl:WebAcl",
    "wafv2",
    id=lambda live: live.answer["Id"],
    from_id=lambda id: dict(zip(("name", "scope"), id.split("/")[1:], strict=True)),
    name=Name("name", limit=128, prefix="namePrefix"),
    computed=("applicationIntegrationUrl", "arn", "capacity", "lockToken"),
    volatile=("capacity", "lockToken"),
    create=_create,
    read=_read,
    update=Step(_update, on=(*_SAID, "associationConfig", "customResponseBodies")),
    delete=_delete,
    replace=("name", "namePrefix", "scope"),
    sets=("customResponseBodies", "rules"),
    gone=_GONE,
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"ResourceARN": "arn"},
        at="TagInfoForResource.TagList",
        sent_at="Tags",
        on_create="Tags",
    ),
)


def _read_association(live: Live) -> dict[str, Any] | None:
    acl, resource = live.id.split(",", 1)
    found = live.call("get_web_acl_for_resource", ResourceArn=resource).get("WebACL")
    return {"webAclArn": acl, "resourceArn": resource} if found and found["ARN"] == acl else None


ASSOCIATION = Type(
    "aws:wafv2/webAclAssociation:WebAclAssociation",
    "wafv2",
    fields={"webAclArn": "WebACLArn", "resourceArn": "ResourceArn"},
    id=lambda live: f"{live.get('webAclArn')},{live.get('resourceArn')}",
    from_id=lambda id: dict(zip(("webAclArn", "resourceArn"), id.split(",", 1), strict=True)),
    create=Call("associate_web_acl"),
    read=_read_association,
    delete=Call("disassociate_web_acl", {"ResourceArn": "resourceArn"}, fill=False),
    gone=_GONE,
)

_LOGGED: Final = ("logDestinationConfigs", "loggingFilter", "redactedFields")


def _log(live: Live) -> None:
    shape = live.client().meta.service_model.shape_for("LoggingConfiguration")
    said = {prop: live.inputs.get(prop) for prop in ("resourceArn", *_LOGGED)}
    live.call("put_logging_configuration", LoggingConfiguration=convert.to_aws(said, shape))


def _read_logging(live: Live) -> dict[str, Any]:
    found = live.call("get_logging_configuration", ResourceArn=live.id)["LoggingConfiguration"]
    shape = live.client().meta.service_model.shape_for("LoggingConfiguration")
    shown = convert.from_aws(found, shape)
    return {"resourceArn": live.id, **{prop: shown[prop] for prop in _LOGGED if shown.get(prop)}}


LOGGING = Type(
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
    "wafv2",
    id="resourceArn",
    create=_log,
    read=_read_logging,
    update=Step(_log, on=_LOGGED),
    delete=Call("delete_logging_configuration", {"ResourceArn": "id"}, fill=False),
    replace=("resourceArn",),
    sets=("logDestinationConfigs", "redactedFields"),
    gone=_GONE,
)

TYPES = (WEB_ACL, ASSOCIATION, LOGGING)
