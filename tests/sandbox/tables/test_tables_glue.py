"""Databases and tables of the Glue catalog through their whole life."""

from __future__ import annotations

from typing import Any

DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
SETTINGS = "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings"


def transactions(**changes: Any) -> dict[str, Any]:
    """A table as the data lake describes it."""
    return {
        "name": "transactions",
        "databaseName": "lake",
        "description": "Card payments",
        "owner": "fraud@example.com",
        "tableType": "EXTERNAL_TABLE",
        "parameters": {"EXTERNAL": "TRUE", "classification": "parquet", "data-classification": "confidential"},
        "partitionKeys": [{"name": "day", "type": "date"}],
        "storageDescriptor": {
            "location": "s3://acme-raw/transactions/",
            "inputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "outputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "serDeInfo": {"name": "parquet", "serializationLibrary": "org.example.ParquetHiveSerDe"},
            "columns": [
                {"name": "id", "type": "string"},
                {"name": "amount", "type": "decimal(10,2)", "comment": "EUR"},
            ],
        },
        **changes,
    }


def test_a_database_lives_and_dies(cloud: Any) -> None:
    database = cloud.make(DATABASE, name="lake", description="The lake", tags={"team": "fraud"})
    assert database.id == "123456789012:lake"
    assert database["arn"] == "arn:aws:glue:eu-west-1:123456789012:database/lake"
    database.update(description="The lake of fraud")
    database.update(tags={"team": "churn"})
    database.update(description=None)
    assert database.forecast(name="pond").replaces == {"name"}
    assert database.imported("123456789012:lake").inputs["name"] == "lake"
    database.delete()
    assert cloud.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"] == []


def test_a_table_lives_and_dies(cloud: Any) -> None:
    cloud.make(DATABASE, name="lake")
    table = cloud.make(TABLE, **transactions())
    assert table.id == "123456789012:lake:transactions"
    assert table["arn"] == "arn:aws:glue:eu-west-1:123456789012:table/lake/transactions"
    kept = cloud.client("glue").get_table(DatabaseName="lake", Name="transactions")["Table"]
    assert kept["StorageDescriptor"]["SerdeInfo"]["Name"] == "parquet"
    assert kept["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    table.update(description="Payments by card")
    columns = [*transactions()["storageDescriptor"]["columns"], {"name": "country", "type": "string"}]
    table.update(storageDescriptor={**transactions()["storageDescriptor"], "columns": columns})
    table.update(parameters={"EXTERNAL": "TRUE"})
    table.delete()


def test_a_table_replaces_when_it_moves(cloud: Any) -> None:
    cloud.make(DATABASE, name="lake")
    table = cloud.make(TABLE, **transactions())
    assert table.forecast(databaseName="pond").replaces == {"databaseName"}
    assert table.forecast(name="payments").replaces == {"name"}


def test_a_table_is_imported_by_catalog_database_and_name(cloud: Any) -> None:
    cloud.make(DATABASE, name="lake")
    table = cloud.make(TABLE, **transactions())
    found = table.imported("123456789012:lake:transactions")
    assert {**found.inputs, **transactions()} == found.inputs


def test_a_table_needs_its_database(cloud: Any) -> None:
    assert "EntityNotFoundException" in cloud.refused(TABLE, **transactions())


def test_a_database_takes_its_tables_with_it(cloud: Any) -> None:
    database = cloud.make(DATABASE, name="lake")
    table = cloud.make(TABLE, **transactions())
    database.delete()
    assert table.read() is None


def test_a_database_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(DATABASE, name="lake")
    assert "AlreadyExistsException" in cloud.refused(DATABASE, name="lake")


def test_the_catalogs_encryption_is_set_changed_and_taken_back(cloud: Any) -> None:
    def encryption(key: str, returned: bool) -> dict[str, Any]:
        return {
            "connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": returned, "awsKmsKeyId": key},
            "encryptionAtRest": {"catalogEncryptionMode": "SSE-KMS", "sseAwsKmsKeyId": key},
        }

    key = cloud.make("aws:kms/key:Key", description="catalog")["arn"]
    settings = cloud.make(SETTINGS, dataCatalogEncryptionSettings=encryption(key, True))
    assert settings.id == "123456789012"
    settings.update(dataCatalogEncryptionSettings=encryption(key, False))
    assert settings.imported("123456789012").inputs["dataCatalogEncryptionSettings"] == encryption(key, False)
    cloud.provider.delete(settings.token, settings.id, settings.urn, settings.state)
    kept = cloud.client("glue").get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert kept.get("EncryptionAtRest", {}).get("CatalogEncryptionMode", "DISABLED") == "DISABLED"
