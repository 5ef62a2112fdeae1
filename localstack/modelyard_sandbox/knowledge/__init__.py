"""What the sandbox knows about resource types: `check` says what the real provider, or AWS, would refuse.

Five sources, in this order: the Pulumi SDK's own classes (names, shapes, required properties), botocore's service
models (patterns, lengths, enumerations, ranges), explicit rules for what AWS refuses though no model says so, the
grammar and quotas of IAM documents, and the published schemas of CloudFormation's types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard_sandbox.knowledge import cloudformation, documents, models, rules, shapes
from modelyard_sandbox.knowledge.documents import inline_size
from modelyard_sandbox.knowledge.values import UNKNOWN, Failure

__all__ = ["UNKNOWN", "Failure", "check", "inline_size"]


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """Everything about `inputs` that would be refused, in the order of the sources; empty when all is well.

    `inputs` are decoded: dict, list, str, bool, float, int, None, or UNKNOWN, with secrets unwrapped. What is unknown
    is not judged, nor is a document that contains it.
    """
    values, failures = shapes.read(token, inputs)
    failures += models.check(token, values)
    failures += rules.check(token, values)
    failures += documents.check(token, values)
    failures += cloudformation.check(token, values)
    return failures
