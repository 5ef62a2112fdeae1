"""The life of the platform's auditors, and what their sessions read of the trail when IAM decides."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from tests.sandbox.lives import changed
from tests.sandbox.test_capabilities import judged
from tests.sandbox.test_tenancy_life import ADA, GRACE, PLATFORM, center, known_people, members, trusts

from modelyard import Auditors, AuditSpec, AuditTrail, Keys, KeysSpec, Role, trust_service
from modelyard.core.errors import InputError
from modelyard.foundation.audit import key_statements
from modelyard.foundation.audit.places import Places
from modelyard.foundation.tenancy import IdentityCenterDoors, IdentityCenterSpec, sign_in_contract
from modelyard.operate.evidence import Trail
from modelyard.testing import Deployment
from modelyard_sandbox.accounting import counted

SPEC = AuditSpec()


def platform(
    spec: IdentityCenterSpec, people: tuple[str, ...] = (ADA, GRACE), leavers: dict[str, str] | None = None
) -> Callable[[], None]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=PLATFORM, services=key_statements(PLATFORM))
        audit = AuditTrail("audit", SPEC, context=PLATFORM, keys=keys)
        audit.watch_team("fraud")
        sign_in = sign_in_contract(spec)
        audit.grant_read(Auditors("auditors", people, context=PLATFORM, sign_in=sign_in, leavers=leavers))
        IdentityCenterDoors("doors", spec, context=PLATFORM, people={"auditor": people}, leavers=leavers)
        trusted = [trust_service("lambda.amazonaws.com", context=PLATFORM)]
        Role("stranger", context=PLATFORM, trusted=trusted, description="Was granted nothing")

    return program


def test_auditors_are_made_stay_as_they_are_go_one_by_one_and_leave_nothing():
    with known_people("moto") as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(platform(center(stack)))
        assert set(stack.operations.values()) <= {"create", "same"}
        assert members(stack) == [ADA, GRACE]
        stack.update(platform(center(stack)))
        assert changed(stack) == {}
        stack.update(platform(center(stack), (GRACE,)))
        assert changed(stack) == {f"doors-auditor-{ADA}": "delete", "persona-auditor-role": "update"}
        assert ADA not in trusts(stack) and GRACE in trusts(stack)
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def trail_as(stack: Deployment, role: str) -> Trail:
    """The trail, as a session of this role sees it."""
    arn = stack.resource(f"{role}-role").properties["arn"]
    got = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=ADA)["Credentials"]

    def client(service: str, region: str = "") -> Any:
        return boto3.client(
            service,
            region_name=region or "eu-west-1",
            aws_access_key_id=got["AccessKeyId"],
            aws_secret_access_key=got["SecretAccessKey"],
            aws_session_token=got["SessionToken"],
        )

    return Trail(Places(PLATFORM), SPEC, client)


def test_an_auditor_reads_the_trails_files_and_a_stranger_does_not():
    now = datetime.now(UTC)
    span = now - timedelta(days=1), now + timedelta(days=1)
    with known_people("moto") as stack:
        stack.update(platform(center(stack)))
        record = {"eventName": "StopLogging", "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        deliver(stack, record, now)
        auditor, stranger = trail_as(stack, "persona-auditor"), trail_as(stack, "stranger")
        with judged():
            assert list(auditor.records(*span)) == [record]
            with pytest.raises(InputError, match="is refused. Sign in as an auditor of the platform: `auditors`"):
                list(stranger.records(*span))


def deliver(stack: Deployment, record: dict[str, str], when: datetime) -> None:
    """Put a log file down as CloudTrail does, which alone may."""
    s3, bucket = stack.client("s3"), Places(PLATFORM).bucket_name
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    key = f"AWSLogs/{PLATFORM.account}/CloudTrail/eu-west-1/{when:%Y/%m/%d}/a.json.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(json.dumps({"Records": [record]}).encode()))
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
