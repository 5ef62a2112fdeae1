"""What watches an endpoint as a graph, its pages, and what its file may not say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.ground import FRAUD, a_role, ground, known_keys, recording, served

from modelyard import EndpointWatch, EvidenceStore, GovernanceSpec, TeamWatch, WatchSpec
from modelyard.assess.graph import Graph
from modelyard.core.errors import InputError, SpecError
from modelyard.run.monitoring import dashboards
from modelyard.run.monitoring.dashboards import COLUMNS, body, text
from modelyard.run.monitoring.metrics import METRICS, OURS, MonitorKind
from modelyard.run.monitoring.prices import hosting
from modelyard_sandbox.knowledge.rules.views import RULES

SERVERLESS = {"kind": "serverless", "memory_mib": 2048}
PROBE = {"payload": "1,2,3"}
ALARM, FUNCTION = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lambda/function:Function"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
RULE, POLICY = "aws:cloudwatch/eventRule:EventRule", "aws:iam/rolePolicy:RolePolicy"
Watches = Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]


def program(
    watches: Watches,
    *,
    evidence: bool = False,
    region: str = "eu-west-1",
    team: Callable[[TeamWatch], None] | None = None,
    invokes: Mapping[str, Any] | None = None,
) -> Graph:
    """Endpoints by name, each with its watch: what serves it, and what watches it."""
    context = replace(FRAUD, region=region)

    def made() -> None:
        on = ground(context, keys=known_keys())
        keys, lake = on.keys, on.lake
        store = None
        if evidence:
            store = EvidenceStore(
                "evidence", GovernanceSpec(), context=context, keys=keys, registry=on.registry, audit=on.audit
            )
        watched: list[EndpointWatch] = []
        for name, (serving, watch) in watches.items():
            given = {**served(), **serving}
            if given["served_by"]["kind"] == "serverless":
                given["vpc"] = serving.get("vpc")
            endpoint = on.endpoint(name, given)
            watched.append(
                EndpointWatch(
                    f"{name}-watch",
                    WatchSpec.model_validate(watch),
                    context=context,
                    endpoint=endpoint,
                    lake=lake,
                    keys=keys,
                )
            )
        if team is not None:
            team(TeamWatch("watch", context=context, watched=watched, lake=lake, keys=keys, evidence=store))

    return recording(made, region=region, invokes=invokes or {})


@cache
def whole() -> Graph:
    watch = {
        "runbook": "https://wiki.acme.example/scores",
        "probe": {**PROBE, "latency_ms": 500},
        "cost": {"monthly_ceiling_usd": 200},
        "patterns": {
            "columns": ["age", "amount"],
            "ranges": {"amount": {"least": 0, "most": 10_000}},
            "boundary": {"threshold": 0.5},
            "share_of_one": 0.9,
        },
    }
    return program({"score": ({}, watch), "other": ({}, {})}, evidence=True, team=lambda _: None)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.named(name) if node.custom]
    return dict(found.properties)


def names(graph: Graph, kind: str, start: str) -> set[str]:
    return {node.name.removeprefix(start) for node in graph.of_type(kind) if node.name.startswith(start)}


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


def policies(graph: Graph, role: str) -> list[dict[str, Any]]:
    return [
        statement
        for node in graph.of_type(POLICY)
        if node.name.startswith(f"{role}-") and node.name.endswith("-access")
        for statement in json.loads(node.properties["policy"])["Statement"]
    ]


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


def page(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(one(graph, name)["dashboardBody"])


def overlap(widgets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
        return {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }

    return [
        (str(a["properties"]), str(b["properties"]))
        for at, a in enumerate(widgets)
        for b in widgets[at + 1 :]
        if cells(a) & cells(b)
    ]


@pytest.mark.parametrize("name", ["score-watch-dashboard", "other-watch-dashboard", "watch-dashboard"])
def test_a_page_is_one_that_cloudwatch_takes_and_nothing_lies_over_another(name: str):
    inputs = one(whole(), name)
    assert [failure for rule in RULES if rule.token == DASHBOARD for failure in rule.failures(inputs)] == []
    widgets = page(whole(), name)["widgets"]
    assert overlap(widgets) == []
    assert max(widget["x"] + widget["width"] for widget in widgets) <= COLUMNS


def test_drift_latency_errors_and_cost_are_on_one_page_with_the_version_that_served():
    titles = {w["properties"].get("title"): w["properties"] for w in page(whole(), "score-watch-dashboard")["widgets"]}
    assert {"Latency, µs", "Errors, and calls", "Drift of data", "Cost, dollars a month", "Alarms", "Probe"} <= set(
        titles
    )
    drift = json.dumps(titles["Drift of data"]["metrics"])
    assert "data_drift_worst" in drift and "champion_version" in drift
    assert titles["Cost, dollars a month"]["annotations"]["horizontal"] == [{"label": "ceiling", "value": 200.0}]
    shown = titles["Alarms"]["alarms"]
    for alarm in ("ml-dev-fraud-score-main-errors", "ml-dev-fraud-score-watch-up"):
        assert any(f":alarm:{alarm}" in arn for arn in shown), alarm


def test_every_metric_of_a_page_is_one_of_the_table():
    known = {(table.namespace, metric.name) for table in METRICS.values() for metric in table.metrics}
    for name in ("score-watch-dashboard", "watch-dashboard"):
        for widget in page(whole(), name)["widgets"]:
            for line in widget["properties"].get("metrics", ()):
                if isinstance(line[0], str):
                    assert (line[0], line[1]) in known


def test_ids_of_expressions_are_ones_of_their_own_in_each_chart():
    graph = program({"a": ({"served_by": SERVERLESS}, {}), "b": ({"served_by": SERVERLESS}, {})}, team=lambda _: None)
    for widget in page(graph, "watch-dashboard")["widgets"]:
        ids = [line[-1]["id"] for line in widget["properties"].get("metrics", ()) if "id" in line[-1]]
        assert len(ids) == len(set(ids))


def test_a_row_that_is_too_wide_is_refused():
    with pytest.raises(ValueError, match="a row of 30 columns; a page has 24"):
        body([[text("a", width=15), text("b", width=15)]])


def test_rows_lie_below_one_another():
    widgets = body([[text("a", height=3), text("b", height=5)], [text("c")]])["widgets"]
    assert [(widget["x"], widget["y"]) for widget in widgets] == [(0, 0), (8, 0), (0, 5)]


def test_alarms_of_monitors_are_shown_and_open_incidents_of_their_endpoint():
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ml-dev-fraud-another-name"

    def team(watch: TeamWatch) -> None:
        watch.kept["score"].show(arn)
        assert "ml-dev-fraud-another-name" in watch.facts()["endpoints"]["score"]["alarms"]

    graph = program({"score": ({}, {})}, team=team)
    assert arn in json.dumps(page(graph, "score-watch-dashboard"))


def test_under_the_loop_the_page_says_no_version_so_that_a_promotion_changes_nothing():
    graph = program({"score": ({"release": {"kind": "loop"}}, {})}, team=lambda _: None)
    heading = page(graph, "score-watch-dashboard")["widgets"][0]["properties"]["markdown"]
    assert "the version that the loop released last" in heading
    settings = one(graph, "score-watch-cost")["environment"]["variables"]
    assert settings["CHAMPION"].endswith("/champions/score") and settings["VERSION"] == ""
    (read,) = [s for s in policies(graph, "score-watch-cost") if s["Action"] == "ssm:GetParameter"]
    assert str(read["Resource"]).endswith("parameter/modelyard/ml/dev/fraud/champions/score")


def test_a_serverless_endpoint_is_priced_by_its_work_and_captures_nothing_by_itself():
    graph = program({"score": ({"served_by": SERVERLESS}, {"cost": {"monthly_ceiling_usd": 50}})})
    alarm = one(graph, "score-watch-ceiling")
    (month,) = [query for query in alarm["metricQueries"] if "expression" in query]
    assert month["expression"].startswith("latency * ")
    factor = float(month["expression"].removeprefix("latency * "))
    price = hosting("eu-west-1")["serverless"].usd
    assert factor * 1_000_000 == pytest.approx(2 * price * 730 / 24)
    assert names(graph, FUNCTION, "score-watch-") == {"cost"}
    (heading,) = [w for w in page(graph, "score-watch-dashboard")["widgets"] if w["type"] == "text"]
    assert "Not watched: patterns, since no calls are captured." in heading["properties"]["markdown"]


def test_where_no_price_is_known_nothing_is_priced_and_the_page_says_so():
    graph = program({"score": ({}, {})}, region="eu-north-1")
    heading = page(graph, "score-watch-dashboard")["widgets"][0]["properties"]["markdown"]
    assert "Not watched: cost, since no price is known of ml.m5.large in eu-north-1." in heading
    priced = program({"score": ({}, {"cost": {"prices": {"ml.m5.large": 0.12}}})}, region="eu-north-1")
    assert "no price" not in page(priced, "score-watch-dashboard")["widgets"][0]["properties"]["markdown"]


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


def test_an_asynchronous_endpoint_is_priced_and_has_a_page():
    graph = program({"score": ({"served_by": ASYNCHRONOUS}, {})}, team=lambda _: None)
    assert names(graph, FUNCTION, "score-watch-") == {"cost"}
    assert "Machines, percent" in json.dumps(page(graph, "score-watch-dashboard"))


def test_calls_that_our_container_captures_are_looked_at():
    graph = program({"score": ({"served_by": SERVERLESS, "capture": {"by": "container"}}, {"patterns": {}})})
    settings = one(graph, "score-watch-patterns")["environment"]["variables"]
    assert (settings["PREFIX"], settings["VARIANTS"]) == ("calls/score", "main")


def test_before_the_loops_first_release_nothing_watches_and_the_page_says_what_is_to_come():
    def none_stored(args: Mapping[str, Any], _: object) -> dict[str, Any]:
        empty: dict[str, Any] = {"names": [], "values": [], "arns": [], "types": []}
        return {**args, **empty, "id": args["path"], "region": "eu-west-1"}

    graph = program(
        {"score": ({"release": {"kind": "loop"}}, {"probe": PROBE})},
        team=lambda _: None,
        invokes={"aws:ssm/getParametersByPath:getParametersByPath": none_stored},
    )
    assert names(graph, FUNCTION, "score-watch-") == set()
    assert names(graph, ALARM, "score-watch-") == set()
    heading = page(graph, "score-watch-dashboard")["widgets"][0]["properties"]["markdown"]
    assert "Not watched: endpoint, since the loop's first release of scores" in heading


ASYNCHRONOUS = {"kind": "asynchronous", "instance_type": "ml.m5.large"}
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


def test_pages_search_for_what_monitors_publish_by_the_endpoint():
    line = dashboards.Page("score", "ml-dev-fraud-score", ("main",), "eu-west-1").searched("data_drift")[0]
    namespace = METRICS["data_drift"].namespace
    assert line["expression"].startswith(f"SEARCH('{{{namespace},Endpoint,MonitoringSchedule}} Endpoint=")
    assert '"ml-dev-fraud-score"' in line["expression"] and '"data_drift_share"' in line["expression"]


PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")


def test_the_example_of_the_docs_is_a_watch():
    (example,) = re.findall(r"<!-- watch:example -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    graph = program({"score": ({}, YAML(typ="safe").load(example))})
    assert names(graph, FUNCTION, "score-watch-") == {"probe", "patterns", "cost"}
    assert {"late", "outside", "boundary", "ceiling"} <= names(graph, ALARM, "score-watch-")


def test_every_alarm_has_a_line_in_the_runbook():
    (runbook,) = re.findall(r"^## Runbook\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    told = set(re.findall(r"`([a-z-]+)`", runbook))
    assert names(whole(), ALARM, "score-watch-") | names(whole(), ALARM, "watch-") <= told


def test_every_metric_of_patterns_is_on_the_page():
    for metric in METRICS["patterns"].metrics:
        if metric.worse:
            assert f"`{metric.name}`" in PAGE
