"""Feature groups, DynamoDB tables and serverless caches through their whole life."""

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


USER = "aws:elasticache/user:User"
USERS = "aws:elasticache/userGroup:UserGroup"
CACHE = "aws:elasticache/serverlessCache:ServerlessCache"


def user(name: str = "reader", rights: str = "on ~* +@read") -> dict[str, Any]:
    return {
        "userId": name,
        "userName": name,
        "engine": "valkey",
        "accessString": rights,
        "authenticationMode": {"type": "iam"},
    }


def test_the_users_of_a_cache_and_their_group_live_and_die(cloud: Any) -> None:
    reader = cloud.make(USER, **user(), tags={"team": "fraud"})
    reader.update(accessString="on ~* +@all")
    reader.update(tags={"team": "churn"})
    assert reader.forecast(userId="other", userName="other").replaces == {"userId", "userName"}
    writer = cloud.make(USER, **user("writer"))
    group = cloud.make(USERS, userGroupId="features", engine="valkey", userIds=["reader"], tags={"team": "fraud"})
    group.update(userIds=["reader", "writer"])
    assert "InvalidUserState" in cloud.refuses_to_delete(writer), "a group has it"
    group.update(userIds=["reader"])
    writer.delete()
    group.imported("features")
    cloud.client("elasticache").modify_user_group(UserGroupId="features", UserIdsToRemove=["reader"])
    assert not group.read().state.get("userIds"), "what drifted is found"
    group.delete()
    reader.delete()


def test_a_group_names_users_that_exist_and_one_of_redis_the_default_one(cloud: Any) -> None:
    assert "UserNotFound" in cloud.refused(USERS, userGroupId="features", engine="valkey", userIds=["nobody"])
    cloud.make(USER, **{**user(), "engine": "redis"})
    assert "DefaultUserRequired" in cloud.refused(USERS, userGroupId="features", engine="redis", userIds=["reader"])


def test_a_serverless_cache_lives_and_dies(cloud: Any) -> None:
    cloud.make(USER, **user())
    group = cloud.make(USERS, userGroupId="features", engine="valkey", userIds=["reader"])
    limits = {"dataStorage": {"maximum": 5, "unit": "GB"}, "ecpuPerSeconds": [{"maximum": 5000}]}
    cache = cloud.make(
        CACHE,
        name="features",
        engine="valkey",
        majorEngineVersion="8",
        description="Features",
        kmsKeyId="arn:aws:kms:eu-west-1:123456789012:key/1",
        securityGroupIds=["sg-12345678"],
        subnetIds=["subnet-1", "subnet-2"],
        userGroupId="features",
        cacheUsageLimits=limits,
        tags={"team": "fraud"},
    )
    assert cache["endpoints"][0]["port"] == 6379
    cache.update(cacheUsageLimits={**limits, "dataStorage": {"maximum": 10, "unit": "GB"}})
    cache.update(description="Other words")
    cache.update(tags={"team": "churn"})
    assert "InvalidUserGroupState" in cloud.refuses_to_delete(group), "the cache uses it"
    assert cache.forecast(kmsKeyId="arn:aws:kms:eu-west-1:123456789012:key/2").replaces == {"kmsKeyId"}
    assert cache.forecast(name="others").replaces == {"name"}
    cache.imported("features")
    cache.delete()
    group.delete()


def test_a_cache_of_an_unknown_version_or_group_is_refused(cloud: Any) -> None:
    assert "has no version 9" in cloud.refused(CACHE, name="features", engine="valkey", majorEngineVersion="9")
    assert "UserGroupNotFound" in cloud.refused(CACHE, name="features", engine="valkey", userGroupId="nobody")
