"""The catalogue: every rule, in the order of its domains."""

from __future__ import annotations

from typing import Final

from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.rules import (
    accelerators,
    buckets,
    ceilings,
    doors,
    endpoints,
    features,
    identity,
    images,
    keys,
    kubernetes_clusters,
    kubernetes_pods,
    kubernetes_security,
    models,
    monitors,
    notebooks,
    operations,
    registry_database,
    training,
)

CATALOGUE: Final[tuple[Rule, ...]] = (
    *buckets.RULES,
    *features.RULES,
    *images.RULES,
    *models.RULES,
    *registry_database.RULES,
    *training.RULES,
    *accelerators.RULES,
    *notebooks.RULES,
    *endpoints.RULES,
    *monitors.RULES,
    *doors.RULES,
    *kubernetes_clusters.RULES,
    *kubernetes_pods.RULES,
    *kubernetes_security.RULES,
    *identity.RULES,
    *keys.RULES,
    *operations.RULES,
    *ceilings.RULES,
)
