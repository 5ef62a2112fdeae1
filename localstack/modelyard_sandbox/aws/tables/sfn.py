"""Step Functions: state machines. Source: the Step Functions API reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_OPEN: Final = {"type": "AWS_OWNED_KEY"}
_SILENT: Final = {"includeExecutionData": False, "level": "OFF"}
_UNTRACED: Final = {"enabled": False}


def _logging(live: Live) -> dict[str, Any]:
    """The provider takes one destination, the service a list of log groups, each ARN with `:*` at its end."""
    wanted = live.inputs.get("loggingConfiguration") or _SILENT
    sent = {"level": wanted.get("level", "OFF"), "includeExecutionData": wanted.get("includeExecutionData", False)}
    if wanted.get("logDestination"):
        sent["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": wanted["logDestination"]}}]
    return sent


def _settings(live: Live) -> dict[str, Any]:
    return {
        "definition": live.inputs["definition"],
        "roleArn": live.inputs["roleArn"],
        "loggingConfiguration": _logging(live),
        "tracingConfiguration": live.inputs.get("tracingConfiguration") or _UNTRACED,
        "encryptionConfiguration": live.inputs.get("encryptionConfiguration") or _OPEN,
        "publish": bool(live.inputs.get("publish")),
    }


def _create(live: Live) -> dict[str, Any]:
    tags = [{"key": key, "value": value} for key, value in live.tags.items()]
    kind = live.inputs.get("type") or "STANDARD"
    return live.call("create_state_machine", name=live.inputs["name"], type=kind, tags=tags, **_settings(live))


def _update(live: Live) -> None:
    live.call("update_state_machine", stateMachineArn=live.id, **_settings(live))


def _read(live: Live) -> dict[str, Any]:
    found = live.call("describe_state_machine", stateMachineArn=live.id)
    logging = found.get("loggingConfiguration") or {}
    shown = {
        "includeExecutionData": logging.get("includeExecutionData", False),
        "level": logging.get("level", "OFF"),
    }
    for destination in logging.get("destinations") or []:
        shown["logDestination"] = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
    return {
        "arn": live.id,
        "name": found["name"],
        "definition": found["definition"],
        "description": json.loads(found["definition"]).get("Comment", ""),
        "roleArn": found["roleArn"],
        "type": found["type"],
        "status": found["status"],
        "creationDate": convert.from_aws(found["creationDate"], None),
        "loggingConfiguration": shown,
        "tracingConfiguration": found.get("tracingConfiguration") or _UNTRACED,
        "encryptionConfiguration": found.get("encryptionConfiguration") or _OPEN,
    }


STATE_MACHINE = Type(
    "aws:sfn/stateMachine:StateMachine",
    "stepfunctions",
    id=Answer("stateMachineArn"),
    name=Name("name", limit=80, prefix="namePrefix"),
    defaults={"type": "STANDARD", "publish": False}
    | {"loggingConfiguration": _SILENT, "tracingConfiguration": _UNTRACED, "encryptionConfiguration": _OPEN},
    computed=("arn", "creationDate", "description", "revisionId", "stateMachineVersionArn", "status"),
    volatile=("description", "revisionId", "stateMachineVersionArn"),
    create=_create,
    read=_read,
    update=Step(
        _update,
        on=("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
        + ("publish",),
    ),
    delete=Call("delete_state_machine", {"stateMachineArn": "id"}, fill=False),
    json=("definition",),
    kept=("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"resourceArn": "id"},
        at="tags",
        keys="tagKeys",
        names=("key", "value"),
        on_create="tags",
    ),
)

TYPES = (STATE_MACHINE,)
