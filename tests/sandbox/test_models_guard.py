"""What looks behind deployments, run on real calls: which models it lets pass, and what it tells of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.events.models import EventPattern
from tests.sandbox.models_world import DIGEST, IMAGE, World, world

from modelyard.core.events import Gated, read_event

ROLE = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-fence-deployment"
PROMOTION = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-registry-promotion"
MODEL = "ml-dev-fraud-serving-scores"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("models")) as (made,):
        yield made


def call(name: str, role: str = ROLE, error: str = "", **asked: Any) -> dict[str, Any]:
    """A call as EventBridge brings it from CloudTrail."""
    detail: dict[str, Any] = {
        "eventSource": "sagemaker.amazonaws.com",
        "eventName": name,
        "eventID": "e-1",
        "userIdentity": {"arn": f"{role}/ada", "sessionContext": {"sessionIssuer": {"arn": role}}},
        "requestParameters": asked,
        **({"errorCode": error} if error else {}),
    }
    return {"source": "aws.sagemaker", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def looked(dev: World, event: Any) -> dict[str, str]:
    """What the guard found, problem by code; only what its rule lets through reaches it."""
    rule = dev.stack.client("events").describe_rule(Name="ml-dev-fraud-registry-deployments")
    if not EventPattern.load(rule["EventPattern"]).matches_event(event):
        return {"not-heard": rule["EventPattern"]}
    said = dev.stack.client("lambda").invoke(
        FunctionName="ml-dev-fraud-registry-guard", Payload=json.dumps(event).encode()
    )
    answer = json.loads(said["Payload"].read())
    assert "FunctionError" not in said, answer
    return {code: problem for _, _, code, problem in answer["unreleased"]}


def deployed(dev: World, **container: Any) -> dict[str, str]:
    """What the guard says of a model with this container."""
    sagemaker = dev.stack.client("sagemaker")
    if MODEL in [model["ModelName"] for model in sagemaker.list_models()["Models"]]:
        sagemaker.delete_model(ModelName=MODEL)
    sagemaker.create_model(ModelName=MODEL, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    return looked(dev, call("CreateModel", modelName=MODEL))


def of_version(dev: World, version: int) -> dict[str, str]:
    return deployed(dev, ModelPackageName=dev.model().package(version))


def by_hand(dev: World, version: int) -> None:
    dev.stack.client("sagemaker").update_model_package(
        ModelPackageArn=dev.model().package(version), ModelApprovalStatus="Approved"
    )


def counted(dev: World) -> float:
    """How many models the guard has counted."""
    now = datetime.now(UTC)
    found = dev.stack.client("cloudwatch").get_metric_statistics(
        Namespace="Modelyard/ml/dev",
        MetricName="UnreleasedModels",
        Dimensions=[{"Name": "Registry", "Value": "ml-dev-fraud-registry"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_what_is_released_is_deployed_in_peace(dev: World):
    version = dev.measured()
    dev.approve(version)
    heard = dev.heard()
    assert of_version(dev, version) == {}
    artifact = dev.model().describe(version)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert deployed(dev, Image=IMAGE, ModelDataUrl=artifact) == {}, "by the bytes, without naming the version"
    assert heard() == []


def test_what_nobody_approved_is_told_to_the_bus_and_counted(dev: World):
    heard, version, before = dev.heard(), dev.measured(), counted(dev)
    assert set(of_version(dev, version)) == {"not-released"}
    (told,) = heard()
    event = read_event(told)
    assert isinstance(event, Gated)
    assert (event.gate, event.passed, event.model_version) == ("release", False, str(version))
    assert event.evidence == "CloudTrail event e-1"
    assert counted(dev) == before + 1


def test_the_alarm_listens_to_what_the_guard_counts(dev: World):
    alarms = dev.stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [found for found in alarms if found["MetricName"] == "UnreleasedModels"]
    assert (alarm["Namespace"], alarm["Threshold"]) == ("Modelyard/ml/dev", 0.0)
    assert alarm["Dimensions"] == [{"Name": "Registry", "Value": "ml-dev-fraud-registry"}]
    topics = dev.stack.client("sns").list_subscriptions()["Subscriptions"]
    assert [(found["TopicArn"], found["Endpoint"]) for found in topics] == [
        (alarm["AlarmActions"][0], "ada@acme.example")
    ]


def test_a_status_that_the_deployment_role_set_is_seen_twice(dev: World):
    version = dev.measured()
    by_hand(dev, version)
    package = dev.model().package(version)
    asked = {"modelPackageArn": package, "modelApprovalStatus": "Approved"}
    assert set(looked(dev, call("UpdateModelPackage", **asked))) == {"approved-by-hand"}
    assert looked(dev, call("UpdateModelPackage", PROMOTION, **asked)) == {}, "the promotion's own doing"
    assert set(of_version(dev, version)) == {"not-released"}
    made = {"modelPackageGroupName": dev.model().group, "modelApprovalStatus": "Approved"}
    assert set(looked(dev, call("CreateModelPackage", **made))) == {"approved-by-hand"}


def test_a_record_of_another_version_and_a_forged_one_release_nothing(dev: World):
    released, other = dev.measured(), dev.measured()
    dev.approve(released)
    by_hand(dev, other)
    artifact = dev.model().describe(other)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    with dev.unfenced() as s3:
        key = f"releases/scores/{other}.json"
        record = json.loads(s3.get_object(Bucket=dev.bucket, Key=f"releases/scores/{released}.json")["Body"].read())
        s3.put_object(Bucket=dev.bucket, Key=key, Body=json.dumps(record).encode())
        assert {"other-package", "foreign-artifact"} <= set(of_version(dev, other))
        said = json.loads(record["payload"]) | {"package": dev.model().package(other), "artifact": artifact}
        s3.put_object(Bucket=dev.bucket, Key=key, Body=json.dumps(record | {"payload": json.dumps(said)}).encode())
    assert "invalid-signature" in of_version(dev, other)


def test_bytes_that_were_replaced_after_the_approval_are_found(dev: World):
    version = dev.measured()
    dev.approve(version)
    artifact = dev.model().describe(version)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    with dev.unfenced() as s3:
        s3.put_object(Bucket=dev.bucket, Key=artifact.removeprefix(f"s3://{dev.bucket}/"), Body=b"other")
    assert set(of_version(dev, version)) == {"digest-mismatch"}


def test_what_was_released_is_served_by_its_own_image_alone(dev: World):
    version = dev.measured()
    dev.approve(version)
    artifact = dev.model().describe(version)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    found = deployed(dev, Image=IMAGE.replace(DIGEST, f"sha256:{'e' * 64}"), ModelDataUrl=artifact)
    assert set(found) == {"image-mismatch"}


@pytest.mark.parametrize(
    "container",
    [
        {"Image": IMAGE},
        {"Image": IMAGE, "ModelDataUrl": "s3://somebody-elses/model.tar.gz"},
        {"Image": IMAGE, "ModelDataUrl": "s3://ml-dev-fraud-registry/models/none/model.tar.gz"},
    ],
)
def test_what_the_registry_never_saw_is_told(dev: World, container: dict[str, str]):
    assert set(deployed(dev, **container)) == {"not-registered"}


def test_a_package_of_another_registry_is_told(dev: World):
    sagemaker = dev.stack.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="ml-dev-fraud-by-hand")
    made = sagemaker.create_model_package(ModelPackageGroupName="ml-dev-fraud-by-hand", ModelApprovalStatus="Approved")[
        "ModelPackageArn"
    ]
    assert set(deployed(dev, ModelPackageName=made)) == {"foreign-package"}


def test_endpoints_are_looked_at_through_their_configuration(dev: World):
    version = dev.measured()
    assert set(of_version(dev, version)) == {"not-released"}
    variant = {"VariantName": "v", "ModelName": MODEL, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = "ml-dev-fraud-serving-config"
    dev.stack.client("sagemaker").create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    asked = {"endpointConfigName": config, "productionVariants": [{"modelName": MODEL}]}
    assert set(looked(dev, call("CreateEndpointConfig", **asked))) == {"not-released"}
    for name in ("CreateEndpoint", "UpdateEndpoint"):
        asked = {"endpointName": "ml-dev-fraud-serving", "endpointConfigName": config}
        assert set(looked(dev, call(name, **asked))) == {"not-released"}
    served = {"specification": {"modelName": MODEL}, "inferenceComponentName": "ml-dev-fraud-serving-part"}
    assert set(looked(dev, call("CreateInferenceComponent", **served))) == {"not-released"}


def test_calls_that_failed_and_those_of_others_arent_heard(dev: World):
    for event in (
        call("CreateModel", error="AccessDenied", modelName=MODEL),
        call("CreateModel", modelName="ml-dev-churn-serving-scores"),
        call("DeleteModel", modelName=MODEL),
        call("UpdateModelPackage", modelPackageArn=dev.model().package(1), modelApprovalStatus="Rejected"),
    ):
        assert "not-heard" in looked(dev, event)


def test_a_decision_is_told_to_the_models_owner(dev: World):
    heard = dev.heard()
    sns, queues = dev.stack.client("sns"), dev.stack.client("sqs")
    url = queues.create_queue(QueueName="mail")["QueueUrl"]
    (topic,) = [found["TopicArn"] for found in sns.list_topics()["Topics"]]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=dev.context.arn("sqs", "mail"))
    version = dev.measured()
    dev.approve(version)
    (told,) = heard()
    assert told["detail"]["decision"] == "approved"
    (mail,) = queues.receive_message(QueueUrl=url)["Messages"]
    said = json.loads(mail["Body"])
    assert said["Subject"] == f"scores {version} was approved"
    assert "by grace on" in said["Message"]
    assert said["Message"].endswith("looked at it")
