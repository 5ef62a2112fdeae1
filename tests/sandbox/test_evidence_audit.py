"""Who deployed, approved and read what, out of log files of CloudTrail's own form in the trail's bucket."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelyard import AuditSpec, AuditTrail, Context, Keys, KeysSpec, LakeSpec, RegistrySpec
from modelyard.core.errors import InputError
from modelyard.foundation.audit import key_statements
from modelyard.foundation.audit.places import Places
from modelyard.operate.data import Lake
from modelyard.operate.evidence import Owned, Trail, audit_showing, audited, span
from modelyard.operate.models import Registry
from modelyard.testing import Deployment, deploy

REGION, ACCOUNT = "eu-west-1", "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT)
FRAUD = PLATFORM.for_team("fraud")
SPEC = AuditSpec.model_validate({"notify": ["security@acme.example"], "retention_days": 400})
EVENTS = {
    "classification": "confidential",
    "owner": "a@acme.example",
    "columns": [{"name": "country", "type": "string"}],
}
LAKE = LakeSpec.model_validate({"datasets": {"events": EVENTS, "labels": {**EVENTS, "zone": "curated"}}})
MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
MODELS = RegistrySpec.model_validate({"models": {"scores": MODEL}})
DAY = datetime(2026, 11, 20, tzinfo=UTC)
Said = dict[str, Any]


@pytest.fixture(scope="module")
def stack() -> Iterator[Deployment]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=PLATFORM, services=key_statements(PLATFORM))
        AuditTrail("audit", SPEC, context=PLATFORM, keys=keys).watch_team("fraud")

    with deploy(program, region=REGION) as deployed:
        yield deployed


@pytest.fixture
def trail(stack: Deployment) -> Iterator[Trail]:
    """The trail, without a record."""
    made = Trail(Places(PLATFORM), SPEC, lambda service, region="": stack.client(service))
    s3, bucket = stack.client("s3"), made.places.bucket_name
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield made
    for one in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@pytest.fixture
def fraud(stack: Deployment) -> Owned:
    lake = Lake(FRAUD, LAKE, stack.client("s3"), lambda: "")
    return Owned(FRAUD, lake, Registry(FRAUD, MODELS, lambda service, region="": stack.client(service)))


def put(trail: Trail, *records: Said, region: str = REGION, day: datetime = DAY) -> None:
    """A log file as CloudTrail delivers it."""
    body = gzip.compress(json.dumps({"Records": records}).encode())
    name = f"{ACCOUNT}_CloudTrail_{region}_{day:%Y%m%dT%H%MZ}_{abs(hash(body)):x}.json.gz"
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}"
    trail.client("s3").put_object(Bucket=trail.places.bucket_name, Key=key, Body=body)


def session(role: str, name: str, key: str = "ASIAEXAMPLE") -> Said:
    """The identity of a role's session (cloudtrail-event-reference-user-identity)."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE",
                "arn": f"arn:aws:iam::{ACCOUNT}:role{FRAUD.names.path}{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-11-20T07:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def event(name: str, source: str, who: Said, hour: int, asked: Said, **more: Any) -> Said:
    return {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"{DAY + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-sdk-go-v2",
        "requestParameters": asked,
        "responseElements": None,
        "eventID": f"{name}-{hour}",
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "readOnly": False,
        "eventCategory": "Management",
        **more,
    }


def data_event(name: str, who: Said, hour: int, bucket: str, key: str, **more: Any) -> Said:
    """A data event of S3's (AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries)."""
    said = event(name, "s3", who, hour, {"bucketName": bucket, "Host": f"{bucket}.s3.amazonaws.com", "key": key})
    resources = [
        {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
    ]
    read_only = name in ("GetObject", "HeadObject")
    return said | {
        "managementEvent": False,
        "eventCategory": "Data",
        "readOnly": read_only,
        "resources": resources,
        **more,
    }


DEPLOYMENT = "ml-dev-fraud-fence-deployment"
SCIENTIST = "ml-dev-fraud-persona-data-scientist"
ADA, GRACE = session(SCIENTIST, "ada@acme.example"), session("ml-dev-fraud-persona-approver", "grace@acme.example")
RUN = session(DEPLOYMENT, "run-4711", "ASIARUN")


def became(key: str, hour: int) -> Said:
    """A CI run becomes the deployment role by its token."""
    who = {
        "type": "WebIdentityUser",
        "principalId": "token.actions.githubusercontent.com:sts.amazonaws.com:repo:acme/ml:ref:refs/heads/main",
        "userName": "repo:acme/ml:ref:refs/heads/main",
        "identityProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    }
    asked = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role{FRAUD.names.path}{DEPLOYMENT}", "roleSessionName": "run-4711"}
    answer = {"responseElements": {"credentials": {"accessKeyId": key, "sessionToken": "…"}}, "readOnly": True}
    return event("AssumeRoleWithWebIdentity", "sts", who, hour, asked, **answer)


def test_who_deployed_is_told_with_who_became_the_role_and_what_serves_besides(trail: Trail, fraud: Owned):
    endpoint = {"endpointName": "ml-dev-fraud-score", "endpointConfigName": "ml-dev-fraud-score-0a1b2"}
    loop = session("ml-dev-fraud-retrain-conductor", "0123456789abcdef", "ASIALOOP")
    put(
        trail,
        became("ASIARUN", 7),
        event("CreateBucket", "s3", RUN, 8, {"bucketName": "ml-dev-fraud-x"}),
        event("PutRolePolicy", "iam", RUN, 9, {}, errorCode="AccessDenied", errorMessage="no"),
        event("DescribeEndpoint", "sagemaker", RUN, 9, endpoint, readOnly=True),
        event("UpdateEndpoint", "sagemaker", loop, 12, endpoint),
        event("UpdateEndpoint", "sagemaker", loop, 13, {**endpoint, "endpointName": "ml-dev-churn-score"}),
    )
    put(trail, event("CreateRole", "iam", RUN, 10, {}), region="us-east-1")
    found = audited(fraud, trail, DAY, DAY + timedelta(days=1)).deployed
    assert [(str(one.who), one.by, one.what, one.tally.calls, one.tally.refused) for one in found] == [
        (f"run-4711 as {DEPLOYMENT}", "repo:acme/ml:ref:refs/heads/main", "", 2, 1),
        ("0123456789abcdef as ml-dev-fraud-retrain-conductor", "", "UpdateEndpoint ml-dev-fraud-score", 1, 0),
    ], "reads deploy nothing, another team's endpoint is another's, and every region is read"
    assert found[0].tally.first.hour == 8
    assert found[0].tally.last.hour == 10


def test_who_approved_is_told_by_the_decision_and_by_the_status(trail: Trail, fraud: Owned):
    assert fraud.registry is not None
    bucket = fraud.registry.bucket
    package = FRAUD.arn("sagemaker", "model-package/ml-dev-fraud-registry-scores/3")
    promotion = session("ml-dev-fraud-registry-promotion", "promotion")
    by_hand = event(
        "UpdateModelPackage",
        "sagemaker",
        ADA,
        11,
        {"modelPackageArn": package, "modelApprovalStatus": "Approved"},
        errorCode="AccessDenied",
    )
    others = package.replace("fraud", "churn")
    put(
        trail,
        data_event("PutObject", GRACE, 9, bucket, "decisions/AROAEXAMPLE:grace@acme.example/scores/3.json"),
        data_event("PutObject", ADA, 9, bucket, "models/scores/d/model.tar.gz"),
        event(
            "UpdateModelPackage",
            "sagemaker",
            promotion,
            10,
            {"modelPackageArn": package, "modelApprovalStatus": "Approved"},
        ),
        event("UpdateModelPackage", "sagemaker", promotion, 10, {"modelPackageArn": package}),
        event(
            "UpdateModelPackage",
            "sagemaker",
            promotion,
            10,
            {"modelPackageArn": others, "modelApprovalStatus": "Approved"},
        ),
        by_hand,
    )
    found = audited(fraud, trail, DAY, DAY + timedelta(days=1)).approved
    assert [(one.who.name, one.model, one.version, one.did, one.refused) for one in found] == [
        ("grace@acme.example", "scores", "3", "decided", False),
        ("promotion", "scores", "3", "set Approved", False),
        ("ada@acme.example", "scores", "3", "set Approved", True),
    ]


def test_who_read_which_dataset_is_told_with_how_often_and_how_much(trail: Trail, fraud: Owned):
    (bucket, prefix), (curated, labels) = fraud.datasets["events"], fraud.datasets["labels"]
    service = {"type": "AWSService", "invokedBy": "lakeformation.amazonaws.com"}
    copy = data_event("CopyObject", GRACE, 12, "elsewhere", "mine.csv")
    copy["requestParameters"]["x-amz-copy-source"] = f"/{curated}/{labels}a%20b.csv?versionId=v1"
    put(
        trail,
        *(
            data_event("GetObject", ADA, hour, bucket, f"{prefix}{hour}.parquet", additionalEventData=sent)
            for hour, sent in ((8, {"bytesTransferredOut": 1_500_000}), (9, {"bytesTransferredOut": 500_000}))
        ),
        data_event("GetObject", ADA, 10, bucket, "other/a.parquet"),
        data_event("HeadObject", ADA, 10, bucket, f"{prefix}a.parquet"),
        data_event("PutObject", ADA, 10, bucket, f"{prefix}a.parquet"),
        data_event("GetObject", GRACE, 11, bucket, f"{prefix}a.parquet", errorCode="AccessDenied"),
        data_event("GetObject", service, 11, curated, f"{labels}a.csv"),
        copy,
    )
    found = audited(fraud, trail, DAY, DAY + timedelta(days=1)).read
    assert {(one.dataset, one.who.name): (one.tally.calls, one.tally.refused, one.tally.bytes) for one in found} == {
        ("events", "ada@acme.example"): (2, 0, 2_000_000),
        ("events", "grace@acme.example"): (0, 1, 0),
        ("labels", "grace@acme.example"): (1, 0, 0),
        ("labels", "lakeformation.amazonaws.com"): (1, 0, 0),
    }


def test_only_the_span_that_was_asked_for_is_told_though_files_come_late(trail: Trail, fraud: Owned):
    bucket, prefix = fraud.datasets["events"]
    late = data_event("GetObject", ADA, 23, bucket, f"{prefix}late.parquet")
    put(trail, late, data_event("GetObject", ADA, 30, bucket, f"{prefix}next.parquet"), day=DAY + timedelta(days=1))
    (one,) = audited(fraud, trail, DAY, DAY + timedelta(days=1)).read
    assert one.tally.calls == 1
    assert audited(fraud, trail, DAY - timedelta(days=9), DAY - timedelta(days=8)).read == ()


def test_what_is_recorded_of_which_class_is_told_and_how_long_it_is_kept(stack: Deployment, trail: Trail, fraud: Owned):
    since = datetime.now(UTC) - timedelta(days=800)
    found = audited(fraud, trail, since, since + timedelta(days=1))
    assert found.days == 400
    classes = {(one.holds, one.classification, one.recorded) for one in found.covered}
    assert {("zone raw", "confidential", "all"), ("models", "confidential", "all")} <= classes
    assert any("records are kept for 400 days" in one for one in found.blind)
    assert any("online store" in one for one in found.blind)

    cloudtrail = stack.client("cloudtrail")
    name = trail.places.trail_name
    selectors = cloudtrail.get_event_selectors(TrailName=name)["AdvancedEventSelectors"]
    (data,) = [one for one in selectors if "S3" in json.dumps(one)]
    writes = {**data, "FieldSelectors": [*data["FieldSelectors"], {"Field": "readOnly", "Equals": ["false"]}]}
    try:
        for instead, said in (
            ([one for one in selectors if one is not data] + [writes], "reads of zone raw (confidential)"),
            ([one for one in selectors if one is not data], "reads and writes of zone raw (confidential)"),
        ):
            cloudtrail.put_event_selectors(TrailName=name, AdvancedEventSelectors=instead)
            found = audited(fraud, trail, DAY, DAY + timedelta(days=1))
            assert any(one.startswith(said) for one in found.blind), found.blind
    finally:
        cloudtrail.put_event_selectors(TrailName=name, AdvancedEventSelectors=selectors)


def test_a_team_with_an_account_of_its_own_is_told_to_be_unseen(trail: Trail, fraud: Owned):
    apart = PLATFORM.for_team("fraud", account="999988887777")
    found = audited(Owned(apart, fraud.lake, fraud.registry), trail, DAY, DAY + timedelta(days=1))
    assert found.blind == (
        "fraud has an account of its own, 999988887777, which the platform's trail of 123456789012 doesn't record",
    )
    assert {one.recorded for one in found.covered} == {""}


def test_people_read_lines_programs_json_and_auditors_a_page(trail: Trail, fraud: Owned):
    bucket, prefix = fraud.datasets["events"]
    evil = session(SCIENTIST, "<script>alert(1)")
    put(trail, data_event("GetObject", evil, 8, bucket, f"{prefix}a.parquet"))
    found = audited(fraud, trail, DAY, DAY + timedelta(days=1))
    lines = "\n".join(audit_showing.shown(found))
    assert re.search(r"events +<script>alert\(1\) as ml-dev-fraud-persona-data-scientist", lines)
    assert "Who deployed\n  nobody" in lines
    assert "Records are kept for 400 days." in lines
    said = json.loads(json.dumps(audit_showing.as_json(found)))
    assert (said["version"], said["kept_days"], said["read"][0]["dataset"]) == (1, 400, "events")
    page = audit_showing.page(found)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_an_environment_without_a_trail_says_so(trail: Trail, fraud: Owned):
    elsewhere = Context(organization="acme", platform="ml", environment="prod", region=REGION, account=ACCOUNT)
    missing = Trail(Places(elsewhere), SPEC, trail.client)
    with pytest.raises(InputError, match=r"prod has no trail.*yard up platform --env prod"):
        audited(fraud, missing, DAY, DAY + timedelta(days=1))


def test_a_file_that_is_no_log_is_told_by_its_name(trail: Trail, fraud: Owned):
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/20/planted.json.gz"
    trail.client("s3").put_object(Bucket=trail.places.bucket_name, Key=key, Body=b"no log")
    with pytest.raises(InputError, match=r"planted\.json\.gz.*is no log file of CloudTrail's"):
        audited(fraud, trail, DAY, DAY + timedelta(days=1))


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_days_are_whole_and_the_last_thirty_are_meant_where_nobody_says():
    assert span(None, None, NOW) == (NOW - timedelta(days=30), NOW)
    assert span("2026-11-01", "2026-11-20", NOW) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 21, tzinfo=UTC),
    )
    assert span("2026-11-21T08:00+01:00", None, NOW)[0] == datetime(2026, 11, 21, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("yesterday", "2026-13-01", r"--since: got 'yesterday'; is no day.*\n?.*--until: got '2026-13-01'; is no day"),
        ("2026-11-20", "2026-11-10", "isn't before --until"),
        ("2027-01-01", None, "lies in the future"),
    ],
)
def test_bad_dates_are_told_all_at_once(since: str, until: str | None, told: str):
    with pytest.raises(InputError) as raised:
        span(since, until, NOW)
    assert re.search(told, str(raised.value), re.DOTALL), str(raised.value)
    assert raised.value.exit_code == 2
