"""Where a workgroup lets clients choose, the stack's buckets answer for what is put there."""

from __future__ import annotations

import pytest

from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.types import BUCKET, BUCKET_ENCRYPTION, TABLE, WORKGROUP

RULES = {rule.id: rule for rule in CATALOGUE}
ENCRYPTED = {"encryptionConfiguration": {"encryptionOption": "SSE_KMS"}}
OPEN = part(
    WORKGROUP, name="w", configuration={"enforceWorkgroupConfiguration": False, "resultConfiguration": ENCRYPTED}
)
RAW, OTHER = part(BUCKET, "raw"), part(BUCKET, "other")
KEYED = part(
    BUCKET_ENCRYPTION,
    "keyed",
    bucket=Of("raw"),
    rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}],
)


def broken(rule: str, *parts: Part, production: bool = True) -> int:
    return len(judge(graph_of(parts), [RULES[rule]], Surroundings(production=production)).results)


@pytest.mark.parametrize(
    ("parts", "results"),
    [((OPEN,), 1), ((OPEN, RAW), 1), ((OPEN, RAW, KEYED), 0), ((OPEN, RAW, KEYED, OTHER), 1)],
)
def test_a_workgroup_that_lets_clients_choose_needs_buckets_that_all_encrypt(parts: tuple[Part, ...], results: int):
    assert broken("athena-workgroup-encrypted", *parts) == results


@pytest.mark.parametrize("rule", ["dynamodb-pitr", "dynamodb-deletion-protection"])
def test_tables_are_guarded_in_production_and_made_anew_elsewhere(rule: str):
    assert (broken(rule, part(TABLE, name="t")), broken(rule, part(TABLE, name="t"), production=False)) == (1, 0)
