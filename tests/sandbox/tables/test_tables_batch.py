"""AWS Batch over its table: made, changed in place or anew, seen when changed behind its back, gone; refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
QUEUE = "aws:batch/jobQueue:JobQueue"
POLICY = "aws:batch/schedulingPolicy:SchedulingPolicy"
DEFINITION = "aws:batch/jobDefinition:JobDefinition"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
PROFILE = "arn:aws:iam::123456789012:instance-profile/instance"
CONTAINER: dict[str, Any] = {
    "image": "i@sha256:0",
    "resourceRequirements": [{"type": "MEMORY", "value": "1024"}, {"type": "VCPU", "value": "1"}],
}


def resources(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"]
    return {
        "type": "EC2",
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
        "minVcpus": 0,
        "maxVcpus": 16,
        "instanceTypes": ["g5.xlarge"],
        "subnets": [subnet["SubnetId"]],
        "securityGroupIds": [group["GroupId"]],
        "instanceRole": PROFILE,
        "ec2Configurations": [{"imageType": "ECS_AL2023_NVIDIA"}],
        **changes,
    }


def environment(cloud: Cloud, name: str = "train") -> Made:
    return cloud.make(ENVIRONMENT, name=name, type="MANAGED", computeResources=resources(cloud), tags={"team": "a"})


def test_an_environment_grows_in_place_and_goes_when_no_queue_stands_on_it(cloud: Cloud):
    made = environment(cloud)
    assert made["arn"] == "arn:aws:batch:eu-west-1:123456789012:compute-environment/train"
    assert made["ecsClusterArn"].startswith("arn:aws:ecs:eu-west-1:123456789012:cluster/AWSBatch-train-")
    made.update(computeResources=resources(cloud, maxVcpus=32))
    made.update(state="DISABLED")
    assert made.forecast(name="other").replaces
    policy = cloud.make(POLICY, name="shares", fairSharePolicy={"shareDecaySeconds": 60})
    orders = [{"order": 1, "computeEnvironment": made["arn"]}]
    queue = cloud.make(
        QUEUE,
        name="q",
        priority=1,
        state="ENABLED",
        computeEnvironmentOrders=orders,
        schedulingPolicyArn=policy["arn"],
    )
    assert "JobQueue relationship" in cloud.refuses_to_delete(made)
    assert "JobQueue relationship" in cloud.refuses_to_delete(policy)
    queue.update(priority=2)
    queue.update(
        jobStateTimeLimitActions=[
            {
                "action": "CANCEL",
                "maxTimeSeconds": 600,
                "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
                "state": "RUNNABLE",
            }
        ]
    )
    assert queue.forecast(name="other").replaces
    for each in (queue, policy, made):
        each.delete()


def test_an_environment_that_grew_behind_our_back_is_seen(cloud: Cloud):
    made = environment(cloud)
    cloud.client("batch").update_compute_environment(computeEnvironment="train", computeResources={"maxvCpus": 99})
    found = made.read()
    assert found is not None and found.state["computeResources"]["maxVcpus"] == 99


def test_an_environment_stands_in_subnets_and_groups_that_exist(cloud: Cloud):
    def refused(**changes: Any) -> str:
        return cloud.refused(ENVIRONMENT, name="x", type="MANAGED", computeResources=resources(cloud, **changes))

    assert "does not exist" in refused(subnets=["subnet-0aaaaaaaaaaaaaaaa"])
    assert "does not exist" in refused(securityGroupIds=["sg-0aaaaaaaaaaaaaaaa"])
    assert "security group is required" in refused(securityGroupIds=[])


def test_shares_change_in_place(cloud: Cloud):
    def shares(**weights: float) -> dict[str, Any]:
        return {"shareDistributions": [{"shareIdentifier": k, "weightFactor": w} for k, w in weights.items()]}

    made = cloud.make(POLICY, name="shares", fairSharePolicy=shares(a=1, b=0.5))
    made.update(fairSharePolicy=shares(a=1, b=0.25))
    assert made.forecast(name="other").replaces
    made.delete()


def test_a_changed_definition_is_a_new_revision_and_the_old_one_goes(cloud: Cloud):
    made = cloud.make(
        DEFINITION,
        name="run",
        type="container",
        containerProperties=json.dumps(CONTAINER),
        retryStrategy={"attempts": 2, "evaluateOnExits": [{"action": "retry", "onStatusReason": "Host EC2*"}]},
        timeout={"attemptDurationSeconds": 60},
        platformCapabilities=["EC2"],
    )
    assert made["arn"].endswith(":job-definition/run:1")
    made.update(timeout={"attemptDurationSeconds": 120})
    assert made["arn"].endswith(":job-definition/run:2") and made["arnPrefix"].endswith(":job-definition/run")
    active = cloud.client("batch").describe_job_definitions(jobDefinitionName="run", status="ACTIVE")
    assert [found["revision"] for found in active["jobDefinitions"]] == [2]
    nodes = {"mainNode": 0, "numNodes": 2, "nodeRangeProperties": [{"targetNodes": "0:", "container": CONTAINER}]}
    apart = {"type": "multinode", "nodeProperties": json.dumps(nodes), "containerProperties": None}
    assert made.forecast(**apart).replaces
    assert not made.forecast(containerProperties=json.dumps(CONTAINER, indent=2)).changed, "the same, written otherwise"
    made.delete()


def test_a_definition_says_what_its_container_needs(cloud: Cloud):
    assert "needs an image, VCPU and MEMORY" in cloud.refused(
        DEFINITION, name="run", type="container", containerProperties=json.dumps({"image": "i"})
    )


def controlled(cloud: Cloud, kind: str, **properties: Any) -> Made:
    return cloud.make(CONTROLLED, typeName=f"AWS::Batch::{kind}", desiredState=json.dumps(properties))


def limits(count: int) -> list[dict[str, Any]]:
    return [{"CapacityUnit": "ml.g5.xlarge", "MaxCapacity": count}]


def test_a_queue_before_sagemaker_is_made_of_four_things_and_goes_in_their_order(cloud: Cloud):
    place = controlled(
        cloud,
        "ServiceEnvironment",
        ServiceEnvironmentName="capacity",
        ServiceEnvironmentType="SAGEMAKER_TRAINING",
        CapacityLimits=limits(4),
        Tags={"team": "a"},
    )
    assert place.id == "arn:aws:batch:eu-west-1:123456789012:service-environment/capacity"
    policy = controlled(
        cloud, "SchedulingPolicy", Name="shares", QuotaSharePolicy={"IdleResourceAssignmentStrategy": "FIFO"}
    )
    queue = controlled(
        cloud,
        "JobQueue",
        JobQueueName="q",
        JobQueueType="SAGEMAKER_TRAINING",
        Priority=1,
        SchedulingPolicyArn=policy.id,
        ServiceEnvironmentOrder=[{"Order": 1, "ServiceEnvironment": place.id}],
    )
    share = controlled(
        cloud,
        "QuotaShare",
        QuotaShareName="research",
        JobQueue=queue.id,
        CapacityLimits=limits(4),
        ResourceSharingConfiguration={"Strategy": "RESERVE"},
        PreemptionConfiguration={"InSharePreemption": "DISABLED"},
    )
    batch = cloud.client("batch")
    assert batch.list_tags_for_resource(resourceArn=place.id)["tags"] == {"team": "a"}
    grown = {**json.loads(place.given["desiredState"]), "CapacityLimits": limits(8)}
    place.update(desiredState=json.dumps(grown))
    (found,) = batch.describe_service_environments()["serviceEnvironments"]
    assert found["capacityLimits"] == [{"capacityUnit": "ml.g5.xlarge", "maxCapacity": 8}]
    assert "QuotaShare relationship" in cloud.refuses_to_delete(queue)
    for each in (share, queue, policy, place):
        each.delete()


def test_a_share_needs_a_queue_that_knows_shares(cloud: Cloud):
    made = environment(cloud)
    orders = [{"order": 1, "computeEnvironment": made["arn"]}]
    queue = cloud.make(QUEUE, name="q", priority=1, state="ENABLED", computeEnvironmentOrders=orders)
    state = {
        "QuotaShareName": "a",
        "JobQueue": queue["arn"],
        "CapacityLimits": limits(1),
        "ResourceSharingConfiguration": {"Strategy": "RESERVE"},
        "PreemptionConfiguration": {"InSharePreemption": "DISABLED"},
    }
    told = cloud.refused(CONTROLLED, typeName="AWS::Batch::QuotaShare", desiredState=json.dumps(state))
    assert "no quota share policy" in told


def test_a_job_of_a_queue_with_shares_names_one(cloud: Cloud):
    made = environment(cloud)
    policy = cloud.make(POLICY, name="shares", fairSharePolicy={"shareDecaySeconds": 60})
    orders = [{"order": 1, "computeEnvironment": made["arn"]}]
    cloud.make(
        QUEUE,
        name="q",
        priority=1,
        state="ENABLED",
        computeEnvironmentOrders=orders,
        schedulingPolicyArn=policy["arn"],
    )
    cloud.make(DEFINITION, name="run", type="container", containerProperties=json.dumps(CONTAINER))
    batch = cloud.client("batch")
    job = {"jobName": "j", "jobQueue": "q", "jobDefinition": "run"}
    try:
        batch.submit_job(**job)
    except batch.exceptions.ClientException as refusal:
        assert "shareIdentifier" in str(refusal)
    else:
        raise AssertionError("a queue with shares takes no job without one")
    made_job = batch.submit_job(**job, shareIdentifier="a", tags={"team": "a"})
    (shown,) = batch.describe_jobs(jobs=[made_job["jobId"]])["jobs"]
    assert shown["status"] == "SUBMITTED" and shown["tags"] == {"team": "a"}
    batch.terminate_job(jobId=made_job["jobId"], reason="enough")
    assert batch.describe_jobs(jobs=[made_job["jobId"]])["jobs"][0]["status"] == "FAILED"
