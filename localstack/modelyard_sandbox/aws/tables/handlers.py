"""CloudFormation types in a line or two, for what only Cloud Control makes: what a newcomer fills in to add one.

The whole of a type whose properties are called as the API's parameters are, as SageMaker's are:

    controlled(
        "AWS::SageMaker::ModelQualityJobDefinition",
        named="JobDefinitionName",                        # how the API calls it; the id is its ARN
        create="create_model_quality_job_definition",
        read="describe_model_quality_job_definition",
        delete="delete_model_quality_job_definition",
    )

Put it into `CLOUDFORMATION` of its table module, and that into `CLOUDFORMATION` of the cloudcontrol table. Everything
else is in the type's published schema (knowledge.cloudformation): what a desired state may hold, what replaces the
resource, what a read shows, and what an update loses because its patch doesn't mention it. Each call is sent those
properties that it knows as parameters; tags come and go by the service's own calls. `update` is the operation that
takes what may change, or a function of the `Live` resource, whose `inputs` are then the whole model as Cloud Control
patched it and whose `changed` are the properties at its top that the patch speaks of; `read` may be a function of it
that gives CloudFormation's properties.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Step, Type
from modelyard_sandbox.knowledge import cloudformation

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def controlled(
    name: str,
    *,
    named: str,
    create: str,
    read: str | Callable[[Live], dict[str, Any]],
    delete: str,
    update: str | Callable[[Live], None] = "",
    service: str = "sagemaker",
) -> Type:
    """The type `name`, whose id is the ARN and which the API calls by `named`; see the module."""
    kind = name.rpartition("::")[2]

    def created(live: Live) -> dict[str, Any]:
        given = {named: f"{kind}-{uuid.uuid4().hex[:12]}", **live.inputs}
        return {"arn": _arn(live.call(create, **known_to(live, create, given)))}

    def shown(live: Live) -> dict[str, Any]:
        found = read(live) if callable(read) else live.call(read, **{named: called(live)})
        tags = live.call("list_tags", ResourceArn=live.id)["Tags"]
        told = {**found, "Tags": tags} if tags else found
        return json.loads(json.dumps(cloudformation.readable(name, told), default=str))

    def updated(live: Live) -> None:
        if callable(update):
            update(live)
        elif update and live.changed - {"Tags"}:
            live.call(update, **known_to(live, update, {**live.inputs, named: called(live)}))
        if "Tags" in live.changed:
            _retag(live)

    return Type(
        name,
        service,
        id=lambda live: live.answer["arn"],
        create=created,
        read=shown,
        update=Step(updated),
        delete=lambda live: live.call(delete, **{named: called(live)}),
        gone=("ValidationException",),
    )


def called(live: Live) -> str:
    """The name that the API calls a resource by: the last part of its ARN."""
    return live.id.rpartition("/")[2]


def known_to(live: Live, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the properties that an operation knows as parameters."""
    meta = live.client().meta
    members = meta.service_model.operation_model(meta.method_to_api_mapping[operation]).input_shape.members
    return {prop: value for prop, value in properties.items() if prop in members}


def _arn(answer: Mapping[str, Any]) -> str:
    return next(value for member, value in answer.items() if member.endswith("Arn"))


def _retag(live: Live) -> None:
    """The tags as the patched model has them."""
    old = {tag["Key"]: tag["Value"] for tag in live.call("list_tags", ResourceArn=live.id)["Tags"]}
    new = {tag["Key"]: tag["Value"] for tag in live.inputs.get("Tags") or ()}
    if gone := sorted(set(old) - set(new)):
        live.call("delete_tags", ResourceArn=live.id, TagKeys=gone)
    if written := [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]:
        live.call("add_tags", ResourceArn=live.id, Tags=written)
