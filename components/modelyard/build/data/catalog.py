"""The lake's database and tables in the Glue catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.adopting import adopted
from modelyard.build.data.spec import ColumnSpec, DatasetSpec, LakeSpec
from modelyard.build.data.spec.partitions import arrival_format
from modelyard.build.data.zone import Zone
from modelyard.core.component import Component

FORMATS: Final[dict[str, tuple[str, str, str]]] = {
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

_LONGEST_YEARS: Final = 10
_UNITS: Final = {"hour": ("0,23", 2), "day": ("1,31", 2), "month": ("1,12", 2), "year": ("2020,2100", 4)}


class Catalog:
    """One database, whose name is known before it exists, and the tables of its datasets."""

    def __init__(self, lake: Component, spec: LakeSpec) -> None:
        self._lake = lake
        self._spec = spec
        context = lake.context
        self.name = spec.database.adopt or lake.physical("glue-database")
        where = spec.database
        self.database = aws.glue.CatalogDatabase(
            lake.written_at("database", where.source()) if where.adopt else lake.named("database"),
            name=self.name,
            description=f"The lake of {context.owner} in {context.platform} {context.environment}",
            opts=adopted(lake, "database", f"{context.account}:{self.name}", where.settings)
            if where.adopt
            else lake.options(),
        )

    def arns(self, datasets: Sequence[str]) -> tuple[str, ...]:
        """Catalog, database and tables: Glue authorizes a call on a table against all three together."""
        tables = (f"table/{self.name}/{self._spec.table(name)}" for name in datasets)
        parts = ("catalog", f"database/{self.name}", *tables)
        return tuple(self._lake.context.arn("glue", part) for part in parts)

    def add(self, name: str, spec: DatasetSpec, zone: Zone) -> aws.glue.CatalogTable:
        """The table of a dataset that lies in `zone`."""
        lake, table = self._lake, self._spec.table(name)
        options = lake.options()
        if spec.adopt is not None:
            id = f"{lake.context.account}:{self.name}:{table}"
            options = adopted(lake, "table", id, spec.adopt.settings)
        descriptor: Any = storage(spec)
        descriptor["location"] = pulumi.Output.format("s3://{0}/{1}", zone.bucket.bucket, self._spec.prefix(name))
        return aws.glue.CatalogTable(
            lake.written_at(f"table-{name}", spec.source()),
            name=table,
            database_name=self.database.name,
            description=spec.description or None,
            owner=spec.owner,
            table_type="EXTERNAL_TABLE",
            parameters={
                "EXTERNAL": "TRUE",
                "classification": spec.format,
                "data-classification": spec.classification.value,
                **({"skip.header.line.count": "1"} if spec.format == "csv" else {}),
                **projection(spec),
            },
            partition_keys=[_column(column) for column in spec.partitions],
            storage_descriptor=descriptor,
            opts=options,
        )


def storage(spec: DatasetSpec) -> Any:
    """How the objects of a dataset are read and written, and its columns; their place aside."""
    read, write, serializer = FORMATS[spec.format]
    return {
        "input_format": read,
        "output_format": write,
        "ser_de_info": {"name": spec.format, "serialization_library": serializer},
        "columns": [_column(column) for column in spec.columns],
    }


def projection(spec: DatasetSpec) -> dict[str, str]:
    """Lets Athena find the partitions that ingestion writes by computing their paths, since nobody registers them.

    What the record says is found where a query names it. Source: athena/latest/ug/partition-projection.
    """
    if spec.ingestion is None or not spec.partitions:
        return {}
    found = {"projection.enabled": "true"}
    for column in spec.partitions:
        found |= {f"projection.{column.name}.{key}": value for key, value in _projected(spec, column).items()}
    return found


def _projected(spec: DatasetSpec, column: ColumnSpec) -> dict[str, str]:
    if column.type == "date":
        days = spec.retention_days
        past = f"NOW-{_LONGEST_YEARS}YEARS" if days is None else f"NOW-{days + 1}DAYS"
        return {"type": "date", "format": "yyyy-MM-dd", "range": f"{past},NOW+1DAYS"}
    timed = spec.ingestion is not None and spec.ingestion.partition_by == "arrival"
    if timed and arrival_format(column.name, column.type) is not None:
        bounds, digits = _UNITS[column.name]
        return {"type": "integer", "range": bounds, "digits": str(digits)}
    return {"type": "injected"}


def _column(column: ColumnSpec) -> Any:
    return {"name": column.name, "type": column.type, "comment": column.description or None}
