"""Definitions of monitoring jobs: what the graph shows of them, how they are named, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard import Context
from modelyard.assess.graph import Graph, Node, record
from modelyard.core.component import Component
from modelyard.core.errors import InputError
from modelyard.run.monitoring import (
    Analysis,
    Baseline,
    Definition,
    EndpointInput,
    JobNetwork,
    JobOutput,
    JobResources,
    MonitoringJob,
    TransformInput,
    data_quality,
    model_bias,
    model_explainability,
    model_quality,
    most_seconds,
    schedule,
)
from modelyard.run.monitoring.schedules import expression
from modelyard_sandbox.grammar import cadence
from modelyard_sandbox.knowledge import check

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012"
).for_team("fraud")
ROLE = "arn:aws:iam::123456789012:role/monitor"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:{'0' * 64}"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
PLAIN = MonitoringJob(
    role_arn=ROLE,
    source=EndpointInput(endpoint="score"),
    analysis=Analysis(image=IMAGE),
    output=JobOutput(to="s3://monitors/score", key=KEY),
    resources=JobResources(instance_type="ml.m5.large", volume_key=KEY),
)
CONFIGURED = replace(PLAIN, analysis=Analysis(image=IMAGE, config="s3://monitors/analysis.json"))
PREDICTED = replace(PLAIN, source=EndpointInput(endpoint="score", inference="0", start="-PT3H", end="-PT1H"))

Make = Callable[[Component], Definition]


class Watch(Component):
    CAPABILITY = "monitoring"

    def __init__(self, make: Make, context: Context = FRAUD) -> None:
        super().__init__("watch", None, context=context)
        made = make(self)
        pulumi.export("name", made.name)
        pulumi.export("type", made.type)


def graph_of(make: Make, context: Context = FRAUD) -> Graph:
    def program() -> None:
        Watch(make, context)

    return record(program, project="p", stack="s", region="eu-west-1")


def made(make: Make, kind: str, context: Context = FRAUD) -> Node:
    (node,) = graph_of(make, context).of_type(kind)
    return node


def name_of(make: Make, context: Context = FRAUD) -> str:
    return graph_of(make, context).outputs["name"]


def told(make: Make) -> str:
    with pytest.raises(InputError) as refusal:
        graph_of(make)
    return " | ".join(str(fault) for fault in refusal.value.faults)


def quality(job: MonitoringJob = PREDICTED, **changes: Any) -> Make:
    given = {"problem": "Regression", "labels": "s3://monitors/labels", **changes}
    return lambda component: model_quality(component, "quality", job, **given)


def bias(job: MonitoringJob = CONFIGURED) -> Make:
    return lambda component: model_bias(component, "bias", job, labels="s3://monitors/labels")


def explainability(job: MonitoringJob = CONFIGURED) -> Make:
    return lambda component: model_explainability(component, "explanations", job)


def data(job: MonitoringJob = PLAIN) -> Make:
    return lambda component: data_quality(component, "data", job)


DATA = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
QUALITY = "AWS::SageMaker::ModelQualityJobDefinition"
ALL = {
    DATA: data(),
    QUALITY: quality(),
    "AWS::SageMaker::ModelBiasJobDefinition": bias(),
    "AWS::SageMaker::ModelExplainabilityJobDefinition": explainability(),
}


@pytest.mark.parametrize("kind", ALL)
def test_what_a_definition_says_is_what_aws_takes(kind: str):
    node = made(ALL[kind], kind)
    assert check(node.type, node.properties) == []


def test_the_graph_shows_a_controlled_definition_as_its_cloudformation_type_with_its_properties():
    node = made(quality(), QUALITY)
    assert node.type == CONTROLLED and node.kind == QUALITY
    assert node.desired["ModelQualityAppSpecification"] == {"ImageUri": IMAGE, "ProblemType": "Regression"}
    assert node.desired["ModelQualityJobInput"]["EndpointInput"] == {
        "EndpointName": "score",
        "LocalPath": "/opt/ml/processing/input",
        "InferenceAttribute": "0",
        "StartTimeOffset": "-PT3H",
        "EndTimeOffset": "-PT1H",
    }
    assert {"Key": "team", "Value": "fraud"} in node.desired["Tags"]


@pytest.mark.parametrize("kind", ALL)
def test_a_job_is_isolated_and_encrypted_unless_told_otherwise(kind: str):
    node = made(ALL[kind], kind)
    asked = node.desired if node.type == CONTROLLED else node.properties
    network = asked.get("NetworkConfig") or asked["networkConfig"]
    assert {key[0].upper() + key[1:]: value for key, value in network.items() if value is not None} == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }
    cluster = (asked.get("JobResources") or {}).get("ClusterConfig") or asked["jobResources"]["clusterConfig"]
    assert KEY in cluster.values(), "its volumes are encrypted with the team's key"


def test_a_name_is_the_definitions_own_and_changes_with_all_that_it_says():
    names = {name_of(make) for make in ALL.values()}
    assert len(names) == 4 and all(name.startswith("ml-dev-fraud-watch-") and len(name) <= 63 for name in names)
    before = name_of(quality())
    assert before == name_of(quality()) == made(quality(), QUALITY).desired["JobDefinitionName"]
    for other in (
        quality(replace(PREDICTED, role_arn=f"{ROLE}-2")),
        quality(replace(PREDICTED, baseline=Baseline(constraints="s3://monitors/constraints.json"))),
        quality(replace(PREDICTED, most_seconds=900)),
        quality(problem="MulticlassClassification"),
    ):
        assert name_of(other) != before
    tagged = replace(FRAUD, tags={**FRAUD.tags, "cost-center": "42"})
    assert name_of(quality(), tagged) != before, "tags are only taken at creation too"
    assert name_of(data(replace(PLAIN, most_seconds=900))) != name_of(data())


def test_a_job_stands_in_the_subnets_that_it_is_given():
    network = JobNetwork(isolated=False, subnets=["subnet-1"], security_groups=["sg-1"])
    node = made(bias(replace(CONFIGURED, network=network)), "AWS::SageMaker::ModelBiasJobDefinition")
    assert node.desired["NetworkConfig"]["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert node.desired["NetworkConfig"]["EnableNetworkIsolation"] is False
    native = made(data(replace(PLAIN, network=network)), DATA)
    assert native.properties["networkConfig"]["vpcConfig"] == {"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}


def test_a_baseline_is_the_files_that_its_job_made():
    baseline = Baseline(constraints="s3://monitors/constraints.json", statistics="s3://monitors/statistics.json")
    node = made(data(replace(PLAIN, baseline=baseline)), DATA)
    assert node.properties["dataQualityBaselineConfig"] == {
        "constraintsResource": {"s3Uri": "s3://monitors/constraints.json"},
        "statisticsResource": {"s3Uri": "s3://monitors/statistics.json"},
    }
    assert made(data(), DATA).properties.get("dataQualityBaselineConfig") is None, "nothing to compare with yet"

    def computed(component: Component) -> Definition:
        later = Baseline(constraints=pulumi.Output.from_input("s3://monitors/constraints.json"))
        return data(replace(PLAIN, baseline=later))(component)

    config = made(computed, DATA).properties["dataQualityBaselineConfig"]
    assert config["constraintsResource"] == {"s3Uri": "s3://monitors/constraints.json"}
    other = made(quality(replace(PREDICTED, baseline=baseline)), QUALITY)
    assert other.desired["ModelQualityBaselineConfig"] == {
        "ConstraintsResource": {"S3Uri": "s3://monitors/constraints.json"}
    }, "statistics are data quality's alone"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_batch_transforms_captured_is_read_in_its_form(form: Any):
    source = TransformInput(captured="s3://monitors/captured", format=form, inference="0")
    node = made(quality(replace(PREDICTED, source=source)), QUALITY)
    wanted = {"csv": {"Csv": {"Header": True}}, "json": {"Json": {"Line": True}}}
    assert node.desired["ModelQualityJobInput"]["BatchTransformInput"]["DatasetFormat"] == wanted[form]
    assert check(node.type, node.properties) == []
    plain = replace(PLAIN, source=replace(source, inference=None))
    native = made(data(plain), DATA)
    assert list(native.properties["dataQualityJobInput"]["batchTransformInput"]["datasetFormat"]) == [form]


def test_everything_that_sagemaker_would_refuse_is_told_at_once():
    job = MonitoringJob(
        role_arn=ROLE,
        source=EndpointInput(endpoint="score", start="3 hours"),
        analysis=Analysis(image="jobs:latest", config="s3://monitors/analysis.json"),
        output=PLAIN.output,
        resources=JobResources(instance_type="ml.m5.large", volume_key=KEY, instance_count=0),
        network=JobNetwork(subnets=["subnet-1"]),
        most_seconds=100_000,
    )
    said = told(quality(job))
    for part in (
        "got 'jobs:latest'; names no digest",
        "got '3 hours'; is no ISO 8601 duration",
        "1 to 100 instances",
        "1 to 86400 seconds",
        "subnets and security groups go together",
        "quality of Regression needs its prediction",
        "take no analysis configuration",
    ):
        assert part in said
    assert "test_monitoring_definitions.py" in said, "a fault says where it was written"


@pytest.mark.parametrize("offset", ["P", "PT", "-P", "-PT3S", "PT1.5H", "1H", "-P1W"])
def test_offsets_are_whole_days_hours_and_minutes(offset: str):
    source = EndpointInput(endpoint="score", inference="0", end=offset)
    assert "is no ISO 8601 duration" in told(quality(replace(PREDICTED, source=source)))


def test_two_classes_are_judged_by_the_prediction_or_by_the_probability_and_its_threshold():
    def two(**source: Any) -> Make:
        job = replace(PREDICTED, source=EndpointInput(endpoint="score", **source))
        return quality(job, problem="BinaryClassification")

    assert name_of(two(inference="0")) and name_of(two(probability="1", threshold=0.5))
    assert "a probability alone needs a threshold" in told(two(probability="1"))
    assert "its prediction or its probability" in told(two())


@pytest.mark.parametrize("make", [bias(PLAIN), explainability(PLAIN)], ids=["bias", "explanations"])
def test_bias_and_explanations_need_an_analysis_configuration(make: Make):
    assert "need an analysis configuration" in told(make)


@pytest.mark.parametrize(
    ("make", "attribute"),
    [
        (data(PREDICTED), "inference"),
        (quality(replace(PREDICTED, source=EndpointInput(endpoint="score", inference="0", features="1"))), "features"),
        (explainability(replace(CONFIGURED, source=PREDICTED.source)), "start"),
    ],
    ids=["data", "quality", "explanations"],
)
def test_an_input_tells_only_what_its_kind_reads(make: Make, attribute: str):
    assert f"can't be told of its input's {attribute!r}" in told(make)


def test_values_that_come_from_other_resources_are_taken_as_they_come():
    def make(component: Component) -> Definition:
        source = replace(PREDICTED.source, endpoint=pulumi.Output.from_input("score"))
        return quality(replace(PREDICTED, role_arn=pulumi.Output.from_input(ROLE), source=source))(component)

    assert name_of(make) == name_of(quality())


def watched(kind: Make, every_hours: int, at: int = 0) -> Make:
    def make(component: Component) -> Definition:
        definition = kind(component)
        schedule(component, "schedule", definition, every_hours=every_hours, at=at)
        return definition

    return make


SCHEDULE = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"


@pytest.mark.parametrize(
    ("hours", "at", "wanted"),
    [(1, 7, "cron(0 * ? * * *)"), (6, 3, "cron(0 3/6 ? * * *)"), (24, 3, "cron(0 3 ? * * *)")],
)
def test_a_schedule_runs_its_definition_and_keeps_its_name(hours: int, at: int, wanted: str):
    node = made(watched(quality(), hours, at), SCHEDULE)
    assert check(node.type, node.properties) == []
    assert node.properties["name"] == "ml-dev-fraud-watch-schedule"
    config = node.properties["monitoringScheduleConfig"]
    assert config["scheduleConfig"] == {"scheduleExpression": wanted}
    assert config["monitoringType"] == "ModelQuality" and config["monitoringJobDefinitionName"] == name_of(quality())
    (definition,) = graph_of(watched(quality(), hours)).of_type(QUALITY)
    assert definition.urn in node.dependencies, "a schedule goes before the definition that it names"


def test_a_run_is_over_before_the_next_begins():
    longer = quality(replace(PREDICTED, most_seconds=3600))
    said = told(watched(longer, 1))
    assert "got 3600; a run of ModelQuality may not outlast 1800 seconds here. Give it 1800 seconds" in said
    assert name_of(watched(longer, 2)) and name_of(watched(data(replace(PLAIN, most_seconds=3600)), 1))


@pytest.mark.parametrize(
    ("hours", "at", "wrong"), [(0, 0, "1 to 24 hours"), (25, 0, "1 to 24 hours"), (6, 24, "no hour")]
)
def test_a_schedule_runs_within_a_day_and_from_an_hour_on(hours: int, at: int, wrong: str):
    assert wrong in told(watched(quality(), hours, at))


@pytest.mark.parametrize("kind", ["DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"])
@pytest.mark.parametrize("hours", [1, 2, 24])
def test_what_a_job_is_given_is_what_the_sandbox_lets_it_have(kind: Any, hours: int):
    assert most_seconds(kind, hours) == cadence.longest_run(kind, expression(hours))
