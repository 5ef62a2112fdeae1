"""SageMaker feature groups: both stores as they were asked for, updates, and an end."""

from __future__ import annotations

from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ResourceNotFound, ValidationError
from moto.sagemaker.models import FeatureGroup, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

_ON_DEMAND: Final = {"ThroughputMode": "OnDemand"}
_create = SageMakerModelBackend.create_feature_group


def of(backend: SageMakerModelBackend, name: str) -> FeatureGroup:
    """The feature group called `name`, or by ARN. Raises `ResourceNotFound`."""
    for group in backend.feature_groups.values():
        if name in (group.feature_group_name, group.arn):
            return group
    raise ResourceNotFound(f"Feature Group {name} not found.")


def create_feature_group(self: Any) -> ActionResult:
    """CreateFeatureGroup, with an online store, an offline store, or both."""
    asked = {key: self._get_param(key) for key in ("OnlineStoreConfig", "OfflineStoreConfig", "ThroughputConfig")}
    names = {each["FeatureName"] for each in self._get_param("FeatureDefinitions")}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if self._get_param(member) not in names:
            raise ValidationError(f"{member} {self._get_param(member)} is not among FeatureDefinitions")
    online, offline = asked["OnlineStoreConfig"] or {}, asked["OfflineStoreConfig"]
    if not offline and not online.get("EnableOnlineStore"):
        raise ValidationError("Either OnlineStoreConfig or OfflineStoreConfig must be provided")
    if offline and not self._get_param("RoleArn"):
        raise ValidationError("RoleArn is required for an offline store")
    catalog = (offline or {}).get("DataCatalogConfig")
    arn = _create(
        self.sagemaker_backend,
        feature_group_name=self._get_param("FeatureGroupName"),
        record_identifier_feature_name=self._get_param("RecordIdentifierFeatureName"),
        event_time_feature_name=self._get_param("EventTimeFeatureName"),
        feature_definitions=self._get_param("FeatureDefinitions"),
        offline_store_config=dict(offline or {"S3StorageConfig": {"S3Uri": ""}}),
        role_arn=self._get_param("RoleArn"),
        tags=self._get_param("Tags") or [],
    )
    group: Any = self.sagemaker_backend.feature_groups[arn]
    group.online = online
    group.throughput = asked["ThroughputConfig"] or _ON_DEMAND
    group.description = self._get_param("Description")
    if not offline:
        group.offline_store_config = None
    elif catalog:
        group.offline_store_config["DataCatalogConfig"] = catalog
    return ActionResult({"FeatureGroupArn": arn})


def describe_feature_group(self: Any) -> ActionResult:
    """DescribeFeatureGroup."""
    group: Any = of(self.sagemaker_backend, self._get_param("FeatureGroupName"))
    shown = {
        **group.describe(),
        "OnlineStoreConfig": group.online or None,
        "OfflineStoreConfig": group.offline_store_config,
        "ThroughputConfig": group.throughput,
        "Description": group.description,
        "LastModifiedTime": getattr(group, "modified", group.creation_time),
    }
    return ActionResult({key: value for key, value in shown.items() if value is not None})


def update_feature_group(self: Any) -> ActionResult:
    """UpdateFeatureGroup: more features, the time to live, and the throughput."""
    group: Any = of(self.sagemaker_backend, self._get_param("FeatureGroupName"))
    added, online = self._get_param("FeatureAdditions") or [], self._get_param("OnlineStoreConfig")
    known = {each["FeatureName"] for each in group.feature_definitions}
    for each in added:
        if each["FeatureName"] in known:
            raise ValidationError(f"Feature {each['FeatureName']} exists already")
    group.feature_definitions = [*group.feature_definitions, *added]
    if online is not None:
        if not group.online.get("EnableOnlineStore"):
            raise ValidationError("The feature group has no online store")
        kept = {key: value for key, value in group.online.items() if key != "TtlDuration"}
        group.online = kept | {key: online[key] for key in ("TtlDuration",) if online.get(key)}
    group.throughput = self._get_param("ThroughputConfig") or group.throughput
    group.modified = utcnow()
    return ActionResult({"FeatureGroupArn": group.arn})


def delete_feature_group(self: Any) -> EmptyResult:
    """DeleteFeatureGroup: the objects and the table of its history stay, as in AWS."""
    group = of(self.sagemaker_backend, self._get_param("FeatureGroupName"))
    del self.sagemaker_backend.feature_groups[group.arn]
    return EmptyResult()


def list_feature_groups(self: Any) -> ActionResult:
    """ListFeatureGroups."""
    wanted = self._get_param("NameContains") or ""
    found = [
        {
            "FeatureGroupName": group.feature_group_name,
            "FeatureGroupArn": group.arn,
            "FeatureGroupStatus": "Created",
            "CreationTime": group.creation_time,
        }
        for group in self.sagemaker_backend.feature_groups.values()
        if wanted in group.feature_group_name
    ]
    return ActionResult({"FeatureGroupSummaries": found})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    tagged(":feature-group/", of)
    for operation in (
        create_feature_group,
        describe_feature_group,
        update_feature_group,
        delete_feature_group,
        list_feature_groups,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
