"""The life of a team's people and pipelines: made, unchanged, changed, gone; who may come in, and who left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from tests.sandbox.test_capabilities import judged

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, TeamFence, TeamHeader
from modelyard.core.errors import DeploymentError
from modelyard.foundation.tenancy import (
    CiFederation,
    CiSpec,
    IdentityCenterDoors,
    IdentityCenterSpec,
    Personas,
    Reach,
    deployment_trust,
    provider_in,
    sign_in_contract,
    trust_runs,
)
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

ACCOUNT, OWN = "123456789012", "210987654321"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
ADA, GRACE, JOAN = "ada@acme.example", "grace@acme.example", "joan@acme.example"
PEOPLE = {"data-scientist": [ADA, GRACE], "approver": [JOAN, ADA]}
RUN = {"kind": "github", "repository": "acme/fraud", "environment": "production"}
CI = CiSpec.model_validate({"github": {"owners": ["acme"]}})


def header(people: Mapping[str, Any] = PEOPLE) -> TeamHeader:
    return TeamHeader.model_validate(
        {"team": "fraud", "owners": [{"name": "Ada", "email": ADA}], "people": people, "ci_runs": [RUN],
         "deployed_by": [RUN], "not_separated": {ADA: "a team of three people"}}
    )  # fmt: skip


@contextmanager
def known_people(emulator: str) -> Iterator[Deployment]:
    """A stack in an account whose directory knows three people."""
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as made:
        store = directory(made)["IdentityStoreId"]
        for name in (ADA, GRACE, JOAN):
            made.client("identitystore").create_user(
                IdentityStoreId=store, UserName=name, DisplayName=name, Name={"GivenName": "A", "FamilyName": "B"}
            )
        yield made


@pytest.fixture
def stack() -> Iterator[Deployment]:
    with known_people("moto") as made:
        yield made


def directory(made: Deployment) -> dict[str, str]:
    return made.client("sso-admin").list_instances()["Instances"][0]


def center(made: Deployment, assign: str = "groups") -> IdentityCenterSpec:
    found = directory(made)
    return IdentityCenterSpec.model_validate(
        {"kind": "identity-center", "instance_arn": found["InstanceArn"], "region": "eu-west-1",
         "identity_store_id": found["IdentityStoreId"], "assign": assign}
    )  # fmt: skip


def a_team(
    spec: IdentityCenterSpec, people: Mapping[str, Any] = PEOPLE, leavers: Mapping[str, str] | None = None
) -> Any:
    def program() -> None:
        boundary = Reach(PLATFORM.for_team("fraud")).boundary
        context, team = PLATFORM.for_team("fraud", boundary=boundary), header(people)
        keys = Keys("keys", KeysSpec(), context=context)
        ci = CiFederation("ci", CI, context=PLATFORM)
        trusted = deployment_trust(context, PLATFORM, (), trust_runs(context, ci.systems, team.deployed_by))
        fence = TeamFence("fence", team, context=context, keys=keys, trusted=trusted, leavers=leavers)
        doors = IdentityCenterDoors(
            "doors", spec, context=context, people=team.people, boundary=fence.boundary_name, leavers=leavers
        )
        personas = Personas("personas", team, context=context, sign_in=sign_in_contract(spec), ci=ci.systems,
                            leavers=leavers)  # fmt: skip
        events = {"classification": "internal", "owner": ADA, "columns": [{"name": "id", "type": "string"}]}
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": {"events": events}}), context=context, keys=keys)
        lake.grant_read(personas["data-scientist"], datasets=["events"])
        assert doors

    return program


def changed(made: Deployment) -> dict[str, str]:
    return {urn.rpartition("::")[2]: done for urn, done in made.operations.items() if done != "same"}


def members(made: Deployment) -> list[str]:
    """Everybody who is in any group of the directory, by name, once for each group."""
    client, store = made.client("identitystore"), directory(made)["IdentityStoreId"]
    names = {user["UserId"]: user["UserName"] for user in client.list_users(IdentityStoreId=store)["Users"]}
    groups = [group["GroupId"] for group in client.list_groups(IdentityStoreId=store)["Groups"]]
    listed = (client.list_group_memberships(IdentityStoreId=store, GroupId=group) for group in groups)
    return sorted(names[one["MemberId"]["UserId"]] for page in listed for one in page["GroupMemberships"])


def assigned(made: Deployment) -> int:
    """How many assignments of permission sets there are in the account."""
    client, instance = made.client("sso-admin"), directory(made)["InstanceArn"]
    sets = client.list_permission_sets(InstanceArn=instance)["PermissionSets"]
    return sum(
        len(client.list_account_assignments(InstanceArn=instance, AccountId=ACCOUNT, PermissionSetArn=each)[
            "AccountAssignments"])
        for each in sets
    )  # fmt: skip


def trusts(made: Deployment) -> str:
    """The trust policies of all roles."""
    return json.dumps([role["AssumeRolePolicyDocument"] for role in made.client("iam").list_roles()["Roles"]])


def test_a_teams_people_are_made_stay_as_they_are_and_leave_nothing(emulator: str):
    with known_people(emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_team(center(stack)))
        assert set(stack.operations.values()) <= {"create", "same"}
        assert members(stack) == [ADA, ADA, GRACE, JOAN] and assigned(stack) == 2
        stack.update(a_team(center(stack)))
        assert changed(stack) == {}
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before
        assert members(stack) == []


def test_a_person_who_goes_from_the_one_list_is_in_no_group_and_no_trust(stack: Deployment):
    stack.update(a_team(center(stack)))
    assert ADA in trusts(stack)
    stack.update(a_team(center(stack), {"data-scientist": [GRACE], "approver": [JOAN, ADA]}))
    assert changed(stack) == {
        f"doors-data-scientist-{ADA}": "delete",
        "persona-data-scientist-role": "update",
    }, "the others' doors and trusts are left alone"
    assert members(stack) == [ADA, GRACE, JOAN]


def test_one_line_among_the_leavers_shuts_a_person_out_everywhere_and_ends_their_sessions(stack: Deployment):
    stack.update(a_team(center(stack)))
    stack.update(a_team(center(stack), leavers={ADA: "2026-11-20"}))
    assert members(stack) == [GRACE, JOAN]
    assert ADA not in trusts(stack) and GRACE in trusts(stack)
    policies = stack.client("iam").list_policies(Scope="Local")["Policies"]
    (boundary,) = [policy["Arn"] for policy in policies if policy["PolicyName"] == "ml-dev-fraud-fence-boundary"]
    version = stack.client("iam").get_policy(PolicyArn=boundary)["Policy"]["DefaultVersionId"]
    document = stack.client("iam").get_policy_version(PolicyArn=boundary, VersionId=version)["PolicyVersion"][
        "Document"
    ]
    (out,) = [statement for statement in document["Statement"] if statement["Sid"] == "WhoLeftIsOut"]
    assert (out["Effect"], out["Condition"]) == ("Deny", {"StringLike": {"aws:userid": [f"*:{ADA}"]}})
    ended = stack.client("iam").get_role_policy(
        RoleName="ml-dev-fraud-persona-approver", PolicyName="personas"
    )["PolicyDocument"]["Statement"]  # fmt: skip
    assert ended[0]["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T00:00:00Z"}}


def test_people_are_assigned_one_by_one_where_another_system_writes_the_groups(stack: Deployment):
    stack.update(a_team(center(stack, "users")))
    assert assigned(stack) == 4 and members(stack) == []
    stack.update(a_team(center(stack, "users"), leavers={ADA: "2026-11-20"}))
    assert assigned(stack) == 2


def test_somebody_whom_the_directory_does_not_know_fails_the_deployment(stack: Deployment):
    with pytest.raises(DeploymentError, match="USER not found"):
        stack.update(a_team(center(stack), {"approver": ["nobody@acme.example"]}))


def test_a_persona_uses_what_it_was_granted_and_another_does_not(stack: Deployment):
    stack.update(a_team(center(stack)))
    bucket = stack.resource("lake-raw").properties["bucket"]
    stack.client("s3").put_object(Bucket=bucket, Key="events/day=1/a", Body=b"1")

    def as_persona(persona: str) -> Any:
        arn = stack.resource(f"persona-{persona}-role").properties["arn"]
        got = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=ADA)["Credentials"]
        return boto3.client(
            "s3",
            region_name="eu-west-1",
            aws_access_key_id=got["AccessKeyId"],
            aws_secret_access_key=got["SecretAccessKey"],
            aws_session_token=got["SessionToken"],
        )

    scientist, approver = as_persona("data-scientist"), as_persona("approver")
    with judged():
        assert scientist.get_object(Bucket=bucket, Key="events/day=1/a")["Body"].read() == b"1"
        with pytest.raises(approver.exceptions.ClientError, match="AccessDenied"):
            approver.get_object(Bucket=bucket, Key="events/day=1/a")


def access_role(made: Deployment) -> None:
    """The role that AWS Organizations makes in a new account."""
    someone = f"arn:aws:iam::{OWN}:role/someone"
    got = made.client("sts").assume_role(RoleArn=someone, RoleSessionName="test")["Credentials"]
    iam = boto3.client(
        "iam",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="OrganizationAccountAccessRole", AssumeRolePolicyDocument=trust)


def test_a_team_with_an_account_of_its_own_has_its_fence_there_and_none_in_the_platforms():
    theirs = PLATFORM.for_team("fraud", account=OWN)

    def program() -> None:
        access_role = f"arn:aws:iam::{OWN}:role/OrganizationAccountAccessRole"
        opts = provider_in("fraud-account", theirs, access_role)
        keys = Keys("keys", KeysSpec(), context=theirs, opts=opts)
        trusted = deployment_trust(theirs, PLATFORM, ())
        TeamFence("fence", header({}), context=theirs, keys=keys, trusted=trusted, opts=opts)

    with deploy(lambda: None, region="eu-west-1") as made:
        access_role(made)
        made.update(program)
        assert made.resource("fence-boundary").properties["arn"].startswith(f"arn:aws:iam::{OWN}:policy/modelyard/")
        assert f":{OWN}:key/" in made.resource("keys-default").properties["arn"]
        names = [role["RoleName"] for role in made.client("iam").list_roles()["Roles"]]
        assert "ml-dev-fraud-fence-deployment" not in names, "it would be in the platform's account"
        role = made.resource("fence-deployment-role").properties
        assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {
            "AWS": f"arn:aws:iam::{ACCOUNT}:root"
        }
        made.update(program)
        assert changed(made) == {}
        made.destroy()
