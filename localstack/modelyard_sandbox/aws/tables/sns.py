"""SNS: topics, their policies, subscriptions. Source: the SNS API reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Const, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelyard_sandbox.aws.live import Live

_FEEDBACK: Final = {
    f"{protocol}{kind}": f"{member}{kind[0].upper()}{kind[1:]}"
    for protocol, member in (
        ("application", "Application"),
        ("firehose", "Firehose"),
        ("http", "HTTP"),
        ("lambda", "Lambda"),
        ("sqs", "SQS"),
    )
    for kind in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
}
_TOPIC_ATTRIBUTES: Final[Mapping[str, str]] = {
    **fields("archivePolicy", "contentBasedDeduplication", "deliveryPolicy", "displayName", "fifoThroughputScope"),
    **fields("fifoTopic", "kmsMasterKeyId", "maximumMessageSize", "policy", "signatureVersion", "tracingConfig"),
    **_FEEDBACK,
}
_SUBSCRIPTION_ATTRIBUTES: Final = fields(
    "deliveryPolicy",
    "filterPolicy",
    "filterPolicyScope",
    "rawMessageDelivery",
    "redrivePolicy",
    "replayPolicy",
    "subscriptionRoleArn",
)
_NUMBERS: Final = ("maximumMessageSize", "signatureVersion", *(prop for prop in _FEEDBACK if prop.endswith("Rate")))
_TRUTHS: Final = ("contentBasedDeduplication", "fifoTopic", "rawMessageDelivery")


def _sent(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _wanted(live: Live, attributes: Mapping[str, str]) -> dict[str, str] | None:
    """Attributes of the create call: those that are set, and not their default."""
    wanted = {
        member: _sent(live.inputs[prop])
        for prop, member in attributes.items()
        if live.inputs.get(prop) not in (None, "", live.type.defaults.get(prop))
    }
    return wanted or None


def _found(live: Live, answer: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, Any]:
    """Attributes as Pulumi has them; one that was set, and is gone, is empty rather than absent: that is drift."""
    found: dict[str, Any] = {}
    for prop, member in attributes.items():
        text = answer.get(member, "")
        if prop in _NUMBERS:
            found[prop] = int(text) if text else None
        elif prop in _TRUTHS:
            found[prop] = text == "true"
        else:
            found[prop] = text or ("" if live.get(prop) else None)
    return found


def _read_topic(live: Live) -> dict[str, Any]:
    answer = live.call("get_topic_attributes", TopicArn=live.id)["Attributes"]
    found = _found(live, answer, _TOPIC_ATTRIBUTES)
    if live.get("policy") is None:
        del found["policy"]  # it belongs to a TopicPolicy
    return {**found, "arn": live.id, "name": live.id.rpartition(":")[2], "owner": answer["Owner"]}


def _set_topic_attributes(live: Live) -> None:
    for prop in live.changed & set(_TOPIC_ATTRIBUTES):
        value = _sent(live.inputs.get(prop))
        live.call("set_topic_attributes", TopicArn=live.id, AttributeName=_TOPIC_ATTRIBUTES[prop], AttributeValue=value)


TOPIC = Type(
    "aws:sns/topic:Topic",
    "sns",
    fields={"name": "Name"},
    id=Answer("TopicArn"),
    from_id=lambda arn: {"name": arn.rpartition(":")[2]},
    name=Name("name", limit=256, prefix="namePrefix"),
    defaults={"fifoTopic": False, "contentBasedDeduplication": False, "signatureVersion": 1},
    computed=("arn", "owner", "beginningArchiveTime"),
    create=Call("create_topic", {"Attributes": lambda live: _wanted(live, _TOPIC_ATTRIBUTES)}),
    read=_read_topic,
    update=Step(_set_topic_attributes, on=tuple(prop for prop in _TOPIC_ATTRIBUTES if prop != "fifoTopic")),
    delete=Call("delete_topic", {"TopicArn": "id"}),
    json=("policy", "deliveryPolicy", "archivePolicy"),
    kept=("policy", "fifoThroughputScope", "maximumMessageSize", "tracingConfig"),
    tags=Tags("list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceArn": "id"}, on_create="Tags"),
)


def _default_policy(live: Live) -> str:
    """The policy of a new topic: its own account may do all that a topic's policy can allow."""
    actions = "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe"
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in f"{actions} ListSubscriptionsByTopic Publish".split()],
        "Resource": live.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": live.account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _read_policy(live: Live) -> dict[str, Any]:
    answer = live.call("get_topic_attributes", TopicArn=live.id)["Attributes"]
    return {"arn": live.id, "owner": answer["Owner"], "policy": answer["Policy"]}


def _set_policy(value: Any) -> Call:
    return Call("set_topic_attributes", {"TopicArn": "arn", "AttributeName": Const("Policy"), "AttributeValue": value})


_PUT_POLICY = _set_policy("policy")
TOPIC_POLICY = Type(
    "aws:sns/topicPolicy:TopicPolicy",
    "sns",
    id="arn",
    computed=("owner",),
    create=_PUT_POLICY,
    read=_read_policy,
    update=_PUT_POLICY,
    delete=_set_policy(_default_policy),
    replace=("arn",),
    json=("policy",),
)


def _read_subscription(live: Live) -> dict[str, Any]:
    answer = live.call("get_subscription_attributes", SubscriptionArn=live.id)["Attributes"]
    return {
        **_found(live, answer, _SUBSCRIPTION_ATTRIBUTES),
        "arn": live.id,
        "ownerId": answer["Owner"],
        "topic": answer["TopicArn"],
        "protocol": answer["Protocol"],
        "endpoint": answer["Endpoint"],
        "pendingConfirmation": answer["PendingConfirmation"] == "true",
        "confirmationWasAuthenticated": answer["ConfirmationWasAuthenticated"] == "true",
    }


def _set_subscription_attributes(live: Live) -> None:
    changed = live.changed & set(_SUBSCRIPTION_ATTRIBUTES)
    for prop in sorted(changed, key="filterPolicyScope".__ne__):  # the scope decides which filters are allowed
        live.call(
            "set_subscription_attributes",
            SubscriptionArn=live.id,
            AttributeName=_SUBSCRIPTION_ATTRIBUTES[prop],
            AttributeValue=_sent(live.inputs.get(prop)),
        )


SUBSCRIPTION = Type(
    "aws:sns/topicSubscription:TopicSubscription",
    "sns",
    fields={"topic": "TopicArn", "protocol": "Protocol", "endpoint": "Endpoint"},
    id=Answer("SubscriptionArn"),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    computed=("arn", "ownerId", "pendingConfirmation", "confirmationWasAuthenticated"),
    create=Call(
        "subscribe",
        {
            "ReturnSubscriptionArn": lambda _: True,
            "Attributes": lambda live: _wanted(live, _SUBSCRIPTION_ATTRIBUTES),
        },
    ),
    read=_read_subscription,
    update=Step(_set_subscription_attributes, on=tuple(_SUBSCRIPTION_ATTRIBUTES)),
    delete=Call("unsubscribe", {"SubscriptionArn": "id"}),
    inert=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
    json=("deliveryPolicy", "filterPolicy", "redrivePolicy", "replayPolicy"),
    kept=("filterPolicyScope",),
)

TYPES = (TOPIC, TOPIC_POLICY, SUBSCRIPTION)
