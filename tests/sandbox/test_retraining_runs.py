"""The loop's state machine, executed: every way through it, who serves at its end, and what is said of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.core.errors import EnvironmentFault, InputError
from modelyard.operate.retraining import Loop, start, told
from modelyard.run.retraining import RetrainingSpec

from .retraining_world import LOOP, LoopWorld, again, loop_world

ROLLBACK = "ml-dev-fraud-score-main-errors"
"""The alarm of the endpoint's own rollout."""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopWorld]:
    with loop_world(tmp_path_factory.mktemp("loop")) as world:
        yield world


@pytest.fixture(scope="module")
def serving(team: LoopWorld) -> LoopWorld:
    """The team, whose first release was deployed."""
    team.first = team.retrains(), team.champion, team.told(), team.mails()
    again(team)
    return team


@pytest.fixture
def calm(serving: LoopWorld) -> Iterator[LoopWorld]:
    """Nothing ran this month, no alarm stands, and nobody hears of what was before."""
    serving.forget()
    serving.waits.clear()
    serving.alarm(ROLLBACK, "OK")
    serving.told()
    serving.mails()
    yield serving
    assert not serving.locked, "whatever happens, the next run may start"


def state(world: LoopWorld) -> tuple[Any, Any, Any]:
    """Who serves, by the record and behind the endpoint, and what the loop has made."""
    return world.champion, world.served, world.made


def said(end: dict[str, Any]) -> dict[str, Any]:
    """What the end of a run says."""
    return json.loads(end["output"] if end["status"] == "SUCCEEDED" else end["cause"])


def test_the_first_release_is_recorded_and_up_makes_the_endpoint(serving: LoopWorld):
    (version, end), champion, told, mails = serving.first
    assert (end["status"], said(end)["outcome"]) == ("SUCCEEDED", "recorded")
    assert champion is not None
    assert (champion.version, champion.previous_version, champion.configuration) == (version, None, "")
    assert [event["detail"]["outcome"] for event in told] == ["recorded"]
    assert any("yard up makes the endpoint" in mail for mail in mails)
    assert serving.served[1] == [str(version)], "the version that the loop released, and no other"


def test_a_version_that_passes_comes_by_canary_and_is_the_champion(calm: LoopWorld):
    before = calm.champion
    version, end = calm.retrains(why="data of March")
    assert end["status"] == "SUCCEEDED", end
    champion = calm.champion
    assert champion is not None and before is not None
    assert (champion.version, champion.previous_version) == (version, before.version)
    assert (champion.run, champion.why) == (end["executionArn"], "data of March")
    name, versions = calm.served
    assert (name, versions) == (champion.configuration, [str(version)])
    endpoint = calm.stack.client("sagemaker").describe_endpoint(EndpointName="ml-dev-fraud-score")
    deployment = endpoint["LastDeploymentConfig"]
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert [a["AlarmName"] for a in deployment["AutoRollbackConfiguration"]["Alarms"]] == [ROLLBACK]
    (record,) = calm.records
    assert (record["outcome"], record["by"], record["package"]) == ("released", "ada", champion.package)
    assert {gate["gate"] for gate in record["gates"]} == {"recall", "fair"}


def test_what_the_champion_before_the_last_left_goes_and_the_last_ones_stays(calm: LoopWorld):
    calm.retrains()
    second = calm.champion
    calm.retrains()
    third = calm.champion
    assert second is not None and third is not None
    assert calm.made == (
        sorted([second.configuration, third.configuration]),
        sorted([*second.models, *third.models]),
    )


def test_up_after_a_promotion_changes_nothing(calm: LoopWorld):
    version, _ = calm.retrains()
    served = calm.served
    again(calm)
    changed = {urn for urn, done in calm.stack.operations.items() if done != "same"}
    assert {urn.rpartition("::")[2] for urn in changed} <= {"fit-machine"}, "the test's own stand-in"
    assert calm.served == served and served[1] == [str(version)]


def test_a_release_is_told_on_the_bus_and_by_mail(calm: LoopWorld):
    before = calm.champion
    version, end = calm.retrains(trigger="nightly", why="the schedule", by="schedule")
    listened = calm.heard_all()
    (ended,) = [event["detail"] for event in listened if event["detail-type"] == "modelyard.retraining"]
    assert (ended["outcome"], ended["model_version"], ended["champion_version"]) == (
        "released",
        str(version),
        str(version),
    )
    assert (ended["trigger"], ended["run"]) == ("nightly", end["executionArn"])
    (moved,) = [event["detail"] for event in listened if event["detail-type"] == "modelyard.promotion"]
    assert before is not None
    assert (moved["outcome"], moved["previous_version"]) == ("completed", str(before.version))
    (mail,) = calm.mails()
    assert mail.startswith(f"weekly: version {version} serves") and "nightly" in mail


def test_a_gate_that_fails_keeps_the_champion(calm: LoopWorld):
    before = state(calm)
    version = calm.register()
    calm.measure(version, {"recall": 0.5, "fair": 0.05})
    calm.trains(version.package)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "gate-failed")
    assert "recall is 0.5" in end["reason"]
    assert state(calm) == before
    (mail,) = calm.mails()
    assert "recall is 0.5" in mail


def test_results_may_come_while_the_loop_waits(calm: LoopWorld):
    version = calm.register()
    calm.trains(version.package)
    calm.waits["WaitForGates"] = [lambda: None, lambda: calm.measure(version)]
    assert said(calm.runs())["outcome"] == "released"


def test_results_that_never_come_keep_the_champion(calm: LoopWorld):
    before = state(calm)
    version = calm.register()
    calm.trains(version.package)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "gate-missing")
    assert state(calm) == before


def test_a_promotion_that_refuses_keeps_the_champion(calm: LoopWorld):
    before = state(calm)
    version = calm.register(author="ml-dev-fraud-weekly-loop")
    calm.measure(version)
    calm.trains(version.package)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "approval-refused")
    assert "approver-is-author" in end["reason"]
    assert state(calm) == before


def test_an_alarm_in_the_canary_brings_the_champion_back(calm: LoopWorld):
    before = state(calm)
    calm.alarm(ROLLBACK, "ALARM")
    version, end = calm.retrains()
    assert end["status"] == "FAILED"
    assert said(end)["code"] == "rolled-back" and ROLLBACK in said(end)["reason"]
    assert state(calm) == before, "and what was made for the other one is gone"
    listened = calm.heard_all()
    (moved,) = [event["detail"] for event in listened if event["detail-type"] == "modelyard.promotion"]
    assert (moved["outcome"], moved["model_version"]) == ("rolled-back", str(version))


def test_a_pipeline_that_fails_keeps_the_champion(calm: LoopWorld):
    before = state(calm)
    calm.trains(None)
    end = calm.runs()
    assert end["status"] == "FAILED"
    assert said(end)["code"] == "pipeline-failed" and "out of memory" in said(end)["reason"]
    assert state(calm) == before


def test_a_run_too_soon_after_the_last_starts_nothing(calm: LoopWorld):
    before = state(calm)
    calm.began(hours_ago=1)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "cooling-down")
    assert state(calm) == before and len(calm.records) == 1
    assert calm.mails() == [], "a burst of events is no burst of mails"
    assert [event["detail"]["code"] for event in calm.told()] == ["cooling-down"]


def test_a_run_while_another_runs_starts_nothing(calm: LoopWorld):
    before = state(calm)
    version = calm.register()
    calm.measure(version)
    calm.trains(version.package)
    ends: list[dict[str, Any]] = []
    calm.waits["WaitForTraining"] = [lambda: ends.append(said(calm.runs(trigger="second")))]
    first = said(calm.runs())
    (second,) = ends
    assert (first["outcome"], second["outcome"], second["code"]) == ("released", "refused", "lock-held")
    assert first["run"] in second["reason"]
    champion = calm.champion
    assert champion is not None and champion.version == version.version != before[0].version


def test_a_lock_of_a_run_that_is_over_holds_nobody(calm: LoopWorld):
    calm.lock("arn:aws:states:eu-west-1:123456789012:execution:ml-dev-fraud-weekly-loop:gone")
    _, end = calm.retrains()
    assert said(end)["outcome"] == "released"


def test_a_budget_that_is_spent_starts_nothing(calm: LoopWorld):
    before = state(calm)
    calm.began(usd=95)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "budget-exhausted")
    assert "5 of the month's 100 USD are left" in end["reason"]
    assert state(calm) == before and len(calm.records) == 1
    assert calm.mails(), "somebody has to decide"


def test_runs_that_are_used_up_start_nothing(calm: LoopWorld):
    before = state(calm)
    for _ in range(5):
        calm.began(usd=1)
    end = said(calm.runs())
    assert (end["outcome"], end["code"]) == ("refused", "runs-exhausted")
    assert state(calm) == before


def test_an_alarm_starts_one_run_until_its_metric_came_back(calm: LoopWorld):
    _, end = calm.retrains(trigger="drifted")
    assert said(end)["outcome"] == "released"
    for record in calm.records:
        calm.forget_run(record)
    assert said(calm.runs(trigger="drifted"))["code"] == "disarmed"
    calm.invokes({"action": "rearm", "trigger": "drifted"})
    version = calm.register()
    calm.measure(version)
    calm.trains(version.package)
    assert said(calm.runs(trigger="drifted"))["outcome"] == "released"


def test_an_endpoint_that_refuses_the_update_keeps_the_champion(calm: LoopWorld):
    before = state(calm)
    calm.stack.client("cloudwatch").delete_alarms(AlarmNames=[ROLLBACK])
    try:
        _, end = calm.retrains()
    finally:
        calm.stack.refresh()
        again(calm)
    assert said(end)["code"] == "update-refused" and ROLLBACK in said(end)["reason"]
    assert state(calm) == before


def test_a_function_that_breaks_gives_the_lock_back_and_says_so(calm: LoopWorld):
    before = state(calm)
    calm.trains(f"{calm.champion.package.rpartition('/')[0]}/none" if calm.champion else "")
    end = calm.runs()
    assert (end["status"], said(end)["code"]) == ("FAILED", "loop-broken")
    assert state(calm) == before


# --- by hand --------------------------------------------------------------------------------------------------------


def by_hand(world: LoopWorld, role: str = "starter") -> Loop:
    spec = RetrainingSpec.model_validate(LOOP)
    return Loop(world.context, "weekly", spec, world.session(role, "lin@acme.example"))


def test_a_run_by_hand_says_who_started_it_and_why(calm: LoopWorld):
    version = calm.register()
    calm.measure(version)
    calm.trains(version.package)
    started = start(by_hand(calm), "  the   labels of March  came ", pause=lambda _: None)
    assert started.champion is not None and started.champion.version == version.version
    (record,) = calm.records
    assert (record["trigger"], record["why"]) == ("person", "the labels of March came")
    assert record["by"].endswith("ml-dev-fraud-starter/lin@acme.example") and record["run"] == started.execution
    assert any(f"execution  {started.execution}" in line for line in told(started))


@pytest.mark.parametrize(("usd", "hours", "code"), [(95, 48, "budget-exhausted"), (1, 1, "cooling-down")])
def test_the_guards_hold_by_hand_too(calm: LoopWorld, usd: float, hours: float, code: str):
    before = state(calm)
    calm.began(usd=usd, hours_ago=hours)
    with pytest.raises(InputError, match=code) as raised:
        start(by_hand(calm), "now", pause=lambda _: None)
    assert raised.value.exit_code == 2
    assert state(calm) == before


def test_a_run_by_hand_that_fails_is_no_fault_of_whoever_started_it(calm: LoopWorld):
    calm.trains(None)
    with pytest.raises(EnvironmentFault, match="pipeline-failed"):
        start(by_hand(calm), "now", pause=lambda _: None)


def test_going_back_trains_nothing_and_waits_for_no_cooldown(calm: LoopWorld):
    before = calm.champion
    version, _ = calm.retrains()
    assert before is not None and calm.served[1] == [str(version)]
    calm.trains(None, cause="nobody asked for training")
    loop = dataclasses.replace(by_hand(calm), model="scores")
    started = start(loop, "the new one is worse", version=before.version, pause=lambda _: None)
    assert started.champion is not None and calm.served[1] == [str(before.version)]
    assert (started.champion.version, started.champion.previous_version) == (before.version, version)
    assert started.champion.why == "the new one is worse"
    back = next(record for record in calm.records if record["run"] == started.execution)
    assert (back["usd"], back["outcome"]) == (0, "released")


def test_a_version_that_is_brought_passes_gates_and_approval_like_any_other(calm: LoopWorld):
    calm.forget()
    bad, good = calm.register(), calm.register()
    calm.measure(bad, {"recall": 0.5, "fair": 0.05})
    calm.measure(good)
    calm.trains(None)
    before = state(calm)
    assert said(calm.runs(package=bad.package))["code"] == "gate-failed" and state(calm) == before
    assert said(calm.runs(package=good.package))["outcome"] == "released"
    assert calm.served[1] == [str(good.version)]


def test_a_version_that_there_is_not_is_refused_before_anything_runs(calm: LoopWorld):
    loop = dataclasses.replace(by_hand(calm), model="scores")
    with pytest.raises(InputError, match=r"--version: got 4711; scores of fraud has no such version"):
        start(loop, "now", version=4711, pause=lambda _: None)
    assert calm.records == []


def test_a_loop_without_a_pipeline_brings_what_others_registered(calm: LoopWorld):
    bare = {key: LOOP[key] for key in ("endpoint", "owner", "approval")}
    again(calm, loop=bare)
    try:
        before = state(calm)
        end = said(calm.runs())
        assert (end["outcome"], end["code"]) == ("refused", "no-version") and state(calm) == before
        with pytest.raises(InputError, match=r"--version: is needed: weekly trains nothing"):
            start(dataclasses.replace(by_hand(calm), spec=RetrainingSpec.model_validate(bare)), "now")
        version = calm.register()
        calm.measure(version)
        assert said(calm.runs(package=version.package))["outcome"] == "released"
        assert calm.served[1] == [str(version.version)]
    finally:
        again(calm)


# --- a person approves ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asking(serving: LoopWorld) -> Iterator[LoopWorld]:
    """The same, where a person approves."""
    again(serving, loop={**LOOP, "approval": {"kind": "person", "timeout_hours": 1}})
    yield serving
    again(serving)


@pytest.fixture
def asked(asking: LoopWorld, calm: LoopWorld) -> LoopWorld:
    return asking


def test_a_version_that_a_person_approved_serves(asked: LoopWorld):
    version = asked.register()
    asked.measure(version)
    asked.trains(version.package)
    asked.waits["WaitForPerson"] = [lambda: None, lambda: asked.approve(version.version)]
    assert said(asked.runs())["outcome"] == "released"
    assert asked.served[1] == [str(version.version)]
    question, _ = asked.mails()
    assert f"yard model approve scores {version.version}" in question


def test_a_version_that_a_person_rejected_keeps_the_champion(asked: LoopWorld):
    before = state(asked)
    version = asked.register()
    asked.measure(version)
    asked.trains(version.package)
    asked.waits["WaitForPerson"] = [lambda: asked.reject(version.version)]
    end = said(asked.runs())
    assert (end["outcome"], end["code"]) == ("refused", "approval-refused")
    assert state(asked) == before


def test_a_version_that_nobody_decided_on_keeps_the_champion(asked: LoopWorld):
    before = state(asked)
    _, end = asked.retrains()
    assert (said(end)["outcome"], said(end)["code"]) == ("refused", "approval-timed-out")
    assert "within 1 hours" in said(end)["reason"]
    assert state(asked) == before
