"""The pages of what watches an endpoint: what is on them, where, and what they say of cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
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

from modelyard import TeamWatch
from modelyard.assess.graph import Graph
from modelyard.run.monitoring import dashboards
from modelyard.run.monitoring.dashboards import COLUMNS, body, text
from modelyard.run.monitoring.metrics import METRICS
from modelyard.run.monitoring.prices import hosting
from modelyard_sandbox.knowledge.rules.views import RULES

DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"


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


def test_an_asynchronous_endpoint_is_priced_and_has_a_page():
    graph = program({"score": ({"served_by": ASYNCHRONOUS}, {})}, team=lambda _: None)
    assert names(graph, FUNCTION, "score-watch-") == {"cost"}
    assert "Machines, percent" in json.dumps(page(graph, "score-watch-dashboard"))


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


def test_pages_search_for_what_monitors_publish_by_the_endpoint():
    line = dashboards.Page("score", "ml-dev-fraud-score", ("main",), "eu-west-1").searched("data_drift")[0]
    namespace = METRICS["data_drift"].namespace
    assert line["expression"].startswith(f"SEARCH('{{{namespace},Endpoint,MonitoringSchedule}} Endpoint=")
    assert '"ml-dev-fraud-score"' in line["expression"] and '"data_drift_share"' in line["expression"]


def test_every_metric_of_patterns_is_on_the_page():
    for metric in METRICS["patterns"].metrics:
        if metric.worse:
            assert f"`{metric.name}`" in PAGE
