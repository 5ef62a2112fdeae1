"""An endpoint by Cloud Control: its configuration comes in place, and what scaling and weights did stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud
from tests.sandbox.tables.serving import CONTROLLED, PLACE, alarm, changed, endpoint, has_now, scale, shown


def test_an_endpoint_of_cloud_control_is_made_changed_replaced_and_gone(cloud: Cloud):
    made = endpoint(cloud, Tags=[{"Key": "team", "Value": "a"}])
    assert made.id == f"{PLACE}:endpoint/e"
    told = json.loads(made["properties"])
    assert told == {
        "EndpointArn": made.id,
        "EndpointName": "e",
        "EndpointConfigName": "c1",
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    made.update(desiredState=changed(made, EndpointConfigName="c2"))
    assert has_now(cloud) == (3, 1.0)
    made.update(desiredState=changed(made, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "c"}]))
    tags = cloud.client("sagemaker").list_tags(ResourceArn=made.id)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "b", "cost": "c"}
    assert made.forecast(desiredState=changed(made, EndpointName="other")).replaces == {"desiredState"}
    same = json.dumps(json.loads(made.given["desiredState"]), indent=2)
    assert not made.forecast(desiredState=same).changed, "the same, written otherwise"
    made.delete()


def test_counts_and_weights_survive_an_update_that_says_so(cloud: Cloud):
    made = endpoint(cloud)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    made.update(desiredState=changed(made, EndpointConfigName="c2", RetainAllVariantProperties=True))
    assert has_now(cloud) == (7, 0.25)


def test_some_properties_may_be_excluded_from_those_that_survive(cloud: Cloud):
    made = endpoint(cloud)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
    made.update(
        desiredState=changed(
            made,
            EndpointConfigName="c2",
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=excluded,
        )
    )
    assert has_now(cloud) == (3, 0.25)


def test_an_update_that_does_not_say_so_again_resets_counts_and_weights(cloud: Cloud):
    """The property is only written, and the provider's patch speaks of what differs between two desired states."""
    made = endpoint(cloud, RetainAllVariantProperties=True)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    made.update(desiredState=changed(made, EndpointConfigName="c2"))
    assert has_now(cloud) == (3, 1.0)
    with pytest.raises(ProviderError, match="UpdateResource: ValidationException: noSuchPath"):
        made.update(desiredState=changed(made, EndpointConfigName="c3", RetainAllVariantProperties=None))


def test_cloud_control_rolls_back_on_an_alarm_as_sagemaker_does(cloud: Cloud):
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    made = endpoint(cloud)
    told = cloud.refused(
        CONTROLLED,
        typeName="AWS::SageMaker::Endpoint",
        desiredState=json.dumps({"EndpointName": "f", "EndpointConfigName": "c1", "DeploymentConfig": rollback}),
    )
    assert "Could not find alarm(s) errors" in told
    alarm(cloud, "ALARM")
    made.update(desiredState=changed(made, EndpointConfigName="c2", DeploymentConfig=rollback))
    assert shown(cloud)["EndpointConfigName"] == "c1" and json.loads(made["properties"])["EndpointConfigName"] == "c1"


def test_what_is_changed_behind_cloud_controls_back_is_no_drift_and_nothing_is_imported(cloud: Cloud):
    made = endpoint(cloud)
    cloud.client("sagemaker").update_endpoint(EndpointName="e", EndpointConfigName="c2")
    found = made.read()
    assert found is not None and found.inputs == made.inputs, "the desired state is as it was written"
    assert json.loads(found.state["properties"])["EndpointConfigName"] == "c2"
    with pytest.raises(ProviderError, match="can't import"):
        cloud.provider.read(CONTROLLED, made.id, made.urn, {}, {})


def test_a_desired_state_is_judged_by_the_published_schema(cloud: Cloud):
    state = {"EndpointName": "e", "RetainWeights": True}
    _, refused = cloud.provider.check(
        CONTROLLED,
        "urn:pulumi:dev::test::x::y",
        {},
        {"typeName": "AWS::SageMaker::Endpoint", "desiredState": json.dumps(state)},
        b"",
    )
    told = " ".join(each.reason for each in refused)
    assert "RetainWeights" in told and "'EndpointConfigName' is a required property" in told
