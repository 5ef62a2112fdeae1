"""SQS: queues and their policies. Source: the SQS API reference, "SetQueueAttributes"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_NUMBERS: Final = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_FLAGS: Final = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "fifoQueue": "FifoQueue",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}
_TEXTS: Final = {
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
}
_ATTRIBUTES: Final[Mapping[str, str]] = {**_NUMBERS, **_FLAGS, **_TEXTS}
_ASSUMED: Final = {
    "delaySeconds": 0,
    "fifoQueue": False,
    "contentBasedDeduplication": False,
    "maxMessageSize": 262_144,
    "messageRetentionSeconds": 345_600,
    "receiveWaitTimeSeconds": 0,
    "visibilityTimeoutSeconds": 30,
}


def _sent(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create(live: Live) -> dict[str, Any]:
    """The provider sends its own defaults too; a standard queue refuses even `FifoQueue=false`."""
    wanted = {
        member: _sent(live.inputs[prop])
        for prop, member in _ATTRIBUTES.items()
        if live.inputs.get(prop) is not None and live.inputs[prop] is not False
    }
    return live.call("create_queue", QueueName=live.inputs["name"], Attributes=wanted, tags=live.tags or None)


def _update(live: Live) -> None:
    changed = {
        member: _sent(live.inputs.get(prop) if live.inputs.get(prop) is not None else _ASSUMED.get(prop, ""))
        for prop, member in _ATTRIBUTES.items()
        if prop in live.changed
    }
    live.call("set_queue_attributes", QueueUrl=live.id, Attributes=changed)


def _read(live: Live) -> dict[str, Any]:
    found = live.call("get_queue_attributes", QueueUrl=live.id, AttributeNames=["All"])["Attributes"]
    shown: dict[str, Any] = {"arn": found["QueueArn"], "url": live.id, "name": live.id.rpartition("/")[2]}
    shown |= {prop: int(found[member]) for prop, member in _NUMBERS.items() if member in found}
    shown |= {prop: found[member] == "true" for prop, member in _FLAGS.items() if member in found}
    return shown | {prop: found[member] for prop, member in _TEXTS.items() if found.get(member)}


QUEUE = Type(
    "aws:sqs/queue:Queue",
    "sqs",
    id=lambda live: live.answer["QueueUrl"],
    name=Name("name", limit=80, prefix="namePrefix"),
    defaults=_ASSUMED,
    computed=("arn", "url"),
    create=_create,
    read=_read,
    update=Step(_update, on=tuple(prop for prop in _ATTRIBUTES if prop != "fifoQueue")),
    delete=Call("delete_queue", {"QueueUrl": "id"}, fill=False),
    json=("policy", "redriveAllowPolicy", "redrivePolicy"),
    kept=("deduplicationScope", "fifoThroughputLimit", "kmsDataKeyReusePeriodSeconds", "policy")
    + ("sqsManagedSseEnabled",),
    tags=Tags(
        "list_queue_tags",
        "tag_queue",
        "untag_queue",
        {"QueueUrl": "id"},
        shape="map",
        on_create="tags",
    ),
)


def _put_policy(live: Live) -> None:
    live.call("set_queue_attributes", QueueUrl=live.inputs["queueUrl"], Attributes={"Policy": live.inputs["policy"]})


def _read_policy(live: Live) -> dict[str, Any] | None:
    found = live.call("get_queue_attributes", QueueUrl=live.id, AttributeNames=["Policy"])
    policy = found.get("Attributes", {}).get("Policy")
    return {"queueUrl": live.id, "policy": policy} if policy and json.loads(policy) else None


POLICY = Type(
    "aws:sqs/queuePolicy:QueuePolicy",
    "sqs",
    id="queueUrl",
    create=_put_policy,
    read=_read_policy,
    update=Step(_put_policy, on=("policy",)),
    delete=lambda live: live.call("set_queue_attributes", QueueUrl=live.id, Attributes={"Policy": ""}),
    json=("policy",),
)

TYPES = (QUEUE, POLICY)
