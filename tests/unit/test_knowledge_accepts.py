"""The checks refuse nothing of what our own components make, and fall over nothing that a program may send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.assess.graph import UNKNOWN as UNDECIDED
from modelyard.assess.graph import Graph, record, reveal
from modelyard.build.data import DataLake, LakeSpec
from modelyard.core.access import trust_service
from modelyard.core.context import Context
from modelyard.core.identity import Role
from modelyard.core.sdk import resource_type
from modelyard.foundation.keys import Keys, KeySpec, KeysSpec
from modelyard_sandbox.knowledge import UNKNOWN, check, cloudformation
from modelyard_sandbox.knowledge.constraints import CONSTRAINTS
from modelyard_sandbox.knowledge.documents import DOCUMENTS
from modelyard_sandbox.knowledge.rules import RULES

CONTROLLED = "aws:cloudcontrol/resource:Resource"
TOKENS = sorted({*CONSTRAINTS, *DOCUMENTS, *(rule.token for rule in RULES)})
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
LAKE = LakeSpec.model_validate(
    {
        "datasets": {
            "transactions": {
                "classification": "confidential",
                "owner": "fraud@acme.example",
                "retention_days": 400,
                "columns": [{"name": "id", "type": "string"}],
            }
        }
    }
)


def components() -> None:
    keys = Keys("keys", KeysSpec(domains={"default": KeySpec(), "models": KeySpec(rotation_days=90)}), context=CONTEXT)
    lake = DataLake("lake", LAKE, context=CONTEXT, keys=keys)
    trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
    role = Role("trainer", context=CONTEXT, trusted=trusted, description="Trains")
    lake.grant_read(role)
    lake.grant_write(role)


def sent(value: Any) -> Any:
    """A recorded value as the engine sends it."""
    value = reveal(value)
    if value is UNDECIDED:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sent(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("preview", [True, False], ids=["in a preview", "in a deployment"])
def test_what_the_components_make_is_accepted(preview):
    graph: Graph = record(components, project="p", stack="s", region="eu-west-1", preview=preview)
    resources = [node for node in graph if node.type.startswith("aws:")]
    refused = {node.name: failures for node in resources if (failures := check(node.type, sent(node.properties)))}
    assert refused == {}
    assert len(resources) > 30


NAMES = st.sampled_from(
    ("Statement", "Version", "Effect", "Action", "Resource", "Principal", "Condition", "Sid", "AWS")
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(("-1", "10.0.0.0/16", "s3:*", "Allow", "*", UNKNOWN, "{}", "tcp")),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4)
)


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_inputs_get_an_answer(data):
    token = data.draw(st.sampled_from(TOKENS))
    controlled = cloudformation.schema(token)
    names = st.sampled_from(sorted(controlled["properties"] if controlled else resource_type(token).inputs))
    inputs = data.draw(st.dictionaries(names | st.text(max_size=4), VALUES, max_size=5))
    if controlled:
        token, inputs = CONTROLLED, {"typeName": token, "desiredState": json.dumps(inputs)}
    assert all(failure.reason for failure in check(token, inputs))


@given(token=st.sampled_from(sorted(DOCUMENTS)), statement=st.dictionaries(NAMES, VALUES, max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_gets_an_answer(token, statement):
    text = json.dumps({"Statement": [statement]})
    name = "assumeRolePolicy" if "assumeRolePolicy" in resource_type(token).inputs else "policy"
    assert all(failure.reason for failure in check(token, {name: text, "bucket": "lake"}))
