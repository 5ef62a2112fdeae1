"""Rules on keys and secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.documents import allows, principals, statements, words
from modelyard.assess.policy.environments import READ, variables
from modelyard.assess.policy.examples import Of, Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import FUNCTION, KEY, KEY_POLICY, KEY_REPLICA, SECRET, SECRET_ROTATION
from modelyard.core.plaintext import why_secret

_CALLERS: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
    }
)
"""What conditions ask that say who may call."""

_NAMING: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")


def _rotates(key: Subject) -> Iterator[Violation]:
    if key.get("keyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" or key.says("customKeyStoreId"):
        return
    if key.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        return
    if key.get("enableKeyRotation") is not True:
        yield Violation("encrypts with the same material for ever", "enableKeyRotation")


def _not_public(key: Subject) -> Iterator[Violation]:
    for each in statements(key, "policy"):
        if not allows(each):
            continue
        if "NotPrincipal" in each or ("*" in principals(each) and not _names_callers(each)):
            yield Violation("may be used by anybody who has an account with AWS", "policy")


def _names_callers(statement: Any) -> bool:
    for operator, block in statement.get("Condition", {}).items():
        if operator.removeprefix("ForAnyValue:") in _NAMING:
            for key, value in block.items():
                if key.lower() in _CALLERS and "*" not in words(value):
                    return True
    return False


def _changes(secret: Subject) -> Iterator[Violation]:
    for rotation in secret.parts(SECRET_ROTATION, "secretId"):
        if rotation.get("rotationEnabled", True) is True and rotation.says("rotationRules"):
            return
    yield Violation("never changes by itself")


def _nothing_secret(subject: Subject) -> Iterator[Violation]:
    unknown = ""
    for name, value, path in variables(subject):
        if isinstance(value, Secret):
            yield Violation(f"{name} holds a secret, which stands in the environment in plain text", path)
        elif value is UNKNOWN:
            unknown = unknown or path
        elif not str(value).startswith("{{resolve:"):
            why = why_secret(name, value)
            if why:
                yield Violation(f"{name} {why}", path)
    if unknown:
        raise Undecided(unknown)


def _key(*principals: str, **condition: Any) -> Part:
    allow: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Statement": [{**allow, "Condition": condition} if condition else allow]}
    return part(KEY, policy=json.dumps(document), enableKeyRotation=True)


RULES: Final = (
    Rule(
        "kms-rotation",
        Severity.MEDIUM,
        Domain.IDENTITY,
        "Keys rotate",
        "What one copy of the material could decrypt ends at the next rotation. Keys that sign, and keys whose "
        "material isn't KMS's, can't rotate by themselves and are left out.",
        "Enable rotation; nothing has to be encrypted anew.",
        (KEY,),
        _rotates,
        bad=(part(KEY, description="k"),),
        good=(part(KEY, enableKeyRotation=True),),
        maps=("FSBP KMS.4", "CIS 3.6"),
    ),
    Rule(
        "kms-no-public",
        Severity.CRITICAL,
        Domain.IDENTITY,
        "Keys belong to somebody",
        "A key that everybody may use protects nothing.",
        "Name accounts, roles or services as principals, or say in a condition whose callers are meant.",
        (KEY, KEY_POLICY, KEY_REPLICA),
        _not_public,
        bad=(_key("*"),),
        good=(_key("arn:aws:iam::111122223333:root"),),
        maps=("FSBP KMS.5",),
    ),
    Rule(
        "secret-rotation",
        Severity.MEDIUM,
        Domain.IDENTITY,
        "Secrets change by themselves",
        "A password that leaked works until somebody changes it, and by hand nobody does.",
        "Add a SecretRotation whose function changes it where it is used, too.",
        (SECRET,),
        _changes,
        bad=(part(SECRET, name="api"),),
        good=(
            part(SECRET, name="api"),
            part(
                SECRET_ROTATION,
                "rotation",
                secretId=Of("it"),
                rotationLambdaArn="arn:aws:lambda:eu-west-1:111122223333:function:rotates",
                rotationRules={"automaticallyAfterDays": 30},
            ),
        ),
        maps=("FSBP SecretsManager.1",),
    ),
    Rule(
        "no-plaintext-secret-in-env",
        Severity.CRITICAL,
        Domain.IDENTITY,
        "No secret stands in an environment",
        "Whoever may describe a function or a job reads its environment, and so does every log of deployments. "
        "A value that Pulumi keeps secret in its state is written to the environment all the same.",
        "Keep it in Secrets Manager, name it in the environment, and let the program read it.",
        READ,
        _nothing_secret,
        bad=(part(FUNCTION, environment={"variables": {"DB_PASSWORD": "example"}}),),
        good=(part(FUNCTION, environment={"variables": {"DB_SECRET_NAME": "fraud-db"}}),),
        maps=("NIST IA-5",),
    ),
)
