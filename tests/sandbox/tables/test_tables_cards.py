"""Model cards through their whole life."""

from __future__ import annotations

import json
from typing import Any

CARD = "aws:sagemaker/modelCard:ModelCard"
KEY = {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0"}


def content(purpose: str = "scores payments") -> str:
    return json.dumps({"intended_uses": {"purpose_of_model": purpose, "risk_rating": "Low"}})


def test_a_card_lives_and_dies(cloud: Any) -> None:
    card = cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content(), securityConfig=KEY)
    assert card.id == "scores"
    assert card["modelCardArn"].endswith(":model-card/scores")
    card.update(content=content("scores card payments"), modelCardStatus="Approved")
    assert cloud.client("sagemaker").describe_model_card(ModelCardName="scores")["ModelCardVersion"] == 2
    card.update(tags={"team": "fraud"})
    card.delete()


def test_the_same_content_in_other_words_is_no_change(cloud: Any) -> None:
    card = cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content())
    close = json.dumps(json.loads(content()), separators=(",", ":"))
    assert card.forecast(content=close).changed == set()


def test_another_name_or_key_is_another_card(cloud: Any) -> None:
    card = cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content(), securityConfig=KEY)
    assert card.forecast(modelCardName="others").replaces == {"modelCardName"}
    other = {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1"}
    assert card.forecast(securityConfig=other).replaces == {"securityConfig"}


def test_a_card_that_somebody_changed_or_deleted_is_seen(cloud: Any) -> None:
    card = cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content())
    client = cloud.client("sagemaker")
    client.update_model_card(ModelCardName="scores", Content=content("anything"), ModelCardStatus="Draft")
    found = card.read()
    assert found is not None and "anything" in found.state["content"]
    client.delete_model_card(ModelCardName="scores")
    assert card.read() is None


def test_what_is_no_card_is_refused(cloud: Any) -> None:
    cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content())
    assert "already exists" in cloud.refused(CARD, modelCardName="scores", modelCardStatus="Draft", content=content())


def test_the_tagging_api_finds_a_card_once_however_often_it_changed(cloud: Any) -> None:
    card = cloud.make(CARD, modelCardName="scores", modelCardStatus="Draft", content=content(), tags={"team": "fraud"})
    card.update(content=content("scores card payments"))
    filters = [{"Key": "team", "Values": ["fraud"]}]
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=filters)["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in found] == [card["modelCardArn"]]
