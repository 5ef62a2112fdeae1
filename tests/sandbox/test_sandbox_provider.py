"""The table's life against moto in this process: preview, failure, drift, import, and what the services refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from modelyard.core.wire import SECRET, SIGNATURE, UNKNOWN
from modelyard_sandbox.aws.provider import HalfCreated, Provider, ProviderError
from modelyard_sandbox.aws.refusals import REFUSALS
from modelyard_sandbox.inprocess.session import InProcessSession
from modelyard_sandbox.plugins.values import secret

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
PARAMETER = "aws:ssm/parameter:Parameter"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}],
    }
)


class Stack:
    """A provider whose resources are made by type and inputs alone."""

    def __init__(self) -> None:
        self.provider = Provider(InProcessSession("eu-west-1"))

    def urn(self, token: str) -> str:
        return f"urn:pulumi:dev::team::{token}::thing"

    def create(self, token: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Id, state and checked inputs of a new resource."""
        checked, refused = self.provider.check(token, self.urn(token), {}, inputs, b"seed")
        assert not refused
        id, state = self.provider.create(token, self.urn(token), checked, preview=False)
        return id, state, checked

    def delete(self, token: str, id: str, state: dict[str, Any]) -> None:
        self.provider.delete(token, id, self.urn(token), state)

    def read(self, token: str, id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Any:
        return self.provider.read(token, id, self.urn(token), inputs, state)

    def client(self, service: str) -> Any:
        return self.provider.session.client(service, "eu-west-1")


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        yield Stack()


def test_a_preview_of_creation_makes_nothing_and_knows_what_it_cannot_know(stack: Stack) -> None:
    id, state = stack.provider.create(BUCKET, stack.urn(BUCKET), {"bucket": "lake"}, preview=True)
    assert id == ""
    assert state["arn"] == UNKNOWN
    assert state["bucket"] == "lake"
    assert stack.client("s3").list_buckets()["Buckets"] == []


def test_a_preview_of_an_update_changes_nothing(stack: Stack) -> None:
    id, state, inputs = stack.create(PARAMETER, {"name": "/a", "type": "String", "value": "old"})
    news = {**inputs, "value": "new"}
    after = stack.provider.update(PARAMETER, id, stack.urn(PARAMETER), inputs, state, news, preview=True)
    assert after["value"] == "new"
    assert after["version"] == UNKNOWN, "a new value makes a new version"
    assert after["arn"] == state["arn"]
    assert stack.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "old"


def test_a_secret_stays_one_in_the_state_and_arrives_in_plain(stack: Stack) -> None:
    _, state, _ = stack.create(PARAMETER, {"name": "/a", "type": "SecureString", "value": secret("hush")})
    assert state["value"] == {SIGNATURE: SECRET, "value": "hush"}
    found = stack.client("ssm").get_parameter(Name="/a", WithDecryption=True)
    assert found["Parameter"]["Value"] == "hush"


def test_what_drifted_shows_as_a_difference_after_a_refresh(stack: Stack) -> None:
    id, state, inputs = stack.create(BUCKET, {"bucket": "lake", "tags": {"team": "fraud"}})
    stack.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": [{"Key": "team", "Value": "churn"}]})
    found = stack.read(BUCKET, id, inputs, state)
    assert found.inputs["tags"] == {"team": "churn"}
    difference = stack.provider.diff(BUCKET, found.inputs, found.state, inputs)
    assert dict(difference.paths) == {"tags.team": "update"}


def test_a_refresh_without_drift_changes_nothing(stack: Stack) -> None:
    id, state, inputs = stack.create(ROLE, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}})
    found = stack.read(ROLE, id, inputs, state)
    assert (found.inputs, found.state) == (inputs, state)


def test_what_somebody_deleted_is_gone(stack: Stack) -> None:
    id, state, inputs = stack.create(BUCKET, {"bucket": "lake"})
    stack.client("s3").delete_bucket(Bucket=id)
    assert stack.read(BUCKET, id, inputs, state) is None
    stack.delete(BUCKET, id, state)


def test_an_import_gives_inputs_that_would_make_it(stack: Stack) -> None:
    stack.client("ssm").put_parameter(Name="/a", Type="String", Value="x", Description="of old")
    found = stack.read(PARAMETER, "/a", {}, {})
    assert found.inputs == {"name": "/a", "type": "String", "value": "x", "description": "of old"}
    assert not stack.provider.diff(PARAMETER, found.inputs, found.state, found.inputs).changed


def test_a_failure_after_creation_keeps_what_was_created(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ProviderError("no")

    monkeypatch.setattr("modelyard_sandbox.aws.live.Live.finish", fail)
    with pytest.raises(HalfCreated) as raised:
        stack.create(BUCKET, {"bucket": "lake"})
    assert raised.value.id == "lake"
    assert raised.value.state["bucket"] == "lake"


def test_an_error_names_operation_code_and_request(stack: Stack) -> None:
    stack.create(PARAMETER, {"name": "/a", "type": "String", "value": "x"})
    with pytest.raises(ProviderError, match=r"PutParameter: ParameterAlreadyExists: .*\(request id: .+\)"):
        stack.create(PARAMETER, {"name": "/a", "type": "String", "value": "x"})


def test_an_unknown_type_is_refused_with_the_place_to_declare_it(stack: Stack) -> None:
    _, refused = stack.provider.check("aws:x/y:Y", "urn:pulumi:a::b::aws:x/y:Y::n", {}, {}, b"")
    assert "modelyard_sandbox/aws/tables" in refused[0].reason


def test_a_property_that_the_sdk_does_not_know_is_refused(stack: Stack) -> None:
    _, refused = stack.provider.check(BUCKET, stack.urn(BUCKET), {}, {"bucketName": "x"}, b"s")
    assert [item.path for item in refused] == ["bucketName"]


def test_a_type_of_cloud_control_lives_by_its_cloudformation_name(stack: Stack) -> None:
    token = "aws:cloudcontrol/resource:Resource"
    desired = {"Name": "/cc", "Type": "String", "Value": "old"}
    id, state, inputs = stack.create(token, {"typeName": "AWS::SSM::Parameter", "desiredState": json.dumps(desired)})
    assert id == "/cc"
    assert json.loads(state["properties"])["Value"] == "old"
    news = {**inputs, "desiredState": json.dumps({**desired, "Value": "new"})}
    state = stack.provider.update(token, id, stack.urn(token), inputs, state, news, preview=False)
    assert stack.client("ssm").get_parameter(Name="/cc")["Parameter"]["Value"] == "new"
    stack.delete(token, id, state)
    assert stack.read(token, id, news, state) is None


def test_a_cloudformation_type_that_is_not_declared_is_refused(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="CreateResource: TypeNotFoundException: .*AWS::None::Such"):
        stack.create("aws:cloudcontrol/resource:Resource", {"typeName": "AWS::None::Such", "desiredState": "{}"})


def test_a_bucket_that_is_not_empty_cannot_be_deleted(stack: Stack) -> None:
    id, state, _ = stack.create(BUCKET, {"bucket": "lake"})
    stack.client("s3").put_object(Bucket=id, Key="x", Body=b"x")
    with pytest.raises(ProviderError, match="DeleteBucket: BucketNotEmpty"):
        stack.delete(BUCKET, id, state)


def test_a_bucket_with_force_destroy_goes_with_all_its_versions(stack: Stack) -> None:
    id, state, _ = stack.create(BUCKET, {"bucket": "lake", "forceDestroy": True})
    stack.create(VERSIONING, {"bucket": "lake", "versioningConfiguration": {"status": "Enabled"}})
    for _ in range(2):
        stack.client("s3").put_object(Bucket=id, Key="x", Body=b"x")
    stack.client("s3").delete_object(Bucket=id, Key="x")
    stack.delete(BUCKET, id, state)
    assert stack.client("s3").list_buckets()["Buckets"] == []


def test_a_role_that_still_has_policies_cannot_be_deleted(stack: Stack) -> None:
    id, state, _ = stack.create(ROLE, {"assumeRolePolicy": TRUST})
    stack.client("iam").put_role_policy(RoleName=id, PolicyName="read", PolicyDocument=READ)
    with pytest.raises(ProviderError, match="DeleteRole: DeleteConflict"):
        stack.delete(ROLE, id, state)
    stack.delete(ROLE, id, {**state, "forceDetachPolicies": True})


def test_a_policy_that_is_attached_cannot_be_deleted(stack: Stack) -> None:
    role, _, _ = stack.create(ROLE, {"assumeRolePolicy": TRUST})
    arn, state, _ = stack.create(POLICY, {"policy": READ})
    stack.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    with pytest.raises(ProviderError, match="DeletePolicy: DeleteConflict"):
        stack.delete(POLICY, arn, state)


def test_a_key_that_is_pending_deletion_takes_no_alias(stack: Stack) -> None:
    id, state, _ = stack.create(KEY, {"description": "of the lake"})
    stack.delete(KEY, id, state)
    with pytest.raises(ProviderError, match="CreateAlias: KMSInvalidStateException: .* is pending deletion"):
        stack.create(ALIAS, {"name": "alias/lake", "targetKeyId": id})


def test_a_key_that_is_pending_deletion_encrypts_no_parameter(stack: Stack) -> None:
    id, state, _ = stack.create(KEY, {"description": "of the lake"})
    stack.delete(KEY, id, state)
    with pytest.raises(ProviderError, match="PutParameter: InvalidKeyId: .* is pending deletion"):
        stack.create(PARAMETER, {"name": "/a", "type": "SecureString", "value": "x", "keyId": id})


def refusal(token: str, when: str) -> Any:
    return next(item for item in REFUSALS if (item.token, item.when) == (token, when))


class Named:
    """As much of a live resource as a refusal's test asks, for types whose declaration lies elsewhere."""

    def __init__(self, client: Any, id: str = "", **inputs: Any) -> None:
        self.id, self.inputs, self._client = id, inputs, client
        self.error = client.exceptions.ClientError

    def call(self, operation: str, **parameters: Any) -> Any:
        return getattr(self._client, operation)(**parameters)

    def is_gone(self, error: Any) -> bool:
        return "NotFound" in error.response["Error"]["Code"]


def test_the_name_of_a_secret_is_reserved_until_it_is_gone(stack: Stack) -> None:
    client, test = stack.client("secretsmanager"), refusal("aws:secretsmanager/secret:Secret", "create").test
    live = Named(client, name="db")
    assert test(live) is None
    client.create_secret(Name="db", SecretString="x")
    client.delete_secret(SecretId="db", RecoveryWindowInDays=7)
    assert "already scheduled for deletion" in test(live)


def test_a_vpc_with_a_subnet_cannot_be_deleted(stack: Stack) -> None:
    client, test = stack.client("ec2"), refusal("aws:ec2/vpc:Vpc", "delete").test
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert test(Named(client, vpc)) is None
    client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    assert "has dependencies" in test(Named(client, vpc))


def test_a_subnet_with_an_interface_cannot_be_deleted(stack: Stack) -> None:
    client, test = stack.client("ec2"), refusal("aws:ec2/subnet:Subnet", "delete").test
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    assert test(Named(client, subnet)) is None
    client.create_network_interface(SubnetId=subnet)
    assert "has dependencies" in test(Named(client, subnet))


def test_a_security_group_that_another_names_cannot_be_deleted(stack: Stack) -> None:
    client, test = stack.client("ec2"), refusal("aws:ec2/securityGroup:SecurityGroup", "delete").test
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one, other = (
        client.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in ("a", "b")
    )
    assert test(Named(client, one)) is None
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": one}]}
    client.authorize_security_group_ingress(GroupId=other, IpPermissions=[permission])
    assert "dependent object" in test(Named(client, one))
