"""What each kind of endpoint can do: one table, from which checks, policy and pages are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal

Kind = Literal["instances", "serverless", "asynchronous", "multi_model"]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the service offers for one kind."""

    network: bool
    """Whether the model stands in the team's network."""
    isolation: bool
    """Whether the container can be cut off from every network."""
    gpu: bool
    capture: bool
    """Whether SageMaker keeps requests and answers by itself."""
    own_capture: bool
    """Whether our serving container can keep them."""
    monitors: bool
    """Whether SageMaker's monitoring schedules take it as their input."""
    several_variants: bool
    shadow: bool
    guarded: bool
    """Whether a new model gets its traffic by and by, and alarms bring the old one back."""
    rolling: bool
    """Whether instances are exchanged in batches."""
    scale_to_zero: bool


ABILITIES: Final[Mapping[Kind, Abilities]] = {
    "instances": Abilities(
        network=True,
        isolation=True,
        gpu=True,
        capture=True,
        own_capture=True,
        monitors=True,
        several_variants=True,
        shadow=True,
        guarded=True,
        rolling=True,
        scale_to_zero=False,
    ),
    "serverless": Abilities(
        network=False,
        isolation=False,
        gpu=False,
        capture=False,
        own_capture=True,
        monitors=False,
        several_variants=False,
        shadow=False,
        guarded=False,
        rolling=False,
        scale_to_zero=True,
    ),
    "asynchronous": Abilities(
        network=True,
        isolation=True,
        gpu=True,
        capture=False,
        own_capture=False,
        monitors=False,
        several_variants=False,
        shadow=False,
        guarded=True,
        rolling=True,
        scale_to_zero=True,
    ),
    "multi_model": Abilities(
        network=True,
        isolation=True,
        gpu=True,
        capture=True,
        own_capture=False,
        monitors=False,
        several_variants=False,
        shadow=False,
        guarded=True,
        rolling=True,
        scale_to_zero=False,
    ),
}
"""Sources: sagemaker/latest/dg/serverless-endpoints, "Feature exclusions"; deployment-guardrails-exclusions;
shadow-tests-exclusions; model-monitor, "Model Monitor currently supports"; async-inference-autoscale;
multi-model-endpoints, "Features". Of many models, several variants are possible for the service and not offered here.

Data capture of asynchronous endpoints: each answer is an object of its own in the output place, so nothing is lost.
"""


def can(kind: Kind, ability: str) -> bool:
    """Whether endpoints of this kind have an ability, by its name in the table."""
    return bool(getattr(ABILITIES[kind], ability))


def kinds_with(ability: str) -> list[Kind]:
    """The kinds that have an ability, in the table's order."""
    return [kind for kind in ABILITIES if can(kind, ability)]


def table() -> list[list[str]]:
    """The table as rows of text, its head first, for pages."""
    head = ["kind", *(field.name.replace("_", " ") for field in fields(Abilities))]
    rows = [[kind, *("yes" if can(kind, field.name) else "no" for field in fields(Abilities))] for kind in ABILITIES]
    return [head, *rows]
