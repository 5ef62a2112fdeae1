"""FSx for Lustre over its table: file systems that grow and change, and their links to buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

FILE_SYSTEM = "aws:fsx/lustreFileSystem:LustreFileSystem"
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"


def file_system(cloud: Cloud, **changes: Any) -> Made:
    subnet = cloud.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    given = {
        "deploymentType": "SCRATCH_2",
        "storageCapacity": 1200,
        "subnetIds": subnet,
        "fileSystemTypeVersion": "2.15",
        "dataCompressionType": "LZ4",
        "rootSquashConfiguration": {"rootSquash": "65534:65534"},
        "tags": {"team": "a"},
        **changes,
    }
    return cloud.make(FILE_SYSTEM, **given)


def test_a_file_system_grows_in_place_and_moves_anew(cloud: Cloud):
    made = file_system(cloud)
    assert made["arn"].endswith(f":file-system/{made.id}") and made["mountName"]
    made.update(storageCapacity=2400)
    made.update(rootSquashConfiguration={"rootSquash": "1000:1000"})
    made.update(tags={"team": "b"})
    assert made.forecast(deploymentType="PERSISTENT_2", perUnitStorageThroughput=125).replaces
    assert made.forecast(subnetIds="subnet-0aaaaaaaaaaaaaaaa").replaces
    made.delete()


def test_a_file_system_that_grew_behind_our_back_is_seen(cloud: Cloud):
    made = file_system(cloud)
    cloud.client("fsx").update_file_system(FileSystemId=made.id, StorageCapacity=4800)
    found = made.read()
    assert found is not None and found.state["storageCapacity"] == 4800


def test_a_link_follows_its_bucket_in_place_and_points_elsewhere_anew(cloud: Cloud):
    made = file_system(cloud)
    link = cloud.make(
        LINK,
        fileSystemId=made.id,
        fileSystemPath="/data",
        dataRepositoryPath="s3://bucket/prefix",
        batchImportMetaDataOnCreate=True,
        deleteDataInFilesystem=True,
        s3={"autoImportPolicy": {"events": ["NEW"]}},
        tags={"team": "a"},
    )
    assert link["arn"].endswith(f":association/{made.id}/{link.id}")
    link.update(s3={"autoImportPolicy": {"events": ["NEW", "CHANGED", "DELETED"]}})
    assert link.forecast(dataRepositoryPath="s3://bucket/other").replaces
    link.delete()
    made.delete()


def test_a_link_needs_a_file_system(cloud: Cloud):
    told = cloud.refused(
        LINK, fileSystemId="fs-0123456789abcdef0", fileSystemPath="/data", dataRepositoryPath="s3://bucket/prefix"
    )
    assert "fs-0123456789abcdef0" in told
