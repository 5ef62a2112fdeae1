"""An endpoint's monitors in the emulator: made, unchanged, changed with no schedule left alone, and gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.ground import FRAUD, TWO, ground, served
from tests.sandbox.lives import changed, registered
from tests.unit.monitors import ALL, JOBS, REFERENCE

from modelyard.run.monitoring import EndpointMonitors, MonitorsSpec
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted


def program(**changes: Any) -> Callable[[], None]:
    """A lake, a registry and an endpoint, and with `run_by` its monitors."""

    def made() -> None:
        on = ground()
        if not changes:
            return
        endpoint = on.endpoint("score", served(1, served_by=TWO))
        if "run_by" in changes:
            told = MonitorsSpec.model_validate({**ALL, **changes})
            EndpointMonitors("watch", told, context=FRAUD, endpoint=endpoint, lake=on.lake, keys=on.keys)

    return made


ENDPOINT_ALONE = program(endpoint=True)


def definitions(stack: Deployment) -> dict[str, str]:
    """The definition that each schedule names."""
    found = stack.client("sagemaker").list_monitoring_schedules()["MonitoringScheduleSummaries"]
    return {each["MonitoringScheduleName"]: each["MonitoringJobDefinitionName"] for each in found}


def known(stack: Deployment) -> set[str]:
    """Every definition that there is."""
    sagemaker = stack.client("sagemaker")
    kinds = ("data_quality", "model_quality", "model_bias", "model_explainability")
    return {
        each["MonitoringJobDefinitionName"]
        for kind in kinds
        for each in getattr(sagemaker, f"list_{kind}_job_definitions")()["JobDefinitionSummaries"]
    }


@pytest.mark.parametrize("run_by", ["scheduler", "model_monitor"])
def test_monitors_are_made_stay_as_they_are_and_go(run_by: str):
    with deploy(program(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(ENDPOINT_ALONE)
        before = counted(stack.client, "eu-west-1")
        stack.update(program(run_by=run_by))
        clocks = stack.client("scheduler").list_schedules(GroupName="ml-dev-fraud-watch")["Schedules"]
        assert len(clocks) == len(JOBS)
        assert len(definitions(stack)) == (len(JOBS) if run_by == "model_monitor" else 0)
        stack.update(program(run_by=run_by))
        assert changed(stack) == {}
        stack.update(ENDPOINT_ALONE)
        assert counted(stack.client, "eu-west-1") == before


def test_another_limit_is_another_definition_and_no_schedule_names_one_that_is_gone():
    with deploy(program(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(program(run_by="model_monitor"))
        before = definitions(stack)
        stack.update(program(run_by="model_monitor", data_drift={**ALL["data_drift"], "psi": 0.4}))
        done = changed(stack)
        assert done["watch-data-drift"] == "replace"
        assert done["watch-data-drift-schedule"] == "update"
        assert done["watch-data-drift-worst"] == "update", "the alarm has the same limit"
        after = definitions(stack)
        drift = "ml-dev-fraud-watch-data-drift-schedule"
        assert {name for name in after if after[name] != before[name]} == {drift}
        assert set(after.values()) == known(stack), "the old definition went last, and no other stays"


def test_another_reference_is_another_baseline_for_every_definition():
    with deploy(program(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(program(run_by="model_monitor"))
        before = definitions(stack)
        stack.update(program(run_by="model_monitor", reference={**REFERENCE, "prefix": "payments/v4"}))
        after = definitions(stack)
        assert before.keys() == after.keys()
        assert not set(before.values()) & set(after.values())
        assert set(after.values()) == known(stack)


def test_another_limit_changes_alarm_and_function_where_our_own_clock_runs():
    with deploy(program(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(program(run_by="scheduler"))
        stack.update(program(run_by="scheduler", data_drift={**ALL["data_drift"], "psi": 0.4}))
        assert changed(stack) == {"watch-data-drift-worst": "update", "watch-planner": "update"}
        stack.update(program(run_by="scheduler", data_drift={**ALL["data_drift"], "psi": 0.4, "every_hours": 12}))
        assert changed(stack)["watch-data-drift-clock"] == "update"


def test_who_starts_the_jobs_can_be_changed_and_changed_back():
    with deploy(program(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(program(run_by="scheduler"))
        one = counted(stack.client, "eu-west-1")
        stack.update(program(run_by="model_monitor"))
        assert len(definitions(stack)) == len(JOBS)
        stack.update(program(run_by="scheduler"))
        assert counted(stack.client, "eu-west-1") == one
