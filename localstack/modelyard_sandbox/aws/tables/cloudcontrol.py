"""Cloud Control: one Pulumi type for every CloudFormation type that is declared here by its name.

A declaration's properties are CloudFormation's (`Name`, `Type`), and its token is the type's name; the rest is as for
any other type, and `handlers.controlled` writes most of them. As with the real provider there is no import and no
drift of `desiredState`; the type's schema judges it, names what replaces, and an update is a patch of what a read
shows. Sources: the Cloud Control API reference; internal/service/cloudcontrol of the provider.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Type, fields
from modelyard_sandbox.aws.refusals import RefusedByService
from modelyard_sandbox.aws.tables import batch_services, sagemaker_hyperpod, sagemaker_monitoring, sagemaker_serving
from modelyard_sandbox.knowledge import cloudformation
from modelyard_sandbox.knowledge.values import contains_unknown

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SSM_PARAMETER = Type(
    "AWS::SSM::Parameter",
    "ssm",
    fields=fields("Name", "Type", "Value", "Description", "Tier", "AllowedPattern"),
    id="Name",
    create=Call("put_parameter"),
    read=Call("get_parameter", {"Name": "id"}, take="Parameter", fill=False),
    update=Call("put_parameter", {"Overwrite": True}),
    delete=Call("delete_parameter", {"Name": "id"}),
)

CLOUDFORMATION: Final = {
    declared.token: declared
    for declared in (
        _SSM_PARAMETER,
        *batch_services.CLOUDFORMATION,
        *sagemaker_hyperpod.CLOUDFORMATION,
        *sagemaker_monitoring.CLOUDFORMATION,
        *sagemaker_serving.CLOUDFORMATION,
    )
}


def _inner(live: Live, operation: str) -> Live:
    """The resource as its CloudFormation type sees it."""
    name = live.get("typeName")
    if name not in CLOUDFORMATION:
        place = "declare it in modelyard_sandbox/aws/tables/cloudcontrol.py"
        raise RefusedByService(operation, "TypeNotFoundException", f"the sandbox does not know {name}; {place}")
    wanted = json.loads(live.inputs.get("desiredState") or "{}")
    known = json.loads(live.state.get("properties") or "{}")
    return type(live)(CLOUDFORMATION[name], live.session, id=live.id, inputs=wanted, state=known)


def _create(live: Live) -> dict[str, str]:
    inner = _inner(live, "CreateResource")
    inner.create()
    inner.finish()
    return {"Identifier": inner.id}


def _read(live: Live) -> dict[str, Any] | None:
    inner = _inner(live, "GetResource")
    found = inner.read()
    if found is None:
        return None
    return {"properties": json.dumps(cloudformation.readable(inner.type.token, found), sort_keys=True)}


def _update(live: Live) -> None:
    """The old and the new desired state make a patch, and the patched model goes to the type."""
    inner = _inner(live, "UpdateResource")
    before, current = json.loads(live.old["desiredState"]), inner.read() or {}
    try:
        model, touched = cloudformation.patched(inner.type.token, before, inner.inputs, current)
    except cloudformation.PatchError as error:
        raise RefusedByService("UpdateResource", error.code, str(error)) from error
    inner.old, inner.inputs, inner.changed = current, model, touched
    inner.update()


def _delete(live: Live) -> None:
    _inner(live, "DeleteResource").delete()


def _fixed(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """A desired state replaces the resource where it differs in what is only given at creation."""
    states = [inputs.get("desiredState") for inputs in (old, new)]
    if not all(isinstance(state, str) and state and not contains_unknown(state) for state in states):
        return ()
    before, wanted = (json.loads(str(state)) for state in states)
    return ("desiredState",) if cloudformation.replaces(str(new.get("typeName")), before, wanted) else ()


RESOURCE = Type(
    "aws:cloudcontrol/resource:Resource",
    "cloudcontrol",
    id=lambda live: live.answer["Identifier"],
    computed=("properties",),
    volatile=("properties",),
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    replace=("typeName", "roleArn", "typeVersionId"),
    fixed=_fixed,
    imports=False,
    inert=("schema",),
    json=("desiredState",),
)

TYPES = (RESOURCE,)
