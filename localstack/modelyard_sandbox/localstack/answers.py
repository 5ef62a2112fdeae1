"""Inside LocalStack: where its own services tell something else than AWS."""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote


def install() -> None:
    """Mend the answers of SNS and the events of S3."""
    from localstack.services.s3.notifications import EventBridgeNotifier
    from localstack.services.sns.provider import SnsProvider

    describe, event_of = SnsProvider.get_subscription_attributes, EventBridgeNotifier._get_event_payload

    def whole(self: Any, *arguments: Any, **named: Any) -> Any:
        """A subscription that waits for its confirmation says so."""
        answer = describe(self, *arguments, **named)
        answer["Attributes"].setdefault("ConfirmationWasAuthenticated", "false")
        return answer

    def plain(*arguments: Any, **named: Any) -> Any:
        """EventBridge hears of a key as it is; only queues, topics and functions get it URL-encoded."""
        event = event_of(*arguments, **named)
        detail = json.loads(event["Detail"])
        detail["object"]["key"] = unquote(detail["object"]["key"])
        return {**event, "Detail": json.dumps(detail)}

    SnsProvider.get_subscription_attributes = whole
    EventBridgeNotifier._get_event_payload = staticmethod(plain)
