"""SageMaker's feature store at run time: records of feature groups that have an online store.

Source: sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Feature_Store_Runtime. What reaches the offline
store, and when a record expires, is not emulated.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from moto import backend_index
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.sagemaker import urls
from moto.sagemaker.exceptions import ResourceNotFound, ValidationError
from moto.sagemaker.models import FeatureGroup, sagemaker_backends

from modelyard_sandbox.moto_extensions.sagemaker_features import of

_BASE: Final = r"https?://featurestore-runtime\.sagemaker\.(.+)\.amazonaws\.com"
_DELETED: Final = "DeletedAt"
Record = dict[str, str]


class RecordsResponse(BaseResponse):
    """Answers the calls of `sagemaker-featurestore-runtime`."""

    def __init__(self) -> None:
        super().__init__(service_name="sagemaker-featurestore-runtime")
        self.automated_parameter_parsing = True

    def put_record(self) -> EmptyResult:
        """PutRecord: the newest event time wins."""
        group = self._group(self._get_param("FeatureGroupName"))
        record = _judged(group, self._get_param("Record"))
        records, key = _records(group), record[group.record_identifier_feature_name]
        known = records.get(key)
        if known is None or _when(group, record) >= _when(group, known):
            records[key] = record
        return EmptyResult()

    def get_record(self) -> ActionResult:
        """GetRecord: nothing for whom nobody knows."""
        group = self._group(self._get_param("FeatureGroupName"))
        names = self._get_param("FeatureNames") or []
        found = _found(group, self._get_param("RecordIdentifierValueAsString"), names)
        return ActionResult({"Record": found} if found else {})

    def delete_record(self) -> EmptyResult:
        """DeleteRecord: what was told at a later time than the deletion stays."""
        group = self._group(self._get_param("FeatureGroupName"))
        key, records = self._get_param("RecordIdentifierValueAsString"), _records(group)
        moment = {group.event_time_feature_name: self._get_param("EventTime")}
        known = records.get(key)
        if known is not None and _when(group, moment) >= _when(group, known):
            if self._get_param("DeletionMode") == "HardDelete":
                del records[key]
            else:
                records[key] = {**moment, _DELETED: "true"}
        return EmptyResult()

    def batch_get_record(self) -> ActionResult:
        """BatchGetRecord: what is there, and an error for each group that isn't."""
        records: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for asked in self._get_param("Identifiers"):
            name = asked["FeatureGroupName"]
            for key in asked["RecordIdentifiersValueAsString"]:
                where = {"FeatureGroupName": name, "RecordIdentifierValueAsString": key}
                try:
                    found = _found(self._group(name), key, asked.get("FeatureNames") or [])
                except ResourceNotFound as error:
                    errors.append({**where, "ErrorCode": "ResourceNotFound", "ErrorMessage": error.message})
                    continue
                if found:
                    records.append({**where, "Record": found})
        return ActionResult({"Records": records, "Errors": errors, "UnprocessedIdentifiers": []})

    def _group(self, name: str) -> FeatureGroup:
        group: Any = of(sagemaker_backends[self.current_account][self.region], name)
        if not group.online.get("EnableOnlineStore"):
            raise ValidationError(f"Feature group {group.feature_group_name} has no online store")
        return group


def _records(group: Any) -> dict[str, Record]:
    if not hasattr(group, "records"):
        group.records = {}
    return group.records


def _found(group: FeatureGroup, key: str, names: list[str]) -> list[dict[str, str]]:
    record = _records(group).get(key)
    if record is None or _DELETED in record:
        return []
    return [
        {"FeatureName": name, "ValueAsString": value} for name, value in record.items() if not names or name in names
    ]


def _judged(group: FeatureGroup, given: list[dict[str, str]]) -> Record:
    """The record, if it is one of the group's."""
    record = {each["FeatureName"]: each["ValueAsString"] for each in given}
    kinds = {each["FeatureName"]: each["FeatureType"] for each in group.feature_definitions}
    for name in (group.record_identifier_feature_name, group.event_time_feature_name):
        if not record.get(name):
            raise ValidationError(f"Validation Error: the record lacks its feature {name}")
    for name, value in record.items():
        if name not in kinds:
            raise ValidationError(f"Validation Error: {group.feature_group_name} has no feature {name}")
        try:
            if kinds[name] == "Integral":
                int(value)
            elif kinds[name] == "Fractional":
                float(value)
        except ValueError:
            raise ValidationError(f"Validation Error: {value} of {name} is not {kinds[name]}") from None
    _when(group, record)
    return record


def _when(group: FeatureGroup, record: Record) -> float:
    """The event time in seconds; it is written as ISO 8601, or as a number."""
    value = record[group.event_time_feature_name]
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise ValidationError(f"Validation Error: {value} is no event time") from None


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    if _BASE not in urls.url_bases:
        urls.url_bases.append(_BASE)
        backend_index.backend_url_patterns.append(("sagemaker", re.compile(_BASE)))
    for path in ("FeatureGroup/(?P<name>[^/]+)", "BatchGetRecord"):
        urls.url_paths[f"{{0}}/{path}$"] = RecordsResponse.dispatch
