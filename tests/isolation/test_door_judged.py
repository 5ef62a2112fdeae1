"""Who comes through a door, as the judge decides it from the policies in the graph: each refusal beside what passes."""

from __future__ import annotations

import pulumi_aws as aws
import pytest
from tests.ground import CHURN, FRAUD, a_role, recording
from tests.isolation.judge import Judge, Question

from modelyard import ExistingRole, Keys, KeysSpec
from modelyard.assess.access import Access, collect
from modelyard.core import access as access_documents
from modelyard.core.access import Statement, trust_service
from modelyard.run.serving import DoorSpec, KnownEndpoint, PublicDoor

PARTNER = "arn:aws:iam::123456789012:role/partners/shop"
STRANGER = "arn:aws:iam::123456789012:role/people/eve"
CALL, INVOKE = "execute-api:Invoke", "sagemaker:InvokeEndpoint"
ENDPOINTS = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint"


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program() -> None:
    trust = access_documents.policy_json([trust_service("lambda.amazonaws.com", context=FRAUD)])
    aws.iam.Role("shop", name="shop", path="/partners/", assume_role_policy=trust)
    aws.iam.Role("eve", name="eve", path="/people/", assume_role_policy=trust)
    keys = Keys("keys", KeysSpec(), context=FRAUD)

    def door(name: str, endpoint: str) -> PublicDoor:
        said = {
            "request": {"fields": {"amount": {"kind": "number"}}},
            "authorization": {"kind": "iam", "callers": [PARTNER]},
        }
        spec, behind = DoorSpec.model_validate(said), KnownEndpoint.named(endpoint, FRAUD)
        return PublicDoor(name, spec, context=FRAUD, keys=keys, endpoint=behind)

    score = door("score-door", "ml-dev-fraud-score")
    door("other-door", "ml-dev-fraud-other")
    score.grant_call(a_role("shop", FRAUD))
    a_role("neighbour", FRAUD)
    wide = [Statement(("execute-api:*", "sagemaker:*"), ("*",))]
    a_role("stranger", CHURN).allow(_Everything(), "everything", wide)
    ExistingRole("eve", STRANGER, context=CHURN).allow(_Everything(), "everything", wide)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


def arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(name)]
    return found


def method(access: Access, door: str, path: str = "live/POST/invocations") -> str:
    """A method of the door, by the ARN with which it is called."""
    (api,) = [thing for thing, policy in access.things.items() if policy.name == f"policy of {door}-api"]
    assert ":execute-api:" in api
    return f"{api}/{path}"


@pytest.mark.parametrize(
    ("who", "door", "path", "allowed"),
    [
        ("ml-dev-fraud-shop", "score-door", "live/POST/invocations", True),
        ("partners/shop", "score-door", "live/POST/invocations", True),
        ("partners/shop", "other-door", "live/POST/invocations", True),
        ("ml-dev-fraud-shop", "score-door", "live/GET/invocations", False),
        ("ml-dev-fraud-shop", "score-door", "test/POST/invocations", False),
        ("ml-dev-fraud-shop", "other-door", "live/POST/invocations", False),
        ("partners/shop", "score-door", "live/DELETE/invocations", False),
        ("ml-dev-fraud-neighbour", "score-door", "live/POST/invocations", False),
        ("ml-dev-churn-stranger", "score-door", "live/POST/invocations", False),
        ("people/eve", "score-door", "live/POST/invocations", False),
    ],
)
def test_the_one_method_is_called_by_whom_it_was_granted_to(
    judge: Judge, access: Access, who: str, door: str, path: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn(access, who), CALL, method(access, door, path))])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize("who", ["ml-dev-churn-stranger", "people/eve"])
def test_the_door_itself_refuses_strangers_whatever_their_policies_say(judge: Judge, access: Access, who: str):
    (verdict,) = judge.ask(access, [Question(arn(access, who), CALL, method(access, "score-door"))])
    assert verdict.explicit and "NoStrangers" in str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "endpoint", "allowed"),
    [
        ("score-door-caller", INVOKE, "ml-dev-fraud-score", True),
        ("other-door-caller", INVOKE, "ml-dev-fraud-other", True),
        ("score-door-caller", INVOKE, "ml-dev-fraud-other", False),
        ("score-door-caller", INVOKE, "ml-dev-churn-score", False),
        ("score-door-caller", "sagemaker:InvokeEndpointAsync", "ml-dev-fraud-score", False),
        ("score-door-caller", "sagemaker:DescribeEndpoint", "ml-dev-fraud-score", False),
        ("ml-dev-fraud-shop", INVOKE, "ml-dev-fraud-score", False),
    ],
)
def test_a_doors_role_invokes_what_is_behind_it_alone_and_callers_don_t_get_around_it(
    judge: Judge, access: Access, who: str, action: str, endpoint: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn(access, who), action, f"{ENDPOINTS}/{endpoint}")])
    assert verdict.allowed is allowed, str(verdict)


def test_a_doors_role_is_of_no_use_to_another_door(judge: Judge, access: Access):
    (verdict,) = judge.ask(access, [Question(arn(access, "score-door-caller"), CALL, method(access, "other-door"))])
    assert not verdict.allowed, str(verdict)


def test_nothing_of_a_door_is_left_unread(access: Access):
    assert access.unread == ()
