"""Monitors that an endpoint can't have: each fault with its remedy, and what watches it all the same."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.monitors import COLUMNS, REFERENCE, an_endpoint, given, one, program_of

from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.run.monitoring import MonitorsSpec
from modelyard.run.serving import EndpointSpec


class Lake:
    """What a spec asks a lake for."""

    zones = ("raw", "curated", "features", "capture", "artifacts")


LAKE: Any = Lake()


def faults(served: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    """What a component refuses, as it collects it, without making a whole stack for it."""
    spec = MonitorsSpec.model_validate(given(**changes))
    spec.locate(SourceMap("team.yaml"), "monitoring.score")
    endpoint = EndpointSpec.model_validate(served or an_endpoint())
    found = [*spec.all_faults(), *spec.unfit_for(endpoint), *spec.unplaced(LAKE, networked=False)]
    assert found
    return [str(fault) for fault in found]


SERVERLESS = an_endpoint(served_by={"kind": "serverless"}, vpc="unset")
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no baseline": ({"reference": "unset"}, "data_drift: has nothing to compare with: no baseline can be made"),
    "no truth": ({"labels": "unset"}, "model_quality: needs the truth, and nobody says where it comes to"),
    "bias without truth": ({"labels": "unset"}, "bias_drift: needs the truth, and nobody says where it comes to"),
    "a reference without truth": (
        {"reference": {**REFERENCE, "label": None}},
        "reference.label: is needed by concept_drift. Name the column with the truth.",
    ),
    "a reference without answers": (
        {"reference": {"prefix": "payments", "label": "fraud"}},
        "reference.prediction: is needed by prediction_drift",
    ),
    "more bad points than points": (
        {"data_drift": {"sustained": {"bad": 4, "of": 3}}},
        "data_drift.sustained.bad: is more than the 3 points that are looked at, so that the alarm never goes off",
    ),
    "a week is the longest": (
        {"data_drift": {"every_hours": 24, "sustained": {"bad": 2, "of": 8}}},
        "data_drift.sustained.of: looks back 192 hours, and CloudWatch 168 at most. Use 7 or fewer.",
    ),
    "no such group": (
        {"bias_drift": {"group": "age"}},
        "bias_drift.group: is no column of the requests",
    ),
    "bias without a limit": (
        {"bias_drift": {"group": "sex", "demographic_parity": None, "impact_ratio": None}},
        "bias_drift: has no limit, so that nobody is ever told",
    ),
    "bias of a number": ({"problem": "regression"}, "bias_drift: compares selection rates, and regression has none"),
    "accuracy of a number": (
        {"problem": "regression"},
        "model_quality.limits.accuracy: isn't measured of regression",
    ),
    "a curve without probabilities": ({"probability": "unset"}, "model_quality.limits.auc: needs probabilities"),
    "doubt without probabilities": (
        {"labels": "unset", "probability": "unset"},
        "probability: is needed by concept_drift: without labels it looks at uncertainty",
    ),
    "no image": ({"image": "unset"}, "image: is needed: a job computes monitors"),
    "no columns": ({"columns": []}, "columns: are needed: requests are read by them"),
    "a column twice": ({"columns": [*COLUMNS, COLUMNS[0]]}, "columns: name amount twice"),
    "no network": ({"vpc": True}, "vpc: needs a network, and there is none"),
    "a GPU that isn't there": ({"gpu": {}}, "gpu: is watched, and no instance of the endpoint has one"),
    "an unknown type": ({"instance_type": "ml.m99.large"}, "instance_type: is no known instance type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_watched_is_refused_with_a_remedy(case: str):
    changes, said = REFUSED[case]
    found = faults(**changes)
    path, _, problem = said.partition(": ")
    place = f"team.yaml: monitoring.score.{path}: "
    assert any(fault.startswith(place) and problem in fault for fault in found), found


def test_all_faults_come_at_once():
    with pytest.raises(SpecError) as refusal:
        program_of(given(reference="unset", image="unset", bias_drift={"group": "age"}, vpc=True), an_endpoint())
    found = [str(fault) for fault in refusal.value.faults]
    for said in ("has nothing to compare with", "is needed: a job", "is no column", "needs a network"):
        assert any(said in fault for fault in found), said


def test_an_owner_without_an_address_is_refused():
    with pytest.raises(ValueError, match="owner"):
        MonitorsSpec.model_validate(given(owner="Ada"))


def test_a_kind_that_captures_nothing_has_monitors_of_the_service_alone():
    served = {key: value for key, value in SERVERLESS.items() if value != "unset"}
    found = faults(served, cpu="unset", memory="unset")
    assert any(
        "data_drift: has nothing to look at: the endpoint, of kind serverless, captures no call" in f for f in found
    )
    assert any("isn't measured of a serverless endpoint" in fault for fault in faults(served))


def test_what_our_container_keeps_is_watched_by_the_scheduler_and_not_by_model_monitor():
    kept = {"percent": 20, "by": "container"}
    served = {key: value for key, value in {**SERVERLESS, "capture": kept}.items() if value != "unset"}
    found = program_of(given(cpu="unset", memory="unset"), served)
    assert one(found, "watch-data-drift-clock")
    said = faults(served, cpu="unset", memory="unset", run_by="model_monitor")
    assert any("sees only what SageMaker itself captures" in fault for fault in said), said


def test_columns_that_redaction_takes_are_refused():
    spec = MonitorsSpec.model_validate(given())
    said = list(spec.unplaced(LAKE, networked=True, redacted={"amount": "remove", "country": "hash"}))
    assert [fault.value for fault in said] == ["amount"]
    hashed = list(spec.unplaced(LAKE, networked=True, redacted={"amount": "hash"}))
    assert "a hash is no number" in str(hashed[0])
