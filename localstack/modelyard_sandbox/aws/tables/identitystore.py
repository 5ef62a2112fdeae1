"""Identity store: groups and who is in them. Source: the Identity Store API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Call, Step, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _read_group(live: Live) -> dict[str, Any]:
    store, group = live.id.split("/", 1)
    found = live.call("describe_group", IdentityStoreId=store, GroupId=group)
    return {
        "identityStoreId": store,
        "groupId": group,
        "arn": f"arn:{live.partition}:identitystore:::group/{group}",
        "displayName": found["DisplayName"],
        "description": found.get("Description") or None,
        "externalIds": [],
    }


def _change_group(live: Live) -> None:
    operations = [
        {"AttributePath": prop, "AttributeValue": live.inputs.get(prop)}
        for prop in ("displayName", "description")
        if prop in live.changed
    ]
    store, group = live.id.split("/", 1)
    live.call("update_group", IdentityStoreId=store, GroupId=group, Operations=operations)


GROUP = Type(
    "aws:identitystore/group:Group",
    "identitystore",
    fields=fields("identityStoreId", "displayName", "description", "groupId"),
    id=lambda live: f"{live.inputs['identityStoreId']}/{live.answer['GroupId']}",
    from_id=lambda id: {"identityStoreId": id.split("/", 1)[0]},
    computed=("arn", "groupId", "externalIds"),
    create=Call("create_group"),
    read=_read_group,
    update=Step(_change_group, on=("displayName", "description")),
    delete=Call("delete_group"),
)


def _read_membership(live: Live) -> dict[str, Any]:
    store, membership = live.id.split("/", 1)
    found = live.call("describe_group_membership", IdentityStoreId=store, MembershipId=membership)
    return {
        "identityStoreId": store,
        "membershipId": membership,
        "groupId": found["GroupId"],
        "memberId": found["MemberId"]["UserId"],
    }


GROUP_MEMBERSHIP = Type(
    "aws:identitystore/groupMembership:GroupMembership",
    "identitystore",
    fields=fields("identityStoreId", "groupId", "membershipId"),
    id=lambda live: f"{live.inputs['identityStoreId']}/{live.answer['MembershipId']}",
    from_id=lambda id: {"identityStoreId": id.split("/", 1)[0]},
    computed=("membershipId",),
    create=Call("create_group_membership", {"MemberId": {"UserId": "memberId"}}),
    read=_read_membership,
    delete=Call("delete_group_membership"),
)

TYPES = (GROUP, GROUP_MEMBERSHIP)
