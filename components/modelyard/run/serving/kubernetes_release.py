"""What must be there before pods of a version are: their account with its grants, and in production the release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import identity_of
from modelyard.core.component import Component
from modelyard.core.errors import Source
from modelyard.run.serving.kubernetes_pods import ServingIdentity
from modelyard.run.serving.release import released


def when_released(
    owner: Component,
    registry: ModelRegistry,
    account: ServingIdentity,
    *,
    model: str,
    versions: Mapping[int, tuple[str, Source]],
    after: Sequence[pulumi.Resource],
    weights: bool = False,
) -> pulumi.Output[Sequence[pulumi.Resource]]:
    """What pods depend on. `versions`: of each the SHA-256 of its artifact, and where it is named.

    `weights`: whether artifacts are lists of weights. Raises, in production, `InputError` for each version that isn't
    released, or not with this artifact.
    """
    role: Any = identity_of(account)
    first: list[pulumi.Resource] = [*after, account if isinstance(account, pulumi.Resource) else role]
    checked = released(
        owner,
        registry,
        role,
        model=model,
        versions={version: where for version, (_, where) in versions.items()},
        artifacts={version: artifact for version, (artifact, _) in versions.items()},
        weights=weights,
    )
    if checked is None:
        return pulumi.Output.from_input(first)
    return checked.apply(lambda found: [*first, *(each for each in found if each not in first)])
