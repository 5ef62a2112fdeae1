"""Athena: a workgroup can be changed, may have no tags, and takes its tags with it; tables are those of Glue."""

from __future__ import annotations

import json
from typing import Any

from moto.athena.models import AthenaBackend
from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError
from moto.glue.models import glue_backends

_delete_work_group = AthenaBackend.delete_work_group


def _list_tags(self: Any, resource_arn: str) -> dict[str, Any] | None:
    """moto takes a resource without tags for one that does not exist."""
    kinds = (self.work_groups, self.data_catalogs, self.capacity_reservations)
    if any(thing.arn == resource_arn for kind in kinds for thing in kind.values()):
        return self.tagger.list_tags_for_resource(resource_arn)
    return None


def _delete_with_tags(self: Any, name: str) -> None:
    if name in self.work_groups:
        self.tagger.delete_all_tags_for_resource(self.work_groups[name].arn)
    _delete_work_group(self, name)


def update_work_group(self: Any) -> str:
    """UpdateWorkGroup: what is given replaces, `Remove…` takes away, everything else stays."""
    group = self.athena_backend.work_groups.get(self._get_param("WorkGroup"))
    if group is None:
        raise JsonRESTError("InvalidRequestException", "WorkGroup is not found.")
    if self._get_param("Description") is not None:
        group.description = self._get_param("Description")
    group.state = self._get_param("State") or group.state
    updates = dict(self._get_param("ConfigurationUpdates") or {})
    results = updates.pop("ResultConfigurationUpdates", None)
    if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
        group.configuration.pop("BytesScannedCutoffPerQuery", None)
    group.configuration |= updates
    if results is not None:
        kept = group.configuration.setdefault("ResultConfiguration", {})
        for member in [name for name in results if name.startswith("Remove")]:
            if results.pop(member):
                kept.pop(member.removeprefix("Remove"), None)
        kept |= results
    return json.dumps({})


def get_table_metadata(self: Any) -> str:
    """GetTableMetadata, of a table in the Glue catalog."""
    glue = glue_backends[self.current_account][self.region]
    database, name = self._get_param("DatabaseName"), self._get_param("TableName")
    try:
        table = glue.get_table(database, name).as_dict()
    except JsonRESTError:
        raise JsonRESTError("MetadataException", f"EntityNotFoundException: Table {database}.{name}") from None
    return json.dumps(
        {
            "TableMetadata": {
                "Name": name,
                "CreateTime": table["CreateTime"].timestamp(),
                "TableType": table.get("TableType", ""),
                "Columns": table["StorageDescriptor"]["Columns"],
                "PartitionKeys": table.get("PartitionKeys", []),
                "Parameters": table.get("Parameters", {}),
            }
        }
    )


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    AthenaBackend.list_tags_for_resource = _list_tags
    AthenaBackend.delete_work_group = _delete_with_tags
    for operation in (get_table_metadata, update_work_group):
        setattr(AthenaResponse, operation.__name__, operation)
