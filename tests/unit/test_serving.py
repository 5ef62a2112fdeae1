"""An inference endpoint as a graph, and what its file may not say."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.ground import GATED, KEY, TWO, a_role, fraud, ground, known_keys, recording, served

from modelyard.assess.graph import Graph
from modelyard.core.errors import InputError, Source, SpecError
from modelyard.core.releases import ReleaseRecord, SignedRelease
from modelyard.core.releasing import message
from modelyard.run.serving import ABILITIES, EndpointSpec
from modelyard.run.serving.abilities import table
from modelyard.run.serving.release import unreleased

SCALED = {
    "kind": "instances",
    "variants": {
        "main": {
            "instance_type": "ml.m5.large",
            "scaling": {"least": 2, "most": 6, "target": {"kind": "invocations", "per_instance": 600}},
        }
    },
}
MODEL = "aws:sagemaker/model:Model"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"


def spec(**changes: Any) -> EndpointSpec:
    given = {**served(served_by=TWO), **changes}
    return EndpointSpec.model_validate({key: value for key, value in given.items() if value != "unset"})


@cache
def recorded(text: str, production: bool, intent: str) -> Graph:
    return program_of(text, production, intent, {})


def program_of(text: str, production: bool, intent: str, invokes: dict[str, Any]) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        endpoint = ground(context, keys=known_keys(), registry=GATED).endpoint(
            "score", EndpointSpec.model_validate_json(text)
        )
        if intent:
            getattr(endpoint, f"grant_{intent}")(a_role("app", context))

    return recording(program, invokes=invokes)


def refused_by(invokes: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        program_of(spec().model_dump_json(), True, "", invokes)
    return str(caught.value)


def graph_of(given: EndpointSpec, *, production: bool = False, intent: str = "") -> Graph:
    return recorded(given.model_dump_json(), production, intent)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def endpoint_of(given: EndpointSpec) -> dict[str, Any]:
    template = json.loads(one(graph_of(given), "score-endpoint")["templateBody"])
    return template["Resources"]["It"]["Properties"]


def faults(*, production: bool = False, **changes: Any) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        graph_of(spec(**changes), production=production)
    return [str(fault) for fault in refusal.value.faults]


def names(given: EndpointSpec) -> tuple[str, str]:
    graph = graph_of(given)
    return one(graph, "score-main-model")["name"], one(graph, "score-configuration")["name"]


def test_another_version_is_another_model_and_configuration_behind_the_same_endpoint():
    before, after = spec(), spec(release={"kind": "declared", "version": 4})
    assert not set(names(before)) & set(names(after))
    assert endpoint_of(before)["EndpointName"] == endpoint_of(after)["EndpointName"]
    package = one(graph_of(after), "score-main-model")["containers"][0]["modelPackageName"]
    assert package.endswith("/4")


def test_another_machine_is_another_configuration_of_the_same_model():
    larger = spec(served_by={"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.xlarge"}}})
    (model, configuration), (same, other) = names(spec()), names(larger)
    assert model == same
    assert configuration != other


def test_how_an_endpoint_scales_is_no_part_of_its_configuration():
    scaling = SCALED["variants"]["main"]["scaling"]
    more = {**SCALED, "variants": {"main": {"instance_type": "ml.m5.large", "scaling": {**scaling, "most": 9}}}}
    assert names(spec(served_by=SCALED)) == names(spec(served_by=more))


def test_where_answers_lie_is_part_of_the_configuration():
    waiting = {"kind": "asynchronous", "instance_type": "ml.g5.xlarge"}
    elsewhere = {**waiting, "output": {"zone": "capture", "prefix": "elsewhere"}}
    assert names(spec(served_by=waiting))[1] != names(spec(served_by=elsewhere))[1]


def test_the_new_configuration_is_there_before_the_old_one_goes():
    for role in ("score-main-model", "score-configuration"):
        (node,) = [each for each in graph_of(spec()).nodes if each.name == role]
        assert not node.options.get("deleteBeforeReplace")


def test_counts_that_scale_and_weights_that_were_shifted_stay_at_an_update():
    assert endpoint_of(spec(served_by=SCALED))["RetainAllVariantProperties"] is True
    assert "ExcludeRetainedVariantProperties" not in endpoint_of(spec(served_by=SCALED))


def test_counts_that_nothing_scales_are_what_the_file_says():
    assert endpoint_of(spec())["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredInstanceCount"}]


def test_a_new_model_gets_a_tenth_of_the_traffic_first_and_its_errors_bring_the_old_one_back():
    deployment = endpoint_of(spec())["DeploymentConfig"]
    routing = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["CanarySize"]["Value"]) == ("CANARY", 10)
    alarms = [alarm["AlarmName"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]]
    assert alarms == [one(graph_of(spec()), "score-main-errors")["name"]]


def test_a_rollout_may_look_at_the_teams_alarms_and_no_others():
    policy = json.loads(one(graph_of(spec()), "score-model-score-access")["policy"])["Statement"]
    (look,) = [s for s in policy if s["Action"] == "cloudwatch:DescribeAlarms"]
    assert look["Resource"] == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ml-dev-fraud-*"


def test_latency_takes_a_rollout_back_when_the_team_says_what_is_slow():
    watched = spec(rollout={"kind": "linear", "rollback": {"latency_ms": 250}})
    alarm = one(graph_of(watched), "score-main-latency")
    assert alarm["threshold"] == 250_000
    assert len(endpoint_of(watched)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 2


@pytest.mark.parametrize(
    ("rollout", "steps"),
    [
        ({"kind": "all_at_once", "bake_minutes": 60}, 1),
        ({"kind": "canary", "bake_minutes": 60}, 2),
        ({"kind": "linear", "step_percent": 25, "bake_minutes": 40}, 4),
        ({"kind": "rolling", "batch_percent": 20, "bake_minutes": 40}, 5),
    ],
)
def test_a_deployment_may_take_longer_than_all_its_waits(rollout, steps):
    policy = next(
        each
        for key, each in endpoint_of(spec(rollout=rollout))["DeploymentConfig"].items()
        if key.endswith("UpdatePolicy")
    )
    waits = steps * rollout["bake_minutes"] * 60 + policy.get("TerminationWaitInSeconds", 0)
    assert waits < policy["MaximumExecutionTimeoutInSeconds"] <= 28_800


def test_calls_are_kept_encrypted_in_the_capture_zone():
    capture = one(graph_of(spec()), "score-configuration")["dataCaptureConfig"]
    assert capture["initialSamplingPercentage"] == 20
    assert capture["kmsKeyId"] == KEY
    assert capture["destinationS3Uri"].endswith("/calls/score")
    assert "dataCaptureConfig" not in one(graph_of(spec(capture={"percent": 0})), "score-configuration")


def test_a_shadow_gets_copies_and_its_own_model():
    shadowed = {**TWO, "shadow": {"version": 4, "instance_type": "ml.m5.large", "percent": 25}}
    graph = graph_of(spec(served_by=shadowed))
    (shadow,) = one(graph, "score-configuration")["shadowProductionVariants"]
    assert shadow["initialVariantWeight"] == 0.25
    assert one(graph, "score-shadow-model")["containers"][0]["modelPackageName"].endswith("/4")


def test_an_asynchronous_endpoint_scales_to_none_and_wakes_when_something_waits():
    graph = graph_of(spec(served_by={"kind": "asynchronous", "instance_type": "ml.g5.xlarge"}))
    target = one(graph, "score-main-scaling")
    assert (target["minCapacity"], target["maxCapacity"]) == (0, 1)
    alarm = one(graph, "score-main-waits")
    assert alarm["metricName"] == "HasBacklogWithoutCapacity"
    assert "score-main-wakes" in alarm["alarmActions"][0]
    answers = one(graph, "score-configuration")["asyncInferenceConfig"]["outputConfig"]
    assert answers["kmsKeyId"] == KEY


def test_disks_that_hardware_encrypts_take_no_key():
    local = {"kind": "instances", "variants": {"main": {"instance_type": "ml.g5.xlarge"}}}
    assert "kmsKeyArn" not in one(graph_of(spec(served_by=local)), "score-configuration")
    assert one(graph_of(spec()), "score-configuration")["kmsKeyArn"] == KEY


def test_a_serverless_endpoint_has_neither_network_nor_capture_nor_rollout():
    graph = graph_of(spec(served_by={"kind": "serverless"}, vpc="unset"))
    configuration = one(graph, "score-configuration")
    assert "dataCaptureConfig" not in configuration
    assert configuration["productionVariants"][0]["serverlessConfig"] == {"memorySizeInMb": 2048, "maxConcurrency": 5}
    assert "vpcConfig" not in one(graph, "score-main-model")
    assert "DeploymentConfig" not in one(graph, "score-endpoint")["templateBody"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"served_by": {"kind": "serverless"}, "vpc": True}, "vpc: is nothing that an endpoint of kind serverless"),
        ({"served_by": {"kind": "serverless"}, "network_isolation": True}, "take a kind that can: instances, asynch"),
        ({"served_by": {"kind": "serverless"}, "capture": {}}, "capture: is nothing that an endpoint of kind"),
        ({"served_by": {"kind": "serverless"}, "rollout": {"kind": "canary"}}, "rollout: is nothing"),
        ({"served_by": {"kind": "serverless"}, "volume_gib": 10}, "a serverless endpoint has none"),
        ({"served_by": {"kind": "serverless", "most_concurrent": 2, "ready": 3}}, "is more than most_concurrent, 2"),
        ({"rollout": {"kind": "canary", "rollback": {"error_percent": None}}}, "names no alarm"),
        ({"rollout": {"kind": "rolling", "batch_percent": 5, "bake_minutes": 60}}, "a deployment ends after 480"),
        ({"model": "score"}, "is no model of the registry. It has: scores"),
        ({"vpc": True}, "needs a network, and there is none"),
        ({"served_by": {**TWO, "variants": {"main": {"instance_type": "m5.large"}}}}, 'Use "ml.m5.large"'),
        ({"served_by": {**TWO, "variants": {"main": {"instance_type": "ml.m5.larg"}}}}, "is no known instance type"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(changes, said):
    assert any(said in fault for fault in faults(**changes)), faults(**changes)


def test_weights_that_sum_to_nothing_are_refused():
    idle = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large", "initial_weight": 0}}}
    assert any("no call is answered" in fault for fault in faults(served_by=idle))


def test_a_shadow_beside_several_variants_is_refused():
    machine = {"instance_type": "ml.m5.large"}
    several = {
        "kind": "instances",
        "variants": {"a": machine, "b": machine},
        "shadow": {"version": 4, **machine},
    }
    assert any("copies the calls of one" in fault for fault in faults(served_by=several))


def test_scaling_by_what_a_kind_does_not_measure_is_refused():
    scaling = {"least": 1, "most": 2, "target": {"kind": "backlog"}}
    by_backlog = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large", "scaling": scaling}}}
    assert any("waiting calls, which this kind" in fault for fault in faults(served_by=by_backlog))
    by_gpu = {
        "kind": "instances",
        "variants": {
            "main": {"instance_type": "ml.m5.large", "scaling": {**scaling, "target": {"kind": "gpu"}}},
        },
    }
    assert any("needs a GPU, and ml.m5.large has none" in fault for fault in faults(served_by=by_gpu))


def test_production_asks_for_a_second_instance():
    alone = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}}
    (said,) = faults(production=True, served_by=alone)
    assert "leaves no instance when one fails" in said


def test_all_faults_come_at_once():
    assert len(faults(model="score", vpc=True, served_by={"kind": "serverless"}, capture={})) >= 3


def test_who_may_invoke_calls_this_endpoint_and_no_other():
    graph = graph_of(spec(), intent="invoke")
    (statement,) = json.loads(one(graph, "app-score-access")["policy"])["Statement"]
    assert statement["Action"] == "sagemaker:InvokeEndpoint"
    assert statement["Resource"] == "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/ml-dev-fraud-score"


def test_every_kind_has_its_line_in_the_table():
    kinds = {each["const"] for each in _kinds(EndpointSpec.model_json_schema())}
    assert kinds == set(ABILITIES)


def test_the_page_shows_the_table():
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    for row in table():
        assert f"| {' | '.join(row)} |" in page


def test_the_pages_examples_of_endpoints_hold():
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    examples = [text for text in blocks if "EndpointSpec" in text]
    assert len(examples) == 2
    for example in examples:
        exec(example, {})


def _kinds(schema: dict[str, Any]) -> list[dict[str, Any]]:
    members = [one["$ref"].rpartition("/")[2] for one in schema["properties"]["served_by"]["oneOf"]]
    return [schema["$defs"][name]["properties"]["kind"] for name in members]


PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/ml-dev-fraud-registry-scores/3"
DIGEST = "0" * 64


@cache
def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_key() -> bytes:
    return private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(**changes: Any) -> str:
    record = ReleaseRecord.model_validate(
        {
            "team": "fraud",
            "environment": "dev",
            "model": "scores",
            "package": PACKAGE,
            "artifact": "s3://bucket/models/scores/3/model.tar.gz",
            "artifact_version": "1",
            "artifact_digest": DIGEST,
            "gates": [],
            "author": "ada@acme.example",
            "submitter": "AROA:ada@acme.example",
            "approver": "AROA:grace@acme.example",
            "data_snapshot": DIGEST,
            "code_commit": "0" * 40,
            "image_digest": DIGEST,
            "released_at": "2026-01-01T00:00:00Z",
            **changes,
        }
    )
    payload = record.canonical()
    signature = private_key().sign(message(payload), ec.ECDSA(SHA256()))
    return SignedRelease(payload=payload, signature=base64.b64encode(signature).decode(), key="key").model_dump_json()


def problems(text: str) -> list[str]:
    return [str(fault) for fault in unreleased(text, public_key(), package=PACKAGE, where=Source("f", "p"), value=3)]


def test_a_released_version_may_be_deployed_to_production():
    assert problems(signed()) == []


def test_what_is_not_released_says_which_condition_failed():
    assert "has no release record" in problems("")[0]
    assert "nobody can read" in problems("{}")[0]
    assert "has the release record of" in problems(signed(package=PACKAGE.replace("/3", "/4")))[0]
    forged = json.loads(signed())
    forged["payload"] = forged["payload"].replace("grace", "mallory")
    assert "key didn't sign" in problems(json.dumps(forged))[0]


def test_a_version_that_nobody_released_stops_production_before_anything_is_made():
    empty = {"aws:s3/getObjects:getObjects": {"keys": []}, "aws:kms/getPublicKey:getPublicKey": {"publicKey": "AA=="}}
    assert "has no release record, and this is production" in refused_by(empty)


def test_a_released_version_goes_to_production():
    place = "releases/scores/3.json"
    answers = {
        "aws:s3/getObjects:getObjects": {"keys": [place]},
        "aws:s3/getObject:getObject": {"body": signed()},
        "aws:kms/getPublicKey:getPublicKey": {"publicKey": base64.b64encode(public_key()).decode()},
    }
    assert one(program_of(spec().model_dump_json(), True, "", answers), "score-main-model")
