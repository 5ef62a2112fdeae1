import pytest

from modelyard.core.contract import VERSION, read_contract
from modelyard.core.errors import ContractError

CONTRACT = {
    "version": VERSION,
    "organization": "acme",
    "platform": "ml",
    "environment": "dev",
    "account": "123456789012",
    "region": "eu-west-1",
    "production": False,
    "network": {"vpc_id": "vpc-1", "cidr": "10.0.0.0/16", "subnets": {"private": {}}, "security_groups": {}},
    "teams": {"fraud": {"boundary_arn": "a", "deployment_role_arn": "b", "keys": {"default": "c"}}},
}


def test_a_contract_reads_back():
    assert read_contract(CONTRACT, "dev").team("fraud").keys == {"default": "c"}


def test_a_missing_platform_names_the_stack_to_update():
    with pytest.raises(ContractError, match="yard up platform --env dev"):
        read_contract(None, "dev")


def test_an_older_contract_asks_for_the_platform_and_a_newer_one_for_modelyard():
    with pytest.raises(ContractError, match="yard up platform"):
        read_contract({**CONTRACT, "version": 0}, "dev")
    with pytest.raises(ContractError, match="Upgrade modelyard"):
        read_contract({**CONTRACT, "version": VERSION + 1}, "dev")


def test_a_team_that_the_platform_does_not_know_is_refused_with_the_ones_it_knows():
    with pytest.raises(ContractError, match="known: fraud"):
        read_contract(CONTRACT, "dev").team("churn")


def test_a_new_optional_field_does_not_break_older_readers():
    assert read_contract({**CONTRACT, "lake": {"name": "x"}}, "dev").platform == "ml"


def test_a_contract_with_holes_reports_each():
    with pytest.raises(ContractError) as caught:
        read_contract({"version": VERSION}, "dev")
    assert len(caught.value.faults) >= 5
