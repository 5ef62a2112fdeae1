"""What the sandbox refuses of feature groups and tables: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import features

GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
TABLE = "aws:dynamodb/table:Table"
USER = "aws:elasticache/user:User"
CACHE = "aws:elasticache/serverlessCache:ServerlessCache"
ROLE = "arn:aws:iam::123456789012:role/features"
ONLINE = {"onlineStoreConfig": {"enableOnlineStore": True}}
OFFLINE = {"offlineStoreConfig": {"s3StorageConfig": {"s3Uri": "s3://acme-features/"}}}
UNITS = {"provisionedReadCapacityUnits": 5, "provisionedWriteCapacityUnits": 5}


def named(*names: str, event_time: str = "String") -> dict[str, Any]:
    columns = [{"featureName": "id", "featureType": "String"}, {"featureName": "at", "featureType": event_time}]
    return {"featureDefinitions": columns + [{"featureName": name, "featureType": "String"} for name in names]}


def keyed(*names: str) -> dict[str, Any]:
    return {"attributes": [{"name": name, "type": "S"} for name in names]}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    GROUP: {
        "featureGroupName": "customer-v1",
        "recordIdentifierFeatureName": "id",
        "eventTimeFeatureName": "at",
        "roleArn": ROLE,
        **named(),
        **ONLINE,
    },
    TABLE: {
        "name": "features.customer",
        "hashKey": "entity_id",
        "billingMode": "PAY_PER_REQUEST",
        **keyed("entity_id"),
    },
    USER: {
        "userId": "reader",
        "userName": "reader",
        "engine": "valkey",
        "accessString": "on ~* +@read",
        "authenticationMode": {"type": "iam"},
    },
    CACHE: {"name": "features", "engine": "valkey"},
}
CASES = [
    ("a record is known by a feature", GROUP, {"recordIdentifierFeatureName": "nobody"}, {}),
    ("the event time is a feature", GROUP, {"eventTimeFeatureName": "never"}, {}),
    ("the event time is no whole number", GROUP, named(event_time="Integral"), named(event_time="Fractional")),
    ("a group is kept somewhere", GROUP, {"onlineStoreConfig": {"enableOnlineStore": False}},
     {"onlineStoreConfig": {"enableOnlineStore": False}, **OFFLINE}),
    ("some names are the service's own", GROUP, named("write_time"), named("written_at")),
    ("provisioned says how much", GROUP, {"throughputConfig": {"throughputMode": "Provisioned"}},
     {"throughputConfig": {"throughputMode": "Provisioned", **UNITS}}),
    ("on demand says nothing", GROUP, {"throughputConfig": {"throughputMode": "OnDemand", **UNITS}},
     {"throughputConfig": {"throughputMode": "OnDemand"}}),
    ("a table's name has an alphabet", TABLE, {"name": "my table"}, {"name": "my_table.1-2"}),
    ("a table on demand has no capacity", TABLE, {"readCapacity": 5}, {}),
    ("a provisioned table has one", TABLE, {"billingMode": "PROVISIONED"},
     {"billingMode": "PROVISIONED", "readCapacity": 5, "writeCapacity": 5}),
    ("a key is an attribute", TABLE, {"rangeKey": "day"}, {"rangeKey": "day", **keyed("entity_id", "day")}),
    ("an attribute is a key", TABLE, keyed("entity_id", "day"), keyed("entity_id")),
    ("a stream says what it shows", TABLE, {"streamEnabled": True},
     {"streamEnabled": True, "streamViewType": "NEW_IMAGE"}),
    ("expiry names its attribute", TABLE, {"ttl": {"enabled": True}},
     {"ttl": {"enabled": True, "attributeName": "expires_at"}}),
    ("recovery reaches back 35 days", TABLE, {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 36}},
     {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35}}),
    ("a user that IAM signs in has one name", USER, {"userName": "other"}, {"userId": "other", "userName": "other"}),
    ("a user begins with a letter", USER, {"userId": "1", "userName": "1"}, {"userId": "a1", "userName": "a1"}),
    ("a cache has no two hyphens in a row", CACHE, {"name": "fea--tures"}, {"name": "fea-tures"}),
]  # fmt: skip


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused})
    assert check(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(features.RULES, ACCEPTED, CASES) == []
