"""What taking, reading and erasing versions of a dataset needs; the commands are those of `yard data`."""

from __future__ import annotations

from typing import Final

from modelyard.build.data.spec.zones import RESTORED, SNAPSHOTS
from modelyard.build.data.zone import Zone
from modelyard.core.access import Statement
from modelyard.core.erasures import ERASURES

_ADD: Final = ("s3:AbortMultipartUpload", "s3:PutObject")
_REWRITE: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
)


def may_snapshot(zone: Zone, artifacts: Zone, dataset: str, prefix: str) -> list[Statement]:
    """Lets an identity read every version of a dataset, and add manifests beside those that exist."""
    manifests = f"{SNAPSHOTS}{dataset}"
    return [
        *zone.may_read(prefix),
        *zone.may_list_versions(prefix),
        *artifacts.may_read(manifests),
        *artifacts.may_do(_ADD, manifests),
    ]


def may_erase(zone: Zone, artifacts: Zone, dataset: str, prefix: str) -> list[Statement]:
    """Lets an identity restore a dataset, take rows out of all its versions, and leave the evidence."""
    copies, manifests = f"{RESTORED}{dataset}", f"{SNAPSHOTS}{dataset}"
    return [
        *zone.may_read(prefix, copies),
        *zone.may_list_versions(prefix, copies),
        *zone.may_do(_REWRITE, prefix, copies),
        *artifacts.may_read(manifests),
        *artifacts.may_list_versions(manifests),
        *artifacts.may_do(_REWRITE, manifests),
        *artifacts.may_do(_ADD, f"{ERASURES}{dataset}"),
    ]
