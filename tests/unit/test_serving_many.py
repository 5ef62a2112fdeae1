"""Many models behind one endpoint: who may call which, what the container can load, and what a file may not say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.ground import ACCOUNT, a_role, fraud, ground, known_keys, recording, served
from tests.unit.signed_releases import registry_with, released

from modelyard.assess.graph import Graph
from modelyard.core.addresses import EndpointAddress
from modelyard.core.errors import InputError, SpecError
from modelyard.run.serving import EndpointSpec

IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-serve@sha256:{'d' * 64}"
OURS, THEIRS, OLD = "a" * 64, "b" * 64, "c" * 64
MANY: dict[str, Any] = {
    "kind": "multi_model",
    "image": IMAGE,
    "artifact": OURS,
    "models": {
        "france": {"model": "others", "version": 2, "artifact": THEIRS},
        "before": {"version": 1, "artifact": OLD},
    },
    "instance_type": "ml.m5.large",
    "instances": 2,
}


def spec(changes: Mapping[str, Any] | None = None, **more: Any) -> EndpointSpec:
    return EndpointSpec.model_validate(served(served_by={**MANY, **(changes or {})}, **more))


def graph_of(
    given: EndpointSpec,
    *,
    production: bool = False,
    invokes: Mapping[str, Any] | None = None,
    models: Sequence[str] | None = None,
) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, "scores", "others", "third", keys=known_keys())
        on.endpoint("score", given).grant_invoke(a_role("app", context), models=models)

    return recording(program, invokes=invokes)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(one(graph, name)["policy"])["Statement"]


def faults(**more: Any) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        graph_of(spec(**more))
    return [str(fault) for fault in refusal.value.faults]


def test_one_container_serves_what_lies_below_the_registrys_models():
    graph = graph_of(spec())
    (container,) = one(graph, "score-main-model")["containers"]
    bucket = one(graph, "registry-bucket")["bucket"]
    assert container == {
        "image": IMAGE,
        "mode": "MultiModel",
        "modelDataUrl": f"s3://{bucket}/models/",
        "multiModelConfig": {"modelCacheSetting": "Enabled"},
        "environment": {},
    }


def test_a_model_asked_for_once_in_a_while_needs_no_place_in_memory():
    (container,) = one(graph_of(spec({"cache": False})), "score-main-model")["containers"]
    assert container["multiModelConfig"] == {"modelCacheSetting": "Disabled"}


def test_another_model_in_the_list_deploys_nothing():
    more = {**MANY["models"], "spain": {"model": "third", "version": 1, "artifact": "e" * 64}}
    before, after = graph_of(spec()), graph_of(spec({"models": more}))
    for name in ("score-main-model", "score-configuration", "score-endpoint"):
        assert one(before, name) == one(after, name)


def test_callers_name_the_listed_models_and_no_others():
    (call,) = statements(graph_of(spec()), "app-score-access")
    assert call["Condition"] == {
        "StringEquals": {
            "sagemaker:TargetModel": [
                f"others/{THEIRS}/model.tar.gz",
                f"scores/{OURS}/model.tar.gz",
                f"scores/{OLD}/model.tar.gz",
            ]
        }
    }


def test_a_caller_of_one_model_names_that_one():
    (call,) = statements(graph_of(spec(), models=["france"]), "app-score-access")
    assert call["Condition"] == {"StringEquals": {"sagemaker:TargetModel": [f"others/{THEIRS}/model.tar.gz"]}}
    with pytest.raises(InputError, match="There are: scores, france, before"):
        graph_of(spec(), models=["spain"])


def test_a_grant_tells_the_caller_what_to_name():
    found = json.loads(one(graph_of(spec(), models=["france", "scores"]), "app-score-address")["insecureValue"])
    address = EndpointAddress.model_validate(found["addresses"][0])
    assert address.target("france") == f"others/{THEIRS}/model.tar.gz"
    assert address.target("scores") == f"scores/{OURS}/model.tar.gz"
    with pytest.raises(KeyError):
        address.target("spain")


def test_the_container_can_load_the_listed_artifacts_alone():
    graph = graph_of(spec())
    (kept,) = [each for each in statements(graph, "score-model-score-access") if each.get("Sid")]
    bucket = one(graph, "registry-bucket")["bucket"]
    assert kept["Effect"] == "Deny"
    assert kept["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    places = [f"models/others/{THEIRS}", f"models/scores/{OURS}", f"models/scores/{OLD}"]
    assert kept["NotResource"] == [f"arn:aws:s3:::{bucket}/{place}/model.tar.gz" for place in places]


@pytest.mark.parametrize(
    ("changes", "more", "said"),
    [
        ({}, {"release": {"kind": "loop"}}, "brings one model, and many share this endpoint"),
        (
            {"models": {"scores": {"version": 1, "artifact": OLD}}},
            {},
            "served_by.models.scores: got 'scores'; is what callers call the release",
        ),
        (
            {"models": {"again": {"version": 3, "artifact": OLD}}},
            {},
            "is another artifact than the one that version 3 has elsewhere",
        ),
        (
            {"models": {"far": {"model": "unknown", "version": 1, "artifact": OLD}}},
            {},
            "served_by.models.far.model: got 'unknown'; is no model of the registry",
        ),
        ({"instance_type": "ml.g6.xlarge"}, {}, "Take one of the families p2, p3, g4dn, g5"),
        ({"image": "serve:latest"}, {}, "is no image of ECR by its digest"),
        (
            {"scaling": {"least": 0, "most": 2, "target": {"kind": "invocations", "per_instance": 60}}},
            {},
            "machines that wait for calls are at least one",
        ),
        (
            {"scaling": {"least": 1, "most": 2, "target": {"kind": "backlog"}}},
            {},
            "waiting calls, which this kind of endpoint doesn't measure",
        ),
        ({}, {"capture": {"by": "container"}}, "is nothing that an endpoint of kind multi_model can have"),
    ],
)
def test_what_many_models_cannot_have_is_refused_with_a_remedy(
    changes: dict[str, Any], more: dict[str, Any], said: str
):
    found = faults(changes=changes, **more)
    assert any(said in fault for fault in found), found


def test_gpus_of_the_families_that_serve_many_are_taken():
    assert one(graph_of(spec({"instance_type": "ml.g5.xlarge"})), "score-main-model")


def test_production_asks_for_a_second_machine():
    with pytest.raises(SpecError, match=r"served_by.instances: got 1; leaves no instance when one fails"):
        graph_of(spec({"instances": 1}), production=True)


RELEASES = {
    "releases/scores/3.json": released("scores", 3, OURS),
    "releases/scores/1.json": released("scores", 1, OLD),
    "releases/others/2.json": released("others", 2, THEIRS),
}


def test_every_listed_version_must_be_released_in_production():
    assert one(graph_of(spec(), production=True, invokes=registry_with(RELEASES)), "score-main-model")
    for missing in RELEASES:
        records = {key: text for key, text in RELEASES.items() if key != missing}
        with pytest.raises(InputError, match="has no release record, and this is production"):
            graph_of(spec(), production=True, invokes=registry_with(records))


def test_the_artifact_in_the_file_must_be_the_one_that_was_released():
    records = {**RELEASES, "releases/others/2.json": released("others", 2, "f" * 64)}
    with pytest.raises(InputError, match=f"was released with the artifact {'f' * 64}, and the file says {THEIRS}"):
        graph_of(spec(), production=True, invokes=registry_with(records))


def test_a_version_that_is_a_folder_of_weights_is_none_of_many():
    records = {**RELEASES, "releases/others/2.json": released("others", 2, THEIRS, "weights.json")}
    with pytest.raises(InputError, match="is a folder of weights"):
        graph_of(spec(), production=True, invokes=registry_with(records))
