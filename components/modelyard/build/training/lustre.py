"""FSx for Lustre before a dataset: filled from it, read by jobs, and deleted on its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.training.storage import FileSystemSpec, LustreSpec, PersistentStorage
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.network import NetworkLike

DATA: Final = "data"
"""Where the dataset is, below the file system's root."""

_NOBODY: Final = "65534:65534"
_VERSION: Final = "2.15"


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system as jobs find it."""

    id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    mount_name: pulumi.Output[str]

    @property
    def path(self) -> pulumi.Output[str]:
        """The dataset's place as SageMaker names it: `/<mount name>/data`."""
        return pulumi.Output.concat("/", self.mount_name, f"/{DATA}")


def file_system(pool: Component, spec: LustreSpec, *, lake: DataLake, network: NetworkLike) -> FileSystem:
    """The file system, its link to the dataset's prefix, and the schedule that deletes it.

    Jobs read it and nothing goes back: the link has no export, and root of a client is nobody here.
    """
    made = made_until_it_ends(
        pool,
        spec,
        subnet=network.subnet_ids("private")[0],
        groups=[network.security_group("training")],
        **_kept(spec, lake),
    )
    bucket = lake.zone(lake.spec.datasets[spec.dataset].zone).bucket.bucket
    linked(pool, spec, made.id, pulumi.Output.concat("s3://", bucket, f"/{lake.spec.prefix(spec.dataset).strip('/')}"))
    return FileSystem(made.id, made.dns_name, made.mount_name)


def _kept(spec: LustreSpec, lake: DataLake) -> dict[str, Any]:
    if not isinstance(spec.storage, PersistentStorage):
        return {}
    return {
        "deployment_type": "PERSISTENT_2",
        "per_unit_storage_throughput": spec.storage.mbps_per_tib,
        "kms_key_id": lake.key_arn,
        "automatic_backup_retention_days": 0,
    }


def made_until_it_ends(
    pool: Component,
    spec: FileSystemSpec,
    *,
    subnet: pulumi.Input[str],
    groups: list[pulumi.Output[str]],
    deployment_type: str = "SCRATCH_2",
    **kept: Any,
) -> aws.fsx.LustreFileSystem:
    """A file system in one subnet, and the schedule that deletes it; `kept`: how it keeps data, if not as scratch."""
    made = aws.fsx.LustreFileSystem(
        pool.written_at("lustre", spec.source()),
        deployment_type=deployment_type,
        storage_capacity=spec.capacity_gib,
        storage_type="SSD",
        subnet_ids=subnet,
        security_group_ids=groups,
        file_system_type_version=_VERSION,
        data_compression_type="LZ4",
        root_squash_configuration={"root_squash": _NOBODY},
        skip_final_backup=True,
        tags={"Name": pool.physical("tag-name", "lustre")},
        opts=pool.options(),
        **kept,
    )
    _ends(pool, spec, made)
    return made


def linked(pool: Component, spec: FileSystemSpec, system: pulumi.Input[str], uri: pulumi.Input[str]) -> None:
    """The link of a file system to what lies in S3 below `uri`, which is without a slash at its end."""
    events = ["NEW", "CHANGED", "DELETED"]
    aws.fsx.DataRepositoryAssociation(
        pool.named("lustre-dataset"),
        file_system_id=system,
        file_system_path=f"/{DATA}",
        data_repository_path=uri,
        batch_import_meta_data_on_create=True,
        delete_data_in_filesystem=True,
        s3={"auto_import_policy": {"events": events}} if spec.follow else None,
        opts=pool.options(),
    )


def _ends(pool: Component, spec: FileSystemSpec, made: aws.fsx.LustreFileSystem) -> None:
    """A schedule that deletes the file system, once: what is paid by the hour mustn't be forgotten."""
    name = pool.physical("schedule", "lustre")
    group = aws.scheduler.ScheduleGroup(pool.named("lustre-schedules"), name=name, opts=pool.options())
    role = ServiceRole(
        pool,
        "lustre-end",
        "scheduler",
        source_arn=pool.context.arn("scheduler", f"schedule-group/{name}"),
        statements=[Statement(("fsx:DeleteFileSystem",), (made.arn,))],
        description="A schedule deletes the file system on its day",
        written=spec.source(),
    )
    aws.scheduler.Schedule(
        pool.written_at("lustre-ends", spec.source("ends")),
        name=name,
        group_name=group.name,
        schedule_expression=f"at({spec.ends.isoformat()}T00:00:00)",
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": f"arn:{pool.context.partition}:scheduler:::aws-sdk:fsx:deleteFileSystem",
            "role_arn": role.arn,
            "input": pulumi.Output.json_dumps({"FileSystemId": made.id}),
        },
        opts=pool.options(depends_on=[role.may_work]),
    )


def lustre_uses_key(context: Context, systems: Sequence[pulumi.Input[str]] | None = None) -> Statement:
    """Lets FSx read a lake that the key encrypts: a statement for the services of the team's keys.

    `systems`: the ids of those that may. FSx reads a dataset by a role of its own for each file system, whose name
    nobody knows before it exists, so that without ids every file system of the account passes. Source:
    fsx/latest/LustreGuide/s3-server-side-encryption-support.
    """
    service = "s3.data-source.lustre.fsx.amazonaws.com"
    path = context.arn("iam", f"role/aws-service-role/{service}/AWSServiceRoleForFSxS3Access_", regional=False)
    which = f"{path}fs-*" if systems is None else [pulumi.Output.concat(path, system) for system in systems]
    return Statement(
        ("kms:Decrypt", "kms:DescribeKey"),
        ("*",),
        {"ArnLike": {"aws:PrincipalArn": which}},
        principal=Principal.account(context.account, context.partition),
        sid="FileSystemsReadDatasets",
    )
