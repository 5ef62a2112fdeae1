"""An update that keeps less than before: the resource stays, and what is older goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph
from modelyard.assess.impact.forecast import Op, Step, forecast
from modelyard.assess.impact.plan import summary
from modelyard.assess.impact.shortening import IMAGES, LIFECYCLE
from modelyard.assess.policy.examples import Of, graph_of, part

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:glue/catalogTable:CatalogTable"
LOGS = "aws:cloudwatch/logGroup:LogGroup"


def rule(prefix: str = "", days: int | None = None, versions: int | None = None, status: str = "Enabled") -> Any:
    made: dict[str, Any] = {"id": prefix or "whole", "status": status, "filter": {"prefix": prefix} if prefix else {}}
    if days is not None:
        made["expiration"] = {"days": days}
    if versions is not None:
        made["noncurrentVersionExpiration"] = {"noncurrentDays": versions}
    return made


def zone(*rules: Any, **bucket: Any) -> Graph:
    """A bucket with a table at `events/`, and the rules of its lifecycle."""
    location = {"location": "s3://raw-bucket/events/"}
    return graph_of(
        [
            part(BUCKET, "raw", bucket="raw-bucket", **bucket),
            part(TABLE, "events", name="events", storageDescriptor=location),
            part(LIFECYCLE, "lifecycle", bucket=Of("raw", "bucket"), rules=list(rules)),
        ]
    )


def losing(before: Graph, after: Graph) -> Step | None:
    return next(iter(forecast(before, after).destroying), None)


def kept(kind: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    step = losing(graph_of([part(kind, "it", **before)]), graph_of([part(kind, "it", **after)]))
    return step.loses.why if step and step.loses else ""


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ((rule("events/", 400),), (rule("events/", 90),), "events/ is kept for 90 days, not 400"),
        ((rule("events/", 90),), (rule("events/", 400),), ""),
        ((rule("events/", 90),), (), ""),
        ((), (rule("events/", 90),), "events/ is kept for 90 days, not for ever"),
        ((), (rule("new/", 90),), ""),
        ((rule(days=30),), (rule(days=30), rule("events/", 90)), ""),
        ((), (rule("events/", 90, status="Disabled"),), ""),
        (
            (rule("events/", 90, status="Disabled"),),
            (rule("events/", 90),),
            "events/ is kept for 90 days, not for ever",
        ),
        ((), (rule(days=30),), "all of it is kept for 30 days, not for ever"),
        ((rule(versions=60),), (rule(versions=7),), "an older version is kept for 7 days, not 60"),
    ],
)
def test_objects_that_expire_earlier_are_lost(before: tuple[Any, ...], after: tuple[Any, ...], why: str):
    step = losing(zone(*before), zone(*after))
    assert (step.loses.why if step and step.loses else "") == why
    if step:
        assert step.op is Op.UPDATE and summary([step]) == "keeps less of: 1 bucket (data)"


def test_what_the_bucket_itself_calls_ephemeral_is_so_for_its_objects():
    step = losing(zone(rule("events/", 400), forceDestroy=True), zone(rule("events/", 90), forceDestroy=True))
    assert step and step.loses and step.loses.ephemeral


@pytest.mark.parametrize(
    ("kind", "before", "after", "why"),
    [
        (LOGS, {"retentionInDays": 365}, {"retentionInDays": 30}, "what it holds is kept for 30 days, not 365"),
        (LOGS, {"retentionInDays": 0}, {"retentionInDays": 30}, "what it holds is kept for 30 days, not for ever"),
        (LOGS, {"retentionInDays": 30}, {"retentionInDays": 0}, ""),
        (LOGS, {"retentionInDays": 30}, {}, ""),
        (
            "aws:kinesis/stream:Stream",
            {"retentionPeriod": 48},
            {"retentionPeriod": 24},
            "what it holds is kept for 24 hours, not 48",
        ),
        (
            "aws:rds/instance:Instance",
            {"backupRetentionPeriod": 7},
            {"backupRetentionPeriod": 0},
            "what it holds is kept for 0 days, not 7",
        ),
    ],
)
def test_a_shorter_retention_loses_what_is_older(kind: str, before: dict[str, Any], after: dict[str, Any], why: str):
    assert kept(kind, before, after) == why


def policy(count: int, kind: str = "imageCountMoreThan") -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": kind, "countNumber": count}
    return {"policy": json.dumps({"rules": [{"rulePriority": 1, "selection": selection}]})}


def test_images_that_are_let_go_earlier_are_lost():
    assert kept(IMAGES, policy(100), policy(10)) == "rule 1 keeps 10 images, not 100"
    assert kept(IMAGES, policy(10), policy(100)) == ""
    assert kept(IMAGES, policy(10), policy(10, "sinceImagePushed")) == "rule 1 lets images go that were kept"
