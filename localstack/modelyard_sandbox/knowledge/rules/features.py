"""Feature groups, DynamoDB tables and caches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, avoids, between, known, matches
from modelyard_sandbox.knowledge.values import UNKNOWN

_GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
_TABLE = "aws:dynamodb/table:Table"
_USER = "aws:elasticache/user:User"
_CACHE = "aws:elasticache/serverlessCache:ServerlessCache"

_CREATE_GROUP = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html"
_RESERVED = "https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-feature-group.html"
_THROUGHPUT = "https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-throughput-mode.html"
_CREATE_TABLE = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"
_TABLE_NAMES = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"
_IAM_USER = "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html"
_USER_IDS = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateUser.html"
_CACHE_NAMES = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateServerlessCache.html"
_RECOVERY = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html"


def _named_features(group: Mapping[str, Any]) -> str | None:
    definitions = known(group, "featureDefinitions")
    if not isinstance(definitions, list):
        return None
    names = {each.get("featureName") for each in definitions if isinstance(each, Mapping)}
    if UNKNOWN in names:
        return None
    for member in ("recordIdentifierFeatureName", "eventTimeFeatureName"):
        name = known(group, member)
        if name is not None and name not in names:
            return f"{member} is {name}, which is not among featureDefinitions"
    return None


def _times(group: Mapping[str, Any]) -> str | None:
    event_time, definitions = known(group, "eventTimeFeatureName"), known(group, "featureDefinitions")
    for each in definitions if isinstance(definitions, list) else ():
        if (
            isinstance(each, Mapping)
            and each.get("featureName") == event_time
            and each.get("featureType") == "Integral"
        ):
            return f"{event_time} is the event time, and must be Fractional or String"
    return None


def _kept_somewhere(group: Mapping[str, Any]) -> str | None:
    online = known(group, "onlineStoreConfig")
    serves = isinstance(online, Mapping) and online.get("enableOnlineStore") not in (None, False)
    unsure = "onlineStoreConfig" in group and online is None
    if serves or unsure or "offlineStoreConfig" in group:
        return None
    return "a feature group needs an online store, an offline store, or both"


def _throughput(throughput: Mapping[str, Any]) -> str | None:
    units = ("provisionedReadCapacityUnits", "provisionedWriteCapacityUnits")
    given = [unit for unit in units if unit in throughput]
    mode = known(throughput, "throughputMode")
    if mode == "Provisioned" and len(given) < len(units):
        return "Provisioned needs both capacity units"
    return "OnDemand takes no capacity units" if mode == "OnDemand" and given else None


def _capacity(table: Mapping[str, Any]) -> str | None:
    mode = known(table, "billingMode") if "billingMode" in table else "PROVISIONED"
    given = [name for name in ("readCapacity", "writeCapacity") if table.get(name) not in (None, 0)]
    if mode == "PAY_PER_REQUEST" and given:
        return "a table on demand takes no readCapacity and no writeCapacity"
    return (
        "a provisioned table needs readCapacity and writeCapacity" if mode == "PROVISIONED" and len(given) < 2 else None
    )


def _indexed(table: Mapping[str, Any]) -> str | None:
    attributes = known(table, "attributes")
    if not isinstance(attributes, list) or UNKNOWN in attributes:
        return None
    named: set[Any] = {each.get("name") for each in attributes if isinstance(each, Mapping)}
    keys: set[Any] = {known(table, key) for key in ("hashKey", "rangeKey")} - {None}
    for kind in ("globalSecondaryIndexes", "localSecondaryIndexes"):
        for index in known(table, kind) or ():
            if isinstance(index, Mapping):
                keys |= {index.get("hashKey"), index.get("rangeKey")} - {None}
    if UNKNOWN in named | keys or named == keys:
        return None
    if keys - named:
        return f"the key {', '.join(sorted(map(str, keys - named)))} is not among attributes"
    return f"{', '.join(sorted(map(str, named - keys)))} is an attribute of no key"


def _expiry(ttl: Mapping[str, Any]) -> str | None:
    enabled = known(ttl, "enabled")
    return "expiry needs attributeName" if enabled and not ttl.get("attributeName") else None


def _streams(table: Mapping[str, Any]) -> str | None:
    wants = known(table, "streamEnabled") is True
    return "a stream needs streamViewType" if wants and not table.get("streamViewType") else None


def _same_name(user: Mapping[str, Any]) -> str | None:
    mode = known(user, "authenticationMode")
    name, identity = known(user, "userName"), known(user, "userId")
    by_iam = isinstance(mode, Mapping) and mode.get("type") == "iam"
    if by_iam and name is not None and identity is not None and name != identity:
        return f"a user that IAM signs in has one name; userName is {name}, userId {identity}"
    return None


_NAMES = matches(r"[A-Za-z0-9_.-]{3,255}", "tables take 3 to 255 letters, digits, _.-")
_says_reserved = "is_deleted, write_time and api_invocation_time are Feature Store's own"
RULES: Sequence[Rule] = (
    Rule(_GROUP, "", _named_features, _CREATE_GROUP),
    Rule(_GROUP, "", _times, _CREATE_GROUP),
    Rule(_GROUP, "", _kept_somewhere, _CREATE_GROUP),
    Rule(
        _GROUP,
        "featureDefinitions[].featureName",
        avoids(r"^(is_deleted|write_time|api_invocation_time)$", _says_reserved),
        _RESERVED,
    ),
    Rule(_GROUP, "throughputConfig", _throughput, _THROUGHPUT),
    Rule(_TABLE, "name", _NAMES, _TABLE_NAMES),
    Rule(_TABLE, "", _capacity, _CREATE_TABLE),
    Rule(_TABLE, "", _indexed, _CREATE_TABLE),
    Rule(_TABLE, "", _streams, _CREATE_TABLE),
    Rule(_TABLE, "ttl", _expiry, _CREATE_TABLE),
    Rule(_USER, "", _same_name, _IAM_USER),
    Rule(
        _USER,
        "userId",
        matches(r"[a-zA-Z][a-zA-Z0-9-]{0,39}", "users begin with a letter; 40 letters, digits and - at most"),
        _USER_IDS,
    ),
    Rule(
        _CACHE,
        "name",
        matches(r"(?!.*--)[a-zA-Z]([a-zA-Z0-9-]{0,38}[a-zA-Z0-9])?", "caches take 40 letters, digits and single -"),
        _CACHE_NAMES,
    ),
    Rule(_TABLE, "pointInTimeRecovery.recoveryPeriodInDays", between(0, 35), _RECOVERY),
)
