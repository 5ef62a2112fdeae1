"""Identity providers, permission sets, groups and assignments through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
PERMISSION_SET = "aws:ssoadmin/permissionSet:PermissionSet"
INLINE = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
BOUNDARY = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
ASSIGNMENT = "aws:ssoadmin/accountAssignment:AccountAssignment"
GROUP = "aws:identitystore/group:Group"
MEMBERSHIP = "aws:identitystore/groupMembership:GroupMembership"
ACCOUNT = "123456789012"
STRANGER = "12345678-1234-1234-1234-123456789012"
GITHUB = "https://token.actions.githubusercontent.com"


def text(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def instance(cloud: Any) -> dict[str, str]:
    (found,) = cloud.client("sso-admin").list_instances()["Instances"]
    return found


@pytest.fixture
def door(cloud: Any, instance: dict[str, str]) -> Any:
    return cloud.make(PERMISSION_SET, instanceArn=instance["InstanceArn"], name="ml-dev-fraud-auditor")


def user(cloud: Any, instance: dict[str, str], name: str) -> str:
    made = cloud.client("identitystore").create_user(
        IdentityStoreId=instance["IdentityStoreId"],
        UserName=name,
        DisplayName=name,
        Name={"GivenName": "A", "FamilyName": "B"},
    )
    return made["UserId"]


def test_an_identity_provider_lives_and_dies(cloud: Any) -> None:
    made = cloud.make(OIDC, url=GITHUB, clientIdLists=["sts.amazonaws.com"], tags={"team": "platform"})
    assert made.id == made["arn"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    made.update(clientIdLists=["sts.amazonaws.com", "other"])
    made.update(clientIdLists=["other"])
    made.update(thumbprintLists=["a" * 40])
    made.update(tags={"team": "other"})
    assert made.forecast(url="https://gitlab.com").replaces == {"url"}
    made.imported(made.id)
    made.delete()


def test_an_audience_that_somebody_else_added_is_drift(cloud: Any) -> None:
    made = cloud.make(OIDC, url=GITHUB, clientIdLists=["sts.amazonaws.com"])
    cloud.client("iam").add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=made.id, ClientID="evil")
    assert sorted(made.read().state["clientIdLists"]) == ["evil", "sts.amazonaws.com"]


def test_an_account_has_one_provider_of_each_issuer(cloud: Any) -> None:
    cloud.make(OIDC, url=GITHUB, clientIdLists=["sts.amazonaws.com"])
    assert "EntityAlreadyExists" in cloud.refused(OIDC, url=GITHUB, clientIdLists=["sts.amazonaws.com"])


def test_a_permission_set_lives_and_dies(cloud: Any, instance: dict[str, str]) -> None:
    made = cloud.make(
        PERMISSION_SET, instanceArn=instance["InstanceArn"], name="auditor", description="reads", tags={"team": "fraud"}
    )
    assert made.id == f"{made['arn']},{instance['InstanceArn']}"
    assert made["sessionDuration"] == "PT1H"
    made.update(description="reads everything")
    made.update(sessionDuration="PT4H")
    made.update(tags={"team": "churn", "colour": "red"})
    assert made.forecast(name="other").replaces == {"name"}
    made.imported(made.id)
    made.delete()


def test_two_permission_sets_of_one_name_are_refused(cloud: Any, instance: dict[str, str], door: Any) -> None:
    said = cloud.refused(PERMISSION_SET, instanceArn=instance["InstanceArn"], name="ml-dev-fraud-auditor")
    assert "ConflictException" in said


def test_a_permission_sets_policy_lives_and_dies(cloud: Any, instance: dict[str, str], door: Any) -> None:
    given = {"instanceArn": instance["InstanceArn"], "permissionSetArn": door["arn"]}
    made = cloud.make(INLINE, **given, inlinePolicy=text("sts:AssumeRole"))
    made.update(inlinePolicy=text("sts:GetCallerIdentity"))
    assert not made.forecast(inlinePolicy=text("sts:GetCallerIdentity").replace(" ", "")).changed
    made.imported(made.id)
    made.delete()
    assert not cloud.client("sso-admin").get_inline_policy_for_permission_set(
        InstanceArn=instance["InstanceArn"], PermissionSetArn=door["arn"]
    )["InlinePolicy"]


def test_a_permission_sets_boundary_lives_and_dies(cloud: Any, instance: dict[str, str], door: Any) -> None:
    given = {"instanceArn": instance["InstanceArn"], "permissionSetArn": door["arn"]}
    own = {"customerManagedPolicyReference": {"name": "boundary", "path": "/modelyard/"}}
    made = cloud.make(BOUNDARY, **given, permissionsBoundary=own)
    managed = {"managedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    assert made.forecast(permissionsBoundary=managed).replaces == {"permissionsBoundary"}
    made.imported(made.id)
    made.delete()


def test_a_group_and_its_members_live_and_die(cloud: Any, instance: dict[str, str]) -> None:
    store = instance["IdentityStoreId"]
    group = cloud.make(GROUP, identityStoreId=store, displayName="auditors", description="read")
    assert group.id == f"{store}/{group['groupId']}"
    group.update(description="read everything")
    group.update(displayName="all auditors")
    group.imported(group.id)
    ada = user(cloud, instance, "ada@acme.example")
    member = cloud.make(MEMBERSHIP, identityStoreId=store, groupId=group["groupId"], memberId=ada)
    assert member.forecast(memberId=STRANGER).replaces == {"memberId"}
    member.imported(member.id)
    assert "ConflictException" in cloud.refused(
        MEMBERSHIP, identityStoreId=store, groupId=group["groupId"], memberId=ada
    )
    member.delete()
    assert not cloud.client("identitystore").list_group_memberships(IdentityStoreId=store, GroupId=group["groupId"])[
        "GroupMemberships"
    ]
    group.delete()


def test_nobody_unknown_joins_a_group(cloud: Any, instance: dict[str, str]) -> None:
    store = instance["IdentityStoreId"]
    group = cloud.make(GROUP, identityStoreId=store, displayName="auditors")
    said = cloud.refused(MEMBERSHIP, identityStoreId=store, groupId=group["groupId"], memberId=STRANGER)
    assert "ResourceNotFoundException" in said


def test_an_assignment_lives_and_dies_and_holds_its_permission_set(
    cloud: Any, instance: dict[str, str], door: Any
) -> None:
    ada = user(cloud, instance, "ada@acme.example")
    made = cloud.make(
        ASSIGNMENT,
        instanceArn=instance["InstanceArn"],
        permissionSetArn=door["arn"],
        principalType="USER",
        principalId=ada,
        targetId=ACCOUNT,
        targetType="AWS_ACCOUNT",
    )
    assert "ConflictException" in cloud.refuses_to_delete(door)
    assert made.forecast(principalId=STRANGER).replaces == {"principalId"}
    made.imported(made.id)
    made.delete()
    door.delete()


def test_an_assignment_whose_boundary_the_account_lacks_is_refused(
    cloud: Any, instance: dict[str, str], door: Any
) -> None:
    given = {"instanceArn": instance["InstanceArn"], "permissionSetArn": door["arn"]}
    own = {"customerManagedPolicyReference": {"name": "boundary", "path": "/modelyard/"}}
    cloud.make(BOUNDARY, **given, permissionsBoundary=own)
    assigned = {**given, "principalType": "USER", "principalId": STRANGER, "targetId": ACCOUNT,
                "targetType": "AWS_ACCOUNT"}  # fmt: skip
    assert "Policy /modelyard/boundary does not exist" in cloud.refused(ASSIGNMENT, **assigned)
    cloud.client("iam").create_policy(PolicyName="boundary", Path="/modelyard/", PolicyDocument=text("s3:GetObject"))
    cloud.make(ASSIGNMENT, **assigned)
