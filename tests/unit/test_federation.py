"""CI systems: providers in an account, and roles that only the named runs may assume."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.core.access import policy, trust_federated
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import SpecError
from modelyard.foundation.keys import Keys, KeysSpec
from modelyard.foundation.tenancy import (
    CiFederation,
    CiSpec,
    TeamFence,
    TeamHeader,
    ci_contract,
    deployment_trust,
    trust_runs,
)

ACCOUNT = "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
CONTEXT = PLATFORM.for_team("fraud")
CI = CiSpec.model_validate(
    {
        "github": {"owners": ["acme"]},
        "gitlab": {"issuer": "https://gitlab.acme.example", "groups": ["ml/teams"]},
        "jenkins": {"issuer": "https://ci.acme.example/oidc", "folders": ["https://ci.acme.example/job/ml/"]},
    }
)
GITHUB = {"kind": "github", "repository": "acme/fraud", "environment": "production"}
GITLAB = {"kind": "gitlab", "project": "ml/teams/fraud", "branch": "main"}
JENKINS = {"kind": "jenkins", "job": "https://ci.acme.example/job/ml/job/fraud/job/main/"}


def header(**changes: Any) -> TeamHeader:
    return TeamHeader.model_validate(
        {"team": "fraud", "owners": [{"name": "Ada", "email": "ada@acme.example"}], **changes}
    )


def written(text: str) -> TeamHeader:
    return load(parse(f"team: fraud\nowners: [{{name: Ada, email: ada@acme.example}}]\n{text}".encode(), "f.yaml"),
                TeamHeader)  # fmt: skip


def graph(spec: CiSpec = CI, team: TeamHeader | None = None) -> Graph:
    def program() -> None:
        ci = CiFederation("ci", spec, context=PLATFORM)
        if team is not None:
            keys = Keys("keys", KeysSpec(), context=CONTEXT)
            trusted = deployment_trust(CONTEXT, PLATFORM, (), trust_runs(CONTEXT, ci.systems, team.deployed_by))
            TeamFence("fence", team, context=CONTEXT, keys=keys, trusted=trusted)

    return record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT)


def trust_of(**run: Any) -> dict[str, Any]:
    (statement,) = policy(trust_runs(CONTEXT, ci_contract(CI), header(ci_runs=[run]).ci_runs))["Statement"]
    return statement


def test_an_account_gets_one_provider_for_each_ci_system_with_awss_own_audience():
    made = graph().of_type("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    assert {node.properties["url"]: node.properties["clientIdLists"] for node in made} == {
        "https://token.actions.githubusercontent.com": ["sts.amazonaws.com"],
        "https://gitlab.acme.example": ["sts.amazonaws.com"],
        "https://ci.acme.example/oidc": ["sts.amazonaws.com"],
    }


def test_a_provider_that_the_account_has_already_is_not_made_again():
    spec = CiSpec.model_validate({"github": {"owners": ["acme"], "exists": True}})
    assert not graph(spec).of_type("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    assert trust_runs(CONTEXT, ci_contract(spec), header(ci_runs=[GITHUB]).ci_runs)


@pytest.mark.parametrize(
    ("run", "issuer", "subject"),
    [
        (GITHUB, "token.actions.githubusercontent.com", "repo:acme/fraud:environment:production"),
        ({"kind": "github", "repository": "acme/fraud", "branch": "main"}, "token.actions.githubusercontent.com",
         "repo:acme/fraud:ref:refs/heads/main"),
        ({"kind": "github", "repository": "acme/fraud", "tag": "v1"}, "token.actions.githubusercontent.com",
         "repo:acme/fraud:ref:refs/tags/v1"),
        (GITLAB, "gitlab.acme.example", "project_path:ml/teams/fraud:ref_type:branch:ref:main"),
        (JENKINS, "ci.acme.example/oidc", "https://ci.acme.example/job/ml/job/fraud/job/main/"),
    ],
)  # fmt: skip
def test_a_role_trusts_one_audience_and_the_exact_subject(run: dict[str, Any], issuer: str, subject: str):
    assert trust_of(**run) == {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": [subject]}},
    }


def test_a_wildcard_that_is_spelled_out_is_compared_as_a_pattern_and_others_stay_exact():
    pattern = {"kind": "github", "repository": "acme/fraud", "branch": "release/*",
               "wildcard_because": "one branch for each release"}  # fmt: skip
    runs = header(ci_runs=[GITHUB, pattern]).ci_runs
    exact, wild = policy(trust_runs(CONTEXT, ci_contract(CI), runs))["Statement"]
    key = "token.actions.githubusercontent.com:sub"
    assert exact["Condition"]["StringEquals"][key] == ["repo:acme/fraud:environment:production"]
    assert wild["Condition"]["StringLike"][key] == ["repo:acme/fraud:ref:refs/heads/release/*"]


def test_a_trust_without_subjects_is_never_written():
    with pytest.raises(ValueError, match="name the subjects"):
        trust_federated(CONTEXT, "https://gitlab.com", "sts.amazonaws.com", subjects=[])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{kind: github, repository: acme/fraud, branch: '*'}",
         "ci_runs[0].branch: got '*'; lets in whatever somebody calls a branch"),
        ("{kind: github, repository: 'acme/*', branch: main}", "ci_runs[0].repository: got 'acme/*'; has characters"),
        ("{kind: github, repository: acme/fraud}", "lets in every run of the repository. Give exactly one of"),
        ("{kind: github, repository: acme/fraud, branch: main, environment: prod}", "more than one of its parts"),
        ("{kind: gitlab, project: acme, branch: main}", "ci_runs[0].project: got 'acme'; has characters"),
        ("{kind: jenkins, job: 'https://ci.acme.example/job/*/'}", "ci_runs[0].job"),
        ("{kind: github, repository: acme/fraud, branch: main, wildcard_because: there is none}",
         "explains a wildcard that isn't there"),
        ("{kind: travis, repository: acme/fraud}", "is of no known kind"),
    ],
)  # fmt: skip
def test_a_run_that_would_let_in_more_than_it_says_is_refused(text: str, said: str):
    with pytest.raises(SpecError) as raised:
        written(f"ci_runs: [{text}]")
    assert said in str(raised.value)


def test_all_runs_outside_what_the_platform_leaves_to_teams_are_refused_at_once():
    other = CiSpec.model_validate({"github": {"owners": ["acme"]}})
    runs = written(
        "ci_runs:\n"
        "  - {kind: github, repository: acme-evil/fraud, branch: main}\n"
        "  - {kind: gitlab, project: ml/teams/fraud, branch: main}\n"
    ).ci_runs
    with pytest.raises(SpecError) as raised:
        trust_runs(CONTEXT, ci_contract(other), runs)
    said = str(raised.value)
    assert "f.yaml:4" in said and "got 'acme-evil/fraud'; lies where the platform lets no team name runs" in said
    assert (
        "f.yaml:5" in said and "got 'gitlab'; is a CI system that the platform doesn't trust; it trusts: github" in said
    )


def test_the_deployment_role_trusts_the_teams_runs_directly_and_nobody_else():
    node = dict(graph(team=header(deployed_by=[GITHUB])).named("fence-deployment-role")[0].properties)
    (statement,) = json.loads(node["assumeRolePolicy"])["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:acme/fraud:environment:production"
    ]


def test_deployers_of_the_platform_come_beside_the_teams_runs():
    deployer = f"arn:aws:iam::{ACCOUNT}:role/ci"
    runs = trust_runs(CONTEXT, ci_contract(CI), header(deployed_by=[GITHUB]).deployed_by)
    trusted = deployment_trust(CONTEXT, PLATFORM, [deployer], runs)
    principals = [statement["Principal"] for statement in policy(trusted)["Statement"]]
    assert principals[0] == {"AWS": deployer} and "Federated" in principals[1]
