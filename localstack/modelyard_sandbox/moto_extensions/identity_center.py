"""Identity Center and OpenID Connect: boundaries and tags of permission sets, changes of groups, audiences.

What the services refuse and moto lets through is refused: a second permission set or membership of the same name, the
deletion of a permission set that is assigned, and an assignment whose boundary the account doesn't have.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.core.responses import EmptyResult
from moto.core.utils import unix_time
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.identitystore import exceptions as directory_exceptions
from moto.identitystore.models import IdentityStoreBackend
from moto.identitystore.responses import IdentityStoreResponse
from moto.moto_api._internal import mock_random
from moto.ssoadmin.exceptions import ConflictException, ResourceNotFoundException
from moto.ssoadmin.models import Instance, PermissionSet, SSOAdminBackend
from moto.ssoadmin.responses import SSOAdminResponse

_new_instance = Instance.__init__
_create_permission_set = SSOAdminBackend.create_permission_set
_delete_permission_set = SSOAdminBackend.delete_permission_set
_create_account_assignment = SSOAdminResponse.create_account_assignment
_create_group_membership = IdentityStoreBackend.create_group_membership


def new_instance(self: Any, account_id: str, region: str) -> None:
    """An instance whose directory has an id of AWS's form: ten hexadecimal digits."""
    _new_instance(self, account_id, region)
    self.identity_store_id = f"d-{mock_random.get_random_hex(10)}"


def permission_set_arn(instance_arn: str) -> str:
    """An ARN of AWS's form: moto puts the permission set below the instance's own."""
    start, _, instance = instance_arn.rpartition("instance/")
    return f"{start}permissionSet/{instance}/ps-{mock_random.get_random_string(length=16).lower()}"


def create_permission_set(self: Any, name: str, *args: Any, **given: Any) -> Any:
    """CreatePermissionSet: one of each name."""
    if any(known.name == name for known in self.permission_sets):
        raise ConflictException(f"PermissionSet with name {name} already exists.")
    return _create_permission_set(self, name, *args, **given)


def delete_permission_set(self: Any, instance_arn: str, permission_set_arn: str) -> Any:
    """DeletePermissionSet: not while it is assigned."""
    if any(known.permission_set_arn == permission_set_arn for known in self.account_assignments):
        raise ConflictException("PermissionSet has ApplicationProfile associated with it.")
    return _delete_permission_set(self, instance_arn=instance_arn, permission_set_arn=permission_set_arn)


def _permission_set(response: Any) -> Any:
    return response.ssoadmin_backend._find_permission_set(
        response._get_param("InstanceArn"),
        response._get_param("PermissionSetArn") or response._get_param("ResourceArn"),
    )


def create_account_assignment(self: Any) -> str:
    """CreateAccountAssignment: it fails where the account lacks the permission set's boundary."""
    boundary = getattr(_permission_set(self), "boundary", {}).get("CustomerManagedPolicyReference")
    account = self._get_param("TargetId")
    if boundary:
        path = boundary.get("Path", "/")
        policies = iam_backends[account][self.partition].managed_policies
        if f"arn:{self.partition}:iam::{account}:policy{path}{boundary['Name']}" not in policies:
            reason = f"Received a 404 status error: Policy {path}{boundary['Name']} does not exist in {account}."
            status = {"Status": "FAILED", "FailureReason": reason, "RequestId": "failed", "CreatedDate": unix_time()}
            return json.dumps({"AccountAssignmentCreationStatus": status})
    return _create_account_assignment(self)


def put_permissions_boundary_to_permission_set(self: Any) -> str:
    """PutPermissionsBoundaryToPermissionSet."""
    _permission_set(self).boundary = self._get_param("PermissionsBoundary")
    return "{}"


def get_permissions_boundary_for_permission_set(self: Any) -> str:
    """GetPermissionsBoundaryForPermissionSet."""
    boundary = getattr(_permission_set(self), "boundary", None)
    if not boundary:
        raise ResourceNotFoundException("No permissions boundary is attached.")
    return json.dumps({"PermissionsBoundary": boundary})


def delete_permissions_boundary_from_permission_set(self: Any) -> str:
    """DeletePermissionsBoundaryFromPermissionSet."""
    _permission_set(self).boundary = {}
    return "{}"


def list_tags_for_resource(self: Any) -> str:
    """ListTagsForResource."""
    return json.dumps({"Tags": _permission_set(self).tags or []})


def tag_resource(self: Any) -> str:
    """TagResource."""
    found = _permission_set(self)
    added = {tag["Key"]: tag["Value"] for tag in self._get_param("Tags")}
    kept = {tag["Key"]: tag["Value"] for tag in found.tags or []}
    found.tags = [{"Key": key, "Value": value} for key, value in (kept | added).items()]
    return "{}"


def untag_resource(self: Any) -> str:
    """UntagResource."""
    found = _permission_set(self)
    found.tags = [tag for tag in found.tags or [] if tag["Key"] not in self._get_param("TagKeys")]
    return "{}"


def create_group_membership(self: Any, identity_store_id: str, group_id: str, member_id: dict[str, str]) -> Any:
    """CreateGroupMembership: everybody is in a group once."""
    store = self.identity_stores.get(identity_store_id)
    for known in store.group_memberships.values() if store else ():
        if (known["GroupId"], known["MemberId"]) == (group_id, {"UserId": member_id["UserId"]}):
            raise directory_exceptions.ConflictException(
                message="Member and Group relationship already exists", reason="UNIQUENESS_CONSTRAINT_VIOLATION"
            )
    return _create_group_membership(self, identity_store_id, group_id, member_id)


_ATTRIBUTES: Final = {"displayName": "DisplayName", "description": "Description"}


def update_group(self: Any) -> str:
    """UpdateGroup."""
    store_id, group_id = self._get_param("IdentityStoreId"), self._get_param("GroupId")
    group = self.identitystore_backend.describe_group(store_id, group_id)
    changes = {_ATTRIBUTES[each["AttributePath"]]: each.get("AttributeValue") for each in self._get_param("Operations")}
    self.identitystore_backend.identity_stores[store_id].groups[group_id] = group._replace(**changes)
    return "{}"


def _provider(response: Any) -> Any:
    return response.backend.get_open_id_connect_provider(response._get_param("OpenIDConnectProviderArn"))


def add_client_id_to_open_id_connect_provider(self: Any) -> EmptyResult:
    """AddClientIDToOpenIDConnectProvider; a second time changes nothing."""
    provider, audience = _provider(self), self._get_param("ClientID")
    if audience not in provider.client_id_list:
        provider.client_id_list.append(audience)
    return EmptyResult()


def remove_client_id_from_open_id_connect_provider(self: Any) -> EmptyResult:
    """RemoveClientIDFromOpenIDConnectProvider; one that isn't there is no failure."""
    provider, audience = _provider(self), self._get_param("ClientID")
    provider.client_id_list = [known for known in provider.client_id_list if known != audience]
    return EmptyResult()


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_account_assignment,
        put_permissions_boundary_to_permission_set,
        get_permissions_boundary_for_permission_set,
        delete_permissions_boundary_from_permission_set,
        list_tags_for_resource,
        tag_resource,
        untag_resource,
    ):
        setattr(SSOAdminResponse, operation.__name__, operation)
    Instance.__init__ = new_instance
    PermissionSet.generate_id = staticmethod(permission_set_arn)
    SSOAdminBackend.create_permission_set = create_permission_set
    SSOAdminBackend.delete_permission_set = delete_permission_set
    IdentityStoreBackend.create_group_membership = create_group_membership
    for responder, operation in (
        (IdentityStoreResponse, update_group),
        (IamResponse, add_client_id_to_open_id_connect_provider),
        (IamResponse, remove_client_id_from_open_id_connect_provider),
    ):
        setattr(responder, operation.__name__, operation)
