"""What the sandbox refuses of model cards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, rules

CARD = "aws:sagemaker/modelCard:ModelCard"


def refused(content: Any) -> str:
    return " ".join(failure.reason for failure in rules.check(CARD, {"content": content}))


def test_a_card_says_what_sagemakers_schema_knows():
    said = {
        "model_overview": {"model_name": "scores", "model_version": 1},
        "intended_uses": {"risk_rating": "Low"},
        "additional_information": {"custom_details": {"a": "b"}},
        "evaluation_details": [{"name": "gates"}],
    }
    assert refused(json.dumps(said)) == ""
    assert refused(UNKNOWN) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no JSON"),
        ("[]", "is no object"),
        (json.dumps({"overview": {}}), "has no section overview"),
        (json.dumps({"intended_uses": {"risk_rating": "Severe"}}), "'Severe' is none of High, Low, Medium, Unknown"),
        (json.dumps({"intended_uses": {"risk": "Low"}}), "intended_uses has no risk"),
        (json.dumps({"model_overview": {"model_name": "x" * 1025}}), "at most 1024 characters"),
        (json.dumps({"business_details": {"business_problem": 7}}), "must be a text"),
    ],
)
def test_everything_else_is_refused(content: str, reason: str):
    assert reason in refused(content)
