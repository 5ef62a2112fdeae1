"""HyperPod: machines with GPUs that SageMaker keeps healthy, in a cluster of EKS; what pools are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from modelyard.core.access import Statement, trust_service
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES
from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.identity import Role
from modelyard.core.kubernetes import GPU, POOL
from modelyard.foundation.cluster.aws import EksCluster
from modelyard.foundation.cluster.gpus import PRESENT
from modelyard.foundation.cluster.hyperpod_spec import HyperPodGroupSpec, HyperPodSpec
from modelyard.foundation.cluster.machines import attached
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
        role, policy = self._role(cluster, key)
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
            depends_on=[role, policy, chart],
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
        policy = attached(self, "machine-policy", role, _POLICY)
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
        return role, policy


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
            "Labels": {POOL: pool, PRESENT: "true"},
            "Taints": [{"Key": GPU, "Value": "true", "Effect": "NoSchedule"}],
        },
    }
    if spec.tested:
        said["OnStartDeepHealthChecks"] = list(_CHECKS)
    if spec.training_plan is not None:
        said["TrainingPlanArn"] = spec.training_plan
    return said
