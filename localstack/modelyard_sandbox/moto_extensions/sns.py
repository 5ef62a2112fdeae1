"""SNS: every attribute of a topic is read back, and a mail address has to be confirmed."""

from __future__ import annotations

from typing import Any, Final

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.sns.models import SNSBackend
from moto.sns.responses import SNSResponse

_get_topic_attributes = SNSResponse.get_topic_attributes
_subscribe = SNSBackend.subscribe
_ATTRIBUTES: Final = (
    *("ArchivePolicy", "FifoThroughputScope", "MaximumMessageSize", "SignatureVersion", "TracingConfig"),
    *(
        f"{protocol}{kind}"
        for protocol in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
        for kind in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
    ),
)


def get_topic_attributes(self: Any) -> ActionResult:
    """GetTopicAttributes, with the attributes that moto keeps and does not show."""
    answer: Any = _get_topic_attributes(self)
    attributes = answer.result["Attributes"]
    topic = self.backend.get_topic(attributes["TopicArn"])
    for attribute in _ATTRIBUTES:
        value = getattr(topic, camelcase_to_underscores(attribute), None)
        if value:
            attributes[attribute] = value
    attributes.setdefault("SignatureVersion", "1")
    return answer


def subscribe(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
    """Subscribe: whoever reads the mailbox has to confirm."""
    subscription = _subscribe(self, topic_arn, endpoint, protocol)
    if protocol.startswith("email") and not subscription.confirmed:
        subscription.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
    return subscription


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    SNSResponse.get_topic_attributes = get_topic_attributes
    SNSBackend.subscribe = subscribe
