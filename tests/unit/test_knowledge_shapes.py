"""What the sandbox refuses because the SDK's own classes say otherwise, and how it reads what it takes."""

from __future__ import annotations

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, Failure, check, shapes

VPC = "aws:ec2/vpc:Vpc"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


def lifecycle(**rule: object) -> dict[str, object]:
    return {"bucket": "lake", "rules": [{"id": "old", "status": "Enabled", "expiration": {"days": 1.0}, **rule}]}


@pytest.mark.parametrize("token", ["aws:s3/buckett:Buckett", "nowhere:index:Thing", "Bucket"])
def test_an_unknown_type_is_refused(token):
    [failure] = check(token, {})
    assert failure.property == ""


def test_an_unknown_property_is_refused_with_the_nearest_name():
    assert check(VPC, {"cidrBlock": "10.0.0.0/16", "cidr_bloc": "x"}) == [
        Failure("cidr_bloc", "unknown property; did you mean 'cidrBlock'?")
    ]


def test_an_unknown_property_of_a_nested_object_is_refused_at_its_path():
    [failure] = check(LIFECYCLE, lifecycle(expiration={"days": 1.0, "day": 2.0}))
    assert (failure.property, "'days'" in failure.reason) == ("rules[0].expiration.day", True)


def test_every_missing_property_is_named_at_once():
    failures = check(LOGGING, {"bucket": "lake"})
    assert {failure.property for failure in failures} == {"targetBucket", "targetPrefix"}


def test_a_missing_property_of_a_nested_object_is_refused_at_its_path():
    failures = check(LIFECYCLE, {"bucket": "lake", "rules": [{"status": "Enabled", "expiration": {"days": 1.0}}]})
    assert [failure.property for failure in failures] == ["rules[0].id"]


def test_null_is_the_same_as_absent():
    assert check(VPC, {"cidrBlock": "10.0.0.0/16", "tags": None}) == []
    assert Failure("bucket", "required, but missing") in check(LOGGING, {"bucket": None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("enableDnsSupport", "maybe", id="text where true or false is wanted"),
        pytest.param("enableDnsSupport", 1.0, id="a number where true or false is wanted"),
        pytest.param("ipv4NetmaskLength", 1.5, id="a fraction where a whole number is wanted"),
        pytest.param("ipv4NetmaskLength", "many", id="text where a number is wanted"),
        pytest.param("ipv4NetmaskLength", True, id="truth where a number is wanted"),
        pytest.param("cidrBlock", ["10.0.0.0/16"], id="a list where text is wanted"),
        pytest.param("cidrBlock", {"a": "b"}, id="an object where text is wanted"),
        pytest.param("tags", [], id="a list where a map is wanted"),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value):
    [failure] = check(VPC, {"cidrBlock": "10.0.0.0/16", name: value})
    assert failure.property == name


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        pytest.param("ipv4NetmaskLength", 16.0, 16, id="the wire's floats are whole numbers"),
        pytest.param("ipv4NetmaskLength", "16", 16, id="numbers may be text"),
        pytest.param("enableDnsSupport", "true", True, id="truth may be text"),
        pytest.param("cidrBlock", 16.0, "16", id="text may be a number"),
        pytest.param("tags", {"audited": True}, {"audited": "true"}, id="text in a map may be truth"),
    ],
)
def test_a_value_is_read_as_the_provider_reads_it(name, value, read):
    values, failures = shapes.read(VPC, {name: value})
    assert (values[name], failures) == (read, [])


def test_an_element_of_another_kind_is_refused_at_its_path():
    [failure] = check(LIFECYCLE, {"bucket": "lake", "rules": ["all"]})
    assert failure.property == "rules[0]"


def test_what_is_unknown_is_neither_missing_nor_wrong():
    assert check(LOGGING, {"bucket": UNKNOWN, "targetBucket": UNKNOWN, "targetPrefix": "x"}) == []
    assert check(LIFECYCLE, {"bucket": UNKNOWN, "rules": [UNKNOWN]}) == []
    assert check(LIFECYCLE, lifecycle(expiration={"days": UNKNOWN})) == []


def test_a_wrong_value_is_reported_once():
    assert len(check(VPC, {"cidrBlock": ["10.0.0.1/8"]})) == 1


def test_the_engines_own_marks_are_no_properties():
    assert check(VPC, {"cidrBlock": "10.0.0.0/16", "__defaults": []}) == []


def test_an_asset_may_be_anything():
    assert check("aws:s3/bucketObjectv2:BucketObjectv2", {"bucket": "b", "key": "k", "source": {"path": "x"}}) == []
