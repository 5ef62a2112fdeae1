"""FSx: Lustre file systems that keep their settings and change, and their links to buckets."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from moto.fsx.exceptions import FileSystemNotFound, ResourceNotFoundException
from moto.fsx.models import FileSystem, FSxBackend
from moto.fsx.responses import FSxResponse
from moto.utilities.utils import get_partition

_describe = FileSystem.to_dict
_delete = FSxBackend.delete_file_system
_NOT_SHOWN: Final = ("ImportPath", "ExportPath")


def links(backend: FSxBackend) -> dict[str, dict[str, Any]]:
    """The data repository associations by id."""
    if not hasattr(backend, "associations"):
        backend.associations = {}  # type: ignore[attr-defined]
    return backend.associations  # type: ignore[attr-defined]


def _shown(self: FileSystem) -> dict[str, Any]:
    """What moto shows, and what FSx adds to it."""
    backend, shown = self.backend, _describe(self)
    identity = self.file_system_id
    shown |= {
        "FileSystemTypeVersion": getattr(self, "version", "2.15"),
        "Lifecycle": "AVAILABLE",
        "NetworkInterfaceIds": [f"eni-{identity.removeprefix('fs-')}"],
        "OwnerId": backend.account_id,
        "VpcId": "vpc-0123456789abcdef0",
    }
    lustre = {k: v for k, v in (self.lustre_configuration or {}).items() if k not in _NOT_SHOWN}
    defaults = {"CopyTagsToBackups": False, "DataCompressionType": "NONE", "WeeklyMaintenanceStartTime": "1:06:00"}
    shown["LustreConfiguration"] = {**defaults, **lustre, "MountName": identity.removeprefix("fs-")[:8]}
    return shown


def update_file_system(self: Any) -> str:
    """UpdateFileSystem: capacity, and what Lustre changes in place; it never shrinks."""
    asked = json.loads(self.body)
    found = self.fsx_backend.file_systems.get(asked["FileSystemId"])
    if found is None:
        raise FileSystemNotFound(asked["FileSystemId"])
    if asked.get("StorageCapacity"):
        found.storage_capacity = asked["StorageCapacity"]
    found.lustre_configuration = {**(found.lustre_configuration or {}), **(asked.get("LustreConfiguration") or {})}
    return json.dumps({"FileSystem": found.to_dict()})


def _delete_with_links(self: FSxBackend, file_system_id: str, *arguments: Any, **named: Any) -> Any:
    """A file system takes its links with it."""
    answer = _delete(self, file_system_id, *arguments, **named)
    for identity in [i for i, link in links(self).items() if link["FileSystemId"] == file_system_id]:
        del links(self)[identity]
    return answer


def create_data_repository_association(self: Any) -> str:
    """CreateDataRepositoryAssociation; its file system must exist."""
    asked, backend = json.loads(self.body), self.fsx_backend
    if asked["FileSystemId"] not in backend.file_systems:
        raise FileSystemNotFound(asked["FileSystemId"])
    identity = f"dra-{uuid.uuid4().hex[:17]}"
    place = f"{backend.region_name}:{backend.account_id}"
    arn = f"arn:{get_partition(backend.region_name)}:fsx:{place}:association/{asked['FileSystemId']}/{identity}"
    keys = ("FileSystemId", "FileSystemPath", "DataRepositoryPath", "BatchImportMetaDataOnCreate", "S3")
    link = {key: asked[key] for key in keys if key in asked}
    link |= {"AssociationId": identity, "ResourceARN": arn, "Lifecycle": "AVAILABLE"}
    link["ImportedFileChunkSize"] = asked.get("ImportedFileChunkSize", 1024)
    links(backend)[identity] = link
    if asked.get("Tags"):
        backend.tagger.tag_resource(arn, asked["Tags"])
    return json.dumps({"Association": link})


def describe_data_repository_associations(self: Any) -> str:
    """DescribeDataRepositoryAssociations."""
    wanted = json.loads(self.body).get("AssociationIds")
    known = links(self.fsx_backend)
    if wanted and not set(wanted) <= known.keys():
        raise ResourceNotFoundException(msg=f"Association {wanted[0]} does not exist")
    return json.dumps({"Associations": [link for i, link in known.items() if not wanted or i in wanted]})


def update_data_repository_association(self: Any) -> str:
    """UpdateDataRepositoryAssociation."""
    asked = json.loads(self.body)
    link = _link(self, asked["AssociationId"])
    link |= {key: asked[key] for key in ("ImportedFileChunkSize", "S3") if key in asked}
    return json.dumps({"Association": link})


def delete_data_repository_association(self: Any) -> str:
    """DeleteDataRepositoryAssociation."""
    identity = _link(self, json.loads(self.body)["AssociationId"])["AssociationId"]
    del links(self.fsx_backend)[identity]
    return json.dumps({"AssociationId": identity, "Lifecycle": "DELETING", "DeleteDataInFileSystem": True})


def _link(self: Any, identity: str) -> dict[str, Any]:
    if identity not in links(self.fsx_backend):
        raise ResourceNotFoundException(msg=f"Association {identity} does not exist")
    return links(self.fsx_backend)[identity]


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    FileSystem.to_dict = _shown  # type: ignore[method-assign]
    FSxBackend.delete_file_system = _delete_with_links  # type: ignore[method-assign]
    for operation in (
        update_file_system,
        create_data_repository_association,
        describe_data_repository_associations,
        update_data_repository_association,
        delete_data_repository_association,
    ):
        setattr(FSxResponse, operation.__name__, operation)
