"""What Check does to inputs: default tags, documents as text, the automatic name, and the verdict on the rest."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from typing import Any, Final

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.aws.declare import Name, Type
from modelyard_sandbox.plugins.answers import Refusal
from modelyard_sandbox.plugins.values import Properties

DEFAULTED: Final = "__defaults"
_SUFFIX_LENGTH: Final = 7


def complete(
    declared: Type, urn: str, olds: Properties, news: Properties, seed: bytes, default_tags: Mapping[str, str]
) -> Properties:
    """`news` (plain) with the provider's default tags, documents as JSON texts, and a name where none is given.

    An automatic name is kept from `olds`; `__defaults` lists what was filled in, as the real provider does.
    """
    inputs = {key: value for key, value in news.items() if key != DEFAULTED and value is not None}
    if declared.tags and default_tags and inputs.get("tags") != UNKNOWN:
        inputs["tags"] = {**default_tags, **(inputs.get("tags") or {})}
    for prop in declared.json:
        if isinstance(inputs.get(prop), Mapping):
            inputs[prop] = json.dumps(inputs[prop])
    naming = declared.name
    if naming and inputs.get(naming.property) is None:
        kept = olds.get(naming.property) if naming.property in (olds.get(DEFAULTED) or ()) else None
        inputs[naming.property] = kept or automatic_name(naming, urn, inputs, seed)
        inputs[DEFAULTED] = [naming.property]
    return inputs


def automatic_name(naming: Name, urn: str, inputs: Mapping[str, Any], seed: bytes) -> str:
    """The given prefix or the resource's name, and characters drawn from the engine's seed."""
    prefix = inputs.get(naming.prefix) if naming.prefix else None
    if prefix == UNKNOWN:
        return UNKNOWN
    drawn = random.Random(hashlib.sha256(seed or urn.encode()).digest())
    suffix = "".join(drawn.choices("0123456789abcdef", k=_SUFFIX_LENGTH)) + naming.suffix
    start = prefix if prefix is not None else naming.start + urn.rpartition("::")[2] + "-"
    name = start[: naming.limit - len(suffix)] + suffix
    return name.lower() if naming.lower else name


def refusals(token: str, inputs: Properties) -> list[Refusal]:
    """What the real provider or AWS would refuse about completed inputs."""
    from modelyard_sandbox import knowledge

    judged = {key: value for key, value in inputs.items() if key != DEFAULTED}
    return [Refusal(failure.property, failure.reason) for failure in knowledge.check(token, judged)]
