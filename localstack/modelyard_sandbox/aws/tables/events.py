"""EventBridge: buses and their policies, rules, targets, archives. Source: the EventBridge API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_DEFAULT: Final = "default"
_TAGS: Final = Tags(
    "list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceARN": "arn"}, on_create="Tags"
)

BUS = Type(
    "aws:cloudwatch/eventBus:EventBus",
    "events",
    fields=fields("name", "description", "eventSourceName", "kmsKeyIdentifier", "deadLetterConfig", "arn"),
    id="name",
    computed=("arn",),
    create=Call("create_event_bus"),
    read=Call("describe_event_bus", {"Name": "id"}, fill=False),
    update=Call("update_event_bus", on=("description", "kmsKeyIdentifier", "deadLetterConfig")),
    delete=Call("delete_event_bus", {"Name": "id"}, fill=False),
    tags=_TAGS,
)


def _read_bus_policy(live: Live) -> dict[str, Any] | None:
    policy = live.call("describe_event_bus", Name=live.id).get("Policy")
    return {"eventBusName": live.id, "policy": policy} if policy else None


_PUT_BUS_POLICY = Call("put_permission", {"EventBusName": "eventBusName", "Policy": "policy"}, fill=False)
BUS_POLICY = Type(
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "events",
    id="eventBusName",
    defaults={"eventBusName": _DEFAULT},
    create=_PUT_BUS_POLICY,
    read=_read_bus_policy,
    update=_PUT_BUS_POLICY,
    delete=Call("remove_permission", {"EventBusName": "id", "RemoveAllPermissions": True}, fill=False),
    replace=("eventBusName",),
    json=("policy",),
)


def _on_its_bus(live: Live, name: str) -> str:
    """The ids of rules and targets begin with the bus, unless that is the default one."""
    bus = live.get("eventBusName") or _DEFAULT
    return name if bus == _DEFAULT else f"{bus}/{name}"


def _rule_from_id(id: str) -> dict[str, Any]:
    bus, _, name = id.rpartition("/")
    return {"eventBusName": bus or _DEFAULT, "name": name}


def _state(live: Live) -> str:
    if live.inputs.get("state"):
        return str(live.inputs["state"])
    return "DISABLED" if live.inputs.get("isEnabled") is False else "ENABLED"


def _read_rule(live: Live) -> dict[str, Any]:
    rule = live.call("describe_rule", Name=live.get("name"), EventBusName=live.get("eventBusName"))
    return {
        "arn": rule["Arn"],
        "name": rule["Name"],
        "eventBusName": rule.get("EventBusName", _DEFAULT),
        "description": rule.get("Description"),
        "eventPattern": rule.get("EventPattern"),
        "scheduleExpression": rule.get("ScheduleExpression"),
        "roleArn": rule.get("RoleArn"),
        "state": rule["State"],
        "isEnabled": rule["State"] != "DISABLED",
    }


def _remove_targets_by_force(live: Live) -> None:
    if live.get("forceDestroy"):
        rule = {"Rule": live.get("name"), "EventBusName": live.get("eventBusName")}
        targets = live.call("list_targets_by_rule", **rule)["Targets"]
        if targets:
            live.call("remove_targets", **rule, Ids=[target["Id"] for target in targets])


_PUT_RULE = Call("put_rule", {"State": _state})
RULE = Type(
    "aws:cloudwatch/eventRule:EventRule",
    "events",
    fields=fields("name", "description", "eventBusName", "eventPattern", "roleArn", "scheduleExpression"),
    id=lambda live: _on_its_bus(live, live.inputs["name"]),
    from_id=_rule_from_id,
    name=Name("name", limit=64, prefix="namePrefix"),
    defaults={"eventBusName": _DEFAULT, "forceDestroy": False},
    computed=("arn",),
    create=_PUT_RULE,
    read=_read_rule,
    update=_PUT_RULE,
    delete=(_remove_targets_by_force, Call("delete_rule", {"Name": "name", "EventBusName": "eventBusName"})),
    replace=("name", "namePrefix", "eventBusName"),
    inert=("forceDestroy",),
    json=("eventPattern",),
    kept=("state", "isEnabled"),
    tags=_TAGS,
)

_TARGET_FIELDS: Final = {
    **fields("arn", "input", "inputPath", "roleArn", "inputTransformer", "deadLetterConfig", "retryPolicy"),
    "targetId": "Id",
    "inputTransformer.inputPaths": "InputPathsMap",
    "httpTarget": "HttpParameters",
    "kinesisTarget": "KinesisParameters",
    "redshiftTarget": "RedshiftDataParameters",
    "sagemakerPipelineTarget": "SageMakerPipelineParameters",
    "sagemakerPipelineTarget.pipelineParameterLists": "PipelineParameterList",
    "sqsTarget": "SqsParameters",
    "runCommandTargets": "RunCommandParameters",
    "batchTarget": "BatchParameters",
}
_TARGET_PARTS: Final = tuple(prop for prop in _TARGET_FIELDS if "." not in prop and prop != "targetId")


def _target_shape(live: Live) -> Any:
    return live.client().meta.service_model.operation_model("PutTargets").input_shape.members["Targets"].member


def _batch(wanted: dict[str, Any]) -> dict[str, Any]:
    sized = {"ArrayProperties": {"Size": int(wanted["arraySize"])}} if wanted.get("arraySize") else {}
    retried = {"RetryStrategy": {"Attempts": int(wanted["jobAttempts"])}} if wanted.get("jobAttempts") else {}
    return {"JobDefinition": wanted["jobDefinition"], "JobName": wanted["jobName"], **sized, **retried}


def _batch_found(found: dict[str, Any]) -> dict[str, Any]:
    size, attempts = found.get("ArrayProperties", {}).get("Size"), found.get("RetryStrategy", {}).get("Attempts")
    names = {"jobDefinition": found["JobDefinition"], "jobName": found["JobName"]}
    return names | ({"arraySize": size} if size else {}) | ({"jobAttempts": attempts} if attempts else {})


def _put_target(live: Live) -> None:
    wanted = {prop: live.inputs[prop] for prop in _TARGET_PARTS if live.inputs.get(prop) is not None}
    batch, commands = wanted.pop("batchTarget", None), wanted.pop("runCommandTargets", None)
    target = convert.to_aws(
        {**wanted, "targetId": live.inputs["targetId"]}, _target_shape(live), renamed=_TARGET_FIELDS
    )
    if batch:
        target["BatchParameters"] = _batch(batch)
    if commands:
        ran = [{"Key": entry["key"], "Values": list(entry["values"])} for entry in commands]
        target["RunCommandParameters"] = {"RunCommandTargets": ran}
    bus = {"EventBusName": live.inputs.get("eventBusName")}
    live.call("put_targets", Rule=live.inputs["rule"], **bus, Targets=[target])


def _read_target(live: Live) -> dict[str, Any] | None:
    rule = {"Rule": live.get("rule"), "EventBusName": live.get("eventBusName")}
    targets = live.call("list_targets_by_rule", **rule)["Targets"]
    target = next((entry for entry in targets if entry["Id"] == live.get("targetId")), None)
    if target is None:
        return None
    batch, commands = target.pop("BatchParameters", None), target.pop("RunCommandParameters", None)
    found = convert.from_aws(target, _target_shape(live), renamed=_TARGET_FIELDS)
    if batch:
        found["batchTarget"] = _batch_found(batch)
    if commands:
        ran = commands["RunCommandTargets"]
        found["runCommandTargets"] = [{"key": entry["Key"], "values": entry["Values"]} for entry in ran]
    return {
        **{prop: type(live.get(prop))() for prop in _TARGET_PARTS if live.get(prop)},  # what is gone is empty: drift
        **found,
        "rule": live.get("rule"),
        "eventBusName": live.get("eventBusName"),
    }


def _target_from_id(id: str) -> dict[str, Any]:
    """The real provider imports `rule/target`, and `bus/rule/target` on other buses."""
    rest, _, target = id.rpartition("/")
    bus, _, rule = rest.rpartition("/")
    return {"eventBusName": bus or _DEFAULT, "rule": rule, "targetId": target}


def _target_id(live: Live) -> str:
    bus = live.get("eventBusName") or _DEFAULT
    parts = (bus, live.get("rule"), live.get("targetId"))
    return "-".join(parts[1:] if bus == _DEFAULT else parts)


def _read_target_by_id(live: Live) -> dict[str, Any] | None:
    live.id = _target_id(live)
    return _read_target(live)


TARGET = Type(
    "aws:cloudwatch/eventTarget:EventTarget",
    "events",
    id=_target_id,
    from_id=_target_from_id,
    name=Name("targetId", limit=64),
    defaults={"eventBusName": _DEFAULT, "forceDestroy": False},
    create=_put_target,
    read=_read_target_by_id,
    update=Step(_put_target, on=_TARGET_PARTS),
    delete=lambda live: live.call(
        "remove_targets", Rule=live.get("rule"), EventBusName=live.get("eventBusName"), Ids=[live.get("targetId")]
    ),
    inert=("forceDestroy",),
)

ARCHIVE = Type(
    "aws:cloudwatch/eventArchive:EventArchive",
    "events",
    fields=fields("description", "eventPattern", "eventSourceArn", "kmsKeyIdentifier", "retentionDays")
    | {"name": "ArchiveName", "arn": "ArchiveArn"},
    id="name",
    name=Name("name", limit=48),
    defaults={"retentionDays": 0},
    computed=("arn",),
    create=Call("create_archive"),
    read=Call("describe_archive", {"ArchiveName": "id"}, fill=False),
    update=Call("update_archive", on=("description", "eventPattern", "kmsKeyIdentifier", "retentionDays")),
    delete=Call("delete_archive", {"ArchiveName": "id"}, fill=False),
    json=("eventPattern",),
)

TYPES = (BUS, BUS_POLICY, RULE, TARGET, ARCHIVE)
