"""VPC: rules of security groups as resources of their own. Source: the EC2 API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Step, Type
from modelyard_sandbox.aws.tables.ec2_groups import ports, protocol
from modelyard_sandbox.aws.tables.ec2_shared import TAGS, arn

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SOURCES: Final = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupId", "UserIdGroupPairs", "GroupId"),
}
"""For each property of a source: its member of a rule, and its list and key in a permission."""


def _source(live: Live) -> tuple[str, str]:
    return next((prop, live.inputs[prop]) for prop in _SOURCES if live.inputs.get(prop))


def _authorize(side: str) -> Any:
    def authorize(live: Live) -> dict[str, Any]:
        prop, source = _source(live)
        _, kind, key = _SOURCES[prop]
        said = {"Description": live.inputs["description"]} if live.inputs.get("description") else {}
        permission = {"IpProtocol": protocol(live.inputs["ipProtocol"]), **ports(live.inputs)}
        answer = live.call(
            f"authorize_security_group_{side}",
            GroupId=live.inputs["securityGroupId"],
            IpPermissions=[{**permission, kind: [{key: source, **said}]}],
        )
        return answer["SecurityGroupRules"][0]

    return authorize


def _read(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_security_group_rules", SecurityGroupRuleIds=[live.id])["SecurityGroupRules"]
    if not found:
        return None
    rule = found[0]
    wanted = live.get("ipProtocol")
    return {
        "arn": arn(live, "security-group-rule"),
        "securityGroupRuleId": live.id,
        "securityGroupId": rule["GroupId"],
        "ipProtocol": wanted if wanted and protocol(wanted) == rule["IpProtocol"] else rule["IpProtocol"],
        "fromPort": rule["FromPort"] if rule["IpProtocol"] != "-1" else live.get("fromPort"),
        "toPort": rule["ToPort"] if rule["IpProtocol"] != "-1" else live.get("toPort"),
        "cidrIpv4": rule.get("CidrIpv4"),
        "cidrIpv6": rule.get("CidrIpv6"),
        "prefixListId": rule.get("PrefixListId"),
        "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
        "description": rule.get("Description"),
    }


def _modify(live: Live) -> None:
    prop, source = _source(live)
    changed = {
        "IpProtocol": protocol(live.inputs["ipProtocol"]),
        "FromPort": -1,
        "ToPort": -1,
        **ports(live.inputs),
        "Description": live.inputs.get("description", ""),
        _SOURCES[prop][0]: source,
    }
    live.call(
        "modify_security_group_rules",
        GroupId=live.inputs["securityGroupId"],
        SecurityGroupRules=[{"SecurityGroupRuleId": live.id, "SecurityGroupRule": changed}],
    )


def _revoke(side: str) -> Any:
    def revoke(live: Live) -> None:
        group = live.get("securityGroupId")
        live.call(f"revoke_security_group_{side}", GroupId=group, SecurityGroupRuleIds=[live.id])

    return revoke


def _rule(side: str) -> Type:
    kind = f"SecurityGroup{side.capitalize()}Rule"
    return Type(
        f"aws:vpc/s{kind[1:]}:{kind}",
        "ec2",
        id=Answer("SecurityGroupRuleId"),
        computed=("arn", "securityGroupRuleId"),
        create=_authorize(side),
        read=_read,
        update=Step(_modify, on=(*_SOURCES, "description", "fromPort", "ipProtocol", "toPort")),
        delete=_revoke(side),
        tags=TAGS,
    )


SECURITY_GROUP_INGRESS_RULE = _rule("ingress")
SECURITY_GROUP_EGRESS_RULE = _rule("egress")

TYPES = (SECURITY_GROUP_INGRESS_RULE, SECURITY_GROUP_EGRESS_RULE)
