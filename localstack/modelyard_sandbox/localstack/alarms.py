"""Inside LocalStack: an alarm that changes its state tells EventBridge, as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import threading
from datetime import UTC
from typing import Any


def install() -> None:
    """Wrap what LocalStack does when an alarm changes its state."""
    from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider

    update = CloudwatchProvider._update_state

    def tell(self: Any, context: Any, alarm: Any, *arguments: Any, **named: Any) -> None:
        before = _state(alarm.alarm)
        update(self, context, alarm, *arguments, **named)
        event = _event(alarm.alarm, before)
        # The caller holds the alarms' lock, which a target of the event may need.
        threading.Thread(target=_put, args=(context.account_id, context.region, event), daemon=True).start()

    CloudwatchProvider._update_state = tell


def _state(alarm: dict[str, Any]) -> dict[str, Any]:
    when = alarm["StateUpdatedTimestamp"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    state = {"value": alarm["StateValue"], "timestamp": when}
    optional = {"reason": alarm.get("StateReason"), "reasonData": alarm.get("StateReasonData")}
    return state | {name: value for name, value in optional.items() if value}


def _event(alarm: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    metric = {"namespace": alarm.get("Namespace"), "name": alarm.get("MetricName")}
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": _state(alarm),
        "previousState": before,
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


def _put(account: str, region: str, event: dict[str, Any]) -> None:
    from localstack.aws.connect import connect_to

    connect_to(aws_access_key_id=account, region_name=region).events.put_events(Entries=[event])
