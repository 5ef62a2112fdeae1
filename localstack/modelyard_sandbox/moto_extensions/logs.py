"""CloudWatch Logs: a log group's key can be changed and taken away; a metric filter is one of its group."""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.responses import LogsResponse

_put_metric_filter = LogsResponse.put_metric_filter


def _group(response: Any) -> Any:
    groups = response.logs_backend.groups
    name = response._get_param("logGroupName")
    if name not in groups:
        raise ResourceNotFoundException()
    return groups[name]


def associate_kms_key(self: Any) -> str:
    """AssociateKmsKey: new events are encrypted under another key."""
    _group(self).kms_key_id = self._get_param("kmsKeyId")
    return ""


def disassociate_kms_key(self: Any) -> str:
    """DisassociateKmsKey: new events are encrypted under the service's own key."""
    _group(self).kms_key_id = None
    return ""


def put_metric_filter(self: Any) -> str:
    """PutMetricFilter: the group must exist, and a filter of the same name is replaced."""
    _group(self)
    backend = self.logs_backend
    backend.delete_metric_filter(self._get_param("filterName"), self._get_param("logGroupName"))
    return _put_metric_filter(self)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (associate_kms_key, disassociate_kms_key, put_metric_filter):
        setattr(LogsResponse, operation.__name__, operation)
