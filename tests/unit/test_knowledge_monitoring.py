"""What AWS refuses of monitors, dashboards and alarms: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard_sandbox.grammar import alarm_rules, cadence
from modelyard_sandbox.knowledge import UNKNOWN, Failure, check, rules, shapes
from modelyard_sandbox.knowledge.rules import monitoring, views

SCHEDULE = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"
DATA = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
QUALITY = "AWS::SageMaker::ModelQualityJobDefinition"
BIAS = "AWS::SageMaker::ModelBiasJobDefinition"
EXPLANATIONS = "AWS::SageMaker::ModelExplainabilityJobDefinition"
ROLE = "arn:aws:iam::123456789012:role/monitor"
HOURLY = "cron(0 * ? * * *)"
CLUSTER = {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGb": 20}
PLACE = {"S3Uri": "s3://b/results", "LocalPath": "/opt/ml/processing/output"}


def config(expression: str = HOURLY, **changes: Any) -> dict[str, Any]:
    schedule = {"scheduleExpression": expression}
    given = {"monitoringType": "DataQuality", "monitoringJobDefinitionName": "score", "scheduleConfig": schedule}
    return {"monitoringScheduleConfig": {name: of for name, of in {**given, **changes}.items() if of is not None}}


def inline(seconds: int = 1800, kind: str = "DataQuality", **source: Any) -> dict[str, Any]:
    read = {"endpointName": "score", "localPath": "/in", **source}
    definition: dict[str, Any] = {
        "roleArn": ROLE,
        "monitoringAppSpecification": {"imageUri": "i@sha256:0"},
        "monitoringInputs": {"endpointInput": read},
        "monitoringOutputConfig": {"monitoringOutputs": {"s3Output": {"s3Uri": "s3://b/r", "localPath": "/out"}}},
        "monitoringResources": {"clusterConfig": CLUSTER},
        "stoppingConditions": [{"maxRuntimeInSeconds": seconds}],
    }
    return config(monitoringType=kind, monitoringJobDefinitionName=None, monitoringJobDefinition=definition)


def transformed(**source: Any) -> dict[str, Any]:
    """A schedule's own definition over what batch transforms captured."""
    given = inline()
    captured = {"dataCapturedDestinationS3Uri": "s3://c", "datasetFormat": {"csv": {}}, "localPath": "/in", **source}
    given["monitoringScheduleConfig"]["monitoringJobDefinition"]["monitoringInputs"] = {"batchTransformInput": captured}
    return given


def neither() -> dict[str, Any]:
    given = inline()
    given["monitoringScheduleConfig"]["monitoringJobDefinition"]["monitoringInputs"] = {}
    return given


def state(kind: str, **changes: Any) -> dict[str, Any]:
    """A definition's desired state."""
    application = {"ImageUri": "i@sha256:0"}
    application |= {"ProblemType": "Regression"} if kind == "ModelQuality" else {"ConfigUri": "s3://b/analysis.json"}
    return {
        f"{kind}AppSpecification": application,
        f"{kind}JobInput": job_input(kind),
        f"{kind}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": PLACE}]},
        "JobResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
        "RoleArn": ROLE,
        **changes,
    }


def job_input(kind: str, source: str = "EndpointInput", **changes: Any) -> dict[str, Any]:
    of_endpoint = {"EndpointName": "score", "LocalPath": "/in"}
    captured = {"DataCapturedDestinationS3Uri": "s3://c/d", "DatasetFormat": {"Csv": {}}, "LocalPath": "/in"}
    given: dict[str, Any] = of_endpoint if source == "EndpointInput" else captured
    if kind == "ModelQuality":
        given["InferenceAttribute"] = "0"
    labels = {} if kind == "ModelExplainability" else {"GroundTruthS3Input": {"S3Uri": "s3://b/labels"}}
    return {source: {name: of for name, of in {**given, **changes}.items() if of is not None}, **labels}


def given(kind: str, source: str = "EndpointInput", **changes: Any) -> dict[str, Any]:
    return {f"{kind}JobInput": job_input(kind, source, **changes)}


def problem(kind: str) -> dict[str, Any]:
    return {"ModelQualityAppSpecification": {"ImageUri": "i@sha256:0", "ProblemType": kind}}


def body(*widgets: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"dashboardBody": json.dumps({"widgets": list(widgets), **more})}


def metrics(count: int, **more: Any) -> dict[str, Any]:
    listed = [["Modelyard", f"m{number}"] for number in range(count)]
    return {"type": "metric", "properties": {"region": "eu-west-1", "metrics": listed}, **more}


def text(**more: Any) -> dict[str, Any]:
    return {"type": "text", "properties": {"markdown": "# Score"}, **more}


def queries(*ids: str, **band: Any) -> dict[str, Any]:
    """Metrics by id, the first of which is watched."""
    metric = {"metricName": "Drift", "namespace": "Modelyard", "period": 60, "stat": "Maximum"}
    listed = [{"id": name, "metric": metric, "returnData": name == ids[0]} for name in ids]
    without = dict.fromkeys(("metricName", "namespace", "period", "statistic"))
    return {**without, "metricQueries": [*listed, *([band] if band else [])]}


def banded(operator: str = "GreaterThanUpperThreshold", of: str = "band", **changes: Any) -> dict[str, Any]:
    band = {"id": "band", "expression": "ANOMALY_DETECTION_BAND(m, 2)", "returnData": True}
    given = {"comparisonOperator": operator, "thresholdMetricId": of, "threshold": None}
    return {**queries("m", **band), **given, **changes}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    SCHEDULE: {"name": "score", **config()},
    DATA: {
        "name": "score",
        "roleArn": ROLE,
        "dataQualityAppSpecification": {"imageUri": "i@sha256:0"},
        "dataQualityJobInput": {"endpointInput": {"endpointName": "score"}},
        "dataQualityJobOutputConfig": {"monitoringOutputs": {"s3Output": {"s3Uri": "s3://b/r"}}},
        "jobResources": {"clusterConfig": CLUSTER},
    },
    QUALITY: state("ModelQuality"),
    BIAS: state("ModelBias"),
    EXPLANATIONS: state("ModelExplainability"),
    DASHBOARD: {"dashboardName": "score", **body(text(), metrics(1))},
    COMPOSITE: {"alarmName": "any", "alarmRule": 'ALARM("errors") OR ALARM(latency)'},
    ALARM: {
        "name": "errors",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "metricName": "Errors",
        "namespace": "Modelyard",
        "period": 60,
        "statistic": "Sum",
        "threshold": 0,
    },
}
FORMAT = {"DatasetFormat": {"Csv": {}, "Json": {}}}
CAPTURED = {"dataCapturedDestinationS3Uri": "s3://c"}
CASES: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("a schedule is hourly, every few hours or daily", SCHEDULE, config("rate(1 hour)"),
     config("cron(0 17/12 ? * * *)")),
    ("a schedule has its definition once", SCHEDULE, config(monitoringJobDefinitionName=None), inline()),
    ("a run ends before the next", SCHEDULE, inline(3601), inline(3600)),
    ("a run that waits for labels has half an hour", SCHEDULE, inline(1801, "ModelBias"), inline(1800, "ModelBias")),
    ("a schedule's own definition reads something", SCHEDULE, neither(), transformed()),
    ("it starts at a duration before", SCHEDULE, inline(startTimeOffset="P3H"), inline(startTimeOffset="-PT3H")),
    ("it ends at a duration before", SCHEDULE, inline(endTimeOffset="-PT3S"), inline(endTimeOffset="-PT3H")),
    ("it starts before it ends", SCHEDULE, inline(startTimeOffset="-PT1H", endTimeOffset="-P1D"),
     inline(startTimeOffset="-P1D", endTimeOffset="-PT1H")),
    ("transforms start at a duration before", SCHEDULE, transformed(startTimeOffset="P"), transformed()),
    ("transforms end at a duration before", SCHEDULE, transformed(endTimeOffset="P"), transformed()),
    ("transforms start before they end", SCHEDULE, transformed(startTimeOffset="PT1H"),
     transformed(startTimeOffset="-PT1H")),
    ("data quality reads an endpoint or transforms", DATA, {"dataQualityJobInput": {}},
     {"dataQualityJobInput": {"batchTransformInput": {**CAPTURED, "datasetFormat": {"csv": {}}}}}),
    ("data has one format", DATA,
     {"dataQualityJobInput": {"batchTransformInput": {**CAPTURED, "datasetFormat": {"csv": {}, "json": {}}}}},
     {"dataQualityJobInput": {"batchTransformInput": {**CAPTURED, "datasetFormat": {"json": {"line": True}}}}}),
    ("the quality of a number needs the prediction", QUALITY, given("ModelQuality", InferenceAttribute=None), {}),
    ("the quality of classes needs more than a probability", QUALITY,
     {**problem("MulticlassClassification"),
      **given("ModelQuality", InferenceAttribute=None, ProbabilityAttribute="1")},
     {**problem("BinaryClassification"),
      **given("ModelQuality", InferenceAttribute=None, ProbabilityAttribute="1", ProbabilityThresholdAttribute=0.5)}),
    *(
        case
        for token, kind in ((QUALITY, "ModelQuality"), (BIAS, "ModelBias"))
        for source in ("EndpointInput", "BatchTransformInput")
        for case in (
            (f"{kind} starts at a duration before, over {source}", token,
             given(kind, source, StartTimeOffset="PT"), given(kind, source, StartTimeOffset="-P1DT2H")),
            (f"{kind} ends at a duration before, over {source}", token,
             given(kind, source, EndTimeOffset="P1W"), given(kind, source, EndTimeOffset="-PT30M")),
            (f"{kind} starts before it ends, over {source}", token,
             given(kind, source, StartTimeOffset="-PT1H", EndTimeOffset="-PT1H"),
             given(kind, source, StartTimeOffset="-PT2H", EndTimeOffset="-PT1H")),
        )
    ),
    *(
        case
        for token, kind in ((QUALITY, "ModelQuality"), (BIAS, "ModelBias"), (EXPLANATIONS, "ModelExplainability"))
        for case in (
            (f"{kind} reads one thing", token,
             {f"{kind}JobInput": {**job_input(kind), **job_input(kind, "BatchTransformInput")}},
             given(kind, "BatchTransformInput")),
            (f"{kind} reads one format", token, given(kind, "BatchTransformInput", **FORMAT),
             given(kind, "BatchTransformInput")),
        )
    ),
    ("a dashboard's name has an alphabet", DASHBOARD, {"dashboardName": "score board"},
     {"dashboardName": "score-board"}),
    ("a dashboard is JSON with widgets", DASHBOARD, {"dashboardBody": "{}"}, body()),
    ("a widget is of a known type", DASHBOARD, body({"type": "graph", "properties": {}}), body(text())),
    ("a widget says what its type needs", DASHBOARD, body({"type": "log", "properties": {"region": "eu-west-1"}}),
     body({"type": "log", "properties": {"region": "eu-west-1", "query": "SOURCE 'a'"}})),
    ("a widget fits the grid", DASHBOARD, body(text(width=25)), body(text(width=24, x=0, y=900, height=1000))),
    ("a widget has 500 metrics at most", DASHBOARD, body(metrics(501)), body(metrics(500))),
    ("a rule has a grammar", COMPOSITE, {"alarmRule": "ALARM(errors) ALARM(latency)"},
     {"alarmRule": "NOT (OK(errors) AND TRUE)"}),
    ("a band needs its operator", ALARM, banded("GreaterThanThreshold"), banded()),
    ("one query is watched", ALARM, queries("m", "m"), queries("m", "n")),
    ("a query is an expression or a metric", ALARM, queries("m", id="e"), queries("m", id="e", expression="m * 2")),
    ("a query's id begins with a small letter", ALARM, queries("M"), queries("m1")),
]  # fmt: skip


def judged(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """All that is refused; a CloudFormation type goes through Cloud Control."""
    if token.startswith("AWS::"):
        return check(CONTROLLED, {"typeName": token, "desiredState": json.dumps(inputs)})
    return check(token, {name: value for name, value in inputs.items() if value is not None})


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert judged(token, {**ACCEPTED[token], **refused})
    assert judged(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert judged(token, ACCEPTED[token]) == []
    if token.startswith("aws:"):
        assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    idle = [*monitoring.RULES, *views.RULES]
    for _, token, refused, _ in CASES:
        values: Mapping[str, Any] = {**ACCEPTED[token], **refused}
        if token.startswith("aws:"):
            values, _ = shapes.read(token, {name: value for name, value in values.items() if value is not None})
        idle = [rule for rule in idle if rule.token != token or not list(rule.failures(values))]
    assert [f"{rule.token} {rule.property}" for rule in idle] == []
    assert {*monitoring.RULES, *views.RULES} <= set(rules.RULES)


@pytest.mark.parametrize(
    ("token", "change", "path"),
    [
        (QUALITY, {"ModelQualityJobInput": {"EndpointInput": {"EndpointName": "e", "LocalPath": "/in"}}}, "JobInput"),
        (BIAS, {"ModelBiasJobInput": {"EndpointInput": {"EndpointName": "e", "LocalPath": "/in"}}}, "JobInput"),
        (BIAS, {"ModelBiasAppSpecification": {"ImageUri": "i"}}, "AppSpecification"),
        (EXPLANATIONS, {"ModelExplainabilityAppSpecification": {"ImageUri": "i"}}, "AppSpecification"),
        (QUALITY, {"ModelQualityAppSpecification": {"ImageUri": "i"}}, "AppSpecification"),
        (QUALITY, problem("Ranking"), "ProblemType"),
        (QUALITY, {"JobResources": {"ClusterConfig": {"InstanceCount": 101, "InstanceType": "ml.m5.large",
         "VolumeSizeInGB": 20}}}, "InstanceCount"),
        (DATA, {"jobResources": {"clusterConfig": {**CLUSTER, "instanceCount": 0}}}, "instanceCount"),
        (DATA, {"jobResources": {"clusterConfig": {**CLUSTER, "instanceType": "m5.large"}}}, "instanceType"),
        (DATA, {"stoppingCondition": {"maxRuntimeInSeconds": 86_401}}, "maxRuntimeInSeconds"),
        (COMPOSITE, {"alarmRule": "TRUE" + " " * 10_240}, "alarmRule"),
    ],
)  # fmt: skip
def test_what_the_schemas_and_models_say_needs_no_rule(token: str, change: Mapping[str, Any], path: str):
    assert any(path in failure.property for failure in judged(token, {**ACCEPTED[token], **change}))


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        (HOURLY, 3600),
        ("cron(0 0 ? * * *)", 86_400),
        ("cron(0 23 ? * * *)", 86_400),
        ("cron(0 0/2 ? * * *)", 7200),
        ("cron(0 5/24 ? * * *)", 86_400),
        ("cron(0 24 ? * * *)", None),
        ("cron(0 0/25 ? * * *)", None),
        ("cron(0 0/0 ? * * *)", None),
        ("cron(30 * ? * * *)", None),
        ("cron(0 3 * * ? *)", None),
        ("cron(0/15 * ? * * *)", None),
        ("NOW", None),
    ],
)
def test_a_schedule_has_the_intervals_that_sagemaker_knows(expression: str, seconds: int | None):
    assert cadence.interval(expression) == seconds


def test_a_run_has_the_interval_or_half_an_hour_where_an_hourly_one_waits_for_labels():
    assert cadence.longest_run("DataQuality", HOURLY) == cadence.longest_run("ModelExplainability", HOURLY) == 3600
    assert cadence.longest_run("ModelQuality", HOURLY) == cadence.longest_run("ModelBias", HOURLY) == 1800
    assert cadence.longest_run("ModelQuality", "cron(0 0/2 ? * * *)") == 7200


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("ALARM(a)", ("a",)),
        ('ALARM("a b") AND NOT (OK(c) OR INSUFFICIENT_DATA("a b"))', ("a b", "c")),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)", ("a",)),
        ("AT_LEAST(2, NOT OK, (a, b, c)) OR false", ("a", "b", "c")),
        ('AT_LEAST("50%", ALARM, (a))', ("a",)),
        ("TRUE", ()),
    ],
)
def test_a_rule_names_its_alarms(rule: str, names: tuple[str, ...]):
    assert alarm_rules.alarms(rule) == names


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("", "ends too early"),
        ("ALARM(a) AND", "ends too early"),
        ("ALARM()", "names no alarm"),
        ("(ALARM(a)", "ends too early"),
        ("ALARM(a))", "where AND, OR or its end should be"),
        ("BROKEN(a)", "where a state"),
        ("ALARM a", "where '(' should be"),
        ('ALARM("a', "can't be read"),
        ("AT_LEAST(half, ALARM, (a))", "neither a number nor a percentage"),
        ("AT_LEAST(1, LOUD, (a))", "is no state"),
        (" OR ".join(f"ALARM(a{number})" for number in range(101)), "101 alarms; at most 100"),
        (" OR ".join(["(TRUE)"] * 167), "501 elements; at most 500"),
    ],
)
def test_a_rule_that_can_not_be_read_says_why(rule: str, told: str):
    with pytest.raises(alarm_rules.RuleError, match=told.replace("(", r"\(")):
        alarm_rules.alarms(rule)


@pytest.mark.parametrize(
    ("widgets", "told"),
    [
        ([text()] * 501, "501 widgets"),
        ([metrics(500)] * 5 + [metrics(1)], "2501 metrics"),
        ([text(x=1)], "both, or neither"),
        ([text(x=24, y=0)], "it takes 0 to 23"),
        ([text(height=0)], "it takes 1 to 1000"),
        ([{"type": "text"}], "has no properties"),
        ([{"type": ["text"], "properties": {}}], "none of alarm"),
        ([{"type": "metric", "properties": {"region": "eu-west-1"}}], "lacks metrics"),
    ],
)
def test_a_dashboard_that_is_too_much_or_too_little_says_where(widgets: list[dict[str, Any]], told: str):
    failures = judged(DASHBOARD, {"dashboardName": "score", **body(*widgets)})
    assert any(told in failure.reason for failure in failures)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (banded(of="other"), "the id of no ANOMALY_DETECTION_BAND"),
        (banded(threshold=1), "exclude one another"),
        ({"comparisonOperator": "LessThanLowerThreshold"}, "needs thresholdMetricId"),
        (queries(*(f"m{number}" for number in range(11))), "10 of them metrics"),
        (queries("m", id="e", expression="m", returnData=True), "one of metricQueries returns data, not 2"),
    ],
)
def test_an_alarm_on_an_expression_or_a_band_is_whole(change: Mapping[str, Any], told: str):
    failures = judged(ALARM, {**ACCEPTED[ALARM], **change})
    assert any(told in failure.reason for failure in failures), failures
