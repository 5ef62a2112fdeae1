"""Dashboards and composite alarms through their whole life; alarms on expressions and bands; refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
BODY: dict[str, Any] = {
    "widgets": [
        {"type": "text", "width": 6, "height": 3, "properties": {"markdown": "# Score"}},
        {
            "type": "metric",
            "x": 0,
            "y": 3,
            "width": 12,
            "height": 6,
            "properties": {
                "region": "eu-west-1",
                "metrics": [["AWS/SageMaker", "Invocations", "EndpointName", "score"]],
            },
        },
    ]
}


def alarm(cloud: Cloud, name: str) -> Made:
    return cloud.make(
        ALARM,
        name=name,
        comparisonOperator="GreaterThanThreshold",
        evaluationPeriods=1,
        metricName="Errors",
        namespace="Modelyard",
        period=60,
        statistic="Sum",
        threshold=0,
    )


def test_a_dashboard_is_made_changed_in_place_and_gone(cloud: Cloud):
    made = cloud.make(DASHBOARD, dashboardName="score", dashboardBody=json.dumps(BODY))
    assert made["dashboardArn"] == "arn:aws:cloudwatch::123456789012:dashboard/score"
    assert not made.forecast(dashboardBody=json.dumps(BODY, indent=2)).changed, "the same, written otherwise"
    made.update(dashboardBody=json.dumps({"widgets": BODY["widgets"][:1]}))
    assert made.forecast(dashboardName="other").replaces == {"dashboardName"}
    made.imported("score")
    made.delete()
    assert cloud.client("cloudwatch").list_dashboards()["DashboardEntries"] == []


def test_a_dashboard_that_was_changed_by_hand_is_seen(cloud: Cloud):
    made = cloud.make(DASHBOARD, dashboardName="score", dashboardBody=json.dumps(BODY))
    cloud.client("cloudwatch").put_dashboard(DashboardName="score", DashboardBody='{"widgets": []}')
    found = made.read()
    assert found is not None and json.loads(found.state["dashboardBody"]) == {"widgets": []}


def test_a_composite_alarm_lives_and_dies(cloud: Cloud):
    alarm(cloud, "errors")
    alarm(cloud, "latency")
    both = cloud.make(COMPOSITE, alarmName="any", alarmRule='ALARM("errors")', tags={"team": "fraud"})
    assert both["arn"].endswith(":alarm:any")
    both.update(alarmRule='ALARM("errors") OR ALARM("latency")', alarmActions=[TOPIC])
    both.update(tags={"team": "risk"})
    assert both.forecast(alarmName="other").replaces == {"alarmName"}
    both.imported("any")
    both.delete()


def test_a_composite_alarm_is_silenced_by_another(cloud: Cloud):
    alarm(cloud, "errors")
    alarm(cloud, "rollout")
    quiet = {"alarm": "rollout", "extensionPeriod": 60, "waitPeriod": 120}
    made = cloud.make(COMPOSITE, alarmName="any", alarmRule="ALARM(errors)", actionsSuppressor=quiet)
    made.update(actionsSuppressor={**quiet, "waitPeriod": 180})
    made.update(actionsSuppressor=None)
    made.delete()


def test_a_composite_alarm_that_was_changed_by_hand_is_seen(cloud: Cloud):
    alarm(cloud, "errors")
    made = cloud.make(COMPOSITE, alarmName="any", alarmRule="ALARM(errors)")
    cloud.client("cloudwatch").put_composite_alarm(AlarmName="any", AlarmRule="OK(errors)")
    found = made.read()
    assert found is not None and found.state["alarmRule"] == "OK(errors)"


def test_the_children_of_a_composite_alarm_exist(cloud: Cloud):
    alarm(cloud, "errors")
    assert "['latency'] in the alarm rule do not exist" in cloud.refused(
        COMPOSITE, alarmName="any", alarmRule="ALARM(errors) OR ALARM(latency)"
    )


def test_alarms_that_look_at_one_another_stay_until_the_circle_is_broken(cloud: Cloud):
    alarm(cloud, "errors")
    one = cloud.make(COMPOSITE, alarmName="one", alarmRule="ALARM(errors)")
    two = cloud.make(COMPOSITE, alarmName="two", alarmRule="ALARM(one)")
    one.update(alarmRule="ALARM(two)")
    for held in (one, two):
        assert "composite alarm(s) depending on it" in cloud.refuses_to_delete(held)
    one.update(alarmRule="FALSE")
    two.delete()
    one.delete()


def test_an_alarm_that_another_looks_at_stays(cloud: Cloud):
    child, silencing = alarm(cloud, "errors"), alarm(cloud, "rollout")
    quiet = {"alarm": silencing["arn"], "extensionPeriod": 60, "waitPeriod": 120}
    parent = cloud.make(COMPOSITE, alarmName="any", alarmRule=f'ALARM("{child["arn"]}")', actionsSuppressor=quiet)
    for held in (child, silencing):
        assert "composite alarm(s) depending on it" in cloud.refuses_to_delete(held)
    parent.delete()
    child.delete()
    silencing.delete()


def test_an_alarm_watches_a_band_around_what_is_usual(cloud: Cloud):
    queries = [
        {"id": "band", "expression": "ANOMALY_DETECTION_BAND(seen, 2)", "label": "Usual", "returnData": True},
        {
            "id": "seen",
            "returnData": True,
            "metric": {"metricName": "Drift", "namespace": "Modelyard", "period": 3600, "stat": "Maximum"},
        },
    ]
    made = cloud.make(
        ALARM,
        name="drift",
        comparisonOperator="GreaterThanUpperThreshold",
        evaluationPeriods=3,
        datapointsToAlarm=2,
        thresholdMetricId="band",
        metricQueries=queries,
        treatMissingData="missing",
    )
    wider = [{**queries[0], "expression": "ANOMALY_DETECTION_BAND(seen, 3)"}, queries[1]]
    made.update(metricQueries=wider)
    made.imported("drift")
    made.delete()
