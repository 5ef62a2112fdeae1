"""Which captured calls an endpoint keeps, by whom, and what is taken out of them first: as a graph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.ground import MACHINES, OWNER, a_role, fraud, ground, known_keys, recording, served

from modelyard import LakeSpec, Secrets, SecretsSpec
from modelyard.assess.graph import Graph
from modelyard.build.data.lifecycle import lifecycle_rules
from modelyard.core.errors import SpecError

PAYMENTS = {
    "classification": "internal",
    "owner": OWNER,
    "format": "csv",
    "columns": [
        {"name": "amount", "type": "double"},
        {"name": "email", "type": "string", "personal": True},
        {"name": "ssn", "type": "string", "personal": True},
    ],
}
PLAIN = {**PAYMENTS, "columns": PAYMENTS["columns"][:1]}
SERVERLESS = {"kind": "serverless"}
REDACTED = {"redact": {"dataset": "payments", "fields": {"email": "hash"}, "secret": "salt"}}


def graph_of(
    capture: Any = None, served_by: Any = MACHINES, *, production: bool = False, secrets: bool = True, **more: Any
) -> Graph:
    context = fraud(production=production)
    given = {
        **served(served_by=served_by, vpc=False if served_by is MACHINES else None),
        **({"capture": capture} if capture is not None else {}),
        **more,
    }

    def program() -> None:
        on = ground(context, keys=known_keys(), datasets={"payments": PAYMENTS, "plain": PLAIN})
        salts = SecretsSpec.model_validate(
            {"entries": {name: {"kind": "generated", "classification": "internal"} for name in ("salt", "pepper")}}
        )
        kept = Secrets("secrets", salts, context=context, keys=on.keys) if secrets else None
        on.endpoint("score", given, secrets=kept).grant_read_capture(a_role("watcher", context))

    return recording(program)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def policies(graph: Graph, identity: str) -> str:
    return " ".join(
        str(node.properties["policy"])
        for node in graph.nodes
        if node.name.startswith(f"{identity}-") and "policy" in node.properties
    )


def faults(*args: Any, **more: Any) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        graph_of(*args, **more)
    return [str(fault) for fault in refusal.value.faults]


def test_without_redaction_sagemaker_writes_to_where_calls_are_kept():
    graph = graph_of()
    place = one(graph, "score-configuration")["dataCaptureConfig"]["destinationS3Uri"]
    assert place.endswith("/calls/score")
    assert not [node for node in graph.nodes if "redact" in node.name]


def test_with_redaction_sagemaker_writes_aside_and_a_function_brings_calls_over():
    graph = graph_of(REDACTED)
    place = one(graph, "score-configuration")["dataCaptureConfig"]["destinationS3Uri"]
    assert place.endswith("/_unredacted/score")
    functions = [node for node in graph.of_type("aws:lambda/function:Function") if node.name == "score-redactor"]
    (function,) = functions
    told: Any = function.properties["environment"]
    told = told["variables"]
    assert json.loads(told["FIELDS"]) == {"email": "hash", "ssn": "remove"}
    assert json.loads(told["COLUMNS"]) == ["amount", "email", "ssn"]
    assert (told["RAW"], told["KEPT"]) == ("_unredacted/score/", "calls/score/")
    assert one(graph, "score-redacts")["scheduleExpression"] == "rate(15 minutes)"


def test_who_reads_captured_calls_reads_none_that_are_not_redacted():
    graph = graph_of(REDACTED)
    assert "calls/score" in policies(graph, "watcher") and "_unredacted" not in policies(graph, "watcher")
    assert "_unredacted" in policies(graph, "score-model") and "calls/score" not in policies(graph, "score-model")


def test_what_is_not_redacted_expires_in_a_day_with_its_versions():
    rules = {rule["id"]: rule for rule in one(graph_of(), "lake-capture-lifecycle")["rules"]}
    unredacted = rules["_unredacted"]
    assert unredacted["expiration"]["days"] == 1
    assert unredacted["noncurrentVersionExpiration"]["noncurrentDays"] == 1


def test_captured_calls_go_after_three_months_unless_the_file_says_when():
    rules = {rule["id"]: rule for rule in one(graph_of(), "lake-capture-lifecycle")["rules"]}
    assert (rules["calls"]["filter"]["prefix"], rules["calls"]["expiration"]["days"]) == ("calls/", 90)
    lake = LakeSpec.model_validate({"zones": {"capture": {"expire_after_days": 400}}})
    said: dict[Any, Any] = {rule["id"]: rule for rule in lifecycle_rules(lake, "capture")}
    assert said["calls"]["expiration"]["days"] == said["versions"]["expiration"]["days"] == 400


def test_the_key_of_hashes_is_read_by_what_redacts_alone():
    graph = graph_of(REDACTED)
    assert "secretsmanager:GetSecretValue" in policies(graph, "score-redactor")
    assert "secretsmanager:GetSecretValue" not in policies(graph, "score-model")


def test_a_serverless_endpoint_is_captured_by_our_container():
    graph = graph_of({"by": "container", **REDACTED}, SERVERLESS)
    assert "dataCaptureConfig" not in one(graph, "score-configuration")
    told = one(graph, "score-main-model")["containers"][0]["environment"]
    assert told["MODELYARD_CAPTURE_AS"] == "ml-dev-fraud-score/main"
    assert told["MODELYARD_CAPTURE_PERCENT"] == "20"
    assert told["MODELYARD_CAPTURE_URI"].endswith("/calls/score")
    assert json.loads(told["MODELYARD_REDACT_FIELDS"]) == {"email": "hash", "ssn": "remove"}
    assert "secretsmanager:GetSecretValue" in policies(graph, "score-model")
    assert "calls/score" in policies(graph, "score-model")


def test_calls_that_go_elsewhere_are_another_configuration():
    names = {one(graph_of(capture), "score-configuration")["name"] for capture in (None, REDACTED)}
    assert len(names) == 2


def test_another_key_of_hashes_is_another_model():
    others = {"redact": {**REDACTED["redact"], "secret": "pepper"}}
    names = {
        one(graph_of({"by": "container", **each}, SERVERLESS), "score-main-model")["name"]
        for each in (REDACTED, others)
    }
    assert len(names) == 2


def test_other_percents_of_our_container_are_another_model():
    names = {
        one(graph_of({"by": "container", "percent": percent}, SERVERLESS), "score-main-model")["name"]
        for percent in (5, 50)
    }
    assert len(names) == 2


def test_capture_by_sagemaker_of_a_serverless_endpoint_is_refused_with_the_kinds_that_can():
    (fault,) = faults({"percent": 10}, SERVERLESS)
    assert "capture: is nothing that an endpoint of kind serverless can have" in fault and "instances" in fault


def test_a_serverless_endpoint_that_nobody_captures_is_refused_in_production():
    (fault,) = faults(None, SERVERLESS, production=True)
    assert "capture: got None; keeps nothing of the calls" in fault and "by: container" in fault
    graph_of({"by": "container"}, SERVERLESS, production=True)


def test_an_isolated_container_cannot_write_what_it_keeps():
    (fault,) = faults({"by": "container"})
    assert "network_isolation" in fault and "no way to the calls' bucket" in fault
    graph_of({"by": "container"}, network_isolation=False)


def test_our_container_cannot_tell_variants_apart():
    two = {"kind": "instances", "variants": {name: {"instance_type": "ml.m5.large"} for name in ("a", "b")}}
    (fault,) = faults({"by": "container"}, two, network_isolation=False, vpc=False)
    assert "capture.by" in fault and "several variants" in fault


def test_an_asynchronous_endpoint_keeps_its_answers_and_no_container_captures():
    (fault,) = faults(
        {"by": "container"},
        {"kind": "asynchronous", "instance_type": "ml.m5.large"},
        vpc=False,
        network_isolation=False,
    )
    assert "capture.by" in fault and "kind asynchronous" in fault


def test_the_pages_example_of_redaction_holds():
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    (example,) = [
        text for text in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "CaptureSpec" in text
    ]
    exec(example, {})


@pytest.mark.parametrize(
    ("redact", "said"),
    [
        ({}, "names nothing that is sensitive"),
        ({"fields": {"email": "hash"}}, "a hash without a key is guessed"),
        ({"fields": {"email": "remove"}, "secret": "salt"}, "keys no hash"),
        ({"fields": {"email": "remove", "Email": "remove"}}, "has email twice"),
        ({"dataset": "people"}, "is no dataset of the lake"),
        ({"dataset": "plain"}, "has no personal column"),
        ({"fields": {"email": "hash"}, "secret": "chili"}, "is no secret of the team. There are: salt"),
    ],
)
def test_redaction_that_cannot_work_is_refused(redact: dict[str, Any], said: str):
    assert any(said in fault.replace("; There", ". There") for fault in faults({"redact": redact})), faults(
        {"redact": redact}
    )
