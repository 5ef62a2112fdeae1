"""Tags: keys, values, their alphabets, what is reserved, and how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Condition, Rule
from modelyard_sandbox.knowledge.values import UNKNOWN

_TAGGING = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"
_OBJECT_TAGGING = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html"
_PUNCTUATION = "_.:/=+-@"
_LIMITS: Mapping[str, int] = {"aws:s3/bucketObjectv2:BucketObjectv2": 10}
_USUAL_LIMIT = 50
# These take any character in a tag.
_FREE_ALPHABET = ("aws:ec2/", "aws:vpc/")


@cache
def rules_for(token: str) -> Sequence[Rule]:
    """The rules for a type's `tags`; they do nothing where a type has none, or calls something else so."""
    conditions = [_reserved, _keys, _values, _count(_LIMITS.get(token, _USUAL_LIMIT))]
    if not token.startswith(_FREE_ALPHABET):
        conditions.append(_alphabet)
    source = _OBJECT_TAGGING if token in _LIMITS else _TAGGING
    return [Rule(token, "tags", _for_maps(condition), source) for condition in conditions]


def _for_maps(condition: Condition) -> Condition:
    return lambda tags: condition(tags) if isinstance(tags, Mapping) else None


def _reserved(tags: Mapping[str, Any]) -> str | None:
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    return f"the prefix aws: is reserved: {', '.join(reserved)}" if reserved else None


def _keys(tags: Mapping[str, Any]) -> str | None:
    wrong = [key for key in tags if not 1 <= len(key) <= 128]
    return f"tag keys have 1 to 128 characters; {wrong[0][:20]!r} has {len(wrong[0])}" if wrong else None


def _values(tags: Mapping[str, Any]) -> str | None:
    wrong = [key for key, value in tags.items() if isinstance(value, str) and len(value) > 256]
    return f"tag values have at most 256 characters; that of {wrong[0]!r} has {len(tags[wrong[0]])}" if wrong else None


def _count(limit: int) -> Condition:
    return lambda tags: f"has {len(tags)} tags; at most {limit} are allowed" if len(tags) > limit else None


def _alphabet(tags: Mapping[str, Any]) -> str | None:
    texts = [*tags, *(value for value in tags.values() if isinstance(value, str) and value != UNKNOWN)]
    for text in texts:
        strange = [letter for letter in text if not (letter.isalnum() or letter.isspace() or letter in _PUNCTUATION)]
        if strange:
            return f"{text!r}: tags take letters, digits, spaces and {_PUNCTUATION}, not {strange[0]!r}"
    return None
