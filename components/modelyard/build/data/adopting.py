"""What exists and comes under management: taken over as it is, then, when the file says so, brought to what is written.

The engine follows an import with an update of whatever differs; what may differ is left alone until the settings are
ours, so that taking over changes nothing. What was adopted is never deleted: a destroy lets go of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import pulumi

from modelyard.core.component import Component

THEIRS: Final[Mapping[str, tuple[str, ...]]] = {
    "bucket": ("tags", "tagsAll"),
    "database": (
        "createTableDefaultPermissions",
        "description",
        "locationUri",
        "parameters",
        "tags",
        "tagsAll",
    ),
    "table": (
        "description",
        "owner",
        "parameters",
        "partitionKeys",
        "retention",
        "storageDescriptor",
        "tableType",
        "viewExpandedText",
        "viewOriginalText",
    ),
}
"""What of each kind of thing stays as it was found, as long as the settings are theirs."""


def adopted(
    component: Component, kind: Literal["bucket", "database", "table"], id: str, settings: Literal["theirs", "ours"]
) -> pulumi.ResourceOptions:
    """The options of a child that exists already, under `id`."""
    left_alone = list(THEIRS[kind]) if settings == "theirs" else None
    return component.options(import_=id, ignore_changes=left_alone, retain_on_delete=True)
