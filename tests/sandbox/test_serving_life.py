"""Endpoints in the emulator: made, unchanged, given another model in place, scaled behind the engine's back, gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.ground import FRAUD, GATED, ground
from tests.ground import served as served_as
from tests.sandbox.lives import changed, registered

from modelyard.core.errors import DeploymentError
from modelyard.run.serving import BatchInference, BatchSpec
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

ENDPOINT = "ml-dev-fraud-score"
TWO = {"main": {"instance_type": "ml.m5.large", "instances": 2}}
SCALED = {
    "main": {
        "instance_type": "ml.m5.large",
        "instances": 2,
        "scaling": {"least": 2, "most": 6, "target": {"kind": "invocations", "per_instance": 600}},
    }
}


MANY: dict[str, Any] = {
    "kind": "multi_model",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:{'d' * 64}",
    "artifact": "a" * 64,
    "models": {"before": {"version": 2, "artifact": "b" * 64}},
    "instance_type": "ml.m5.large",
}


def an_endpoint(version: int | None = None, **served_by: Any) -> Callable[[], None]:
    """A lake and a registry, and with a version an endpoint that serves it."""

    def program() -> None:
        on = ground(registry=GATED)
        if version is not None:
            on.endpoint("score", served_as(version, served_by={"kind": "instances", "variants": TWO, **served_by}))

    return program


def served(stack: Deployment) -> dict[str, Any]:
    return stack.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)


def test_an_endpoint_is_made_stays_as_it_is_and_goes():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        before = counted(stack.client, "eu-west-1")
        stack.update(an_endpoint(1))
        assert served(stack)["EndpointStatus"] == "InService"
        stack.update(an_endpoint(1))
        assert changed(stack) == {}
        stack.update(an_endpoint())
        assert counted(stack.client, "eu-west-1") == before


def test_another_version_is_a_new_model_and_configuration_and_the_endpoint_in_place():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(an_endpoint(1))
        old = served(stack)["EndpointConfigName"]
        stack.update(an_endpoint(2))
        assert {name: done for name, done in changed(stack).items() if name.startswith("score")} == {
            "score-main-model": "replace",
            "score-configuration": "replace",
            "score-endpoint": "update",
        }
        assert served(stack)["EndpointConfigName"] != old
        configurations = stack.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
        assert [each["EndpointConfigName"] for each in configurations] == [served(stack)["EndpointConfigName"]]


def test_counts_that_scaled_meanwhile_survive_another_version():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(an_endpoint(1, variants=SCALED))
        stack.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 5}]
        )
        stack.update(an_endpoint(2, variants=SCALED))
        assert served(stack)["ProductionVariants"][0]["DesiredInstanceCount"] == 5


def test_counts_that_nothing_scales_come_back_to_the_file():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(an_endpoint(1))
        stack.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 5}]
        )
        stack.update(an_endpoint(2))
        assert served(stack)["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_weights_that_were_shifted_survive_another_version():
    machine = {"instance_type": "ml.m5.large"}
    two = {"main": machine, "other": {**machine, "version": 1}}
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(an_endpoint(1, variants=two))
        stack.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredWeight": 9.0}]
        )
        stack.update(an_endpoint(2, variants=two))
        weights = {each["VariantName"]: each["CurrentWeight"] for each in served(stack)["ProductionVariants"]}
        assert weights == {"main": 9.0, "other": 1.0}


def test_an_alarm_during_the_rollout_leaves_the_old_model_serving():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        stack.update(an_endpoint(1))
        old = served(stack)["EndpointConfigName"]
        stack.client("cloudwatch").set_alarm_state(
            AlarmName=f"{ENDPOINT}-main-errors", StateValue="ALARM", StateReason="many calls fail"
        )
        with pytest.raises(DeploymentError, match="rolled back"):
            stack.update(an_endpoint(2))
        assert served(stack)["EndpointConfigName"] == old
        assert served(stack)["EndpointStatus"] == "InService"


def test_every_kind_lives_and_dies():
    kinds: list[dict[str, Any]] = [
        {"kind": "serverless", "memory_mib": 1024},
        {"kind": "asynchronous", "instance_type": "ml.g5.xlarge"},
        {
            "kind": "instances",
            "variants": {"main": {"instance_type": "ml.m5.large"}},
            "shadow": {"version": 2, "instance_type": "ml.m5.large"},
        },
        MANY,
    ]
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        before = counted(stack.client, "eu-west-1")
        for kind in kinds:
            stack.update(_of(kind))
            assert served(stack)["EndpointStatus"] == "InService"
            stack.update(an_endpoint())
            assert counted(stack.client, "eu-west-1") == before


def test_another_model_in_a_list_of_many_changes_policies_alone():
    more = {**MANY["models"], "oldest": {"version": 4, "artifact": "c" * 64}}
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        stack.update(_of(MANY))
        serving = served(stack)
        stack.update(_of(MANY))
        assert changed(stack) == {}
        stack.update(_of({**MANY, "models": more}))
        assert changed(stack) == {"score-model-score-access": "update"}
        assert served(stack)["EndpointConfigName"] == serving["EndpointConfigName"]
        stack.update(_of({**MANY, "models": more, "cache": False}))
        assert {name: done for name, done in changed(stack).items() if not name.endswith("access")} == {
            "score-main-model": "replace",
            "score-configuration": "replace",
            "score-endpoint": "update",
        }


def _of(kind: dict[str, Any]) -> Callable[[], None]:
    given = served_as(1, served_by=kind, vpc=None if kind["kind"] == "serverless" else False)

    def program() -> None:
        ground(registry=GATED).endpoint("score", given)

    return program


def a_batch(**changes: Any) -> Callable[[], None]:
    given = {
        "model": "scores",
        "owner": "ada@acme.example",
        "release": {"kind": "declared", "version": 1},
        "input": {"zone": "curated", "prefix": "payments"},
        "output": {"zone": "curated", "prefix": "predictions"},
        "schedule": "cron(0 5 * * ? *)",
        "vpc": False,
        **changes,
    }

    def program() -> None:
        on = ground(registry=GATED)
        BatchInference(
            "nightly",
            BatchSpec.model_validate(given),
            context=FRAUD,
            registry=on.registry,
            lake=on.lake,
            keys=on.keys,
        )

    return program


def test_a_batch_is_made_stays_as_it_is_changes_and_goes():
    with deploy(an_endpoint(), region="eu-west-1") as stack:
        registered(stack.client("sagemaker"))
        before = counted(stack.client, "eu-west-1")
        stack.update(a_batch())
        stack.update(a_batch())
        assert changed(stack) == {}
        stack.update(a_batch(instances=3, schedule=None))
        assert changed(stack)["nightly-machine"] == "update"
        stack.update(an_endpoint())
        assert counted(stack.client, "eu-west-1") == before
