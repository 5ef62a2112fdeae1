"""What watches an endpoint as a graph, its pages, and what its file may not say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.ground import a_role
from tests.unit.watches import (
    ALARM,
    ASYNCHRONOUS,
    FUNCTION,
    PAGE,
    PROBE,
    SERVERLESS,
    names,
    one,
    policies,
    program,
    whole,
)

from modelyard import WatchSpec
from modelyard.core.errors import InputError, SpecError
from modelyard.run.monitoring.metrics import METRICS, OURS, MonitorKind


def test_every_part_of_a_watch_is_made():
    assert names(whole(), FUNCTION, "score-watch-") == {"probe", "patterns", "cost"}
    assert names(whole(), ALARM, "score-watch-") == {
        "up",
        "late",
        "sweeps",
        "distances",
        "steps",
        "outside",
        "boundary",
        "share-of-one",
        "ceiling",
        "patterns-fails",
        "cost-fails",
    }


def test_nothing_said_is_patterns_cost_and_a_page_and_no_probe():
    assert names(whole(), FUNCTION, "other-watch-") == {"patterns", "cost"}
    assert names(whole(), ALARM, "other-watch-") == {"sweeps", "distances", "steps", "patterns-fails", "cost-fails"}
    assert whole().named("other-watch-dashboard")


def test_an_alarm_has_an_owner_a_runbook_and_a_topic_that_tells_them():
    for node in whole().of_type(ALARM):
        if not node.name.startswith("score-watch-"):
            continue
        inputs = node.properties
        assert "Owner: ada@acme.example. Runbook: https://wiki.acme.example/scores" in inputs["alarmDescription"]
        assert inputs["tags"]["owner"] == "ada@acme.example"
        assert inputs["tags"]["runbook"] == "https://wiki.acme.example/scores"
        assert inputs["alarmActions"] == inputs["okActions"] != []
    assert "Runbook: docs/monitoring.md" in one(whole(), "other-watch-sweeps")["alarmDescription"]


def test_a_probe_that_says_nothing_is_as_bad_as_one_that_fails():
    up, late = one(whole(), "score-watch-up"), one(whole(), "score-watch-late")
    assert (up["treatMissingData"], up["comparisonOperator"], up["threshold"]) == (
        "breaching",
        "LessThanThreshold",
        1.0,
    )
    assert (up["datapointsToAlarm"], up["evaluationPeriods"], up["period"]) == (2, 3, 300)
    assert late["treatMissingData"] == "notBreaching", "what doesn't answer isn't late as well"
    assert one(whole(), "score-watch-probe-clock")["flexibleTimeWindow"] == {"mode": "OFF"}


def test_alarms_look_at_what_the_functions_publish():
    watched: tuple[tuple[str, MonitorKind, str], ...] = (
        ("up", "uptime", "uptime_answered"),
        ("sweeps", "patterns", "patterns_sweeps"),
        ("ceiling", "cost", "cost_month"),
    )
    for role, kind, metric in watched:
        alarm = one(whole(), f"score-watch-{role}")
        assert (alarm["namespace"], alarm["metricName"]) == (OURS, metric)
        assert alarm["dimensions"] == {"Endpoint": "ml-dev-fraud-score"}
        assert alarm["statistic"] == METRICS[kind][metric].statistic


def test_each_function_may_do_its_own_thing_and_no_other():
    allowed = {
        role: {
            action
            for statement in policies(whole(), f"score-watch-{role}")
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for role in ("probe", "patterns", "cost")
    }
    common = {"cloudwatch:PutMetricData", "logs:CreateLogStream", "logs:PutLogEvents", "ssm:GetParametersByPath"}
    assert allowed["probe"] == common | {"sagemaker:InvokeEndpoint"}
    assert allowed["cost"] == common | {"sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig"}
    assert {action for action in allowed["patterns"] if action.startswith("sagemaker:")} == set()
    assert "s3:PutObject" not in allowed["patterns"]


def test_metrics_go_to_our_namespace_alone():
    for role in ("probe", "patterns", "cost"):
        (put,) = [s for s in policies(whole(), f"score-watch-{role}") if s["Action"] == "cloudwatch:PutMetricData"]
        assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": OURS}}


def test_the_rule_hears_alarms_of_the_team_alone_on_the_default_bus():
    rule = one(whole(), "watch-alarms")
    assert "eventBusName" not in rule
    assert rule["name"].startswith("ml-dev-fraud-")
    assert json.loads(rule["eventPattern"]) == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": "ml-dev-fraud-"}]},
    }


def test_incidents_are_put_down_once_below_their_endpoints_and_never_taken_away():
    (put,) = [s for s in policies(whole(), "watch-incidents") if s["Action"] == "s3:PutObject"]
    assert all(re.search(r"/incidents/(other|score)/\*$", str(arn)) for arn in put["Resource"])
    actions = json.dumps([s["Action"] for s in policies(whole(), "watch-incidents")])
    assert "s3:Delete" not in actions and "sagemaker:" not in actions and "cloudwatch:" not in actions


def test_without_evidence_incidents_lie_in_the_lake_and_only_once():
    graph = program({"score": ({}, {})}, team=lambda _: None)
    (put,) = [s for s in policies(graph, "watch-incidents") if s["Action"] == "s3:PutObject"]
    assert put["Condition"] == {"Null": {"s3:if-none-match": "false"}}
    assert "lake-capture" in str(put["Resource"])


def test_the_evidences_bucket_takes_incidents_once_and_lets_nobody_remove_them():
    (policy,) = whole().named("evidence-policy")
    by_name = {s["Sid"]: s for s in json.loads(policy.properties["policy"])["Statement"] if "Sid" in s}
    for sid in ("WrittenOnce", "NobodyTakesEvidenceAway", "NobodyLiftsTheLock", "NothingElseLiesHere"):
        resources = by_name[sid].get("Resource") or by_name[sid]["NotResource"]
        assert any(str(arn).endswith("/incidents/*") for arn in resources), sid
    writes = by_name["OneWritesEvidence"]["Resource"]
    assert not any(str(arn).endswith("/incidents/*") for arn in writes), "bundles have another writer"


def test_an_endpoint_whose_incidents_are_off_opens_none():
    graph = program({"score": ({}, {"incidents": False})}, team=lambda _: None)
    assert not graph.named("watch-incidents") and not graph.named("watch-alarms")
    assert graph.named("watch-dashboard")


def test_whoever_closes_writes_that_alone():
    graph = program(
        {"score": ({}, {})},
        evidence=True,
        team=lambda watch: watch.grant_close_incidents(a_role("person"), endpoints=["score"]),
    )
    (put,) = [s for s in policies(graph, "person") if s["Action"] == "s3:PutObject"]
    assert str(put["Resource"]).endswith("/incidents/score/*/closed.json")


def test_a_grant_on_an_endpoint_without_incidents_is_refused_by_name():
    with pytest.raises(InputError, match="is no endpoint with incidents; there are: score"):
        program(
            {"score": ({}, {})},
            team=lambda watch: watch.grant_read_incidents(a_role("person"), endpoints=["score", "none"]),
        )


MANY = {
    "kind": "multi_model",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-serve@sha256:{'d' * 64}",
    "artifact": "a" * 64,
    "models": {"before": {"version": 1, "artifact": "b" * 64}},
    "instance_type": "ml.m5.large",
}


def test_of_many_models_the_released_one_is_probed_and_no_other_may_be():
    graph = program({"score": ({"served_by": MANY}, {"probe": PROBE, "cost": {"monthly_ceiling_usd": 9}})})
    asked = one(graph, "score-watch-probe")["environment"]["variables"]["TARGET_MODEL"]
    assert "a" * 64 in asked
    (call,) = [s for s in policies(graph, "score-watch-probe") if s["Action"] == "sagemaker:InvokeEndpoint"]
    assert call["Condition"] == {"StringEquals": {"sagemaker:TargetModel": [asked]}}
    assert names(graph, FUNCTION, "score-watch-") == {"probe", "patterns", "cost"}


def test_calls_that_our_container_captures_are_looked_at():
    graph = program({"score": ({"served_by": SERVERLESS, "capture": {"by": "container"}}, {"patterns": {}})})
    settings = one(graph, "score-watch-patterns")["environment"]["variables"]
    assert (settings["PREFIX"], settings["VARIANTS"]) == ("calls/score", "main")


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"served_by": ASYNCHRONOUS}, {"probe": PROBE}, "probe: asks an asynchronous endpoint"),
    ({"served_by": SERVERLESS}, {"patterns": {}}, "patterns: looks at captured calls, and none are"),
    ({"capture": {"percent": 0}}, {"patterns": {}}, "patterns: looks at captured calls, and none are"),
    ({}, {"probe": {**PROBE, "sustained": {"bad": 3, "of": 2}}}, "is more than the 2 points that are looked at"),
    ({}, {"probe": {**PROBE, "latency_ms": 10_000}}, "is never passed"),
    ({}, {"probe": {**PROBE, "every_minutes": 60, "sustained": {"bad": 3, "of": 25}}}, "CloudWatch 1440 at most"),
    ({}, {"patterns": {"every_hours": 24, "sustained": {"bad": 2, "of": 8}}}, "CloudWatch 168 at most"),
    ({}, {"patterns": {"ranges": {"age": {"least": 0, "most": 1}}}}, "is no column of the input; there are: none"),
    ({}, {"patterns": {"columns": ["age"], "ranges": {"age": {"least": 2, "most": 1}}}}, "is more than most, 1"),
]


@pytest.mark.parametrize(("serving", "watch", "says"), BAD)
def test_what_can_not_be_watched_is_refused_with_its_place(serving: dict[str, Any], watch: dict[str, Any], says: str):
    with pytest.raises(SpecError) as refused:
        program({"score": (serving, watch)})
    assert says in str(refused.value)


def test_a_ceiling_without_a_price_is_refused():
    with pytest.raises(SpecError, match=r"no price is known of ml\.m5\.large in eu-north-1.*prices"):
        program({"score": ({}, {"cost": {"monthly_ceiling_usd": 9}})}, region="eu-north-1")


def test_a_runbook_that_no_tag_holds_is_refused():
    for runbook in ("http://wiki", "https://wiki/page?id=1", "https://wiki/#there"):
        with pytest.raises(ValueError, match="runbook"):
            WatchSpec.model_validate({"runbook": runbook})


def test_the_example_of_the_docs_is_a_watch():
    (example,) = re.findall(r"<!-- watch:example -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    graph = program({"score": ({}, YAML(typ="safe").load(example))})
    assert names(graph, FUNCTION, "score-watch-") == {"probe", "patterns", "cost"}
    assert {"late", "outside", "boundary", "ceiling"} <= names(graph, ALARM, "score-watch-")


def test_every_alarm_has_a_line_in_the_runbook():
    (runbook,) = re.findall(r"^## Runbook\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    told = set(re.findall(r"`([a-z-]+)`", runbook))
    assert names(whole(), ALARM, "score-watch-") | names(whole(), ALARM, "watch-") <= told
