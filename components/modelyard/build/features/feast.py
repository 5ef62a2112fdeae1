"""The Feast flavour: DynamoDB or Redis online, tables of the lake offline, and what Feast's SDK reads."""

from __future__ import annotations

from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.features import feast_files
from modelyard.build.features.places import Places
from modelyard.build.features.redis import Redis
from modelyard.build.features.spec import DynamoDBOnline, FeastFlavour, ProvisionedThroughput, RedisOnline
from modelyard.build.features.views import Stored, View
from modelyard.core.access import Statement
from modelyard.core.actions import QUERY, READ_CATALOG, WRITE_CATALOG
from modelyard.core.component import Component
from modelyard.core.features import DAY, FeatureType
from modelyard.core.retention import Retention
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service
from modelyard.foundation.network import NetworkLike

_GLUE_TYPES: Final[dict[FeatureType, str]] = {
    "string": "string",
    "integer": "bigint",
    "float": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
}
_READ: Final = ("dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem")
_WRITE: Final = (
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTable",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""`feast apply` asks for each table to be made, and is content where it exists: CreateTable, on these tables alone."""

_TEMPORARY: Final = ("glue:CreateTable", "glue:DeleteTable", "glue:GetTable")
_TEMPORARY_TABLES: Final = ("_*", "feast_entity_df_*")
"""What Feast calls the tables that a query of history makes and drops again."""

_PARQUET: Final = "org.apache.hadoop.hive.ql.io.parquet"


class FeastStore:
    """What one Feast store is made of; `publish` writes what the SDK reads, once all views are known."""

    def __init__(
        self, store: Component, flavour: FeastFlavour, places: Places, network: NetworkLike | None, retention: Retention
    ) -> None:
        self._store = store
        self._places = places
        self._online = flavour.online
        self._views: list[tuple[View, str, feast_files.Source]] = []
        self.project = "_".join((*store.context.names.owner, store.component)).replace("-", "_")
        self._tables = store.physical("dynamodb-table")
        self._workgroup = self._own_workgroup(retention)
        self._redis = Redis(store, flavour.online, places, network) if isinstance(flavour.online, RedisOnline) else None

    def add(self, view: View, retention: Retention) -> Stored:
        """The stores of one version; a changed schema is other tables, under another name."""
        store, places, spec = self._store, self._places, view.spec
        name = f"{view.snake}_{view.tag}"
        table = store.physical("glue-table", view.key, content=view.tag)
        prefix = places.history(view.role)
        self._history(view, table, prefix)
        self._views.append((view, name, feast_files.athena_source(view, table=table, database=places.database)))
        online: tuple[list[Statement], list[Statement]] = ([], [])
        if spec.online and isinstance(self._online, DynamoDBOnline):
            online = self._table(view, name, self._online, retention)
        elif spec.online and self._redis is not None:
            online = self._redis.may_read(), self._redis.may_write()
        redis = self._redis if spec.online else None
        return Stored(
            store=name,
            read_online=tuple(online[0]),
            read_offline=(*places.may_read_history(prefix, table), *self._may_query()),
            write=(
                *online[1],
                *places.features.may_write(prefix),
                *places.artifacts.may_write(f"{places.repository}{feast_files.REGISTRY}"),
                Statement((*READ_CATALOG, *WRITE_CATALOG), places.tables(table)),
                *self._may_query(),
            ),
            database=places.database,
            table=table,
            prefix=prefix,
            workgroup=self._workgroup,
            staging=f"{places.repository}{feast_files.STAGING}/",
            endpoint=redis.endpoint if redis else "",
            users=redis.users if redis else {},
        )

    def publish(self) -> None:
        """Write `feature_store.yaml` and the definitions of all views to the artifacts zone."""
        store, places = self._store, self._places
        bucket, repository = places.artifacts.bucket.bucket, places.repository
        online = (
            feast_files.redis()
            if self._redis is not None
            else feast_files.dynamodb(region=store.context.region, prefix=self._tables)
        )
        text = bucket.apply(
            lambda known: feast_files.configuration(
                project=self.project,
                place=f"s3://{known}/{repository}",
                online=online,
                offline=feast_files.athena(
                    place=f"s3://{known}/{repository}",
                    region=store.context.region,
                    database=places.database,
                    workgroup=self._workgroup,
                ),
            )
        )
        written: dict[str, tuple[str, pulumi.Input[str]]] = {
            "feast-configuration": (feast_files.CONFIGURATION, text),
            "feast-definitions": (feast_files.DEFINITIONS, feast_files.definitions(self._views)),
        }
        for role, (file, content) in written.items():
            aws.s3.BucketObjectv2(
                store.named(role),
                bucket=bucket,
                key=f"{repository}{file}",
                content=content,
                content_type="text/plain; charset=utf-8",
                opts=store.options(),
            )

    def _table(
        self, view: View, name: str, online: DynamoDBOnline, retention: Retention
    ) -> tuple[list[Statement], list[Statement]]:
        physical = f"{self._tables}.{name}"
        return online_table(
            self._store, view, physical, online=online, key_arn=self._places.key_arn, retention=retention
        )

    def _history(self, view: View, table: str, prefix: str) -> None:
        """The table of the history: Parquet by day, whose partitions Athena computes."""
        places, columns = self._places, [*view.entity]
        listed: list[Any] = [{"name": key.name, "type": _GLUE_TYPES[key.type]} for key in columns]
        listed.append({"name": view.spec.event_time, "type": "timestamp"})
        listed += [
            {"name": each.name, "type": _GLUE_TYPES[each.type], "comment": each.description or None}
            for each in view.features
        ]
        aws.glue.CatalogTable(
            self._store.written_at(f"{view.role}-history", view.spec.source()),
            name=table,
            database_name=places.lake.database.name,
            owner=view.owner,
            table_type="EXTERNAL_TABLE",
            parameters={
                "EXTERNAL": "TRUE",
                "classification": "parquet",
                "projection.enabled": "true",
                f"projection.{DAY}.type": "date",
                f"projection.{DAY}.format": "yyyy-MM-dd",
                f"projection.{DAY}.range": "NOW-10YEARS,NOW+1DAYS",
            },
            partition_keys=[{"name": DAY, "type": "string"}],
            storage_descriptor={
                "location": places.features.bucket.bucket.apply(lambda bucket: f"s3://{bucket}/{prefix}"),
                "input_format": f"{_PARQUET}.MapredParquetInputFormat",
                "output_format": f"{_PARQUET}.MapredParquetOutputFormat",
                "ser_de_info": {"name": "parquet", "serialization_library": f"{_PARQUET}.serde.ParquetHiveSerDe"},
                "columns": listed,
            },
            opts=self._store.options(),
        )

    def _own_workgroup(self, retention: Retention) -> str:
        """Where Feast asks: it says itself where results go, which the lake's own workgroup doesn't let clients do.

        Source: athena/latest/ug/create-table-as, "external_location".
        """
        store, places = self._store, self._places
        name = store.physical("athena-workgroup")
        aws.athena.Workgroup(
            store.named("workgroup"),
            name=name,
            description=f"Feast asks for the history of {store.component}",
            force_destroy=retention.force_destroy,
            configuration={
                "enforce_workgroup_configuration": False,
                "publish_cloudwatch_metrics_enabled": True,
                "bytes_scanned_cutoff_per_query": places.lake.spec.query.scan_limit_gib * 2**30,
                "result_configuration": {
                    "output_location": places.artifacts.bucket.bucket.apply(
                        lambda bucket: f"s3://{bucket}/{places.repository}{feast_files.STAGING}/results/"
                    ),
                    "encryption_configuration": {"encryption_option": "SSE_KMS", "kms_key_arn": places.key_arn},
                },
            },
            opts=store.options(),
        )
        return name

    def _may_query(self) -> list[Statement]:
        """Lets an identity ask for history as Feast does: by tables that are made for one query and dropped again.

        `feast apply` first looks at each table through Athena.
        """
        places = self._places
        workgroup = places.context.arn("athena", f"workgroup/{self._workgroup}")
        return [
            Statement(QUERY, (workgroup,)),
            Statement(("athena:GetTableMetadata",), (places.context.arn("athena", "datacatalog/AwsDataCatalog"),)),
            *places.artifacts.may_read(f"{places.repository}{feast_files.STAGING}"),
            *places.artifacts.may_write(f"{places.repository}{feast_files.STAGING}"),
            Statement(_TEMPORARY, places.tables(*_TEMPORARY_TABLES)),
        ]


def online_table(
    store: Component,
    view: View,
    physical: str,
    *,
    online: DynamoDBOnline,
    key_arn: pulumi.Output[str],
    retention: Retention,
) -> tuple[list[Statement], list[Statement]]:
    """The DynamoDB table of a view as Feast asks it, and what reading and writing take."""
    context, throughput = store.context, online.throughput
    capacity: dict[str, Any] = {"billing_mode": "PAY_PER_REQUEST"}
    if isinstance(throughput, ProvisionedThroughput):
        capacity = {
            "billing_mode": "PROVISIONED",
            "read_capacity": throughput.read_units,
            "write_capacity": throughput.write_units,
        }
    aws.dynamodb.Table(
        store.written_at(view.role, view.spec.source()),
        name=physical,
        hash_key="entity_id",
        attributes=[{"name": "entity_id", "type": "S"}],
        server_side_encryption={"enabled": True, "kms_key_arn": key_arn},
        point_in_time_recovery={"enabled": context.production if online.recovery is None else online.recovery},
        deletion_protection_enabled=retention.protect,
        opts=store.options(protect=retention.protect),
        **capacity,
    )
    arn = context.arn("dynamodb", f"table/{physical}")
    return (
        [Statement(_READ, (arn,)), through_service(context, "dynamodb", DECRYPT, key_arn)],
        [Statement(_WRITE, (arn,)), through_service(context, "dynamodb", ENCRYPT_AND_DECRYPT, key_arn)],
    )
