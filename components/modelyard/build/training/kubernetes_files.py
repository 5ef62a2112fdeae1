"""A dataset of a team as files on the platform's cluster: FSx for Lustre, and the one claim that mounts it.

Sources: eks/latest/userguide/fsx-csi; docs and examples of the driver, static provisioning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.build.training.lustre import DATA, linked, made_until_it_ends
from modelyard.build.training.storage import DatasetFilesSpec
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.foundation.network import NetworkLike

DRIVER: Final = "fsx.csi.aws.com"
_MODES: Final = ["ReadWriteMany"]
"""The one mode for several machines that the driver knows; the mount is read-only, whatever a pod asks."""
_CLAIMED: Final = "1Gi"
"""What the claim asks for: the volume that it names is larger, and none of the team's quota of storage."""


class DatasetFiles(Component):
    """A file system before a dataset, beside the cluster's machines; made by the platform, deleted on its day.

    `groups`: those of the cluster's machines, whose members alone reach it. No pod makes a volume of its own of it: the
    platform's volume names the one claim that may have it, and shows the dataset alone, read-only. `link` once the
    team's key lets the file system read. `opts` lead to the platform's account and into the cluster.
    """

    CAPABILITY = "training"

    def __init__(
        self,
        name: str,
        spec: DatasetFilesSpec,
        *,
        context: Context,
        dataset: str,
        network: NetworkLike,
        groups: list[pulumi.Output[str]],
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.dataset = spec, dataset
        self._made = made_until_it_ends(self, spec, subnet=network.subnet_ids("private")[0], groups=groups)
        self.id: pulumi.Output[str] = self._made.id
        self.claim: str = self.physical("kubernetes")
        """What jobs mount."""
        self.register_outputs({"id": self.id, "claim": self.claim})

    def link(self, bucket: str, namespace: pulumi.Input[str]) -> None:
        """Show what lies in the bucket below the dataset's name, by a claim in the namespace."""
        linked(self, self.spec, self.id, f"s3://{bucket}/{self.dataset}")
        volume = kubernetes.core.v1.PersistentVolume(
            self.named("volume"),
            metadata={"name": self.claim},
            spec={
                "access_modes": _MODES,
                "capacity": {"storage": f"{self.spec.capacity_gib}Gi"},
                "claim_ref": {
                    "api_version": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": self.claim,
                    "namespace": namespace,
                },
                "csi": {
                    "driver": DRIVER,
                    "volume_handle": self.id,
                    "read_only": True,
                    "volume_attributes": {
                        "dnsname": self._made.dns_name,
                        "mountname": pulumi.Output.concat(self._made.mount_name, f"/{DATA}"),
                    },
                },
                "mount_options": ["ro", "relatime", "flock"],
                "persistent_volume_reclaim_policy": "Retain",
                "storage_class_name": "",
            },
            opts=self.options(),
        )
        kubernetes.core.v1.PersistentVolumeClaim(
            self.named("claim"),
            metadata={"name": self.claim, "namespace": namespace},
            spec={
                "access_modes": _MODES,
                "resources": {"requests": {"storage": _CLAIMED}},
                "storage_class_name": "",
                "volume_name": self.claim,
            },
            opts=self.options(depends_on=[volume]),
        )
