"""What a team's code may do inside its boundary, and what is denied whatever else it was given."""

from dataclasses import replace

import pytest
from tests.unit.fences import ACCOUNT, CONTEXT, INSIDE, KEY, REACH, allows, arn, may_run

from modelyard.core.access import Statement
from modelyard.foundation.tenancy import Reach
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.boundary import boundary

THINGS = [
    ("s3:GetObject", "arn:aws:s3:::ml-dev-{}-lake-raw-4abcd/day=1/x.parquet"),
    ("s3:ListBucket", "arn:aws:s3:::ml-dev-{}-lake-raw-4abcd"),
    ("dynamodb:GetItem", arn("dynamodb", "table/ml-dev-{}-online")),
    ("glue:GetTable", arn("glue", "table/ml_dev_{}_lake/transactions")),
    ("glue:GetDatabase", arn("glue", "database/ml_dev_{}_lake")),
    ("athena:StartQueryExecution", arn("athena", "workgroup/ml-dev-{}-lake")),
    ("sagemaker:CreateTrainingJob", arn("sagemaker", "training-job/ml-dev-{}-train-1")),
    ("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/ml-dev-{}-score")),
    ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:ml-dev-{}-token-AbCdEf")),
    ("states:StartExecution", arn("states", "stateMachine:ml-dev-{}-retrain")),
    ("ssm:GetParametersByPath", arn("ssm", "parameter/modelyard/ml/dev/{}/trainer")),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/{{}}/reader"),
    ("logs:GetLogEvents", arn("logs", "log-group:/modelyard/ml/dev/{}/train:log-stream:x")),
    ("kinesis:PutRecords", arn("kinesis", "stream/ml-dev-{}-arrivals")),
    ("firehose:PutRecordBatch", arn("firehose", "deliverystream/ml-dev-{}-arrivals")),
    ("events:PutEvents", arn("events", "event-bus/ml-dev-{}-bus")),
    ("lambda:InvokeFunction", arn("lambda", "function:ml-dev-{}-rotate")),
    ("sns:Publish", arn("sns", "ml-dev-{}-alarms")),
    ("glue:StartDataQualityRulesetEvaluationRun", arn("glue", "dataQualityRuleset/ml-dev-{}-arrival")),
]


@pytest.mark.parametrize(("action", "resource"), THINGS)
def test_code_uses_the_teams_own_things_and_no_other_teams(action, resource):
    assert may_run(action, resource.format("fraud"))
    assert not may_run(action, resource.format("churn"))
    assert not may_run(action, resource.format("frauds")), "a name that only begins alike is another team's"


@pytest.mark.parametrize(("action", "resource"), [thing for thing in THINGS if thing[0] != "sts:AssumeRole"])
def test_what_belongs_to_others_is_denied_outright(action, resource):
    """A boundary's silence doesn't stop what the policy of a resource gives to a session."""
    open_to_all = Statement((action,), ("*",))
    assert not allows([*boundary(REACH), open_to_all], action, resource.format("churn"))


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:CreateUser",
        "iam:UpdateAssumeRolePolicy",
        "kms:PutKeyPolicy",
        "lakeformation:PutDataLakeSettings",
        "lakeformation:GrantPermissions",
        "logs:PutResourcePolicy",
        "events:PutPermission",
        "glue:PutResourcePolicy",
        "s3:PutAccountPublicAccessBlock",
        "s3:CreateJob",
        "states:TestState",
        "sts:TagSession",
        "events:PutRule",
        "firehose:UpdateDestination",
        "kinesis:UpdateStreamMode",
        "lambda:AddPermission",
        "lambda:UpdateFunctionCode",
        "scheduler:CreateSchedule",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:RotateSecret",
        "sns:AddPermission",
        "sns:Subscribe",
        "cloudwatch:SetAlarmState",
        "cloudtrail:LookupEvents",
        "backup:StartBackupJob",
    ],
)
def test_code_administers_nothing_whatever_else_it_was_given(action):
    assert not allows([*boundary(REACH), Statement(("*",), ("*",))], action, "*", **INSIDE)


def test_images_come_from_the_team_the_platform_and_other_accounts():
    own = {"aws:ResourceAccount": ACCOUNT}
    pull = "ecr:BatchGetImage"
    assert may_run(pull, arn("ecr", "repository/ml-dev-fraud-train"), **own)
    assert may_run(pull, arn("ecr", "repository/ml-dev-platform-base"), **own)
    assert not may_run(pull, arn("ecr", "repository/ml-dev-churn-train"), **own)
    vendors = "arn:aws:ecr:eu-west-1:763104351884:repository/pytorch-training"
    assert may_run(pull, vendors, **{"aws:ResourceAccount": "763104351884"})


def test_sagemaker_writes_its_logs_and_nobody_reads_those_of_all_teams():
    shared = arn("logs", "log-group:/aws/sagemaker/TrainingJobs:log-stream:x")
    assert may_run("logs:PutLogEvents", shared)
    assert not may_run("logs:GetLogEvents", shared)


def test_the_platforms_bus_is_in_the_platforms_account_where_the_team_has_its_own():
    theirs = replace(CONTEXT, account="210987654321")
    statements = boundary(Reach(theirs), platform=replace(CONTEXT, team=None))
    bus = "event-bus/ml-dev-platform-audit"
    assert allows(statements, "events:PutEvents", arn("events", bus))
    assert not allows(statements, "events:PutEvents", arn("events", bus).replace(ACCOUNT, "210987654321"))


@pytest.mark.parametrize(
    ("capability", "action", "resource"),
    [
        ("features", "dynamodb:GetItem", arn("dynamodb", "table/ml-dev-fraud-online")),
        ("features", "elasticache:Connect", arn("elasticache", "user:ml-dev-fraud-reader")),
        ("registry", "kms:Sign", KEY),
        ("secrets", "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:ml-dev-fraud-token-AbCdEf")),
    ],
)
def test_a_fence_admits_what_the_teams_file_declares_and_no_more(capability, action, resource):
    assert allows(boundary(Reach(CONTEXT, admitted=admitted(["data", capability]))), action, resource)
    assert not allows(boundary(Reach(CONTEXT, admitted=admitted(["data"]))), action, resource)


def test_code_writes_into_no_bucket_of_another_account_however_it_is_called():
    bucket = "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd/x"
    assert may_run("s3:PutObject", bucket)
    assert not may_run("s3:PutObject", bucket, **{"aws:ResourceAccount": "999988887777"})


def test_an_acl_gives_nobody_but_the_owner():
    history = "arn:aws:s3:::ml-dev-fraud-lake-features-4abcd/x"
    assert may_run("s3:PutObjectAcl", history, **{"s3:x-amz-acl": "bucket-owner-full-control"})
    assert not may_run("s3:PutObjectAcl", history, **{"s3:x-amz-acl": "public-read"})
    assert not may_run("s3:PutObjectAcl", history)


def test_code_reads_the_logs_of_its_own_jobs_and_of_nobody_elses():
    stream = "log-group:/aws/sagemaker/TrainingJobs:log-stream:ml-dev-{}-train-1/algo-1"
    assert may_run("logs:GetLogEvents", arn("logs", stream.format("fraud")))
    assert not may_run("logs:GetLogEvents", arn("logs", stream.format("churn")))
    assert not may_run("logs:FilterLogEvents", arn("logs", "log-group:/aws/sagemaker/TrainingJobs"))
    assert may_run("logs:PutLogEvents", arn("logs", stream.format("fraud")))


def test_who_left_can_do_nothing_in_any_session_and_the_others_can():
    gone = boundary(REACH, ["ada@acme.example"])
    action, resource = "s3:GetObject", "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd/x"
    assert not allows(gone, action, resource, **{"aws:userid": "AROAEXAMPLE:ada@acme.example"})
    assert allows(gone, action, resource, **{"aws:userid": "AROAEXAMPLE:grada@acme.example"})
    assert allows(gone, action, resource, **{"aws:userid": "AROAEXAMPLE:SageMaker"})


def test_nothing_is_left_to_a_boundarys_silence():
    """Whatever another policy gives to a session, a denial meets what the list doesn't name."""
    (allowing,) = [statement for statement in boundary(REACH) if statement.effect == "Allow"]
    assert (allowing.actions, allowing.resources) == (("*",), ("*",))
    assert not may_run("execute-api:Invoke", arn("execute-api", "api/prod/GET/x"))
    assert not may_run("es:ESHttpGet", arn("es", "domain/ml-dev-fraud-search/x"))


def test_what_code_needs_though_it_takes_no_resource_is_not_denied():
    for action in (
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "logs:DescribeLogGroups",
        "secretsmanager:GetRandomPassword",
    ):
        assert may_run(action), f"{action} knows no resource, so a denial of other teams' things would hit it"
