"""An endpoint whose version the retraining loop chooses: what is deployed, with what the loop's records say."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.ground import ACCOUNT, TWO, a_role, fraud, ground, known_keys, recording
from tests.ground import served as endpoint

from modelyard.assess.graph import Graph
from modelyard.core.champions import Champion, Shape
from modelyard.core.errors import InputError, SpecError
from modelyard.run.serving import EndpointSpec

PACKAGES = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/ml-dev-fraud-registry-scores"
PATH = "/modelyard/ml/dev/fraud"
BY_PATH = "aws:ssm/getParametersByPath:getParametersByPath"
Stored = Mapping[str, str]


def spec(**changes: Any) -> EndpointSpec:
    return EndpointSpec.model_validate(endpoint(**{"release": {"kind": "loop"}, "served_by": TWO, **changes}))


def stored_in(parameters: Stored) -> dict[str, Any]:
    """How a path of the parameter store answers where just these lie."""

    def answer(args: Mapping[str, Any], _place: object) -> dict[str, Any]:
        found = {name: value for name, value in parameters.items() if name.rpartition("/")[0] == args["path"]}
        texts = {"names": list(found), "values": list(found.values())}
        return {**args, **texts, "id": args["path"], "arns": [], "types": [], "region": "eu-west-1"}

    return {BY_PATH: answer}


def graph_of(
    given: EndpointSpec,
    stored: Stored | None = None,
    *,
    production: bool = False,
    more: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    promoting: bool = False,
) -> Graph:
    """The endpoint recorded where the parameters lie; None: a recording that asks nothing live."""
    context = replace(fraud(production=production), tags=tags or {})

    def program() -> dict[str, Any]:
        made = ground(context, "scores", "others", keys=known_keys()).endpoint("score", given)
        made.grant_invoke(a_role("app", context))
        if promoting:
            made.grant_promote(a_role("loop", context))
        return {"exists": made.exists, "awaits": made.awaits}

    answers = {**(stored_in(stored) if stored is not None else {}), **(more or {})}
    return recording(program, invokes=answers)


def a_champion(version: int, model: str = "scores") -> Stored:
    champion = Champion(
        endpoint="score",
        model=model,
        version=version,
        package=f"{PACKAGES}/{version}",
        run=f"arn:aws:states:eu-west-1:{ACCOUNT}:execution:ml-dev-fraud-weekly:1",
        released_at=datetime(2026, 1, 1, tzinfo=UTC),
        why="drift",
    )
    return {f"{PATH}/champions/score": champion.model_dump_json()}


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def shape_of(graph: Graph) -> Shape:
    return Shape.model_validate_json(one(graph, "score-shape")["insecureValue"])


def deployed(given: EndpointSpec, version: int, **more: Any) -> Stored:
    """What lies there once the loop's first release, of this version, was deployed in this shape."""
    return {f"{PATH}/shapes/score": shape_of(graph_of(given, a_champion(version), **more)).text}


def served(graph: Graph) -> int:
    package = one(graph, "score-main-model")["containers"][0]["modelPackageName"]
    return int(package.rpartition("/")[2])


def names(graph: Graph) -> set[str]:
    return {node.name for node in graph.nodes}


def test_before_the_first_release_there_is_no_endpoint_and_the_outputs_say_what_is_to_come():
    graph = graph_of(spec(), {})
    expected = {"score-main-model", "score-configuration", "score-endpoint", "score-main-errors", "score-shape"}
    assert not names(graph) & expected
    assert {"score-model", "app-score-access"} <= names(graph), "roles and grants are there before"
    (stack,) = [node for node in graph.nodes if node.type == "pulumi:pulumi:Stack"]
    assert stack.outputs["exists"] is False
    assert stack.outputs["awaits"] == (
        "the loop's first release of scores: retrain it (yard retrain), then deploy again"
    )


def test_a_recording_shows_the_whole_endpoint_decided():
    graph = graph_of(spec(served_by=SCALED))
    assert {"score-main-model", "score-configuration", "score-endpoint", "score-main-scaling"} <= names(graph)
    assert served(graph) == 1
    assert shape_of(graph).base_version == 1
    (stack,) = [node for node in graph.nodes if node.type == "pulumi:pulumi:Stack"]
    assert stack.outputs["exists"] is True


def test_the_first_release_is_deployed():
    graph = graph_of(spec(), a_champion(7))
    assert served(graph) == 7
    assert shape_of(graph).base_version == 7


def test_what_the_loop_promoted_since_is_no_change_of_the_same_shape():
    before = graph_of(spec(), a_champion(3))
    after = graph_of(spec(), {**a_champion(7), **deployed(spec(), 3)})
    for name in ("score-main-model", "score-configuration", "score-endpoint", "score-shape"):
        assert one(before, name) == one(after, name)


LARGER = {**TWO, "variants": {"main": {"instance_type": "ml.m5.xlarge", "instances": 2}}}
MORE = {**TWO, "variants": {"main": {"instance_type": "ml.m5.large", "instances": 3}}}
SCALED = {
    **TWO,
    "variants": {
        "main": {
            "instance_type": "ml.m5.large",
            "scaling": {"least": 2, "most": 6, "target": {"kind": "invocations", "per_instance": 600}},
        }
    },
}
SHADOWED = {**TWO, "shadow": {"version": 9, "instance_type": "ml.m5.large"}}


@pytest.mark.parametrize(
    "change",
    [
        {"served_by": LARGER},
        {"served_by": MORE},
        {"served_by": SCALED},
        {"served_by": SHADOWED},
        {"environment": {"LEVEL": "info"}},
        {"network_isolation": False},
        {"volume_gib": 40},
        {"capture": {"percent": 50}},
        {"rollout": {"kind": "linear"}},
        {"rollout": {"kind": "canary", "rollback": {"latency_ms": 250}}},
        {"rollout": {"kind": "canary", "rollback": {"alarms": ["drift"]}}},
    ],
)
def test_another_shape_comes_with_the_loops_champion(change: dict[str, Any]):
    graph = graph_of(spec(**change), {**a_champion(7), **deployed(spec(), 3)})
    assert served(graph) == 7, "the champion before the last would come back"
    assert shape_of(graph).base_version == 7


def test_other_tags_are_another_shape_since_they_update_the_endpoints_stack():
    graph = graph_of(spec(), {**a_champion(7), **deployed(spec(), 3)}, tags={"cost-center": "1"})
    assert served(graph) == 7


def test_who_is_told_and_how_far_it_scales_is_no_shape():
    wider = json.loads(json.dumps(SCALED))
    wider["variants"]["main"]["scaling"]["most"] = 9
    changed = spec(served_by=wider, owner="grace@acme.example")
    graph = graph_of(changed, {**a_champion(7), **deployed(spec(served_by=SCALED), 3)})
    assert served(graph) == 3


def test_a_shape_makes_requests_that_sagemaker_takes():
    waiting = {"kind": "asynchronous", "instance_type": "ml.g5.xlarge"}
    service = botocore.session.get_session().get_service_model("sagemaker")
    for served_by in (TWO, SCALED, SHADOWED, waiting, {"kind": "serverless", "ready": 1}):
        shape = shape_of(graph_of(spec(served_by=served_by), a_champion(3)))
        requests: dict[str, dict[str, Any]] = {
            "CreateEndpointConfig": {**shape.configuration, "EndpointConfigName": f"{shape.prefix}-v4"},
            "UpdateEndpoint": {
                "EndpointName": shape.endpoint,
                "EndpointConfigName": f"{shape.prefix}-v4",
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": each} for each in shape.not_retained],
                **({"DeploymentConfig": shape.deployment} if shape.deployment else {}),
            },
        }
        for request in shape.models.values():
            (container,) = request["Containers"]
            package = {**container, "ModelPackageName": f"{shape.packages}/4"}
            requests["CreateModel"] = {**request, "Containers": [package], "ModelName": f"{shape.prefix}-v4"}
        for operation, request in requests.items():
            input_shape = service.operation_model(operation).input_shape
            problems = ParamValidator().validate(request, input_shape)
            assert not problems.has_errors(), problems.generate_report()
        assert shape.endpoint == "ml-dev-fraud-score"
        assert shape.packages == PACKAGES
        assert set(shape.models) == {
            each["ModelName"]
            for kind in ("ProductionVariants", "ShadowProductionVariants")
            for each in shape.configuration.get(kind, ())
        }


def test_a_shape_names_the_alarms_of_its_rollout_and_the_versions_that_are_not_the_champions():
    given = spec(served_by=SHADOWED, rollout={"kind": "canary", "rollback": {"alarms": ["drift"]}})
    shape = shape_of(graph_of(given, a_champion(3)))
    assert shape.alarms == ("drift", "ml-dev-fraud-score-main-errors")
    assert shape.versions == {"shadow": 9}


def test_what_the_loop_makes_has_room_for_its_version_and_never_the_name_of_what_a_deployment_makes():
    graph = graph_of(spec(), a_champion(3))
    prefix = shape_of(graph).prefix
    assert prefix.startswith("ml-dev-fraud-")
    assert len(prefix) <= 38
    for made in ("score-main-model", "score-configuration"):
        assert not one(graph, made)["name"].startswith(prefix)


def test_a_first_version_serves_until_the_loop_has_released_one():
    first = spec(release={"kind": "loop", "first": 5})
    assert served(graph_of(first, {})) == 5
    standing = deployed(first, 5)
    assert served(graph_of(first, {**standing, **a_champion(7)})) == 5, "the loop's release is no change of the shape"
    larger = spec(served_by=LARGER, release={"kind": "loop", "first": 5})
    assert served(graph_of(larger, {**standing, **a_champion(7)})) == 7
    assert served(graph_of(first)) == 5, "a recording takes the version that the file names"


def test_a_champion_that_is_gone_never_takes_its_endpoint_away():
    said = refused(deployed(spec(), 3))
    assert "has no champion in /modelyard/ml/dev/fraud/champions/score, though version 3 serves" in said
    assert 'say "first: 3"' in said
    assert served(graph_of(spec(release={"kind": "loop", "first": 3}), deployed(spec(), 3))) == 3


def refused(stored: Stored, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        graph_of(spec(), stored, **more)
    return str(caught.value)


def test_a_champion_of_another_model_is_refused():
    said = refused(a_champion(3, "others"))
    assert said.startswith(": model: got 'scores'; but the loop's champion is a version of others")
    assert "another name" in said


@pytest.mark.parametrize("text", ["{}", "not json", '{"format": 2}'])
def test_a_record_that_nobody_can_read_is_refused_and_never_taken_for_none(text: str):
    said = refused({f"{PATH}/champions/score": text})
    assert said.startswith(": release.kind: got 'loop'; finds a record that nobody can read")
    assert f"{PATH}/champions/score" in said


def test_a_loop_that_could_bring_nothing_is_refused():
    own = {**TWO, "variants": {"main": {"instance_type": "ml.m5.large", "version": 2}}}
    with pytest.raises(SpecError, match="leaves the loop nothing to bring"):
        graph_of(spec(served_by=own), {})


def test_a_champion_that_nobody_released_stops_production_where_the_file_says_loop():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    public = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    answers = {"aws:s3/getObjects:getObjects": {"keys": []}, "aws:kms/getPublicKey:getPublicKey": {"publicKey": public}}
    said = refused(a_champion(7), production=True, more=answers)
    assert said.startswith(": release.kind: got 7; has no release record, and this is production")


def test_production_asks_no_record_before_the_first_release():
    assert "score-endpoint" not in names(graph_of(spec(), {}, production=True))


def test_whoever_promotes_touches_what_it_made_the_endpoint_and_its_own_record():
    graph = graph_of(spec(), {}, promoting=True)
    statements = json.loads(one(graph, "loop-score-access")["policy"])["Statement"]
    prefix = shape_of(graph_of(spec())).prefix
    allowed = {
        action: {
            resource
            for statement in statements
            if action in _many(statement["Action"])
            for resource in _many(statement["Resource"])
        }
        for action in ("sagemaker:CreateModel", "sagemaker:UpdateEndpoint", "ssm:PutParameter", "ssm:GetParameter")
    }
    aws = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}"
    stored = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter{PATH}"
    assert allowed == {
        "sagemaker:CreateModel": {f"{aws}:model/{prefix}*"},
        "sagemaker:UpdateEndpoint": {f"{aws}:endpoint/ml-dev-fraud-score", f"{aws}:endpoint-config/{prefix}*"},
        "ssm:PutParameter": {f"{stored}/champions/score"},
        "ssm:GetParameter": {f"{stored}/champions/score", f"{stored}/shapes/score"},
    }


def test_nobody_promotes_what_the_file_declares():
    with pytest.raises(InputError, match="is the file's to change, not a loop's"):
        graph_of(spec(release={"kind": "declared", "version": 3}), promoting=True)


def _many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
