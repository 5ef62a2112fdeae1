import json

import pytest

from modelyard.assess.graph import record
from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.foundation.keys import Keys, KeySpec, KeysSpec

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)


def keys_of(spec: KeysSpec, context: Context = CONTEXT, **services: list[Statement]) -> list:
    def program() -> None:
        Keys("keys", spec, context=context, services=services)

    graph = record(program, project="p", stack="s", region=context.region)
    return [node for node in graph.nodes if node.type == "aws:kms/key:Key"]


def statements(spec: KeysSpec) -> dict[str, dict]:
    (key,) = keys_of(spec)
    return {statement["Sid"]: statement for statement in json.loads(key.properties["policy"])["Statement"]}


def test_only_the_owners_roles_may_use_the_key_and_only_if_iam_lets_them():
    use = statements(KeysSpec())["OwnersRolesUseIt"]
    assert use["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}, "IAM decides, so boundaries are obeyed"
    assert use["Condition"]["ArnLike"]["aws:PrincipalArn"] == "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/*"
    assert "kms:PutKeyPolicy" not in use["Action"]


def test_nobody_but_the_root_user_can_do_everything():
    everything = [s for s in statements(KeysSpec()).values() if "kms:*" in s["Action"]]
    assert [s["Condition"] for s in everything] == [{"StringEquals": {"aws:PrincipalType": "Account"}}]


def test_administrators_manage_the_key_and_cannot_use_it():
    role = "arn:aws:iam::123456789012:role/key-admin"
    administer = statements(KeysSpec(administrators=(role,)))["AdministratorsManageIt"]
    assert administer["Condition"]["ArnEquals"]["aws:PrincipalArn"] == [role]
    crypto = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant")
    assert not set(crypto) & set(administer["Action"])


def test_without_named_administrators_no_role_of_a_team_manages_any_key():
    administer = statements(KeysSpec())["AdministratorsManageIt"]
    assert administer["Condition"] == {
        "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/modelyard/ml/dev/*"}
    }


def test_services_get_grants_only_for_aws_resources():
    granting = statements(KeysSpec())["ServicesUseItForOwnersRoles"]
    assert granting["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_each_domain_has_a_key_that_rotates_and_the_rest_use_the_default():
    spec = KeysSpec(domains={"default": KeySpec(), "models": KeySpec(rotation_days=90)})
    rotations = {key.name: key.properties["rotationPeriodInDays"] for key in keys_of(spec)}
    assert rotations == {"keys-default": 365, "keys-models": 90}
    assert all(key.properties["enableKeyRotation"] for key in keys_of(spec))


def test_production_keys_are_protected():
    production = Context(
        organization="acme", platform="ml", environment="prod", region="eu-west-1", account="1" * 12, production=True
    )
    assert [key.options["protect"] for key in keys_of(KeysSpec(), production)] == [True]


def test_a_service_that_is_let_in_gets_the_key_of_its_domain_and_no_other():
    spec = KeysSpec(domains={"default": KeySpec(), "audit": KeySpec()})
    trail = Statement(("kms:GenerateDataKey",), ("*",), principal=Principal.service("cloudtrail.amazonaws.com"))
    events = Statement(("kms:Decrypt",), ("*",), principal=Principal.service("events.amazonaws.com"))
    policies = {key.name: key.properties["policy"] for key in keys_of(spec, audit=[trail], events=[events])}
    let_in = {name: ("cloudtrail" in policy, "events.amazon" in policy) for name, policy in policies.items()}
    assert let_in == {"keys-audit": (True, False), "keys-default": (False, True)}, "events has no domain of its own"


def test_keys_without_a_default_are_refused():
    with pytest.raises(SpecError, match="domains: lacks the domain"):
        keys_of(KeysSpec(domains={"models": KeySpec()}))


def test_a_rotation_outside_what_kms_takes_is_refused():
    with pytest.raises(ValueError, match="rotation_days"):
        KeySpec(rotation_days=89)
