"""When the objects of a zone go, and what stays because somebody holds it."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.spec import LakeSpec, ZoneName
from modelyard.core.access import Principal, Statement

UNFINISHED_UPLOAD_DAYS: Final = 7
"""Days until the parts of an upload that nobody finished go."""
RESULTS: Final = "athena"
"""Where query results lie in the artifacts zone."""
ERRORS: Final = "_errors"
"""Where records lie that could not be converted, in the zone of their dataset. No dataset's name begins so."""

UNREDACTED: Final = "_unredacted"
"""Where captured calls lie, in the zone `capture`, until what is sensitive is taken out of them."""
_UNREDACTED_DAYS: Final = 1
"""The fewest that S3 knows; whatever reads them takes minutes."""

CALLS: Final = "calls"
"""Where captured calls lie, in the zone `capture`, for whoever may read them."""
CALLS_DAYS: Final = 90
"""Three months: enough for monthly comparisons, and calls hold what people have sent."""

Rule = aws.s3.BucketLifecycleConfigurationRuleArgsDict


def error_prefix(dataset: str) -> str:
    """Where the records of a dataset lie that could not be converted."""
    return f"{ERRORS}/{dataset}/"


def lifecycle_rules(spec: LakeSpec, zone: ZoneName) -> list[Rule]:
    """A rule for the whole zone, one for each dataset with a retention, one for query results, one for errors.

    S3 knows no exception from a rule, so while a dataset of the zone is held, what else would speak of the whole zone
    is said for every other dataset by itself.
    """
    settings, held = spec.zones[zone], spec.held(zone)
    inside = {name: dataset for name, dataset in sorted(spec.datasets.items()) if dataset.zone == zone}
    whole: Rule = {
        "id": "versions",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "abort_incomplete_multipart_upload": {"days_after_initiation": UNFINISHED_UPLOAD_DAYS},
    }
    if not held:
        whole["noncurrent_version_expiration"] = {"noncurrent_days": settings.noncurrent_days}
        if settings.expire_after_days is not None:
            whole["expiration"] = {"days": settings.expire_after_days}
    expiring: dict[str, int | None] = {
        spec.prefix(name): dataset.retention_days for name, dataset in inside.items() if name not in held
    }
    for name, dataset in inside.items():
        if dataset.ingestion is not None and name not in held:
            expiring[error_prefix(name)] = dataset.ingestion.error_days
    if zone == "artifacts":
        expiring[f"{RESULTS}/"] = spec.query.result_days
    if zone == "capture":
        expiring[f"{CALLS}/"] = settings.expire_after_days or CALLS_DAYS
        expiring[f"{UNREDACTED}/"] = _UNREDACTED_DAYS
    own_versions = settings.noncurrent_days if held else None
    return [
        whole,
        *(made for made in (_rule(p, days, _versions(p, own_versions)) for p, days in expiring.items()) if made),
    ]


def _versions(prefix: str, days: int | None) -> int | None:
    """Days of older versions: what must not be kept goes with its versions, whatever is held beside it."""
    return _UNREDACTED_DAYS if prefix == f"{UNREDACTED}/" else days


def _rule(prefix: str, days: int | None, noncurrent_days: int | None) -> Rule | None:
    if days is None and noncurrent_days is None:
        return None
    rule: Rule = {"id": prefix.rstrip("/"), "status": "Enabled", "filter": {"prefix": prefix}}
    if days is not None:
        rule["expiration"] = {"days": days}
    if noncurrent_days is not None:
        rule["noncurrent_version_expiration"] = {"noncurrent_days": noncurrent_days}
    return rule


def holds(spec: LakeSpec, zone: ZoneName, arn: pulumi.Output[str]) -> list[Statement]:
    """Refuses everybody who would delete an object, or a version of it, of a dataset under legal hold.

    Overwriting stays possible: the zone keeps every version. Rules of the lifecycle obey no policy, so those are
    suspended by `lifecycle_rules`.
    """
    prefixes = [p for name in sorted(spec.held(zone)) for p in (spec.prefix(name), error_prefix(name))]
    if not prefixes:
        return []
    return [
        Statement(
            ("s3:DeleteObject", "s3:DeleteObjectVersion"),
            tuple(pulumi.Output.concat(arn, "/", prefix, "*") for prefix in prefixes),
            effect="Deny",
            principal=Principal.everyone(),
            sid="LegalHold",
        )
    ]
