"""IAM: roles, managed and inline policies, attachments, identity providers. Source: the IAM API reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, TagFunctions, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_PREFIX: Final = "namePrefix"


def _text(document: Any) -> str:
    """A policy document as text; boto3 has decoded it already."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)


def _read_role(live: Live) -> dict[str, Any]:
    role = live.call("get_role", RoleName=live.id)["Role"]
    return {
        "name": role["RoleName"],
        "arn": role["Arn"],
        "uniqueId": role["RoleId"],
        "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "path": role["Path"],
        "description": role.get("Description", ""),
        "maxSessionDuration": role.get("MaxSessionDuration"),
        "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
    }


def _put_inline_policies(live: Live) -> None:
    wanted = {entry["name"]: entry["policy"] for entry in live.inputs.get("inlinePolicies") or [] if entry.get("name")}
    before = {entry["name"] for entry in live.old.get("inlinePolicies") or [] if entry.get("name")}
    for name in sorted(before - set(wanted)):
        live.call("delete_role_policy", RoleName=live.id, PolicyName=name)
    for name, policy in wanted.items():
        live.call("put_role_policy", RoleName=live.id, PolicyName=name, PolicyDocument=policy)


def _attach_policies(live: Live) -> None:
    wanted = set(live.inputs.get("managedPolicyArns") or [])
    before = set(live.old.get("managedPolicyArns") or [])
    for arn in sorted(before - wanted):
        live.call("detach_role_policy", RoleName=live.id, PolicyArn=arn)
    for arn in sorted(wanted - before):
        live.call("attach_role_policy", RoleName=live.id, PolicyArn=arn)


def _strip_role(live: Live) -> None:
    """Remove the policies that the role itself declares, or all of them where it is told to."""
    for name in live.call("list_role_policies", RoleName=live.id)["PolicyNames"]:
        live.call("delete_role_policy", RoleName=live.id, PolicyName=name)
    for policy in live.call("list_attached_role_policies", RoleName=live.id)["AttachedPolicies"]:
        live.call("detach_role_policy", RoleName=live.id, PolicyArn=policy["PolicyArn"])


ROLE = Type(
    "aws:iam/role:Role",
    "iam",
    fields=fields("path", "description", "maxSessionDuration", "permissionsBoundary")
    | {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
    id="name",
    name=Name("name", limit=64, prefix=_PREFIX),
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False, "description": ""},
    computed=("arn", "uniqueId", "createDate"),
    create=(
        Call("create_role"),
        Step(_put_inline_policies, on=("inlinePolicies",)),
        Step(_attach_policies, on=("managedPolicyArns",)),
    ),
    read=_read_role,
    update=(
        Call("update_role", on=("description", "maxSessionDuration")),
        Call("update_assume_role_policy", {"PolicyDocument": "assumeRolePolicy"}, on=("assumeRolePolicy",)),
        Call(
            "put_role_permissions_boundary",
            on=("permissionsBoundary",),
            unset=Call("delete_role_permissions_boundary"),
        ),
        Step(_put_inline_policies, on=("inlinePolicies",)),
        Step(_attach_policies, on=("managedPolicyArns",)),
    ),
    delete=(_strip_role, Call("delete_role")),
    inert=("forceDetachPolicies",),
    json=("assumeRolePolicy",),
    sets=("managedPolicyArns", "inlinePolicies"),
    tags=Tags("list_role_tags", "tag_role", "untag_role", {"RoleName": "id"}),
)

_PUT_ROLE_POLICY = Call("put_role_policy")
ROLE_POLICY = Type(
    "aws:iam/rolePolicy:RolePolicy",
    "iam",
    fields={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    id=lambda live: f"{live.inputs['role']}:{live.inputs['name']}",
    from_id=lambda id: dict(zip(("role", "name"), id.split(":", 1), strict=True)),
    name=Name("name", limit=128, prefix=_PREFIX),
    create=_PUT_ROLE_POLICY,
    read=lambda live: {
        "role": live.get("role"),
        "name": live.get("name"),
        "policy": _text(
            live.call("get_role_policy", RoleName=live.get("role"), PolicyName=live.get("name"))["PolicyDocument"]
        ),
    },
    update=_PUT_ROLE_POLICY,
    delete=Call("delete_role_policy"),
    replace=("name", "namePrefix", "role"),
    json=("policy",),
)


def _read_policy(live: Live) -> dict[str, Any]:
    policy = live.call("get_policy", PolicyArn=live.id)["Policy"]
    version = live.call("get_policy_version", PolicyArn=live.id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {
        "arn": policy["Arn"],
        "name": policy["PolicyName"],
        "path": policy["Path"],
        "policyId": policy["PolicyId"],
        "attachmentCount": policy["AttachmentCount"],
        "description": policy.get("Description", ""),
        "policy": _text(version["Document"]),
    }


def _new_policy_version(live: Live) -> None:
    """A new default version; the oldest of five goes first, as IAM keeps no more."""
    versions = live.call("list_policy_versions", PolicyArn=live.id)["Versions"]
    if len(versions) >= 5:
        oldest = min((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: int(v["VersionId"][1:]))
        live.call("delete_policy_version", PolicyArn=live.id, VersionId=oldest["VersionId"])
    live.call("create_policy_version", PolicyArn=live.id, PolicyDocument=live.inputs["policy"], SetAsDefault=True)


def _delete_old_versions(live: Live) -> None:
    for version in live.call("list_policy_versions", PolicyArn=live.id)["Versions"]:
        if not version["IsDefaultVersion"]:
            live.call("delete_policy_version", PolicyArn=live.id, VersionId=version["VersionId"])


POLICY = Type(
    "aws:iam/policy:Policy",
    "iam",
    fields=fields("path", "description") | {"name": "PolicyName", "policy": "PolicyDocument"},
    id=Answer("Arn"),
    name=Name("name", limit=128, prefix=_PREFIX),
    defaults={"path": "/", "description": ""},
    computed=("arn", "policyId", "attachmentCount"),
    create=Call("create_policy", take="Policy"),
    read=_read_policy,
    update=Step(_new_policy_version, on=("policy",)),
    delete=(_delete_old_versions, Call("delete_policy", {"PolicyArn": "id"})),
    inert=("delayAfterPolicyCreationInMs",),
    json=("policy",),
    tags=Tags("list_policy_tags", "tag_policy", "untag_policy", {"PolicyArn": "id"}),
)


def _read_attachment(live: Live) -> dict[str, Any] | None:
    role, arn = live.get("role"), live.get("policyArn")
    attached = live.call("list_attached_role_policies", RoleName=role)["AttachedPolicies"]
    return {"role": role, "policyArn": arn} if any(policy["PolicyArn"] == arn for policy in attached) else None


ROLE_POLICY_ATTACHMENT = Type(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "iam",
    fields={"role": "RoleName", "policyArn": "PolicyArn"},
    id=lambda live: f"{live.inputs['role']}/{live.inputs['policyArn']}",
    from_id=lambda id: dict(zip(("role", "policyArn"), id.split("/", 1), strict=True)),
    create=Call("attach_role_policy"),
    read=_read_attachment,
    delete=Call("detach_role_policy"),
)


def _read_oidc_provider(live: Live) -> dict[str, Any]:
    found = live.call("get_open_id_connect_provider", OpenIDConnectProviderArn=live.id)
    written = live.get("url")
    same = written is not None and written.removeprefix("https://") == found["Url"]
    return {
        "arn": live.id,
        "url": written if same else f"https://{found['Url']}",
        "clientIdLists": found.get("ClientIDList", []),
        "thumbprintLists": found.get("ThumbprintList", []),
    }


def _set_audiences(live: Live) -> None:
    before, wanted = set(live.old.get("clientIdLists") or []), set(live.inputs.get("clientIdLists") or [])
    for audience in sorted(wanted - before):
        live.call("add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=live.id, ClientID=audience)
    for audience in sorted(before - wanted):
        live.call("remove_client_id_from_open_id_connect_provider", OpenIDConnectProviderArn=live.id, ClientID=audience)


OIDC_PROVIDER = Type(
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "iam",
    fields={"url": "Url", "clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
    id=Answer("OpenIDConnectProviderArn"),
    computed=("arn",),
    create=Call("create_open_id_connect_provider"),
    read=_read_oidc_provider,
    update=(
        Step(_set_audiences, on=("clientIdLists",)),
        Call("update_open_id_connect_provider_thumbprint", {"OpenIDConnectProviderArn": "id"}, on=("thumbprintLists",)),
    ),
    delete=Call("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "id"}),
    sets=("clientIdLists",),
    kept=("thumbprintLists",),
    tags=Tags(
        "list_open_id_connect_provider_tags",
        "tag_open_id_connect_provider",
        "untag_open_id_connect_provider",
        {"OpenIDConnectProviderArn": "id"},
        on_create="Tags",
    ),
)


def _read_profile(live: Live) -> dict[str, Any]:
    found = live.call("get_instance_profile", InstanceProfileName=live.id)["InstanceProfile"]
    return {
        "arn": found["Arn"],
        "createDate": found["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "name": found["InstanceProfileName"],
        "path": found["Path"],
        "role": found["Roles"][0]["RoleName"] if found["Roles"] else None,
        "uniqueId": found["InstanceProfileId"],
    }


def _put_role(live: Live) -> None:
    before, wanted = live.old.get("role"), live.inputs.get("role")
    if before:
        live.call("remove_role_from_instance_profile", InstanceProfileName=live.id, RoleName=before)
    if wanted:
        live.call("add_role_to_instance_profile", InstanceProfileName=live.id, RoleName=wanted)


def _take_role(live: Live) -> None:
    if live.get("role"):
        live.call("remove_role_from_instance_profile", InstanceProfileName=live.id, RoleName=live.get("role"))


def _read_profile_tags(live: Live) -> dict[str, str]:
    """The profile tells its tags itself."""
    found = live.call("get_instance_profile", InstanceProfileName=live.id)["InstanceProfile"]
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def _write_profile_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    removed = sorted(set(old) - set(new))
    if removed:
        live.call("untag_instance_profile", InstanceProfileName=live.id, TagKeys=removed)
    if new:
        tags = [{"Key": key, "Value": value} for key, value in new.items()]
        live.call("tag_instance_profile", InstanceProfileName=live.id, Tags=tags)


INSTANCE_PROFILE = Type(
    "aws:iam/instanceProfile:InstanceProfile",
    "iam",
    fields={"name": "InstanceProfileName", "path": "Path"},
    id="name",
    name=Name("name", limit=128, prefix=_PREFIX),
    defaults={"path": "/"},
    computed=("arn", "createDate", "uniqueId"),
    create=(Call("create_instance_profile"), Step(_put_role, on=("role",))),
    read=_read_profile,
    update=Step(_put_role, on=("role",)),
    delete=(_take_role, Call("delete_instance_profile", {"InstanceProfileName": "id"}, fill=False)),
    tags=TagFunctions(_read_profile_tags, _write_profile_tags),
)

TYPES = (ROLE, ROLE_POLICY, POLICY, ROLE_POLICY_ATTACHMENT, OIDC_PROVIDER, INSTANCE_PROFILE)
