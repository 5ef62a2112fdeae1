"""WAF: what a web ACL's rules weigh, what it protects, and that one which protects something stays.

Weights: waf/latest/developerguide/aws-waf-capacity-units and the page of each statement and managed rule group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.wafv2.exceptions import WAFNonexistentItemException, WAFv2ClientError
from moto.wafv2.models import WAFV2Backend

_create_web_acl = WAFV2Backend.create_web_acl
_update_web_acl = WAFV2Backend.update_web_acl
_delete_web_acl = WAFV2Backend.delete_web_acl
_associate_web_acl = WAFV2Backend.associate_web_acl
_get_web_acl_for_resource = WAFV2Backend.get_web_acl_for_resource

MOST_CAPACITY: Final = 5_000
"""Of a web ACL (waf/latest/developerguide/limits)."""
_GROUPS: Final[Mapping[str, int]] = {
    "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50,
    "AWSManagedRulesBotControlRuleSet": 50,
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesLinuxRuleSet": 200,
    "AWSManagedRulesPHPRuleSet": 100,
    "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesUnixRuleSet": 100,
    "AWSManagedRulesWindowsRuleSet": 200,
    "AWSManagedRulesWordPressRuleSet": 100,
}
_STATEMENTS: Final[Mapping[str, int]] = {
    "AsnMatchStatement": 1,
    "ByteMatchStatement": 10,
    "GeoMatchStatement": 1,
    "IPSetReferenceStatement": 1,
    "LabelMatchStatement": 1,
    "RegexMatchStatement": 3,
    "RegexPatternSetReferenceStatement": 25,
    "SizeConstraintStatement": 1,
    "SqliMatchStatement": 20,
    "XssMatchStatement": 40,
}
_STAGE: Final = re.compile(r"arn:[^:]+:apigateway:([a-z0-9-]+)::/restapis/([^/]+)/stages/([^/]+)")


class _Refused(WAFv2ClientError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def capacity(statement: Mapping[str, Any]) -> int:
    """The capacity units of one statement. Raises WAFInvalidParameterException for a managed group that isn't AWS's."""
    ((kind, said),) = statement.items()
    transformed = 10 * sum(each["Type"] != "NONE" for each in said.get("TextTransformations", ()))
    if kind in ("AndStatement", "OrStatement"):
        return sum(capacity(inner) for inner in said["Statements"])
    if kind == "NotStatement":
        return capacity(said["Statement"])
    if kind == "RateBasedStatement":
        keys = 30 * len(said.get("CustomKeys", ()))
        return 2 + keys + (capacity(said["ScopeDownStatement"]) if "ScopeDownStatement" in said else 0)
    if kind == "ManagedRuleGroupStatement":
        if said["VendorName"] != "AWS" or said["Name"] not in _GROUPS:
            raise _Refused("WAFInvalidParameterException", f"there is no managed rule group {said['Name']}")
        return _GROUPS[said["Name"]] + (capacity(said["ScopeDownStatement"]) if "ScopeDownStatement" in said else 0)
    return _STATEMENTS.get(kind, 1) + transformed


def _weighed(rules: Iterable[Mapping[str, Any]]) -> int:
    used = sum(capacity(rule["Statement"]) for rule in rules)
    if used > MOST_CAPACITY:
        raise _Refused("WAFLimitsExceededException", f"the rules need {used} capacity units; {MOST_CAPACITY} are there")
    return used


def create_web_acl(self: Any, *args: Any, **kwargs: Any) -> Any:
    """CreateWebACL, with the capacity that its rules use."""
    rules = kwargs["rules"] if "rules" in kwargs else args[6]
    used = _weighed(rules or ())
    made = _create_web_acl(self, *args, **kwargs)
    made.capacity = used
    return made


def update_web_acl(
    self: Any, name: str, _id: str, default_action: Any, rules: Any, description: Any, *rest: Any
) -> Any:
    """UpdateWebACL says everything: no rules are no rules, and no description is none."""
    used = _weighed(rules or ())
    token = _update_web_acl(self, name, _id, default_action, rules, description or "", *rest)
    acl = self.get_web_acl(None, name, _id)
    acl.capacity = used
    if not rules:
        acl.rules = []
    association = rest[-1] if rest else None
    acl.association_config = association
    return token


def delete_web_acl(self: Any, name: str, scope: str, _id: str, lock_token: str) -> None:
    """DeleteWebACL; not while it protects something."""
    acl = self.get_web_acl(None, name, _id)
    if acl.associated_resources:
        raise _Refused(
            "WAFAssociatedItemException",
            "AWS WAF couldn't perform the operation because your resource is being used by another resource.",
        )
    _delete_web_acl(self, name, scope, _id, lock_token)
    self.logging_configurations.pop(acl.arn, None)


def associate_web_acl(self: Any, web_acl_arn: str, resource_arn: str) -> None:
    """AssociateWebACL: the thing must exist, and has one web ACL at most."""
    if web_acl_arn not in self.wacls:
        raise WAFNonexistentItemException
    if _STAGE.fullmatch(resource_arn) and self._find_apigw_stage(resource_arn) is None:
        raise WAFNonexistentItemException
    for acl in self.wacls.values():
        acl.associated_resources = [known for known in acl.associated_resources if known != resource_arn]
    _associate_web_acl(self, web_acl_arn, resource_arn)


def _find_stage(self: Any, resource_arn: str) -> Any:
    from moto.apigateway.models import apigateway_backends

    found = _STAGE.fullmatch(resource_arn)
    if found is None:
        return None
    api = apigateway_backends[self.account_id][found[1]].apis.get(found[2])
    return api.stages.get(found[3]) if api else None


def get_web_acl_for_resource(self: Any, resource_arn: str) -> Any:
    """GetWebACLForResource; what is gone has none to show."""
    if _STAGE.fullmatch(resource_arn) and self._find_apigw_stage(resource_arn) is None:
        raise WAFNonexistentItemException
    return _get_web_acl_for_resource(self, resource_arn)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_web_acl,
        update_web_acl,
        delete_web_acl,
        associate_web_acl,
        get_web_acl_for_resource,
    ):
        setattr(WAFV2Backend, operation.__name__, operation)
    WAFV2Backend._find_apigw_stage = _find_stage  # type: ignore[method-assign]
