import re

import pytest

from modelyard.assess.graph import UNKNOWN, Place, Secret
from modelyard.assess.graph.forms import FORMS
from modelyard.assess.graph.synthetic import synthesize

PLACE = Place("111122223333", "eu-central-1")
ARN = re.compile(r"arn:aws:[a-z0-9-]+:(eu-central-1)?:(111122223333)?:\S+")


def made(kind: str, inputs: dict[str, object], place: Place = PLACE, name: str = "it"):
    return synthesize(kind, name, f"urn:pulumi:dev::shop::{kind}::{name}", inputs, place)


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_every_form_gives_an_id_and_arns_of_the_place(kind: str):
    identity, outputs = made(kind, {})
    assert identity
    assert "{" not in f"{identity}{[value for value in outputs.values() if isinstance(value, str)]}"
    for key, value in outputs.items():
        if key.lower().endswith("arn") and value:
            assert ARN.fullmatch(value), f"{key} is {value}"


@pytest.mark.parametrize(
    ("kind", "inputs", "key", "expected"),
    [
        ("aws:iam/role:Role", {"name": "r", "path": "/a/b/"}, "arn", "arn:aws:iam::111122223333:role/a/b/r"),
        ("aws:s3/bucket:Bucket", {"bucket": "b"}, "arn", "arn:aws:s3:::b"),
        (
            "aws:ssm/parameter:Parameter",
            {"name": "/a/b"},
            "arn",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/a/b",
        ),
        (
            "aws:cloudwatch/logGroup:LogGroup",
            {"name": "/x"},
            "arn",
            "arn:aws:logs:eu-central-1:111122223333:log-group:/x",
        ),
        (
            "aws:glue/catalogTable:CatalogTable",
            {"name": "t", "databaseName": "d"},
            "arn",
            "arn:aws:glue:eu-central-1:111122223333:table/d/t",
        ),
        ("aws:ec2/subnet:Subnet", {"availabilityZone": "eu-central-1b"}, "availabilityZoneId", "euc1-az2"),
    ],
)
def test_forms_echo_the_inputs(kind: str, inputs: dict[str, object], key: str, expected: str):
    assert made(kind, inputs)[1][key] == expected


def test_names_that_are_not_given_are_automatic_and_prefixes_are_kept():
    assert re.fullmatch(r"it-[0-9a-f]{7}", made("aws:iam/role:Role", {})[1]["name"])
    assert re.fullmatch(r"team-\d{26}", made("aws:s3/bucket:Bucket", {"bucketPrefix": "team-"})[1]["bucket"])


def test_other_partitions_have_their_own_arns_and_suffixes():
    china = made("aws:s3/bucket:Bucket", {"bucket": "b"}, Place("1", "cn-north-1"))[1]
    assert china["arn"] == "arn:aws-cn:s3:::b"
    assert china["bucketDomainName"] == "b.s3.amazonaws.com.cn"
    assert made("aws:iam/role:Role", {"name": "r"}, Place("1", "us-gov-west-1"))[1]["arn"].startswith("arn:aws-us-gov:")


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-1", "use1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("eu-west-1", "euw1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
    ],
)
def test_zone_ids_shorten_the_region(region: str, expected: str):
    assert Place("1", region).zone_id(f"{region}a") == expected


def test_what_echoes_an_unknown_is_unknown_and_what_echoes_a_secret_is_secret():
    unknown = made("aws:iam/role:Role", {"name": UNKNOWN})[1]
    assert unknown["arn"] is UNKNOWN and unknown["uniqueId"].startswith("AROA")
    secret = made("aws:iam/role:Role", {"name": Secret("r")})[1]
    assert secret["arn"] == Secret("arn:aws:iam::111122223333:role/r")


def test_outputs_that_no_form_names_follow_from_the_sdks_shapes():
    _, outputs = made("aws:glue/job:Job", {"roleArn": "arn", "tags": {"a": "b"}})
    assert ARN.fullmatch(outputs["arn"])
    assert outputs["tagsAll"] == {"a": "b"}
    assert "roleArn" not in outputs
    assert isinstance(outputs["timeout"], int)


def test_a_type_of_an_unknown_package_still_gets_an_id():
    assert made("acme:things:Thing", {"name": "thing"}) == ("thing", {})
