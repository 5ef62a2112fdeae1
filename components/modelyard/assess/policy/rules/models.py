"""Rules on models, their versions, and who may release them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.documents import allows, principals, read, statements, words
from modelyard.assess.policy.examples import Of, Part, part
from modelyard.assess.policy.grants import Statement, covers, documents, on_everything, values_of
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.sagemaker import MODELS, containers, part_of, told
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    INFERENCE_COMPONENT,
    MODEL,
    MODEL_CARD,
    MODEL_GROUP,
    MODEL_GROUP_POLICY,
    MODEL_PACKAGE,
    POLICY,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
)

_REGISTER: Final = "sagemaker:CreateModelPackage"
_APPROVE: Final = "sagemaker:UpdateModelPackage"
_STATUS: Final = "sagemaker:ModelApprovalStatus"
_BUT_FOR: Final = ("ArnNotEquals", "ArnNotLike", "StringNotEquals", "StringNotLike")
_DOES_BOTH: Final = ("AdministratorAccess", "AmazonSageMakerFullAccess", "PowerUserAccess")
"""Managed policies of AWS's under which one role registers and approves."""
_EVERYTHING: Final = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}

_LINEAGE: Final[Mapping[str, frozenset[str]]] = {
    "dataset": frozenset({"dataset", "snapshot"}),
    "commit": frozenset({"commit", "revision"}),
    "run": frozenset({"run", "execution", "job"}),
}
"""What must be said of a model, and words of the names under which it may be."""
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WHO: Final = frozenset({"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"})


def _released(model: Subject) -> Iterator[Violation]:
    """A model of production is a version of a registry; of one that the stack makes, its approval is seen as well."""
    if not model.around.production:
        return
    if model.node.kind == INFERENCE_COMPONENT:
        if model.says("Specification.Container"):
            yield Violation("serves a container that is no version of a registry", "Specification.Container")
        return
    for path, container in containers(model):
        if container is UNKNOWN:
            raise Undecided(path)
        if part_of(container, "modelPackageName") in (None, ""):
            yield Violation("serves what nobody approved: it is no version of a registry", path)
    by_urn = model.stack.graph.by_urn
    for urn in model.node.dependencies:
        if urn in by_urn and by_urn[urn].kind == MODEL_PACKAGE:
            version = Subject(model.stack, by_urn[urn])
            if version.get("ModelApprovalStatus") != "Approved":
                yield Violation(f"serves {version.name}, which isn't approved")


def _signed(group: Subject) -> Iterator[Violation]:
    """What releases models may sign, and something else may check it: both are permissions of the group's stack."""
    found, hidden = group.stack.once(_key_uses)
    lacking = [use for use in ("kms:Sign", "kms:Verify") if use not in found]
    if lacking and hidden:
        raise Undecided(hidden)
    if "kms:Sign" in lacking:
        yield Violation("holds models that nobody signs: no role may use a key to sign")
    elif lacking:
        yield Violation("holds models whose signatures nobody checks: no role may use a key to verify")


def _key_uses(stack: Stack) -> tuple[frozenset[str], str]:
    """How roles may use keys, as statements say it that speak of nothing wider; and what can't be read yet."""
    found, hidden = set[str](), ""
    for policy in stack.subjects(POLICY, ROLE, ROLE_POLICY):
        try:
            for document in documents(policy):
                for statement in document.allowing():
                    named = json.dumps(statement.get("Action", "")).lower()
                    if "kms:sign" in named:
                        found.add("kms:Sign")
                    if "kms:verify" in named or "kms:getpublickey" in named:
                        found.add("kms:Verify")
        except Undecided as open_:
            hidden = open_.path
    return frozenset(found), hidden


def _one_of_two(role: Subject) -> Iterator[Violation]:
    """No role both registers versions and approves them."""
    hidden = ""
    granted: list[Statement] = []
    for policy in _policies(role):
        if isinstance(policy, str):
            if ":iam::aws:" not in policy:
                hidden = "policyArn"
            elif policy.rpartition("/")[2] in _DOES_BOTH:
                granted.append(_EVERYTHING)
            continue
        try:
            granted += [each for document in documents(policy) for each in document.statements]
        except Undecided as open_:
            hidden = open_.path
    granted += _boundary(role)
    if hidden and not any(_denied(each, action, role) for each in granted for action in (_REGISTER, _APPROVE)):
        raise Undecided(hidden)
    if all(_may(granted, action, role) for action in (_REGISTER, _APPROVE)):
        yield Violation("may register versions of models, and approve its own")


def _policies(role: Subject) -> Iterator[Subject | str]:
    """A role's policies; of those that the stack hasn't got, their ARNs."""
    yield role
    yield from role.parts(ROLE_POLICY, "role")
    arns: list[Any] = [role.get(f"managedPolicyArns[{i}]", "") for i in range(len(role.get("managedPolicyArns", [])))]
    by_arn, by_urn = role.stack.once(_by_arn), role.stack.graph.by_urn
    for attachment in role.parts(ROLE_POLICY_ATTACHMENT, "role"):
        urns = attachment.node.property_dependencies.get("policyArn", ())
        made = [by_urn[urn] for urn in urns if urn in by_urn and by_urn[urn].type == POLICY]
        yield from (Subject(role.stack, node) for node in made)
        arns += [] if made else [attachment.get("policyArn", "")]
    for arn in arns:
        yield by_arn.get(arn, arn)


def _by_arn(stack: Stack) -> Mapping[str, Subject]:
    return {str(policy.node.outputs.get("arn")): policy for policy in stack.subjects(POLICY)}


def _boundary(role: Subject) -> Iterator[Statement]:
    """What the role's boundary denies, where the stack has it."""
    by_urn = role.stack.graph.by_urn
    for urn in role.node.property_dependencies.get("permissionsBoundary", ()):
        if urn in by_urn and by_urn[urn].type == POLICY:
            found = statements(Subject(role.stack, by_urn[urn]), "policy")
            yield from (each for each in found if each.get("Effect") == "Deny")


def _may(granted: Iterable[Statement], action: str, role: Subject) -> bool:
    granted = list(granted)
    if any(_denied(each, action, role) for each in granted):
        return False
    return any(allows(each) and covers(each, action) and (action != _APPROVE or _to_approved(each)) for each in granted)


def _denied(statement: Statement, action: str, role: Subject) -> bool:
    """Whether a statement takes `action` from the role on everything; of approving, the approval is enough."""
    if statement.get("Effect") != "Deny" or not covers(statement, action) or not on_everything(statement):
        return False
    for operator, block in statement.get("Condition", {}).items():
        for key, value in block.items():
            if key.lower() == _STATUS.lower() and action == _APPROVE:
                holds = operator in ("StringEquals", "StringLike") and "Approved" in words(value)
            elif key.lower() == "aws:principalarn" and operator in _BUT_FOR:
                holds = not any(fnmatchcase(_arn(role), each) for each in words(value))
            else:
                holds = False
            if not holds:
                return False
    return True


def _arn(role: Subject) -> str:
    arn = role.node.outputs.get("arn")
    if isinstance(arn, str):
        return arn
    return f"arn:aws:iam::{role.around.account}:role{role.get('path', '/')}{role.get('name', '')}"


def _to_approved(statement: Statement) -> bool:
    """Whether what it lets one write may be an approval."""
    statuses = values_of(statement, _STATUS)
    return not statuses or "Approved" in statuses


def _known_people(policy: Subject) -> Iterator[Violation]:
    for statement in statements(policy, "resourcePolicy"):
        asked = {key.lower() for block in statement.get("Condition", {}).values() for key in block}
        if allows(statement) and "*" in principals(statement) and not asked & _WHO:
            yield Violation("lets every account of AWS read or change the group", "resourcePolicy")


def _traced(model: Subject) -> Iterator[Violation]:
    """A model from a registry has its lineage there; any other, and a version itself, must bear it."""
    if model.node.kind == MODEL_PACKAGE:
        tags: list[Any] = model.get("Tags", [])
        names = {*model.get("CustomerMetadataProperties", {}), *(each.get("Key", "") for each in tags)}
        path = "CustomerMetadataProperties"
    else:
        found = list(containers(model))
        if any(container is UNKNOWN for _, container in found):
            raise Undecided(found[0][0])
        if found and all(part_of(container, "modelPackageName") for _, container in found):
            return
        names, path = set(_tags(model)), "tags"
    words_of = {word.lower() for name in names for word in _WORD.findall(name)}
    lacking = [what for what, known in _LINEAGE.items() if not words_of & known]
    if lacking:
        yield Violation(f"doesn't say from which {', '.join(lacking)} it comes", path)


def _tags(model: Subject) -> Iterable[str]:
    if model.node.kind == MODEL:
        return {**told(model, "tagsAll", {}), **told(model, "tags", {})}
    tags: list[Any] = model.get("Tags", [])
    return [each.get("Key", "") for each in tags]


def _described(group: Subject) -> Iterator[Violation]:
    name = group.get("modelPackageGroupName")
    for card in group.stack.subjects(MODEL_CARD):
        content: Mapping[str, Any] = read(card, "content")
        overview: Mapping[str, Any] = content.get("model_overview", {})
        details: Mapping[str, Any] = content.get("model_package_details", {})
        called = (card.get("modelCardName"), overview.get("model_name"), details.get("model_package_group_name"))
        if name not in called and group.node.urn not in card.node.dependencies:
            continue
        if not content.get("intended_uses", {}).get("purpose_of_model"):
            yield Violation(f"is described by {card.name}, which doesn't say what the model is for")
        return
    yield Violation("has no model card: nobody outside knows what its models are for")


def _statement(*actions: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def _policy(name: str, *actions: str, role: str = "it") -> Part:
    return part(ROLE_POLICY, name, role=Of(role), policy=_statement(*actions))


def _open_to(principal: str) -> Part:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sagemaker:*", "Resource": "*"}
    policy = json.dumps({"Statement": [statement]})
    return part(MODEL_GROUP_POLICY, "policy", modelPackageGroupName="scores", resourcePolicy=policy)


_GROUP: Final = part(MODEL_GROUP, "group", modelPackageGroupName="scores")
_PACKAGE: Final = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/scores/1"
_ARTIFACTS: Final = {"image": "a/b@sha256:c", "modelDataUrl": "s3://artifacts/model.tar.gz"}
_RELEASED: Final = part(MODEL, "model", primaryContainer={"modelPackageName": _PACKAGE})
_BY_HAND: Final = part(MODEL, "model", primaryContainer=_ARTIFACTS)
_ROLE: Final = part(ROLE, assumeRolePolicy="{}")
_PURPOSE: Final = {"intended_uses": {"purpose_of_model": "How likely an event is fraudulent."}}


RULES: Final = (
    Rule(
        "model-artifact-signed",
        Severity.HIGH,
        Domain.REGISTRY,
        "Models are signed when they are released, and checked",
        "Weights are a file in a bucket. Only a signature says that what serves is what was approved.",
        "Sign releases by a key that nothing else may use, and let a role that serves or watches verify them.",
        (MODEL_GROUP,),
        _signed,
        bad=(_GROUP, _ROLE, _policy("work", "s3:GetObject")),
        good=(_GROUP, _ROLE, _policy("sign", "kms:Sign"), _policy("check", "kms:Verify")),
        maps=("NIST SI-7", "AIA 15"),
    ),
    Rule(
        "prod-requires-approved-package",
        Severity.CRITICAL,
        Domain.REGISTRY,
        "Models of production are approved versions of a registry",
        "An image with weights beside a registry has passed no gate, and no person has answered for it.",
        "Register the model, have it approved, and name its version (modelPackageName) in the model's container.",
        (*MODELS, INFERENCE_COMPONENT),
        _released,
        bad=(_BY_HAND,),
        good=(_RELEASED,),
        maps=("AIA 14", "RMF GOVERN"),
    ),
    Rule(
        "approver-is-not-author",
        Severity.HIGH,
        Domain.REGISTRY,
        "No role both registers and approves models",
        "Who may do both releases alone whatever they made.",
        "Let pipelines register, and another role approve; or deny one of both.",
        (ROLE,),
        _one_of_two,
        bad=(_ROLE, _policy("work", _REGISTER, _APPROVE)),
        good=(_ROLE, _policy("work", _REGISTER)),
        maps=("NIST AC-5", "SOC 2 CC6.3"),
    ),
    Rule(
        "model-group-policy-not-public",
        Severity.CRITICAL,
        Domain.REGISTRY,
        "Groups of models are open to known accounts alone",
        "Weights tell of the data they were trained on, and who may change a group may release a model.",
        "Name accounts or roles in the group's policy, or ask for the organization by a condition.",
        (MODEL_GROUP_POLICY,),
        _known_people,
        bad=(_open_to("*"),),
        good=(_open_to("111122223333"),),
        maps=("NIST AC-3",),
    ),
    Rule(
        "lineage-tags",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Models say which dataset, commit and run they come from",
        "A model that does harm must be traced to its data and its code, and trained again without the fault. "
        "A model that is a version of a registry has its lineage there.",
        "Tag the model, or describe the version, with dataset, commit and run.",
        (*MODELS, MODEL_PACKAGE),
        _traced,
        bad=(_BY_HAND,),
        good=(
            part(
                MODEL,
                primaryContainer=_ARTIFACTS,
                tags={"dataset": "events@2f1c", "commit": "9ad3", "run": "scores-0412"},
            ),
        ),
        maps=("AIA 11", "AIA 12", "RMF MAP"),
    ),
    Rule(
        "model-card-present",
        Severity.MEDIUM,
        Domain.REGISTRY,
        "Every group of models has a card that says what they are for",
        "Who is to use a model must know what for, and what it isn't for.",
        "Add a model card with the group's name, and say the purpose under intended_uses.",
        (MODEL_GROUP,),
        _described,
        bad=(_GROUP,),
        good=(
            _GROUP,
            part(
                MODEL_CARD,
                "card",
                modelCardName="scores",
                modelCardStatus="Draft",
                content=json.dumps({"model_overview": {"model_name": "scores"}, **_PURPOSE}),
            ),
        ),
        maps=("AIA 11", "AIA 13"),
    ),
)
