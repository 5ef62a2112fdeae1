"""The policy document that the AWS provider renders, rendered here."""

from __future__ import annotations

import json

import pytest

from modelyard.assess.graph.policy_document import render
from modelyard.core.errors import InputError


def test_lists_are_in_reverse_order_and_a_single_value_stands_alone():
    (statement,) = json.loads(render({"statements": [{"actions": ["s3:A", "s3:B"], "resources": ["*"]}]})["json"])[
        "Statement"
    ]
    assert statement == {"Effect": "Allow", "Action": ["s3:B", "s3:A"], "Resource": "*"}


def test_condition_values_keep_their_order():
    condition = {"test": "StringEquals", "variable": "aws:SourceVpc", "values": ["a", "c"]}
    more = {**condition, "values": ["b"]}
    (statement,) = json.loads(render({"statements": [{"conditions": [condition, more]}]})["json"])["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceVpc": ["a", "c", "b"]}}


def test_everybody_is_a_star_only_when_nobody_else_is_named():
    everybody = {"type": "*", "identifiers": ["*"]}
    aws = {"type": "AWS", "identifiers": ["*"]}
    documents = [render({"statements": [{"principals": given}]}) for given in ([everybody], [everybody, aws])]
    found = [json.loads(document["json"])["Statement"][0]["Principal"] for document in documents]
    assert found == ["*", {"*": "*", "AWS": "*"}]


def test_a_later_statement_of_the_same_sid_takes_the_place_of_the_earlier_one():
    def texts(effect: str) -> list[str]:
        return [json.dumps({"Version": "2012-10-17", "Statement": {"Sid": "A", "Effect": effect}})]

    own = [{"sid": "B"}, {"sid": "A", "actions": ["s3:Get"]}]
    merged = json.loads(render({"sourcePolicyDocuments": texts("Allow"), "statements": own})["json"])
    assert [statement.get("Action") for statement in merged["Statement"]] == ["s3:Get", None]
    overridden = json.loads(render({"statements": own, "overridePolicyDocuments": texts("Deny")})["json"])
    assert overridden["Statement"] == [{"Sid": "B", "Effect": "Allow"}, {"Sid": "A", "Effect": "Deny"}]


def test_two_own_statements_of_one_sid_are_refused():
    with pytest.raises(InputError, match="Sid A"):
        render({"statements": [{"sid": "A"}, {"sid": "A"}]})
