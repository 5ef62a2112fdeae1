"""AWS's price list as a price table: which products are which of its items, and what one unit of them costs.

Source: aws-cost-management/latest/APIReference/API_pricing_GetProducts; awsaccountbilling/latest/aboutv2/price-changes.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from modelyard.assess.cost.prices import ON_DEMAND, PRICE_LIST, Price, Quality, shipped

Key = tuple[str, str]
"""A service and an item of the price table."""
_UNITS: Final = {"1k-requests": 1e3, "10k-requests": 1e4, "100k-events": 1e5, "1m-requests": 1e6}
"""How many of AWS's units one of the table's is; one, where it isn't said."""
_REGION: Final = r"(?:[A-Z][A-Z0-9]*-|[a-z]{2}(?:-[a-z]+)+-\d-)?"
"""How a usage type begins: `EUW1-`, `EU-`, `eu-west-1-`, or with nothing, as in us-east-1."""
_COMPONENTS: Final = {
    "Hosting": "sagemaker-hosting",
    "Processing": "sagemaker-processing",
    "Training": "sagemaker-training",
}


@dataclass(frozen=True, slots=True)
class Query:
    """Products to ask for: a service's code, and what their attributes are."""

    code: str
    where: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Meter:
    """An item of the table, by the end of its usage type."""

    service: str
    item: str
    code: str
    usage: str
    family: str = ""


METERS: Final = (
    Meter("apigateway", "rest requests first 333M", "AmazonApiGateway", "ApiGatewayRequest"),
    Meter("apigateway", "http api requests first 300M", "AmazonApiGateway", "ApiGatewayHttpRequest"),
    Meter("athena", "sql scanned", "AmazonAthena", "DataScannedInTB"),
    Meter("cloudtrail", "data events", "AWSCloudTrail", "DataEventsRecorded"),
    Meter("cloudwatch", "alarm standard resolution", "AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    Meter("cloudwatch", "alarm high resolution", "AmazonCloudWatch", "CW:HighResAlarmMonitorUsage"),
    Meter("cloudwatch", "logs ingestion standard", "AmazonCloudWatch", "DataProcessing-Bytes"),
    Meter("cloudwatch", "logs storage", "AmazonCloudWatch", "TimedStorage-ByteHrs"),
    Meter("dynamodb", "on-demand read request units", "AmazonDynamoDB", "ReadRequestUnits"),
    Meter("dynamodb", "on-demand write request units", "AmazonDynamoDB", "WriteRequestUnits"),
    Meter("dynamodb", "storage standard", "AmazonDynamoDB", "TimedStorage-ByteHrs"),
    Meter("dynamodb", "pitr backup", "AmazonDynamoDB", "TimedPITRStorage-ByteHrs"),
    Meter("ebs", "gp3 storage", "AmazonEC2", "EBS:VolumeUsage.gp3", "Storage"),
    Meter("ecr", "private storage", "AmazonECR", "TimedStorage-ByteHrs"),
    Meter("eks", "cluster standard support", "AmazonEKS", "AmazonEKS-Hours:perCluster"),
    Meter("eks", "cluster extended support", "AmazonEKS", "AmazonEKS-Hours:extendedSupport"),
    Meter("elb", "application load balancer", "AWSELB", "LoadBalancerUsage", "Load Balancer-Application"),
    Meter("elb", "alb lcu", "AWSELB", "LCUUsage", "Load Balancer-Application"),
    Meter("elb", "network load balancer", "AWSELB", "LoadBalancerUsage", "Load Balancer-Network"),
    Meter("elb", "nlb nlcu", "AWSELB", "LCUUsage", "Load Balancer-Network"),
    Meter("eventbridge", "custom events", "AWSEvents", "Event-64K-Chunks"),
    Meter("fargate", "linux x86 vcpu", "AmazonECS", "Fargate-vCPU-Hours:perCPU"),
    Meter("fargate", "linux x86 memory", "AmazonECS", "Fargate-GB-Hours"),
    Meter("firehose", "data ingested first 500 TB", "AmazonKinesisFirehose", "BilledBytes"),
    Meter("glue", "etl job", "AWSGlue", "ETL-DPU-Hour"),
    Meter("kinesis", "on-demand stream", "AmazonKinesis", "OnDemand-StreamHour"),
    Meter("kinesis", "on-demand data in", "AmazonKinesis", "OnDemand-BilledIncomingBytes"),
    Meter("kinesis", "provisioned shard", "AmazonKinesis", "Storage-ShardHour"),
    Meter("kms", "customer key", "awskms", "KMS-Keys"),
    Meter("kms", "requests", "awskms", "KMS-Requests"),
    Meter("lambda", "x86 duration first 6B", "AWSLambda", "Lambda-GB-Second"),
    Meter("lambda", "arm duration first 7.5B", "AWSLambda", "Lambda-GB-Second-ARM"),
    Meter("lambda", "requests", "AWSLambda", "Request"),
    Meter("s3", "standard storage first 50 TB", "AmazonS3", "TimedStorage-ByteHrs"),
    Meter("s3", "standard put/copy/post/list", "AmazonS3", "Requests-Tier1"),
    Meter("s3", "standard get", "AmazonS3", "Requests-Tier2"),
    Meter("sagemaker", "feature store online reads (standard)", "AmazonSageMaker", "FeatureStore:ReadRequestUnits"),
    Meter("sagemaker", "feature store online writes (standard)", "AmazonSageMaker", "FeatureStore:WriteRequestUnits"),
    Meter("secretsmanager", "secret", "AWSSecretsManager", "AWSSecretsManager-Secrets"),
    Meter("sns", "requests", "AmazonSNS", "Requests-Tier1"),
    Meter("sqs", "requests", "AWSQueueService", "Requests-Tier1"),
    Meter("stepfunctions", "standard state transitions", "AmazonStates", "StateTransition"),
    Meter("vpc", "interface endpoint (per az)", "AmazonVPC", "VpcEndpoint-Hours"),
    Meter("vpc", "interface endpoint data first 1 PB", "AmazonVPC", "VpcEndpoint-Bytes"),
    Meter("vpc", "nat gateway", "AmazonEC2", "NatGateway-Hours", "NAT Gateway"),
    Meter("vpc", "nat gateway data", "AmazonEC2", "NatGateway-Bytes", "NAT Gateway"),
    Meter("vpc", "public ipv4 address", "AmazonVPC", "PublicIPv4:InUseAddress"),
    Meter("waf", "web acl", "awswaf", "WebACLV2"),
    Meter("waf", "rule", "awswaf", "RuleV2"),
    Meter("waf", "requests", "awswaf", "RequestV2-Tier1"),
)
_EC2: Final = {
    "productFamily": "Compute Instance",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
_POSTGRES: Final = {
    "productFamily": "Database Instance",
    "databaseEngine": "PostgreSQL",
    "deploymentOption": "Single-AZ",
}


@dataclass(frozen=True, slots=True)
class Product:
    """One product: its service's code, its attributes, and dollars for a unit in the first tier that costs anything."""

    code: str
    attributes: Mapping[str, str]
    usd: float


@dataclass(frozen=True, slots=True)
class Listed:
    """What a region's products say: prices, items of which they say several, and items of which they say none."""

    prices: tuple[Price, ...]
    ambiguous: tuple[Key, ...]
    missing: tuple[Key, ...]


def queries(region: str) -> Iterator[Query]:
    """What to ask of a region; each query once, though several items come from it."""
    here = {"regionCode": region}
    yield Query("AmazonEC2", {**here, **_EC2})
    yield Query("AmazonRDS", {**here, **_POSTGRES})
    for code, family in sorted({(meter.code, meter.family) for meter in METERS}):
        yield Query(code, {**here, "productFamily": family} if family else here)


def product(text: str) -> Product | None:
    """A product as GetProducts writes it; None for one that is free on demand. Raises `ValueError` for no product."""
    try:
        said: Any = json.loads(text)
        attributes, family = said["product"]["attributes"], said["product"].get("productFamily", "")
        terms = said["terms"].get("OnDemand", {}).values()
        tiers = [tier for term in terms for tier in term["priceDimensions"].values()]
        rates = sorted((float(tier.get("beginRange", 0)), float(tier["pricePerUnit"]["USD"])) for tier in tiers)
        found = {**attributes, "productFamily": family}
        code = said["serviceCode"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is no product: {type(error).__name__}: {error}") from None
    usd = next((usd for _, usd in rates if usd > 0), None)
    return None if usd is None else Product(code, found, usd)


def listed(products: Iterable[Product], region: str, today: date) -> Listed:
    """The prices of a region, of the items that the shipped table knows."""
    known = {(service, item): price.unit for (service, item, *_), price in shipped().prices.items()}
    found: defaultdict[Key, set[float]] = defaultdict(set)
    for each in products:
        if each.attributes.get("regionCode") == region:
            for key in _items(each):
                if key in known:
                    found[key].add(each.usd * _UNITS.get(known[key], 1))
    prices = tuple(
        Price(*key, region, usds.pop(), known[key], ON_DEMAND, PRICE_LIST, today.isoformat(), Quality.LISTED)
        for key, usds in sorted(found.items())
        if len(usds) == 1
    )
    certain = {(price.service, price.item) for price in prices}
    ambiguous = tuple(key for key in sorted(found) if key not in certain)
    return Listed(prices, ambiguous, tuple(key for key in sorted(known) if key not in found))


def _items(each: Product) -> Iterator[Key]:
    says = each.attributes
    if each.code == "AmazonEC2" and _EC2.items() <= says.items():
        yield "ec2", says.get("instanceType", "")
    if each.code == "AmazonRDS" and _POSTGRES.items() <= says.items():
        yield "rds-postgresql", says.get("instanceType", "")
    if each.code == "AmazonSageMaker" and says.get("component") in _COMPONENTS:
        yield _COMPONENTS[says["component"]], says.get("instanceName", "")
    for meter in METERS:
        if (
            each.code == meter.code
            and (not meter.family or says["productFamily"] == meter.family)
            and re.fullmatch(f"{_REGION}{re.escape(meter.usage)}", says.get("usagetype", ""))
        ):
            yield meter.service, meter.item
