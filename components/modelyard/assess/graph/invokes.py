"""Answers to the provider functions that a program calls while it is recorded; none of them leaves this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from modelyard.assess.graph.policy_document import render
from modelyard.assess.graph.synthetic import Place, digits
from modelyard.assess.graph.values import UNKNOWN

Answer = Callable[[Mapping[str, Any], Place], Mapping[str, Any]]


def _caller_identity(_args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    arn = f"arn:{place.partition}:sts::{place.account}:assumed-role/recorder/recorder"
    return {"id": place.account, "accountId": place.account, "arn": arn, "userId": "AROARECORDERRECORDER:recorder"}


def _region(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    name = args.get("region") or args.get("name") or place.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "endpoint": f"ec2.{name}.{place.suffix}",
        "description": name,
    }


def _partition(_args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    return {
        "id": place.partition,
        "partition": place.partition,
        "dnsSuffix": place.suffix,
        "reverseDnsPrefix": ".".join(reversed(place.suffix.split("."))),
    }


def _zones(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    zones = place.zones()
    return {
        "id": place.region,
        "names": zones,
        "zoneIds": [place.zone_id(zone) for zone in zones],
        "groupNames": [place.region],
        "region": place.region,
        **{key: value for key, value in args.items() if key in ("state", "filters")},
    }


def _vpc(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    identity = args.get("id") or "vpc-" + digits(args, 17)
    return {
        "arn": f"arn:{place.partition}:ec2:{place.region}:{place.account}:vpc/{identity}",
        "cidrBlock": "10.0.0.0/16",
        "cidrBlockAssociations": [
            {"associationId": "vpc-cidr-assoc-" + digits(args, 17), "cidrBlock": "10.0.0.0/16", "state": "associated"}
        ],
        "default": False,
        "dhcpOptionsId": "dopt-" + digits(args, 17),
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "enableNetworkAddressUsageMetrics": False,
        "instanceTenancy": "default",
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "mainRouteTableId": "rtb-" + digits(args, 17),
        "ownerId": place.account,
        "region": place.region,
        "state": "available",
        "tags": {},
        **args,
        "id": identity,
    }


def _subnet(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    identity = args.get("id") or "subnet-" + digits(args, 17)
    block = int(digits({"id": identity}, 2), 16)
    zone = args.get("availabilityZone") or place.zones()[block % 3]
    return {
        "arn": f"arn:{place.partition}:ec2:{place.region}:{place.account}:subnet/{identity}",
        "assignIpv6AddressOnCreation": False,
        "availabilityZone": zone,
        "availabilityZoneId": place.zone_id(zone),
        "availableIpAddressCount": 251,
        "cidrBlock": f"10.0.{block}.0/24",
        "customerOwnedIpv4Pool": "",
        "defaultForAz": False,
        "enableDns64": False,
        "enableLniAtDeviceIndex": 0,
        "enableResourceNameDnsARecordOnLaunch": False,
        "enableResourceNameDnsAaaaRecordOnLaunch": False,
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociationId": "",
        "ipv6Native": False,
        "mapCustomerOwnedIpOnLaunch": False,
        "mapPublicIpOnLaunch": False,
        "outpostArn": "",
        "ownerId": place.account,
        "privateDnsHostnameTypeOnLaunch": "ip-name",
        "region": place.region,
        "state": "available",
        "tags": {},
        "vpcId": "vpc-" + digits({"of": identity}, 17),
        **args,
        "id": identity,
    }


def _subnets(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    ids = sorted(f"subnet-{digits({**args, 'zone': zone}, 17)}" for zone in place.zones())
    return {"id": place.region, "ids": ids, "region": place.region, **args}


def _policy_document(args: Mapping[str, Any], _place: Place) -> Mapping[str, Any]:
    return render(args)


def _random_password(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    return {**args, "id": place.region, "region": place.region, "randomPassword": "x" * args.get("passwordLength", 32)}


def _secrets(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """One secret for each name that is looked for."""
    wanted = [value for found in args.get("filters") or [] if found["name"] == "name" for value in found["values"]]
    start = f"arn:{place.partition}:secretsmanager:{place.region}:{place.account}:secret:"
    return {
        **args,
        "id": place.region,
        "region": place.region,
        "names": wanted,
        "arns": [f"{start}{name}-{digits({'of': name}, 6)}" for name in wanted],
    }


def _directory_user(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    name = args.get("alternateIdentifier", {}).get("uniqueAttribute", {}).get("attributeValue", "")
    drawn = digits(args, 32)
    identity = "-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:]))
    empty = ("addresses", "emails", "externalIds", "names", "phoneNumbers")
    texts = ("displayName", "locale", "nickname", "preferredLanguage", "profileUrl", "timezone", "title", "userType")
    return {
        **dict.fromkeys(texts, ""),
        **{each: [] for each in empty},
        "region": place.region,
        **args,
        "id": identity,
        "userId": identity,
        "userName": name,
    }


def _objects(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """What a bucket holds is known of a live one alone."""
    empty = {"commonPrefixes": [], "owners": [], "requestCharged": ""}
    return {**empty, **args, "id": place.region, "region": place.region, "keys": UNKNOWN}


def _object(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    return {**args, "id": f"{args['bucket']}/{args['key']}", "region": place.region, "body": UNKNOWN}


def _public_key(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """A key's public half, which nobody can make up."""
    return {**args, "id": args["keyId"], "region": place.region, "publicKey": UNKNOWN, "publicKeyPem": UNKNOWN}


def _parameters(args: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """What others put below a path is known of a live one alone, and so is how much it is."""
    unknown = {name: [UNKNOWN] for name in ("arns", "names", "types", "values")}
    return {"withDecryption": True, **args, "id": args["path"], "region": place.region, **unknown}


ANSWERS: Final[Mapping[str, Answer]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:identitystore/getUser:getUser": _directory_user,
    "aws:kms/getPublicKey:getPublicKey": _public_key,
    "aws:s3/getObject:getObject": _object,
    "aws:s3/getObjects:getObjects": _objects,
    "aws:secretsmanager/getRandomPassword:getRandomPassword": _random_password,
    "aws:secretsmanager/getSecrets:getSecrets": _secrets,
    "aws:ssm/getParametersByPath:getParametersByPath": _parameters,
}
