"""What each type of resource costs in a month, by the meters that AWS counts for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.cost import jobs, kubernetes, machines
from modelyard.assess.cost.bill import HOURS, Estimate, Line, Meter, Unknown
from modelyard.assess.cost.resting import standing
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import ENDPOINT_CONFIGURATION_BY_CONTROL
from modelyard.blueprints.usage import Range

Found = Iterator[Line | Unknown]
_WRITES: Final = 0.1
"""Of requests, those that write."""
_SECONDS_OF_A_FUNCTION: Final = Range(low=0.1, high=2)


def _times(one: Range, other: Range | float) -> Range:
    if isinstance(other, Range):
        return Range(low=one.low * other.low, high=one.high * other.high)
    return Range(low=one.low * other, high=one.high * other)


def _bucket(_: Subject, meter: Meter) -> Found:
    usage = meter.usage
    yield meter.takes("s3", "standard storage first 50 TB", usage.bucket_gb)
    yield meter.takes("s3", "standard put/copy/post/list", usage.bucket_requests_k, per=_WRITES)
    yield meter.takes("s3", "standard get", usage.bucket_requests_k, per=1 - _WRITES)


def _key(_: Subject, meter: Meter) -> Found:
    yield meter.takes("kms", "customer key", 1)
    yield meter.takes("kms", "requests", meter.usage.key_requests_k, per=0.1)


def _log_group(_: Subject, meter: Meter) -> Found:
    yield meter.takes("cloudwatch", "logs ingestion standard", meter.usage.log_gb)
    yield meter.takes("cloudwatch", "logs storage", meter.usage.log_gb)


def _alarm(subject: Subject, meter: Meter) -> Found:
    period = subject.get("period", 60)
    kind = "high resolution" if isinstance(period, int | float) and period < 60 else "standard resolution"
    queries = subject.get("metricQueries", [])
    metrics = sum(1 for query in queries if isinstance(query, Mapping) and query.get("metric")) or 1
    yield meter.takes("cloudwatch", f"alarm {kind}", metrics)


def _function(subject: Subject, meter: Meter) -> Found:
    gib = subject.get("memorySize", 128) / 1024
    arm = "arm64" in subject.get("architectures", [])
    calls = meter.usage.function_calls_k
    seconds = _times(_times(calls, _SECONDS_OF_A_FUNCTION), 1000 * gib)
    item = "arm duration first 7.5B" if arm else "x86 duration first 6B"
    yield meter.takes("lambda", item, seconds, assumes=f"{calls.low:g} to {calls.high:g} thousand calls of 0.1 to 2 s")
    yield meter.takes("lambda", "requests", calls, per=0.001)


def _vpc_endpoint(subject: Subject, meter: Meter) -> Found:
    if subject.get("vpcEndpointType", "Gateway") != "Interface":
        return
    zones = len(subject.get("subnetIds", []))
    yield meter.takes("vpc", "interface endpoint (per az)", zones * HOURS, assumes=f"{zones} zones, all hours")
    yield meter.takes("vpc", "interface endpoint data first 1 PB", meter.usage.network_gb)


def _nat_gateway(_: Subject, meter: Meter) -> Found:
    yield meter.takes("vpc", "nat gateway", HOURS, assumes="all hours")
    yield meter.takes("vpc", "nat gateway data", meter.usage.network_gb)


def _table(subject: Subject, meter: Meter) -> Found:
    usage = meter.usage
    if subject.get("billingMode", "PROVISIONED") != "PAY_PER_REQUEST":
        yield Unknown(subject.node.urn, "dynamodb: provisioned capacity", "there is no price of it here")
    else:
        yield meter.takes("dynamodb", "on-demand read request units", usage.feature_requests_m)
        yield meter.takes("dynamodb", "on-demand write request units", usage.feature_requests_m, per=_WRITES)
    yield meter.takes("dynamodb", "storage standard", usage.stored_features_gb)
    if subject.get("pointInTimeRecovery.enabled") is True:
        yield meter.takes("dynamodb", "pitr backup", usage.stored_features_gb)


def _feature_group(subject: Subject, meter: Meter) -> Found:
    if subject.get("onlineStoreConfig.enableOnlineStore") is not True:
        return
    usage = meter.usage
    yield meter.takes("sagemaker", "feature store online reads (standard)", usage.feature_requests_m)
    yield meter.takes("sagemaker", "feature store online writes (standard)", usage.feature_requests_m, per=_WRITES)
    yield meter.takes("sagemaker", "feature store online storage (standard)", usage.stored_features_gb)


def _endpoint_configuration(subject: Subject, meter: Meter) -> Found:
    for place in ("productionVariants", "shadowProductionVariants"):
        named = _named(subject, place)
        for index in range(len(subject.get(named, []))):
            yield from _variant(subject, meter, f"{named}[{index}]")


def _named(subject: Subject, name: str) -> str:
    """A property's name as the resource writes it: Cloud Control's begin with a capital."""
    return f"{name[0].upper()}{name[1:]}" if subject.node.kind.startswith("AWS::") else name


def _variant(subject: Subject, meter: Meter, path: str) -> Found:
    usage = meter.usage

    def says(name: str, default: Any = None) -> Any:
        return subject.get(f"{path}.{_named(subject, name)}", default)

    serverless = says("serverlessConfig")
    if serverless:
        gib = serverless.get(_named(subject, "memorySizeInMb"), serverless.get("MemorySizeInMB", 1024)) / 1024
        seconds = _times(_times(usage.endpoint_calls_m, usage.call_seconds), 1_000_000 * gib)
        yield meter.takes("sagemaker", "serverless inference memory", seconds)
        return
    count = says("initialInstanceCount", 1)
    least, most = _scaled(subject, str(says("variantName", "")), count)
    managed = says("managedInstanceScaling")
    if managed:
        least = managed.get(_named(subject, "minInstanceCount"), least)
        most = managed.get(_named(subject, "maxInstanceCount"), most)
    yield meter.takes(
        "sagemaker-hosting",
        str(says("instanceType")),
        Range(low=least * HOURS, high=most * HOURS),
        assumes=f"{least:g} to {most:g} instances, all hours",
    )


def _scaled(subject: Subject, variant: str, count: float) -> tuple[float, float]:
    """The least and most copies, as autoscaling beside the configuration allows."""
    for node in subject.stack.graph.children(subject.node.parent or ""):
        if node.type == "aws:appautoscaling/target:Target":
            target = Subject(subject.stack, node)
            if str(target.get("resourceId", "")).endswith(f"/variant/{variant}"):
                return target.get("minCapacity", count), target.get("maxCapacity", count)
    return count, count


def _tracking_server(subject: Subject, meter: Meter) -> Found:
    size = subject.get("trackingServerSize", "Small")
    hours, told = standing(subject, str(subject.get("trackingServerName", "")))
    yield meter.takes("sagemaker", f"mlflow tracking server {size}", hours, assumes=told)
    yield meter.takes("sagemaker", "mlflow metadata storage", meter.usage.tracking_gb)


def _delivery(_: Subject, meter: Meter) -> Found:
    yield meter.takes("firehose", "data ingested first 500 TB", meter.usage.ingested_gb)


def _stream(subject: Subject, meter: Meter) -> Found:
    if subject.get("streamModeDetails.streamMode") == "ON_DEMAND":
        yield meter.takes("kinesis", "on-demand stream", HOURS, assumes="all hours")
        yield meter.takes("kinesis", "on-demand data in", meter.usage.ingested_gb)
    else:
        shards = subject.get("shardCount", 1)
        yield meter.takes("kinesis", "provisioned shard", shards * HOURS, assumes=f"{shards} shards, all hours")


def _firewall(subject: Subject, meter: Meter) -> Found:
    rules = subject.get("rules", [])
    listed: Any = json.loads(rules) if isinstance(rules, str) else rules
    yield meter.takes("waf", "web acl", 1)
    yield meter.takes("waf", "rule", len(listed))
    yield meter.takes("waf", "requests", meter.usage.door_requests_m)


def _budget_action(_: Subject, meter: Meter) -> Found:
    yield meter.takes("budgets", "action-enabled budget after first 2", Range(low=0, high=HOURS / 24))


def _parameter(subject: Subject, _: Meter) -> Found:
    if subject.get("tier", "Standard") == "Advanced":
        yield Unknown(subject.node.urn, "ssm: advanced parameter", "there is no price of it here")


def _simple(service: str, item: str, amount: str, per: float = 1) -> Estimate:
    """An estimate of one meter that a number of the usage drives."""

    def estimate(_: Subject, meter: Meter) -> Found:
        yield meter.takes(service, item, getattr(meter.usage, amount), per=per)

    return estimate


def _fixed(service: str, item: str, amount: float) -> Estimate:
    def estimate(_: Subject, meter: Meter) -> Found:
        yield meter.takes(service, item, amount)

    return estimate


ESTIMATES: Final[Mapping[str, Estimate]] = {
    **machines.ESTIMATES,
    **jobs.ESTIMATES,
    **kubernetes.ESTIMATES,
    ENDPOINT_CONFIGURATION_BY_CONTROL: _endpoint_configuration,
    "aws:apigateway/restApi:RestApi": _simple("apigateway", "rest requests first 333M", "door_requests_m"),
    "aws:athena/workgroup:Workgroup": _simple("athena", "sql scanned", "query_tb"),
    "aws:budgets/budgetAction:BudgetAction": _budget_action,
    "aws:cloudtrail/trail:Trail": _simple("cloudtrail", "data events", "data_events_k", per=0.01),
    "aws:cloudwatch/dashboard:Dashboard": _fixed("cloudwatch", "dashboard", 1),
    "aws:cloudwatch/eventBus:EventBus": _simple("eventbridge", "custom events", "function_calls_k", per=0.001),
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _fixed("cloudwatch", "alarm composite", 1),
    "aws:dynamodb/table:Table": _table,
    "aws:ec2/natGateway:NatGateway": _nat_gateway,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _vpc_endpoint,
    "aws:ecr/repository:Repository": _simple("ecr", "private storage", "image_gb"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _delivery,
    "aws:kinesis/stream:Stream": _stream,
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _function,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": _endpoint_configuration,
    "aws:sagemaker/featureGroup:FeatureGroup": _feature_group,
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": _tracking_server,
    "aws:secretsmanager/secret:Secret": _fixed("secretsmanager", "secret", 1),
    "aws:sns/topic:Topic": _simple("sns", "requests", "notices_k", per=0.001),
    "aws:sqs/queue:Queue": _simple("sqs", "requests", "notices_k", per=0.001),
    "aws:ssm/parameter:Parameter": _parameter,
    "aws:wafv2/webAcl:WebAcl": _firewall,
}
