"""What a file may not say of features: each fault where it is, with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.feature_views import FEAST, LAKE, VIEW, loaded, recorded, spec

from modelyard import LakeSpec
from modelyard.build.features import FeaturesSpec
from modelyard.core.errors import SpecError


def refused(views: Mapping[str, Any], **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        recorded(loaded(views, **more))
    return str(caught.value)


def without(*fields: str) -> dict[str, Any]:
    return {key: value for key, value in VIEW.items() if key not in fields}


def test_an_unknown_type_a_missing_time_and_a_view_without_source_are_said_at_once():
    said = refused(
        {
            "one": {**VIEW, "features": [{"name": "amount", "type": "decimal"}]},
            "two": without("event_time"),
            "three": without("dataset"),
            "four": {**VIEW, "online": False, "ttl_hours": 24},
            "five": {**VIEW, "features": [VIEW["features"][0], VIEW["features"][0]]},
        }
    )
    assert "views.one.features[0].type: got 'decimal'; is none of the choices. Use 'string'" in said
    assert "views.two.event_time: is required" in said
    assert "views.three.dataset: is required" in said
    assert "views.four.ttl_hours: got 24; lets records go from an online store that the view hasn't" in said
    assert "views.five.features[1].name: got 'amount'; stands already at features[0].name" in said


def test_datasets_columns_and_types_that_the_lake_hasnt_are_said_at_once():
    said = refused(
        {
            "one": {**VIEW, "dataset": "orders"},
            "two": {**VIEW, "features": [{"name": "discount", "type": "float"}]},
            "three": {**VIEW, "features": [{"name": "amount", "type": "integer"}]},
            "four": without("columns"),
        }
    )
    assert "views.one.dataset: got 'orders'; is no dataset of the lake; it has transactions" in said
    assert "views.two.features[0]: got 'discount'; is no column of transactions" in said
    assert "views.three.features[0]: got 'amount'; is double in transactions, and integer here" in said
    assert "views.four.event_time: got 'event_time'; is no column of transactions" in said
    assert "Say which it is: columns.event_time" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"online": False, "offline": False}, "keeps the view nowhere"),
        ({"freshness_minutes": 60}, "is measured by the job that fills the view, and there is none"),
        ({"consistency": {}, "offline": False}, "compares with an offline store that the view hasn't"),
        ({"features": [{"name": "write_time", "type": "string"}]}, "is a column that the stores add themselves"),
        ({"features": [{"name": "customer_id", "type": "string"}]}, r"stands already at entity\[0\].name"),
        ({"columns": {**VIEW["columns"], "nobody": "amount"}}, "is no key, time or feature"),
        ({"version": 2, "previous": {"2": without("owner")}}, "is not older than version 2"),
        ({"version": 2, "previous": {"one": without("owner")}}, "is not older than version 2"),
        ({"version": 2, "previous": {"1": without("owner")}}, "has the schema of version 2"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        recorded(loaded({"customer": {**VIEW, **change}}))


def test_a_schedule_needs_a_job_and_feast_needs_history():
    with pytest.raises(SpecError, match=r"schedule: has no job that does it. Add job"):
        recorded(spec(job=False, customer={**VIEW, "schedule": "rate(1 hour)"}))
    with pytest.raises(SpecError, match="leaves Feast without the history"):
        recorded(spec(FEAST, customer={**VIEW, "offline": False}))
    typed = {**VIEW, "entity": [{"name": "merchant_id", "type": "integer"}]}
    other = {**VIEW, "entity": [{"name": "merchant_id", "type": "string"}]}
    with pytest.raises(SpecError, match=r"is integer at views.one.entity\[0\]"):
        recorded(spec(FEAST, one=typed, two=other))


def test_a_lake_without_the_features_zone_is_told():
    zones = {"zones": {"raw": {}, "curated": {}, "artifacts": {}}}
    lake = LakeSpec.model_validate({**LAKE.model_dump(exclude_defaults=True), **zones})
    with pytest.raises(SpecError, match=r'need the lake\'s zone features. Add "features: \{\}" to the zones'):
        recorded(spec(), lake=lake)


def test_an_image_without_a_digest_is_refused():
    with pytest.raises(ValidationError, match="image"):
        FeaturesSpec.model_validate({"job": {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:latest"}})
