"""What a platform file says about its cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.kubernetes import GPU
from modelyard.core.spec import REPLACES, LogDays, Name, RoleArn, Spec
from modelyard.foundation.cluster.charts import EXPORTER, ChartName, ChartsSpec
from modelyard.foundation.cluster.gateways_spec import GatewayOfTeamsSpec
from modelyard.foundation.cluster.hyperpod_spec import HyperPodSpec
from modelyard.foundation.cluster.pools import OF_THE_CLUSTER, PoolSpec
from modelyard.foundation.cluster.queues_spec import TOPOLOGY, PoolLimit, SharingSpec
from modelyard.foundation.cluster.versions import STANDARD_SUPPORT_ENDS

Version = Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{2}$")]
InstanceTypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", max_length=32)]
AddonVersion = Annotated[str, StringConstraints(pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$")]
Cidr = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
AddonName = Literal[
    "vpc-cni",
    "coredns",
    "kube-proxy",
    "eks-pod-identity-agent",
    "aws-ebs-csi-driver",
    "eks-node-monitoring-agent",
    "aws-fsx-csi-driver",
]
FILES: Final[AddonName] = "aws-fsx-csi-driver"
"""What mounts file systems of FSx for Lustre."""
NEEDED: Final[tuple[AddonName, ...]] = ("vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent")
"""Without these no pod gets an address, a name, a way to a service, or an identity."""


class PrivateEndpoint(Spec):
    """The API server is reached from inside the network alone."""

    kind: Literal["private"] = Field(default="private", description="Reached from inside the network alone.")


class PublicEndpoint(Spec):
    """The API server is reached from the internet, too; who calls still has to be somebody."""

    kind: Literal["public"] = Field(description="Reached from the internet, too.")
    cidrs: tuple[Cidr, ...] = Field(min_length=1, max_length=40, description="From these addresses alone.")
    unsafe_because: Annotated[str, StringConstraints(min_length=10, max_length=300)] = Field(
        description="Why a way from the internet is needed; it stands in the report."
    )

    def check(self) -> Iterator[Fault]:
        """Everybody is nobody in particular."""
        for index, cidr in enumerate(self.cidrs):
            if cidr.endswith("/0"):
                yield self.fault(f"cidrs[{index}]", "is the whole internet", "Name your own addresses.", cidr)


class SystemNodesSpec(Spec):
    """The machines of what the cluster itself runs; GPUs have pools of their own."""

    instance_types: tuple[InstanceTypeName, ...] = Field(
        default=("m6i.large",),
        min_length=1,
        max_length=10,
        description="Types, the most wanted first. The cheapest that hold the add-ons.",
    )
    least: int = Field(
        default=2, ge=1, le=100, description="Machines at least. Two: one may be replaced while the other works."
    )
    most: int = Field(default=4, ge=1, le=100, description="Machines at most: room for an upgrade.")
    volume_gib: int = Field(default=50, ge=20, le=1000, description="GiB of each encrypted disk.")
    operating_system: Literal["bottlerocket", "al2023"] = Field(
        default="bottlerocket", description="What they run. Bottlerocket: no shell, read-only, updated as a whole."
    )

    def check(self) -> Iterator[Fault]:
        """The most is at least the least."""
        if self.most < self.least:
            yield self.fault("most", f"is less than least, {self.least}", "Raise it.", self.most)


class AddonSpec(Spec):
    """One add-on that EKS manages."""

    version: AddonVersion | None = Field(
        default=None,
        description=(
            "Its version, as v1.20.1-eksbuild.3. Absent: EKS's default when the add-on is made, and that one until "
            "another is named."
        ),
    )


class ExistingPoolSpec(Spec):
    """Machines with GPUs that a cluster has already; their nodes carry the label `modelyard.dev/pool`."""

    gpus: int = Field(ge=1, le=100_000, description="GPUs that it has at most, or slices of them.")
    resource: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$", max_length=253)] = Field(
        default=GPU, description="What pods ask for: nvidia.com/gpu, or a slice such as nvidia.com/mig-3g.20gb."
    )
    topology: bool = Field(default=False, description=TOPOLOGY)


class ExistingClusterSpec(Spec):
    """A conformant cluster that somebody else runs: the same capabilities, without the AWS part."""

    kind: Literal["existing"] = Field(description="A cluster that is there already.")
    context: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="The context of the kubeconfig that leads to it."
    )
    version: Version = Field(description="The version of Kubernetes that it runs; charts must fit it.")
    pools: dict[Name, ExistingPoolSpec] = Field(
        default_factory=dict[str, ExistingPoolSpec], description="Its machines with GPUs, by the name of the pool."
    )
    api_servers: tuple[Cidr, ...] = Field(
        default=(),
        max_length=40,
        description=(
            "Where its API servers answer, as machines' addresses (10.0.0.0/28). Absent: nobody looks for idle GPUs, "
            "for which they are asked."
        ),
    )
    charts: ChartsSpec = Field(default_factory=ChartsSpec, description="Where charts come from, and in which versions.")
    sharing: SharingSpec = Field(default_factory=SharingSpec, description="How teams share its GPUs.")
    gateways: dict[Name, GatewayOfTeamsSpec] = Field(
        default_factory=dict[str, GatewayOfTeamsSpec],
        description="What lets calls in to models that teams serve, by name. Absent: nothing of the platform's.",
    )

    @property
    def limits(self) -> dict[str, PoolLimit]:
        """What sharing needs to know of each pool."""
        return {name: PoolLimit(pool.gpus, pool.resource, pool.topology) for name, pool in self.pools.items()}

    def check(self) -> Iterator[Fault]:
        """Charts that don't fit, and idle GPUs that nobody could find."""
        yield from self.charts.unfit(self.version, self.charts.install)
        yield from self.sharing.unmeasured(self.charts.install)
        for gateway in self.gateways.values():
            yield from gateway.faults_on(eks=False, installed=self.charts.install)
        if self.sharing.idle is not None and not self.api_servers:
            problem = "stops runs by the API server, and nobody said where that answers"
            yield self.sharing.fault("idle", problem, 'Say it under "api_servers".')


class EksClusterSpec(Spec):
    """A Kubernetes cluster on EKS, private, audited, and with an identity for every pod."""

    kind: Literal["eks"] = Field(default="eks", description="A cluster of ours, on EKS.")
    version: Version = Field(description="The version of Kubernetes. It goes up by one step at a time, and never down.")
    endpoint: Annotated[PrivateEndpoint | PublicEndpoint, Field(discriminator="kind")] = Field(
        default_factory=PrivateEndpoint,
        description=(
            "Where the API server is reached (kind: private or public). Private: what nobody reaches nobody tries."
        ),
    )
    administrators: tuple[RoleArn, ...] = Field(
        default=(),
        max_length=10,
        description=(
            "Roles that may do everything in the cluster; the one that makes it may nothing by that. Absent: nobody."
        ),
    )
    services_cidr: Annotated[Cidr | None, REPLACES] = Field(
        default=None,
        description="Addresses of Kubernetes services. Absent: EKS chooses 10.100.0.0/16 or 172.20.0.0/16.",
    )
    log_days: LogDays = Field(
        default=90, description="Days that the control plane's logs stay: a quarter to look back."
    )
    deletion_protection: bool | None = Field(
        default=None, description="Whether EKS refuses to delete it. Absent: in production."
    )
    system: SystemNodesSpec = Field(
        default_factory=SystemNodesSpec, description="The machines of the cluster's own pods."
    )
    addons: dict[AddonName, AddonSpec] = Field(
        default_factory=lambda: {name: AddonSpec() for name in get_args(AddonName) if name != FILES},
        description=(
            "What EKS manages in it. Network, names, proxy and identities are needed; disks and the health of nodes "
            "are there by default. aws-fsx-csi-driver mounts datasets as files; absent, since few need it."
        ),
    )

    pools: dict[Name, PoolSpec] = Field(
        default_factory=dict[str, PoolSpec],
        description="Machines with GPUs, by the name of the pool. Absent: none, and no Karpenter.",
    )
    hyperpod: HyperPodSpec | None = Field(
        default=None,
        description=(
            "Machines with GPUs that SageMaker HyperPod keeps healthy, and that stand all the time. Absent: none; they "
            "are paid whether anybody uses them or not."
        ),
    )
    charts: ChartsSpec = Field(default_factory=ChartsSpec, description="Where charts come from, and in which versions.")
    sharing: SharingSpec = Field(default_factory=SharingSpec, description="How teams share the GPUs.")
    gateways: dict[Name, GatewayOfTeamsSpec] = Field(
        default_factory=dict[str, GatewayOfTeamsSpec],
        description="What lets calls in to models that teams serve, by name. Absent: nothing of the platform's.",
    )

    @property
    def limits(self) -> dict[str, PoolLimit]:
        """What sharing needs to know of each pool."""
        standing = self.hyperpod.limits if self.hyperpod else {}
        return {**{name: PoolLimit(pool.most[GPU]) for name, pool in self.pools.items()}, **standing}

    @property
    def needed_charts(self) -> list[ChartName]:
        """What its machines need, and what the file asks for beyond that."""
        needed: list[ChartName] = [EXPORTER] if self.pools or self.hyperpod else []
        if self.pools:
            needed.append("karpenter")
        if any(pool.image.family == "al2023" for pool in self.pools.values()):
            needed.append("nvidia-device-plugin")
        if any(pool.efa for pool in self.pools.values()):
            needed.append("efa-device-plugin")
        return [*needed, *(name for name in self.charts.install if name not in needed)]

    def check(self) -> Iterator[Fault]:
        """Versions that EKS has, charts that fit, pools under one name, and what no cluster works without."""
        if self.version not in STANDARD_SUPPORT_ENDS:
            known = ", ".join(STANDARD_SUPPORT_ENDS)
            yield self.fault("version", f"isn't known here; there are: {known}", "Name one of them.", self.version)
        missing = [name for name in NEEDED if name not in self.addons]
        if missing:
            yield self.fault("addons", f"lacks {', '.join(missing)}", "Add them: no pod works without.")
        yield from self.charts.unfit(self.version, self.needed_charts)
        yield from self.sharing.unmeasured(self.needed_charts)
        for gateway in self.gateways.values():
            yield from gateway.faults_on(eks=True, installed=self.charts.install)
        if self.hyperpod is not None:
            yield from self._standing(self.hyperpod)

    def _standing(self, hyperpod: HyperPodSpec) -> Iterator[Fault]:
        for name in hyperpod.groups:
            if name in self.pools or name == OF_THE_CLUSTER:
                whose = "the cluster's own nodes are" if name == OF_THE_CLUSTER else "one of the pools is"
                yield hyperpod.fault(f"groups.{name}", f"is what {whose} called", "Call it otherwise.", name)
        if self.charts.air_gapped:
            problem = "has a chart of HyperPod's own, whose images can't be told to come from a mirror"
            yield self.fault("hyperpod", problem, 'Remove it, or "charts.air_gapped".')


ClusterSpec = Annotated[EksClusterSpec | ExistingClusterSpec, Field(discriminator="kind")]
"""The cluster of a platform, whoever runs it."""
