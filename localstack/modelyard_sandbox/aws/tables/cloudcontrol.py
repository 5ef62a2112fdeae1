"""Cloud Control: one Pulumi type for every CloudFormation type that is declared here by its name.

A declaration's properties are CloudFormation's (`Name`, `Type`), and its token is the type's name; the rest is as for
any other type. Cloud Control has no drift and no import. Source: the Cloud Control API reference.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Type, fields
from modelyard_sandbox.aws.refusals import RefusedByService
from modelyard_sandbox.aws.tables import batch_services

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

CLOUDFORMATION: Final = {declared.token: declared for declared in (_SSM_PARAMETER, *batch_services.CLOUDFORMATION)}


def _inner(live: Live, operation: str) -> Live:
    """The resource as its CloudFormation type sees it."""
    name = live.get("typeName")
    if name not in CLOUDFORMATION:
        place = "declare it in modelyard_sandbox/aws/tables/cloudcontrol.py"
        raise RefusedByService(operation, "TypeNotFoundException", f"the sandbox does not know {name}; {place}")
    wanted = json.loads(live.inputs.get("desiredState") or "{}")
    before = json.loads(live.old.get("desiredState") or "{}")
    known = json.loads(live.state.get("properties") or "{}")
    changed = frozenset(prop for prop in {*wanted, *before} if wanted.get(prop) != before.get(prop))
    return type(live)(
        CLOUDFORMATION[name], live.session, id=live.id, inputs=wanted, old=before, state=known, changed=changed
    )


def _create(live: Live) -> dict[str, str]:
    inner = _inner(live, "CreateResource")
    inner.create()
    inner.finish()
    return {"Identifier": inner.id}


def _read(live: Live) -> dict[str, Any] | None:
    inner = _inner(live, "GetResource")
    found = inner.read()
    return None if found is None else {"properties": json.dumps({**inner.inputs, **found}, sort_keys=True)}


def _update(live: Live) -> None:
    _inner(live, "UpdateResource").update()


def _delete(live: Live) -> None:
    _inner(live, "DeleteResource").delete()


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
    inert=("schema",),
    json=("desiredState",),
)

TYPES = (RESOURCE,)
