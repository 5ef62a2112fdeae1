"""What IAM is asked when API Gateway is called, and WAF for what lies there: methods of HTTP, on paths without account.

Source: apigateway/latest/developerguide/api-gateway-iam-policy-examples, and for what WAF asks
waf/latest/developerguide/waf-chapter-permissions-associating-web-acl.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from botocore.loaders import Loader
from botocore.model import ServiceModel

from modelyard_sandbox.inprocess import Call

SERVICE: Final = "apigateway"
API: Final = "aws:apigateway/restApi:RestApi"
POLICY: Final = "apigateway:UpdateRestApiPolicy"
PROTECT: Final = "apigateway:SetWebACL"
_PROTECTS: Final = ("AssociateWebACL", "DisassociateWebACL")
_OF_A_THING: Final = (*_PROTECTS, "GetWebACLForResource")
_MANAGED: Final = "AWSManagedRules"


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


def actions(call: Call) -> list[str]:
    """The method of the call, and what a policy in it asks besides."""
    found = [f"{SERVICE}:{_model().operation_model(call.operation).http['method']}"]
    patched = [patch.get("path") for patch in call.parameters.get("patchOperations", ())]
    if (
        (call.operation == "CreateRestApi" and call.parameters.get("policy"))
        or (call.operation == "UpdateRestApi" and "/policy" in patched)
        or "x-amazon-apigateway-policy" in _body(call)
    ):
        found.append(POLICY)
    return found


def arns(call: Call, action: str, region: str) -> tuple[str, ...]:
    """What the call is on; nothing where it is neither API Gateway's, nor WAF's about a thing of somebody else's."""
    if call.service == SERVICE:
        return (f"arn:aws:{SERVICE}:{region}::{_path(call)}",)
    if call.service != "wafv2":
        return ()
    if call.operation in _OF_A_THING:
        named = (call.parameters.get("WebACLArn"), call.parameters["ResourceArn"])
        return tuple(str(arn) for arn in named if arn)
    return ()


def beside(call: Call) -> tuple[tuple[str, str], ...]:
    """Further actions, each with what it is on: a stage says who may put a web ACL before it."""
    if call.service == "wafv2" and call.operation in _PROTECTS:
        return ((PROTECT, str(call.parameters["ResourceArn"])),)
    return ()


def rule_sets(call: Call, region: str, account: str) -> tuple[str, ...]:
    """The managed groups of rules that a web ACL is made of, each of which must be allowed."""
    if call.service != "wafv2" or call.operation not in ("CreateWebACL", "UpdateWebACL"):
        return ()
    names = sorted(set(re.findall(rf"{_MANAGED}\w+", str(call.parameters.get("Rules")))))
    return tuple(f"arn:aws:wafv2:{region}:{account}:regional/managedruleset/{name}/1" for name in names)


def roles(call: Call) -> set[str]:
    """The roles that a definition hands to API Gateway."""
    handed = r'"(?:credentials|authorizerCredentials)":\s*"(arn:aws:iam::\d{12}:role/[^"]+)"'
    return set(re.findall(handed, _body(call)))


def _body(call: Call) -> str:
    return call.parameters.get("body", b"").decode() if call.service == SERVICE else ""


def _path(call: Call) -> str:
    model = _model().operation_model(call.operation)
    shape: Any = model.input_shape
    places = {
        member.serialization["name"]: name
        for name, member in (shape.members if shape else {}).items()
        if member.serialization.get("location") == "uri"
    }

    def filled(found: re.Match[str]) -> str:
        value = str(call.parameters[places[found[1]]])
        return quote(value, safe="") if value.startswith("arn:") else value

    return re.sub(r"\{(\w+)\+?\}", filled, model.http["requestUri"].partition("?")[0])
