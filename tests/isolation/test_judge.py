"""The judge judges as AWS documents it, and refuses questions that make no sense instead of answering them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.isolation import installed
from tests.isolation.installed import JudgeMissing
from tests.isolation.judge import BadQuestion, Judge, Question

from modelyard.assess.access import Access, Identity, Policy

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
BUCKET = "arn:aws:s3:::things"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234"


def policy(name: str, *statements: dict[str, object]) -> Policy:
    return Policy(name, {"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*", **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def reader(*statements: dict[str, object], boundary: Policy | None = None) -> Access:
    trust = policy("trust", {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"})
    role = Identity(ROLE, "reader", "/", (policy("own", *statements),), trust, boundary)
    return Access({ROLE: role}, {}, accounts={BUCKET: ACCOUNT})


def asked(judge: Judge, access: Access, action: str, resource: str, **context: str) -> bool:
    keys = {key.replace("_", ":"): value for key, value in context.items()}
    return judge.ask(access, [Question(ROLE, action, resource, keys)])[0].allowed


def test_what_no_policy_allows_is_refused(judge: Judge):
    assert asked(judge, reader(allow("s3:GetObject")), "s3:GetObject", f"{BUCKET}/a")
    assert not asked(judge, reader(allow("s3:GetObject")), "s3:PutObject", f"{BUCKET}/a")


def test_a_boundary_takes_away_what_a_policy_gives(judge: Judge):
    ceiling = policy("ceiling", allow("s3:GetObject", f"{BUCKET}/mine/*"))
    bounded = reader(allow("s3:*"), boundary=ceiling)
    assert asked(judge, bounded, "s3:GetObject", f"{BUCKET}/mine/a")
    assert not asked(judge, bounded, "s3:GetObject", f"{BUCKET}/theirs/a")


def test_a_condition_that_the_call_does_not_meet_gives_nothing(judge: Judge):
    access = reader(allow("s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": "mine/*"}}))
    assert asked(judge, access, "s3:ListBucket", BUCKET, s3_prefix="mine/a")
    assert not asked(judge, access, "s3:ListBucket", BUCKET, s3_prefix="theirs/a")
    assert not asked(judge, access, "s3:ListBucket", BUCKET)


def test_no_identity_policy_opens_a_key_that_does_not_delegate(judge: Judge):
    root_user = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    delegating = replace(reader(allow("kms:Decrypt")), things={KEY: policy("key", root_user)})
    only_root = {**root_user, "Condition": {"StringEquals": {"aws:PrincipalType": "Account"}}}
    closed = replace(delegating, things={KEY: policy("key", only_root)})
    assert asked(judge, delegating, "kms:Decrypt", KEY)
    assert not asked(judge, closed, "kms:Decrypt", KEY)


def test_a_role_is_assumed_only_where_both_sides_say_so(judge: Judge):
    assert asked(judge, reader(allow("sts:AssumeRole")), "sts:AssumeRole", ROLE)
    stranger = policy(
        "trust", {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    access = reader(allow("sts:AssumeRole"))
    closed = replace(access, identities={ROLE: replace(access.identities[ROLE], trust=stranger)})
    assert not asked(judge, closed, "sts:AssumeRole", ROLE)


def test_an_organizations_denial_wins(judge: Judge):
    everything = policy("full access", allow("*"))
    denial = policy("no deletes", {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"})
    access = replace(reader(allow("s3:*")), service_controls={"root": (everything, denial)})
    assert asked(judge, access, "s3:GetObject", f"{BUCKET}/a")
    assert not asked(judge, access, "s3:DeleteObject", f"{BUCKET}/a")


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:ReadObject", f"{BUCKET}/a", {}),
        ("s3:GetObject", BUCKET, {}),
        ("s3:GetObject", f"{BUCKET}/a", {"sagemaker:ModelArn": "x"}),
        ("nothing:Do", "*", {}),
    ],
)
def test_a_question_without_sense_is_an_error(judge: Judge, action: str, resource: str, context: dict[str, str]):
    with pytest.raises(BadQuestion, match=action.partition(":")[0]):
        judge.ask(reader(allow("*")), [Question(ROLE, action, resource, context)])


def test_a_policy_that_iam_would_refuse_is_an_error(judge: Judge):
    with pytest.raises(BadQuestion, match="own"):
        asked(judge, reader({"Effect": "Permit", "Action": "s3:*", "Resource": "*"}), "s3:GetObject", f"{BUCKET}/a")


def test_without_node_and_npm_the_message_says_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path))
    monkeypatch.setattr(installed.shutil, "which", lambda name: None)
    monkeypatch.setattr(installed, "HERE", tmp_path / "nowhere")
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "node.txt").write_text("no-such-package ???\n")
    with pytest.raises(JudgeMissing, match="no node 20 or newer with npm on PATH"):
        installed.installed()
    assert not [path for path in (tmp_path / "judge").iterdir() if not path.name.startswith(".")]
