"""Who becomes a persona, as the judge decides it from the trust policies in the graph."""

from __future__ import annotations

import dataclasses
from typing import Final

import pytest
from tests.isolation.judge import Judge, Question

from modelyard import Context, Keys, KeysSpec, TeamFence, TeamHeader
from modelyard.assess.access import Access, Identity, Policy, collect
from modelyard.assess.graph import record
from modelyard.core.contract import SignInContract
from modelyard.foundation.tenancy import Personas, Reach, persona_arn

ACCOUNT: Final = "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
FRAUD = PLATFORM.for_team("fraud", boundary=Reach(PLATFORM.for_team("fraud")).boundary)
ADA, GRACE, JOAN = "ada@acme.example", "grace@acme.example", "joan@acme.example"
LEAVERS = {JOAN: "2026-11-20"}
SCIENTIST, APPROVER = (persona_arn(FRAUD, persona) for persona in ("data-scientist", "approver"))
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def program() -> None:
    header = TeamHeader.model_validate(
        {
            "team": "fraud",
            "owners": [{"name": "Ada", "email": ADA}],
            "people": {"data-scientist": [ADA, GRACE, JOAN], "approver": [GRACE]},
        }
    )
    TeamFence("fence", header, context=FRAUD, keys=Keys("keys", KeysSpec(), context=FRAUD), leavers=LEAVERS)
    Personas("personas", header, context=FRAUD, sign_in=SignInContract(kind="identity-center"), leavers=LEAVERS)


def door(persona: str) -> str:
    return (
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
        f"AWSReservedSSO_ml-dev-fraud-{persona}_0123456789abcdef"
    )


@pytest.fixture(scope="module")
def access() -> Access:
    """The team, and three roles that may do everything: two doors, and somebody's who has none."""
    found = collect(record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT))
    everything, others = Policy("everything", EVERYTHING), dict(found.identities)
    for arn in (door("data-scientist"), door("approver"), f"arn:aws:iam::{ACCOUNT}:role/administrator"):
        name = arn.rpartition("/")[2]
        others[arn] = Identity(arn=arn, name=name, path="/", policies=(everything,), trust=everything)
    return dataclasses.replace(found, identities=others)


def becomes(judge: Judge, access: Access, caller: str, session: str, persona: str, name: str) -> bool:
    """Whether a session called `session` of the role `caller` may become the persona under `name`."""
    context = {"aws:userid": f"AROAEXAMPLE:{session}", "sts:RoleSessionName": name}
    (verdict,) = judge.ask(access, [Question(caller, "sts:AssumeRole", persona, context)])
    return verdict.allowed


def test_a_person_becomes_the_persona_through_its_door_under_their_own_name(judge: Judge, access: Access):
    assert becomes(judge, access, door("data-scientist"), ADA, SCIENTIST, ADA)
    assert becomes(judge, access, door("approver"), GRACE, APPROVER, GRACE)


@pytest.mark.parametrize(
    ("caller", "session", "persona", "name"),
    [
        (door("data-scientist"), ADA, SCIENTIST, GRACE),
        (door("data-scientist"), f"x{ADA}", SCIENTIST, ADA),
        (door("data-scientist"), "eve@acme.example", SCIENTIST, "eve@acme.example"),
        (door("data-scientist"), JOAN, SCIENTIST, JOAN),
        (door("data-scientist"), GRACE, APPROVER, GRACE),
        (door("approver"), ADA, APPROVER, ADA),
        (f"arn:aws:iam::{ACCOUNT}:role/administrator", ADA, SCIENTIST, ADA),
    ],
    ids=["as another", "by a longer name", "a stranger", "who left", "through another door", "not in it", "no door"],
)
def test_nobody_else_becomes_it(judge: Judge, access: Access, caller: str, session: str, persona: str, name: str):
    assert not becomes(judge, access, caller, session, persona, name)


def test_an_open_session_of_who_left_can_do_nothing(judge: Judge, access: Access):
    call = ("sagemaker:DescribeTrainingJob", f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/ml-dev-fraud-x")
    (verdict,) = judge.ask(access, [Question(SCIENTIST, *call, {"aws:userid": f"AROAEXAMPLE:{JOAN}"})])
    assert verdict.explicit
    assert any("WhoLeftIsOut" in reason for because in verdict.because for reason in because)
