"""What a team's file may say about retraining, and the graph of a loop: what starts it, who may do what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.ground import (
    ACCOUNT,
    NETWORK,
    OWNER,
    REGION,
    TRANSACTIONS,
    TWO,
    a_role,
    fraud,
    ground,
    known_keys,
    recording,
    served,
)

from modelyard import KnownNetwork
from modelyard.assess.graph import Graph
from modelyard.core.document import load, parse
from modelyard.core.errors import Fault, Source, SpecError
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining import RetrainingLoop, RetrainingSpec
from modelyard.run.retraining.clock import Pace, pace

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-fraud-train@sha256:{'a' * 64}"
GIVEN: dict[str, Any] = {
    "endpoint": "score",
    "pipeline": "fit",
    "owner": OWNER,
    "budget": {"usd_a_month": 100, "usd_a_run": 10},
}
DATA = {"data": {"kind": "dataset", "name": "transactions"}}
STEPS: dict[str, Any] = {
    "train": {"kind": "train", "image": IMAGE, "inputs": DATA},
    "judge": {"kind": "evaluate", "image": IMAGE, "inputs": {"model": {"kind": "output", "of": "train.model"}}},
    "keep": {"kind": "register", "image": IMAGE, "model": "scores", "artifact": "train.model", "after": ["judge"]},
}
D, R = "data_drift.data_drift_worst", "model_quality.recall"
DRIFT = AlarmFacts(
    name="ml-dev-fraud-watch-drift",
    kind="data_drift",
    metric="data_drift_worst",
    threshold=0.2,
    dimensions={"Endpoint": "ml-dev-fraud-score"},
    period_seconds=3600,
)
RECALL = AlarmFacts(
    name="ml-dev-fraud-watch-recall",
    kind="model_quality",
    metric="recall",
    threshold=0.8,
    dimensions={"Endpoint": "ml-dev-fraud-score"},
    period_seconds=3600,
)


def spec(**changes: Any) -> RetrainingSpec:
    return RetrainingSpec.model_validate({**GIVEN, **changes})


def graph_of(
    given: RetrainingSpec,
    *,
    name: str = "weekly",
    production: bool = False,
    endpoint: Mapping[str, Any] | None = None,
    steps: Mapping[str, Any] = STEPS,
    flavour: str = "step_functions",
) -> Graph:
    """The loop recorded, with all that it stands on."""
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, "scores", "others", keys=known_keys(), datasets=TRANSACTIONS)
        fit = on.pipeline("fit", flavour={"kind": flavour}, steps=steps)
        given_endpoint = served(**{"release": {"kind": "loop"}, "served_by": TWO, "vpc": None, **(endpoint or {})})
        score = on.endpoint("score", given_endpoint, network=KnownNetwork(NETWORK))
        made = RetrainingLoop(
            name,
            given,
            context=context,
            endpoints={"score": score},
            pipelines={"fit": fit},
            registry=on.registry,
            lake=on.lake,
            keys=on.keys,
            audit=on.audit,
            alarms={"data_drift.data_drift_worst": DRIFT, "model_quality.recall": RECALL},
        )
        made.grant_start(a_role("starter", context))

    return recording(program)


def faults_of(given: RetrainingSpec, **how: Any) -> dict[str, str]:
    """What is wrong, by path."""
    with pytest.raises(SpecError) as raised:
        graph_of(given, **how)
    return {at(fault).path: f"{fault.problem} | {fault.remedy}" for fault in raised.value.faults}


def at(fault: Fault) -> Source:
    assert fault.source is not None
    return fault.source


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def machine_of(graph: Graph) -> dict[str, Any]:
    return json.loads(one(graph, "weekly-machine")["definition"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 day)", Pace(24, 31)),
        ("rate(12 hours)", Pace(12, 62)),
        ("rate(30 minutes)", Pace(0.5, 1488)),
        ("cron(0 4 * * ? *)", Pace(24, 31)),
        ("cron(0 4 ? * MON *)", Pace(168, 5)),
        ("cron(0 4 ? * MON,THU *)", Pace(72, 9)),
        ("cron(0 4,16 * * ? *)", Pace(12, 62)),
        ("cron(0 8 1 * ? *)", Pace(28 * 24, 1)),
        ("cron(0/30 9-10 * * ? *)", Pace(0.5, 124)),
    ],
)
def test_a_schedule_has_a_pace(expression: str, expected: Pace):
    assert pace(expression) == expected


@pytest.mark.parametrize("expression", ["cron(0 4 L * ? *)", "cron(0 4 ? * 2#1 *)", "cron(0 4 15W * ? *)"])
def test_forms_that_nobody_counts_have_none(expression: str):
    assert pace(expression) is None


def test_a_cooldown_beyond_the_schedules_period_is_refused():
    daily = {"nightly": {"kind": "schedule", "expression": "rate(1 day)"}}
    found = list(spec(triggers=daily, cooldown_hours=48, most_runs_a_month=31, budget=_BIG).all_faults())
    assert [(at(fault).path, fault.value) for fault in found] == [("cooldown_hours", 48)]
    assert "24 hours between two starts of nightly" in found[0].problem and "Use 24 or fewer" in found[0].remedy


def test_fewer_runs_and_less_money_than_the_schedule_asks_for_are_both_told():
    daily = {"nightly": {"kind": "schedule", "expression": "rate(1 day)"}}
    found = {at(fault).path: fault for fault in spec(triggers=daily).all_faults()}
    assert set(found) == {"most_runs_a_month", "budget.usd_a_month"}
    assert "31 starts of nightly" in found["most_runs_a_month"].problem
    assert "pays for 10 runs" in found["budget.usd_a_month"].problem and "310" in found["budget.usd_a_month"].remedy


def test_a_schedule_that_the_guards_can_keep_has_no_fault():
    weekly = {"mondays": {"kind": "schedule", "expression": "cron(0 4 ? * MON *)"}}
    assert list(spec(triggers=weekly, cooldown_hours=168).all_faults()) == []


def test_a_run_dearer_than_the_month_is_refused():
    (fault,) = spec(budget={"usd_a_month": 5, "usd_a_run": 10}).all_faults()
    assert at(fault).path == "usd_a_run" and "no run ever starts" in fault.problem


def test_an_owner_without_an_address_is_told_where_it_stands():
    text = (
        "endpoint: score\npipeline: fit\nowner: ada\nbudget: {usd_a_month: 100, usd_a_run: 10}\n"
        "triggers:\n  odd: {kind: threshold, alarm: drift, quiet_periods: 0}\n"
    )
    with pytest.raises(SpecError) as raised:
        load(parse(text.encode(), "teams/fraud.yaml"), RetrainingSpec)
    places = {(at(fault).path, at(fault).line) for fault in raised.value.faults}
    assert ("owner", 3) in places, "file and line of the address"
    assert any(path.endswith("quiet_periods") for path, _ in places), "and everything else at once"


_BIG = {"usd_a_month": 1000, "usd_a_run": 10}


def test_what_is_not_there_is_told_at_once():
    found = faults_of(
        spec(
            endpoint="rank",
            pipeline="learn",
            triggers={
                "arrived": {"kind": "data", "dataset": "clicks"},
                "seen": {"kind": "features", "view": "customer"},
                "slow": {"kind": "threshold", "alarm": "latency.main.ModelLatency"},
            },
            canary={"alarms": ["bias_drift.bias_impact_ratio"]},
        )
    )
    assert set(found) == {
        "endpoint",
        "pipeline",
        "triggers.arrived.dataset",
        "triggers.seen.view",
        "triggers.slow.alarm",
        "canary.alarms[0]",
    }
    assert (
        "It has score." in found["endpoint"]
        and "It has data_drift.data_drift_worst, model_quality.recall." in found["triggers.slow.alarm"]
    )


@pytest.mark.parametrize(("alarm", "value", "side"), [(D, 0.3, "above"), (R, 0.7, "below")])
def test_a_hysteresis_that_can_never_fire_again_is_refused(alarm: str, value: float, side: str):
    trigger = {"off": {"kind": "threshold", "alarm": alarm, "rearms_at": value}}
    found = faults_of(spec(triggers=trigger))
    assert f"lies {side}" in found["triggers.off.rearms_at"]


@pytest.mark.parametrize(("alarm", "value"), [(D, 0.1), (R, 0.9), (D, None)])
def test_a_hysteresis_on_the_better_side_is_fine(alarm: str, value: float | None):
    trigger = {"off": {"kind": "threshold", "alarm": alarm, "rearms_at": value}}
    assert graph_of(spec(triggers=trigger)).nodes


def test_an_endpoint_whose_file_names_the_version_is_no_loops():
    found = faults_of(spec(), endpoint={"release": {"kind": "declared", "version": 1}})
    assert "release: {kind: loop}" in found["endpoint"]


def test_a_pipeline_that_registers_another_model_is_refused():
    other = {**STEPS, "keep": {**STEPS["keep"], "model": "others"}}
    assert "registers no version of scores" in faults_of(spec(), steps=other)["pipeline"]


def test_in_production_a_person_approves_or_the_file_says_why_nobody_has_to():
    automatic = {"approval": {"kind": "automatic"}}
    assert "this is production" in faults_of(spec(**automatic), production=True)["approval"]
    because = {"approval": {"kind": "automatic", "because": "the gates decide, see risk review 12"}}
    assert graph_of(spec(**because), production=True).nodes
    assert graph_of(spec(**automatic)).nodes, "elsewhere it may"


def test_a_canary_on_an_endpoint_without_rollout_is_refused():
    serverless = {"served_by": {"kind": "serverless"}}
    assert "serverless has none" in faults_of(spec(canary={"bake_minutes": 20}), endpoint=serverless)["canary"]


def test_more_alarms_than_a_rollback_takes_are_refused():
    rollout = {"kind": "canary", "rollback": {"alarms": [f"a{n}" for n in range(8)], "latency_ms": 20}}
    found = faults_of(spec(canary={"alarms": ["data_drift.data_drift_worst"]}), endpoint={"rollout": rollout})
    assert "at most 10" in found["canary.alarms"]


def test_a_loop_without_a_pipeline_trains_nothing_and_asks_for_no_budget():
    given = RetrainingSpec.model_validate({"endpoint": "score", "owner": OWNER})
    graph = graph_of(given)
    states = machine_of(graph)["States"]
    assert "Train" not in states and states["Given"]["Choices"][0]["Next"] == "NothingGiven"
    work = json.dumps([node.properties.get("policy") for node in graph if "weekly-conductor" in node.name])
    assert "StartExecution" not in work and "sagemaker:UpdateEndpoint" in work


def test_triggers_need_a_pipeline_and_a_pipeline_a_budget():
    given = {
        "endpoint": "score",
        "owner": OWNER,
        "triggers": {"w": {"kind": "schedule", "expression": "rate(7 days)"}},
    }
    (said,) = [fault.problem for fault in RetrainingSpec.model_validate(given).all_faults()]
    assert said == "would start a training, and the loop has no pipeline"
    (said,) = [fault.problem for fault in RetrainingSpec.model_validate({**given, "pipeline": "fit"}).all_faults()]
    assert said == "is needed: the pipeline's jobs are paid for"


def test_a_loop_is_not_called_like_what_it_retrains():
    assert "is called like" in faults_of(spec(), name="score")[""]


def test_each_trigger_starts_the_machine_with_who_and_why():
    triggers = {
        "mondays": {"kind": "schedule", "expression": "cron(0 4 ? * MON *)"},
        "arrived": {"kind": "data", "dataset": "transactions"},
        "pushed": {"kind": "push", "repository": "acme/fraud"},
        "drifted": {"kind": "threshold", "alarm": "data_drift.data_drift_worst", "rearms_at": 0.1},
    }
    graph = graph_of(spec(triggers=triggers))
    given = json.loads(one(graph, "weekly-mondays")["target"]["input"])
    assert (given["trigger"], given["by"]) == ("mondays", "schedule")
    data = one(graph, "weekly-on-arrived-target")["inputTransformer"]
    filled = data["inputTemplate"].replace("<snapshot>", '"abc"', 1).replace('"abc"', "abc", 1)
    assert data["inputPaths"] == {"snapshot": "$.detail.snapshot"}
    assert "transactions has a new snapshot: abc" in filled
    assert json.loads(one(graph, "weekly-on-arrived")["eventPattern"])["detail"] == {"dataset": ["transactions"]}
    alarm = json.loads(one(graph, "weekly-on-drifted")["eventPattern"])
    assert alarm["detail"] == {"alarmName": [DRIFT.name], "state": {"value": ["ALARM"]}}
    assert "eventBusName" not in one(graph, "weekly-on-drifted"), "AWS's own events are on the account's bus alone"


def test_what_arms_a_trigger_again_is_an_alarm_of_its_own():
    graph = graph_of(
        spec(triggers={"off": {"kind": "threshold", "alarm": "data_drift.data_drift_worst", "rearms_at": 0.1}})
    )
    calm = one(graph, "weekly-off-calm")
    assert (calm["threshold"], calm["evaluationPeriods"], calm["datapointsToAlarm"]) == (0.1, 3, 1)
    assert calm["treatMissingData"] == "ignore", "silence is no calm"
    assert json.loads(one(graph, "weekly-calm-off-target")["input"]) == {"action": "rearm", "trigger": "off"}


def test_a_metric_whose_bad_side_is_below_is_calm_above():
    graph = graph_of(spec(triggers={"off": {"kind": "threshold", "alarm": "model_quality.recall"}}))
    calm = one(graph, "weekly-off-calm")
    assert (calm["comparisonOperator"], calm["threshold"], calm["statistic"]) == ("LessThanThreshold", 0.8, "Minimum")


def test_only_the_loops_roles_update_the_endpoint():
    graph = graph_of(spec())
    holders = {
        node.name
        for node in graph.nodes
        if node.type == "aws:iam/rolePolicy:RolePolicy" and "sagemaker:UpdateEndpoint" in str(node.properties["policy"])
    }
    assert holders == {"weekly-conductor-score-access", "weekly-loop-score-access"}


def test_whoever_may_start_it_may_do_nothing_else():
    graph = graph_of(spec())
    policies = [
        json.loads(node.properties["policy"])
        for node in graph.nodes
        if node.type == "aws:iam/rolePolicy:RolePolicy" and node.name.startswith("starter")
    ]
    actions = {
        action
        for policy in policies
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert {action for action in actions if not action.startswith("ssm:GetParameter")} == {
        "states:DescribeExecution",
        "states:GetExecutionHistory",
        "states:StartExecution",
    }


def test_the_function_knows_the_guards_and_no_secret():
    graph = graph_of(spec(canary={"bake_minutes": 20, "alarms": ["data_drift.data_drift_worst"]}))
    (function,) = [n for n in graph.nodes if n.name == "weekly-loop" and n.type == "aws:lambda/function:Function"]
    code = str(function.properties["code"])
    assert "usd_a_month" in code and DRIFT.name in code


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "retraining.md").read_text("utf-8")


def test_the_pages_example_is_a_loop():
    text = PAGE.partition("<!-- retraining:example -->\n```yaml\n")[2].partition("```")[0]
    given = load(parse(text.encode(), "docs/retraining.md"), RetrainingSpec)
    assert list(given.all_faults()) == []
    assert machine_of(graph_of(given))["States"]["AskOwner"]
