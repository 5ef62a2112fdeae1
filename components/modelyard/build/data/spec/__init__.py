"""What a team's file says about its data."""

from modelyard.build.data.spec.datasets import AdoptTableSpec, ColumnSpec, ColumnType, DatasetSpec, LegalHoldSpec
from modelyard.build.data.spec.ingestion import FirehoseIngestionSpec, IngestionSpec, StreamIngestionSpec
from modelyard.build.data.spec.lake import (
    AdoptBucketSpec,
    AdoptRoleSpec,
    DatabaseSpec,
    DataRoleSpec,
    LakeSpec,
    QuerySpec,
    ZoneSpec,
)
from modelyard.build.data.spec.quality import (
    AllowedRule,
    ArrivalCheck,
    CompletenessRule,
    CustomRule,
    FreshnessRule,
    QualitySpec,
    RangeRule,
    RowCountRule,
    RuleSpec,
    ScheduledCheck,
    UniquenessRule,
)
from modelyard.build.data.spec.zones import RESTORED, SNAPSHOTS, ZONES, ZoneName

__all__ = [
    "RESTORED",
    "SNAPSHOTS",
    "ZONES",
    "DataRoleSpec",
    "AdoptBucketSpec",
    "AdoptRoleSpec",
    "AdoptTableSpec",
    "AllowedRule",
    "ArrivalCheck",
    "ColumnSpec",
    "ColumnType",
    "CompletenessRule",
    "CustomRule",
    "DatabaseSpec",
    "DatasetSpec",
    "FirehoseIngestionSpec",
    "FreshnessRule",
    "IngestionSpec",
    "LakeSpec",
    "LegalHoldSpec",
    "QualitySpec",
    "QuerySpec",
    "RangeRule",
    "RowCountRule",
    "RuleSpec",
    "ScheduledCheck",
    "StreamIngestionSpec",
    "UniquenessRule",
    "ZoneName",
    "ZoneSpec",
]
