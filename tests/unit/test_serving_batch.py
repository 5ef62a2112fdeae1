"""Predictions for a whole dataset as a graph, its machine against the service's own model, and what is refused."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from tests.ground import GATED, KEY, OWNER, a_role, fraud, ground, known_keys, recording

from modelyard.assess.graph import Graph
from modelyard.core.errors import InputError, SpecError
from modelyard.run.serving import BatchInference, BatchSpec

ROWS = {"zone": "curated", "prefix": "payments"}


def spec(**changes: Any) -> BatchSpec:
    given = {
        "model": "scores",
        "owner": OWNER,
        "release": {"kind": "declared", "version": 3},
        "input": ROWS,
        "output": {"zone": "curated", "prefix": "predictions"},
        "schedule": "cron(0 5 * * ? *)",
        "vpc": False,
    }
    return BatchSpec.model_validate({**given, **changes})


def program_of(given: BatchSpec, *, production: bool = False, intent: str = "", **invokes: Any) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, keys=known_keys(), registry=GATED)
        nightly = BatchInference("nightly", given, context=context, registry=on.registry, lake=on.lake, keys=on.keys)
        if intent:
            getattr(nightly, f"grant_{intent}")(a_role("app", context))

    return recording(program, invokes=invokes)


@cache
def recorded(text: str) -> Graph:
    return program_of(BatchSpec.model_validate_json(text))


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def machine(**changes: Any) -> dict[str, Any]:
    return json.loads(one(recorded(spec(**changes).model_dump_json()), "nightly-machine")["definition"])


def faults(**changes: Any) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        program_of(spec(**changes))
    return [str(fault) for fault in refusal.value.faults]


@pytest.mark.parametrize(
    "changes", [{}, {"split": False, "several_rows": False}, {"keep_input": False, "content_type": "application/json"}]
)
def test_the_service_takes_the_job_that_the_machine_creates(changes):
    parameters = machine(**changes)["States"]["Start"]["Parameters"]
    parameters["TransformJobName"] = "a-job"
    del parameters["TransformJobName.$"]
    shape = Session().get_service_model("sagemaker").operation_model("CreateTransformJob").input_shape
    assert not ParamValidator().validate(parameters, shape).generate_report()


def test_disk_and_predictions_are_encrypted():
    job = machine()["States"]["Start"]["Parameters"]
    assert job["TransformResources"]["VolumeKmsKeyId"] == KEY
    assert job["TransformOutput"]["KmsKeyId"] == KEY


def test_rows_come_back_beside_their_predictions_unless_the_file_says_otherwise():
    assert machine()["States"]["Start"]["Parameters"]["DataProcessing"] == {"JoinSource": "Input"}
    assert "DataProcessing" not in machine(keep_input=False)["States"]["Start"]["Parameters"]


def test_the_machine_runs_this_model_and_no_other():
    graph = recorded(spec().model_dump_json())
    allowed = json.loads(one(graph, "nightly-conductor-work")["policy"])["Statement"]
    (create,) = [s for s in allowed if s["Action"] == "sagemaker:CreateTransformJob"]
    name = one(graph, "nightly-main-model")["name"]
    models = create["Condition"]["ForAnyValue:ArnEquals"]["sagemaker:ModelArn"]
    assert models.endswith(f":model/{name}")


def test_without_a_schedule_nothing_starts_by_itself():
    names = {node.name for node in recorded(spec(schedule=None).model_dump_json()).nodes}
    assert not {name for name in names if name.startswith("nightly-schedule")}


def test_a_schedule_starts_it_and_its_name_says_no_rhythm():
    schedule = one(recorded(spec().model_dump_json()), "nightly-schedule")
    assert schedule["scheduleExpression"] == "cron(0 5 * * ? *)"
    assert schedule["name"] == "ml-dev-fraud-nightly-schedule"


def test_the_owner_hears_of_a_run_that_failed():
    alarm = one(recorded(spec().model_dump_json()), "nightly-failed")
    assert alarm["metricName"] == "ExecutionsFailed"
    assert alarm["alarmActions"]


def test_who_may_start_it_starts_this_machine_alone():
    graph = program_of(spec(), intent="start")
    statements = json.loads(one(graph, "app-nightly-access")["policy"])["Statement"]
    (start,) = [s for s in statements if s["Action"] == "states:StartExecution"]
    assert start["Resource"].endswith(":stateMachine:ml-dev-fraud-nightly")


def test_an_unreleased_model_predicts_nothing_in_production():
    empty = {"aws:s3/getObjects:getObjects": {"keys": []}, "aws:kms/getPublicKey:getPublicKey": {"publicKey": "AA=="}}
    with pytest.raises(InputError, match="has no release record, and this is production"):
        program_of(spec(), production=True, **empty)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "score"}, "is no model of the registry. It has: scores"),
        ({"vpc": True}, "needs a network, and there is none"),
        ({"instance_type": "m5.large"}, 'Use "ml.m5.large"'),
        ({"per_instance": 20, "payload_mib": 6}, "Use 5 or fewer"),
        ({"split": False}, "needs rows, and nothing splits the objects"),
        ({"output": {"zone": "curated", "prefix": "payments/predicted"}}, "the next run reads this one's answers"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(changes, said):
    assert any(said in fault for fault in faults(**changes)), faults(**changes)
