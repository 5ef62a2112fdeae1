"""What a team's file may say about retraining, and the graph of a loop: what starts it, who may do what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelyard import (
    Context,
    DataLake,
    KnownAudit,
    KnownKeys,
    KnownNetwork,
    LakeSpec,
    ModelRegistry,
    RegistrySpec,
    Role,
)
from modelyard.assess.graph import Graph, record
from modelyard.build.pipelines import PipelineSpec, TrainingPipeline
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.champions import Champion, champion_parameter, promoted_prefix, shape_parameter
from modelyard.core.contract import NetworkContract
from modelyard.core.document import load, parse
from modelyard.core.errors import Fault, Source, SpecError
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining import RetrainingLoop, RetrainingSpec
from modelyard.run.retraining.clock import Pace, pace
from modelyard.run.retraining.machine import definition
from modelyard.run.retraining.states import LOOKS, Places, every, looks
from modelyard.run.serving import EndpointSpec, InferenceEndpoint

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-fraud-train@sha256:{'a' * 64}"
GIVEN: dict[str, Any] = {
    "endpoint": "score",
    "pipeline": "fit",
    "owner": "ada@acme.example",
    "budget": {"usd_a_month": 100, "usd_a_run": 10},
}
DATASET = {
    "classification": "internal",
    "owner": "ada@acme.example",
    "columns": [{"name": "amount", "type": "double"}],
}
NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
    "security_groups": {"training": "sg-87654321", "workload": "sg-87654321"},
}
MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
DATA = {"data": {"kind": "dataset", "name": "transactions"}}
STEPS: dict[str, Any] = {
    "train": {"kind": "train", "image": IMAGE, "inputs": DATA},
    "judge": {"kind": "evaluate", "image": IMAGE, "inputs": {"model": {"kind": "output", "of": "train.model"}}},
    "keep": {"kind": "register", "image": IMAGE, "model": "scores", "artifact": "train.model", "after": ["judge"]},
}
D, R = "data_drift.data_drift_worst", "model_quality.recall"
MACHINES: dict[str, Any] = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large", "instances": 2}}}
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
    context = Context(
        organization="acme",
        platform="ml",
        environment="dev",
        region=REGION,
        account=ACCOUNT,
        team="fraud",
        production=production,
    )

    def program() -> None:
        keys, audit = KnownKeys({"default": KEY}), KnownAudit(context)
        models = RegistrySpec.model_validate({"models": {"scores": MODEL, "others": MODEL}})
        registry = ModelRegistry("registry", models, context=context, keys=keys, audit=audit)
        lake = DataLake(
            "lake", LakeSpec.model_validate({"datasets": {"transactions": DATASET}}), context=context, keys=keys
        )
        network = KnownNetwork(NetworkContract.model_validate(NETWORK))
        types = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge"]})
        pool = TrainingPool("training", types, context=context, lake=lake, network=network)
        pipeline = PipelineSpec.model_validate(
            {"owner": "ada@acme.example", "commit": "a1b2c3d", "flavour": {"kind": flavour}, "steps": steps}
        )
        fit = TrainingPipeline(
            "fit", pipeline, context=context, pool=pool, lake=lake, keys=keys, registry=registry, audit=audit
        )
        served = {
            "model": "scores",
            "owner": "ada@acme.example",
            "release": {"kind": "loop"},
            "served_by": MACHINES,
            **(endpoint or {}),
        }
        score = InferenceEndpoint(
            "score",
            EndpointSpec.model_validate(served),
            context=context,
            registry=registry,
            lake=lake,
            keys=keys,
            network=network,
        )
        made = RetrainingLoop(
            name,
            given,
            context=context,
            endpoints={"score": score},
            pipelines={"fit": fit},
            registry=registry,
            lake=lake,
            keys=keys,
            audit=audit,
            alarms={"data_drift.data_drift_worst": DRIFT, "model_quality.recall": RECALL},
        )
        trusted = [trust_service("lambda.amazonaws.com", context=context)]
        made.grant_start(Role("starter", context=context, trusted=trusted, description="starts"))

    return record(program, project="p", stack="s", region=REGION)


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


# --- the file -------------------------------------------------------------------------------------------------------


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


# --- where it stands ------------------------------------------------------------------------------------------------


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
    given = RetrainingSpec.model_validate({"endpoint": "score", "owner": "ada@acme.example"})
    graph = graph_of(given)
    states = machine_of(graph)["States"]
    assert "Train" not in states and states["Given"]["Choices"][0]["Next"] == "NothingGiven"
    work = json.dumps([node.properties.get("policy") for node in graph if "weekly-conductor" in node.name])
    assert "StartExecution" not in work and "sagemaker:UpdateEndpoint" in work


def test_triggers_need_a_pipeline_and_a_pipeline_a_budget():
    given = {
        "endpoint": "score",
        "owner": "ada@acme.example",
        "triggers": {"w": {"kind": "schedule", "expression": "rate(7 days)"}},
    }
    (said,) = [fault.problem for fault in RetrainingSpec.model_validate(given).all_faults()]
    assert said == "would start a training, and the loop has no pipeline"
    (said,) = [fault.problem for fault in RetrainingSpec.model_validate({**given, "pipeline": "fit"}).all_faults()]
    assert said == "is needed: the pipeline's jobs are paid for"


def test_a_loop_is_not_called_like_what_it_retrains():
    assert "is called like" in faults_of(spec(), name="score")[""]


# --- the graph ------------------------------------------------------------------------------------------------------


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


# --- the machine ----------------------------------------------------------------------------------------------------


def places(**changes: Any) -> Places:
    known: dict[str, Any] = {
        "loop": "weekly",
        "team": "fraud",
        "function": "f",
        "pipeline": "p",
        "flavour": "step_functions",
        "step": "keep",
        "endpoint": "e",
        "champion": "/c",
        "topic": "t",
        "bus": "b",
        "training_seconds": 86_400,
        "gates_seconds": 7_200,
        "approval_seconds": 259_200,
    }
    return Places(**{**known, **changes})


KINDS = [
    places(),
    places(approval_seconds=None),
    places(flavour="sagemaker"),
    places(flavour="sagemaker", approval_seconds=None),
    places(pipeline=""),
]


@pytest.mark.parametrize("made", KINDS, ids=["person", "automatic", "sagemaker", "sagemaker-automatic", "brings"])
def test_every_state_leads_somewhere_and_is_led_to(made: Places):
    machine = definition(made)
    states = machine["States"]
    named = {machine["StartAt"]}
    for state in states.values():
        named |= {state["Next"]} if "Next" in state else set()
        named |= {state["Default"]} if "Default" in state else set()
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())}
        assert state["Type"] in ("Succeed", "Fail", "Choice") or "Next" in state
    assert named == set(states)


@pytest.mark.parametrize("made", KINDS, ids=["person", "automatic", "sagemaker", "sagemaker-automatic", "brings"])
def test_whatever_breaks_comes_to_the_end_that_gives_the_lock_back(made: Places):
    states = definition(made)["States"]
    for name, state in states.items():
        if state["Type"] in ("Task", "Map"):
            assert [each["ErrorEquals"] for each in state["Catch"]] == [["States.ALL"]], name
    before_the_end = set(states) - {"Done", "Failed", "Outcome", "Tell", "Moved", "TellPromotion", "Loud", "TellOwner"}
    for name in before_the_end - {"End", "EndBroken"}:
        assert "Done" not in _next(states[name]) and "Failed" not in _next(states[name]), name


def _next(state: Mapping[str, Any]) -> set[str]:
    return {state.get("Next", ""), state.get("Default", "")} | {
        each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())
    }


@pytest.mark.parametrize("seconds", [60, 7_200, 86_400, 432_000, 1_209_600])
def test_looks_fit_a_history_and_last_as_long_as_they_may(seconds: int):
    assert looks(seconds) <= LOOKS
    assert seconds - every(seconds) <= looks(seconds) * every(seconds) <= seconds or seconds <= every(seconds)


def test_a_run_ends_after_all_its_parts_may_have_taken_their_time():
    machine = definition(places())
    assert machine["TimeoutSeconds"] > 86_400 + 7_200 + 259_200 + 28_800


# --- the records ----------------------------------------------------------------------------------------------------


def test_records_lie_below_the_teams_own_path():
    context = Context(
        organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT, team="fraud"
    )
    assert champion_parameter(context.names, "score") == "/modelyard/ml/dev/fraud/champions/score"
    assert shape_parameter(context.names, "score") == "/modelyard/ml/dev/fraud/shapes/score"
    assert promoted_prefix(context.names, "score").startswith("ml-dev-fraud-")


def test_a_champion_knows_nothing_that_it_need_not():
    with pytest.raises(ValueError, match="extra"):
        Champion.model_validate({"format": 1, "weights": "s3://…"})


# --- the page -------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "retraining.md").read_text("utf-8")


def test_the_pages_example_is_a_loop():
    text = PAGE.partition("<!-- retraining:example -->\n```yaml\n")[2].partition("```")[0]
    given = load(parse(text.encode(), "docs/retraining.md"), RetrainingSpec)
    assert list(given.all_faults()) == []
    assert machine_of(graph_of(given))["States"]["AskOwner"]


def test_the_page_tells_of_every_end_of_the_machine():
    ends = {
        state["Parameters"]["code"]
        for made in KINDS
        for state in definition(made)["States"].values()
        if "code" in state.get("Parameters", {})
    }
    ends |= {"lock-held", "cooling-down", "disarmed", "runs-exhausted", "budget-exhausted", "gate-failed"}
    ends -= {"in-service", "no-endpoint-yet", "promotion-failed"}
    assert {code for code in ends if f"`{code}`" not in PAGE} == set()
