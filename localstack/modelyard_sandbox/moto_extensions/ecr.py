"""ECR: rules of the pull-through cache, which are the whole registry's."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecr.models import ECRBackend
from moto.ecr.responses import ECRResponse


def _rules(backend: ECRBackend) -> dict[str, dict[str, Any]]:
    """The rules by their prefix."""
    if not hasattr(backend, "cache_rules"):
        backend.cache_rules = {}  # type: ignore[attr-defined]
    return backend.cache_rules  # type: ignore[attr-defined]


def _rule(response: Any) -> dict[str, Any]:
    prefix = response._get_param("ecrRepositoryPrefix")
    found = _rules(response.ecr_backend).get(prefix)
    if found is None:
        raise JsonRESTError("PullThroughCacheRuleNotFoundException", f"No rule with prefix '{prefix}' exists")
    return found


def create_pull_through_cache_rule(self: Any) -> ActionResult:
    """CreatePullThroughCacheRule, which takes no prefix twice."""
    rules, prefix = _rules(self.ecr_backend), self._get_param("ecrRepositoryPrefix")
    if prefix in rules:
        raise JsonRESTError("PullThroughCacheRuleAlreadyExistsException", f"A rule with prefix '{prefix}' exists")
    now = utcnow().timestamp()
    given = {
        key: self._get_param(key)
        for key in ("upstreamRegistryUrl", "upstreamRegistry", "credentialArn", "customRoleArn")
        if self._get_param(key) is not None
    }
    rules[prefix] = {
        "ecrRepositoryPrefix": prefix,
        "registryId": self.current_account,
        "upstreamRepositoryPrefix": self._get_param("upstreamRepositoryPrefix") or "ROOT",
        "createdAt": now,
        "updatedAt": now,
        **given,
    }
    return ActionResult(rules[prefix])


def describe_pull_through_cache_rules(self: Any) -> ActionResult:
    """DescribePullThroughCacheRules."""
    rules, wanted = _rules(self.ecr_backend), self._get_param("ecrRepositoryPrefixes")
    missing = [prefix for prefix in wanted or () if prefix not in rules]
    if missing:
        raise JsonRESTError("PullThroughCacheRuleNotFoundException", f"No rule with prefix '{missing[0]}' exists")
    return ActionResult({"pullThroughCacheRules": [rules[prefix] for prefix in wanted or rules]})


def update_pull_through_cache_rule(self: Any) -> ActionResult:
    """UpdatePullThroughCacheRule: credentials and role alone."""
    found = _rule(self)
    for key in ("credentialArn", "customRoleArn"):
        if self._get_param(key) is not None:
            found[key] = self._get_param(key)
    found["updatedAt"] = utcnow().timestamp()
    return ActionResult(found)


def delete_pull_through_cache_rule(self: Any) -> ActionResult:
    """DeletePullThroughCacheRule; repositories that were filled through it stay."""
    found = _rule(self)
    del _rules(self.ecr_backend)[found["ecrRepositoryPrefix"]]
    return ActionResult(found)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_pull_through_cache_rule,
        describe_pull_through_cache_rules,
        update_pull_through_cache_rule,
        delete_pull_through_cache_rule,
    ):
        setattr(ECRResponse, operation.__name__, operation)
