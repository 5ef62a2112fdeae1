"""Events that arrive one by one: put to Kinesis or to Firehose, written as Parquet to their dataset's prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.catalog import Catalog
from modelyard.build.data.lifecycle import error_prefix
from modelyard.build.data.spec import DatasetSpec, StreamIngestionSpec
from modelyard.build.data.spec.partitions import arrival_format, extracted
from modelyard.build.data.zone import Zone
from modelyard.core.access import PendingAddress, Statement, address
from modelyard.core.addresses import StreamAddress
from modelyard.core.component import Component
from modelyard.core.notices import Notices
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service

_LOG_STREAM: Final = "delivery"
_READ_STREAM: Final = (
    "kinesis:DescribeStream",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
_READ_SCHEMA: Final = ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions")
_DELIVERIES: Final = "AWS/Firehose"
_RETRY_SECONDS: Final = 300
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Intake:
    """Where events of one dataset are put, and what that takes."""

    address: PendingAddress
    statements: tuple[Statement, ...]


def intake(
    lake: Component,
    name: str,
    spec: DatasetSpec,
    *,
    prefix: str,
    zone: Zone,
    catalog: Catalog,
    table: aws.glue.CatalogTable,
    notices: Notices,
) -> Intake:
    """Make the way of the events of one dataset, from where they are put to its `prefix` in `zone`."""
    ingestion = spec.ingestion
    if ingestion is None:
        raise ValueError(f"{name} takes in no events")
    context, role_name = lake.context, f"{name}-delivery"
    delivery_name = lake.physical("firehose", name)
    group = aws.cloudwatch.LogGroup(
        lake.named(f"{name}-delivery-log"),
        name=lake.physical("log-group", role_name),
        retention_in_days=ingestion.log_days,
        kms_key_id=zone.key_arn,
        opts=lake.options(),
    )
    log = aws.cloudwatch.LogStream(
        lake.named(f"{name}-delivery-log-stream"),
        name=_LOG_STREAM,
        log_group_name=group.name,
        opts=lake.options(),
    )
    stream = _stream(lake, name, ingestion, zone.key_arn) if isinstance(ingestion, StreamIngestionSpec) else None
    own_logs = context.arn("logs", f"log-group:{lake.physical('log-group', role_name)}:log-stream:{_LOG_STREAM}")
    role = ServiceRole(
        lake,
        role_name,
        "firehose",
        source_arn=context.arn("firehose", f"deliverystream/{delivery_name}"),
        statements=[
            *zone.may_deliver(prefix, error_prefix(name)),
            Statement(_READ_SCHEMA, catalog.arns([name])),
            Statement(("logs:PutLogEvents",), (own_logs,)),
            *(_may_read(lake, stream, zone.key_arn) if stream is not None else ()),
        ],
        description=f"Firehose writes the events of {name}",
        written=ingestion.source(),
    )
    destination: Any = {
        "bucket_arn": zone.arn,
        "role_arn": role.arn,
        "prefix": f"{prefix}{_partitions(spec)}",
        "error_output_prefix": f"{error_prefix(name)}!{{firehose:error-output-type}}/!{{timestamp:yyyy-MM-dd}}/",
        "buffering_interval": ingestion.buffer_seconds,
        "buffering_size": ingestion.buffer_mib,
        "compression_format": "UNCOMPRESSED",
        "kms_key_arn": zone.key_arn,
        "cloudwatch_logging_options": {
            "enabled": True,
            "log_group_name": group.name,
            "log_stream_name": log.name,
        },
        "data_format_conversion_configuration": {
            "enabled": True,
            "input_format_configuration": {"deserializer": {"open_x_json_ser_de": {}}},
            "output_format_configuration": {"serializer": {"parquet_ser_de": {"compression": "SNAPPY"}}},
            "schema_configuration": {
                "catalog_id": context.account,
                "database_name": catalog.name,
                "region": context.region,
                "role_arn": role.arn,
                "table_name": table.name,
                "version_id": "LATEST",
            },
        },
        **_by_record(spec),
    }
    delivery = aws.kinesis.FirehoseDeliveryStream(
        lake.written_at(f"{name}-delivery", ingestion.source()),
        name=delivery_name,
        destination="extended_s3",
        kinesis_source_configuration={"kinesis_stream_arn": stream.arn, "role_arn": role.arn} if stream else None,
        server_side_encryption=None
        if stream
        else {"enabled": True, "key_type": "CUSTOMER_MANAGED_CMK", "key_arn": zone.key_arn},
        extended_s3_configuration=destination,
        opts=lake.options(depends_on=[role.may_work]),
    )
    _watch(notices, name, spec, delivery.name)
    stream_name = lake.physical("kinesis-stream", name) if stream is not None else delivery_name
    return Intake(
        address(
            StreamAddress,
            name=name,
            service="kinesis" if stream is not None else "firehose",
            stream=stream_name,
            key_arn=zone.key_arn,
        ),
        tuple(_may_put(lake, stream_name, zone.key_arn, through_stream=stream is not None)),
    )


def _stream(lake: Component, name: str, spec: StreamIngestionSpec, key_arn: pulumi.Output[str]) -> aws.kinesis.Stream:
    return aws.kinesis.Stream(
        lake.written_at(f"{name}-stream", spec.source()),
        name=lake.physical("kinesis-stream", name),
        stream_mode_details={"stream_mode": "ON_DEMAND" if spec.shards is None else "PROVISIONED"},
        shard_count=spec.shards,
        retention_period=spec.retention_hours,
        encryption_type="KMS",
        kms_key_id=key_arn,
        opts=lake.options(),
    )


def _may_read(lake: Component, stream: aws.kinesis.Stream, key_arn: pulumi.Output[str]) -> list[Statement]:
    return [
        Statement(_READ_STREAM, (stream.arn,)),
        through_service(lake.context, "kinesis", DECRYPT, key_arn),
    ]


def _may_put(lake: Component, name: str, key_arn: pulumi.Output[str], *, through_stream: bool) -> list[Statement]:
    """What a sender needs. Firehose encrypts by a grant of its own, so only a stream's senders need the key.

    Sources: streams/latest/dev/permissions-user-key-KMS, firehose/latest/dev/encryption.
    """
    context = lake.context
    if not through_stream:
        arn = context.arn("firehose", f"deliverystream/{name}")
        return [Statement(("firehose:PutRecord", "firehose:PutRecordBatch"), (arn,))]
    return [
        Statement(("kinesis:PutRecord", "kinesis:PutRecords"), (context.arn("kinesis", f"stream/{name}"),)),
        through_service(context, "kinesis", ENCRYPT_AND_DECRYPT, key_arn),
    ]


def _partitions(spec: DatasetSpec) -> str:
    """The rest of the prefix, which Firehose fills in: `day=!{timestamp:yyyy-MM-dd}/`."""
    by_record = spec.ingestion is not None and spec.ingestion.partition_by == "record"
    parts = (
        (column.name, f"partitionKeyFromQuery:{column.name}")
        if by_record
        else (column.name, f"timestamp:{arrival_format(column.name, column.type)}")
        for column in spec.partitions
    )
    return "".join(f"{name}=!{{{expression}}}/" for name, expression in parts)


def _by_record(spec: DatasetSpec) -> dict[str, Any]:
    """What takes the partitions out of each record, where they aren't the time of arrival."""
    if spec.ingestion is None or spec.ingestion.partition_by != "record":
        return {}
    query = ",".join(f"{column.name}:{extracted(column.name, column.type)}" for column in spec.partitions)
    parameters = {"MetadataExtractionQuery": f"{{{query}}}", "JsonParsingEngine": "JQ-1.6"}
    return {
        "dynamic_partitioning_configuration": {"enabled": True, "retry_duration": _RETRY_SECONDS},
        "processing_configuration": {
            "enabled": True,
            "processors": [
                {
                    "type": "MetadataExtraction",
                    "parameters": [
                        {"parameter_name": key, "parameter_value": value} for key, value in parameters.items()
                    ],
                }
            ],
        },
    }


def _watch(notices: Notices, name: str, spec: DatasetSpec, delivery: pulumi.Output[str]) -> None:
    """Two alarms: events wait too long (S3, the key or the role refuses), and records that the schema doesn't fit.

    Source: firehose/latest/dev/monitoring-with-cloudwatch-metrics.
    """
    if spec.ingestion is None:
        return
    minutes = spec.ingestion.late_minutes
    dimensions = {"DeliveryStreamName": delivery}
    notices.alarm(
        f"{name}-late",
        spec.owner,
        metric=(_DELIVERIES, "DeliveryToS3.DataFreshness"),
        dimensions=dimensions,
        statistic="Maximum",
        above=minutes * _MINUTE,
        says=f"Events of {name} wait for more than {minutes} minutes; the delivery's log says why.",
    )
    notices.alarm(
        f"{name}-unconverted",
        spec.owner,
        metric=(_DELIVERIES, "FailedConversion.Records"),
        dimensions=dimensions,
        statistic="Sum",
        above=0,
        says=f"Records of {name} don't fit its schema; they lie below {error_prefix(name)}.",
    )
