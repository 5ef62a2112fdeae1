"""What LocalStack executes and moto only stores: rules, notifications, alarms and state machines lead to something."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

Eventually = Callable[[Callable[[], Any]], Any]
DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}


@dataclass(frozen=True)
class Account:
    """What several chains begin or end with."""

    aws: Any
    role: str
    eventually: Eventually

    def machine(self, name: str, definition: Mapping[str, Any] = DONE) -> str:
        made = self.aws.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self.role
        )
        return made["stateMachineArn"]

    def run(self, name: str, task: Mapping[str, Any]) -> dict[str, Any]:
        """The end of an execution of this one task."""
        machine = self.machine(name, {"StartAt": "Task", "States": {"Task": {"Type": "Task", "End": True, **task}}})
        sfn = self.aws.client("stepfunctions")
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]

        def ended() -> dict[str, Any] | None:
            found = sfn.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return self.eventually(ended)

    def first_input(self, machine: str) -> Any:
        """What the first execution of a machine was started with."""
        sfn = self.aws.client("stepfunctions")
        (execution,) = self.eventually(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])
        return json.loads(sfn.describe_execution(executionArn=execution["executionArn"])["input"])

    def queue(self, name: str) -> tuple[str, str]:
        """A queue's URL and ARN."""
        sqs = self.aws.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def message(self, queue: str) -> Any:
        """The next message's body."""
        sqs = self.aws.client("sqs")
        messages = self.eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
        return json.loads(messages[0]["Body"])

    def rule(self, name: str, pattern: Mapping[str, Any], target: str) -> None:
        events = self.aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        made = events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target, "RoleArn": self.role}])
        assert made["FailedEntryCount"] == 0

    def bucket(self, name: str) -> str:
        where = {"LocationConstraint": self.aws.region}
        self.aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return name


@pytest.fixture(scope="module")
def account(aws: Any, eventually: Eventually) -> Account:
    services = [f"{service}.amazonaws.com" for service in ("events", "sagemaker", "states")]
    statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = aws.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return Account(aws, role, eventually)


def test_an_event_that_a_rule_matches_starts_a_state_machine(account: Account):
    machine = account.machine("retrain")
    account.rule("drifted", {"source": ["modelyard.fraud"], "detail": {"drifted": [True]}}, machine)
    entry = {"Source": "modelyard.fraud", "DetailType": "Drift", "Detail": json.dumps({"drifted": True, "psi": 0.4})}
    account.aws.client("events").put_events(Entries=[entry])
    started = account.first_input(machine)
    assert started["detail"] == {"drifted": True, "psi": 0.4}


def test_a_new_object_tells_a_queue(account: Account):
    bucket = account.bucket("inbox")
    queue, arn = account.queue("arrivals")
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3 = account.aws.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [rule]},
        SkipDestinationValidation=True,
    )
    s3.put_object(Bucket=bucket, Key="events/a.json", Body=b"{}")
    (record,) = account.message(queue)["Records"]
    assert record["s3"]["object"]["key"] == "events/a.json"


def test_a_new_object_starts_a_state_machine_over_the_event_bus(account: Account):
    bucket = account.bucket("raw")
    machine = account.machine("validate")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    account.rule("arrived", pattern, machine)
    s3 = account.aws.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=bucket, Key="events/day=1/a.json", Body=b"{}")
    assert account.first_input(machine)["detail"]["object"]["key"] == "events/day=1/a.json"


def test_a_metric_over_its_threshold_raises_the_alarm_which_tells_topic_and_event_bus(account: Account):
    cloudwatch, sns = account.aws.client("cloudwatch"), account.aws.client("sns")
    queue, arn = account.queue("owners")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    machine = account.machine("roll-back")
    changed = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["drift"], "state": {"value": ["ALARM"]}}}
    account.rule("alarmed", changed, machine)
    cloudwatch.put_metric_alarm(
        AlarmName="drift",
        Namespace="modelyard",
        MetricName="psi",
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )

    def raised() -> bool:
        cloudwatch.put_metric_data(Namespace="modelyard", MetricData=[{"MetricName": "psi", "Value": 0.4}])
        return cloudwatch.describe_alarms(AlarmNames=["drift"])["MetricAlarms"][0]["StateValue"] == "ALARM"

    account.eventually(raised)
    told = json.loads(account.message(queue)["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == ("drift", "ALARM")
    event = account.first_input(machine)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [told["AlarmArn"]]


def test_a_state_machine_waits_for_its_training_job(account: Account):
    bucket = account.bucket("models")
    job = {
        "TrainingJobName": "fraud-1",
        "RoleArn": account.role,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    ended = account.run("train", {"Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": job})
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert json.loads(ended["output"])["TrainingJobStatus"] == "Completed", "what the job came to, not its start"
    described = account.aws.client("sagemaker").describe_training_job(TrainingJobName="fraud-1")
    assert described["RoleArn"] == account.role, "the task and boto3 ask the same SageMaker"


def test_a_state_machine_calls_any_service_of_the_sdk(account: Account):
    account.aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    ended = account.run("list", {"Resource": "arn:aws:states:::aws-sdk:sagemaker:listModelPackageGroups"})
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    groups = json.loads(ended["output"])["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == ["fraud"]


def test_a_state_machine_that_asks_for_what_is_not_there_fails_with_the_services_error(account: Account):
    ended = account.run(
        "describe",
        {
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:describeTable",
            "Parameters": {"TableName": "nowhere"},
        },
    )
    assert (ended["status"], ended["error"]) == ("FAILED", "DynamoDb.ResourceNotFoundException")


def test_what_is_put_into_a_stream_arrives_in_the_bucket_that_firehose_fills(account: Account):
    bucket = account.bucket("landing")
    kinesis, firehose, s3 = (account.aws.client(service) for service in ("kinesis", "firehose", "s3"))
    kinesis.create_stream(StreamName="events", ShardCount=2)
    stream = kinesis.describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]["StreamARN"]
    firehose.create_delivery_stream(
        DeliveryStreamName="delivery",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": stream, "RoleARN": account.role},
        ExtendedS3DestinationConfiguration={"RoleARN": account.role, "BucketARN": f"arn:aws:s3:::{bucket}"},
    )

    def active() -> bool:
        described = firehose.describe_delivery_stream(DeliveryStreamName="delivery")
        return described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"

    account.eventually(active)
    records = [{"Data": f"{number}".encode(), "PartitionKey": f"{number}"} for number in range(4)]
    kinesis.put_records(StreamName="events", Records=records)

    def arrived() -> bool:
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        texts = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
        return sorted("".join(texts)) == ["0", "1", "2", "3"]

    account.eventually(arrived)
    firehose.delete_delivery_stream(DeliveryStreamName="delivery")


def test_a_bridged_service_finds_the_bucket_that_localstack_keeps(account: Account):
    bucket = account.bucket("trails")
    cloudtrail = account.aws.client("cloudtrail")
    cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    with pytest.raises(cloudtrail.exceptions.S3BucketDoesNotExistException):
        cloudtrail.create_trail(Name="other", S3BucketName="nowhere-at-all")
