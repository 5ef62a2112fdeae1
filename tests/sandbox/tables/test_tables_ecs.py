"""Clusters, task definitions and services through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

CLUSTER = "aws:ecs/cluster:Cluster"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
ROLE = "arn:aws:iam::123456789012:role/runner"
SERVER = {
    "name": "server",
    "image": "mlflow@sha256:0",
    "portMappings": [{"containerPort": 5000, "hostPort": 5000, "protocol": "tcp"}],
    "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
    "readonlyRootFilesystem": True,
}
FARGATE = {
    "family": "mlflow",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "512",
    "memory": "2048",
    "executionRoleArn": ROLE,
    "taskRoleArn": ROLE,
    "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
    "volumes": [{"name": "scratch"}],
    "containerDefinitions": json.dumps([SERVER]),
}


@pytest.fixture
def place(cloud: Any) -> dict[str, Any]:
    """A cluster, a task definition, and where a service runs."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{'ab'[n]}")["Subnet"][
            "SubnetId"
        ]
        for n in (0, 1)
    ]
    group = ec2.create_security_group(GroupName="server", Description="d", VpcId=vpc)["GroupId"]
    targets = cloud.client("elbv2").create_target_group(
        Name="mlflow", Port=5000, Protocol="HTTP", TargetType="ip", VpcId=vpc
    )["TargetGroups"][0]["TargetGroupArn"]
    return {
        "cluster": cloud.make(CLUSTER, name="tracking")["arn"],
        "taskDefinition": cloud.make(TASK, **FARGATE)["arn"],
        "networkConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": False},
        "loadBalancers": [{"targetGroupArn": targets, "containerName": "server", "containerPort": 5000}],
        "launchType": "FARGATE",
        "desiredCount": 1,
    }


def test_a_cluster_lives_and_dies(cloud: Any) -> None:
    cluster = cloud.make(
        CLUSTER, name="tracking", settings=[{"name": "containerInsights", "value": "disabled"}], tags={"team": "fraud"}
    )
    assert cluster.id == cluster["arn"] == "arn:aws:ecs:eu-west-1:123456789012:cluster/tracking"
    cluster.update(settings=[{"name": "containerInsights", "value": "enabled"}])
    cluster.update(tags={"team": "churn"})
    assert cluster.forecast(name="other").replaces == {"name"}
    cluster.imported(cluster.id)
    cluster.delete()
    assert cloud.client("ecs").list_clusters()["clusterArns"] == []


def test_a_task_definition_that_changes_is_another_revision_and_the_old_one_ends(cloud: Any) -> None:
    task = cloud.make(TASK, **FARGATE, tags={"team": "fraud"})
    assert (task.id, task["revision"]) == ("mlflow", 1)
    change = task.forecast(memory="4096")
    assert change.replaces == {"memory"}
    assert not change.delete_first, "a service runs the old revision until it has the new one"
    task.update(tags={"team": "churn"})
    newer = cloud.make(TASK, **{**FARGATE, "memory": "4096"})
    assert newer["revision"] == 2
    task.delete()
    assert cloud.client("ecs").list_task_definitions()["taskDefinitionArns"] == [newer["arn"]]


def test_what_ecs_adds_to_a_container_is_no_change(cloud: Any) -> None:
    task = cloud.make(TASK, **FARGATE)
    spelled = {**SERVER, "essential": True, "cpu": 0, "mountPoints": []}
    kept = cloud.client("ecs").describe_task_definition(taskDefinition=task["arn"])["taskDefinition"]
    assert kept["containerDefinitions"][0]["essential"] is True
    assert cloud.make(TASK, **{**FARGATE, "containerDefinitions": json.dumps([spelled])})


def test_a_service_lives_and_dies(cloud: Any, place: dict[str, Any]) -> None:
    service = cloud.make(
        SERVICE,
        name="server",
        **place,
        platformVersion="1.4.0",
        deploymentCircuitBreaker={"enable": True, "rollback": True},
        healthCheckGracePeriodSeconds=300,
        propagateTags="SERVICE",
        tags={"team": "fraud"},
    )
    assert service.id == "arn:aws:ecs:eu-west-1:123456789012:service/tracking/server"
    service.update(desiredCount=2)
    service.update(healthCheckGracePeriodSeconds=60)
    service.update(deploymentMinimumHealthyPercent=50)
    service.update(tags={"team": "churn"})
    newer = cloud.make(TASK, **{**FARGATE, "memory": "4096"})
    service.update(taskDefinition=newer["arn"])
    assert service.forecast(launchType="EC2").replaces == {"launchType"}
    assert service.forecast(name="other").replaces == {"name"}
    service.delete()
    assert cloud.client("ecs").list_services(cluster="tracking")["serviceArns"] == []


def test_drift_of_a_service_is_found(cloud: Any, place: dict[str, Any]) -> None:
    service = cloud.make(SERVICE, name="server", **place)
    cloud.client("ecs").update_service(cluster="tracking", service="server", desiredCount=0)
    found = service.read()
    assert found is not None
    assert found.state["desiredCount"] == 0
    cloud.client("ecs").delete_service(cluster="tracking", service="server")
    assert service.read() is None


def test_a_cluster_with_services_stays(cloud: Any, place: dict[str, Any]) -> None:
    cloud.make(SERVICE, name="server", **place)
    with pytest.raises(cloud.client("ecs").exceptions.ClusterContainsServicesException):
        cloud.client("ecs").delete_cluster(cluster="tracking")


def test_a_service_is_refused_that_leads_nowhere(cloud: Any, place: dict[str, Any]) -> None:
    elsewhere = [{**place["loadBalancers"][0], "containerPort": 80}]
    said = cloud.refused(SERVICE, name="server", **{**place, "loadBalancers": elsewhere})
    assert "did not have a container port 80" in said
    missing = [{**place["loadBalancers"][0], "targetGroupArn": f"{place['loadBalancers'][0]['targetGroupArn']}0"}]
    assert "Unable to find target group" in cloud.refused(SERVICE, name="s", **{**place, "loadBalancers": missing})
    cloud.make(SERVICE, name="server", **place)
    assert "not idempotent" in cloud.refused(SERVICE, name="server", **place)
