"""The instances that Batch starts: launch template, placement group, instance profile, compute environment."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.training.batch_fence import may_be_an_instance
from modelyard.build.training.checks import max_vcpus
from modelyard.build.training.flavours import BatchTraining, CapacityBlock
from modelyard.build.training.lustre import DATA, FileSystem
from modelyard.build.training.spec import TrainingSpec
from modelyard.core import access
from modelyard.core.access import trust_service
from modelyard.core.component import Component
from modelyard.core.identity import Role

MOUNTED: Final = "/fsx"
"""Where an instance has the file system."""

_LONGEST_UPDATE: Final = 7200
_BOUNDARY: Final = "==MODELYARD=="


def compute_environment(
    pool: Component,
    spec: TrainingSpec,
    flavour: BatchTraining,
    *,
    subnets: Sequence[pulumi.Output[str]],
    groups: Sequence[pulumi.Output[str]],
    log_group: str,
    files: FileSystem | None,
) -> aws.batch.ComputeEnvironment:
    """Instances of the allowed types, none while no job waits; Batch ends them when they have nothing to do.

    The service-linked role makes its changes in place (batch/latest/userguide/updating-compute-environments).
    """
    name = pool.physical("batch", "compute")
    profile, may_work = _profile(pool, name, log_group)
    template = _template(pool, spec, flavour, groups, files)
    resources: dict[str, Any] = {
        "type": "SPOT" if spec.spot else "EC2",
        "allocation_strategy": "SPOT_PRICE_CAPACITY_OPTIMIZED" if spec.spot else "BEST_FIT_PROGRESSIVE",
        "min_vcpus": 0,
        "max_vcpus": max_vcpus(spec),
        "instance_types": list(spec.instance_types),
        "subnets": list(subnets),
        "instance_role": profile.arn,
        "launch_template": {"launch_template_id": template.id, "version": template.latest_version.apply(str)},
        "ec2_configurations": [{"image_type": kind} for kind in _images(spec)],
        "tags": pool.context.tags_for(pool.component),
    }
    if flavour.capacity is None and any(program.nodes > 1 for program in flavour.programs.values()):
        group = aws.ec2.PlacementGroup(
            pool.named("placement"),
            name=pool.physical("placement-group"),
            strategy="cluster",
            tags={"Name": pool.physical("placement-group")},
            opts=pool.options(),
        )
        resources["placement_group"] = group.name
    return aws.batch.ComputeEnvironment(
        pool.named("compute"),
        name=name,
        type="MANAGED",
        state="ENABLED",
        compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(**resources),
        update_policy={
            "terminate_jobs_on_update": False,
            "job_execution_timeout_minutes": min(spec.max_runtime_minutes, _LONGEST_UPDATE),
        },
        tags={"Name": name},
        opts=pool.options(depends_on=[may_work]),
    )


def _images(spec: TrainingSpec) -> list[str]:
    """The families of Amazon's ECS images: with NVIDIA's driver for types that have GPUs."""
    gpus = {instance.gpus > 0 for instance in spec.instances()}
    return [image for has, image in ((True, "ECS_AL2023_NVIDIA"), (False, "ECS_AL2023")) if has in gpus]


def _profile(pool: Component, environment: str, log_group: str) -> tuple[aws.iam.InstanceProfile, aws.iam.RolePolicy]:
    role = Role(
        pool.named("instance"),
        context=pool.context,
        trusted=[trust_service("ec2.amazonaws.com", context=pool.context)],
        description=f"Instances of {pool.component} join Batch's cluster by it",
        opts=pulumi.ResourceOptions(parent=pool),
        written=pool.written,
    )
    may_work = aws.iam.RolePolicy(
        pool.named("instance-work"),
        name="work",
        role=role.role_name,
        policy=access.policy_json(may_be_an_instance(pool.context, environment=environment, log_group=log_group)),
        opts=pool.options(),
    )
    profile = aws.iam.InstanceProfile(
        pool.named("instance-profile"),
        name=pool.physical("instance-profile"),
        path=pool.context.names.path,
        role=role.role_name,
        tags={},
        opts=pool.options(),
    )
    return profile, may_work


def _template(
    pool: Component,
    spec: TrainingSpec,
    flavour: BatchTraining,
    groups: Sequence[pulumi.Output[str]],
    files: FileSystem | None,
) -> aws.ec2.LaunchTemplate:
    """Encrypted disks, IMDSv2 out of a container's reach, no public address, adapters and capacity."""
    tags = pool.context.tags_for(pool.component)
    chosen: dict[str, Any] = {}
    if flavour.capacity is not None:
        chosen["capacity_reservation_specification"] = {
            "capacity_reservation_target": {"capacity_reservation_id": flavour.capacity.id}
        }
    if isinstance(flavour.capacity, CapacityBlock):
        chosen["instance_market_options"] = {"market_type": "capacity-block"}
        chosen["instance_type"] = spec.instance_types[0]
    if files is not None:
        chosen["user_data"] = pulumi.Output.all(files.dns_name, files.mount_name).apply(lambda f: _mounts(*f))
    return aws.ec2.LaunchTemplate(
        pool.named("template"),
        name=pool.physical("launch-template"),
        update_default_version=True,
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {
                    "delete_on_termination": "true",
                    "encrypted": "true",
                    "volume_size": spec.volume_gib,
                    "volume_type": "gp3",
                },
            }
        ],
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        network_interfaces=_interfaces(spec, list(groups)),
        tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
        tags={"Name": pool.physical("launch-template")},
        opts=pool.options(),
        **chosen,
    )


def _interfaces(
    spec: TrainingSpec, groups: list[pulumi.Output[str]]
) -> list[aws.ec2.LaunchTemplateNetworkInterfaceArgs]:
    """One interface without a public address; with EFA, one adapter for each network card.

    EC2 takes the setting of public addresses for a single interface only, and gives several none
    (AWSEC2/latest/UserGuide/efa-acc-inst-types).
    """
    cards = min((instance.efa_interfaces for instance in spec.instances()), default=1) if spec.distributed.efa else 1
    found: list[aws.ec2.LaunchTemplateNetworkInterfaceArgs] = []
    for card in range(max(cards, 1)):
        interface: dict[str, Any] = {
            "delete_on_termination": "true",
            "device_index": 0 if card == 0 else 1,
            "network_card_index": card,
            "security_groups": groups,
        }
        if spec.distributed.efa:
            interface["interface_type"] = "efa"
        if cards <= 1:
            interface["associate_public_ip_address"] = "false"
        found.append(aws.ec2.LaunchTemplateNetworkInterfaceArgs(**interface))
    return found


def _mounts(dns_name: str, mount_name: str) -> str:
    """What an instance does before it joins: it mounts the file system, to read (Batch wants several MIME parts)."""
    script = "\n".join(
        (
            "#!/bin/bash",
            "set -eu",
            "command -v mount.lustre || dnf install -y lustre-client",
            f"mkdir -p {MOUNTED}",
            f"mount -t lustre -o ro,relatime,flock {dns_name}@tcp:/{mount_name}/{DATA} {MOUNTED}",
        )
    )
    parts = (
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"',
        "",
        f"--{_BOUNDARY}",
        'Content-Type: text/x-shellscript; charset="us-ascii"',
        "",
        script,
        "",
        f"--{_BOUNDARY}--",
        "",
    )
    return base64.b64encode("\n".join(parts).encode()).decode()
