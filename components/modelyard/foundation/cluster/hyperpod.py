"""HyperPod: machines with GPUs that SageMaker keeps healthy, in a cluster of EKS; what pools are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pydantic import Field, StringConstraints

from modelyard.core.access import Statement, trust_service
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES
from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.identity import Role
from modelyard.core.instances import InstanceCatalogue
from modelyard.core.kubernetes import POOL
from modelyard.core.spec import Name, Spec
from modelyard.foundation.cluster.aws import EksCluster
from modelyard.foundation.cluster.charts import ChartVersion
from modelyard.foundation.cluster.gpus import GPU
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import PlatformNetwork

_TYPE: Final = "AWS::SageMaker::Cluster"
_POLICY: Final = "AmazonSageMakerClusterInstanceRolePolicy"
_CHECKS: Final = ("InstanceStress", "InstanceConnectivity")
_SECONDS: Final = 900
_ADDRESSES: Final = (
    *JOB_IN_A_VPC,
    "ec2:AssignPrivateIpAddresses",
    "ec2:AttachNetworkInterface",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeTags",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
)
"""What its machines do to give pods addresses (sagemaker/latest/dg/sagemaker-hyperpod-prerequisites-iam)."""


class HyperPodGroupSpec(Spec):
    """Machines of one type, which are there whether anybody uses them or not."""

    instance_type: Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$", max_length=32)] = Field(
        description="Their type, as SageMaker calls it."
    )
    machines: int = Field(ge=1, le=6758, description="How many there are, all the time.")
    training_plan: (
        Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:training-plan/.*$")]
        | None
    ) = Field(default=None, description="The ARN of a training plan that pays for them. Absent: on demand.")
    volume_gib: int = Field(default=500, ge=20, le=16_384, description="GiB of each machine's encrypted disk.")
    tested: bool = Field(
        default=True,
        description="Whether GPUs and their network are tested for an hour or two before a machine takes any work.",
    )

    def check(self) -> Iterator[Fault]:
        """Types that have GPUs."""
        catalogue = InstanceCatalogue.shipped()
        found = catalogue.get(self.instance_type)
        if found is None:
            close = catalogue.closest(self.instance_type)
            remedy = f"Did you mean {close}?" if close else "Use one that docs/gpu-pools.md tells of."
            yield self.fault("instance_type", "isn't in the catalogue of instances", remedy, self.instance_type)
        elif not found.gpus:
            remedy = "Use one that has, such as ml.p4d.24xlarge."
            yield self.fault("instance_type", "has no GPU of NVIDIA's", remedy, self.instance_type)


class HyperPodSpec(Spec):
    """Machines that SageMaker tests, watches and replaces, beside the cluster's other ones."""

    groups: dict[Name, HyperPodGroupSpec] = Field(
        min_length=1, max_length=100, description="Machines, by the name of the pool that pods choose them by."
    )
    chart: Annotated[str, StringConstraints(pattern=r"^(oci://|\./|/)\S+$", max_length=500)] = Field(
        description=(
            "Where HyperPod's own chart lies: AWS publishes it as a folder, helm_chart/HyperPodHelmChart of "
            "github.com/aws/sagemaker-hyperpod-cli. A copy of it beside the program (./…), or in a registry (oci://…)."
        )
    )
    chart_version: ChartVersion | None = Field(
        default=None, description="The chart's version in the registry. Absent for a folder, which has its own."
    )
    recovery: bool = Field(default=True, description="Whether SageMaker replaces machines that fail.")

    def check(self) -> Iterator[Fault]:
        """A chart in a registry has a version."""
        if self.chart.startswith("oci://") and self.chart_version is None:
            yield self.fault("chart_version", "isn't said, and a registry holds several", "Say one.")


class HyperPod(Component):
    """Machines of SageMaker HyperPod in a cluster of EKS, through Cloud Control.

    They carry the label `modelyard.dev/pool` and the taint `nvidia.com/gpu` as those of pools do. Whoever deploys
    needs HyperPod's chart, which comes before.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: HyperPodSpec,
        *,
        context: Context,
        cluster: EksCluster,
        network: PlatformNetwork,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        for service in ("sagemaker.api", "ec2", "eks-auth", "ecr.api", "ecr.dkr", "logs", "sts"):
            network.use(service)
        key = keys.arn("cluster")
        role, attached = self._role(cluster, key)
        chart = kubernetes.helm.v3.Release(
            self.named("chart"),
            name="hyperpod-dependencies",
            chart=spec.chart,
            version=spec.chart_version,
            namespace="kube-system",
            atomic=True,
            cleanup_on_fail=True,
            timeout=_SECONDS,
            opts=self.options(depends_on=[cluster]),
        )
        groups = [*cluster.security_groups, network.security_group("training")]
        made = cloudformation(
            self,
            "cluster",
            _TYPE,
            {
                "ClusterName": self.physical("sagemaker"),
                "Orchestrator": {"Eks": {"ClusterArn": cluster.arn}},
                "NodeRecovery": "Automatic" if spec.recovery else "None",
                "NodeProvisioningMode": "Continuous",
                "VpcConfig": {"SecurityGroupIds": groups, "Subnets": network.subnet_ids("private")},
                "InstanceGroups": [_group(pool, group, role.arn, key) for pool, group in sorted(spec.groups.items())],
            },
            tags="list",
            depends_on=[role, attached, chart],
        )
        self.register_outputs({"cluster": made.id})

    def _role(self, cluster: EksCluster, key: pulumi.Input[str]) -> tuple[Role, aws.iam.RolePolicyAttachment]:
        role = Role(
            self.named("machine"),
            context=self.context,
            trusted=[trust_service("sagemaker.amazonaws.com", context=self.context)],
            description="Machines of HyperPod",
            opts=self.options(),
        )
        attached = aws.iam.RolePolicyAttachment(
            self.named("machine-policy"),
            role=role.role_name,
            policy_arn=f"arn:{self.context.partition}:iam::aws:policy/{_POLICY}",
            opts=self.options(),
        )
        images = (self.context.arn("ecr", "repository/*"),)
        interfaces = (self.context.arn("ec2", "network-interface/*"),)
        by_ec2: dict[str, dict[str, Any]] = {
            "StringEquals": {"kms:ViaService": f"ec2.{self.context.region}.amazonaws.com"}
        }
        role.allow(
            self,
            "join the cluster",
            [
                Statement(_ADDRESSES, ("*",), sid="GivePodsAddresses"),
                Statement(("ec2:CreateTags",), interfaces, sid="TagTheirInterfaces"),
                Statement(("ecr:GetAuthorizationToken",), ("*",), sid="SignInToRegistries"),
                Statement(PULL_IMAGES, images, sid="PullImages"),
                Statement(("eks-auth:AssumeRoleForPodIdentity",), (cluster.arn,), sid="GivePodsIdentities"),
                Statement(("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"), (key,), by_ec2, sid="EncryptDisks"),
                Statement(("kms:CreateGrant",), (key,), {**by_ec2, **FOR_SERVICES}, sid="LetDisksBeEncrypted"),
            ],
        )
        return role, attached


def _group(pool: str, spec: HyperPodGroupSpec, role: pulumi.Input[str], key: pulumi.Input[str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "InstanceGroupName": pool,
        "InstanceType": spec.instance_type,
        "InstanceCount": spec.machines,
        "ExecutionRole": role,
        "InstanceStorageConfigs": [
            {"EbsVolumeConfig": {"VolumeSizeInGB": spec.volume_gib, "VolumeKmsKeyId": key}},
        ],
        "KubernetesConfig": {
            "Labels": {POOL: pool},
            "Taints": [{"Key": GPU, "Value": "true", "Effect": "NoSchedule"}],
        },
    }
    if spec.tested:
        said["OnStartDeepHealthChecks"] = list(_CHECKS)
    if spec.training_plan is not None:
        said["TrainingPlanArn"] = spec.training_plan
    return said
