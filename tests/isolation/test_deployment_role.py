"""A team's deployment role may do everything that deploying the team's stack asks of AWS, and none of it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.isolation import native
from tests.isolation.call_tables import ARN_OF, NAMED_BY_ID
from tests.isolation.calls import Stack
from tests.isolation.judge import Judge, Question
from tests.isolation.released import released
from tests.isolation.shared import shared_by_all
from tests.isolation.trials import pattern
from tests.isolation.world import loosely
from tests.shipped import ROOT, copied, edit

from modelyard.assess.access import Access, Policy, collect
from modelyard.assess.graph import Graph
from modelyard.blueprints.programs import platform_program, team_program
from modelyard.core.access import policy, size
from modelyard.core.context import Context
from modelyard.foundation.tenancy import CAPABILITIES, Reach
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.deployment import manages, within
from modelyard_sandbox.inprocess import Call, Deployed, Deployment, deploy
from modelyard_sandbox.plugins.values import plain

ENVIRONMENT, REGION = "local", "eu-west-1"
TEAMS = {"fraud": "demand", "demand": "fraud"}
"""The shipped teams, each with the one whose things it must not reach."""
INLINE, MANAGED = 10_240, 6_144
"""Characters, without white space, of all inline policies of a role (IAM/latest/UserGuide/reference_iam-quotas)."""


@dataclass(frozen=True)
class Life:
    """A team's stack from its creation to its end: its resources, and every call that was made for it."""

    stack: Stack
    calls: Sequence[Call]


@dataclass(frozen=True)
class Deployments:
    """What was deployed of the shipped project."""

    access: Access
    lives: Mapping[str, Life]


def changed_project(root: Path) -> Path:
    """A copy of the shipped project in which each team's file says something else of everything that can change."""

    def change(document: dict[str, Any]) -> None:
        document["tags"] = {"stage": "pilot"}
        for dataset in document["data"]["datasets"].values():
            dataset["retention_days"] += 30
            dataset["description"] = f"{dataset['description']} Of 2026."
        for role in document["data"]["access"].values():
            role.setdefault("read", list(document["data"]["datasets"]))
            role["query"] = True
        for persona in document["personas"].values():
            persona["read"] = list(document["data"]["datasets"])
        for people in document["people"].values():
            people.append("new@acme.example")
        document["not_separated"] = {"new@acme.example": "a test of changes"}
        for entry in document.get("secrets", {}).get("entries", {}).values():
            entry["description"] = "Said otherwise."

    copied(root)
    for team in TEAMS:
        edit(root / "stacks" / "teams" / f"{team}.yaml", change)
    return root


def graph(deployment: Deployment) -> Graph:
    """The graph of what is deployed, with the ARNs that it really has."""
    states = [
        {
            "urn": item.urn,
            "type": item.type,
            "custom": item.custom,
            "external": item.external,
            "id": item.id,
            "inputs": plain(item.inputs),
            "outputs": plain(item.state),
        }
        for item in deployment.resources.values()
    ]
    return Graph.from_state({"deployment": {"resources": states}})


def life(platform: Deployment, root: Path, team: str, judge: Judge) -> tuple[Life, Graph]:
    """Create, release a version, refresh, update there and back, and destroy a team's stack."""
    program, other = team_program(ROOT, team, ENVIRONMENT), team_program(root, team, ENVIRONMENT)
    known = {f"modelyard-platform/{ENVIRONMENT}": platform.outputs}
    with deploy(
        program.run, project=program.project, stack=program.stack, region=REGION, stack_references=known
    ) as deployed:
        calls = [*deployed.calls]
        resources: dict[str, Deployed] = dict(deployed.resources)
        steps = (
            lambda: deployed.update(program.run),
            deployed.refresh,
            lambda: deployed.update(other.run),
            lambda: deployed.update(program.run),
        )
        with released(ROOT, team, ENVIRONMENT):
            for step in steps:
                step()
                calls += deployed.calls
                resources = {**deployed.resources, **resources}
            seen = graph(deployed)
        deployed.destroy()
        calls += deployed.calls
        contract = platform.outputs["contract"]
        fence = contract["teams"][team]
        path = f"/modelyard/{contract['platform']}/{ENVIRONMENT}/{team}/"
        stack = Stack(
            fence["deployment_role_arn"], contract["account"], REGION, path, fence["boundary_arn"], resources, judge
        )
        return Life(stack, calls), seen


@pytest.fixture(scope="module")
def deployments(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    root = changed_project(tmp_path_factory.mktemp("changed"))
    program = platform_program(ROOT, ENVIRONMENT)
    with deploy(program.run, project=program.project, stack=program.stack, region=REGION) as platform:
        lived = {team: life(platform, root, team, judge) for team in TEAMS}
        access = collect(graph(platform), *(seen for _, seen in lived.values()))
        access = loosely(access, {"sagemaker": [pattern(arn) for arn in judge.table("sagemaker").arns.values()]})
    yield Deployments(access, {team: made for team, (made, _) in lived.items()})


def by_calls(life: Life) -> list[Question]:
    """What IAM is asked about the calls, the assumption of the role itself left out: that is the deployer's."""
    asked = (
        question
        for call in life.calls
        if (call.service, call.operation) != ("sts", "AssumeRole")
        for question in life.stack.asked(call)
    )
    return unique(asked)


def by_the_native_provider(life: Life) -> list[Question]:
    """What IAM is asked about what the native provider calls beside that."""
    stack = life.stack
    asked = [stack.question(action, "*") for action in native.START]
    for resource in stack.resources.values():
        if not resource.custom or resource.external or resource.type.startswith("pulumi:"):
            continue
        tags = {f"aws:ResourceTag/{key}": value for key, value in (resource.properties.get("tags") or {}).items()}
        boundary = {"iam:PermissionsBoundary": stack.boundary}
        for action in native.ON_THE_RESOURCE.get(resource.type, ()):
            for arn in native_arns(stack, resource):
                asked.append(stack.question(action, arn, {**tags, **boundary}))
        asked += [stack.question(action, "*") for action in native.ON_NOTHING.get(resource.type, ())]
        if resource.type == "aws:s3/bucket:Bucket":
            asked += [stack.question(action, f"{resource.properties['arn']}/a") for action in native.EMPTIED]
        if resource.type == "aws:s3/bucketObjectv2:BucketObjectv2":
            asked += [stack.question(action, resource.properties["arn"]) for action in native.KEPT]
    return unique(asked)


def native_arns(stack: Stack, resource: Deployed) -> list[str]:
    """The ARNs that a call about a resource is on; in Glue's catalog it is on everything above it too."""
    if resource.type.startswith("aws:ecr/") and "repository" in resource.properties:
        return [stack.arn("ecr", f"repository/{resource.properties['repository']}")]
    arn: str = resource.id if resource.type in NAMED_BY_ID else resource.properties[ARN_OF.get(resource.type, "arn")]
    if resource.type == "aws:glue/catalogTable:CatalogTable":
        database = resource.properties["databaseName"]
        return [stack.arn("glue", "catalog"), stack.arn("glue", f"database/{database}"), arn]
    return [stack.arn("glue", "catalog"), arn] if resource.type == "aws:glue/catalogDatabase:CatalogDatabase" else [arn]


def unique(asked: Iterator[Question] | Sequence[Question]) -> list[Question]:
    found: dict[str, Question] = {}
    for question in asked:
        found.setdefault(json.dumps([question.action, question.resource, dict(question.context)]), question)
    return list(found.values())


def refused(judge: Judge, access: Access, asked: Sequence[Question]) -> list[str]:
    return sorted(str(verdict) for verdict in judge.ask(access, asked) if not verdict.allowed)


def at_the_other(question: Question, team: str, other: str) -> Question | None:
    """The same call on the other team's thing of that name; None where there is no such thing."""
    if team not in question.resource or shared_by_all(question):
        return None
    theirs = {
        key: value.replace(team, other) if key.startswith("aws:ResourceTag/") and isinstance(value, str) else value
        for key, value in question.context.items()
    }
    return replace(question, resource=question.resource.replace(team, other), context=theirs)


@pytest.mark.parametrize("team", TEAMS)
def test_the_role_may_make_every_call_that_deploying_makes(judge: Judge, deployments: Deployments, team: str):
    asked = by_calls(deployments.lives[team])
    assert refused(judge, deployments.access, asked) == []
    assert {call.step for call in deployments.lives[team].calls} >= {"configure", "create", "read", "update", "delete"}
    done = {"s3:CreateBucket", "iam:CreateRole", "glue:CreateTable", "ssm:PutParameter"}
    serves = {"cloudformation:CreateStack", "sagemaker:CreateEndpoint", "wafv2:CreateWebACL", "cloudwatch:PutDashboard"}
    assert done | (serves if team == "fraud" else set()) <= {q.action for q in asked}


@pytest.mark.parametrize("team", TEAMS)
def test_the_role_may_ask_what_the_native_provider_asks_beside(judge: Judge, deployments: Deployments, team: str):
    assert refused(judge, deployments.access, by_the_native_provider(deployments.lives[team])) == []


def test_every_type_of_the_teams_is_in_the_native_providers_table(deployments: Deployments):
    used = {
        resource.type
        for life in deployments.lives.values()
        for resource in life.stack.resources.values()
        if resource.custom and not resource.external and not resource.type.startswith("pulumi:")
    }
    assert used - {*native.ON_THE_RESOURCE, *native.SILENT} == set(), "say in native.py what it is asked about"


@pytest.mark.parametrize(("team", "other"), TEAMS.items())
def test_none_of_it_is_allowed_on_another_teams_things(judge: Judge, deployments: Deployments, team: str, other: str):
    life = deployments.lives[team]
    sample: dict[str, Question] = {}
    for question in (*by_calls(life), *by_the_native_provider(life)):
        if elsewhere := at_the_other(question, team, other):
            sample.setdefault(question.action, elsewhere)
    allowed = [str(verdict) for verdict in judge.ask(deployments.access, list(sample.values())) if verdict.allowed]
    assert allowed == []
    assert len(sample) > 60


@pytest.mark.parametrize(
    ("lost", "resource"),
    [
        ("sns:*", "arn:aws:sns:eu-west-1:123456789012:ml-local-fraud-"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/modelyard/ml/local/fraud/"),
        ("kms:GenerateDataKey*", "arn:aws:kms:eu-west-1:123456789012:key/"),
    ],
)
def test_a_permission_that_is_lost_is_named_with_what_it_was_needed_for(
    judge: Judge, deployments: Deployments, lost: str, resource: str
):
    life = deployments.lives["fraud"]
    role = deployments.access.identities[life.stack.principal]
    poorer = tuple(Policy(policy.name, without(policy.document, lost)) for policy in role.policies)
    assert poorer != role.policies, f"the role is not allowed {lost}"
    access = replace(
        deployments.access,
        identities={**deployments.access.identities, role.arn: replace(role, policies=poorer)},
    )
    said = refused(judge, access, by_calls(life))
    service = lost.partition(":")[0]
    assert said
    assert [line for line in said if f"may not {service}:" not in line or f" on {resource}" not in line] == []


def without(document: Mapping[str, Any], action: str) -> Mapping[str, Any]:
    """A policy without an action among what it allows."""
    kept: list[Mapping[str, Any]] = []
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow" and "Action" in statement:
            named = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if action in named:
                if left := [each for each in named if each != action]:
                    kept.append({**statement, "Action": left})
                continue
        kept.append(statement)
    return {**document, "Statement": kept}


def test_the_policy_fits_into_a_role_whatever_the_names_are():
    context = Context(
        organization="o" * 10,
        platform="p" * 10,
        environment="e" * 10,
        region="ap-northeast-1",
        account="123456789012",
        team="t" * 16,
    )
    keys = [f"arn:aws:kms:ap-northeast-1:123456789012:key/00000000-0000-0000-0000-00000000000{n}" for n in range(4)]
    assert size(policy(within(Reach(context, admitted=admitted(CAPABILITIES)), keys))) <= INLINE
    assert all(
        size(policy(part)) <= MANAGED for part in manages(Reach(context, admitted=admitted(CAPABILITIES))).values()
    )
