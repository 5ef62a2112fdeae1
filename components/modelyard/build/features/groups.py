"""The SageMaker flavour: a feature group per version of a view, online and in the lake."""

from __future__ import annotations

from typing import Any, Final

import pulumi_aws as aws

from modelyard.build.features.places import Places
from modelyard.build.features.spec import ProvisionedThroughput, SageMakerFlavour
from modelyard.build.features.views import Stored, View
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.features import FeatureType, record_id_of
from modelyard.core.retention import Retention
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service

_TYPES: Final[dict[FeatureType, str]] = {
    "string": "String",
    "integer": "Integral",
    "float": "Fractional",
    "boolean": "Integral",
    "timestamp": "String",
}
"""Feature Store's own types: a boolean is 0 or 1, a time is ISO 8601 text."""

_READ: Final = ("sagemaker:BatchGetRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord")
_WRITE: Final = ("sagemaker:DeleteRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:PutRecord")


class FeatureGroups:
    """The feature groups of one store, and the role under which SageMaker writes their history."""

    def __init__(self, store: Component, flavour: SageMakerFlavour, places: Places, views: list[View]) -> None:
        self._store = store
        self._flavour = flavour
        self._places = places
        self._role = self._writer([view for view in views if view.spec.offline])

    def add(self, view: View, retention: Retention) -> Stored:
        """The feature group of one version; a changed schema is another group, under another name."""
        store, places, spec = self._store, self._places, view.spec
        name = store.physical("feature-group", view.key, content=view.tag)
        table = store.physical("glue-table", view.key, content=view.tag) if spec.offline else ""
        prefix = places.history(view.role) if spec.offline else ""
        aws.sagemaker.FeatureGroup(
            store.written_at(view.role, spec.source()),
            feature_group_name=name,
            description=f"{view.name}, version {view.version}",
            record_identifier_feature_name=record_id_of([key.name for key in spec.entity]),
            event_time_feature_name=spec.event_time,
            feature_definitions=_definitions(view),
            online_store_config=self._online(view) if spec.online else None,
            offline_store_config=self._offline(prefix, table) if spec.offline else None,
            throughput_config=self._throughput() if spec.online else None,
            role_arn=self._role.arn,
            opts=store.options(protect=retention.protect, depends_on=[self._role.may_work]),
        )
        arn = store.context.arn("sagemaker", f"feature-group/{name}")
        key = through_service(store.context, "sagemaker", DECRYPT, places.key_arn)
        return Stored(
            store=name,
            read_online=(Statement(_READ, (arn,)), key),
            read_offline=tuple(places.may_read_history(prefix, table)) if spec.offline else (),
            write=(Statement(_WRITE, (arn,)), key),
            database=places.database if spec.offline else "",
            table=table,
            prefix=prefix,
            workgroup=places.workgroup,
        )

    def _online(self, view: View) -> Any:
        config: dict[str, Any] = {
            "enable_online_store": True,
            "security_config": {"kms_key_id": self._places.key_arn},
        }
        if view.spec.ttl_hours is not None:
            config["ttl_duration"] = {"unit": "Hours", "value": view.spec.ttl_hours}
        return config

    def _offline(self, prefix: str, table: str) -> Any:
        return {
            "s3_storage_config": {
                "s3_uri": self._places.features.bucket.bucket.apply(lambda bucket: f"s3://{bucket}/{prefix}"),
                "kms_key_id": self._places.key_arn,
            },
            "data_catalog_config": {
                "catalog": "AwsDataCatalog",
                "database": self._places.database,
                "table_name": table,
            },
            "table_format": "Iceberg" if self._flavour.table_format == "iceberg" else "Glue",
        }

    def _throughput(self) -> Any:
        throughput = self._flavour.throughput
        if isinstance(throughput, ProvisionedThroughput):
            return {
                "throughput_mode": "Provisioned",
                "provisioned_read_capacity_units": throughput.read_units,
                "provisioned_write_capacity_units": throughput.write_units,
            }
        return {"throughput_mode": "OnDemand"}

    def _writer(self, views: list[View]) -> ServiceRole:
        """SageMaker's own role for the offline stores: it adds objects, and keeps Iceberg's metadata in step.

        Sources: sagemaker/latest/dg/feature-store-adding-policies,
        aws-managed-policy/latest/reference/AmazonSageMakerFeatureStoreAccess.
        """
        store, places = self._store, self._places
        zone, context = places.features, store.context
        prefix = f"{store.component}/"
        tables = [store.physical("glue-table", view.key, content=view.tag) for view in views]
        return ServiceRole(
            store,
            "history",
            "sagemaker",
            source_arn=context.arn("sagemaker", "*"),
            statements=[
                Statement(("s3:GetBucketAcl", "s3:GetBucketLocation"), (zone.arn,)),
                Statement(("s3:GetObject", "s3:PutObject"), zone.objects(prefix)),
                Statement(
                    ("s3:PutObjectAcl",),
                    zone.objects(prefix),
                    {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
                ),
                through_service(context, "s3", ENCRYPT_AND_DECRYPT, places.key_arn),
                *([Statement(("glue:GetTable", "glue:UpdateTable"), places.tables(*tables))] if tables else []),
            ],
            description="SageMaker writes the history of features",
            written=store.written,
        )


def _definitions(view: View) -> list[Any]:
    """Keys, time and features. Several keys get a feature that stands for all of them."""
    keys = [key.name for key in view.entity]
    columns = [(key.name, _TYPES[key.type]) for key in view.entity]
    if record_id_of(keys) not in keys:
        columns.insert(0, (record_id_of(keys), "String"))
    columns.append((view.spec.event_time, "String"))
    columns += [(feature.name, _TYPES[feature.type]) for feature in view.features]
    return [{"feature_name": name, "feature_type": kind} for name, kind in columns]
