"""Rules on permissions, keys, records, cost and protection: their exceptions, and other ways to hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.assess.graph.model import STACK_TYPE, Graph
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.rules.identity import grant
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.types import (
    BATCH_JOB,
    BOUNDARY_ATTACHMENT,
    BUCKET,
    BUCKET_POLICY,
    BUDGET,
    BUILD,
    CONTAINERS,
    FLOW_LOG,
    FUNCTION,
    KEY,
    KEY_POLICY,
    POLICY,
    PROVIDER,
    ROLE,
    ROLE_POLICY_ATTACHMENT,
    SECRET,
    SECRET_ROTATION,
    STATE_MACHINE,
    TABLE,
    TEAM_FENCE,
    TRAIL,
    VPC,
)

PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333", team="fraud")
RULES = {rule.id: rule for rule in CATALOGUE}
VIOLATED, UNDECIDED = Verdict.VIOLATED, Verdict.UNDECIDED
EVERYTHING = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def judged(rule: str, graph: Graph, around: Surroundings = PRODUCTION) -> list[Verdict]:
    return [result.verdict for result in judge(graph, [RULES[rule]], around).results]


def found(rule: str, *parts: Part) -> list[Verdict]:
    return judged(rule, graph_of(parts))


# Permissions


@pytest.mark.parametrize("action", ["*", "*:*", "s3:*", "S3:*", "s3:**", ["s3:GetObject", "kms:*"]])
def test_everything_of_a_service_is_too_much(action: str | list[str]):
    assert found("iam-no-wildcard", grant(action, "*")) == [VIOLATED]


@pytest.mark.parametrize(
    "action", ["ecr:GetAuthorizationToken", "ec2:Describe*", "ec2:*NetworkInterface*", "pricing:*", "ssmmessages:*"]
)
def test_actions_that_know_no_resources_may_name_none(action: str):
    assert found("iam-no-wildcard", grant(action, "*")) == []


def test_a_condition_names_what_is_meant():
    said = {"StringEquals": {"cloudwatch:namespace": "fraud"}}
    assert found("iam-no-wildcard", grant("cloudwatch:*", "*", Condition=said)) == []


def test_all_but_some_is_everything():
    rest = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert found("iam-no-wildcard", part(POLICY, policy=json.dumps({"Statement": [rest]}))) == [VIOLATED]
    others = {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::audit/*"}
    assert found("iam-no-wildcard", part(POLICY, policy=json.dumps({"Statement": [others]}))) == [VIOLATED]


def test_denying_everything_allows_nothing():
    nothing = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    assert found("iam-no-wildcard", part(POLICY, policy=json.dumps({"Statement": [nothing]}))) == []


def test_a_boundary_is_no_grant_until_somebody_attaches_it():
    boundary = part(POLICY, "boundary", policy=EVERYTHING)
    role = part(ROLE, "role", assumeRolePolicy="{}", permissionsBoundary=Of("boundary", "arn"))
    attached = part(ROLE_POLICY_ATTACHMENT, "has", role=Of("role"), policyArn=Of("boundary", "arn"))
    assert found("iam-no-wildcard", boundary, role) == []
    assert found("iam-no-wildcard", boundary, role, attached) == [VIOLATED]
    assert found("iam-no-wildcard", boundary) == [VIOLATED], "nobody says that it is a boundary"


def test_a_boundary_is_told_by_a_permission_set_and_by_who_may_make_roles():
    boundary = part(POLICY, "boundary", policy=EVERYTHING)
    reference = {"customerManagedPolicyReference": {"name": Of("boundary", "name")}}
    assert found("iam-no-wildcard", boundary, part(BOUNDARY_ATTACHMENT, "a", permissionsBoundary=reference)) == []
    bound = {"StringEquals": {"iam:PermissionsBoundary": "arn:example:boundary"}}
    makes = grant("iam:CreateRole", "arn:aws:iam::111122223333:role/fraud/*", Condition=bound)
    assert found("iam-no-wildcard", boundary, makes) == []


def test_what_a_bucket_says_of_its_callers_is_no_grant():
    assert found("iam-no-wildcard", part(BUCKET_POLICY, bucket="b", policy=EVERYTHING)) == []


def test_policies_inside_a_role_count_and_policies_of_aws_too():
    inline = part(ROLE, assumeRolePolicy="{}", inlinePolicies=[{"name": "all", "policy": EVERYTHING}])
    assert found("iam-no-wildcard", inline) == [VIOLATED]
    for name in ("AdministratorAccess", "AmazonS3FullAccess", "job-function/NetworkAdministrator"):
        arn = f"arn:aws:iam::aws:policy/{name}"
        expected = [VIOLATED] if name.endswith("Access") else []
        assert found("iam-no-wildcard", part(ROLE, assumeRolePolicy="{}", managedPolicyArns=[arn])) == expected
        assert found("iam-no-wildcard", part(ROLE_POLICY_ATTACHMENT, role="r", policyArn=arn)) == expected


def test_a_secret_document_is_read_and_one_without_value_undecided():
    assert found("iam-no-wildcard", part(POLICY, policy=Secret(EVERYTHING))) == [VIOLATED]
    assert found("iam-no-wildcard", part(POLICY, policy=Secret())) == [UNDECIDED]


def test_a_document_that_is_no_json_is_undecided():
    assert found("iam-no-wildcard", part(POLICY, policy="{")) == [UNDECIDED]


@pytest.mark.parametrize("action", ["iam:PassRole", "iam:Pass*", "iam:*", "*"])
@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:role/*"])
def test_any_role_is_handed_by_whatever_covers_the_action(action: str, resource: str):
    assert found("passrole-scoped", grant(action, resource)) == [VIOLATED]


def test_a_role_by_name_needs_no_service_and_a_pattern_does():
    assert found("passrole-scoped", grant("iam:PassRole", "arn:aws:iam::111122223333:role/fraud/job")) == []
    assert found("passrole-scoped", grant("iam:PassRole", "arn:aws:iam::111122223333:role/fraud/*")) == [VIOLATED]
    assert found("passrole-scoped", grant("iam:*", "arn:aws:iam::111122223333:policy/*")) == [], "these are no roles"


@pytest.mark.parametrize("resource", ["*", "arn:aws:kms:*:*:key/*", "arn:aws:kms:eu-west-1:111122223333:key/*"])
def test_any_key_is_too_many(resource: str):
    assert found("decrypt-not-star", grant(["kms:Decrypt", "kms:DescribeKey"], resource)) == [VIOLATED]
    assert found("decrypt-not-star", grant("kms:ReEncrypt*", resource)) == [VIOLATED]
    assert found("decrypt-not-star", grant("kms:DescribeKey", resource)) == []


def test_keys_may_be_named_by_alias_and_a_service_names_none():
    alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/fraud"}}
    assert found("decrypt-not-star", grant("kms:Decrypt", "*", Condition=alias)) == []
    service = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    assert found("decrypt-not-star", grant("kms:Decrypt", "*", Condition=service)) == [VIOLATED]


# Keys and secrets


def test_keys_that_cannot_rotate_are_left_alone():
    assert found("kms-rotation", part(KEY, keyUsage="SIGN_VERIFY", customerMasterKeySpec="ECC_NIST_P256")) == []
    assert found("kms-rotation", part(KEY, customerMasterKeySpec="RSA_4096")) == []
    assert found("kms-rotation", part(KEY, customKeyStoreId="cks-1")) == []


def public(**condition: Any) -> Part:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition}
    return part(KEY_POLICY, keyId="k", policy=json.dumps({"Statement": [allow]}))


def test_everybody_may_be_narrowed_down_by_a_condition_that_names_callers():
    assert found("kms-no-public", public(StringEquals={"kms:CallerAccount": "111122223333"})) == []
    assert found("kms-no-public", public(StringLike={"aws:PrincipalArn": "*"})) == [VIOLATED]
    assert found("kms-no-public", public(StringNotEquals={"kms:CallerAccount": "1"})) == [VIOLATED]
    assert found("kms-no-public", public(StringEquals={"kms:ViaService": "s3.amazonaws.com"})) == [VIOLATED]


def test_a_key_without_a_policy_has_that_of_its_account():
    assert found("kms-no-public", part(KEY, description="k")) == []


def test_a_rotation_that_is_turned_off_changes_nothing():
    rotation = part(
        SECRET_ROTATION, "rotation", secretId=Of("it"), rotationEnabled=False, rotationRules={"duration": "1h"}
    )
    assert found("secret-rotation", part(SECRET, name="s"), rotation) == [VIOLATED]


def function(**variables: Any) -> Part:
    return part(FUNCTION, environment={"variables": variables})


def test_what_pulumi_keeps_secret_stands_in_the_environment_all_the_same():
    assert found("no-plaintext-secret-in-env", function(ANY=Secret("x"))) == [VIOLATED]
    assert found("no-plaintext-secret-in-env", part(FUNCTION, environment={"variables": Secret({"A": "x"})})) == [
        VIOLATED
    ]
    definition = part(CONTAINERS, family="f", containerDefinitions=Secret("[]"))
    assert found("no-plaintext-secret-in-env", definition) == [VIOLATED]


def test_a_variable_that_nobody_knows_hides_no_secret():
    assert found("no-plaintext-secret-in-env", function(A=UNKNOWN)) == [UNDECIDED]
    assert found("no-plaintext-secret-in-env", function(A=UNKNOWN, DB_PASSWORD="x")) == [UNDECIDED, VIOLATED]


def test_names_of_secrets_and_references_are_none():
    plain = {"SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:api", "TOKEN_BUDGET": "100"}
    assert found("no-plaintext-secret-in-env", function(**plain, DB_PASSWORD="{{resolve:ssm-secure:db:1}}")) == []


def test_environments_are_found_in_containers_builds_batch_jobs_and_steps():
    pair = {"name": "API_TOKEN", "value": "example"}
    state = {
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob",
        "Parameters": {"Environment": {"API_TOKEN": "x"}},
    }
    everywhere = [
        part(CONTAINERS, family="f", containerDefinitions=json.dumps([{"environment": [pair]}])),
        part(BATCH_JOB, type="container", containerProperties=json.dumps({"environment": [pair]})),
        part(BUILD, environment={"environmentVariables": [pair]}),
        part(STATE_MACHINE, definition=json.dumps({"States": {"Train": state}})),
    ]
    for each in everywhere:
        assert found("no-plaintext-secret-in-env", each) == [VIOLATED], each.type
    store = {**pair, "type": "SECRETS_MANAGER"}
    assert found("no-plaintext-secret-in-env", part(BUILD, environment={"environmentVariables": [store]})) == []


def test_what_an_execution_tells_is_not_written_in_the_environment():
    state = {
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob",
        "Parameters": {"Environment": {"API_TOKEN.$": "$.t"}},
    }
    assert (
        found("no-plaintext-secret-in-env", part(STATE_MACHINE, definition=json.dumps({"States": {"T": state}}))) == []
    )


# Records


def test_one_trail_of_everything_is_enough():
    whole = part(TRAIL, "whole", s3BucketName="t", isMultiRegionTrail=True)
    objects = part(TRAIL, "objects", s3BucketName="t", isMultiRegionTrail=False)
    assert found("trail-multi-region", whole, objects) == []
    assert found("trail-multi-region", objects) == [VIOLATED]


def test_a_trail_that_is_off_or_sees_writing_alone_is_none():
    assert found("trail-multi-region", part(TRAIL, isMultiRegionTrail=True, enableLogging=False)) == [VIOLATED]
    writes = [{"readWriteType": "WriteOnly"}]
    assert found("trail-multi-region", part(TRAIL, isMultiRegionTrail=True, eventSelectors=writes)) == [VIOLATED]
    data = [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]}]
    assert found("trail-multi-region", part(TRAIL, isMultiRegionTrail=True, advancedEventSelectors=data)) == [VIOLATED]


def test_a_trail_of_reading_alone_misses_what_was_changed():
    reads = [{"field": "eventCategory", "equals": ["Management"]}, {"field": "readOnly", "equals": ["true"]}]
    selectors = [{"fieldSelectors": reads}]
    assert found("trail-multi-region", part(TRAIL, isMultiRegionTrail=True, advancedEventSelectors=selectors)) == [
        VIOLATED
    ]


def test_flows_that_were_accepted_are_not_what_is_looked_for():
    def log(kind: str) -> Part:
        return part(FLOW_LOG, "log", vpcId=Of("it"), trafficType=kind)

    vpc = part(VPC, cidrBlock="10.0.0.0/16")
    assert found("flow-logs", vpc, log("REJECT")) == []
    assert found("flow-logs", vpc, log("ACCEPT")) == [VIOLATED]


# Cost


def test_a_provider_may_add_the_tag_to_everything():
    graph = graph_of([part(PROVIDER, "aws", defaultTags=json.dumps({"tags": {"team": "fraud"}})), part(BUCKET, "b")])
    provider = next(node.urn for node in graph if node.type == PROVIDER)
    nodes = [replace(node, provider=provider) if node.type == BUCKET else node for node in graph]
    assert judged("team-owner-tags", graph) == [VIOLATED]
    assert judged("team-owner-tags", Graph(graph.project, graph.stack, tuple(nodes))) == []


def test_an_owner_is_no_empty_word():
    assert found("team-owner-tags", part(BUCKET, tags={"team": ""})) == [VIOLATED]
    assert found("team-owner-tags", part(BUCKET, tags={"Owner": "fraud@example.com"})) == []
    assert found("team-owner-tags", part(BUCKET, tags={"team": UNKNOWN})) == [UNDECIDED]


def budget(**filters: Any) -> Part:
    notifications = [{"threshold": 100, "subscriberEmailAddresses": ["a@example.com"]}]
    return part(BUDGET, "budget", limitAmount="500", notifications=notifications, **filters)


def test_a_team_has_a_budget_when_one_counts_its_cost():
    fence = [part(TEAM_FENCE, "fence"), part(ROLE, "r", parent="fence", assumeRolePolicy="{}", tags={"team": "fraud"})]
    tagged = {"ands": [{"tags": {"key": "team", "values": ["fraud"]}}]}
    assert found("budget-per-team", *fence, budget(filterExpression=tagged)) == []
    pair = [{"name": "TagKeyValue", "values": ["user:team$fraud"]}]
    assert found("budget-per-team", *fence, budget(costFilters=pair)) == []
    assert found("budget-per-team", *fence, budget(filterExpression={"not": tagged})) == [VIOLATED]
    assert found("budget-per-team", *fence, budget()) == [VIOLATED]


# Protection


def test_protection_is_asked_for_in_production_alone_and_may_be_pulumis():
    graph = graph_of([part(BUCKET, "b")])
    assert judged("protect-stateful", graph) == [VIOLATED]
    assert judged("protect-stateful", graph, replace(PRODUCTION, production=False)) == []
    for option in ("protect", "retainOnDelete"):
        nodes = [node if node.type == STACK_TYPE else replace(node, options={option: True}) for node in graph]
        assert judged("protect-stateful", Graph(graph.project, graph.stack, tuple(nodes))) == []


def test_a_protection_that_nobody_knows_is_no_protection_yet():
    assert found("protect-stateful", part(TABLE, deletionProtectionEnabled=UNKNOWN)) == [UNDECIDED]
