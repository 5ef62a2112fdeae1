"""Inside LocalStack: an alarm that changes its state tells EventBridge, as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import threading
from typing import Any

from modelyard_sandbox.grammar.alarm_events import event, state


def install() -> None:
    """Wrap what LocalStack does when an alarm changes its state."""
    from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider

    update = CloudwatchProvider._update_state

    def tell(self: Any, context: Any, alarm: Any, *arguments: Any, **named: Any) -> None:
        before = state(alarm.alarm)
        update(self, context, alarm, *arguments, **named)
        told = event(alarm.alarm, before)
        # The caller holds the alarms' lock, which a target of the event may need.
        threading.Thread(target=_put, args=(context.account_id, context.region, told), daemon=True).start()

    CloudwatchProvider._update_state = tell


def _put(account: str, region: str, told: dict[str, Any]) -> None:
    from localstack.aws.connect import connect_to

    connect_to(aws_access_key_id=account, region_name=region).events.put_events(Entries=[told])
