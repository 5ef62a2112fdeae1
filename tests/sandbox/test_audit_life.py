"""The audit's life in the emulator: made, unchanged, changed, gone; and what it records and tells meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.lives import changed

from modelyard import AuditSpec, AuditTrail, Context, Keys, KeysSpec, Role
from modelyard.core.access import trust_service
from modelyard.core.addresses import BusAddress
from modelyard.core.errors import DeploymentError
from modelyard.core.events import Approved, read_event
from modelyard.foundation.audit import key_statements
from modelyard.testing import Deployment, deploy
from modelyard_jobs.resources import resources
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
TOLD = {"notify": ["security@acme.example"]}
Program = Callable[[], None]


def an_audit(*teams: str, **spec: Any) -> Program:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT, services=key_statements(CONTEXT))
        audit = AuditTrail("audit", AuditSpec.model_validate({**TOLD, **spec}), context=CONTEXT, keys=keys)
        for team in teams:
            audit.watch_team(team)
        approver = Role(
            "approver",
            context=CONTEXT.for_team("fraud"),
            trusted=[trust_service("lambda.amazonaws.com", context=CONTEXT)],
            description="Approves",
        )
        audit.grant_publish(approver, team="fraud")

    return program


def test_keys_that_let_no_service_in_stop_the_trail():
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        AuditTrail("audit", AuditSpec.model_validate(TOLD), context=CONTEXT, keys=keys)

    with pytest.raises(DeploymentError, match="InsufficientEncryptionPolicyException"):
        deploy(program, region="eu-west-1")


def test_an_audit_is_made_stays_as_it_is_changes_by_single_updates_and_leaves_nothing(emulator: str):
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(an_audit("fraud"))
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(an_audit("fraud"))
        assert changed(stack) == {}
        stack.update(an_audit("fraud", "churn"))
        assert changed(stack) == {"audit-trail": "update"}
        stack.update(an_audit("fraud", "churn", log_days=30, event_days=30))
        assert changed(stack) == {"audit-log-group": "update", "audit-archive": "update"}
        stack.update(an_audit("fraud", "churn", log_days=30, event_days=30, notify=["ciso@acme.example"]))
        assert set(changed(stack).values()) == {"create", "delete"}
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_locked_files_go_with_an_environment_that_is_not_production():
    with deploy(an_audit(), region="eu-west-1") as stack:
        s3, bucket = stack.client("s3"), stack.resource("audit-trail-files").properties["bucket"]
        with pytest.raises(ClientError, match="Forbidden"):
            s3.put_object(Bucket=bucket, Key="AWSLogs/123456789012/CloudTrail/a.gz", Body=b"1")
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="AWSLogs/123456789012/CloudTrail/a.gz", Body=b"1")
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        version = s3.list_object_versions(Bucket=bucket)["Versions"][0]
        assert s3.head_object(Bucket=bucket, Key=version["Key"])["ObjectLockMode"] == "GOVERNANCE"
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        stack.destroy()
        assert s3.list_buckets()["Buckets"] == []


@pytest.fixture(scope="module")
def audit() -> Iterator[Deployment]:
    with deploy(an_audit("fraud"), region="eu-west-1") as stack:
        yield stack


def test_the_trail_records_every_region_and_what_the_watched_teams_keep(audit: Deployment):
    cloudtrail = audit.client("cloudtrail")
    (trail,) = cloudtrail.describe_trails()["trailList"]
    assert trail["IsMultiRegionTrail"] and trail["LogFileValidationEnabled"] and trail["KmsKeyId"]
    assert cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"]
    management, data = cloudtrail.get_event_selectors(TrailName=trail["TrailARN"])["AdvancedEventSelectors"]
    assert management["FieldSelectors"] == [{"Field": "eventCategory", "Equals": ["Management"]}]
    assert data["FieldSelectors"][-1] == {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::ml-dev-fraud-"]}


def test_every_rule_and_alarm_leads_to_the_topic(audit: Deployment):
    topic = audit.resource("audit-topic").properties["arn"]
    events, cloudwatch = audit.client("events"), audit.client("cloudwatch")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"]]
    assert len(rules) == 4
    assert {target["Arn"] for rule in rules for target in events.list_targets_by_rule(Rule=rule)["Targets"]} == {topic}
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert len(alarms) == 3
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms)
    filters = audit.client("logs").describe_metric_filters()["metricFilters"]
    metrics = {(it["metricNamespace"], it["metricName"]) for f in filters for it in f["metricTransformations"]}
    assert metrics == {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms}
    (subscription,) = audit.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "security@acme.example")


def test_an_event_of_the_platform_goes_over_the_bus_into_the_archive(audit: Deployment):
    approver = "/modelyard/ml/dev/fraud/approver"
    bus = resources(approver, ssm=audit.client("ssm")).bus("events")
    assert isinstance(bus, BusAddress) and bus.source == "modelyard.fraud"
    approval = Approved(
        team="fraud",
        model="score",
        model_version="3",
        at=datetime(2026, 1, 31, tzinfo=UTC),
        decision="approved",
        by="arn:aws:iam::123456789012:role/approver",
    )
    events = audit.client("events")
    assert events.put_events(Entries=[approval.entry(bus.bus)])["FailedEntryCount"] == 0
    (archive,) = events.list_archives()["Archives"]
    assert (archive["EventCount"], archive["RetentionDays"]) == (1, 365)
    detail = json.loads(approval.entry(bus.bus)["Detail"])
    assert read_event({"source": bus.source, "detail-type": "modelyard.approval", "detail": detail}) == approval
