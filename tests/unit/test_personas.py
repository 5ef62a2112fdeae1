"""Personas: who is in them, how they get in, what they may do, and how they leave."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.build.data import DataLake, LakeSpec
from modelyard.core import access
from modelyard.core.access import trust_nobody
from modelyard.core.context import Context
from modelyard.core.contract import VERSION, SignInContract, read_contract
from modelyard.core.document import load, parse
from modelyard.core.errors import AccessError, ContractError, Fault, InputError, SpecError
from modelyard.core.spec import Spec
from modelyard.foundation.keys import Keys, KeysSpec
from modelyard.foundation.tenancy import (
    CiSpec,
    IdentityCenterDoors,
    IdentityCenterSpec,
    Personas,
    Reach,
    TeamFence,
    TeamHeader,
    ci_contract,
    leaver_faults,
    persona_arn,
    sign_in_contract,
)

ACCOUNT = "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/modelyard/ml/dev/fraud/ml-dev-fraud-fence-boundary"
CONTEXT = PLATFORM.for_team("fraud", boundary=BOUNDARY)
ADA, GRACE, JOAN = "ada@acme.example", "grace@acme.example", "joan@acme.example"
PEOPLE = {"data-scientist": [ADA, GRACE], "ml-engineer": [GRACE], "approver": [JOAN], "auditor": [JOAN]}
CENTER = IdentityCenterSpec.model_validate(
    {
        "kind": "identity-center",
        "instance_arn": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
        "identity_store_id": "d-1234567890",
        "region": "eu-west-1",
    }
)
SIGN_IN = sign_in_contract(CENTER)
CI = ci_contract(CiSpec.model_validate({"github": {"owners": ["acme"]}}))
RUN = {"kind": "github", "repository": "acme/fraud", "branch": "main"}
Program = Callable[[], None]


def header(**changes: Any) -> TeamHeader:
    return TeamHeader.model_validate(
        {"team": "fraud", "owners": [{"name": "Ada", "email": ADA}], "people": PEOPLE, **changes}
    )


def personas(team: TeamHeader | None = None, **changes: Any) -> Personas:
    given: dict[str, Any] = {"context": CONTEXT, "sign_in": SIGN_IN, "ci": CI, **changes}
    return Personas("personas", team or header(), **given)


def recorded(program: Program) -> Graph:
    return record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT)


def graph(team: TeamHeader | None = None, **changes: Any) -> Graph:
    return recorded(lambda: personas(team, **changes) and None)


def doors_of(team: TeamHeader, *, context: Context = CONTEXT, spec: IdentityCenterSpec = CENTER) -> None:
    keys = Keys("keys", KeysSpec(), context=context)
    fence = TeamFence("fence", team, context=context, keys=keys, trusted=[trust_nobody()])
    IdentityCenterDoors("doors", spec, context=context, people=team.people, boundary=fence.boundary_name)


def trust(made: Graph, persona: str) -> list[dict[str, Any]]:
    (node,) = made.named(f"persona-{persona}-role")
    return json.loads(node.properties["assumeRolePolicy"])["Statement"]


def names_in(made: Graph) -> str:
    """Everything that the graph says, as one text."""
    return json.dumps([dict(node.properties) for node in made], default=str)


def test_each_declared_persona_is_a_role_below_the_teams_path_and_inside_its_boundary():
    made = graph(header(ci_runs=[RUN]))
    roles = {node.name: node.properties for node in made.of_type("aws:iam/role:Role")}
    assert set(roles) == {
        f"persona-{each}-role" for each in ("data-scientist", "ml-engineer", "approver", "auditor", "pipeline")
    }
    for properties in roles.values():
        assert properties["path"] == "/modelyard/ml/dev/fraud/"
        assert properties["permissionsBoundary"] == BOUNDARY
        assert properties["tags"]["team"] == "fraud"
        assert properties["maxSessionDuration"] == 3600


def test_a_persona_that_nobody_declared_is_not_there_and_says_how_to_get_it():
    def program() -> None:
        made = personas(header(people={"auditor": [JOAN]}))
        assert list(made) == ["auditor"] and "approver" not in made
        with pytest.raises(InputError, match=r"no such persona; it has: auditor. Declare \"people: {approver: "):
            made["approver"]
        with pytest.raises(InputError, match='Declare "ci_runs"'):
            made["pipeline"]

    recorded(program)


def test_a_persona_receives_grants_from_things():
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        column = [{"name": "id", "type": "string"}]
        events = {"classification": "internal", "owner": ADA, "columns": column}
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": {"events": events}}), context=CONTEXT, keys=keys)
        lake.grant_read(personas()["data-scientist"], datasets=["events"])

    made = recorded(program)
    assert made.named("persona-data-scientist-lake-access")
    assert not made.named("persona-auditor-lake-access"), "nobody gets what another was granted"


def test_people_come_through_their_personas_door_only_and_under_their_own_names():
    (statement,) = trust(graph(), "data-scientist")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {
                "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/"
                "*AWSReservedSSO_ml-dev-fraud-data-scientist_*"
            },
            "StringEquals": {"sts:RoleSessionName": [ADA, GRACE]},
            "StringLike": {"aws:userid": "*:${sts:RoleSessionName}"},
        },
    }


def test_people_of_a_saml_provider_are_named_by_it():
    (statement,) = trust(graph(sign_in=SignInContract(kind="saml", provider="okta", audience="https://a")), "approver")
    assert statement["Action"] == "sts:AssumeRoleWithSAML"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/okta"}
    assert statement["Condition"] == {"StringEquals": {"SAML:aud": "https://a", "sts:RoleSessionName": [JOAN]}}


def test_people_of_an_oidc_provider_name_their_sessions_as_their_tokens_do():
    sign_in = SignInContract(kind="oidc", provider="https://id.acme.example", audience="aws")
    (statement,) = trust(graph(sign_in=sign_in), "approver")
    assert statement["Condition"] == {
        "StringEquals": {
            "id.acme.example:aud": "aws",
            "id.acme.example:sub": [JOAN],
            "sts:RoleSessionName": "${id.acme.example:sub}",
        }
    }


def test_people_with_existing_roles_are_named_by_their_sessions():
    role = f"arn:aws:iam::{ACCOUNT}:role/people"
    (statement,) = trust(graph(sign_in=SignInContract(kind="roles", roles=(role,))), "approver")
    assert statement["Principal"] == {"AWS": role}
    assert statement["Condition"]["StringEquals"] == {"sts:RoleSessionName": [JOAN]}
    assert statement["Condition"]["StringLike"] == {"aws:userid": "*:${sts:RoleSessionName}"}


@pytest.mark.parametrize("kind", ["identity-center", "saml", "oidc", "roles"])
def test_no_trust_lets_callers_tag_their_sessions(kind: Any):
    sign_in = SignInContract(kind=kind, provider="https://x", audience="a", roles=(f"arn:aws:iam::{ACCOUNT}:role/x",))
    actions = {statement["Action"] for each in PEOPLE for statement in trust(graph(sign_in=sign_in), each)}
    assert "sts:TagSession" not in actions


def test_the_pipeline_is_a_repository_and_needs_no_people():
    made = graph(header(people={}, ci_runs=[RUN]), sign_in=None)
    (statement,) = trust(made, "pipeline")
    assert statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:acme/fraud:ref:refs/heads/main"
    ]


def test_people_without_a_way_to_sign_in_are_refused():
    with pytest.raises(SpecError, match=r"people: have no way to sign in. Add \"sign_in: {kind: identity-center"):
        graph(sign_in=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("people: {approver: []}", "people.approver: got []; needs at least 1 entries"),
        ("people: {boss: [ada@acme.example]}", "people.boss"),
        ("people: {approver: [ada]}", "people.approver[0]: got 'ada'; has characters or a form that are not allowed"),
        ("people: {approver: ['*@acme.example']}", "people.approver[0]"),
        (
            "people: {approver: [ada@acme.example, Ada@acme.example]}",
            "people.approver[1]: got 'Ada@acme.example'; is th",
        ),
        (f"people: {{approver: [{'a' * 60}@acme.example]}}", "is longer than 64 characters"),
        ("account: 12", "account: got 12; must be text"),
        ('account: "12"', "account: got '12'; has characters or a form"),
        ("not_separated: {ada@acme.example: short}", "is shorter than 10 characters"),
    ],
)
def test_a_header_that_says_nobody_or_anybody_is_refused(text: str, said: str):
    whole = f"team: fraud\nowners: [{{name: Ada, email: ada@acme.example}}]\n{text}"
    with pytest.raises(SpecError) as raised:
        load(parse(whole.encode(), "fraud.yaml"), TeamHeader)
    assert said in str(raised.value) and str(raised.value).startswith("fraud.yaml:3")


PRODUCTION = Context(
    organization="acme", platform="ml", environment="prod", region="eu-west-1", account=ACCOUNT, team="fraud",
    production=True,
)  # fmt: skip


@pytest.mark.parametrize("maker", ["ml-engineer", "data-scientist"])
def test_nobody_approves_what_they_make_in_production(maker: str):
    team = header(people={maker: [ADA], "approver": ["Ada@acme.example", JOAN]})
    with pytest.raises(
        SpecError, match=r"people.approver\[0\]: got 'Ada@acme.example'; approves what they make"
    ) as said:
        graph(team, context=PRODUCTION)
    assert len(said.value.faults) == 1
    graph(team)


def test_an_exception_to_the_separation_of_duties_is_spelled_out_and_reported():
    why = "two people only until March"
    team = header(people={"ml-engineer": [ADA], "approver": [ADA]}, not_separated={ADA: why})
    reported: list[tuple[str, ...]] = []
    recorded(lambda: reported.append(personas(team, context=PRODUCTION).exceptions))
    assert reported == [(f"fraud: {ADA} may approve what they make: {why}",)]


def test_an_exception_that_nothing_needs_any_more_is_reported_and_stops_nobody_from_leaving():
    reported: list[tuple[str, ...]] = []
    team = header(not_separated={JOAN: "she was an engineer once"})
    recorded(lambda: reported.append(personas(team, context=PRODUCTION).exceptions))
    assert reported == [(f"fraud: not_separated names {JOAN}, and nothing needs it any more; take it away",)]


def test_a_name_that_goes_from_the_one_list_goes_from_every_trust_and_group():
    without = {"data-scientist": [GRACE], "ml-engineer": [GRACE], "approver": [JOAN], "auditor": [JOAN]}
    assert ADA in names_in(whole(header()))
    assert ADA not in names_in(whole(header(people=without)))


def whole(team: TeamHeader, leavers: Mapping[str, str] | None = None) -> Graph:
    """The fence, the doors and the personas of a team, as its two stacks make them."""

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        fence = TeamFence("fence", team, context=CONTEXT, keys=keys, leavers=leavers)
        IdentityCenterDoors(
            "doors", CENTER, context=CONTEXT, people=team.people, boundary=fence.boundary_name, leavers=leavers
        )
        personas(team, leavers=leavers)

    return recorded(program)


def test_one_line_among_the_leavers_takes_a_person_out_of_every_trust_and_group_and_ends_their_sessions():
    made = whole(header(), {"Ada@acme.example": "2026-11-20"})
    for persona in PEOPLE:
        assert ADA not in json.dumps(trust(made, persona))
    members = [node.name for node in made.of_type("aws:identitystore/groupMembership:GroupMembership")]
    assert members and not [name for name in members if ADA in name]
    boundary = json.loads(made.named("fence-boundary")[0].properties["policy"])["Statement"]
    (denied,) = [statement for statement in boundary if statement.get("Sid") == "WhoLeftIsOut"]
    assert denied["Effect"] == "Deny" and denied["Action"] == "*" and denied["Resource"] == "*"
    patterns = denied["Condition"]["StringLike"]["aws:userid"]
    assert patterns == [f"*:{name}" for name in ("Ada@acme.example", ADA)], "both spellings"
    for persona in PEOPLE:
        (old,) = json.loads(made.named(f"persona-{persona}-personas-access")[0].properties["policy"])["Statement"]
        assert old["Effect"] == "Deny"
        assert old["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T00:00:00Z"}}


def test_a_persona_whose_people_have_all_left_trusts_nobody():
    (statement,) = trust(whole(header(), {JOAN: "2026-11-20"}), "approver")
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")


def test_the_last_leavers_day_ends_sessions_and_those_of_pipelines_go_on():
    made = graph(header(ci_runs=[RUN]), leavers={ADA: "2026-11-20", JOAN: "2026-01-02"})
    assert "2026-11-20T00:00:00Z" in made.named("persona-auditor-personas-access")[0].properties["policy"]
    assert not made.named("persona-pipeline-personas-access")


def test_a_door_can_do_nothing_but_open_its_persona_and_carries_the_boundary():
    made = whole(header())
    policy = json.loads(made.named("doors-approver-access")[0].properties["inlinePolicy"])["Statement"]
    assert policy == [
        {
            "Sid": "ThePersona",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/fraud/ml-dev-fraud-persona-approver",
        }
    ]
    assert persona_arn(CONTEXT, "approver") == policy[0]["Resource"]
    assert made.named("persona-approver-role")[0].properties["name"] == policy[0]["Resource"].rpartition("/")[2]
    attached = made.named("doors-approver-boundary")[0].properties["permissionsBoundary"]
    assert attached["customerManagedPolicyReference"] == {
        "name": Reach(CONTEXT).boundary_name,
        "path": "/modelyard/ml/dev/fraud/",
    }


def test_a_door_is_called_as_the_personas_trust_expects_even_where_names_are_cut():
    longest = Context(organization="acme", platform="p" * 10, environment="e" * 10, region="eu-west-1",
                      account=ACCOUNT, team="t" * 16)  # fmt: skip

    def program() -> None:
        doors_of(header(capabilities=["data"]), context=longest)
        personas(context=longest)

    made = recorded(program)
    name = made.named("doors-data-scientist")[0].properties["name"]
    assert len(name) <= 32
    assert f"AWSReservedSSO_{name}_*" in json.dumps(trust(made, "data-scientist"))


def test_people_are_assigned_by_a_group_or_one_by_one():
    made = whole(header())
    by_group = made.of_type("aws:ssoadmin/accountAssignment:AccountAssignment")
    assert {node.properties["principalType"] for node in by_group} == {"GROUP"} and len(by_group) == 4
    spec = CENTER.model_copy(update={"assign": "users"})
    one_by_one = recorded(lambda: doors_of(header(), spec=spec))
    assigned = one_by_one.of_type("aws:ssoadmin/accountAssignment:AccountAssignment")
    assert {node.properties["principalType"] for node in assigned} == {"USER"} and len(assigned) == 5
    assert {node.properties["targetId"] for node in assigned} == {ACCOUNT}
    assert not one_by_one.of_type("aws:identitystore/group:Group")


def test_a_door_stands_open_for_an_hour():
    assert whole(header()).named("doors-auditor")[0].properties["sessionDuration"] == "PT1H"


def test_a_trust_that_no_role_can_hold_is_an_error_that_says_so():
    crowd = header(people={"data-scientist": [f"firstname{n}.lastname@acme.example" for n in range(60)]})
    with pytest.raises(AccessError, match="and IAM takes 2048. Split the team, or name fewer"):
        graph(crowd)
    room = header(people={"data-scientist": [f"firstname{n}.lastname@acme.example" for n in range(40)]})
    assert access.size(json.loads(graph(room).named("persona-data-scientist-role")[0].properties["assumeRolePolicy"]))


@pytest.mark.parametrize(
    ("day", "said"), [("2026-02-30", "is no day"), ("2026-11-22", "is a day to come"), ("2026-11-20", "")]
)
def test_a_leavers_day_exists_and_has_come(day: str, said: str):
    faults: list[Fault] = list(leaver_faults(Spec(), {ADA: day}, date(2026, 11, 21)))
    assert [said in str(fault) for fault in faults] == ([True] if said else [])


OWN = "210987654321"


def test_a_team_in_an_account_of_its_own_has_everything_there_and_nothing_in_the_platforms():
    context = PLATFORM.for_team("fraud", account=OWN, boundary=BOUNDARY.replace(ACCOUNT, OWN))

    def program() -> None:
        doors_of(header(account=OWN), context=context)
        personas(header(account=OWN, ci_runs=[RUN]), context=context)

    made = record(program, project="p", stack="s", region="eu-west-1", account=OWN)
    assert ACCOUNT not in names_in(made)
    assert OWN in made.named("fence-boundary")[0].properties["policy"]


def test_a_contract_says_which_account_a_team_lives_in_and_keeps_it_from_anothers_network():
    fence = {"boundary_arn": "a", "deployment_role_arn": "b", "keys": {}}
    given = {
        "version": VERSION,
        "organization": "acme",
        "platform": "ml",
        "environment": "dev",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "production": False,
        "network": {"vpc_id": "vpc-1", "cidr": "10.0.0.0/16", "subnets": {}, "security_groups": {}},
        "teams": {"fraud": {**fence, "account": OWN}, "churn": fence},
    }
    contract = read_contract(given, "dev")
    assert contract.account_of("churn") == contract.account
    assert contract.network_of("churn") is contract.network
    assert contract.account_of("fraud") == OWN
    with pytest.raises(ContractError, match="where the platform's subnets and security groups don't exist"):
        contract.network_of("fraud")


def test_the_pages_example_is_a_header_that_production_takes():
    page = (Path(__file__).parents[2] / "docs" / "tenancy.md").read_text()
    example, leavers = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    team = load(parse(example.encode(), "fraud.yaml"), TeamHeader)
    assert list(team.separation_faults(production=True)) == []
    gone = parse(leavers.encode(), "platform.yaml").data["leavers"]
    assert list(leaver_faults(Spec(), gone, date(2026, 11, 21))) == []
    made = graph(team, leavers=gone)
    assert made.named("persona-pipeline-role")
    assert "ada@example.com" not in names_in(made)
