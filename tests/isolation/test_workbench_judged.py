"""Who opens which profile and starts which app, as the judge decides it: each refusal beside its twin.

The boundary is the shipped one, brought to what docs/decisions/0020 says where it isn't there yet.
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws
import pytest
from tests.ground import PLATFORM, recording
from tests.isolation.judge import Judge, Question
from tests.isolation.trials import pattern
from tests.isolation.world import loosely

from modelyard import Context, Keys, KeysSpec, KnownNetwork, Role, Workbench, WorkbenchSpec
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph, reveal
from modelyard.build.workbench import key_use
from modelyard.core import access as documents
from modelyard.core.access import Statement, trust_service
from modelyard.core.contract import NetworkContract
from modelyard.foundation.tenancy.boundary import boundary
from modelyard.foundation.tenancy.reach import Reach

ADA, BOB, EVE = "ada@acme.example", "bob@acme.example", "eve@acme.example"
NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
    "security_groups": {"workload": "sg-87654321"},
}
OPEN, CREATE, UPDATE = "sagemaker:CreatePresignedDomainUrl", "sagemaker:CreateApp", "sagemaker:UpdateSpace"
SEEN = ("sagemaker:DescribeDomain", "sagemaker:ListApps", "sagemaker:ListSpaces")


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program() -> None:
    trust = documents.policy_json([trust_service("lambda.amazonaws.com", context=PLATFORM)])
    deployer = aws.iam.Role("deployer", name="platform-deployer", assume_role_policy=trust)
    everything = documents.policy_json([Statement(("*",), ("*",))])
    aws.iam.RolePolicy("deployer-access", name="all", role=deployer.name, policy=everything)
    for team, people in (("fraud", (ADA, BOB)), ("churn", (EVE,))):
        plain = PLATFORM.for_team(team)
        reach = Reach(plain)
        ceiling = aws.iam.Policy(
            f"{team}-boundary",
            name=reach.boundary_name,
            path=plain.names.path,
            policy=documents.policy_json(boundary(Reach(plain))),
        )
        context = PLATFORM.for_team(team, boundary=reach.boundary)
        keys = Keys(f"{team}-keys", KeysSpec(), context=context, services={"workbench": key_use(context)})
        made = Workbench(
            f"{team}-workbench",
            WorkbenchSpec.model_validate({"instance_types": ["ml.t3.medium", "ml.m5.large"]}),
            context=context,
            keys=keys,
            network=KnownNetwork(NetworkContract.model_validate(NETWORK)),
            people={"data-scientist": people},
        )

        def role(name: str, context: Context = context) -> Role:
            trusted = [trust_service("states.amazonaws.com", context=context)]
            return Role(name, context=context, trusted=trusted, description=name)

        made.grant_open(role(f"{team}-scientist"), people)
        role(f"{team}-auditor")
        role(f"{team}-greedy").allow(_Everything(), "everything", [Statement(("*",), ("*",))])
        assert ceiling is not None


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recording(program)


@pytest.fixture(scope="module")
def access(judge: Judge, graph: Graph) -> Access:
    """The boundary names SageMaker's types by a wildcard, which the judge matches only where it is written out."""
    forms = {"sagemaker": tuple(pattern(arns) for arns in judge.table("sagemaker").arns.values())}
    return loosely(collect(graph), forms)


def arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(f"-{name}")]
    return found


def domain(graph: Graph, team: str = "fraud") -> str:
    (found,) = [node for node in graph.nodes if node.name == f"{team}-workbench-domain"]
    return str(reveal(found.outputs["id"]))


def profile(graph: Graph, person: str) -> str:
    (found,) = [node for node in graph.nodes if node.name.endswith(f"-{person}-profile")]
    return str(reveal(found.outputs["arn"]))


def space(graph: Graph, person: str) -> str:
    (found,) = [node for node in graph.nodes if node.name.endswith(f"-{person}-jupyterlab")]
    return str(reveal(found.outputs["arn"]))


def app(graph: Graph, person: str, kind: str = "jupyterlab") -> str:
    return f"{space(graph, person).replace(':space/', ':app/')}/{kind}/default"


def name_of(graph: Graph, person: str) -> str:
    return profile(graph, person).rpartition("/")[2]


def decided(judge: Judge, access: Access, who: str, action: str, resource: str, context: dict[str, Any]) -> bool:
    (verdict,) = judge.ask(access, [Question(arn(access, who), action, resource, context)])
    return verdict.allowed


def session(person: str) -> dict[str, str]:
    return {"aws:userid": f"AROAEXAMPLE:{person}"}


@pytest.mark.parametrize(
    ("who", "person", "whose", "allowed"),
    [
        ("fraud-scientist", ADA, ADA, True),
        ("fraud-scientist", BOB, BOB, True),
        ("fraud-scientist", ADA, BOB, False),
        ("fraud-scientist", BOB, ADA, False),
        ("fraud-scientist", "x" + ADA, ADA, False),
        ("fraud-scientist", "session", ADA, False),
        ("fraud-scientist", EVE, EVE, False),
        ("fraud-scientist", ADA, EVE, False),
        ("churn-scientist", EVE, EVE, True),
        ("churn-scientist", ADA, ADA, False),
        ("fraud-auditor", ADA, ADA, False),
    ],
)
def test_a_person_opens_their_own_profile_and_no_other(
    judge: Judge, access: Access, graph: Graph, who: str, person: str, whose: str, allowed: bool
):
    assert decided(judge, access, who, OPEN, profile(graph, whose), session(person)) is allowed


def test_a_profile_of_the_same_name_in_another_teams_domain_is_not_ones_own(judge: Judge, access: Access, graph: Graph):
    elsewhere = profile(graph, ADA).replace(domain(graph), domain(graph, "churn"))
    assert not decided(judge, access, "fraud-scientist", OPEN, elsewhere, session(ADA))


def working(graph: Graph, person: str, **changes: Any) -> dict[str, Any]:
    """What a call from a person's Studio carries about their own space, changed as said; None leaves a key out."""
    carried = {
        "aws:SourceIdentity": name_of(graph, person),
        "sagemaker:OwnerUserProfileArn": profile(graph, person),
        "sagemaker:SpaceSharingType": "Private",
        "sagemaker:InstanceTypes": ["ml.t3.medium"],
        **{f"sagemaker:{name}": value for name, value in changes.items()},
    }
    return {name: value for name, value in carried.items() if value is not None}


WORK = "fraud-workbench-execution"
OTHERS_IMAGE = "arn:aws:sagemaker:eu-west-1:123456789012:image/ml-dev-churn-image"
AWS_IMAGE = "arn:aws:sagemaker:eu-west-1:819792524951:image/sagemaker-distribution-cpu"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the usual type"),
        pytest.param({"InstanceTypes": ["ml.m5.large"]}, id="another that is allowed"),
        pytest.param({"ImageArns": [AWS_IMAGE]}, id="an image of AWS"),
    ],
)
@pytest.mark.parametrize("kind", ["jupyterlab", "JupyterLab"])
def test_an_app_is_started_in_ones_own_space(
    judge: Judge, access: Access, graph: Graph, changes: dict[str, Any], kind: str
):
    assert decided(judge, access, WORK, CREATE, app(graph, ADA, kind), working(graph, ADA, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"InstanceTypes": ["ml.p4d.24xlarge"]}, id="a type that is too large"),
        pytest.param({"InstanceTypes": ["ml.t3.medium", "ml.p4d.24xlarge"]}, id="beside one that is allowed"),
        pytest.param({"InstanceTypes": None}, id="no type, so whatever the space remembers"),
        pytest.param({"SpaceSharingType": "Shared"}, id="a shared space"),
        pytest.param({"SpaceSharingType": None}, id="no space at all"),
        pytest.param({"OwnerUserProfileArn": None}, id="a space without an owner"),
        pytest.param({"ImageArns": [OTHERS_IMAGE]}, id="another team's image"),
    ],
)
def test_an_app_outside_what_the_spec_allows_is_refused(
    judge: Judge, access: Access, graph: Graph, changes: dict[str, Any]
):
    assert not decided(judge, access, WORK, CREATE, app(graph, ADA), working(graph, ADA, **changes))


@pytest.mark.parametrize(
    ("me", "owner", "allowed"), [(ADA, ADA, True), (BOB, BOB, True), (ADA, BOB, False), (BOB, ADA, False)]
)
@pytest.mark.parametrize("action", [CREATE, "sagemaker:DeleteApp", UPDATE])
def test_the_space_of_a_colleague_is_theirs(
    judge: Judge, access: Access, graph: Graph, action: str, me: str, owner: str, allowed: bool
):
    on = space(graph, owner) if action == UPDATE else app(graph, owner)
    carried = {**working(graph, owner), "aws:SourceIdentity": name_of(graph, me)}
    if action == "sagemaker:DeleteApp":
        del carried["sagemaker:InstanceTypes"]
    assert decided(judge, access, WORK, action, on, carried) is allowed


def test_a_session_that_says_nothing_of_whose_it_is_starts_nothing(judge: Judge, access: Access, graph: Graph):
    carried = working(graph, ADA)
    assert decided(judge, access, WORK, CREATE, app(graph, ADA), carried)
    del carried["aws:SourceIdentity"]
    assert not decided(judge, access, WORK, CREATE, app(graph, ADA), carried)


@pytest.mark.parametrize("kind", ["canvas", "jupyterserver", "kernelgateway", "rstudioserverpro"])
def test_no_other_kind_of_app_starts(judge: Judge, access: Access, graph: Graph, kind: str):
    assert not decided(judge, access, WORK, CREATE, app(graph, ADA, kind), working(graph, ADA))
    assert decided(judge, access, WORK, CREATE, app(graph, ADA, "codeeditor"), working(graph, ADA))


def test_another_teams_domain_is_out_of_reach(judge: Judge, access: Access, graph: Graph):
    theirs = {**working(graph, EVE), "aws:SourceIdentity": name_of(graph, EVE)}
    assert not decided(judge, access, WORK, CREATE, app(graph, EVE), theirs)
    assert decided(judge, access, "churn-workbench-execution", CREATE, app(graph, EVE), theirs)
    inside = app(graph, ADA).replace(domain(graph), domain(graph, "churn"))
    assert not decided(judge, access, WORK, CREATE, inside, working(graph, ADA))


@pytest.mark.parametrize("who", ["fraud-greedy", WORK])
@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("CreateUserProfile", "user-profile"),
        ("CreateSpace", "space"),
        ("CreateDomain", "domain"),
        ("UpdateDomain", "domain"),
        ("DeleteDomain", "domain"),
    ],
)
def test_nobody_of_a_team_makes_or_changes_what_the_platform_makes(
    judge: Judge, access: Access, graph: Graph, who: str, action: str, kind: str
):
    for team in ("fraud", "churn"):
        inside = "" if kind == "domain" else "/ml-dev-fraud-mine"
        on = f"arn:aws:sagemaker:eu-west-1:123456789012:{kind}/{domain(graph, team)}{inside}"
        assert not decided(judge, access, who, f"sagemaker:{action}", on, {})


@pytest.mark.parametrize("owner", [EVE, None])
def test_whatever_a_policy_says_the_boundary_lets_no_app_run_in_another_teams_space(
    judge: Judge, access: Access, graph: Graph, owner: str | None
):
    inside = app(graph, ADA).replace(domain(graph), domain(graph, "churn"))
    carried = working(graph, EVE) if owner else {"sagemaker:InstanceTypes": ["ml.t3.medium"]}
    carried.pop("aws:SourceIdentity", None)
    assert not decided(judge, access, "fraud-greedy", CREATE, inside, carried)
    assert not decided(judge, access, "fraud-greedy", CREATE, app(graph, EVE), carried)
    assert not decided(judge, access, "fraud-greedy", OPEN, profile(graph, EVE), {})
    assert decided(judge, access, "fraud-greedy", CREATE, app(graph, ADA), working(graph, ADA))


@pytest.mark.parametrize(
    ("who", "role", "allowed"),
    [
        ("fraud-greedy", "fraud-workbench-execution", True),
        ("fraud-greedy", "churn-workbench-execution", False),
        (WORK, "fraud-workbench-execution", False),
        (WORK, "churn-workbench-execution", False),
    ],
)
def test_a_foreign_role_is_handed_to_nothing(judge: Judge, access: Access, who: str, role: str, allowed: bool):
    to = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert decided(judge, access, who, "iam:PassRole", arn(access, role), to) is allowed


def test_no_way_leads_into_a_space_from_outside(judge: Judge, access: Access, graph: Graph):
    assert decided(judge, access, WORK, UPDATE, space(graph, ADA), working(graph, ADA, RemoteAccess="DISABLED"))
    assert not decided(judge, access, WORK, UPDATE, space(graph, ADA), working(graph, ADA, RemoteAccess="ENABLED"))
    assert not decided(
        judge, access, WORK, UPDATE, space(graph, ADA), working(graph, ADA, InstanceTypes=["ml.p3.2xlarge"])
    )
    assert not decided(judge, access, WORK, "sagemaker:StartSession", space(graph, ADA), {})


def test_studio_shows_ones_own_domain_and_lists_what_there_is(judge: Judge, access: Access, graph: Graph):
    start = "arn:aws:sagemaker:eu-west-1:123456789012:domain"
    assert decided(judge, access, WORK, "sagemaker:DescribeDomain", f"{start}/{domain(graph)}", {})
    assert not decided(judge, access, WORK, "sagemaker:DescribeDomain", f"{start}/{domain(graph, 'churn')}", {})
    for action in ("sagemaker:ListApps", "sagemaker:ListSpaces"):
        assert decided(judge, access, WORK, action, "*", {})
    assert not decided(judge, access, WORK, "sagemaker:ListUserProfiles", "*", {})


def test_only_the_owner_opens_a_profile_from_inside_too(judge: Judge, access: Access, graph: Graph):
    mine = {"aws:SourceIdentity": name_of(graph, ADA)}
    assert decided(judge, access, WORK, OPEN, profile(graph, ADA), mine)
    assert not decided(judge, access, WORK, OPEN, profile(graph, BOB), mine)


def test_tags_are_given_when_an_app_is_made_and_never_after(judge: Judge, access: Access, graph: Graph):
    tag = "sagemaker:AddTags"
    assert decided(judge, access, WORK, tag, app(graph, ADA), {"sagemaker:TaggingAction": "CreateApp"})
    assert not decided(judge, access, WORK, tag, app(graph, ADA), {})
    assert not decided(judge, access, WORK, tag, profile(graph, ADA), {"sagemaker:TaggingAction": "CreateApp"})


def through(service: str, **more: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.eu-west-1.amazonaws.com", "kms:CallerAccount": "123456789012", **more}


FOR_AWS = {"kms:GrantIsForAWSResource": "true"}


@pytest.mark.parametrize(
    ("who", "action", "context", "allowed"),
    [
        ("deployer", "CreateGrant", through("elasticfilesystem", **FOR_AWS), True),
        ("deployer", "GenerateDataKeyWithoutPlaintext", through("elasticfilesystem"), True),
        ("deployer", "CreateGrant", through("elasticfilesystem"), False),
        ("deployer", "CreateGrant", {}, False),
        ("deployer", "Decrypt", through("s3"), False),
        ("deployer", "Decrypt", {}, False),
        ("churn-greedy", "Decrypt", through("elasticfilesystem"), False),
        ("churn-greedy", "CreateGrant", through("elasticfilesystem", **FOR_AWS), False),
    ],
)
def test_who_deploys_makes_the_home_with_the_teams_key_and_reads_nothing_with_it(
    judge: Judge, access: Access, graph: Graph, who: str, action: str, context: dict[str, str], allowed: bool
):
    (key,) = [node for node in graph.nodes if node.name == "fraud-keys-default"]
    assert decided(judge, access, who, f"kms:{action}", str(reveal(key.outputs["arn"])), context) is allowed


def test_whatever_a_policy_says_another_teams_domain_is_not_even_seen(judge: Judge, access: Access, graph: Graph):
    def sees(team: str) -> bool:
        on = f"arn:aws:sagemaker:eu-west-1:123456789012:domain/{domain(graph, team)}"
        return decided(judge, access, "fraud-greedy", "sagemaker:DescribeDomain", on, {"aws:ResourceTag/team": team})

    assert sees("fraud")
    assert not sees("churn"), "the platform tags a domain with its team"
