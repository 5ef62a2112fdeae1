"""EC2: security groups with rules of their own, and the default group of a VPC. Source: the EC2 API reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Type, fields
from modelyard_sandbox.aws.tables.ec2_shared import TAGS, filters

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SIDES: Final = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
_SOURCES: Final = (
    ("cidrBlocks", "IpRanges", "CidrIp"),
    ("ipv6CidrBlocks", "Ipv6Ranges", "CidrIpv6"),
    ("prefixListIds", "PrefixListIds", "PrefixListId"),
    ("securityGroups", "UserIdGroupPairs", "GroupId"),
)
_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def protocol(value: Any) -> str:
    """A protocol as AWS names it: `tcp` for 6."""
    return _NUMBERS.get(str(value).lower(), str(value).lower())


def ports(rule: Mapping[str, Any]) -> dict[str, int]:
    """The ports of a rule as AWS takes them: none where all protocols are meant."""
    if protocol(rule.get("protocol") or rule.get("ipProtocol")) == "-1":
        return {}
    return {
        member: int(rule[prop]) for prop, member in (("fromPort", "FromPort"), ("toPort", "ToPort")) if prop in rule
    }


def _permissions(rules: Iterable[Mapping[str, Any]], group: str) -> list[dict[str, Any]]:
    """Inline rules as one permission for each source, so that two lists compare whatever their order."""
    found: list[dict[str, Any]] = []
    for rule in rules:
        base = {"IpProtocol": protocol(rule["protocol"]), **ports(rule)}
        said = {"Description": rule["description"]} if rule.get("description") else {}
        own = [group] if rule.get("self") else []
        for prop, member, key in _SOURCES:
            sources = [*(rule.get(prop) or []), *(own if member == "UserIdGroupPairs" else [])]
            found += [{**base, member: [{key: source, **said}]} for source in sources]
    return found


def _split(permissions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What AWS answers, split and stripped to the form of `_permissions`."""
    for permission in permissions:
        whole = permission["IpProtocol"] == "-1"
        base = {"IpProtocol": permission["IpProtocol"]}
        if not whole:
            base |= {member: permission[member] for member in ("FromPort", "ToPort") if member in permission}
        for _, member, key in _SOURCES:
            for source in permission.get(member, []):
                said = {"Description": source["Description"]} if source.get("Description") else {}
                yield {**base, member: [{key: source[key], **said}]}


def _inline(permission: Mapping[str, Any], group: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
    }
    for prop, member, key in _SOURCES:
        for source in permission.get(member, []):
            rule |= {"self": True} if source[key] == group else {prop: [source[key]]}
            if source.get("Description"):
                rule["description"] = source["Description"]
    return rule


def _rules(live: Live, group: Mapping[str, Any], side: str) -> list[dict[str, Any]]:
    """The group's rules, in the form in which they were wanted where they mean the same."""
    now = list(_split(group.get(_SIDES[side], [])))
    known = live.get(side) or []
    wanted = _permissions(known, group["GroupId"])
    if len(now) == len(wanted) and all(permission in now for permission in wanted):
        return list(known)
    return [_inline(permission, group["GroupId"]) for permission in now]


def _revoke(live: Live, side: str, permissions: list[dict[str, Any]]) -> None:
    if permissions:
        live.call(f"revoke_security_group_{side}", GroupId=live.id, IpPermissions=permissions)


def _write(side: str) -> Step:
    def write(live: Live) -> None:
        before = _permissions(live.old.get(side) or [], live.id)
        wanted = _permissions(live.inputs.get(side) or [], live.id)
        _revoke(live, side, [permission for permission in before if permission not in wanted])
        new = [permission for permission in wanted if permission not in before]
        if new:
            live.call(f"authorize_security_group_{side}", GroupId=live.id, IpPermissions=new)

    return Step(write, on=(side,))


def _strip(live: Live) -> None:
    """Take all rules away: AWS's default of letting everything out, and what stood there before adoption."""
    group = live.call("describe_security_groups", GroupIds=[live.id])["SecurityGroups"][0]
    for side, member in _SIDES.items():
        _revoke(live, side, list(_split(group.get(member, []))))


def _read_group(live: Live) -> dict[str, Any]:
    group = live.call("describe_security_groups", GroupIds=[live.id])["SecurityGroups"][0]
    return {
        "arn": group["SecurityGroupArn"],
        "ownerId": group["OwnerId"],
        "name": group["GroupName"],
        "namePrefix": live.get("namePrefix") or "",
        "description": group["Description"],
        "vpcId": group["VpcId"],
        **{side: _rules(live, group, side) for side in _SIDES},
    }


def _vpc(live: Live) -> str:
    """The VPC asked for, else the region's default one."""
    if live.inputs.get("vpcId"):
        return live.inputs["vpcId"]
    return live.call("describe_vpcs", Filters=filters(is_default="true"))["Vpcs"][0]["VpcId"]


def _revoke_all(live: Live) -> None:
    if live.get("revokeRulesOnDelete"):
        _strip(live)


_WRITE: Final = (_write("ingress"), _write("egress"))
SECURITY_GROUP = Type(
    "aws:ec2/securityGroup:SecurityGroup",
    "ec2",
    fields=fields("description", name="GroupName"),
    id=Answer("GroupId"),
    name=Name("name", limit=255, prefix="namePrefix"),
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    computed=("arn", "ownerId"),
    create=(Call("create_security_group", {"VpcId": _vpc}), _strip, *_WRITE),
    read=_read_group,
    update=_WRITE,
    delete=(_revoke_all, Call("delete_security_group", {"GroupId": "id"}, fill=False)),
    sets=tuple(_SIDES),
    inert=("revokeRulesOnDelete",),
    tags=TAGS,
)


def _adopt(live: Live) -> dict[str, Any]:
    of_vpc = filters(vpc_id=_vpc(live), group_name="default")
    return live.call("describe_security_groups", Filters=of_vpc)["SecurityGroups"][0]


DEFAULT_SECURITY_GROUP = Type(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "ec2",
    id=lambda live: live.answer["GroupId"],
    defaults={"revokeRulesOnDelete": False},
    computed=("arn", "ownerId", "name", "namePrefix", "description"),
    create=(_adopt, _strip, *_WRITE),
    read=_read_group,
    update=_WRITE,
    sets=tuple(_SIDES),
    inert=("revokeRulesOnDelete",),
    tags=TAGS,
)

TYPES = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP)
