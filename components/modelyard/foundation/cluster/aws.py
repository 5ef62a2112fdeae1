"""A cluster of EKS that a platform engineer would sign for, and the machines of its own pods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from modelyard.core.access import Principal, Statement, trust_account, trust_roles, trust_service
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.identity import Role
from modelyard.foundation.cluster.kubeconfig import kubeconfig
from modelyard.foundation.cluster.machines import DATA_DISK, attached, machine_role
from modelyard.foundation.cluster.spec import FILES, AddonName, EksClusterSpec, PublicEndpoint
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import PlatformNetwork

_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ADMINISTRATOR: Final = "arn:{}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_CLUSTERS: Final = ("AmazonEKSClusterPolicy",)
_IMAGES: Final = {"bottlerocket": "BOTTLEROCKET_x86_64", "al2023": "AL2023_x86_64_STANDARD"}
_IDENTITIES: Final[Mapping[AddonName, tuple[str, str | None]]] = {
    "vpc-cni": ("aws-node", "AmazonEKS_CNI_Policy"),
    "aws-ebs-csi-driver": ("ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
    FILES: ("fsx-csi-controller-sa", None),
}
"""Add-ons that call AWS: their service account, and the policy that AWS keeps for them (eks/latest/userguide).

The guide gives the driver of FSx all rights to FSx. Here it mounts what the platform made, and makes nothing itself.
"""

_SETTINGS: Final[Mapping[AddonName, str]] = {"vpc-cni": json.dumps({"enableNetworkPolicy": "true"})}
"""Network policies do nothing until somebody asks for them (eks/latest/userguide/cni-network-policy-configure)."""


def trust_pods(context: Context, cluster: str) -> list[Statement]:
    """Lets pods of one cluster assume a role by EKS Pod Identity.

    Source: eks/latest/userguide/pod-id-role.
    """
    whose = {
        "StringEquals": {"aws:SourceAccount": context.account},
        "ArnEquals": {"aws:SourceArn": context.arn("eks", f"cluster/{cluster}")},
    }
    pods = Principal.service("pods.eks.amazonaws.com")
    return [Statement(("sts:AssumeRole", "sts:TagSession"), (), whose, principal=pods)]


class EksCluster(Component):
    """A cluster of EKS: its API inside the network alone, its secrets under the platform's key, its logs kept.

    Whoever makes it may do nothing in it by that; `administrators` of the spec may, and a role that `deployers` assume
    to put the platform's objects into it (role ARNs; absent: whoever IAM lets, in this account). Nodes have encrypted
    disks, no way to their own credentials for pods, and are repaired when they fail. Pods get identities by EKS Pod
    Identity.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: EksClusterSpec,
        *,
        context: Context,
        keys: KeysLike,
        network: PlatformNetwork,
        deployers: Sequence[str] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.cluster_name: str = self.physical("eks-cluster")
        self._key = keys.arn("cluster")
        self._subnets = network.subnet_ids("private")
        self._workload = network.security_group("workload")
        for service in ("eks", "eks-auth", "ec2", "ecr.api", "ecr.dkr", "sts", "logs"):
            network.use(service)
        if FILES in spec.addons:
            network.use("fsx")
        role = self._role("control-plane", [trust_service("eks.amazonaws.com", context=context)], "Runs the cluster")
        policies = [attached(self, f"control-plane-{policy.lower()}", role, policy) for policy in _CLUSTERS]
        role.allow(
            self,
            "encrypt Kubernetes secrets",
            [Statement(("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"), (self._key,))],
        )
        log_group = aws.cloudwatch.LogGroup(
            self.named("log-group"),
            name=f"/aws/eks/{self.cluster_name}/cluster",
            retention_in_days=spec.log_days,
            kms_key_id=keys.arn("logs"),
            opts=self.options(),
        )
        self._cluster = self._make(role, [log_group, *policies])
        self.arn: pulumi.Output[str] = self._cluster.arn
        self.endpoint: pulumi.Output[str] = self._cluster.endpoint
        self.made: pulumi.Output[str] = self._cluster.name
        """Its name, once it is there."""
        own = self._cluster.vpc_config.apply(lambda found: found.cluster_security_group_id or "")
        self.security_groups: list[pulumi.Output[str]] = [own, self._workload]
        """Of its machines: EKS's own for the cluster, and the one that reaches AWS by the network's endpoints."""
        for index, administrator in enumerate(spec.administrators):
            self._admit(f"administrator-{index + 1}", administrator)
        trusted = trust_roles(*deployers) if deployers else trust_account(context)
        objects = self._role("objects", [trusted], "Puts the platform's objects into the cluster")
        admitted = self._admit("objects", objects.arn)
        nodes = self._nodes()
        for addon in spec.addons:
            self._addon(addon, nodes)
        self.certificate: pulumi.Output[str] = self._cluster.certificate_authority.apply(lambda found: found.data or "")
        self.issuer: pulumi.Output[str] = self._cluster.identities.apply(_issuer)
        """Of the tokens of its service accounts; IAM believes them once `trust_tokens` was called."""
        self._objects = kubernetes.Provider(
            self.named("objects"),
            kubeconfig=kubeconfig(context, self.cluster_name, self.endpoint, self.certificate, objects.arn),
            opts=self.options(depends_on=[admitted, nodes]),
        )
        self.register_outputs({"arn": self.arn, "endpoint": self.endpoint, "name": self._cluster.name})

    def into(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a component whose objects go into this cluster."""
        return pulumi.ResourceOptions(providers={"kubernetes": self._objects}, **options)

    def trust_tokens(self) -> aws.iam.OpenIdConnectProvider:
        """Let roles trust what asks with a token of one of the cluster's accounts; pods need none of that.

        Source: eks/latest/userguide/enable-iam-roles-for-service-accounts.
        """
        return aws.iam.OpenIdConnectProvider(
            self.named("tokens"), url=self.issuer, client_id_lists=["sts.amazonaws.com"], opts=self.options()
        )

    def contract(self) -> dict[str, Any]:
        """What a `ClusterContract` says of the cluster; its values may still be unknown."""
        return {
            "kind": self.spec.kind,
            "name": self.cluster_name,
            "version": self.spec.version,
            "endpoint": self.endpoint,
            "certificate": self.certificate,
            "issuer": self.issuer,
        }

    def _role(self, role: str, trusted: list[Statement], description: str) -> Role:
        return Role(
            self.named(role), context=self.context, trusted=trusted, description=description, opts=self.options()
        )

    def _make(self, role: Role, after: list[pulumi.Resource]) -> aws.eks.Cluster:
        spec, endpoint = self.spec, self.spec.endpoint
        public = isinstance(endpoint, PublicEndpoint)
        protected = self.context.production if spec.deletion_protection is None else spec.deletion_protection
        return aws.eks.Cluster(
            self.named("cluster"),
            name=self.cluster_name,
            role_arn=role.arn,
            version=spec.version,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            deletion_protection=protected,
            enabled_cluster_log_types=list(_LOGS),
            encryption_config={"provider": {"key_arn": self._key}, "resources": ["secrets"]},
            kubernetes_network_config=(
                {"service_ipv4_cidr": spec.services_cidr, "ip_family": "ipv4"} if spec.services_cidr else None
            ),
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config={
                "subnet_ids": self._subnets,
                "endpoint_private_access": True,
                "endpoint_public_access": public,
                "public_access_cidrs": list(endpoint.cidrs) if isinstance(endpoint, PublicEndpoint) else None,
            },
            opts=self.options(depends_on=[role, *after], protect=self.context.production),
        )

    def _admit(self, part: str, role_arn: pulumi.Input[str]) -> aws.eks.AccessPolicyAssociation:
        """Lets a role do everything in the cluster (eks/latest/userguide/access-policies)."""
        entry = aws.eks.AccessEntry(
            self.named(part),
            cluster_name=self._cluster.name,
            principal_arn=role_arn,
            type="STANDARD",
            opts=self.options(),
        )
        return aws.eks.AccessPolicyAssociation(
            self.named(f"{part}-policy"),
            cluster_name=self._cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=_ADMINISTRATOR.format(self.context.partition),
            access_scope={"type": "cluster"},
            opts=self.options(delete_before_replace=True),
        )

    def _nodes(self) -> aws.eks.NodeGroup:
        spec = self.spec.system
        role, policies = machine_role(self, "node", "Machines of the cluster")
        template = aws.ec2.LaunchTemplate(
            self.named("node-template"),
            name=self.physical("launch-template", "system"),
            update_default_version=True,
            vpc_security_group_ids=self.security_groups,
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[
                {
                    "device_name": DATA_DISK[spec.operating_system],
                    "ebs": {
                        "volume_size": spec.volume_gib,
                        "volume_type": "gp3",
                        "encrypted": "true",
                        "kms_key_id": self._key,
                        "delete_on_termination": "true",
                    },
                }
            ],
            opts=self.options(),
        )
        return aws.eks.NodeGroup(
            self.named("system"),
            cluster_name=self._cluster.name,
            node_group_name=self.physical("eks-node-group", "system"),
            node_role_arn=role.arn,
            subnet_ids=self._subnets,
            ami_type=_IMAGES[spec.operating_system],
            instance_types=list(spec.instance_types),
            version=self.spec.version,
            scaling_config={"min_size": spec.least, "max_size": spec.most, "desired_size": spec.least},
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            labels={"modelyard.dev/pool": "system"},
            opts=self.options(depends_on=[role, *policies], ignore_changes=["scalingConfig.desiredSize"]),
        )

    def _associated(self, name: AddonName, account: str, role: Role) -> aws.eks.PodIdentityAssociation:
        """An add-on's identity, made here: one that EKS makes for it bears no tag, and a team could make it its own."""
        return aws.eks.PodIdentityAssociation(
            self.named(f"{name}-identity"),
            cluster_name=self._cluster.name,
            namespace="kube-system",
            service_account=account,
            role_arn=role.arn,
            opts=self.options(),
        )

    def _addon(self, name: AddonName, nodes: aws.eks.NodeGroup) -> None:
        version, identity = self.spec.addons[name].version, _IDENTITIES.get(name)
        after: list[pulumi.Resource] = [] if name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent") else [nodes]
        if identity is not None:
            account, policy = identity
            role = self._role(name, trust_pods(self.context, self.cluster_name), f"The add-on {name} of the cluster")
            if policy is None:
                role.allow(self, "look at file systems", [Statement(("fsx:DescribeFileSystems",), ("*",))])
            else:
                after.append(attached(self, f"{name}-policy", role, policy))
            after.append(self._associated(name, account, role))
        aws.eks.Addon(
            self.named(f"{name}-addon"),
            cluster_name=self._cluster.name,
            addon_name=name,
            addon_version=version,
            configuration_values=_SETTINGS.get(name),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self.options(depends_on=after),
        )


def _issuer(identities: Sequence[Any]) -> str:
    return identities[0].oidcs[0].issuer
