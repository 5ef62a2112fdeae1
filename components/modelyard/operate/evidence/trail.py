"""The platform's trail as it lies in its bucket: records of a span of time, and which data events there are at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast

from modelyard.blueprints.platform import platform_context
from modelyard.core.errors import Fault, InputError, Source
from modelyard.foundation.audit import AuditSpec
from modelyard.foundation.audit.places import Places
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import Place
from modelyard.operate.models.place import Client, asking, code_of

Record = Mapping[str, Any]
"""A record of CloudTrail's (awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents)."""

SIGN_IN: Final = "Sign in as an auditor of the platform: `auditors` in its file says who reads the trail."
_LATE: Final = timedelta(days=1)
"""A file lies below the day on which it was delivered; CloudTrail does so within minutes."""
_AT_ONCE: Final = 8
_MISSING: Final = ("NoSuchBucket", "404", "TrailNotFoundException")


@dataclass(frozen=True, slots=True)
class Trail:
    """The trail of one environment."""

    places: Places
    spec: AuditSpec
    client: Client

    @property
    def days(self) -> int:
        """How long records are kept."""
        return self.spec.days(self.places.context)

    def records(self, since: datetime, until: datetime) -> Iterator[Record]:
        """What happened from `since` to `until`, of every region, in no order.

        Raises `InputError` where there is no trail, and where the caller may not read it.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for found in pool.map(self._file, self._keys(since, until)):
                for record in found:
                    if since <= when(record) < until:
                        yield record

    def recorded(self, bucket: str) -> str:
        """What of a bucket's objects is recorded: `all`, `writes`, or nothing."""
        best = ""
        for selector in self._selectors():
            tests = {str(test["Field"]): test for test in selector.get("FieldSelectors", ())}
            if tests.get("resources.type", {}).get("Equals") != ["AWS::S3::Object"]:
                continue
            arn = f"arn:{self.places.context.partition}:s3:::{bucket}/"
            starts = tests.get("resources.ARN", {}).get("StartsWith", [""])
            if any(arn.startswith(start) for start in starts):
                best = "all" if best == "all" or "readOnly" not in tests else "writes"
        return best

    def _selectors(self) -> Sequence[Mapping[str, Any]]:
        with self._there():
            found = self.client("cloudtrail").get_event_selectors(TrailName=self.places.trail)
        return found.get("AdvancedEventSelectors", ())

    def _keys(self, since: datetime, until: datetime) -> Iterator[str]:
        context, bucket, s3 = self.places.context, self.places.bucket_name, self.client("s3")
        top = f"AWSLogs/{context.account}/CloudTrail/"
        with self._there():
            pages = s3.get_paginator("list_objects_v2")
            regions = [
                str(one["Prefix"])
                for page in pages.paginate(Bucket=bucket, Prefix=top, Delimiter="/")
                for one in page.get("CommonPrefixes", ())
            ]
            for region in regions:
                for day in _days(since.date(), min(until, datetime.now(UTC)).date() + _LATE):
                    for page in pages.paginate(Bucket=bucket, Prefix=f"{region}{day:%Y/%m/%d}/"):
                        yield from (str(one["Key"]) for one in page.get("Contents", ()))

    def _file(self, key: str) -> list[Record]:
        with self._there():
            body = self.client("s3").get_object(Bucket=self.places.bucket_name, Key=key)["Body"].read()
        try:
            return json.loads(gzip.decompress(body))["Records"]
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            problem = "is no log file of CloudTrail's"
            remedy = "Find out who wrote it: aws cloudtrail validate-logs"
            raise InputError(Fault(problem, remedy, Source(f"s3://{self.places.bucket_name}/{key}"))) from None

    @contextmanager
    def _there(self) -> Iterator[None]:
        """`asking`, where what is missing is the trail."""
        from botocore.exceptions import ClientError

        environment, name = self.places.context.environment, self.places.trail_name
        with asking(name, SIGN_IN):
            try:
                yield
            except ClientError as error:
                if code_of(error) not in _MISSING:
                    raise
                remedy = f"Deploy it: yard up platform --env {environment}"
                raise InputError(Fault(f"{environment} has no trail", remedy, Source(name))) from None


def trail_of(where: Place) -> Trail:
    """The trail of an environment, in the platform's account."""
    spec = where.project.platform(where.environment)
    return Trail(Places(platform_context(spec, where.environment)), spec.audit, Cloud(where).client)


def when(record: Record) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(str(record["eventTime"]))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: what the session is called (the person's name, a run's), and the role's name that it is of."""

    name: str
    role: str
    key: str = ""
    """The id of the access key, by which the call that gave it out is found."""

    def __str__(self) -> str:
        return f"{self.name} as {self.role}" if self.role else self.name


def caller(record: Record) -> Caller:
    """Who a record says it was (awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity)."""
    said = _mapping(record.get("userIdentity"))
    kind, key = str(said.get("type", "")), str(said.get("accessKeyId", ""))
    session = _mapping(said.get("sessionContext"))
    if kind in ("AssumedRole", "Role"):
        issuer = _mapping(session.get("sessionIssuer"))
        name = session.get("sourceIdentity") or str(said.get("arn", "")).rpartition("/")[2]
        role = issuer.get("userName") or str(issuer.get("arn", "")).rpartition("/")[2]
        return Caller(str(name or said.get("principalId", "unknown")), str(role), key)
    if kind == "Root":
        return Caller("root", "", key)
    named = said.get("userName") or said.get("invokedBy") or said.get("principalId") or said.get("accountId")
    if kind == "AWSAccount":
        return Caller(f"{named or 'somebody'} of account {said.get('accountId', 'unknown')}", "", key)
    return Caller(str(named or "unknown"), "", key)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}
