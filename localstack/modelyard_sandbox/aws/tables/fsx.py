"""FSx for Lustre: file systems and their links to buckets. Source: the FSx API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS: Final = Tags(
    "list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceARN": "arn"}, on_create="Tags"
)
_OF_LUSTRE: Final = (
    "autoImportPolicy",
    "automaticBackupRetentionDays",
    "copyTagsToBackups",
    "dailyAutomaticBackupStartTime",
    "dataCompressionType",
    "dataReadCacheConfiguration",
    "deploymentType",
    "driveCacheType",
    "efaEnabled",
    "exportPath",
    "importPath",
    "importedFileChunkSize",
    "logConfiguration",
    "metadataConfiguration",
    "perUnitStorageThroughput",
    "rootSquashConfiguration",
    "throughputCapacity",
    "weeklyMaintenanceStartTime",
)
_CHANGEABLE: Final = (
    "autoImportPolicy",
    "automaticBackupRetentionDays",
    "dailyAutomaticBackupStartTime",
    "dataCompressionType",
    "logConfiguration",
    "metadataConfiguration",
    "perUnitStorageThroughput",
    "rootSquashConfiguration",
    "throughputCapacity",
    "weeklyMaintenanceStartTime",
)


def _lustre(live: Live, properties: tuple[str, ...] = _OF_LUSTRE) -> dict[str, Any] | None:
    shape = live.client().meta.service_model.shape_for("CreateFileSystemLustreConfiguration")
    wanted = {prop: live.inputs[prop] for prop in properties if live.inputs.get(prop) is not None}
    return convert.to_aws(wanted, shape) or None


def _create(live: Live) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in live.tags.items()]
    answer = live.call(
        "create_file_system",
        FileSystemType="LUSTRE",
        FileSystemTypeVersion=live.inputs.get("fileSystemTypeVersion"),
        StorageCapacity=live.inputs.get("storageCapacity"),
        StorageType=live.inputs.get("storageType"),
        SubnetIds=[live.inputs["subnetIds"]],
        SecurityGroupIds=live.inputs.get("securityGroupIds"),
        KmsKeyId=live.inputs.get("kmsKeyId"),
        LustreConfiguration=_lustre(live),
        Tags=tags or None,
    )
    return answer["FileSystem"]


def _read(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_file_systems", FileSystemIds=[live.id])["FileSystems"]
    if not found:
        return None
    system, lustre = found[0], found[0].get("LustreConfiguration") or {}
    shape = live.client().meta.service_model.shape_for("LustreFileSystemConfiguration")
    read = {key: value for key, value in convert.from_aws(lustre, shape).items() if key in (*_OF_LUSTRE, "mountName")}
    return {
        **read,
        "arn": system["ResourceARN"],
        "dnsName": system["DNSName"],
        "fileSystemTypeVersion": system.get("FileSystemTypeVersion"),
        "kmsKeyId": system.get("KmsKeyId"),
        "networkInterfaceIds": system.get("NetworkInterfaceIds"),
        "ownerId": system.get("OwnerId"),
        "securityGroupIds": system.get("SecurityGroupIds"),
        "storageCapacity": system.get("StorageCapacity"),
        "storageType": system.get("StorageType"),
        "subnetIds": system["SubnetIds"][0],
        "vpcId": system.get("VpcId"),
    }


def _update(live: Live) -> None:
    changed = tuple(prop for prop in _CHANGEABLE if prop in live.changed)
    capacity = live.inputs.get("storageCapacity") if "storageCapacity" in live.changed else None
    settings = _lustre(live, changed)
    live.call("update_file_system", FileSystemId=live.id, StorageCapacity=capacity, LustreConfiguration=settings)


FILE_SYSTEM = Type(
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "fsx",
    fields=fields(*_OF_LUSTRE),
    id=Answer("FileSystemId"),
    defaults={"deploymentType": "SCRATCH_1", "skipFinalBackup": True, "storageType": "SSD"},
    computed=("arn", "dnsName", "mountName", "networkInterfaceIds", "ownerId", "vpcId"),
    create=_create,
    read=_read,
    update=Step(_update, on=(*_CHANGEABLE, "storageCapacity")),
    delete=Call("delete_file_system", {"FileSystemId": "id"}, fill=False),
    inert=("skipFinalBackup", "finalBackupTags"),
    sets=("securityGroupIds",),
    kept=(
        "copyTagsToBackups",
        "dataCompressionType",
        "fileSystemTypeVersion",
        "kmsKeyId",
        "weeklyMaintenanceStartTime",
    ),
    tags=_TAGS,
)


def _link(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_data_repository_associations", AssociationIds=[live.id])["Associations"]
    if not found:
        return None
    link = found[0]
    return {
        "arn": link["ResourceARN"],
        "associationId": link["AssociationId"],
        "batchImportMetaDataOnCreate": link.get("BatchImportMetaDataOnCreate", False),
        "dataRepositoryPath": link["DataRepositoryPath"],
        "fileSystemId": link["FileSystemId"],
        "fileSystemPath": link["FileSystemPath"],
        "importedFileChunkSize": link.get("ImportedFileChunkSize"),
        "s3": convert.from_aws(link["S3"], None) if link.get("S3") else None,
    }


ASSOCIATION = Type(
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
    "fsx",
    fields=fields("batchImportMetaDataOnCreate", "dataRepositoryPath", "fileSystemId", "fileSystemPath")
    | fields("importedFileChunkSize", "s3"),
    id=Answer("AssociationId"),
    defaults={"batchImportMetaDataOnCreate": False, "deleteDataInFilesystem": False},
    computed=("arn", "associationId"),
    create=Call("create_data_repository_association", take="Association"),
    read=_link,
    update=Call(
        "update_data_repository_association",
        {"AssociationId": "id", "ImportedFileChunkSize": "importedFileChunkSize", "S3": "s3"},
        fill=False,
        on=("importedFileChunkSize", "s3"),
    ),
    delete=Call(
        "delete_data_repository_association",
        {"AssociationId": "id", "DeleteDataInFileSystem": "deleteDataInFilesystem"},
        fill=False,
    ),
    inert=("deleteDataInFilesystem",),
    kept=("importedFileChunkSize",),
    tags=_TAGS,
)

TYPES = (FILE_SYSTEM, ASSOCIATION)
