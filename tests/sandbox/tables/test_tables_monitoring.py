"""SageMaker's monitors over their tables: made, unchanged, changed in place or anew, drifted, gone; refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

SCHEDULE = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"
DATA_QUALITY = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
ROLE = "arn:aws:iam::123456789012:role/monitor"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:" + "0" * 64
HOURLY, DAILY, SIX_HOURLY = "cron(0 * ? * * *)", "cron(0 3 ? * * *)", "cron(0 0/6 ? * * *)"


def endpoint(cloud: Cloud, name: str = "score", *, capture: bool = True) -> str:
    """An endpoint with or without data capture."""
    client = cloud.client("sagemaker")
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    options = {
        "EnableCapture": capture,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://capture/score",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=options)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return name


def resources(**changes: Any) -> dict[str, Any]:
    return {"clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGb": 20, **changes}}


def quality(**changes: Any) -> dict[str, Any]:
    return {
        "name": "score-data",
        "roleArn": ROLE,
        "dataQualityAppSpecification": {"imageUri": IMAGE, "environment": {"THRESHOLD": "0.1"}},
        "dataQualityBaselineConfig": {
            "constraintsResource": {"s3Uri": "s3://b/constraints.json"},
            "statisticsResource": {"s3Uri": "s3://b/statistics.json"},
        },
        "dataQualityJobInput": {"endpointInput": {"endpointName": "score"}},
        "dataQualityJobOutputConfig": {
            "kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/k",
            "monitoringOutputs": {"s3Output": {"s3Uri": "s3://b/results"}},
        },
        "jobResources": resources(),
        "networkConfig": {
            "enableNetworkIsolation": True,
            "enableInterContainerTrafficEncryption": True,
            "vpcConfig": {"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        },
        "tags": {"team": "fraud"},
        **changes,
    }


def definition(cloud: Cloud, **changes: Any) -> Made:
    endpoint(cloud)
    return cloud.make(DATA_QUALITY, **quality(**changes))


def config(expression: str = HOURLY, **changes: Any) -> dict[str, Any]:
    return {
        "monitoringType": "DataQuality",
        "monitoringJobDefinitionName": "score-data",
        "scheduleConfig": {"scheduleExpression": expression},
        **changes,
    }


def test_a_definition_of_data_quality_is_made_and_only_its_tags_change_in_place(cloud: Cloud):
    made = definition(cloud)
    assert made["arn"] == "arn:aws:sagemaker:eu-west-1:123456789012:data-quality-job-definition/score-data"
    assert made["stoppingCondition"] == {"maxRuntimeInSeconds": 3600}
    made.update(tags={"team": "risk"})
    for change in (
        {"roleArn": f"{ROLE}-2"},
        {"jobResources": resources(instanceCount=2)},
        {"name": "other"},
        {"stoppingCondition": {"maxRuntimeInSeconds": 60}},
    ):
        assert made.forecast(**change).replaces, change
    made.imported("score-data")
    made.delete()


def test_leaving_out_what_the_provider_fills_in_is_no_change(cloud: Cloud):
    written = {"endpointName": "score", "localPath": "/opt/ml/processing/input"}
    made = definition(cloud, dataQualityJobInput={"endpointInput": written})
    assert not made.forecast(dataQualityJobInput={"endpointInput": {"endpointName": "score"}}).changed
    elsewhere = {"endpointName": "score", "localPath": "/elsewhere"}
    assert made.forecast(dataQualityJobInput={"endpointInput": elsewhere}).replaces


def test_a_definition_of_a_batch_transforms_data_needs_no_endpoint(cloud: Cloud):
    source = {"dataCapturedDestinationS3Uri": "s3://c/x", "datasetFormat": {"csv": {"header": True}}}
    made = cloud.make(DATA_QUALITY, **quality(dataQualityJobInput={"batchTransformInput": source}))
    made.delete()


def test_a_definition_watches_an_endpoint_that_is_there_and_captures(cloud: Cloud):
    assert "Could not find endpoint" in cloud.refused(DATA_QUALITY, **quality())
    endpoint(cloud, capture=False)
    assert "Data capture is not enabled" in cloud.refused(DATA_QUALITY, **quality())


def test_a_definition_is_made_once(cloud: Cloud):
    definition(cloud)
    assert "ResourceInUse" in cloud.refused(DATA_QUALITY, **quality())


def test_a_definition_that_was_deleted_behind_our_back_is_seen(cloud: Cloud):
    made = definition(cloud)
    cloud.client("sagemaker").delete_data_quality_job_definition(JobDefinitionName="score-data")
    assert made.read() is None


def test_a_schedule_is_made_changed_in_place_and_goes(cloud: Cloud):
    definition(cloud)
    made = cloud.make(SCHEDULE, name="score-data", monitoringScheduleConfig=config(), tags={"team": "fraud"})
    assert made["arn"] == "arn:aws:sagemaker:eu-west-1:123456789012:monitoring-schedule/score-data"
    made.update(monitoringScheduleConfig=config(SIX_HOURLY))
    made.update(tags={"team": "risk"})
    assert made.forecast(name="other").replaces
    made.imported("score-data")
    client = cloud.client("sagemaker")
    (listed,) = client.list_monitoring_schedules(EndpointName="score")["MonitoringScheduleSummaries"]
    assert (listed["MonitoringScheduleStatus"], listed["MonitoringJobDefinitionName"]) == ("Scheduled", "score-data")
    assert client.list_monitoring_executions(MonitoringScheduleName="score-data")["MonitoringExecutionSummaries"] == []
    made.delete()
    assert client.list_monitoring_schedules()["MonitoringScheduleSummaries"] == []


def test_a_schedule_that_was_changed_behind_our_back_is_seen(cloud: Cloud):
    definition(cloud)
    made = cloud.make(SCHEDULE, name="score-data", monitoringScheduleConfig=config())
    aside = {
        "MonitoringType": "DataQuality",
        "MonitoringJobDefinitionName": "score-data",
        "ScheduleConfig": {"ScheduleExpression": DAILY},
    }
    cloud.client("sagemaker").update_monitoring_schedule(
        MonitoringScheduleName="score-data", MonitoringScheduleConfig=aside
    )
    found = made.read()
    assert found is not None
    assert found.state["monitoringScheduleConfig"]["scheduleConfig"] == {"scheduleExpression": DAILY}


def test_a_schedule_holds_its_own_definition_or_names_one(cloud: Cloud):
    endpoint(cloud)
    inline: dict[str, Any] = {
        "roleArn": ROLE,
        "baseline": {"constraintsResource": {"s3Uri": "s3://b/constraints.json"}},
        "monitoringAppSpecification": {"imageUri": IMAGE, "containerEntrypoints": ["python", "-m", "watch"]},
        "monitoringInputs": {"endpointInput": {"endpointName": "score", "localPath": "/opt/ml/processing/input"}},
        "monitoringOutputConfig": {"monitoringOutputs": {"s3Output": {"s3Uri": "s3://b/r", "localPath": "/out"}}},
        "monitoringResources": {"clusterConfig": resources()["clusterConfig"]},
        "stoppingConditions": [{"maxRuntimeInSeconds": 1800}],
    }
    own = {"monitoringType": "DataQuality", "scheduleConfig": {"scheduleExpression": HOURLY}}
    made = cloud.make(SCHEDULE, name="own", monitoringScheduleConfig={**own, "monitoringJobDefinition": inline})
    longer = {**inline, "stoppingConditions": [{"maxRuntimeInSeconds": 3600}]}
    made.update(monitoringScheduleConfig={**own, "monitoringJobDefinition": longer})
    made.delete()


def test_a_schedule_names_a_definition_of_its_kind_that_exists(cloud: Cloud):
    definition(cloud)
    for change in ({"monitoringJobDefinitionName": "none"}, {"monitoringType": "ModelQuality"}):
        said = cloud.refused(SCHEDULE, name="s", monitoringScheduleConfig=config(**change))
        assert "Could not find job definition" in said


def test_a_run_ends_before_the_next_begins(cloud: Cloud):
    definition(cloud, stoppingCondition={"maxRuntimeInSeconds": 7200})
    assert "exceeds the 3600" in cloud.refused(SCHEDULE, name="s", monitoringScheduleConfig=config())
    made = cloud.make(SCHEDULE, name="s", monitoringScheduleConfig=config(SIX_HOURLY))
    made.delete()


def test_a_schedule_is_stopped_and_started(cloud: Cloud):
    definition(cloud)
    made = cloud.make(SCHEDULE, name="s", monitoringScheduleConfig=config())
    client = cloud.client("sagemaker")

    def status() -> str:
        return client.describe_monitoring_schedule(MonitoringScheduleName="s")["MonitoringScheduleStatus"]

    client.stop_monitoring_schedule(MonitoringScheduleName="s")
    assert status() == "Stopped"
    assert not made.forecast().changed, "a stopped schedule is none of the provider's business"
    client.start_monitoring_schedule(MonitoringScheduleName="s")
    assert status() == "Scheduled"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.stop_monitoring_schedule(MonitoringScheduleName="none")


def test_the_tagging_api_finds_monitors(cloud: Cloud):
    definition(cloud)
    tags = {"team": "fraud"}
    schedule = cloud.make(SCHEDULE, name="s", monitoringScheduleConfig=config(), tags=tags)
    filters = [{"Key": "team", "Values": ["fraud"]}]
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=filters)["ResourceTagMappingList"]
    kinds = {each["ResourceARN"].rpartition(":")[2] for each in found}
    assert kinds == {"data-quality-job-definition/score-data", "monitoring-schedule/s"}
    schedule.delete()
