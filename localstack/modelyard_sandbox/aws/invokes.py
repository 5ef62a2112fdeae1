"""Data sources (`aws.getRegion`, `aws.ec2.getSubnets`, …) by token: each a function of session and arguments."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from modelyard.core.errors import InputError
from modelyard_sandbox.aws.convert import from_aws
from modelyard_sandbox.aws.live import Session
from modelyard_sandbox.plugins.values import Properties


class InvokeError(Exception):
    """A data source found nothing, or too much, or is not known to the sandbox."""


def _caller_identity(session: Session, arguments: Properties) -> Properties:
    answer = session.client("sts", session.region).get_caller_identity()
    account = answer["Account"]
    return {"id": account, "accountId": account, "arn": answer["Arn"], "userId": answer["UserId"]}


def _region(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _partition(session: Session, arguments: Properties) -> Properties:
    return {
        "id": session.partition,
        "partition": session.partition,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _filters(arguments: Mapping[str, Any], direct: Mapping[str, str]) -> list[dict[str, Any]]:
    """EC2 filters of a data source: its `filters`, `tags`, and the arguments that are filters themselves."""
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
    for argument, name in direct.items():
        if arguments.get(argument) is not None:
            value = arguments[argument]
            filters.append({"Name": name, "Values": [str(value).lower() if isinstance(value, bool) else value]})
    return filters


def _zones(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    filters = _filters(arguments, {"state": "state"})
    zones = session.client("ec2", region).describe_availability_zones(Filters=filters)["AvailabilityZones"]
    left_out = {*(arguments.get("excludeNames") or ()), *(arguments.get("excludeZoneIds") or ())}
    zones = [zone for zone in zones if not {zone["ZoneName"], zone["ZoneId"]} & left_out]
    return {
        **arguments,
        "id": region,
        "region": region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or region for zone in zones}),
    }


def _described(found: Mapping[str, Any]) -> Properties:
    """One EC2 answer as Pulumi spells it; tags as a map."""
    result = from_aws({key: value for key, value in found.items() if key != "Tags"}, None)
    return result | {"tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags") or []}}


def _one(found: list[Any], what: str) -> Any:
    if len(found) != 1:
        raise InvokeError(f"{'no' if not found else 'more than one'} {what} matches; name exactly one")
    return found[0]


def _vpc(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    client = session.client("ec2", region)
    names = {"id": "vpc-id", "cidrBlock": "cidr", "default": "is-default", "state": "state"}
    vpc = _one(client.describe_vpcs(Filters=_filters(arguments, names))["Vpcs"], "VPC")
    id = vpc["VpcId"]
    tables = client.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [id]}])["RouteTables"]
    main = [t["RouteTableId"] for t in tables if any(link.get("Main") for link in t.get("Associations", []))]

    def attribute(name: str, key: str) -> bool:
        return client.describe_vpc_attribute(VpcId=id, Attribute=name)[key]["Value"]

    return {
        **_described(vpc),
        "id": id,
        "region": region,
        "arn": f"arn:{session.partition}:ec2:{region}:{session.account}:vpc/{id}",
        "default": vpc.get("IsDefault", False),
        "enableDnsSupport": attribute("enableDnsSupport", "EnableDnsSupport"),
        "enableDnsHostnames": attribute("enableDnsHostnames", "EnableDnsHostnames"),
        "enableNetworkAddressUsageMetrics": False,
        "mainRouteTableId": main[0] if main else "",
        "cidrBlockAssociations": [
            {"associationId": item["AssociationId"], "cidrBlock": item["CidrBlock"], "state": "associated"}
            for item in vpc.get("CidrBlockAssociationSet", [])
        ],
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
    }


_SUBNET_FILTERS: Final = {
    "id": "subnet-id",
    "vpcId": "vpc-id",
    "cidrBlock": "cidr-block",
    "availabilityZone": "availability-zone",
    "availabilityZoneId": "availability-zone-id",
    "state": "state",
}


def _subnet(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    client = session.client("ec2", region)
    subnet = _one(client.describe_subnets(Filters=_filters(arguments, _SUBNET_FILTERS))["Subnets"], "subnet")
    return {
        **_described(subnet),
        "id": subnet["SubnetId"],
        "region": region,
        "arn": subnet["SubnetArn"],
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
    }


def _subnets(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    found = session.client("ec2", region).describe_subnets(Filters=_filters(arguments, {}))["Subnets"]
    return {**arguments, "id": region, "region": region, "ids": [subnet["SubnetId"] for subnet in found]}


def _policy_document(session: Session, arguments: Properties) -> Properties:
    # Imported late: it brings Pulumi along, which the daemon can do without.
    from modelyard.assess.graph.policy_document import render

    try:
        return render(arguments)
    except InputError as error:
        raise InvokeError(str(error)) from error


def _random_password(session: Session, arguments: Properties) -> Properties:
    client = session.client("secretsmanager", arguments.get("region") or session.region)
    members = client.meta.service_model.operation_model("GetRandomPassword").input_shape.members
    sent = {name[0].upper() + name[1:]: value for name, value in arguments.items() if value is not None}
    password = client.get_random_password(**{name: value for name, value in sent.items() if name in members})
    region = arguments.get("region") or session.region
    return {**arguments, "id": region, "region": region, "randomPassword": password["RandomPassword"]}


def _secrets(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    filters = [{"Key": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
    pages = session.client("secretsmanager", region).get_paginator("list_secrets").paginate(Filters=filters)
    found = [secret for page in pages for secret in page["SecretList"]]
    return {
        **arguments,
        "id": region,
        "region": region,
        "arns": [secret["ARN"] for secret in found],
        "names": [secret["Name"] for secret in found],
    }


def _directory_user(session: Session, arguments: Properties) -> Properties:
    region, store = arguments.get("region") or session.region, arguments["identityStoreId"]
    client = session.client("identitystore", region)
    wanted = (arguments.get("alternateIdentifier") or {}).get("uniqueAttribute") or {}
    id = arguments.get("userId")
    if not id:
        unique = {"AttributePath": wanted["attributePath"], "AttributeValue": wanted["attributeValue"]}
        id = client.get_user_id(IdentityStoreId=store, AlternateIdentifier={"UniqueAttribute": unique})["UserId"]
    user = client.describe_user(IdentityStoreId=store, UserId=id)
    return {**arguments, "id": id, "region": region, "userId": id, "userName": user["UserName"]}


def _objects(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    pages = session.client("s3", region).get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=arguments["bucket"], Prefix=arguments.get("prefix") or "")
    keys = [each["Key"] for page in found for each in page.get("Contents", ())]
    return {**arguments, "id": arguments["bucket"], "region": region, "keys": keys, "commonPrefixes": [], "owners": []}


def _object(session: Session, arguments: Properties) -> Properties:
    """The body of text and JSON alone, as the provider reads it."""
    region = arguments.get("region") or session.region
    found = session.client("s3", region).get_object(Bucket=arguments["bucket"], Key=arguments["key"])
    kind = found["ContentType"]
    readable = kind.startswith("text/") or kind == "application/json"
    return {
        **arguments,
        "id": f"{arguments['bucket']}/{arguments['key']}",
        "region": region,
        "body": found["Body"].read().decode() if readable else "",
        "contentType": kind,
        "etag": found["ETag"].strip('"'),
    }


def _public_key(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    found = session.client("kms", region).get_public_key(KeyId=arguments["keyId"])
    encoded = base64.b64encode(found["PublicKey"]).decode()
    return {
        **arguments,
        "id": found["KeyId"],
        "arn": found["KeyId"],
        "region": region,
        "publicKey": encoded,
        "keyUsage": found["KeyUsage"],
        "signingAlgorithms": found.get("SigningAlgorithms", []),
    }


def _parameters(session: Session, arguments: Properties) -> Properties:
    region = arguments.get("region") or session.region
    decrypted = arguments.get("withDecryption", True)
    asked = {
        "Path": arguments["path"],
        "Recursive": arguments.get("recursive", False),
        "WithDecryption": decrypted,
    }
    pages = session.client("ssm", region).get_paginator("get_parameters_by_path").paginate(**asked)
    found = [parameter for page in pages for parameter in page["Parameters"]]
    return {
        **arguments,
        "id": arguments["path"],
        "region": region,
        "withDecryption": decrypted,
        "arns": [each["ARN"] for each in found],
        "names": [each["Name"] for each in found],
        "types": [each["Type"] for each in found],
        "values": [each["Value"] for each in found],
    }


INVOKES: Final[dict[str, Callable[[Session, Properties], Properties]]] = {
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


def invoke(token: str, session: Session, arguments: Properties) -> Properties:
    """The result of the data source `token`."""
    if token not in INVOKES:
        raise InvokeError(f"the sandbox does not know the data source {token}; add it to modelyard_sandbox.aws.invokes")
    return INVOKES[token](session, arguments)
