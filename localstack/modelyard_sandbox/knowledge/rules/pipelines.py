"""Image repositories and training pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, exactly_one, known
from modelyard_sandbox.knowledge.values import contains_unknown

_REPOSITORY = "aws:ecr/repository:Repository"
_LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
_CACHE = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
_PIPELINE = "aws:sagemaker/pipeline:Pipeline"
_LIFECYCLE_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
_CACHE_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html"
_ENCRYPTION_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EncryptionConfiguration.html"
_DEFINITION_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/define-pipeline.html"
_CREATE_PIPELINE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePipeline.html"

_WITH_CREDENTIALS = ("ghcr.io", "registry-1.docker.io", "registry.gitlab.com")
_STEPS = (
    "AutoML", "Callback", "ClarifyCheck", "Condition", "EMR", "EMRServerless", "Fail", "Lambda", "Model", "Processing",
    "QualityCheck", "RegisterModel", "Training", "Transform", "Tuning",
)  # fmt: skip


def _one_rule_for_any(text: Any) -> str | None:
    """`any` is looked at last, and once."""
    found = _read(text)
    if not isinstance(found, Mapping):
        return None if found is None else "must be a JSON object"
    rules = [rule for rule in found.get("rules", []) if isinstance(rule, Mapping)]
    priorities = [int(rule.get("rulePriority", 0)) for rule in rules]
    if len(set(priorities)) != len(priorities):
        return "two rules have the same rulePriority"
    of_any = [int(r.get("rulePriority", 0)) for r in rules if r.get("selection", {}).get("tagStatus") == "any"]
    if len(of_any) > 1:
        return "more than one rule selects tagStatus any"
    if of_any and of_any[0] != max(priorities):
        return "the rule that selects tagStatus any must have the highest rulePriority"
    return None


def _credentials(rule: Mapping[str, Any]) -> str | None:
    upstream = known(rule, "upstreamRegistryUrl")
    if upstream in _WITH_CREDENTIALS and rule.get("credentialArn") is None:
        return f"{upstream} takes nobody without a credentialArn"
    return None


def _key_needs_kms(repository: Mapping[str, Any]) -> str | None:
    for each in repository.get("encryptionConfigurations") or ():
        if isinstance(each, Mapping) and each.get("kmsKey") and known(each, "encryptionType") == "AES256":
            return "kmsKey is for encryptionType KMS"
    return None


def _definition(text: Any) -> str | None:
    found = _read(text)
    if found is None:
        return None
    return next(_faults(found), None) if isinstance(found, Mapping) else "must be a JSON object"


def _faults(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("Version") != "2020-12-01":
        yield f"Version is {found.get('Version')!r}, and the only one is 2020-12-01"
    steps = found.get("Steps")
    if not isinstance(steps, Sequence) or not steps:
        yield "has no Steps"
        return
    names = [step.get("Name") for step in steps]
    for index, step in enumerate(steps):
        if step.get("Type") not in _STEPS:
            yield f"step {step.get('Name')!r} is of type {step.get('Type')!r}, which is none"
        if step.get("Name") in names[:index]:
            yield f"two steps are called {step.get('Name')!r}"
        for other in step.get("DependsOn", []):
            if other not in names:
                yield f"step {step.get('Name')!r} depends on {other!r}, which is no step"
    parameters = [each.get("Name") for each in found.get("Parameters", [])]
    for got in _gets(steps):
        kind, _, rest = got.partition(".")
        wanted = {"Parameters": parameters, "Steps": names}.get(kind)
        if wanted is not None and rest.split(".")[0] not in wanted:
            yield f"gets {got}, which is nowhere"


def _gets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        for each in value.values():
            yield from _gets(each)
    elif isinstance(value, list):
        for each in value:
            yield from _gets(each)


def _read(text: Any) -> Any:
    """The JSON, or None where it isn't known yet; what is no JSON is an empty text."""
    if not isinstance(text, str):
        return text
    if contains_unknown(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ""


RULES: Sequence[Rule] = (
    Rule(_REPOSITORY, "", _key_needs_kms, _ENCRYPTION_PAGE),
    Rule(_LIFECYCLE, "policy", _one_rule_for_any, _LIFECYCLE_PAGE),
    Rule(_CACHE, "", _credentials, _CACHE_PAGE),
    Rule(_PIPELINE, "", exactly_one("pipelineDefinition", "pipelineDefinitionS3Location"), _CREATE_PIPELINE),
    Rule(_PIPELINE, "pipelineDefinition", _definition, _DEFINITION_PAGE),
)
