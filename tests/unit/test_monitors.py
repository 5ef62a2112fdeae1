"""The monitors of an endpoint as a graph: who starts what, whom alarms name, and what its file may not say."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from ruamel.yaml import YAML
from tests.ground import KEY, OWNER
from tests.unit.monitors import ALL, JOBS, REFERENCE, RUNBOOK, an_endpoint, given, one, program_of

from modelyard.assess.graph import Graph, Node
from modelyard.run.monitoring import METRICS, MonitorKind, MonitorsSpec, dimensions
from modelyard.run.monitoring.metrics import table
from modelyard.run.serving import EndpointSpec

ENDPOINT = "ml-dev-fraud-score"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
SCHEDULE = "aws:scheduler/schedule:Schedule"
MONITORED = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"


@cache
def recorded(told: str, served: str) -> Graph:
    return program_of(json.loads(told), json.loads(served))


def graph(served: dict[str, Any] | None = None, **changes: Any) -> Graph:
    return recorded(json.dumps(given(**changes)), json.dumps(served or an_endpoint()))


def alarms(found: Graph) -> dict[str, Node]:
    return {node.name: node for node in found.of_type(ALARM) if node.name.startswith("watch-")}


def told_to_the_function(found: Graph) -> dict[str, Any]:
    code = one(found, "watch-planner", "aws:lambda/function:Function").properties["code"]
    return json.loads(code["$archive"]["assets"]["monitors.json"]["$asset"]["text"])


def machine(found: Graph) -> dict[str, Any]:
    return json.loads(one(found, "watch-machine", MACHINE).properties["definition"])


@pytest.mark.parametrize("run_by", ["scheduler", "model_monitor"])
def test_every_alarm_names_its_owner_and_a_runbook_and_tells_the_owner(run_by: str):
    found = alarms(graph(run_by=run_by))
    assert len(found) > 12
    for name, alarm in found.items():
        said = alarm.properties
        assert "Owner: ada@acme.example. Runbook: https://wiki.acme.example/runbooks/" in said["alarmDescription"], name
        assert said["tags"]["owner"] == "ada@acme.example"
        assert said["alarmActions"] and said["okActions"]
        assert said["datapointsToAlarm"] <= said["evaluationPeriods"]


def test_every_alarm_can_be_shown_on_a_page_and_told_to_a_loop():
    seen: list[Any] = []
    found = program_of(given(), an_endpoint(), then=seen.append)
    (monitors,) = seen
    names = {str(alarm.properties["name"]) for alarm in alarms(found).values()}
    assert {arn.rpartition(":")[2] for arn in monitors.alarm_arns} == names
    drift = monitors.alarms["data_drift.data_drift_worst"]
    alarm = alarms(found)["watch-data-drift-worst"].properties
    assert (drift.name, drift.threshold) == (alarm["name"], alarm["threshold"])
    assert (drift.period_seconds, dict(drift.dimensions)) == (alarm["period"], alarm["dimensions"])


def test_an_alarm_names_the_runbook_of_its_own_monitor_before_the_one_of_all():
    found = alarms(graph())
    assert found["watch-explanation-rank"].properties["tags"]["runbook"].endswith("/explained")
    assert found["watch-data-drift-worst"].properties["tags"]["runbook"] == RUNBOOK
    plain = alarms(graph(runbook="unset"))["watch-data-drift-worst"].properties
    assert plain["tags"]["runbook"] == "docs/monitoring.md"


@pytest.mark.parametrize("run_by", ["scheduler", "model_monitor"])
def test_alarms_look_at_what_jobs_publish_under_the_names_of_the_table(run_by: str):
    found = graph(run_by=run_by)
    known: dict[str, MonitorKind] = {metric.name: kind for kind in JOBS for metric in METRICS[kind].metrics}
    known["labelled_share"] = "model_quality"
    seen: set[str] = set()
    for name, alarm in alarms(found).items():
        said = alarm.properties
        kind = known.get(str(said.get("metricName")))
        if kind is None:
            continue
        seen.add(kind)
        table = METRICS[kind]
        schedule = f"ml-dev-fraud-watch-{kind.replace('_', '-')}-schedule"
        assert said["namespace"] == table.namespace, name
        assert said["dimensions"] == dimensions(kind, ENDPOINT, schedule=schedule), name
        side = "LessThanThreshold" if table[str(said["metricName"])].worse == "below" else "GreaterThanThreshold"
        assert said["comparisonOperator"] == side, name
    assert seen == set(JOBS)
    if run_by == "model_monitor":
        made = {node.properties["name"] for node in found.of_type(MONITORED)}
        assert made == {f"ml-dev-fraud-watch-{kind.replace('_', '-')}-schedule" for kind in JOBS}
    else:
        assert {each["schedule"] for each in told_to_the_function(found).values()} == {
            f"ml-dev-fraud-watch-{kind.replace('_', '-')}-schedule" for kind in JOBS
        }


def test_m_of_n_and_the_rhythm_are_the_monitors_own():
    said = alarms(graph())["watch-data-drift-worst"].properties
    assert (said["datapointsToAlarm"], said["evaluationPeriods"], said["period"]) == (2, 4, 6 * 3600)
    assert (said["threshold"], said["statistic"]) == (0.2, "Maximum")


def test_load_is_counted_in_whole_machines_and_latency_in_microseconds():
    found = alarms(graph())
    assert found["watch-main-cpu"].properties["threshold"] == 180, "an ml.m5.large has two cores"
    assert found["watch-main-memory"].properties["threshold"] == 80
    latency = found["watch-main-latency"].properties
    assert (latency["threshold"], latency["extendedStatistic"]) == (250_000, "p99")
    assert "watch-main-gpu" not in found


def test_names_of_alarms_and_schedules_stay_when_limits_change():
    def names(found: Graph) -> set[str]:
        kinds = (ALARM, SCHEDULE)
        return {str(node.properties["name"]) for kind in kinds for node in found.of_type(kind)}

    assert names(graph()) == names(graph(data_drift={**ALL["data_drift"], "psi": 0.4}))


def test_each_monitor_has_a_clock_that_starts_the_machine_for_it():
    found = graph()
    clocks = {node.name: node.properties for node in found.of_type(SCHEDULE) if node.name.startswith("watch-")}
    assert set(clocks) == {f"watch-{kind.replace('_', '-')}-clock" for kind in JOBS}
    drift = clocks["watch-data-drift-clock"]
    assert drift["scheduleExpression"] == "cron(30 0/6 * * ? *)"
    assert json.loads(drift["target"]["input"]) == {
        "monitor": "data_drift",
        "judge": True,
        "at": "<aws.scheduler.scheduled-time>",
    }
    assert clocks["watch-data-quality-clock"]["scheduleExpression"] == "cron(30 * * * ? *)"
    assert clocks["watch-bias-drift-clock"]["scheduleExpression"] == "cron(30 0 * * ? *)"


def test_another_limit_keeps_the_baseline_and_another_reference_makes_one():
    def baselines(**changes: Any) -> dict[str, str]:
        return {kind: told["baseline"] for kind, told in told_to_the_function(graph(**changes)).items()}

    before = baselines()
    assert baselines(data_drift={"psi": 0.4}) == before
    after = baselines(reference={**REFERENCE, "prefix": "payments/v4"})
    assert not set(after.values()) & set(before.values())


def test_jobs_are_isolated_encrypted_and_as_the_service_takes_them():
    job = machine(graph())["States"]["Start"]["Parameters"]
    assert job["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == KEY
    assert job["ProcessingOutputConfig"]["KmsKeyId"] == KEY
    said = {"name": "j", "arguments": ["run"], "environment": {"a": "b"}, "inputs": [], "outputs": []}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key.removesuffix(".$"): said[str(item).rpartition(".")[2]] if key.endswith(".$") else filled(item)
                for key, item in value.items()
            }
        return value

    shape = Session().get_service_model("sagemaker").operation_model("CreateProcessingJob").input_shape
    assert not ParamValidator().validate(filled(job), shape).generate_report()


def test_a_baseline_is_followed_by_its_run_and_a_quiet_hour_by_nothing():
    states = machine(graph())["States"]
    assert states["Wanted"]["Choices"] == [{"Variable": "$.next.said.do", "StringEquals": "nothing", "Next": "Quiet"}]
    assert states["Done"]["Default"] == "Prepare"
    assert states["Done"]["Choices"][0]["Next"] == "Publish"
    targets = {state.get("Next") or state.get("Default") for state in states.values()} - {None}
    assert targets <= states.keys()


def test_model_monitor_gets_a_definition_and_a_schedule_for_each():
    found = graph(run_by="model_monitor")
    kinds = {
        "AWS::SageMaker::ModelQualityJobDefinition": {"watch-concept-drift", "watch-model-quality"},
        "AWS::SageMaker::ModelBiasJobDefinition": {"watch-bias-drift"},
        "AWS::SageMaker::ModelExplainabilityJobDefinition": {"watch-explanation-drift"},
        "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition": {
            "watch-data-quality",
            "watch-data-drift",
            "watch-prediction-drift",
        },
    }
    for kind, names in kinds.items():
        assert {node.name for node in found.of_type(kind)} == names
    quality = one(found, "watch-model-quality").desired
    assert quality["ModelQualityJobInput"]["GroundTruthS3Input"]["S3Uri"].endswith("/labels/score")
    assert quality["ModelQualityJobInput"]["EndpointInput"]["StartTimeOffset"] == "-PT72H"
    assert quality["ModelQualityJobInput"]["EndpointInput"]["EndTimeOffset"] == "-PT48H"
    assert quality["ModelQualityAppSpecification"]["Environment"]["publish_cloudwatch_metrics"] == "Enabled"
    clock = one(found, "watch-data-drift-clock").properties
    assert json.loads(clock["target"]["input"])["judge"] is False, "the schedule judges; ours makes the baseline"


def test_without_labels_concept_drift_looks_at_uncertainty():
    found = graph(labels="unset", model_quality="unset", bias_drift="unset")
    assert "watch-concept-proxy-shift" in alarms(found)
    assert "concept_proxy" in told_to_the_function(found)


def test_before_the_loops_first_release_nothing_runs_and_nothing_alarms():
    none = {"aws:ssm/getParametersByPath:getParametersByPath": {"names": [], "values": []}}
    served = an_endpoint(release={"kind": "loop"})
    found = program_of(given(), served, invokes=none)
    assert not alarms(found)
    assert not [node for node in found.of_type(SCHEDULE) if node.name.startswith("watch-")]
    assert one(found, "watch-machine", MACHINE)
    managed = program_of(given(run_by="model_monitor"), served, invokes=none)
    assert not managed.of_type(MONITORED)


def test_who_reads_results_reads_those_of_this_endpoint_and_starts_this_machine():
    statements = json.loads(one(graph(), "reader-watch-access").properties["policy"])["Statement"]
    reads = next(each for each in statements if "s3:GetObject" in each["Action"])
    assert reads["Resource"].endswith("/monitors/watch/*")
    (start,) = [each for each in statements if each["Action"] == "states:StartExecution"]
    assert start["Resource"].endswith(":stateMachine:ml-dev-fraud-watch")
    assert any("kms:Decrypt" in each["Action"] for each in statements)


def test_an_endpoint_without_jobs_has_alarms_on_the_service_alone():
    found = program_of({"owner": OWNER}, an_endpoint())
    assert set(alarms(found)) == {"watch-main-errors"}
    assert not [node for node in found.nodes if node.name == "watch-machine"]


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitoring.md").read_text("utf-8")


def test_the_example_of_the_page_is_a_declaration_without_a_fault():
    (example,) = re.findall(r"<!-- monitors:example -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    spec = MonitorsSpec.model_validate(YAML(typ="safe").load(example))
    assert not [*spec.all_faults(), *spec.unfit_for(EndpointSpec.model_validate(an_endpoint()))]
    assert set(spec.jobs) == {"data_quality", "data_drift", "concept_drift", "model_quality", "bias_drift"}


def test_every_metric_of_a_monitor_is_on_the_page_as_the_table_has_it():
    (shown,) = re.findall(r"<!-- metrics:start -->\n(.*?)<!-- metrics:end -->", PAGE, re.DOTALL)
    rows = [row for row in table() if row[0] in {"monitor", *METRICS}]
    assert shown.splitlines() == [
        f"| {' | '.join(rows[0])} |",
        f"|{'---|' * len(rows[0])}",
        *(f"| {' | '.join(row)} |" for row in rows[1:]),
    ]


def test_every_alarm_has_a_line_that_says_what_to_do():
    (told,) = re.findall(r"^### What their alarms mean\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    known = set(re.findall(r"`([a-z-]+)`", told))
    everything = {**alarms(graph()), **alarms(graph(labels="unset", model_quality="unset", bias_drift="unset"))}
    for name in everything:
        role = name.removeprefix("watch-").removeprefix("main-")
        assert role in known or role.startswith("model-quality-"), role
