"""Model cards: what their content may say. The service model takes any text; SageMaker takes its own JSON schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from modelyard_sandbox.knowledge.rules.rule import Rule
from modelyard_sandbox.knowledge.values import UNKNOWN

_CARD = "aws:sagemaker/modelCard:ModelCard"
_SCHEMA = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html#model-cards-json-schema"
_TEXTS: Final[Mapping[str, Mapping[str, int]]] = {
    "model_overview": dict.fromkeys(
        (
            "algorithm_type",
            "model_creator",
            "model_description",
            "model_id",
            "model_name",
            "model_owner",
            "problem_type",
        ),
        1024,
    ),
    "intended_uses": dict.fromkeys(
        (
            "explanations_for_risk_rating",
            "factors_affecting_model_efficiency",
            "intended_uses",
            "purpose_of_model",
            "risk_rating",
        ),
        2048,
    ),
    "business_details": dict.fromkeys(("business_problem", "business_stakeholders", "line_of_business"), 2048),
    "additional_information": dict.fromkeys(("caveats_and_recommendations", "ethical_considerations"), 2048),
}
"""Sections of texts, each with its longest."""
_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "model_overview": ("inference_environment", "model_artifact", "model_version"),
    "additional_information": ("custom_details",),
}
_SECTIONS: Final = (*_TEXTS, "evaluation_details", "model_package_details", "training_details")
_RISKS: Final = ("High", "Low", "Medium", "Unknown")


def _content(text: Any) -> str | None:
    if text == UNKNOWN:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return "is no JSON"
    if not isinstance(said, dict):
        return "is no object"
    found = cast(dict[str, Any], said)
    unknown = sorted(found.keys() - set(_SECTIONS))
    if unknown:
        return f"a model card has no section {', '.join(unknown)}; it has {', '.join(sorted(_SECTIONS))}"
    for section, texts in _TEXTS.items():
        reason = _section(section, found.get(section, {}), texts)
        if reason:
            return reason
    risk = found.get("intended_uses", {}).get("risk_rating", "Unknown")
    return None if risk in _RISKS else f"intended_uses.risk_rating {risk!r} is none of {', '.join(_RISKS)}"


def _section(section: str, said: Mapping[str, Any], texts: Mapping[str, int]) -> str | None:
    for name, value in said.items():
        if name in _OTHERS.get(section, ()):
            continue
        if name not in texts:
            return f"{section} has no {name}"
        if not isinstance(value, str) or len(value) > texts[name]:
            return f"{section}.{name} must be a text of at most {texts[name]} characters"
    return None


RULES: Sequence[Rule] = (Rule(_CARD, "content", _content, _SCHEMA),)
