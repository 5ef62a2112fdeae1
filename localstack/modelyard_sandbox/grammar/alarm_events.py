"""What CloudWatch tells EventBridge when an alarm changes its state, from what DescribeAlarms says of the alarm.

Source: AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any


def state(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm's state, as events have it."""
    when = alarm["StateUpdatedTimestamp"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    said = {"value": alarm["StateValue"], "timestamp": when}
    optional = {"reason": alarm.get("StateReason"), "reasonData": alarm.get("StateReasonData")}
    return said | {name: value for name, value in optional.items() if value}


def event(alarm: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of PutEvents for an alarm whose state was `before`."""
    metric = {"namespace": alarm.get("Namespace"), "name": alarm.get("MetricName")}
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": state(alarm),
        "previousState": dict(before),
        "configuration": {
            "description": alarm.get("AlarmDescription", ""),
            "metrics": [
                {"metricStat": {"metric": metric, "period": alarm.get("Period"), "stat": alarm.get("Statistic")}}
            ],
        },
    }
    return {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [alarm["AlarmArn"]],
        "Detail": json.dumps(detail),
    }
