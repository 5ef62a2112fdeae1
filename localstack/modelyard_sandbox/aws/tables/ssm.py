"""Systems Manager: parameters. Source: the SSM API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Call, Const, Name, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _value(live: Live) -> str | None:
    value = live.inputs.get("value")
    return live.inputs.get("insecureValue") if value is None else value


def _read_parameter(live: Live) -> dict[str, Any] | None:
    found = live.call("get_parameter", Name=live.id, WithDecryption=True)["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [live.id]}]
    described = live.call("describe_parameters", ParameterFilters=filters)["Parameters"]
    if not described:
        return None
    more = described[0]
    plain_text = live.get("insecureValue") is not None
    return {
        "name": found["Name"],
        "arn": found["ARN"],
        "type": found["Type"],
        "version": found["Version"],
        "insecureValue" if plain_text else "value": found["Value"],
        "dataType": found.get("DataType") or "text",
        "tier": more.get("Tier") or "Standard",
        "description": more.get("Description") or "",
        "allowedPattern": more.get("AllowedPattern"),
        "keyId": more.get("KeyId"),
    }


PARAMETER = Type(
    "aws:ssm/parameter:Parameter",
    "ssm",
    fields=fields("name", "type", "description", "keyId", "tier", "dataType", "allowedPattern"),
    id="name",
    name=Name("name", limit=1011),
    defaults={"dataType": "text", "tier": "Standard", "description": ""},
    computed=("arn", "version"),
    volatile=("version",),
    create=Call("put_parameter", {"Value": _value, "Overwrite": "overwrite"}),
    read=_read_parameter,
    update=Call("put_parameter", {"Value": _value, "Overwrite": True}),
    delete=Call("delete_parameter"),
    replace=("name", "dataType"),
    inert=("overwrite",),
    kept=("keyId",),
    tags=Tags(
        "list_tags_for_resource",
        "add_tags_to_resource",
        "remove_tags_from_resource",
        {"ResourceType": Const("Parameter"), "ResourceId": "id"},
        at="TagList",
        sent_at="Tags",
    ),
)

TYPES = (PARAMETER,)
