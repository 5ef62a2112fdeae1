"""What the sandbox refuses because the service's own model says so."""

from __future__ import annotations

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, models
from modelyard_sandbox.knowledge.constraints import CONSTRAINTS

TRUST = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
ROLE = "aws:iam/role:Role"
WORKGROUP = "aws:athena/workgroup:Workgroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
CONTROLLED = "aws:cloudcontrol/resource:Resource"


def refusals(token: str, **inputs: object) -> dict[str, str]:
    """What the models refuse, by property; what else is wrong with these inputs doesn't matter here."""
    source = f"{CONSTRAINTS[token].service}:{CONSTRAINTS[token].name}"
    return {failure.property: failure.reason for failure in check(token, inputs) if failure.source == source}


@pytest.mark.parametrize("token", CONSTRAINTS)
def test_every_entry_of_the_table_finds_limits(token):
    assert models._limits_of(token).fields


@pytest.mark.parametrize(
    ("token", "name", "refused", "accepted"),
    [
        pytest.param(ROLE, "name", "x" * 65, "x" * 64, id="a role's name has 64 characters at most"),
        pytest.param(ROLE, "name", "team/fraud", "team=fraud", id="a role's name has an alphabet"),
        pytest.param(ROLE, "path", "teams", "/teams/", id="a role's path begins and ends with a slash"),
        pytest.param(ROLE, "description", "x" * 1001, "x" * 1000, id="a role's description is short"),
        pytest.param(ROLE, "description", "模型", "Ürün", id="a role's description has an alphabet"),
        pytest.param(ROLE, "maxSessionDuration", 3599.0, 3600.0, id="a session lasts an hour at least"),
        pytest.param("aws:iam/policy:Policy", "path", "/a b/", "/a-b/", id="a policy's path has an alphabet"),
        pytest.param("aws:iam/rolePolicy:RolePolicy", "name", "a b", "a-b", id="a role policy's name has an alphabet"),
        pytest.param("aws:kms/key:Key", "keyUsage", "SIGN", "SIGN_VERIFY", id="a key's usage exists"),
        pytest.param("aws:kms/key:Key", "customerMasterKeySpec", "AES", "SYMMETRIC_DEFAULT", id="a key's spec"),
        pytest.param("aws:kms/key:Key", "rotationPeriodInDays", 89.0, 90.0, id="another operation of the service"),
        pytest.param("aws:kms/alias:Alias", "name", "alias/a b", "alias/a-b", id="an alias has an alphabet"),
        pytest.param(LOG_GROUP, "name", "flow logs", "/flow-logs", id="a log group's alphabet"),
        pytest.param(LOG_GROUP, "name", "x" * 513, "x" * 512, id="a log group's length"),
        pytest.param(WORKGROUP, "name", "a b", "a.b", id="a workgroup's name has an alphabet"),
        pytest.param(WORKGROUP, "state", "ON", "ENABLED", id="a workgroup's state exists"),
        pytest.param(DATABASE, "name", "x" * 256, "x" * 255, id="a member below a root"),
        pytest.param("aws:glue/catalogTable:CatalogTable", "retention", -1.0, 0.0, id="a table's retention"),
        pytest.param("aws:ssm/parameter:Parameter", "type", "Text", "String", id="a parameter's type exists"),
        pytest.param("aws:budgets/budget:Budget", "timeUnit", "WEEKLY", "MONTHLY", id="a budget's unit exists"),
        pytest.param("aws:ec2/vpc:Vpc", "instanceTenancy", "mine", "dedicated", id="a tenancy exists"),
        pytest.param("aws:ec2/flowLog:FlowLog", "trafficType", "SOME", "ALL", id="a kind of traffic exists"),
        pytest.param("aws:ec2/eip:Eip", "domain", "ec2", "vpc", id="an address's domain exists"),
        pytest.param(CONTROLLED, "typeName", "ModelCard", "AWS::S3::Bucket", id="a type's name"),
    ],
)
def test_a_value_that_the_model_excludes_is_refused(token, name, refused, accepted):
    assert name in refusals(token, **{name: refused})
    assert name not in refusals(token, **{name: accepted})


def test_a_field_of_a_list_is_refused_at_its_path():
    rule = {"id": "a", "status": "On", "transitions": [{"days": 90.0, "storageClass": "COLD"}]}
    assert set(refusals(LIFECYCLE, bucket="b", rules=[rule])) == {
        "rules[0].status",
        "rules[0].transitions[0].storageClass",
    }


def test_an_object_meets_a_list_of_structures():
    assert set(refusals(OWNERSHIP, bucket="b", rule={"objectOwnership": "Mine"})) == {"rule.objectOwnership"}
    assert refusals(OWNERSHIP, bucket="b", rule={"objectOwnership": "BucketOwnerEnforced"}) == {}


def test_members_of_other_operations_apply_to_elements():
    policies = [{"name": "a b", "policy": "{}"}]
    found = refusals(ROLE, assumeRolePolicy=TRUST, inlinePolicies=policies, managedPolicyArns=["short"])
    assert {"inlinePolicies[0].name", "managedPolicyArns[0]"} <= set(found)


def test_an_enumeration_is_listed_in_the_reason():
    reason = refusals("aws:ec2/flowLog:FlowLog", vpcId="vpc-1", trafficType="SOME")["trafficType"]
    assert reason == "'SOME' is none of ACCEPT, REJECT, ALL"


def test_an_optional_text_that_is_empty_counts_as_absent():
    assert refusals("aws:iam/policy:Policy", path="", policy="{}") == {}


def test_what_is_unknown_is_not_judged():
    assert refusals(ROLE, name=UNKNOWN, maxSessionDuration=UNKNOWN, assumeRolePolicy=UNKNOWN) == {}


def test_a_type_without_an_entry_is_judged_by_the_other_sources_alone():
    assert models.check("aws:ec2/internetGateway:InternetGateway", {"vpcId": "vpc-1"}) == []
