"""A lake that takes events in and looks at them, in the emulator: made, unchanged, changed, gone; and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Role
from modelyard.build.data import alarm_key_use
from modelyard.core.access import trust_service
from modelyard.testing import deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
EVENTS: dict[str, Any] = {
    "classification": "confidential",
    "owner": "fraud@acme.example",
    "retention_days": 400,
    "columns": [{"name": "id", "type": "string"}, {"name": "amount", "type": "double"}],
    "partitions": [{"name": "day", "type": "date"}],
    "ingestion": {"kind": "firehose"},
    "quality": {
        "rules": [{"kind": "completeness", "column": "id"}, {"kind": "range", "column": "amount", "minimum": 0}],
        "when": {"kind": "arrival"},
    },
}


def a_lake(**changes: Any) -> Callable[[], None]:
    clicks = {**EVENTS, "ingestion": {"kind": "stream"}, "quality": {**EVENTS["quality"], "when": {"kind": "schedule"}}}
    datasets = {"events": {**EVENTS, **changes}, "clicks": clicks}

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT, services={"data": alarm_key_use(CONTEXT)})
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": datasets}), context=CONTEXT, keys=keys)
        trusted = [trust_service("lambda.amazonaws.com", context=CONTEXT)]
        sender = Role("sender", context=CONTEXT, trusted=trusted, description="sends")
        lake.grant_publish(sender, datasets=["events"])

    return program


HELD = {"reason": "Case 2026/17 before the court", "since": "2026-01-31", "by": "legal@acme.example"}
CHANGES = [
    pytest.param({"ingestion": {"buffer_seconds": 60}}, {"lake-events-delivery": "update"}, id="a shorter buffer"),
    pytest.param({"retention_days": 30}, {"lake-raw-lifecycle": "update", "lake-table-events": "update"}, id="shorter"),
    pytest.param(
        {"legal_hold": HELD},
        {"lake-raw": "update", "lake-raw-lifecycle": "update", "lake-raw-policy": "update"},
        id="a legal hold",
    ),
    pytest.param(
        {"quality": {"rules": [{"kind": "row_count"}], "when": {"kind": "arrival"}}},
        {"lake-events-rules": "update"},
        id="other rules",
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_lake_that_listens_is_made_stays_as_it_is_changes_in_place_and_goes(
    change: dict[str, Any], expected: dict[str, str]
):
    with deploy(lambda: None, region="eu-west-1") as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_lake())
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_lake())
        assert changed(stack) == {}
        stack.update(a_lake(**change))
        assert changed(stack) == expected
        stack.update(a_lake())
        assert set(changed(stack)) == set(expected), "what was said is taken back"
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_a_lake_that_listens_lives_on_either_emulator(emulator: str):
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_lake())
        stack.update(a_lake())
        assert changed(stack) == {}
        stack.update(a_lake(ingestion={"buffer_seconds": 60}))
        assert changed(stack) == {"lake-events-delivery": "update"}
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before
