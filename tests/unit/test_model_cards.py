"""What a model's card says, in the form that SageMaker takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cfnlint
import jsonschema
import pytest

from modelyard import Context, KnownAudit, KnownKeys, ModelRegistry, RegistrySpec
from modelyard.assess.graph import record
from modelyard.build.registry.cards import content
from modelyard.core.errors import SpecError
from modelyard_sandbox.knowledge import rules

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
CARD = {
    "purpose": "Finds fraud",
    "intended_uses": "Card payments up to 5,000 EUR; not for loans",
    "risk": "high",
    "risk_because": "It blocks people's payments",
    "factors": "Holidays",
    "business_problem": "Fraud",
    "stakeholders": "Payments",
    "line_of_business": "Cards",
    "ethics": "Checked by age band",
    "caveats": "A person decides above 1,000 EUR",
}
SCORES: dict[str, Any] = {
    "description": "Scores payments",
    "owner": "ada@acme.example",
    "metrics": ["recall", "gap"],
    "gates": {
        "recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8},
        "fair-by-age": {"kind": "bias", "metric": "gap", "attribute": "age", "slice": {"country": "de"}},
    },
}


def a_spec(**changes: Any) -> RegistrySpec:
    return RegistrySpec.model_validate({"models": {"scores": {**SCORES, **changes}}})


def the_card(spec: RegistrySpec) -> dict[str, Any]:
    def program() -> None:
        keys = KnownKeys({"default": "arn:aws:kms:eu-west-1:123456789012:key/0"})
        ModelRegistry("registry", spec, context=CONTEXT, keys=keys, audit=KnownAudit(CONTEXT))

    graph = record(program, project="p", stack="s", region=CONTEXT.region)
    (found,) = [node for node in graph.nodes if node.type == "aws:sagemaker/modelCard:ModelCard"]
    return dict(found.properties)


def schema() -> dict[str, Any]:
    """CloudFormation's schema of a card's content; its names are those of SageMaker's, written otherwise."""
    folder = Path(cfnlint.__file__).parent / "data" / "schemas"
    name = json.loads((folder / "providers" / "eu-west-1.json").read_text())["AWS::SageMaker::ModelCard"]
    whole = json.loads((folder / "resources" / f"{name}.json").read_text())
    # Of tags, whose pattern is none of Python's, a content has none.
    definitions = {name: said for name, said in whole["definitions"].items() if name != "Tag"}
    return {**whole["definitions"]["Content"], "definitions": definitions}


def pascal(value: Any) -> Any:
    """Names of sections and fields as CloudFormation writes them; keys of metadata stay."""
    if isinstance(value, list):
        return [pascal(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join(part.capitalize() for part in key.split("_")): item if key == "metadata" else pascal(item)
        for key, item in value.items()
    }


@pytest.mark.parametrize("changes", [{}, {"card": CARD}, {"gates": {}, "ungated_because": "lawyers decide"}])
def test_a_card_is_what_sagemakers_schema_takes(changes: dict[str, Any]):
    said = content("scores", a_spec(**changes).models["scores"], "fraud")
    jsonschema.validate(pascal(said), schema())
    assert not rules.check("aws:sagemaker/modelCard:ModelCard", {"content": json.dumps(said)})


def test_the_schema_refuses_what_it_doesnt_know():
    said = content("scores", a_spec(card=CARD).models["scores"], "fraud")
    said["intended_uses"]["risk_rating"] = "Severe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(pascal(said), schema())


def test_a_card_says_who_answers_what_for_and_what_must_hold():
    said = content("scores", a_spec(card=CARD).models["scores"], "fraud")
    assert said["model_overview"]["model_owner"] == "ada@acme.example"
    assert said["intended_uses"]["risk_rating"] == "High"
    (gates,) = said["evaluation_details"]
    assert gates["metadata"] == {"gate_recall": "recall ≥ 0.8", "gate_fair_by_age": "gap ≤ 0.1, country de"}


def test_what_nobody_said_is_left_out():
    said = content("scores", a_spec().models["scores"], "fraud")
    assert "business_details" not in said
    assert said["intended_uses"] == {"purpose_of_model": "Scores payments", "risk_rating": "Unknown"}


def test_a_card_is_encrypted_and_a_draft_until_the_risk_is_rated():
    card = the_card(a_spec())
    assert card["securityConfig"] == {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0"}
    assert (card["modelCardStatus"], card["modelCardName"]) == ("Draft", "ml-dev-fraud-registry-scores")
    assert the_card(a_spec(card=CARD))["modelCardStatus"] == "Approved"


@pytest.mark.parametrize(
    ("card", "missing"), [({"risk": "low"}, ": risk_because: "), ({"risk_because": "so"}, ": risk: ")]
)
def test_a_rating_has_a_reason(card: dict[str, str], missing: str):
    with pytest.raises(SpecError, match="a rating and its reason go together") as caught:
        the_card(a_spec(card=card))
    assert missing in str(caught.value)
