"""CloudFormation: stacks. Source: the CloudFormation API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Answer, Call, Name, TagFunctions, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _stack(live: Live) -> dict[str, Any]:
    return live.call("describe_stacks", StackName=live.id)["Stacks"][0]


def _read(live: Live) -> dict[str, Any] | None:
    found = _stack(live)
    if found["StackStatus"] == "DELETE_COMPLETE":
        return None
    template = live.call("get_template", StackName=live.id)["TemplateBody"]
    return {
        "name": found["StackName"],
        "templateBody": template,
        "capabilities": found.get("Capabilities", []),
        "notificationArns": found.get("NotificationARNs", []),
        "disableRollback": found.get("DisableRollback", False),
        "outputs": {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
        "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())},
        "policyBody": "",
    }


def _retag(live: Live, _: dict[str, str], new: dict[str, str]) -> None:
    tags = [{"Key": key, "Value": value} for key, value in new.items()]
    live.call("update_stack", StackName=live.id, TemplateBody=live.inputs["templateBody"] + "\n", Tags=tags)


STACK = Type(
    "aws:cloudformation/stack:Stack",
    "cloudformation",
    fields=fields("capabilities", "disableRollback", "onFailure", "templateBody", "timeoutInMinutes")
    | {"name": "StackName", "iamRoleArn": "RoleARN", "notificationArns": "NotificationARNs"},
    id=Answer("StackId"),
    name=Name("name", limit=128),
    defaults={"disableRollback": False},
    computed=("outputs", "parameters", "policyBody"),
    volatile=("outputs",),
    create=Call("create_stack"),
    read=_read,
    update=Call("update_stack", {"StackName": "id", "TemplateBody": "templateBody"}, on=("templateBody",)),
    delete=Call("delete_stack", {"StackName": "id"}),
    replace=("disableRollback", "onFailure", "timeoutInMinutes"),
    json=("templateBody",),
    hidden=("onFailure", "timeoutInMinutes", "iamRoleArn"),
    tags=TagFunctions(
        lambda live: {each["Key"]: each["Value"] for each in _stack(live).get("Tags", ())},
        _retag,
    ),
    gone=("ValidationError",),
)

TYPES = (STACK,)
