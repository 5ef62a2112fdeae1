import json

import boto3
import pytest
from moto import mock_aws

from modelyard_jobs.resources import NoResourcesError, resources

PATH = "/modelyard/ml/dev/fraud/trainer"
LAKE = {
    "thing": "lake",
    "intents": ["read"],
    "addresses": [{"kind": "bucket", "name": "features", "bucket": "b", "prefix": "", "key_arn": "k"}],
}


@pytest.fixture
def ssm(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    with mock_aws():
        client = boto3.client("ssm", region_name="eu-west-1")
        for number in range(15):
            thing = {**LAKE, "thing": f"lake{number}"}
            thing["addresses"] = [{**LAKE["addresses"][0], "name": f"zone{number}"}]
            client.put_parameter(Name=f"{PATH}/lake{number}", Type="String", Value=json.dumps(thing))
        client.put_parameter(Name="/modelyard/ml/dev/fraud/other/lake", Type="String", Value="{}")
        yield client


def test_a_job_finds_everything_it_was_granted_and_nothing_else(ssm):
    document = resources(PATH, ssm=ssm)
    assert len(document.things) == 15, "all pages are read"
    assert document.bucket("zone14").bucket == "b"


def test_what_was_not_granted_is_an_error_that_names_what_was(ssm):
    with pytest.raises(KeyError, match="sales was not granted; granted are: zone0, zone1"):
        resources(PATH, ssm=ssm).bucket("sales")


def test_a_job_without_a_path_is_told_what_to_set(monkeypatch):
    monkeypatch.delenv("MODELYARD_RESOURCES", raising=False)
    with pytest.raises(NoResourcesError, match="MODELYARD_RESOURCES is not set"):
        resources()


def test_a_parameter_that_is_no_address_document_is_refused(ssm):
    with pytest.raises(NoResourcesError, match="fraud/other/lake is no address document"):
        resources("/modelyard/ml/dev/fraud/other", ssm=ssm)
