"""Cost Explorer: anomaly monitors and who hears of what they find. Source: the Cost Explorer API reference."""

from __future__ import annotations

import json
from typing import Any

from moto.ce.models import CostExplorerBackend
from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

_CREATED = "2026-01-01T00:00:00Z"


def _kept(backend: CostExplorerBackend, kind: str) -> dict[str, dict[str, Any]]:
    if not hasattr(backend, kind):
        setattr(backend, kind, {})
    return getattr(backend, kind)


def _monitors(response: Any) -> dict[str, dict[str, Any]]:
    return _kept(response.ce_backend, "anomaly_monitors")


def _subscriptions(response: Any) -> dict[str, dict[str, Any]]:
    return _kept(response.ce_backend, "anomaly_subscriptions")


def _arn(response: Any, kind: str) -> str:
    account, region = response.current_account, response.region
    return f"arn:{get_partition(region)}:ce::{account}:{kind}/{mock_random.uuid4()}"


def _known(things: dict[str, dict[str, Any]], arn: str, kind: str) -> dict[str, Any]:
    if arn not in things:
        raise JsonRESTError(f"Unknown{kind}Exception", f"There is no {kind.lower()} {arn}.")
    return things[arn]


def _invalid(message: str) -> JsonRESTError:
    return JsonRESTError("ValidationException", message)


def create_anomaly_monitor(self: Any) -> str:
    """CreateAnomalyMonitor; an account has one managed monitor of each dimension."""
    monitor = dict(self._get_param("AnomalyMonitor"))
    managed = monitor["MonitorType"] == "DIMENSIONAL"
    if managed and any(
        known.get("MonitorDimension") == monitor["MonitorDimension"] for known in _monitors(self).values()
    ):
        raise _invalid("Limit exceeded on dimensional spend monitor creation")
    if not managed and not monitor.get("MonitorSpecification"):
        raise _invalid("MonitorSpecification is required")
    arn = _arn(self, "anomalymonitor")
    _monitors(self)[arn] = {**monitor, "MonitorArn": arn, "CreationDate": _CREATED}
    self.ce_backend.tag_resource(arn, self._get_param("ResourceTags") or [])
    return json.dumps({"MonitorArn": arn})


def get_anomaly_monitors(self: Any) -> str:
    """GetAnomalyMonitors, on one page."""
    asked = self._get_param("MonitorArnList")
    known = _monitors(self)
    found = [_known(known, arn, "Monitor") for arn in asked] if asked else list(known.values())
    return json.dumps({"AnomalyMonitors": found})


def update_anomaly_monitor(self: Any) -> str:
    """UpdateAnomalyMonitor: its name."""
    monitor = _known(_monitors(self), self._get_param("MonitorArn"), "Monitor")
    monitor["MonitorName"] = self._get_param("MonitorName") or monitor["MonitorName"]
    return json.dumps({"MonitorArn": monitor["MonitorArn"]})


def delete_anomaly_monitor(self: Any) -> str:
    """DeleteAnomalyMonitor."""
    monitor = _known(_monitors(self), self._get_param("MonitorArn"), "Monitor")
    del _monitors(self)[monitor["MonitorArn"]]
    return json.dumps({})


def _judge(subscription: dict[str, Any]) -> None:
    kinds = {subscriber["Type"] for subscriber in subscription["Subscribers"]}
    immediate = subscription["Frequency"] == "IMMEDIATE"
    if kinds != ({"SNS"} if immediate else {"EMAIL"}):
        raise _invalid("IMMEDIATE alerts go to one SNS topic; DAILY and WEEKLY ones to e-mail addresses")


def create_anomaly_subscription(self: Any) -> str:
    """CreateAnomalySubscription."""
    subscription = dict(self._get_param("AnomalySubscription"))
    for monitor in subscription["MonitorArnList"]:
        _known(_monitors(self), monitor, "Monitor")
    _judge(subscription)
    arn = _arn(self, "anomalysubscription")
    kept = {**subscription, "SubscriptionArn": arn, "AccountId": self.current_account}
    _subscriptions(self)[arn] = kept
    self.ce_backend.tag_resource(arn, self._get_param("ResourceTags") or [])
    return json.dumps({"SubscriptionArn": arn})


def get_anomaly_subscriptions(self: Any) -> str:
    """GetAnomalySubscriptions, on one page."""
    asked = self._get_param("SubscriptionArnList")
    known = _subscriptions(self)
    found = [_known(known, arn, "Subscription") for arn in asked] if asked else list(known.values())
    return json.dumps({"AnomalySubscriptions": found})


def update_anomaly_subscription(self: Any) -> str:
    """UpdateAnomalySubscription: what is given takes the place of what was."""
    subscription = _known(_subscriptions(self), self._get_param("SubscriptionArn"), "Subscription")
    given = {
        name: value
        for name in ("Frequency", "MonitorArnList", "Subscribers", "SubscriptionName", "ThresholdExpression")
        if (value := self._get_param(name)) is not None
    }
    _judge({**subscription, **given})
    subscription |= given
    return json.dumps({"SubscriptionArn": subscription["SubscriptionArn"]})


def delete_anomaly_subscription(self: Any) -> str:
    """DeleteAnomalySubscription."""
    subscription = _known(_subscriptions(self), self._get_param("SubscriptionArn"), "Subscription")
    del _subscriptions(self)[subscription["SubscriptionArn"]]
    return json.dumps({})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_anomaly_monitor,
        get_anomaly_monitors,
        update_anomaly_monitor,
        delete_anomaly_monitor,
        create_anomaly_subscription,
        get_anomaly_subscriptions,
        update_anomaly_subscription,
        delete_anomaly_subscription,
    ):
        setattr(CostExplorerResponse, operation.__name__, operation)
