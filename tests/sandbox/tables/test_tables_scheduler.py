"""Schedules and their groups through their whole life."""

from __future__ import annotations

from typing import Any

SCHEDULE = "aws:scheduler/schedule:Schedule"
GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:checks"
ROLE = "arn:aws:iam::123456789012:role/starts-checks"


def daily(**changes: Any) -> dict[str, Any]:
    return {
        "name": "daily",
        "scheduleExpression": "cron(0 3 * * ? *)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {"arn": MACHINE, "roleArn": ROLE, "input": "{}"},
        **changes,
    }


def test_a_schedule_lives_and_dies(cloud: Any) -> None:
    schedule = cloud.make(SCHEDULE, **daily(description="every night"))
    assert schedule.id == "default/daily"
    assert schedule["arn"] == "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily"
    schedule.update(scheduleExpression="rate(6 hours)")
    schedule.update(state="DISABLED")
    schedule.update(flexibleTimeWindow={"mode": "FLEXIBLE", "maximumWindowInMinutes": 15})
    schedule.update(target={"arn": MACHINE, "roleArn": ROLE, "retryPolicy": {"maximumRetryAttempts": 2}})
    schedule.update(description=None)
    schedule.update(actionAfterCompletion="DELETE")
    assert schedule.forecast(name="nightly").replaces == {"name"}
    assert schedule.forecast(groupName="checks").replaces == {"groupName"}
    assert schedule.imported("default/daily").inputs["scheduleExpression"] == "rate(6 hours)"
    schedule.delete()


def test_a_group_takes_its_schedules_with_it(cloud: Any) -> None:
    group = cloud.make(GROUP, name="checks", tags={"team": "fraud"})
    assert group["arn"] == "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/checks"
    group.update(tags={"team": "churn"})
    schedule = cloud.make(SCHEDULE, **daily(groupName="checks"))
    assert group.imported("checks").inputs["name"] == "checks"
    group.delete()
    assert schedule.read() is None


def test_a_schedule_needs_its_group(cloud: Any) -> None:
    assert "ResourceNotFoundException" in cloud.refused(SCHEDULE, **daily(groupName="nowhere"))


def test_what_somebody_else_changed_of_a_schedule_is_found(cloud: Any) -> None:
    schedule = cloud.make(SCHEDULE, **daily())
    cloud.client("scheduler").update_schedule(
        Name="daily",
        GroupName="default",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": MACHINE, "RoleArn": ROLE},
    )
    assert schedule.read().state["scheduleExpression"] == "rate(1 day)"


def test_a_moment_that_is_none_is_refused(cloud: Any) -> None:
    for expression in ("daily", "rate(0 days)", "cron(0 3 * * *)"):
        _, refused = cloud.provider.check(SCHEDULE, "urn", {}, daily(scheduleExpression=expression), b"seed")
        assert "rate(" in str(refused), expression


def test_a_flexible_schedule_says_how_far_it_bends(cloud: Any) -> None:
    _, refused = cloud.provider.check(SCHEDULE, "urn", {}, daily(flexibleTimeWindow={"mode": "FLEXIBLE"}), b"seed")
    assert "maximumWindowInMinutes" in str(refused)
