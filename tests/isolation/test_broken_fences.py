"""A grant that is broken on purpose is reported, with the names of who leaks what to whom: the judge isn't asleep."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.isolation.judge import Judge
from tests.isolation.trials import Outcome, Trials, judged
from tests.isolation.world import EVERYTHING, Team, World

from modelyard.assess.access import Access, Identity, Policy


def found(judge: Judge, world: World, *services: str, what: str = "", by: str = "") -> Outcome:
    """The outcome of the classic escapes, and of the tries on the fence, in these services; `by`: one team's."""
    made = Trials(judge, world)
    chosen = [
        trial
        for trial in (*made.classic(), *made.fence())
        if trial.service in services
        and (not what or trial.what == what)
        and (not by or f"/{by}/" in trial.question.principal)
    ]
    assert chosen
    return judged(judge, world, chosen)


def said(outcome: Outcome) -> str:
    return "\n".join(str(verdict) for _, verdict in outcome.leaks)


def with_document(access: Access, arn: str, text: str) -> Access:
    """The same access, the policy of one thing replaced."""
    return replace(access, things={**access.things, arn: Policy(access.things[arn].name, json.loads(text))})


def bounded_by(world: World, boundary: Policy | None, *identities: Identity) -> World:
    """The same world, these roles under another boundary."""
    changed = {identity.arn: replace(identity, boundary=boundary) for identity in identities}
    return world.changed(replace(world.access, identities={**world.access.identities, **changed}))


def bucket_of(team: Team) -> str:
    return team.thing("arn:${Partition}:s3:::${BucketName}")


def opened_to(teams: World, role: Identity, bucket: str) -> World:
    """The same world, and a bucket's policy that lets a role read its objects."""
    document = json.loads(json.dumps(teams.access.things[bucket].document))
    statement = {"Effect": "Allow", "Principal": {"AWS": role.arn}, "Action": "s3:GetObject", "Resource": f"{bucket}/*"}
    return teams.with_thing(bucket, {**document, "Statement": [*document["Statement"], statement]})


def test_a_bucket_opened_to_another_teams_role_is_reported(judge: Judge, teams: World):
    thief, victim = teams.teams["bravo"], teams.teams["alpha"]
    bucket = bucket_of(victim)
    idle = replace(thief.greedy, policies=(), boundary=None)
    opened = opened_to(teams.with_identity(idle), idle, bucket)
    outcome = found(judge, opened, "s3", what="read and write objects")
    leaks = {(verdict.question.principal, verdict.question.action) for _, verdict in outcome.leaks}
    assert leaks == {(idle.arn, "s3:GetObject")}, said(outcome)
    assert bucket in said(outcome)
    assert "resource" in said(outcome), "the bucket's policy is named as what let it in"


def test_a_boundary_holds_even_where_a_bucket_names_the_role(judge: Judge, teams: World):
    thief, victim = teams.teams["bravo"], teams.teams["alpha"]
    opened = opened_to(teams, thief.greedy, bucket_of(victim))
    assert not found(judge, opened, "s3", what="read and write objects").leaks


def test_a_role_without_its_boundary_is_reported(judge: Judge, teams: World):
    thief = teams.teams["charlie"]
    outcome = found(judge, bounded_by(teams, None, thief.greedy), "s3", "dynamodb", "sagemaker", "iam", by=thief.name)
    assert {verdict.question.principal for _, verdict in outcome.leaks} == {thief.greedy.arn}
    assert {trial.service for trial, _ in outcome.leaks} == {"s3", "dynamodb", "sagemaker", "iam"}
    assert "ml-dev-delta-" in said(outcome)


def test_a_key_opened_to_the_whole_account_is_reported(judge: Judge, teams: World):
    victim = teams.teams["alpha"]
    text = json.dumps(teams.access.things[victim.key].document).replace("/dev/alpha/*", "/dev/*")
    opened = teams.changed(with_document(teams.access, victim.key, text))
    outcome = found(judge, opened, "kms", what="use a key through S3")
    assert {verdict.question.resource for _, verdict in outcome.leaks} == {victim.key}
    assert "ml-dev-bravo-greedy may kms:Decrypt" in said(outcome)
    assert "OwnersRolesUseIt" in said(outcome), "the statement that opened it is named"


@pytest.mark.parametrize("service", ["secretsmanager", "sagemaker", "s3", "sts"])
def test_a_boundary_without_its_wall_of_names_is_reported(judge: Judge, teams: World, service: str):
    thief = teams.teams["delta"]
    assert thief.boundary is not None
    kept = [statement for statement in thief.boundary.statements if "NotResource" not in statement]
    assert len(kept) < len(thief.boundary.statements)
    document = {**thief.boundary.document, "Statement": [*kept, EVERYTHING["Statement"][0]]}
    loose = trusting(bounded_by(teams, Policy(thief.boundary.name, document), thief.greedy))
    outcome = found(judge, loose, service, by=thief.name)
    assert {verdict.question.principal for _, verdict in outcome.leaks} == {thief.greedy.arn}, said(outcome)


def trusting(world: World) -> World:
    """The same world, and one team's roles trust whoever the account lets."""
    victim = world.teams["echo"]
    account = f"arn:aws:iam::{victim.account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    trust = Policy("trust of everybody", {"Version": "2012-10-17", "Statement": [statement]})
    opened = {role.arn: replace(role, trust=trust) for role in victim.roles}
    return world.changed(replace(world.access, identities={**world.access.identities, **opened}))


def test_a_deployment_role_that_may_drop_the_boundary_is_reported(judge: Judge, teams: World):
    team = teams.teams["alpha"]
    assert team.deployment is not None
    loose = replace(team.deployment, policies=(Policy("everything", EVERYTHING),))
    outcome = found(judge, teams.with_identity(loose), "iam", by=team.name)
    leaks = {verdict.question.action for trial, verdict in outcome.leaks if trial.what == "the fence itself"}
    assert {"iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "iam:UpdateAssumeRolePolicy"} <= leaks
    assert {verdict.question.principal for _, verdict in outcome.leaks} == {loose.arn}


def test_a_try_that_nobody_may_do_is_called_hollow(judge: Judge, teams: World):
    victim = teams.teams["alpha"]
    shut = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
    }
    outcome = found(judge, teams.with_thing(bucket_of(victim), shut), "s3", what="list, with and without a prefix")
    assert not outcome.leaks
    assert {trial.question.resource for trial in outcome.hollow} == {bucket_of(victim)}
