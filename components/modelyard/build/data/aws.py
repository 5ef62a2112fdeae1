"""A data lake on S3, with its Glue catalog and Athena workgroup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.spec import ColumnSpec, DatasetSpec, LakeSpec, ZoneName
from modelyard.build.data.zone import Zone
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.addresses import DatasetAddress
from modelyard.core.buckets import access_log_bucket
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError
from modelyard.core.retention import Retention, retention_for
from modelyard.foundation.keys import KeysLike

RESULTS: Final = "athena"
_GIB: Final = 2**30
_FORMATS: Final[dict[str, tuple[str, str, str]]] = {
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "csv": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.apache.hadoop.hive.serde2.OpenCSVSerde",
    ),
}
"""Input format, output format and serializer of each way to write objects (athena/latest/ug/supported-serdes)."""

_READ_CATALOG: Final = (
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
)
_WRITE_CATALOG: Final = ("glue:BatchCreatePartition", "glue:CreatePartition", "glue:UpdatePartition")
_QUERY: Final = (
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
)


class DataLake(Component):
    """One bucket per zone, a Glue table per dataset, and a workgroup whose settings no client overrides."""

    CAPABILITY = "data"

    def __init__(
        self,
        name: str,
        spec: LakeSpec,
        *,
        context: Context,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.key_arn = keys.arn("data")
        sources = [f"arn:{context.partition}:s3:::{self.physical('s3-bucket', zone)}" for zone in spec.zones]
        log_bucket, may_log = access_log_bucket(self, sources=sources, days=spec.access_log_days)
        self.zones: dict[ZoneName, Zone] = {
            zone: Zone(
                self,
                zone,
                zone_spec,
                datasets={key: dataset for key, dataset in spec.datasets.items() if dataset.zone == zone},
                result_days=spec.query.result_days,
                key_arn=self.key_arn,
                retention=self._retention(zone),
                log_bucket=log_bucket,
                may_log=may_log,
            )
            for zone, zone_spec in spec.zones.items()
        }
        self.database = aws.glue.CatalogDatabase(
            self.named("database"),
            name=self.physical("glue-database"),
            description=f"The lake of {context.owner} in {context.platform} {context.environment}",
            opts=self.options(),
        )
        for dataset, dataset_spec in spec.datasets.items():
            self._table(dataset, dataset_spec)
        self.workgroup = self._workgroup()
        self.register_outputs(
            {
                "buckets": {zone: made.bucket.bucket for zone, made in self.zones.items()},
                "database": self.database.name,
                "workgroup": self.workgroup.name,
            }
        )

    def zone(self, name: ZoneName) -> Zone:
        """The zone called `name`. Raises `InputError` for one that the lake hasn't."""
        if name not in self.zones:
            has = ", ".join(self.zones)
            raise InputError(Fault("is no zone of this lake", f"It has {has}.", self.written.at("zones"), name))
        return self.zones[name]

    def grant_read(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` read objects and catalog of `datasets`. Absent: of all datasets of the lake."""
        self._grant(grantee, "read", datasets, write=False)

    def grant_write(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` write objects and partitions of `datasets`. Absent: of all datasets of the lake."""
        self._grant(grantee, "write", datasets, write=True)

    def grant_query(self, grantee: Grantee) -> None:
        """Let `grantee` run queries in the lake's workgroup, over what it was granted to read."""
        workgroup = self.context.arn("athena", f"workgroup/{self.physical('athena-workgroup')}")
        results = self.zone("artifacts")
        identity_of(grantee).allow(
            self, "query", [Statement(_QUERY, (workgroup,)), *results.may_read(RESULTS), *results.may_write(RESULTS)]
        )

    def _grant(self, grantee: Grantee, intent: str, datasets: Sequence[str] | None, *, write: bool) -> None:
        chosen = sorted(self.spec.datasets if datasets is None else datasets)
        unknown = [name for name in chosen if name not in self.spec.datasets]
        if unknown:
            has = ", ".join(self.spec.datasets) or "none"
            raise InputError(
                *(
                    Fault("is no dataset of this lake", f"It has {has}.", self.written.at("datasets"), n)
                    for n in unknown
                )
            )
        statements: list[Statement] = []
        for zone in self.zones.values():
            prefixes = [name for name in chosen if self.spec.datasets[name].zone == zone.name]
            if prefixes:
                statements += zone.may_write(*prefixes) if write else zone.may_read(*prefixes)
        if chosen:
            statements.append(Statement(_WRITE_CATALOG if write else _READ_CATALOG, self._catalog(chosen)))
        identity_of(grantee).allow(self, intent, statements, [self._address(name) for name in chosen])

    def _catalog(self, datasets: Sequence[str]) -> tuple[str, ...]:
        """Glue authorizes a call on a table against catalog, database and table together."""
        database = self.physical("glue-database")
        tables = (f"table/{database}/{_table_name(name)}" for name in datasets)
        return tuple(self.context.arn("glue", part) for part in ("catalog", f"database/{database}", *tables))

    def _address(self, dataset: str) -> PendingAddress:
        zone = self.zones[self.spec.datasets[dataset].zone]
        return address(
            DatasetAddress,
            name=dataset,
            bucket=zone.bucket.bucket,
            prefix=f"{dataset}/",
            key_arn=zone.key_arn,
            database=self.physical("glue-database"),
            table=_table_name(dataset),
            workgroup=self.physical("athena-workgroup"),
        )

    def _retention(self, zone: ZoneName) -> Retention:
        return retention_for(
            self.spec.classification(zone), production=self.context.production, declared=self.spec.retention
        )

    def _table(self, name: str, spec: DatasetSpec) -> None:
        read, write, serializer = _FORMATS[spec.format]
        aws.glue.CatalogTable(
            self.written_at(f"table-{name}", spec.source()),
            name=_table_name(name),
            database_name=self.database.name,
            description=spec.description or None,
            owner=spec.owner,
            table_type="EXTERNAL_TABLE",
            parameters={
                "EXTERNAL": "TRUE",
                "classification": spec.format,
                "data-classification": spec.classification.value,
                **({"skip.header.line.count": "1"} if spec.format == "csv" else {}),
            },
            partition_keys=[_column(column) for column in spec.partitions],
            storage_descriptor={
                "location": pulumi.Output.format("s3://{0}/{1}/", self.zones[spec.zone].bucket.bucket, name),
                "input_format": read,
                "output_format": write,
                "ser_de_info": {"name": spec.format, "serialization_library": serializer},
                "columns": [_column(column) for column in spec.columns],
            },
            opts=self.options(),
        )

    def _workgroup(self) -> aws.athena.Workgroup:
        results = self.zone("artifacts")
        return aws.athena.Workgroup(
            self.written_at("workgroup", self.spec.query.source()),
            name=self.physical("athena-workgroup"),
            description=f"Queries of {self.context.owner}",
            force_destroy=self._retention("artifacts").force_destroy,
            configuration={
                "enforce_workgroup_configuration": True,
                "publish_cloudwatch_metrics_enabled": True,
                "bytes_scanned_cutoff_per_query": self.spec.query.scan_limit_gib * _GIB,
                "result_configuration": {
                    "output_location": pulumi.Output.format("s3://{0}/{1}/", results.bucket.bucket, RESULTS),
                    "encryption_configuration": {"encryption_option": "SSE_KMS", "kms_key_arn": self.key_arn},
                },
            },
            opts=self.options(),
        )


def _table_name(dataset: str) -> str:
    return dataset.replace("-", "_")


def _column(column: ColumnSpec) -> Any:
    return {"name": column.name, "type": column.type, "comment": column.description or None}
