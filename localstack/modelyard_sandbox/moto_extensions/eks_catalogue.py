"""What EKS offers: versions of Kubernetes, add-ons by version, access policies, and images of nodes.

Sources: the user guide's pages kubernetes-versions and platform-versions (April 2026), managing-coredns and
managing-kube-proxy (2026), workloads-add-ons-available-eks, access-policy-permissions. Of each add-on one or a few of
the versions that were offered stand here, the default first; whoever needs another adds it. That of the driver of FSx
is its own release (charts/aws-fsx-csi-driver of the repository); which build EKS offers of it wasn't seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Offered:
    """A version of Kubernetes: its platform version and patch, since when it is offered, and until when supported."""

    platform: str
    patch: str
    released: datetime
    standard_until: datetime
    extended_until: datetime


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


VERSIONS: Final[Mapping[str, Offered]] = {
    "1.31": Offered("eks.56", "1.31.14", _day(2024, 9, 26), _day(2025, 11, 26), _day(2026, 11, 26)),
    "1.32": Offered("eks.40", "1.32.12", _day(2025, 1, 23), _day(2026, 3, 23), _day(2027, 3, 23)),
    "1.33": Offered("eks.33", "1.33.8", _day(2025, 5, 29), _day(2026, 7, 29), _day(2027, 7, 29)),
    "1.34": Offered("eks.19", "1.34.4", _day(2025, 10, 2), _day(2026, 12, 2), _day(2027, 12, 2)),
    "1.35": Offered("eks.9", "1.35.2", _day(2026, 1, 27), _day(2027, 3, 27), _day(2028, 3, 27)),
}
NEWEST: Final = "1.35"
LAST_OF_AMAZON_LINUX_2: Final = "1.32"


def minor(version: str) -> int:
    """The number after the dot: 34 of `1.34`."""
    return int(version.partition(".")[2])


@dataclass(frozen=True, slots=True)
class Addon:
    """An add-on: its versions by version of Kubernetes, the default first, and whose pods may get an identity by it."""

    versions: Mapping[str, tuple[str, ...]]
    namespace: str = "kube-system"
    accounts: tuple[str, ...] = ()
    kind: str = "networking"


def _everywhere(*versions: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(VERSIONS, versions)


_OLDER_NAMES: Final = ("v1.11.4-eksbuild.33", "v1.11.4-eksbuild.24")
_NAMES: Final = ("v1.13.2-eksbuild.4", "v1.12.4-eksbuild.1")
_NETWORK: Final = ("v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2", "v1.20.1-eksbuild.3")
ADDONS: Final[Mapping[str, Addon]] = {
    "amazon-cloudwatch-observability": Addon(
        _everywhere("v5.3.0-eksbuild.1"), "amazon-cloudwatch", ("cloudwatch-agent",), "observability"
    ),
    "aws-ebs-csi-driver": Addon(
        _everywhere("v1.57.1-eksbuild.1", "v1.54.0-eksbuild.1"), accounts=("ebs-csi-controller-sa",), kind="storage"
    ),
    "aws-fsx-csi-driver": Addon(_everywhere("v1.10.0-eksbuild.1"), accounts=("fsx-csi-controller-sa",), kind="storage"),
    "coredns": Addon(
        {
            "1.31": _OLDER_NAMES,
            "1.32": _OLDER_NAMES,
            "1.33": _NAMES,
            "1.34": _NAMES,
            "1.35": ("v1.13.2-eksbuild.4", "v1.13.2-eksbuild.1"),
        }
    ),
    "eks-node-monitoring-agent": Addon(_everywhere("v1.7.1-eksbuild.1"), kind="observability"),
    "eks-pod-identity-agent": Addon(_everywhere("v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2"), kind="security"),
    "kube-proxy": Addon(
        {
            "1.31": ("v1.31.14-eksbuild.20", "v1.31.13-eksbuild.2"),
            "1.32": ("v1.32.13-eksbuild.16", "v1.32.9-eksbuild.2"),
            "1.33": ("v1.33.10-eksbuild.13", "v1.33.5-eksbuild.2"),
            "1.34": ("v1.34.6-eksbuild.13", "v1.34.1-eksbuild.2"),
            "1.35": ("v1.35.3-eksbuild.13", "v1.35.0-eksbuild.2"),
        }
    ),
    "vpc-cni": Addon(
        {**dict.fromkeys(("1.31", "1.32", "1.33", "1.34"), _NETWORK), "1.35": ("v1.21.1-eksbuild.3",)},
        accounts=("aws-node",),
    ),
}
POLICIES: Final = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSViewPolicy",
)
