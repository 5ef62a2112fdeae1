"""Alarms and metric filters through their whole life."""

from __future__ import annotations

from typing import Any

import pytest

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


def root_login(**changes: Any) -> dict[str, Any]:
    """An alarm on a metric of one's own."""
    return {
        "name": "root-login",
        "namespace": "Modelyard",
        "metricName": "RootLogin",
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "evaluationPeriods": 1,
        "period": 300,
        "statistic": "Sum",
        "threshold": 1,
        "alarmActions": [TOPIC],
        "treatMissingData": "notBreaching",
        **changes,
    }


def test_an_alarm_lives_and_dies(cloud: Any) -> None:
    alarm = cloud.make(ALARM, **root_login(tags={"team": "fraud"}))
    assert (alarm.id, alarm["arn"]) == ("root-login", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:root-login")
    alarm.update(threshold=2.5, okActions=[TOPIC])
    alarm.update(dimensions={"EndpointName": "score", "VariantName": "main"})
    alarm.update(actionsEnabled=False)
    alarm.update(okActions=None)
    alarm.update(tags={"team": "churn"})
    assert alarm.forecast(name="other").replaces == {"name"}
    alarm.imported("root-login")
    alarm.delete()


def test_an_alarm_that_somebody_muted_has_drifted(cloud: Any) -> None:
    alarm = cloud.make(ALARM, **root_login())
    cloud.client("cloudwatch").disable_alarm_actions(AlarmNames=["root-login"])
    assert alarm.read().inputs["actionsEnabled"] is False


def test_an_alarm_can_calculate(cloud: Any) -> None:
    queries = [
        {"id": "rate", "expression": "errors / requests", "label": "Error rate", "returnData": True},
        *(
            {
                "id": name,
                "metric": {
                    "metricName": metric,
                    "namespace": "AWS/SageMaker",
                    "period": 60,
                    "stat": "Sum",
                    "dimensions": {"EndpointName": "score"},
                },
            }
            for name, metric in (("errors", "Invocation5XXErrors"), ("requests", "Invocations"))
        ),
    ]
    without = ("namespace", "metricName", "period", "statistic")
    wanted = {prop: value for prop, value in root_login(metricQueries=queries).items() if prop not in without}
    alarm = cloud.make(ALARM, **wanted)
    alarm.update(threshold=0.05)


def test_a_metric_filter_lives_and_dies(cloud: Any) -> None:
    cloud.make(LOG_GROUP, name="/trail")
    counted = {"name": "RootLogin", "namespace": "Modelyard", "value": "1"}
    metric = cloud.make(
        FILTER,
        name="root",
        logGroupName="/trail",
        pattern='{ $.userIdentity.type = "Root" }',
        metricTransformation=counted,
    )
    metric.update(pattern='{ $.userIdentity.type = "Root" && $.eventType != "AwsServiceEvent" }')
    metric.update(metricTransformation=counted | {"defaultValue": "0"})
    metric.update(metricTransformation=counted | {"unit": "Count"})
    assert metric.forecast(logGroupName="/other").replaces == {"logGroupName"}
    metric.imported("/trail:root")
    assert len(cloud.client("logs").describe_metric_filters()["metricFilters"]) == 1
    metric.delete()


def test_a_filter_of_a_group_that_is_not_there_is_refused(cloud: Any) -> None:
    counted = {"name": "RootLogin", "namespace": "Modelyard", "value": "1"}
    refusal = cloud.refused(FILTER, name="root", logGroupName="/trail", pattern="", metricTransformation=counted)
    assert "ResourceNotFoundException" in refusal


@pytest.mark.parametrize("action", ["alarmActions", "okActions"])
def test_the_order_of_actions_is_no_change(cloud: Any, action: str) -> None:
    alarm = cloud.make(ALARM, **root_login(**{action: [TOPIC, TOPIC + "2"]}))
    assert not alarm.forecast(**{action: [TOPIC + "2", TOPIC]}).changed
