"""What the sandbox's provider calls a change, and what of it replaces a resource."""

from __future__ import annotations

from typing import Any

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.aws.check import DEFAULTED, automatic_name, complete
from modelyard_sandbox.aws.convert import camel, from_aws, to_aws
from modelyard_sandbox.aws.declare import Name
from modelyard_sandbox.aws.diff import differences
from modelyard_sandbox.aws.session import botocore_session
from modelyard_sandbox.aws.tables import types
from modelyard_sandbox.plugins.servicer import detailed
from modelyard_sandbox.plugins.values import keep_secret, plain, secret

BUCKET = types()["aws:s3/bucket:Bucket"]
ROLE = types()["aws:iam/role:Role"]
LIFECYCLE = types()["aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"]
URN = "urn:pulumi:dev::team::aws:s3/bucket:Bucket::lake"


def named(olds: dict[str, Any], news: dict[str, Any], seed: bytes = b"seed") -> dict[str, Any]:
    return complete(BUCKET, URN, olds, news, seed, {})


def test_a_policy_with_its_keys_in_another_order_is_the_same() -> None:
    assert not differences(
        ROLE, {"assumeRolePolicy": '{"a": 1, "b": 2}'}, {"assumeRolePolicy": '{"b":2,"a":1}'}
    ).changed


def test_a_default_that_is_written_out_changes_nothing() -> None:
    assert not differences(ROLE, {"path": "/"}, {}).changed
    assert not differences(BUCKET, {}, {"forceDestroy": False}).changed


def test_a_nested_change_is_named_by_its_path() -> None:
    old = {"bucket": "b", "rules": [{"id": "x", "expiration": {"days": 30}}]}
    new = {"bucket": "b", "rules": [{"id": "x", "expiration": {"days": 60}}, {"id": "y"}]}
    found = differences(LIFECYCLE, old, new)
    assert dict(found.paths) == {"rules[0].expiration.days": "update", "rules[1]": "add"}
    assert not found.replaces


def test_a_tag_with_a_dot_is_one_path() -> None:
    assert list(differences(BUCKET, {}, {"tags": {"a.b": "c"}}).paths) == ["tags"]
    assert list(differences(BUCKET, {"tags": {"x": "y"}}, {"tags": {"x": "y", "a.b": "c"}}).paths) == ['tags["a.b"]']


def test_an_ignored_property_changes_nothing() -> None:
    assert not differences(BUCKET, {"tags": {"a": "b"}}, {"tags": {"a": "c"}}, ["tags.a"]).changed


def test_a_property_that_no_update_covers_replaces() -> None:
    found = differences(BUCKET, {"bucket": "a"}, {"bucket": "b"})
    assert found.replaces == {"bucket"}
    assert not found.delete_first, "both may exist at once"
    assert detailed(found).detailedDiff["bucket"].kind == 5, "the engine shows a replacement"


def test_a_replacement_that_keeps_its_name_deletes_first() -> None:
    old = {"bucket": "a", "objectLockEnabled": False}
    assert differences(BUCKET, old, {"bucket": "a", "objectLockEnabled": True}).delete_first


def test_a_replacement_with_an_automatic_name_creates_first() -> None:
    old = {"bucket": "a-1", DEFAULTED: ["bucket"]}
    assert not differences(BUCKET, old, {**old, "objectLockEnabled": True}).delete_first


def test_an_unknown_value_counts_as_a_change() -> None:
    assert differences(BUCKET, {"tags": {"a": "b"}}, {"tags": UNKNOWN}).changed == {"tags"}


def test_a_name_is_made_from_the_seed_and_kept_afterwards() -> None:
    first = named({}, {})
    assert first == named({}, {}), "the same seed gives the same name"
    assert first["bucket"] != named({}, {}, b"other")["bucket"]
    assert named(first, {}, b"other")["bucket"] == first["bucket"]


def test_a_name_that_is_no_longer_given_is_made_anew() -> None:
    assert named({"bucket": "mine"}, {})["bucket"] != "mine"


def test_names_keep_to_the_services_limit() -> None:
    name = automatic_name(Name("name", limit=20, start="alias/"), "a::" + "x" * 40, {}, b"s")
    assert len(name) == 20
    assert name.startswith("alias/x")
    bucket = Name("bucket", prefix="bucketPrefix", lower=True)
    assert automatic_name(bucket, URN, {"bucketPrefix": "Log-"}, b"s").startswith("log-")


def test_default_tags_give_way_to_the_resources_own() -> None:
    inputs = complete(BUCKET, URN, {}, {"tags": {"team": "fraud"}}, b"s", {"team": "none", "cost": "1"})
    assert inputs["tags"] == {"team": "fraud", "cost": "1"}


def test_secrets_stay_secret_where_they_were() -> None:
    inputs = {"a": {"b": secret("x"), "c": 1}, "list": [secret(1), 2], "plain": 3}
    outputs = keep_secret({**plain(inputs), "arn": "arn"}, inputs)
    assert outputs["a"] == {"b": secret("x"), "c": 1}
    assert outputs["list"] == secret([1, 2]), "a list may have another order, so it is secret as a whole"
    assert outputs["plain"] == 3
    assert outputs["arn"] == "arn"


def test_an_unknown_inside_a_secret_stays_unknown() -> None:
    assert plain({"a": secret(UNKNOWN)}) == {"a": UNKNOWN}


def test_names_are_spelled_as_pulumi_does() -> None:
    assert camel("KMSMasterKeyID") == "kmsMasterKeyId"
    assert camel("SSEAlgorithm") == "sseAlgorithm"
    assert camel("logGroupName") == "logGroupName"


def test_values_take_the_form_that_the_service_wants() -> None:
    model = botocore_session().get_service_model("glue")
    shape = model.operation_model("CreateTable").input_shape
    assert shape is not None
    wanted = {"storageDescriptor": {"columns": {"name": "id"}, "compressed": "true", "numberOfBuckets": "3"}}
    sent = to_aws(wanted, shape.members["TableInput"])
    assert sent == {"StorageDescriptor": {"Columns": [{"Name": "id"}], "Compressed": True, "NumberOfBuckets": 3}}
    back = from_aws({"Parameters": {"EXTERNAL": "TRUE"}}, shape.members["TableInput"])
    assert back == {"parameters": {"EXTERNAL": "TRUE"}}, "the keys of a map are the user's own"


def test_what_the_provider_filled_in_is_no_change_where_nobody_speaks_of_it():
    database = types()["aws:glue/catalogDatabase:CatalogDatabase"]
    found = {"name": "lake", "catalogId": "123456789012", "createTableDefaultPermissions": [{"permissions": ["ALL"]}]}
    assert not differences(database, found, {"name": "lake"}).changed
    assert differences(database, found, {"name": "lake", "catalogId": "210987654321"}).replaces == {"catalogId"}
    assert differences(database, {"name": "lake", "description": "old"}, {"name": "lake"}).changed == {"description"}


def test_what_is_filled_in_deeper_down_is_no_change_either():
    workgroup = types()["aws:athena/workgroup:Workgroup"]
    found = {"name": "lake", "configuration": {"requesterPaysEnabled": False, "bytesScannedCutoffPerQuery": 10}}
    wanted = {"name": "lake", "configuration": {"bytesScannedCutoffPerQuery": 10}}
    assert not differences(workgroup, found, wanted).changed
    other = differences(workgroup, found, {"name": "lake", "configuration": {"bytesScannedCutoffPerQuery": 20}})
    assert other.paths == {"configuration.bytesScannedCutoffPerQuery": "update"}


def test_a_fixed_part_of_a_property_replaces_although_its_other_parts_change_in_place() -> None:
    group = types()["aws:sagemaker/featureGroup:FeatureGroup"]
    before = {"onlineStoreConfig": {"enableOnlineStore": True}}
    lives = {"onlineStoreConfig": {"enableOnlineStore": True, "ttlDuration": {"unit": "Days", "value": 1}}}
    stored = {"onlineStoreConfig": {"enableOnlineStore": True, "storageType": "InMemory"}}
    assert not differences(group, before, lives).replaces
    assert differences(group, before, stored).replaces == {"onlineStoreConfig"}
    assert differences(group, before, {}).replaces == {"onlineStoreConfig"}, "the whole of it goes"
