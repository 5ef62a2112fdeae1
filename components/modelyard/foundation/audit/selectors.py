"""Which data events a trail records: prefixes of ARNs collected, covered ones dropped, limits kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import pulumi

from modelyard.core.errors import Fault, Source

DataKind = Literal[
    "AWS::DynamoDB::Table", "AWS::S3::Object", "AWS::SageMaker::Endpoint", "AWS::SageMaker::FeatureGroup"
]
"""Types of resources whose data events CloudTrail records (awscloudtrail/latest/userguide/logging-data-events)."""

MOST_VALUES: Final = 500
"""Values of all conditions of all selectors of a trail (awscloudtrail/latest/APIReference/API_PutEventSelectors)."""

Prefix = pulumi.Input[str]
Selector = dict[str, Any]


def field(name: str, **tests: Sequence[Prefix]) -> Selector:
    """One condition of a selector."""
    return {"field": name, **{test: list(values) for test, values in tests.items()}}


MANAGEMENT: Final[Selector] = {
    "name": "Management events",
    "field_selectors": [field("eventCategory", equals=["Management"])],
}


def uncovered(prefixes: Sequence[Prefix]) -> list[Prefix]:
    """The prefixes without those that a shorter one covers already; what deployment alone knows stays."""
    texts = sorted({prefix for prefix in prefixes if isinstance(prefix, str)})
    kept: list[Prefix] = []
    for text in texts:
        if not any(isinstance(shorter, str) and text.startswith(shorter) for shorter in kept):
            kept.append(text)
    return [*kept, *(prefix for prefix in prefixes if not isinstance(prefix, str))]


def selectors(watched: Mapping[DataKind, Sequence[Prefix]], record: Literal["all", "writes", "none"]) -> list[Selector]:
    """The advanced event selectors: every management event, and data events of what is watched."""
    found: list[Selector] = [MANAGEMENT]
    for kind, prefixes in sorted(watched.items()):
        if record == "none" or not prefixes:
            continue
        tests = [field("eventCategory", equals=["Data"]), field("resources.type", equals=[kind])]
        if record == "writes":
            tests.append(field("readOnly", equals=["false"]))
        tests.append(field("resources.ARN", starts_withs=uncovered(prefixes)))
        found.append({"name": f"Confidential {kind.rpartition('::')[2]}s", "field_selectors": tests})
    return found


def too_many(made: Sequence[Selector], where: Source) -> Fault | None:
    """The fault of selectors with more values than a trail takes."""
    count = sum(
        len(values)
        for selector in made
        for test in selector["field_selectors"]
        for values in test.values()
        if isinstance(values, list)
    )
    if count <= MOST_VALUES:
        return None
    return Fault(
        f"the trail would need {count} values in its selectors; CloudTrail takes {MOST_VALUES}",
        "Watch whole buckets or teams (watch_team) instead of single datasets.",
        where,
    )
