"""How long data stays, by its classification, and what a legal hold keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.build.data import DataLake, LakeSpec
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import SpecError
from modelyard.foundation.keys import KnownKeys

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
LAKE = """\
zones: {raw: {}, artifacts: {}}
datasets:
  events:
    classification: confidential
    owner: fraud@acme.example
    retention_days: 400
    columns: [{name: id, type: string}]
    ingestion: {}
  clicks:
    classification: internal
    owner: fraud@acme.example
    retention_days: 30
    columns: [{name: id, type: string}]
"""
HOLD = '    legal_hold: {reason: Case 2026/17 before the court, since: "2026-01-31", by: legal@acme.example}\n'
HELD = LAKE.replace("    retention_days: 400\n", "    retention_days: 400\n" + HOLD)


def spec_of(text: str) -> LakeSpec:
    return load(parse(text.encode(), "fraud.yaml"), LakeSpec)


def recorded(text: str) -> tuple[Graph, dict[str, Any]]:
    holds: dict[str, Any] = {}

    def program():
        lake = DataLake("lake", spec_of(text), context=CONTEXT, keys=KnownKeys({"default": KEY}))
        holds.update(lake.legal_holds)

    return record(program, project="p", stack="s", region="eu-west-1"), holds


def node(graph: Graph, name: str) -> Any:
    (found,) = (node for node in graph.nodes if node.name == name and node.type.startswith("aws:"))
    return found


def lifecycle(graph: Graph) -> dict[str, Any]:
    return {rule["filter"]["prefix"]: rule for rule in node(graph, "lake-raw-lifecycle").properties["rules"]}


def denials(graph: Graph) -> dict[str, Any]:
    policy = json.loads(node(graph, "lake-raw-policy").properties["policy"])
    return {s["Sid"]: s for s in policy["Statement"]}


def test_what_is_held_does_not_expire_and_neither_do_its_versions():
    free, held = lifecycle(recorded(LAKE)[0]), lifecycle(recorded(HELD)[0])
    assert free["events/"]["expiration"] == {"days": 400}
    assert free[""]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert not {"events/", "_errors/events/"} & set(held)
    assert "noncurrentVersionExpiration" not in held[""], "a rule for the whole zone knows no exception"
    assert held["clicks/"]["expiration"] == {"days": 30}
    assert held["clicks/"]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}, "others go as they went"


def test_nobody_deletes_what_is_held():
    assert "LegalHold" not in denials(recorded(LAKE)[0])
    denial = denials(recorded(HELD)[0])["LegalHold"]
    assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
    assert denial["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert [arn.partition("/")[2] for arn in denial["Resource"]] == ["events/*", "_errors/events/*"]


def test_a_destroy_stops_before_a_zone_that_is_held():
    assert not node(recorded(LAKE)[0], "lake-raw").options.get("protect")
    held = node(recorded(HELD)[0], "lake-raw")
    assert held.options["protect"] is True
    assert held.properties["forceDestroy"] is False


def test_a_hold_is_reported():
    assert recorded(LAKE)[1] == {}
    told = {"reason": "Case 2026/17 before the court", "since": "2026-01-31", "by": "legal@acme.example"}
    assert recorded(HELD)[1] == {"events": told}


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("    retention_days: 400\n", "",
         "datasets.events.retention_days: is missing, and confidential data must say how long it stays. Give 30 days"),
        ("retention_days: 400", "retention_days: 29",
         "datasets.events.retention_days: got 29; is less than confidential data must stay. Use 30 or more"),
        ("retention_days: 400", "evidence: true\n    retention_days: 100",
         "datasets.events.retention_days: got 100; is less than evidence must stay. Use 183 or more"),
        ("classification: internal\n    owner: fraud@acme.example\n    retention_days: 30",
         "classification: restricted\n    owner: fraud@acme.example\n    retention_days: 60",
         "datasets.clicks.retention_days: got 60; is less than restricted data must stay. Use 90 or more"),
        ("{raw: {}", "{raw: {expire_after_days: 100}",
         "zones.raw.expire_after_days: got 100; lets events go before its time (400 days)"),
        ("    retention_days: 400\n", "    retention_days: 400\n    legal_hold: {reason: x, since: \"2026-01-31\", "
         "by: legal@acme.example}\n", "datasets.events.legal_hold.reason: got 'x'"),
        ("    retention_days: 400\n", "    retention_days: 400\n    legal_hold: {reason: Case 2026/17, since: soon, "
         "by: legal@acme.example}\n", "datasets.events.legal_hold.since: got 'soon'"),
        ("  clicks:\n", "  clicks:\n    adopt: {table: t, prefix: events/old}\n",
         "datasets.clicks: got 'events/old/'; shares its objects with events"),
        ("  clicks:\n", "  clicks:\n    adopt: {table: t, prefix: old}\n",
         "datasets.clicks.adopt: takes a table from a database of our own"),
    ],
)  # fmt: skip
def test_what_would_go_too_early_or_share_a_place_is_refused(written: str, instead: str, said: str):
    with pytest.raises(SpecError) as caught:
        spec_of(LAKE.replace(written, instead, 1))
    assert said in str(caught.value)
