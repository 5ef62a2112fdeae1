"""Databases, their subnet groups and parameter groups through their whole life."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

INSTANCE = "aws:rds/instance:Instance"
SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
FORCED = {"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"}


@pytest.fixture
def place(cloud: Any) -> dict[str, Any]:
    """Two subnets, and a security group."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{'ab'[n]}")["Subnet"][
            "SubnetId"
        ]
        for n in (0, 1)
    ]
    group = ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {"subnets": subnets, "group": group, "key": key}


def database(cloud: Any, place: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is asked for of a private, encrypted database."""
    cloud.make(SUBNETS, name="tracking", description="d", subnetIds=place["subnets"])
    cloud.make(PARAMETERS, name="tracking-17", family="postgres17", description="d", parameters=[FORCED])
    return {
        "identifier": "tracking",
        "engine": "postgres",
        "engineVersion": "17",
        "instanceClass": "db.t4g.small",
        "storageType": "gp3",
        "allocatedStorage": 20,
        "maxAllocatedStorage": 100,
        "storageEncrypted": True,
        "kmsKeyId": place["key"],
        "dbName": "mlflow",
        "username": "postgres",
        "manageMasterUserPassword": True,
        "masterUserSecretKmsKeyId": place["key"],
        "iamDatabaseAuthenticationEnabled": True,
        "dbSubnetGroupName": "tracking",
        "vpcSecurityGroupIds": [place["group"]],
        "parameterGroupName": "tracking-17",
        "port": 5432,
        "backupRetentionPeriod": 1,
        "copyTagsToSnapshot": True,
        "skipFinalSnapshot": True,
        **more,
    }


def test_a_database_lives_and_dies_with_the_password_that_rds_keeps(cloud: Any, place: dict[str, Any]) -> None:
    instance = cloud.make(INSTANCE, **database(cloud, place), tags={"team": "fraud"})
    for operation, named in (
        ("delete_db_subnet_group", {"DBSubnetGroupName": "tracking"}),
        ("delete_db_parameter_group", {"DBParameterGroupName": "tracking-17"}),
    ):
        with pytest.raises(ClientError, match="InvalidDB"):
            getattr(cloud.client("rds"), operation)(**named)
    assert instance.id == instance["resourceId"]
    assert instance.id.startswith("db-")
    assert instance["address"].startswith("tracking.")
    (secret,) = instance["masterUserSecrets"]
    assert ":secret:rds!db-" in secret["secretArn"]
    instance.update(backupRetentionPeriod=7)
    instance.update(instanceClass="db.m6g.large")
    instance.update(maxAllocatedStorage=200)
    instance.update(tags={"team": "churn"})
    for prop, value in (("dbName", "other"), ("username", "other"), ("dbSubnetGroupName", "other")):
        assert instance.forecast(**{prop: value}).replaces == {prop}, prop
    instance.delete()
    assert cloud.client("secretsmanager").list_secrets()["SecretList"] == []


def test_a_refresh_finds_what_somebody_changed_and_what_is_gone(cloud: Any, place: dict[str, Any]) -> None:
    instance = cloud.make(INSTANCE, **database(cloud, place))
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier="tracking", PubliclyAccessible=True)
    found = instance.read()
    assert found is not None
    assert found.state["publiclyAccessible"] is True
    cloud.client("rds").delete_db_instance(DBInstanceIdentifier="tracking", SkipFinalSnapshot=True)
    assert instance.read() is None


def test_a_protected_database_stays_and_leaves_a_last_copy_when_it_goes(cloud: Any, place: dict[str, Any]) -> None:
    wanted = database(cloud, place, deletionProtection=True, skipFinalSnapshot=False, finalSnapshotIdentifier="last")
    instance = cloud.make(INSTANCE, **wanted)
    assert "Cannot delete protected DB Instance" in cloud.refuses_to_delete(instance)
    instance.update(deletionProtection=False)
    instance.delete()
    (copy,) = cloud.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert copy["DBSnapshotIdentifier"] == "last"


def test_a_name_is_taken_once(cloud: Any, place: dict[str, Any]) -> None:
    wanted = database(cloud, place)
    cloud.make(INSTANCE, **wanted)
    assert "already exists" in cloud.refused(INSTANCE, **wanted)


def test_a_subnet_group_lives_and_dies(cloud: Any, place: dict[str, Any]) -> None:
    group = cloud.make(SUBNETS, name="tracking", description="d", subnetIds=place["subnets"], tags={"team": "fraud"})
    assert group.id == "tracking"
    group.update(description="other")
    group.update(tags={"team": "churn"})
    assert group.forecast(name="other").replaces == {"name"}
    group.imported("tracking")
    assert "already exists" in cloud.refused(SUBNETS, name="tracking", subnetIds=place["subnets"])
    group.delete()


def test_a_parameter_group_lives_and_dies(cloud: Any) -> None:
    group = cloud.make(PARAMETERS, name="forced", family="postgres17", description="d", parameters=[FORCED])
    group.update(parameters=[{**FORCED, "value": "0"}])
    group.update(parameters=[FORCED, {"name": "log_connections", "value": "1", "applyMethod": "immediate"}])
    group.update(parameters=[FORCED])
    assert group.forecast(family="postgres16").replaces == {"family"}
    group.delete()
