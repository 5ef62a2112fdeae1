"""Rules on what IAM policies allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.policy.documents import words
from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.grants import GRANTING, Statement, condition_keys, documents, on_everything, reaches
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import (
    GROUP_POLICY_ATTACHMENT,
    PERMISSION_SET_MANAGED,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
    USER_POLICY_ATTACHMENT,
)

_WITHOUT_RESOURCES: Final = frozenset(
    {"compute-optimizer", "cost-optimization-hub", "ec2messages", "freetier", "pricing", "ssmmessages"}
)
"""Services of whose actions none takes anything but `*` as its resource."""

_ATTACHMENTS: Final = {
    GROUP_POLICY_ATTACHMENT: "policyArn",
    PERMISSION_SET_MANAGED: "managedPolicyArn",
    ROLE_POLICY_ATTACHMENT: "policyArn",
    USER_POLICY_ATTACHMENT: "policyArn",
}
_OF_AWS: Final = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")
_TOO_MUCH: Final = re.compile(r"AdministratorAccess|PowerUserAccess|IAMFullAccess|\w+FullAccess")
_ANY_ROLE: Final = re.compile(r"\*|arn:[^:]*:iam:[^:]*:[^:]*:(?:role/?)?\*+(?:/\*+)*")
_ANY_KEY: Final = re.compile(r"\*|arn:[^:]*:kms:[^:]*:[^:]*:(?:key/?)?\*+")
_NAMES_KEYS: Final = ("kms:requestalias", "kms:resourcealiases", "aws:resourcetag/")
"""What conditions begin with that say which keys are meant."""


def _all_of(action: str) -> str:
    """The service of which `action` is everything; `*` for all services; empty where it isn't."""
    service, colon, name = action.partition(":")
    if set(name if colon else service) != {"*"}:
        return ""
    return service.lower() if colon else "*"


def _no_wildcard(subject: Subject) -> Iterator[Violation]:
    yield from _attached(subject)
    if subject.node.type not in GRANTING:
        return
    for document in documents(subject):
        for each in document.allowing():
            if each.get("Condition") or not on_everything(each):
                continue
            if "NotAction" in each:
                yield Violation("allows all actions but those that it names, on everything", document.path)
            for service in filter(None, map(_all_of, words(each.get("Action")))):
                if service not in _WITHOUT_RESOURCES:
                    what = "every action" if "*" in service else f"every action of {service}"
                    yield Violation(f"allows {what} on everything", document.path)


def _attached(subject: Subject) -> Iterator[Violation]:
    """Policies of AWS's own that allow a whole service."""
    path = _ATTACHMENTS.get(subject.node.type)
    paths = [path] if path else []
    if subject.node.type == ROLE:
        paths = [f"managedPolicyArns[{index}]" for index in range(len(subject.get("managedPolicyArns", [])))]
    for each in paths:
        found = _OF_AWS.fullmatch(str(subject.get(each)))
        if found and _TOO_MUCH.fullmatch(found[1]):
            yield Violation(
                f"attaches {found[1]}, which AWS wrote to allow everything of an account or of a service", each
            )


def _scoped(subject: Subject) -> Iterator[Violation]:
    for document in documents(subject):
        for each in document.allowing("iam:PassRole"):
            if not reaches(each, "iam", "role"):
                continue
            resources = words(each.get("Resource"))
            if on_everything(each) or any(map(_ANY_ROLE.fullmatch, resources)):
                yield Violation("lets any role be handed to a service, the administrator's included", document.path)
            elif _open(resources) and not document.demands(each, "iam:PassRole", "iam:PassedToService"):
                yield Violation("lets many roles be handed to any service", document.path)


def _open(resources: list[str]) -> bool:
    return any("*" in each or "?" in each for each in resources)


def _names_keys(subject: Subject) -> Iterator[Violation]:
    for document in documents(subject):
        for action in ("kms:Decrypt", "kms:ReEncryptFrom"):
            if any(map(_decrypts_all, document.allowing(action))):
                yield Violation(f"allows {action} with any key", document.path)
                break


def _decrypts_all(statement: Statement) -> bool:
    if any(key.startswith(_NAMES_KEYS) for key in condition_keys(statement)):
        return False
    return on_everything(statement) or any(map(_ANY_KEY.fullmatch, words(statement.get("Resource"))))


def grant(action: str | list[str], resource: str | list[str], **more: Any) -> Part:
    """A role's policy of one statement that allows."""
    allow = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return part(ROLE_POLICY, "policy", role="r", policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))


_ROLES: Final = "arn:aws:iam::111122223333:role/fraud/*"
_KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/a"

RULES: Final = (
    Rule(
        "iam-no-wildcard",
        Severity.HIGH,
        Domain.IDENTITY,
        "Nobody may do everything to everything",
        "Whoever takes over such a role takes over the account. A boundary isn't a grant, and may say it.",
        "Name the actions, or the resources, or a condition.",
        (*GRANTING, *_ATTACHMENTS),
        _no_wildcard,
        bad=(grant("s3:*", "*"),),
        good=(grant(["s3:*"], "arn:aws:s3:::fraud-*"),),
        maps=("NIST AC-6",),
    ),
    Rule(
        "passrole-scoped",
        Severity.HIGH,
        Domain.IDENTITY,
        "Roles are handed to services by name",
        "Whoever may hand any role to a job may do what the strongest role may do.",
        "Name the roles; where a pattern must stand, say to which services they may be handed.",
        GRANTING,
        _scoped,
        bad=(grant("iam:PassRole", "*"),),
        good=(
            grant(
                "iam:PassRole", _ROLES, Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            ),
        ),
        maps=("NIST AC-6",),
    ),
    Rule(
        "decrypt-not-star",
        Severity.MEDIUM,
        Domain.IDENTITY,
        "Nobody decrypts with any key",
        "A key per team divides data only while permissions name the key.",
        "Name the keys, or say in a condition which aliases or tags they bear.",
        GRANTING,
        _names_keys,
        bad=(grant("kms:Decrypt", "*"),),
        good=(grant("kms:Decrypt", _KEY),),
        maps=("FSBP KMS.1", "FSBP KMS.2"),
    ),
)
