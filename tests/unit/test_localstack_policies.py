"""Who may do what, as LocalStack judges it: policies, boundary, the policy of the resource, and their conditions."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard_sandbox.localstack.policies import Asked, Standing, allowed

ROLE = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/reader"
SESSION = "arn:aws:sts::123456789012:assumed-role/reader/test"
ROOT = "arn:aws:iam::123456789012:root"
OBJECT = "arn:aws:s3:::lake/events/a"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", **more}


def granted_to(*principals: str, effect: str = "Allow") -> dict[str, Any]:
    return document(statement(effect, Principal={"AWS": list(principals)}))


ASKED = Asked("s3:GetObject", OBJECT, ROLE, SESSION, {"aws:securetransport": "true", "kms:viaservice": "s3.here"})
NOTHING = Standing([])
ALLOWED = Standing([document(statement())])


def test_what_no_policy_allows_is_refused():
    assert not allowed(ASKED, NOTHING)
    assert allowed(ASKED, ALLOWED)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Action": "s3:Get*"}, True),
        ({"Action": "S3:GETOBJECT"}, True),
        ({"Action": ["s3:PutObject", "s3:DeleteObject"]}, False),
        ({"Resource": "arn:aws:s3:::lake/events/*"}, True),
        ({"Resource": "arn:aws:s3:::lake/labels/*"}, False),
        ({"Resource": "arn:aws:s3:::lake.events/*"}, False),
        ({"Condition": {"StringEquals": {"kms:ViaService": "s3.here"}}}, True),
        ({"Condition": {"StringEquals": {"kms:ViaService": "s3.there"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, False),
    ],
)
def test_a_statement_allows_what_it_names_where_its_conditions_are_met(more: dict[str, Any], said: bool):
    assert allowed(ASKED, Standing([document(statement(**more))])) is said


def test_not_action_and_not_resource_name_everything_else():
    other = {"Effect": "Allow", "NotAction": "s3:PutObject", "NotResource": "arn:aws:s3:::other/*"}
    assert allowed(ASKED, Standing([document(other)]))
    itself = {"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}
    assert not allowed(ASKED, Standing([document(itself)]))


@pytest.mark.parametrize(
    ("standing", "resource"),
    [
        (Standing([document(statement(), statement("Deny"))]), None),
        (Standing([document(statement())], boundary=document(statement(), statement("Deny"))), None),
        (ALLOWED, granted_to(ROLE, effect="Deny")),
        (ALLOWED, document(statement("Deny", Principal="*"))),
        (ALLOWED, document(statement("Deny", NotPrincipal={"AWS": "arn:aws:iam::123456789012:role/admin"}))),
    ],
)
def test_a_denial_anywhere_goes_before_every_permission(standing: Standing, resource: dict[str, Any] | None):
    assert not allowed(ASKED, standing, resource)


def test_a_denial_whose_condition_is_not_met_denies_nothing():
    insecure = document(statement("Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}))
    assert allowed(ASKED, ALLOWED, insecure)


def test_the_boundary_limits_what_policies_allow_and_gives_nothing_itself():
    elsewhere = document(statement(Resource="arn:aws:s3:::other/*"))
    assert not allowed(ASKED, Standing([document(statement())], boundary=elsewhere))
    assert not allowed(ASKED, Standing([], boundary=document(statement())))
    assert allowed(ASKED, Standing([document(statement())], boundary=document(statement())))


def test_a_resource_may_let_a_role_in_that_has_no_policy_of_its_own():
    assert allowed(ASKED, NOTHING, granted_to(ROLE))
    assert allowed(ASKED, NOTHING, granted_to(SESSION))
    assert not allowed(ASKED, NOTHING, granted_to("arn:aws:iam::123456789012:role/other"))
    assert not allowed(ASKED, NOTHING, granted_to(ROOT)), "the account decides, and has allowed nothing"
    assert not allowed(ASKED, NOTHING, document(statement(Principal={"Service": "s3.amazonaws.com"})))


def test_a_boundary_holds_a_role_that_a_resource_lets_in_and_no_session():
    fenced = Standing([], boundary=document(statement(Action="s3:ListBucket")))
    assert not allowed(ASKED, fenced, granted_to(ROLE))
    assert allowed(ASKED, fenced, granted_to(SESSION)), "which is why grants name roles"


def test_a_keys_policy_is_needed_whatever_the_roles_policies_say():
    assert not allowed(ASKED, ALLOWED, granted_to("arn:aws:iam::123456789012:role/other"), sovereign=True)
    assert not allowed(ASKED, NOTHING, granted_to(ROOT), sovereign=True)
    assert allowed(ASKED, ALLOWED, granted_to(ROOT), sovereign=True)
    assert allowed(ASKED, NOTHING, granted_to(ROLE), sovereign=True)
