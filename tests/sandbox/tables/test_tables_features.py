"""Feature groups and DynamoDB tables through their whole life."""

from __future__ import annotations

from typing import Any

import pytest

GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
TABLE = "aws:dynamodb/table:Table"
POLICY = "aws:dynamodb/resourcePolicy:ResourcePolicy"
ROLE = "arn:aws:iam::123456789012:role/features"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
ONLINE = {"enableOnlineStore": True, "securityConfig": {"kmsKeyId": KEY}}
OFFLINE = {
    "s3StorageConfig": {"s3Uri": "s3://acme-features/customer/", "kmsKeyId": KEY},
    "dataCatalogConfig": {"catalog": "AwsDataCatalog", "database": "lake", "tableName": "customer_v1"},
    "tableFormat": "Iceberg",
}
FEATURES = [
    {"featureName": "customer_id", "featureType": "String"},
    {"featureName": "event_time", "featureType": "String"},
    {"featureName": "spend", "featureType": "Fractional"},
]


def group(**changes: Any) -> dict[str, Any]:
    return {
        "featureGroupName": "customer-v1",
        "recordIdentifierFeatureName": "customer_id",
        "eventTimeFeatureName": "event_time",
        "featureDefinitions": FEATURES,
        "roleArn": ROLE,
        **changes,
    }


def test_a_feature_group_with_both_stores_lives_and_dies(cloud: Any) -> None:
    made = cloud.make(GROUP, **group(onlineStoreConfig=ONLINE, offlineStoreConfig=OFFLINE, tags={"team": "fraud"}))
    assert made.id == "customer-v1"
    assert made["arn"] == "arn:aws:sagemaker:eu-west-1:123456789012:feature-group/customer-v1"
    described = cloud.client("sagemaker").describe_feature_group(FeatureGroupName="customer-v1")
    assert described["OnlineStoreConfig"]["SecurityConfig"]["KmsKeyId"] == KEY
    assert described["OfflineStoreConfig"]["TableFormat"] == "Iceberg"
    assert described["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"] == "customer_v1", "as it was asked for"
    made.update(tags={"team": "churn"})
    made.imported("customer-v1")
    made.delete()


def test_the_time_to_live_and_the_throughput_change_in_place(cloud: Any) -> None:
    made = cloud.make(GROUP, **group(onlineStoreConfig=ONLINE))
    made.update(onlineStoreConfig={**ONLINE, "ttlDuration": {"unit": "Hours", "value": 48}})
    made.update(onlineStoreConfig=ONLINE)
    provisioned = {
        "throughputMode": "Provisioned",
        "provisionedReadCapacityUnits": 10,
        "provisionedWriteCapacityUnits": 5,
    }
    made.update(throughputConfig=provisioned)
    shown = cloud.client("sagemaker").describe_feature_group(FeatureGroupName="customer-v1")
    assert shown["ThroughputConfig"]["ProvisionedReadCapacityUnits"] == 10


@pytest.mark.parametrize(
    "changes",
    [
        {"featureDefinitions": [*FEATURES[:2], {"featureName": "spend", "featureType": "Integral"}]},
        {"recordIdentifierFeatureName": "spend"},
        {"featureGroupName": "customer-v2"},
        {"roleArn": f"{ROLE}-2"},
        {"onlineStoreConfig": {"enableOnlineStore": False}},
        {"onlineStoreConfig": {**ONLINE, "storageType": "InMemory"}},
        {"onlineStoreConfig": None},
        {"offlineStoreConfig": {**OFFLINE, "tableFormat": "Glue"}},
    ],
)
def test_whatever_else_changes_replaces_a_feature_group(cloud: Any, changes: dict[str, Any]) -> None:
    made = cloud.make(GROUP, **group(onlineStoreConfig=ONLINE, offlineStoreConfig=OFFLINE))
    assert made.forecast(**changes).replaces == set(changes)


def test_what_drifted_on_a_feature_group_is_found(cloud: Any) -> None:
    made = cloud.make(GROUP, **group(onlineStoreConfig=ONLINE))
    lives = {"TtlDuration": {"Unit": "Days", "Value": 1}}
    cloud.client("sagemaker").update_feature_group(FeatureGroupName="customer-v1", OnlineStoreConfig=lives)
    assert made.read().state["onlineStoreConfig"]["ttlDuration"] == {"unit": "Days", "value": 1}


def test_a_feature_group_that_went_by_another_hand_is_gone(cloud: Any) -> None:
    made = cloud.make(GROUP, **group(onlineStoreConfig=ONLINE))
    cloud.client("sagemaker").delete_feature_group(FeatureGroupName="customer-v1")
    assert made.read() is None


def test_a_feature_group_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(GROUP, **group(onlineStoreConfig=ONLINE))
    assert "already exists" in cloud.refused(GROUP, **group(onlineStoreConfig=ONLINE))


def test_a_feature_group_without_a_store_or_without_its_record_identifier_is_refused(cloud: Any) -> None:
    assert "OnlineStoreConfig" in cloud.refused(GROUP, **group())
    unknown = group(onlineStoreConfig=ONLINE, recordIdentifierFeatureName="nobody")
    assert "RecordIdentifierFeatureName" in cloud.refused(GROUP, **unknown)


def table(**changes: Any) -> dict[str, Any]:
    return {
        "name": "features.customer_v1",
        "hashKey": "entity_id",
        "attributes": [{"name": "entity_id", "type": "S"}],
        "billingMode": "PAY_PER_REQUEST",
        **changes,
    }


def test_a_table_on_demand_lives_and_dies(cloud: Any) -> None:
    key = cloud.make("aws:kms/key:Key", description="features")["arn"]
    locked = {"enabled": True, "kmsKeyArn": key}
    made = cloud.make(TABLE, **table(serverSideEncryption=locked, tags={"team": "fraud"}))
    assert made["arn"] == "arn:aws:dynamodb:eu-west-1:123456789012:table/features.customer_v1"
    made.update(pointInTimeRecovery={"enabled": True})
    made.update(pointInTimeRecovery={"enabled": True, "recoveryPeriodInDays": 7})
    made.update(ttl={"attributeName": "expires_at", "enabled": True})
    described = cloud.client("dynamodb").describe_time_to_live(TableName="features.customer_v1")
    assert described["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    made.imported("features.customer_v1")
    made.update(ttl={"attributeName": "expires_at", "enabled": False})
    made.update(deletionProtectionEnabled=True)
    assert "DeletionProtectionEnabled" in cloud.refuses_to_delete(made)
    made.update(deletionProtectionEnabled=False)
    made.update(tags={"team": "churn"})
    assert made.forecast(hashKey="other", attributes=[{"name": "other", "type": "S"}]).replaces >= {"hashKey"}
    assert made.forecast(name="features.customer_v2").replaces == {"name"}
    made.delete()


def test_a_provisioned_table_grows_and_becomes_one_on_demand(cloud: Any) -> None:
    made = cloud.make(TABLE, **table(billingMode="PROVISIONED", readCapacity=10, writeCapacity=5))
    made.update(readCapacity=20)
    assert made.read().state["readCapacity"] == 20
    made.update(billingMode="PAY_PER_REQUEST", readCapacity=0, writeCapacity=0)


def test_a_table_sends_its_changes(cloud: Any) -> None:
    made = cloud.make(TABLE, **table(rangeKey="day", attributes=[*table()["attributes"], {"name": "day", "type": "S"}]))
    made.update(streamEnabled=True, streamViewType="NEW_IMAGE")
    assert made["streamArn"].startswith(made["arn"])


def test_what_drifted_on_a_table_is_found(cloud: Any) -> None:
    made = cloud.make(TABLE, **table())
    cloud.client("dynamodb").update_table(TableName=made.id, DeletionProtectionEnabled=True)
    assert made.read().state["deletionProtectionEnabled"] is True
    cloud.client("dynamodb").update_table(TableName=made.id, DeletionProtectionEnabled=False)
    cloud.client("dynamodb").delete_table(TableName=made.id)
    assert made.read() is None


def test_a_table_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(TABLE, **table())
    assert "already exists" in cloud.refused(TABLE, **table())


def test_the_policy_of_a_table_lives_and_dies(cloud: Any) -> None:
    arn = cloud.make(TABLE, **table())["arn"]
    deny = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan"}]}'
    policy = cloud.make(POLICY, resourceArn=arn, policy=deny)
    before = policy["revisionId"]
    policy.update(policy=deny.replace("Scan", "Query"))
    assert policy["revisionId"] != before
    policy.imported(arn)
    policy.delete()
