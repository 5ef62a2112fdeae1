"""Identity Center: permission sets, what is in them, and who has them where. Source: the SSO Admin API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Call, Step, Tags, Type, fields
from modelyard_sandbox.aws.refusals import RefusedByService

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _of(live: Live) -> dict[str, str]:
    """The two ARNs that every call on a permission set takes, from its id or from what belongs to it."""
    permission_set, instance = live.id.split(",")[-2:] if live.id else (None, None)
    return {
        "PermissionSetArn": permission_set or live.get("permissionSetArn"),
        "InstanceArn": instance or live.get("instanceArn"),
    }


def _provision(live: Live) -> None:
    """Bring the accounts that have the permission set to its new content, as the provider does."""
    live.call("provision_permission_set", **_of(live), TargetType="ALL_PROVISIONED_ACCOUNTS")


def _read_permission_set(live: Live) -> dict[str, Any]:
    found = live.call("describe_permission_set", **_of(live))["PermissionSet"]
    return {
        "arn": found["PermissionSetArn"],
        "instanceArn": _of(live)["InstanceArn"],
        "name": found["Name"],
        "description": found.get("Description") or None,
        "sessionDuration": found.get("SessionDuration"),
        "relayState": found.get("RelayState") or None,
        "createdDate": found["CreatedDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _change_permission_set(live: Live) -> None:
    live.call(
        "update_permission_set",
        **_of(live),
        Description=live.inputs.get("description"),
        SessionDuration=live.inputs.get("sessionDuration"),
        RelayState=live.inputs.get("relayState"),
    )
    _provision(live)


PERMISSION_SET = Type(
    "aws:ssoadmin/permissionSet:PermissionSet",
    "sso-admin",
    fields=fields("instanceArn", "name", "description", "sessionDuration", "relayState"),
    id=lambda live: f"{live.answer['PermissionSetArn']},{live.inputs['instanceArn']}",
    defaults={"sessionDuration": "PT1H"},
    computed=("arn", "createdDate"),
    create=Call("create_permission_set", take="PermissionSet"),
    read=_read_permission_set,
    update=Step(_change_permission_set, on=("description", "sessionDuration", "relayState")),
    delete=lambda live: live.call("delete_permission_set", **_of(live)),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"InstanceArn": "instanceArn", "ResourceArn": lambda live: live.id.split(",")[0]},
        on_create="Tags",
    ),
)


def _id(live: Live) -> str:
    return f"{live.inputs['permissionSetArn']},{live.inputs['instanceArn']}"


def _parts(id: str) -> dict[str, str]:
    return dict(zip(("permissionSetArn", "instanceArn"), id.split(","), strict=True))


def _put_inline_policy(live: Live) -> None:
    live.call("put_inline_policy_to_permission_set", **_of(live), InlinePolicy=live.inputs["inlinePolicy"])
    _provision(live)


def _read_inline_policy(live: Live) -> dict[str, Any] | None:
    policy = live.call("get_inline_policy_for_permission_set", **_of(live)).get("InlinePolicy")
    return {**_parts(live.id), "inlinePolicy": policy} if policy else None


def _delete_inline_policy(live: Live) -> None:
    live.call("delete_inline_policy_from_permission_set", **_of(live))
    _provision(live)


INLINE_POLICY = Type(
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
    "sso-admin",
    fields=fields("inlinePolicy", "instanceArn", "permissionSetArn"),
    id=_id,
    from_id=_parts,
    create=_put_inline_policy,
    read=_read_inline_policy,
    update=Step(_put_inline_policy, on=("inlinePolicy",)),
    delete=_delete_inline_policy,
    json=("inlinePolicy",),
)


def _put_boundary(live: Live) -> None:
    given = live.inputs["permissionsBoundary"]
    boundary: dict[str, Any] = {}
    if given.get("managedPolicyArn"):
        boundary["ManagedPolicyArn"] = given["managedPolicyArn"]
    reference = given.get("customerManagedPolicyReference")
    if reference:
        boundary["CustomerManagedPolicyReference"] = {"Name": reference["name"], "Path": reference.get("path") or "/"}
    live.call("put_permissions_boundary_to_permission_set", **_of(live), PermissionsBoundary=boundary)
    _provision(live)


def _read_boundary(live: Live) -> dict[str, Any]:
    found = live.call("get_permissions_boundary_for_permission_set", **_of(live))["PermissionsBoundary"]
    boundary: dict[str, Any] = {}
    if found.get("ManagedPolicyArn"):
        boundary["managedPolicyArn"] = found["ManagedPolicyArn"]
    reference = found.get("CustomerManagedPolicyReference")
    if reference:
        boundary["customerManagedPolicyReference"] = {"name": reference["Name"], "path": reference.get("Path", "/")}
    return {**_parts(live.id), "permissionsBoundary": boundary}


def _delete_boundary(live: Live) -> None:
    live.call("delete_permissions_boundary_from_permission_set", **_of(live))
    _provision(live)


PERMISSIONS_BOUNDARY = Type(
    "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment",
    "sso-admin",
    fields=fields("instanceArn", "permissionSetArn", "permissionsBoundary"),
    id=_id,
    from_id=_parts,
    create=_put_boundary,
    read=_read_boundary,
    delete=_delete_boundary,
    delete_first=True,
)

_ASSIGNMENT = ("principalId", "principalType", "targetId", "targetType", "permissionSetArn", "instanceArn")


def _assignment(live: Live) -> dict[str, str]:
    return {prop[0].upper() + prop[1:]: live.get(prop) for prop in _ASSIGNMENT}


def _assign(live: Live) -> None:
    status = live.call("create_account_assignment", **_assignment(live))["AccountAssignmentCreationStatus"]
    if status["Status"] == "FAILED":
        raise RefusedByService("CreateAccountAssignment", "FAILED", status["FailureReason"])


def _read_assignment(live: Live) -> dict[str, Any] | None:
    wanted: dict[str, Any] = dict(zip(_ASSIGNMENT, live.id.split(","), strict=True))
    pages = (
        live.client()
        .get_paginator("list_account_assignments")
        .paginate(
            InstanceArn=wanted["instanceArn"],
            AccountId=wanted["targetId"],
            PermissionSetArn=wanted["permissionSetArn"],
        )
    )
    who = (wanted["principalType"], wanted["principalId"])
    found = ((each["PrincipalType"], each["PrincipalId"]) for page in pages for each in page["AccountAssignments"])
    return wanted if who in found else None


ACCOUNT_ASSIGNMENT = Type(
    "aws:ssoadmin/accountAssignment:AccountAssignment",
    "sso-admin",
    fields=fields(*_ASSIGNMENT),
    id=lambda live: ",".join(live.inputs[prop] for prop in _ASSIGNMENT),
    from_id=lambda id: dict(zip(_ASSIGNMENT, id.split(","), strict=True)),
    defaults={"targetType": "AWS_ACCOUNT"},
    create=_assign,
    read=_read_assignment,
    delete=lambda live: live.call("delete_account_assignment", **_assignment(live)),
)

TYPES = (PERMISSION_SET, INLINE_POLICY, PERMISSIONS_BOUNDARY, ACCOUNT_ASSIGNMENT)
