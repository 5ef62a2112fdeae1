"""What a team's deployment may do, and what neither it nor the team's code may."""

import pytest
from tests.unit.fences import ACCOUNT, INSIDE, KEY, REACH, allows, arn, deployment, may_run

from modelyard.core.access import Statement
from modelyard.foundation.tenancy.boundary import boundary

ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/fraud/trainer"
OTHERS_ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/churn/trainer"


def may_deploy(action: str, resource: str = "*", **keys) -> bool:
    return allows(deployment(REACH, [KEY]), action, resource, **keys)


@pytest.mark.parametrize("action", ["s3:PutBucketPolicy", "s3:PutBucketAcl", "s3:DeleteBucket"])
def test_code_opens_none_of_its_own_things_to_others(action):
    assert not may_run(action, "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd")
    assert may_deploy(action, "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd")


@pytest.mark.parametrize("may", [may_run, may_deploy])
def test_a_role_is_passed_only_if_it_is_the_teams_and_to_services_that_are_named(may):
    service = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert may("iam:PassRole", ROLE, **service)
    assert not may("iam:PassRole", OTHERS_ROLE, **service)
    assert not may("iam:PassRole", ROLE, **{"iam:PassedToService": "ec2.amazonaws.com"})
    assert not may("iam:PassRole", REACH.deployment_role, **service), "code would deploy"


def test_code_never_becomes_the_deployment():
    assert not may_run("sts:AssumeRole", REACH.deployment_role)


@pytest.mark.parametrize("may", [may_run, may_deploy])
def test_the_team_tag_names_the_team_and_stays(may):
    endpoint = arn("sagemaker", "endpoint/ml-dev-fraud-score")
    keys = {"aws:TagKeys": ["team", "colour"]}
    assert may("sagemaker:AddTags", endpoint, **keys, **{"aws:RequestTag/team": "fraud"})
    assert not may("sagemaker:AddTags", endpoint, **keys, **{"aws:RequestTag/team": "churn"})
    assert not may("sagemaker:DeleteTags", endpoint, **{"aws:TagKeys": ["Team"]})
    assert may("sagemaker:DeleteTags", endpoint, **{"aws:TagKeys": ["colour"]})


@pytest.mark.parametrize("may", [may_run, may_deploy])
def test_grants_on_keys_are_for_services_only(may):
    assert may("kms:CreateGrant", KEY, **{"kms:GrantIsForAWSResource": "true"})
    assert not may("kms:CreateGrant", KEY, **{"kms:GrantIsForAWSResource": "false"})
    assert not may("kms:CreateGrant", KEY)


def test_the_deployment_makes_roles_below_the_teams_path_inside_the_boundary_only():
    assert may_deploy("iam:CreateRole", ROLE, **INSIDE)
    assert not may_deploy("iam:CreateRole", ROLE), "a role without the boundary"
    assert not may_deploy("iam:CreateRole", ROLE, **{"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/Other"})
    assert not may_deploy("iam:CreateRole", OTHERS_ROLE, **INSIDE)
    assert not may_deploy("iam:PutRolePolicy", ROLE), "a role without the boundary gets no policy"
    assert may_deploy("iam:PutRolePolicy", ROLE, **INSIDE)


@pytest.mark.parametrize("action", ["iam:DeleteRolePermissionsBoundary", "iam:CreateUser", "iam:CreateInstanceProfile"])
def test_the_deployment_drops_no_boundary_and_makes_nothing_else_that_acts(action):
    assert not may_deploy(action, ROLE, **INSIDE)


def test_the_boundary_is_asked_for_and_its_absence_denied_so_that_no_later_statement_opens_a_way():
    statements = deployment(REACH, [KEY])
    alone = [statement for statement in statements if statement.effect == "Allow"]
    opened = [*statements, Statement(("iam:*",), ("*",))]
    assert not allows(alone, "iam:CreateRole", ROLE)
    assert not allows(opened, "iam:CreateRole", ROLE)
    assert not allows(opened, "iam:DeleteRolePermissionsBoundary", ROLE, **INSIDE)


@pytest.mark.parametrize("action", ["lakeformation:PutDataLakeSettings", "kms:PutKeyPolicy", "logs:PutResourcePolicy"])
def test_the_deployment_changes_nothing_shared_whatever_else_it_was_given(action):
    assert not allows([*deployment(REACH, [KEY]), Statement(("*",), ("*",))], action, "*")


@pytest.mark.parametrize(
    "action", ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy"]
)
def test_the_deployment_never_edits_its_own_boundary(action):
    assert not may_deploy(action, REACH.boundary)


@pytest.mark.parametrize("action", ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"])
def test_the_deployment_never_changes_itself(action):
    assert not may_deploy(action, REACH.deployment_role, **INSIDE)


def test_the_deployment_edits_the_teams_other_policies():
    own = f"arn:aws:iam::{ACCOUNT}:policy/modelyard/ml/dev/fraud/ml-dev-fraud-trainer-more-1"
    assert may_deploy("iam:CreatePolicyVersion", own)
    assert not may_deploy("iam:CreatePolicyVersion", own.replace("fraud", "churn"))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:CreateBucket", "arn:aws:s3:::ml-dev-{}-lake-raw-4abcd"),
        ("glue:CreateDatabase", arn("glue", "database/ml_dev_{}_lake")),
        ("sns:CreateTopic", arn("sns", "ml-dev-{}-alarms")),
        ("logs:CreateLogGroup", arn("logs", "log-group:/modelyard/ml/dev/{}/train")),
        ("ssm:PutParameter", arn("ssm", "parameter/modelyard/ml/dev/{}/trainer/lake")),
        ("ecr:CreateRepository", arn("ecr", "repository/ml-dev-{}-train")),
        ("kinesis:CreateStream", arn("kinesis", "stream/ml-dev-{}-arrivals")),
        ("firehose:CreateDeliveryStream", arn("firehose", "deliverystream/ml-dev-{}-arrivals")),
        ("events:CreateEventBus", arn("events", "event-bus/ml-dev-{}-bus")),
        ("events:PutRule", arn("events", "rule/ml-dev-{}-bus/nightly")),
        ("events:PutRule", arn("events", "rule/ml-dev-{}-objects")),
        ("scheduler:CreateScheduleGroup", arn("scheduler", "schedule-group/ml-dev-{}-retraining")),
        ("scheduler:CreateSchedule", arn("scheduler", "schedule/ml-dev-{}-retraining/nightly")),
        ("cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:ml-dev-{}-lag")),
        ("sns:CreateTopic", arn("sns", "ml-dev-{}-alarms")),
        ("states:CreateStateMachine", arn("states", "stateMachine:ml-dev-{}-retrain")),
        ("lambda:CreateFunction", arn("lambda", "function:ml-dev-{}-rotate")),
        ("secretsmanager:CreateSecret", arn("secretsmanager", "secret:ml-dev-{}-token-AbCdEf")),
        ("glue:StartDataQualityRulesetEvaluationRun", arn("glue", "dataQualityRuleset/ml-dev-{}-arrival")),
    ],
)
def test_the_deployment_touches_no_other_teams_names(action, resource):
    assert may_deploy(action, resource.format("fraud"))
    assert not may_deploy(action, resource.format("churn"))
    assert not may_deploy(action, resource.format("platform"))


def test_a_rule_of_the_team_wakes_what_is_the_teams_only():
    rule = arn("events", "rule/ml-dev-fraud-objects")
    for target in ("sqs:eu-west-1:{a}:ml-dev-{t}-queue", "states:eu-west-1:{a}:stateMachine:ml-dev-{t}-retrain",
                   "sagemaker:eu-west-1:{a}:pipeline/ml-dev-{t}-train",
                   "logs:eu-west-1:{a}:log-group:/modelyard/ml/dev/{t}/events"):  # fmt: skip
        own, others = (f"arn:aws:{target.format(a=ACCOUNT, t=team)}" for team in ("fraud", "churn"))
        assert may_deploy("events:PutTargets", rule, **{"events:TargetArn": [own]})
        assert not may_deploy("events:PutTargets", rule, **{"events:TargetArn": [own, others]})


def test_code_speaks_on_the_platforms_bus_and_the_stack_listens_there_for_its_own_events():
    bus = arn("events", "event-bus/ml-dev-platform-audit")
    assert may_run("events:PutEvents", bus)
    assert not may_run("events:PutEvents", arn("events", "event-bus/default"))
    rule = arn("events", "rule/ml-dev-platform-audit/ml-dev-fraud-drift")
    assert may_deploy("events:PutRule", rule, **{"events:source": ["modelyard.fraud"]})
    assert not may_deploy("events:PutRule", rule, **{"events:source": ["modelyard.fraud", "modelyard.churn"]})
    assert not may_deploy("events:PutRule", rule), "a rule without a source hears everybody"
    assert not may_deploy("events:DeleteRule", rule.replace("fraud", "churn"))
    assert not may_deploy("events:PutEvents", bus)


def test_streams_feed_the_teams_own_functions_only():
    anything = "*"
    own = {"lambda:FunctionArn": arn("lambda", "function:ml-dev-fraud-enrich")}
    others = {"lambda:FunctionArn": arn("lambda", "function:ml-dev-churn-enrich")}
    assert may_deploy("lambda:CreateEventSourceMapping", anything, **own)
    assert not may_deploy("lambda:CreateEventSourceMapping", anything, **others)


def test_a_ruleset_that_glue_lets_be_named_anyhow_carries_the_teams_tag():
    assert may_deploy("glue:CreateDataQualityRuleset", "*", **{"aws:RequestTag/team": "fraud"})
    assert not may_deploy("glue:CreateDataQualityRuleset", "*", **{"aws:RequestTag/team": "churn"})
    assert not may_deploy("glue:CreateDataQualityRuleset", "*")


@pytest.mark.parametrize("may", [may_run, may_deploy])
def test_what_carries_another_teams_tag_is_out_of_reach_though_its_name_is_the_teams(may):
    thing = ("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/ml-dev-fraud-score"))
    tag = "aws:ResourceTag/team"
    assert may(*thing)
    assert may(*thing, **{tag: "fraud"})
    assert may(*thing, **{tag: "platform"})
    assert not may(*thing, **{tag: "churn"})


@pytest.mark.parametrize("statements", [boundary(REACH), deployment(REACH, [KEY])])
def test_only_the_promotion_decides_about_a_version(statements):
    package = arn("sagemaker", "model-package/ml-dev-fraud-registry-scores/3")
    by = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/fraud/ml-dev-fraud-{{}}"

    def may(who: str, status: str) -> bool:
        keys = {"aws:PrincipalArn": by.format(who), "sagemaker:ModelApprovalStatus": status}
        return allows(statements, "sagemaker:UpdateModelPackage", package, **keys)

    assert may("registry-promotion", "Approved") and may("registry-promotion", "Rejected")
    assert not may("trainer", "Approved") and not may("trainer", "Rejected")
    assert not may("data-registry-promotion", "Approved"), "a role that only ends alike is another one"
    assert may("trainer", "PendingManualApproval")


def test_the_deployment_uses_the_teams_keys_and_no_others():
    assert may_deploy("kms:GenerateDataKey", KEY)
    assert not may_deploy("kms:GenerateDataKey", arn("kms", "key/2"))
    assert not may_deploy("kms:PutKeyPolicy", KEY)
