"""Model cards: what a team's file says of a model, in the form that SageMaker's JSON schema takes."""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.registry.spec import ModelSpec
from modelyard.core.component import Component

_RATINGS: Final = {"high": "High", "medium": "Medium", "low": "Low", "unknown": "Unknown"}
_LONGEST: Final = 1024
"""Characters of a value of metadata."""


def content(name: str, spec: ModelSpec, team: str) -> dict[str, Any]:
    """The content of a model's card; what nothing was said of is left out.

    Source: sagemaker/latest/dg/model-cards, "Model card JSON schema".
    """
    card = spec.card
    sections: dict[str, Any] = {
        "model_overview": {
            "model_name": name,
            "model_description": spec.description,
            "model_owner": spec.owner,
            "model_creator": team,
        },
        "intended_uses": {
            "purpose_of_model": card.purpose or spec.description,
            "intended_uses": card.intended_uses,
            "factors_affecting_model_efficiency": card.factors,
            "risk_rating": _RATINGS[card.risk],
            "explanations_for_risk_rating": card.risk_because,
        },
        "business_details": {
            "business_problem": card.business_problem,
            "business_stakeholders": card.stakeholders,
            "line_of_business": card.line_of_business,
        },
        "additional_information": {
            "ethical_considerations": card.ethics,
            "caveats_and_recommendations": card.caveats,
        },
        "evaluation_details": [_gates(spec)],
    }
    said = {name: _said(section) for name, section in sections.items()}
    return {name: section for name, section in said.items() if section}


def _said(section: Any) -> Any:
    return {key: value for key, value in section.items() if value} if isinstance(section, dict) else section


def _gates(spec: ModelSpec) -> dict[str, Any]:
    """What a version must show before it is released; what it did show stands in its signed record."""
    if not spec.gates:
        return {"name": "release gates", "evaluation_observation": f"None is declared: {spec.ungated_because}"}
    asked = {f"gate_{name.replace('-', '_')}": gate.value.asks[:_LONGEST] for name, gate in sorted(spec.gates.items())}
    return {
        "name": "release gates",
        "evaluation_observation": "A version is released only where each of these holds, and a person approves it.",
        "metadata": asked,
    }


def model_card(
    registry: Component, name: str, spec: ModelSpec, *, card_name: str, key_arn: pulumi.Output[str]
) -> aws.sagemaker.ModelCard:
    """The card of one model. It is approved with the file that says it, once somebody has rated the risk."""
    return aws.sagemaker.ModelCard(
        registry.written_at(f"{name}-card", spec.source("card")),
        model_card_name=card_name,
        model_card_status="Draft" if spec.card.risk == "unknown" else "Approved",
        content=json.dumps(content(name, spec, registry.context.owner), sort_keys=True, separators=(",", ":")),
        security_config={"kms_key_id": key_arn},
        opts=registry.options(),
    )
