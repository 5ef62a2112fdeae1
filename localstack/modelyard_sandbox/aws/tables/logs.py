"""CloudWatch Logs: log groups. Source: the CloudWatch Logs API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _retain(live: Live) -> None:
    days = live.inputs.get("retentionInDays")
    if days:
        live.call("put_retention_policy", logGroupName=live.id, retentionInDays=int(days))
    elif live.changed:
        live.call("delete_retention_policy", logGroupName=live.id)


def _delete(live: Live) -> None:
    if not live.get("skipDestroy"):
        live.call("delete_log_group", logGroupName=live.id)


_RETENTION = Step(_retain, on=("retentionInDays",))
LOG_GROUP = Type(
    "aws:cloudwatch/logGroup:LogGroup",
    "logs",
    fields=fields(name="logGroupName", logGroupClass="logGroupClass", kmsKeyId="kmsKeyId", arn="logGroupArn")
    | {"retentionInDays": "retentionInDays"},
    id="name",
    name=Name("name", limit=512, prefix="namePrefix"),
    defaults={"retentionInDays": 0, "logGroupClass": "STANDARD", "skipDestroy": False}
    | {"deletionProtectionEnabled": False},
    computed=("arn",),
    create=(Call("create_log_group"), _RETENTION),
    read=Call(
        "describe_log_groups",
        {"logGroupNamePrefix": "id"},
        take="logGroups",
        where={"logGroupName": "id"},
        fill=False,
    ),
    update=(
        _RETENTION,
        Call(
            "associate_kms_key",
            {"logGroupName": "id", "kmsKeyId": "kmsKeyId"},
            on=("kmsKeyId",),
            unset=Call("disassociate_kms_key", {"logGroupName": "id"}, fill=False),
            fill=False,
        ),
    ),
    delete=_delete,
    inert=("skipDestroy",),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"resourceArn": lambda live: f"arn:{live.partition}:logs:{live.region}:{live.account}:log-group:{live.id}"},
        shape="map",
        at="tags",
        keys="tagKeys",
    ),
)


def _read_stream(live: Live) -> dict[str, Any] | None:
    group, name = live.get("logGroupName"), live.get("name")
    found = live.call("describe_log_streams", logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    return next(
        (
            {"name": name, "logGroupName": group, "arn": stream["arn"]}
            for stream in found
            if stream["logStreamName"] == name
        ),
        None,
    )


LOG_STREAM = Type(
    "aws:cloudwatch/logStream:LogStream",
    "logs",
    fields={"name": "logStreamName", "logGroupName": "logGroupName"},
    id="name",
    from_id=lambda id: dict(zip(("logGroupName", "name"), id.split(":", 1), strict=True)),
    name=Name("name", limit=512),
    computed=("arn",),
    create=Call("create_log_stream"),
    read=_read_stream,
    delete=Call("delete_log_stream"),
)

TYPES = (LOG_GROUP, LOG_STREAM)
