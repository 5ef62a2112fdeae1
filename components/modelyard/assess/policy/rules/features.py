"""Rules on feature stores, their tables and caches, and on what queries them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelyard.assess.policy.examples import part
from modelyard.assess.policy.rule import Check, Domain, Rule, Severity, Violation
from modelyard.assess.policy.rules.buckets import encrypted_under_a_key
from modelyard.assess.policy.rules.checks import asks, true
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import (
    BUCKET,
    CACHE,
    CATALOG_SETTINGS,
    FEATURE_GROUP,
    REPLICATION_GROUP,
    TABLE,
    WORKGROUP,
)

_KEY = "arn:aws:kms:eu-west-1:111122223333:key/a"


def _under_own_key(table: Subject) -> Iterator[Violation]:
    if table.get("serverSideEncryption.enabled") is not True or not table.says("serverSideEncryption.kmsKeyArn"):
        yield Violation("is encrypted under a key of AWS's, which nobody here can take away", "serverSideEncryption")


def _asks_who_calls(cache: Subject) -> Iterator[Violation]:
    if not cache.says("userGroupIds") and not cache.says("authToken"):
        yield Violation("takes commands from whoever reaches it", "userGroupIds")


def _whole_catalogue(settings: Subject) -> Iterator[Violation]:
    path = "dataCatalogEncryptionSettings"
    if settings.get(f"{path}.encryptionAtRest.catalogEncryptionMode") in (None, "DISABLED"):
        yield Violation("leaves the catalogue's metadata unencrypted", path)
    if settings.get(f"{path}.connectionPasswordEncryption.returnConnectionPasswordEncrypted") is not True:
        yield Violation("gives out passwords of connections in plain text", path)


def _answers_encrypted(workgroup: Subject) -> Iterator[Violation]:
    if not workgroup.says("configuration.resultConfiguration.encryptionConfiguration.encryptionOption"):
        yield Violation("leaves answers of queries unencrypted", "configuration.resultConfiguration")
    if workgroup.get("configuration.enforceWorkgroupConfiguration", True) is not True:
        places = list(workgroup.stack.subjects(BUCKET))
        if not places or not all(map(encrypted_under_a_key, places)):
            problem = "lets a query choose its own place, and not every bucket here encrypts what is put there"
            yield Violation(problem, "configuration.enforceWorkgroupConfiguration")


def _in_production(check: Check) -> Check:
    """The check where it is production's: what is elsewhere is made anew."""

    def only_there(subject: Subject) -> Iterator[Violation]:
        if subject.around.production:
            yield from check(subject)

    return only_there


RULES: Final = (
    Rule(
        "feature-offline-kms",
        Severity.HIGH,
        Domain.DATA,
        "The history of features is encrypted under a key",
        "It holds what is known of people over years.",
        "Name a key in the offline store's storage.",
        (FEATURE_GROUP,),
        asks(
            "offlineStoreConfig.s3StorageConfig.kmsKeyId",
            "keeps its history without a key of its own",
            where="offlineStoreConfig",
        ),
        bad=(part(FEATURE_GROUP, offlineStoreConfig={"s3StorageConfig": {"s3Uri": "s3://a/b"}}),),
        good=(part(FEATURE_GROUP, offlineStoreConfig={"s3StorageConfig": {"s3Uri": "s3://a/b", "kmsKeyId": _KEY}}),),
        maps=("NIST SC-28",),
    ),
    Rule(
        "feature-online-kms",
        Severity.HIGH,
        Domain.DATA,
        "The newest features are encrypted under a key",
        "What an endpoint looks up about a person is as confidential as the history.",
        "Name a key in the online store's security.",
        (FEATURE_GROUP,),
        asks(
            "onlineStoreConfig.securityConfig.kmsKeyId",
            "keeps its newest values without a key of its own",
            where="onlineStoreConfig.enableOnlineStore",
        ),
        bad=(part(FEATURE_GROUP, onlineStoreConfig={"enableOnlineStore": True}),),
        good=(
            part(FEATURE_GROUP, onlineStoreConfig={"enableOnlineStore": True, "securityConfig": {"kmsKeyId": _KEY}}),
        ),
        maps=("NIST SC-28",),
    ),
    Rule(
        "feature-record-ttl",
        Severity.LOW,
        Domain.DATA,
        "Features in the online store end",
        "An old value answers as if it were new, and nobody notices.",
        "Set a time to live, longer than the views are filled anew.",
        (FEATURE_GROUP,),
        asks(
            "onlineStoreConfig.ttlDuration.value",
            "answers with values of any age",
            where="onlineStoreConfig.enableOnlineStore",
        ),
        bad=(part(FEATURE_GROUP, onlineStoreConfig={"enableOnlineStore": True}),),
        good=(part(FEATURE_GROUP, onlineStoreConfig={"enableOnlineStore": True, "ttlDuration": {"value": 30}}),),
        maps=("AIA 10",),
    ),
    Rule(
        "dynamodb-pitr",
        Severity.MEDIUM,
        Domain.DATA,
        "Tables of production can be restored to any second",
        "A job that writes nonsense does so within minutes; the last backup is a day old.",
        "Enable point-in-time recovery.",
        (TABLE,),
        _in_production(true("pointInTimeRecovery.enabled", "can't be restored to a moment before a mistake")),
        bad=(part(TABLE, name="t"),),
        good=(part(TABLE, name="t", pointInTimeRecovery={"enabled": True}),),
        maps=("FSBP DynamoDB.2", "NIST CP-9"),
    ),
    Rule(
        "dynamodb-cmk",
        Severity.MEDIUM,
        Domain.DATA,
        "Tables are encrypted under the team's key",
        "Only a key of one's own can be taken away, and shows who used it.",
        "Encrypt with a key of the team's.",
        (TABLE,),
        _under_own_key,
        bad=(part(TABLE, name="t", serverSideEncryption={"enabled": True}),),
        good=(part(TABLE, name="t", serverSideEncryption={"enabled": True, "kmsKeyArn": _KEY}),),
        maps=("CKV_AWS_119",),
    ),
    Rule(
        "dynamodb-deletion-protection",
        Severity.MEDIUM,
        Domain.DATA,
        "Tables of production are protected from deletion",
        "A table is gone in a second, and the endpoint that asks it with it.",
        "Enable deletion protection.",
        (TABLE,),
        _in_production(true("deletionProtectionEnabled", "can be deleted by mistake")),
        bad=(part(TABLE, name="t", deletionProtectionEnabled=False),),
        good=(part(TABLE, name="t", deletionProtectionEnabled=True),),
        maps=("FSBP DynamoDB.6",),
    ),
    Rule(
        "redis-transit-encrypted",
        Severity.HIGH,
        Domain.DATA,
        "Caches speak TLS",
        "Features travel from the cache with every call of an endpoint. A serverless cache always does.",
        "Enable encryption in transit.",
        (REPLICATION_GROUP,),
        true("transitEncryptionEnabled", "is spoken to in plain text"),
        bad=(part(REPLICATION_GROUP, description="d"),),
        good=(part(REPLICATION_GROUP, transitEncryptionEnabled=True),),
        maps=("FSBP ElastiCache.5",),
    ),
    Rule(
        "redis-rest-encrypted",
        Severity.MEDIUM,
        Domain.DATA,
        "Caches are encrypted at rest",
        "Snapshots and swapped pages lie on disks.",
        "Enable encryption at rest. A serverless cache always is.",
        (REPLICATION_GROUP,),
        true("atRestEncryptionEnabled", "lies on disks in plain text"),
        bad=(part(REPLICATION_GROUP, description="d"),),
        good=(part(REPLICATION_GROUP, atRestEncryptionEnabled=True),),
        maps=("FSBP ElastiCache.4",),
    ),
    Rule(
        "redis-auth",
        Severity.HIGH,
        Domain.DATA,
        "Caches ask who calls",
        "Inside the network everybody could read every feature otherwise.",
        "Give it a user group whose users sign in by IAM.",
        (CACHE, REPLICATION_GROUP),
        _asks_who_calls,
        bad=(part(REPLICATION_GROUP, description="d"),),
        good=(part(REPLICATION_GROUP, userGroupIds=["readers"]),),
        maps=("FSBP ElastiCache.6",),
    ),
    Rule(
        "glue-catalog-encrypted",
        Severity.MEDIUM,
        Domain.DATA,
        "The catalogue is encrypted",
        "Names of tables and columns tell much; connections hold passwords.",
        "Encrypt metadata and passwords of connections.",
        (CATALOG_SETTINGS,),
        _whole_catalogue,
        bad=(
            part(
                CATALOG_SETTINGS,
                dataCatalogEncryptionSettings={"encryptionAtRest": {"catalogEncryptionMode": "DISABLED"}},
            ),
        ),
        good=(
            part(
                CATALOG_SETTINGS,
                dataCatalogEncryptionSettings={
                    "encryptionAtRest": {"catalogEncryptionMode": "SSE-KMS"},
                    "connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": True},
                },
            ),
        ),
        maps=("CKV_AWS_94",),
    ),
    Rule(
        "athena-workgroup-encrypted",
        Severity.MEDIUM,
        Domain.DATA,
        "Answers of queries are encrypted",
        "An answer is a copy of the data, and lies outside of the dataset.",
        "Encrypt results, and let the workgroup decide; where a client must choose, as Feast does, encrypt every "
        "bucket of the stack under a key by default.",
        (WORKGROUP,),
        _answers_encrypted,
        bad=(part(WORKGROUP, name="w", configuration={"enforceWorkgroupConfiguration": True}),),
        good=(
            part(
                WORKGROUP,
                name="w",
                configuration={"resultConfiguration": {"encryptionConfiguration": {"encryptionOption": "SSE_KMS"}}},
            ),
        ),
        maps=("FSBP Athena.1",),
    ),
)
