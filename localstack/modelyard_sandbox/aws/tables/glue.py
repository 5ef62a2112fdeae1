"""Glue: databases and tables of the data catalog, and its encryption. Source: the Glue API reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import FILLED, Call, Name, TagFunctions, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _account(live: Live) -> str:
    return live.account


def _arn(live: Live, kind: str, *names: str) -> str:
    return f"arn:{live.partition}:glue:{live.region}:{live.account}:{'/'.join((kind, *names))}"


def _path(*props: str) -> Callable[[Live], str]:
    return lambda live: ":".join(live.get(prop) for prop in props)


def _from_path(*props: str) -> Callable[[str], dict[str, Any]]:
    return lambda id: dict(zip(props, id.split(":"), strict=True))


def _read_tags(live: Live) -> dict[str, str]:
    return live.call("get_tags", ResourceArn=_arn(live, "database", live.get("name")))["Tags"]


def _write_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    target = _arn(live, "database", live.get("name"))
    removed = sorted(set(old) - set(new))
    written = {key: value for key, value in new.items() if old.get(key) != value}
    if removed:
        live.call("untag_resource", ResourceArn=target, TagsToRemove=removed)
    if written:
        live.call("tag_resource", ResourceArn=target, TagsToAdd=written)


def _database_outputs(live: Live) -> dict[str, Any]:
    return {"arn": _arn(live, "database", live.get("name"))}


_OF_DATABASE: Final = ("description", "locationUri", "parameters", "createTableDefaultPermissions")
DATABASE = Type(
    "aws:glue/catalogDatabase:CatalogDatabase",
    "glue",
    fields=fields("name", "catalogId", *_OF_DATABASE, "targetDatabase", "federatedDatabase"),
    id=_path("catalogId", "name"),
    from_id=_from_path("catalogId", "name"),
    name=Name("name", limit=255, lower=True),
    defaults={"catalogId": _account},
    computed=("arn",),
    create=Call("create_database", {"DatabaseInput": FILLED}),
    read=(Call("get_database", {"Name": "name"}, take="Database"), _database_outputs),
    update=Call("update_database", {"Name": "name", "DatabaseInput": FILLED}, on=_OF_DATABASE),
    delete=Call("delete_database", {"CatalogId": "catalogId", "Name": "name"}, fill=False),
    tags=TagFunctions(_read_tags, _write_tags),
)


def _table_outputs(live: Live) -> dict[str, Any]:
    return {"arn": _arn(live, "table", live.get("databaseName"), live.get("name"))}


_OF_TABLE: Final = (
    "description",
    "owner",
    "parameters",
    "partitionKeys",
    "retention",
    "storageDescriptor",
    "tableType",
    "targetTable",
    "viewExpandedText",
    "viewOriginalText",
)
TABLE = Type(
    "aws:glue/catalogTable:CatalogTable",
    "glue",
    fields=fields("catalogId", "databaseName", "name", *_OF_TABLE, partitionIndices="PartitionIndexes")
    | {"storageDescriptor.serDeInfo": "SerdeInfo"},
    id=_path("catalogId", "databaseName", "name"),
    from_id=_from_path("catalogId", "databaseName", "name"),
    name=Name("name", limit=255, lower=True),
    defaults={"catalogId": _account},
    computed=("arn",),
    create=Call("create_table", {"TableInput": FILLED}),
    read=(
        Call(
            "get_table",
            {"CatalogId": "catalogId", "DatabaseName": "databaseName", "Name": "name"},
            take="Table",
            fill=False,
        ),
        _table_outputs,
    ),
    update=Call("update_table", {"TableInput": FILLED}, on=_OF_TABLE),
    delete=Call(
        "delete_table",
        {"CatalogId": "catalogId", "DatabaseName": "databaseName", "Name": "name"},
        fill=False,
    ),
)

_PUT_SETTINGS = Call("put_data_catalog_encryption_settings", on=("dataCatalogEncryptionSettings",))
ENCRYPTION_SETTINGS = Type(
    "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings",
    "glue",
    fields=fields("catalogId", "dataCatalogEncryptionSettings"),
    id="catalogId",
    defaults={"catalogId": _account},
    create=_PUT_SETTINGS,
    read=Call("get_data_catalog_encryption_settings", {"CatalogId": "id"}, fill=False),
    update=_PUT_SETTINGS,
    delete=Call(
        "put_data_catalog_encryption_settings",
        {"CatalogId": "id", "DataCatalogEncryptionSettings": {}},
        fill=False,
    ),
)

TYPES = (DATABASE, TABLE, ENCRYPTION_SETTINGS)
