"""The component package: its schema, and what is said of arguments that it can't take."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import modelyard.remote
from modelyard.core.errors import InputError, SpecError
from modelyard.remote import components
from modelyard.remote.provider import COMPONENTS, schema

PLACE = {
    "organization": "acme",
    "platform": "ml",
    "environment": "local",
    "team": "events",
    "region": "eu-west-1",
    "account": "123456789012",
}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return schema()


def test_the_schema_that_ships_is_the_one_that_the_components_give(made: dict[str, Any]):
    shipped = json.loads((modelyard.remote.FOLDER / "schema.json").read_text())
    assert shipped == made, "write it again: see docs/other-languages.md"


def test_every_component_and_each_of_its_arguments_is_described(made: dict[str, Any]):
    assert set(made["resources"]) == {f"modelyard:index:{kind.__name__}" for kind in COMPONENTS}
    for token, resource in made["resources"].items():
        assert resource["isComponent"] and resource["description"], token
        assert resource["requiredInputs"] == ["keyArn", "place", "spec"]
        assert all(
            one.get("description") or one.get("$ref")
            for part in ("inputProperties", "properties")
            for one in resource[part].values()
        ), token


def test_what_may_be_left_out_is_not_required(made: dict[str, Any]):
    assert set(made["types"]["modelyard:index:PlaceArgs"]["required"]) == set(PLACE)


def test_all_faults_of_a_spec_are_told_at_once():
    dataset = {"zone": "rawer", "classification": "internal", "owner": "a@b.example", "retention_days": "never"}
    with pytest.raises(SpecError) as caught:
        components._spec({"spec": {"datasets": {"clicks": {**dataset, "columns": []}}}}, components.data.LakeSpec)
    assert {"datasets.clicks.zone", "datasets.clicks.retention_days"} <= {
        fault.source.path for fault in caught.value.faults if fault.source
    }


def test_a_spec_that_only_the_deployment_tells_is_refused():
    import pulumi

    async def asked() -> None:
        components._known({"spec": pulumi.Output.from_input({})}, "spec")

    with pytest.raises(InputError, match="only the deployment tells"):
        asyncio.run(asked())
