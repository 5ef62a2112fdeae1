"""The platform's own events: written as entries of a bus, read back from its envelopes, and matched by rules."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.events.models import EventPattern

from modelyard.core.errors import InputError
from modelyard.core.events import (
    KINDS,
    Approved,
    Check,
    CodePushed,
    DataChanged,
    Drifted,
    Event,
    FeaturesVersioned,
    Gated,
    PipelineEnded,
    Promoted,
    RetrainingEnded,
    pattern,
    read_event,
)

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ABOUT: dict[str, Any] = {"team": "fraud", "model": "score", "model_version": "3", "at": AT}
APPROVED = Approved(**ABOUT, decision="approved", by="arn:aws:iam::123456789012:role/approver")
EVENTS = [
    APPROVED,
    Promoted(**ABOUT, target="score", outcome="rolled-back", previous_version="2", reason="errors"),
    Drifted(
        **ABOUT,
        monitor="data",
        metric="psi",
        value=0.31,
        threshold=0.2,
        exceeded=True,
        feature="amount",
        window_start=AT,
        window_end=AT,
    ),
    Gated(**ABOUT, gate="quality", passed=False, checks=(Check(name="auc", passed=False, value=0.7, threshold=0.8),)),
    CodePushed(
        team="fraud", at=AT, repository="acme/fraud", branch="main", commit="a1b2c3d", author="ada@acme.example"
    ),
    DataChanged(team="fraud", at=AT, dataset="transactions", snapshot="0" * 64),
    FeaturesVersioned(team="fraud", at=AT, view="customer", view_version=2),
    PipelineEnded(team="fraud", at=AT, pipeline="scores", run="1", outcome="failed", reason="States.TaskFailed"),
    RetrainingEnded(
        team="fraud",
        at=AT,
        loop="weekly",
        endpoint="score",
        model="score",
        run="1",
        trigger="nightly",
        outcome="refused",
        code="gate-failed",
        reason="gate recall: recall is 0.5",
        model_version="8",
        champion_version="7",
    ),
]


def envelope(event: Event, **changes: Any) -> Any:
    """The event as a target of the bus receives it."""
    entry = event.entry("ml")
    detail = json.loads(entry["Detail"])
    return {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail, **changes}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.DETAIL_TYPE)
def test_an_event_is_read_back_as_it_was_written(event: Event):
    assert read_event(envelope(event)) == event


def test_there_is_a_case_for_every_kind():
    assert {event.DETAIL_TYPE for event in EVENTS} == set(KINDS)
    of_models = {"modelyard.approval", "modelyard.promotion", "modelyard.drift", "modelyard.gate"}
    assert set(KINDS) - of_models == {
        "modelyard.code",
        "modelyard.data",
        "modelyard.features",
        "modelyard.pipeline",
        "modelyard.retraining",
    }
    assert of_models < set(KINDS)


def test_an_entry_carries_the_teams_source_the_kind_and_the_version():
    entry = APPROVED.entry("ml")
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "ml",
        "modelyard.fraud",
        "modelyard.approval",
    )
    assert json.loads(entry["Detail"])["version"] == 1


def test_an_event_that_speaks_for_another_team_than_its_source_is_refused():
    with pytest.raises(InputError, match=r"source: got 'modelyard.churn'; speaks for team fraud"):
        read_event(envelope(APPROVED, source="modelyard.churn"))


def test_an_event_of_another_version_is_refused():
    told = envelope(APPROVED)
    with pytest.raises(InputError, match="got 2; this release reads version 1"):
        read_event({**told, "detail": {**told["detail"], "version": 2}})
    with pytest.raises(InputError, match="reads version 1"):
        read_event({**told, "detail": {key: value for key, value in told["detail"].items() if key != "version"}})


def test_an_event_of_another_kind_is_refused_with_those_that_are_known():
    with pytest.raises(InputError, match=r"'modelyard.gossip'; is no event of the platform\. Known are modelyard.appr"):
        read_event(envelope(APPROVED, **{"detail-type": "modelyard.gossip"}))


def test_every_fault_of_a_detail_is_told_at_once():
    told = envelope(APPROVED)
    detail = {**told["detail"], "decision": "maybe", "by": "", "mood": "good"}
    with pytest.raises(InputError) as refused:
        read_event({**told, "detail": detail})
    assert len(refused.value.faults) == 3


def test_an_event_larger_than_an_entry_is_refused():
    checks = tuple(Check(name=f"slice-{number}-{'x' * 200}", passed=True) for number in range(1200))
    with pytest.raises(InputError, match="at most 262144 bytes.*evidence"):
        Gated(**ABOUT, gate="slices", passed=True, checks=checks).entry("ml")


@pytest.mark.parametrize(
    "changes",
    [{"at": datetime(2026, 1, 31)}, {"team": ""}, {"decision": "perhaps"}],
    ids=["no zone", "no team", "decision"],
)
def test_an_event_that_leaves_doubt_is_not_made(changes: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Approved.model_validate({**APPROVED.model_dump(), **changes})


def test_a_pattern_matches_its_kinds_and_teams_alone():
    drift_of_fraud = EventPattern.load(json.dumps(pattern([Drifted], teams=["fraud"], exceeded=[True])))
    drifted = EVENTS[2]
    assert drift_of_fraud.matches_event(envelope(drifted))
    assert not drift_of_fraud.matches_event(envelope(APPROVED))
    assert not drift_of_fraud.matches_event(envelope(drifted, source="modelyard.churn"))
    calm = drifted.model_copy(update={"exceeded": False})
    assert not drift_of_fraud.matches_event(envelope(calm))
    of_everybody = EventPattern.load(json.dumps(pattern([Drifted])))
    assert of_everybody.matches_event(envelope(drifted, source="modelyard.churn"))
    assert not of_everybody.matches_event(envelope(drifted, source="aws.ec2"))


def test_jobs_can_write_events_without_pulumi_or_a_cloud_sdk():
    code = "import sys, modelyard.core.events; assert not {'pulumi', 'boto3', 'botocore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
