"""Elastic Load Balancing: balancers, target groups and listeners. Source: the ELB API reference, version 2015-12-01."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Name, Step, TagFunctions, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _read_tags(live: Live) -> dict[str, str]:
    found = live.call("describe_tags", ResourceArns=[live.id])["TagDescriptions"]
    return {tag["Key"]: tag.get("Value", "") for tag in found[0]["Tags"]} if found else {}


def _write_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    removed = sorted(set(old) - set(new))
    written = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    if removed:
        live.call("remove_tags", ResourceArns=[live.id], TagKeys=removed)
    if written:
        live.call("add_tags", ResourceArns=[live.id], Tags=written)


_TAGS = TagFunctions(_read_tags, _write_tags)

_OF_BALANCER: Final = {
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
}
_OF_TARGETS: Final = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "slowStart": "slow_start.duration_seconds",
}
_NUMBERS: Final = ("deregistrationDelay", "idleTimeout", "slowStart")


def _attributes(live: Live, known: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"Key": key, "Value": str(value).lower() if isinstance(value, bool) else str(value)}
        for prop, key in known.items()
        if (value := live.inputs.get(prop)) is not None and (not live.changed or prop in live.changed)
    ]


def _shown(prop: str, value: str) -> Any:
    if prop in _NUMBERS:
        return int(value)
    return value == "true" if value in ("true", "false") else value


def _attributes_of(answer: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    found = {each["Key"]: each["Value"] for each in answer["Attributes"]}
    return {prop: _shown(prop, found[key]) for prop, key in known.items() if key in found}


def _suffix(arn: str) -> str:
    """What metrics call it: the ARN from the kind on."""
    return arn.rpartition(":")[2].removeprefix("loadbalancer/")


def _create_balancer(live: Live) -> dict[str, Any]:
    return live.call(
        "create_load_balancer",
        Name=live.get("name"),
        Subnets=live.get("subnets"),
        SecurityGroups=live.get("securityGroups"),
        Scheme="internal" if live.get("internal") else "internet-facing",
        Type=live.get("loadBalancerType"),
        IpAddressType=live.get("ipAddressType"),
    )["LoadBalancers"][0]


def _set_attributes(live: Live) -> None:
    sent = _attributes(live, _OF_BALANCER)
    if sent:
        live.call("modify_load_balancer_attributes", LoadBalancerArn=live.id, Attributes=sent)


def _read_balancer(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_load_balancers", LoadBalancerArns=[live.id])["LoadBalancers"]
    if not found:
        return None
    balancer = found[0]
    arn: str = balancer["LoadBalancerArn"]
    attributes = live.call("describe_load_balancer_attributes", LoadBalancerArn=arn)
    return _attributes_of(attributes, _OF_BALANCER) | {
        "arn": arn,
        "arnSuffix": _suffix(arn),
        "name": balancer["LoadBalancerName"],
        "dnsName": balancer["DNSName"],
        "zoneId": balancer.get("CanonicalHostedZoneId"),
        "vpcId": balancer.get("VpcId"),
        "internal": balancer["Scheme"] == "internal",
        "loadBalancerType": balancer["Type"],
        "ipAddressType": balancer.get("IpAddressType"),
        "securityGroups": balancer.get("SecurityGroups"),
        "subnets": [zone["SubnetId"] for zone in balancer["AvailabilityZones"]],
    }


def _place(live: Live) -> None:
    if "subnets" in live.changed:
        live.call("set_subnets", LoadBalancerArn=live.id, Subnets=live.get("subnets"))
    if "securityGroups" in live.changed:
        live.call("set_security_groups", LoadBalancerArn=live.id, SecurityGroups=live.get("securityGroups"))


def _delete_balancer(live: Live) -> None:
    """A protected balancer stays; the provider takes no protection away by itself."""
    live.call("delete_load_balancer", LoadBalancerArn=live.id)


BALANCER = Type(
    "aws:lb/loadBalancer:LoadBalancer",
    "elbv2",
    id=lambda live: live.answer["LoadBalancerArn"],
    name=Name("name", limit=32, prefix="namePrefix"),
    defaults={
        "dropInvalidHeaderFields": False,
        "enableDeletionProtection": False,
        "enableHttp2": True,
        "idleTimeout": 60,
        "loadBalancerType": "application",
        "preserveHostHeader": False,
    },
    computed=("arn", "arnSuffix", "dnsName", "vpcId", "zoneId"),
    create=(_create_balancer, _set_attributes),
    read=_read_balancer,
    update=(Step(_place, on=("subnets", "securityGroups")), Step(_set_attributes, on=tuple(_OF_BALANCER))),
    delete=_delete_balancer,
    kept=("internal", "ipAddressType", "securityGroups"),
    sets=("securityGroups", "subnets"),
    tags=_TAGS,
)

_CHECKED: Final = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}
_COUNTED: Final = ("healthyThreshold", "interval", "timeout", "unhealthyThreshold")


def _check(live: Live) -> dict[str, Any]:
    wanted = live.inputs.get("healthCheck") or {}
    sent: dict[str, Any] = {
        member: int(wanted[prop]) if prop in _COUNTED else wanted[prop]
        for prop, member in _CHECKED.items()
        if wanted.get(prop) is not None
    }
    if wanted.get("matcher"):
        sent["Matcher"] = {"HttpCode": wanted["matcher"]}
    return sent


def _create_targets(live: Live) -> dict[str, Any]:
    return live.call(
        "create_target_group",
        Name=live.get("name"),
        Port=None if live.get("port") is None else int(live.get("port")),
        Protocol=live.get("protocol"),
        ProtocolVersion=live.get("protocolVersion"),
        TargetType=live.get("targetType"),
        VpcId=live.get("vpcId"),
        IpAddressType=live.get("ipAddressType"),
        **_check(live),
    )["TargetGroups"][0]


def _set_target_attributes(live: Live) -> None:
    sent = _attributes(live, _OF_TARGETS)
    if sent:
        live.call("modify_target_group_attributes", TargetGroupArn=live.id, Attributes=sent)


def _read_targets(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_target_groups", TargetGroupArns=[live.id])["TargetGroups"]
    if not found:
        return None
    group = found[0]
    attributes = live.call("describe_target_group_attributes", TargetGroupArn=live.id)
    check = {prop: group.get(member) for prop, member in _CHECKED.items() if group.get(member) is not None}
    if (group.get("Matcher") or {}).get("HttpCode"):
        check["matcher"] = group["Matcher"]["HttpCode"]
    return _attributes_of(attributes, _OF_TARGETS) | {
        "arn": group["TargetGroupArn"],
        "arnSuffix": _suffix(group["TargetGroupArn"]),
        "name": group["TargetGroupName"],
        "port": group.get("Port"),
        "protocol": group.get("Protocol"),
        "protocolVersion": group.get("ProtocolVersion"),
        "targetType": group["TargetType"],
        "vpcId": group.get("VpcId"),
        "ipAddressType": group.get("IpAddressType"),
        "loadBalancerArns": sorted(set(group.get("LoadBalancerArns") or [])),
        "healthCheck": check,
    }


def _recheck(live: Live) -> None:
    live.call("modify_target_group", TargetGroupArn=live.id, **_check(live))


TARGETS = Type(
    "aws:lb/targetGroup:TargetGroup",
    "elbv2",
    id=lambda live: live.answer["TargetGroupArn"],
    name=Name("name", limit=32, prefix="namePrefix"),
    defaults={"deregistrationDelay": 300, "slowStart": 0, "targetType": "instance"},
    computed=("arn", "arnSuffix", "loadBalancerArns"),
    volatile=("loadBalancerArns",),
    create=(_create_targets, _set_target_attributes),
    read=_read_targets,
    update=(Step(_recheck, on=("healthCheck",)), Step(_set_target_attributes, on=tuple(_OF_TARGETS))),
    delete=Call("delete_target_group", {"TargetGroupArn": "id"}, fill=False),
    kept=("healthCheck", "ipAddressType", "loadBalancingAlgorithmType", "protocolVersion"),
    tags=_TAGS,
)

_OF_LISTENER: Final = ("certificateArn", "defaultActions", "port", "protocol", "sslPolicy")


def _listening(live: Live) -> dict[str, Any]:
    actions = [
        {"Type": action["type"], "TargetGroupArn": action["targetGroupArn"]}
        for action in live.inputs.get("defaultActions") or []
    ]
    certificate = live.get("certificateArn")
    return {
        "Port": None if live.get("port") is None else int(live.get("port")),
        "Protocol": live.get("protocol"),
        "SslPolicy": live.get("sslPolicy"),
        "Certificates": [{"CertificateArn": certificate}] if certificate else None,
        "DefaultActions": actions,
    }


def _listen(live: Live) -> dict[str, Any]:
    return live.call("create_listener", LoadBalancerArn=live.get("loadBalancerArn"), **_listening(live))["Listeners"][0]


def _relisten(live: Live) -> None:
    live.call("modify_listener", ListenerArn=live.id, **_listening(live))


def _read_listener(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_listeners", ListenerArns=[live.id])["Listeners"]
    if not found:
        return None
    listener = found[0]
    certificates = listener.get("Certificates") or []
    return {
        "arn": listener["ListenerArn"],
        "loadBalancerArn": listener["LoadBalancerArn"],
        "port": int(listener["Port"]),
        "protocol": listener["Protocol"],
        "sslPolicy": listener.get("SslPolicy") if listener["Protocol"] == "HTTPS" else None,
        "certificateArn": certificates[0]["CertificateArn"] if certificates else None,
        "defaultActions": [
            {"type": action["Type"], "targetGroupArn": action.get("TargetGroupArn")}
            for action in listener["DefaultActions"]
        ],
    }


LISTENER = Type(
    "aws:lb/listener:Listener",
    "elbv2",
    id=lambda live: live.answer["ListenerArn"],
    computed=("arn",),
    create=_listen,
    read=_read_listener,
    update=Step(_relisten, on=_OF_LISTENER),
    delete=Call("delete_listener", {"ListenerArn": "id"}, fill=False),
    kept=("sslPolicy",),
    tags=_TAGS,
)

TYPES = (BALANCER, TARGETS, LISTENER)
