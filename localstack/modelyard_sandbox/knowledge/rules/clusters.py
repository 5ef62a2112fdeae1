"""EKS: clusters, node groups, add-ons, and who may do what in a cluster."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import (
    Rule,
    choice,
    exactly_one,
    known,
    matches,
    network,
    size,
)

_CLUSTER = "aws:eks/cluster:Cluster"
_NODES = "aws:eks/nodeGroup:NodeGroup"
_ADDON = "aws:eks/addon:Addon"
_ENTRY = "aws:eks/accessEntry:AccessEntry"
_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
_ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
_PROVIDER = "aws:eks/identityProviderConfig:IdentityProviderConfig"

_API = "https://docs.aws.amazon.com/eks/latest/APIReference/API_"
_GUIDE = "https://docs.aws.amazon.com/eks/latest/userguide/"
_CREATE_CLUSTER = f"{_API}CreateCluster.html"
_ENDPOINTS = f"{_GUIDE}cluster-endpoint.html"
_NETWORK = f"{_API}KubernetesNetworkConfigRequest.html"
_CREATE_NODES = f"{_API}CreateNodegroup.html"
_SIZES = f"{_API}NodegroupScalingConfig.html"
_UPDATES = f"{_API}NodegroupUpdateConfig.html"
_TEMPLATES = f"{_API}LaunchTemplateSpecification.html"
_CREATE_ADDON = f"{_API}CreateAddon.html"
_ENTRIES = f"{_GUIDE}creating-access-entries.html"
_SCOPES = f"{_API}AccessScope.html"
_PODS = f"{_API}CreatePodIdentityAssociation.html"
_ISSUERS = f"{_API}OidcIdentityProviderConfigRequest.html"

_VERSION: Final = matches(r"1\.[0-9]+", "a version is a minor one, such as 1.35")
_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_RESERVED: Final = ("system:", "eks:", "aws:", "amazon:", "iam:")
_KINDS: Final = ("STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX")


def _reachable(config: Mapping[str, Any]) -> str | None:
    private, public = known(config, "endpointPrivateAccess"), config.get("endpointPublicAccess", True)
    closed = public is False and ("endpointPrivateAccess" not in config or private is False)
    return "the API must be reached privately or publicly" if closed else None


def _services(block: str) -> str | None:
    reason = network(12, 24)(block)
    if reason:
        return reason
    inside = any(ipaddress.IPv4Network(block).subnet_of(private) for private in _PRIVATE)
    return None if inside else f"{block!r} is not within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"


def _by_map(config: Mapping[str, Any]) -> str | None:
    alone = known(config, "authenticationMode") == "CONFIG_MAP"
    if alone and known(config, "bootstrapClusterCreatorAdminPermissions") is False:
        return "with CONFIG_MAP, bootstrapClusterCreatorAdminPermissions must be true"
    return None


def _sizes(config: Mapping[str, Any]) -> str | None:
    least, desired, most = (known(config, name) for name in ("minSize", "desiredSize", "maxSize"))
    if isinstance(least, int) and isinstance(desired, int) and least > desired:
        return f"minSize {least} can't be greater than desiredSize {desired}"
    if isinstance(desired, int) and isinstance(most, int) and desired > most:
        return f"desiredSize {desired} can't be greater than maxSize {most}"
    return None


def _beside_a_template(nodes: Mapping[str, Any]) -> str | None:
    twice = [name for name in ("diskSize", "remoteAccess") if name in nodes and "launchTemplate" in nodes]
    return f"{' and '.join(twice)}: say it in the launch template" if twice else None


def _group(name: str) -> str | None:
    start = next((start for start in _RESERVED if name.startswith(start)), None)
    return f"{name!r} can't start with {start}" if start else None


def _standard(entry: Mapping[str, Any]) -> str | None:
    kind = known(entry, "type") if "type" in entry else "STANDARD"
    if kind in (None, "STANDARD"):
        return None
    given = [name for name in ("kubernetesGroups", "userName") if entry.get(name)]
    return f"an entry of type {kind} takes no {' and no '.join(given)}" if given else None


def _scope(scope: Mapping[str, Any]) -> str | None:
    kind, named = known(scope, "type"), bool(scope.get("namespaces"))
    if kind == "namespace" and not named:
        return "the scope namespace needs namespaces"
    return "the scope cluster takes no namespaces" if kind == "cluster" and named else None


def _narrowed(association: Mapping[str, Any]) -> str | None:
    tagged = "disableSessionTags" not in association or known(association, "disableSessionTags") is False
    return "a policy needs disableSessionTags to be true" if "policy" in association and tagged else None


RULES: Sequence[Rule] = (
    Rule(_CLUSTER, "version", _VERSION, _CREATE_CLUSTER),
    Rule(_CLUSTER, "vpcConfig", _reachable, _ENDPOINTS),
    Rule(_CLUSTER, "vpcConfig.publicAccessCidrs[]", network(), _ENDPOINTS),
    Rule(_CLUSTER, "accessConfig", _by_map, _ENTRIES),
    Rule(_CLUSTER, "encryptionConfig.resources[]", choice("secrets"), f"{_API}EncryptionConfig.html"),
    Rule(_CLUSTER, "kubernetesNetworkConfig.serviceIpv4Cidr", _services, _NETWORK),
    Rule(
        _NODES,
        "nodeGroupName",
        matches(r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}", "names take 63 letters, digits, - and _"),
        _CREATE_NODES,
    ),
    Rule(_NODES, "", _beside_a_template, _CREATE_NODES),
    Rule(_NODES, "version", _VERSION, _CREATE_NODES),
    Rule(_NODES, "instanceTypes", size(20, "types"), _CREATE_NODES),
    Rule(_NODES, "taints", size(50, "taints"), _CREATE_NODES),
    Rule(_NODES, "scalingConfig", _sizes, _SIZES),
    Rule(_NODES, "updateConfig", exactly_one("maxUnavailable", "maxUnavailablePercentage"), _UPDATES),
    Rule(_NODES, "launchTemplate", exactly_one("id", "name"), _TEMPLATES),
    Rule(
        _ADDON,
        "addonVersion",
        matches(
            r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?", "a version looks like v1.20.4-eksbuild.2"
        ),
        _CREATE_ADDON,
    ),
    Rule(_ADDON, "resolveConflictsOnCreate", choice("NONE", "OVERWRITE"), _CREATE_ADDON),
    Rule(_ENTRY, "type", choice(*_KINDS), _ENTRIES),
    Rule(_ENTRY, "kubernetesGroups[]", _group, _ENTRIES),
    Rule(_ENTRY, "", _standard, _ENTRIES),
    Rule(_POLICY, "accessScope", _scope, _SCOPES),
    Rule(_ASSOCIATION, "", _narrowed, _PODS),
    Rule(_PROVIDER, "oidc.issuerUrl", matches(r"https://.+", "an issuer begins with https://"), _ISSUERS),
)
