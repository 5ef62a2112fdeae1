"""EKS: clusters, which stand in subnets, trust a role, and change one step and one kind of thing at a time."""

from __future__ import annotations

import base64
import ipaddress
import json
import secrets
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.core.utils import utcnow
from moto.ec2.utils import random_private_ip
from moto.eks.exceptions import InvalidRequestException, ResourceInUseException
from moto.kms.models import kms_backends

from modelyard_sandbox.moto_extensions.eks_catalogue import NEWEST, VERSIONS, minor
from modelyard_sandbox.moto_extensions.eks_shared import (
    Cluster,
    Document,
    arn,
    ec2,
    existing,
    missing,
    principal,
    refused,
    subnets,
    trusts,
)

_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
_EVERYWHERE: Final = ["0.0.0.0/0"]
_GROUPS: Final = 5
_AUTO: Final = ("computeConfig", "kubernetesNetworkConfig", "storageConfig")
_KEPT: Final = {
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "remoteNetworkConfig": ("RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
    "deletionProtection": ("DeletionProtectionUpdate", "DeletionProtection"),
    "controlPlaneScalingConfig": ("ControlPlaneScalingConfigUpdate", "UpdatedTier"),
    "kubeApiServerConfig": ("ControlPlaneComponentConfigUpdate", "KubeApiServerConfig"),
    "kubeSchedulerConfig": ("ControlPlaneComponentConfigUpdate", "KubeSchedulerConfig"),
    "kubeControllerManagerConfig": ("ControlPlaneComponentConfigUpdate", "KubeControllerManagerConfig"),
}
"""What is kept as it is asked for: the type of its update, and of the update's parameter."""


def create_cluster(backend: Any, asked: Document) -> Document:
    """CreateCluster."""
    name, version = asked["name"], asked.get("version") or NEWEST
    if name in backend.clusters:
        raise ResourceInUseException(clusterName=name, message=f"Cluster already exists with name: {name}")
    if version not in VERSIONS:
        raise refused("unsupported Kubernetes version", clusterName=name)
    _check_role(backend, asked["roleArn"])
    _check_encryption(backend, asked.get("encryptionConfig") or [])
    access = {"authenticationMode": "CONFIG_MAP", **(asked.get("accessConfig") or {})}
    if access["authenticationMode"] == "CONFIG_MAP" and access.get("bootstrapClusterCreatorAdminPermissions") is False:
        told = (
            "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP"
        )
        raise refused(told, clusterName=name)
    network = _network(backend, asked["resourcesVpcConfig"])
    services = _services(backend, network["vpcId"], asked.get("kubernetesNetworkConfig") or {})
    _check_auto(asked, services)
    network["clusterSecurityGroupId"] = _make_group(backend, name, network["vpcId"])
    identity = secrets.token_hex(16).upper()
    region = backend.region_name
    document = {
        "name": name,
        "arn": arn(backend, "cluster", name),
        "createdAt": utcnow(),
        "version": version,
        "endpoint": f"https://{identity}.gr7.{region}.eks.amazonaws.com",
        "roleArn": asked["roleArn"],
        "resourcesVpcConfig": network,
        "kubernetesNetworkConfig": services,
        "logging": _logging(asked.get("logging") or {}),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{identity}"}},
        "status": "ACTIVE",
        "certificateAuthority": {"data": _authority()},
        "platformVersion": VERSIONS[version].platform,
        "tags": asked.get("tags") or {},
        "encryptionConfig": asked.get("encryptionConfig") or [],
        "health": {"issues": []},
        "accessConfig": {"authenticationMode": access["authenticationMode"]},
        "upgradePolicy": {"supportType": "EXTENDED"},
        "deletionProtection": False,
        "controlPlaneScalingConfig": {"tier": "standard"},
    }
    document |= {key: asked[key] for key in (*_KEPT, "computeConfig", "storageConfig") if asked.get(key) is not None}
    backend.clusters[name] = Cluster(document)
    _match_interfaces(backend, backend.clusters[name])
    return {"cluster": document}


def _check_role(backend: Any, name: str) -> None:
    role = principal(backend, name)
    if role is None:
        raise refused(f"roleArn, {name}, does not exist")
    if not trusts(role, "eks.amazonaws.com"):
        raise refused("Role could not be assumed because the trusted entity is not correct")


def _check_encryption(backend: Any, wanted: list[Document]) -> None:
    """A key that exists, isn't on its way out, and is symmetric."""
    kms = kms_backends[backend.account_id][backend.region_name]
    for entry in wanted:
        name = entry["provider"]["keyArn"]
        try:
            key = kms.describe_key(name)
        except KeyError:
            key = None
        if key is None or key.key_state != "Enabled" or key.key_spec != "SYMMETRIC_DEFAULT":
            raise refused(f"The key {name} does not exist, is not enabled, or is not a symmetric key")


def _network(backend: Any, asked: Document) -> Document:
    """Two zones of one VPC, groups that exist, and a way to the API."""
    network = {
        "subnetIds": asked.get("subnetIds") or [],
        "securityGroupIds": asked.get("securityGroupIds") or [],
        "endpointPublicAccess": asked.get("endpointPublicAccess", True),
        "endpointPrivateAccess": asked.get("endpointPrivateAccess", False),
        "publicAccessCidrs": asked.get("publicAccessCidrs") or _EVERYWHERE,
        "controlPlaneEgressMode": asked.get("controlPlaneEgressMode") or "AWS_MANAGED",
    }
    found = subnets(backend, network["subnetIds"])
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise refused("Subnets specified must belong to the same VPC")
    if len({subnet.availability_zone for subnet in found}) < 2:
        raise refused("Subnets specified must be in at least two different AZs")
    network["vpcId"] = found[0].vpc_id
    _check_groups(backend, network["securityGroupIds"], network["vpcId"])
    _check_endpoints(network)
    return network


def _check_groups(backend: Any, groups: list[str], vpc: str) -> None:
    if len(groups) > _GROUPS:
        raise refused(f"The number of security groups exceeds the limit of {_GROUPS}")
    for group in groups:
        found = ec2(backend).get_security_group_from_id(group)
        if found is None or found.vpc_id != vpc:
            raise refused(f"The security group '{group}' does not exist in VPC '{vpc}'")


def _check_endpoints(network: Document) -> None:
    if not (network["endpointPublicAccess"] or network["endpointPrivateAccess"]):
        raise refused("Private and public endpoint access cannot be false")


def _services(backend: Any, vpc: str, asked: Document) -> Document:
    """The addresses of Kubernetes services, which don't overlap with the VPC's."""
    associations = ec2(backend).vpcs[vpc].get_cidr_block_association_set(ipv6=False)
    blocks = [ipaddress.IPv4Network(association["cidr_block"]) for association in associations]
    within = any(block.overlaps(ipaddress.IPv4Network("10.100.0.0/16")) for block in blocks)
    chosen = asked.get("serviceIpv4Cidr") or ("172.20.0.0/16" if within else "10.100.0.0/16")
    if any(block.overlaps(ipaddress.IPv4Network(chosen)) for block in blocks):
        raise refused(f"The serviceIpv4Cidr {chosen} overlaps with a CIDR block of VPC '{vpc}'")
    balancing = asked.get("elasticLoadBalancing") or {"enabled": False}
    return {
        "serviceIpv4Cidr": chosen,
        "ipFamily": asked.get("ipFamily") or "ipv4",
        "elasticLoadBalancing": balancing,
    }


def _check_auto(asked: Document, services: Document) -> None:
    """Auto Mode is compute, balancing and storage together."""
    compute = bool((asked.get("computeConfig") or {}).get("enabled"))
    storage = bool(((asked.get("storageConfig") or {}).get("blockStorage") or {}).get("enabled"))
    if len({compute, storage, bool(services["elasticLoadBalancing"].get("enabled"))}) > 1:
        raise refused(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, "
            "kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled."
        )


def _logging(asked: Document) -> Document:
    wanted = {kind for entry in asked.get("clusterLogging", []) if entry.get("enabled") for kind in entry["types"]}
    on, off = [kind for kind in _LOGS if kind in wanted], [kind for kind in _LOGS if kind not in wanted]
    entries = [{"types": kinds, "enabled": enabled} for kinds, enabled in ((on, True), (off, False)) if kinds]
    return {"clusterLogging": entries}


def _authority() -> str:
    """A certificate as a client of the cluster reads it: PEM, once more in base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = utcnow()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def _make_group(backend: Any, name: str, vpc: str) -> str:
    """The group that the control plane and managed nodes share."""
    label = f"eks-cluster-sg-{name}-{secrets.randbelow(10**9)}"
    described = "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes"
    tags = {f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name, "Name": label}
    return ec2(backend).create_security_group(label, described, vpc_id=vpc, tags=tags).id


def _match_interfaces(backend: Any, cluster: Cluster) -> None:
    """The control plane's interfaces, one in each subnet, which nobody else can delete."""
    network, mark = cluster.document["resourcesVpcConfig"], f"Amazon EKS {cluster.name}"
    ours = [one for one in ec2(backend).enis.values() if one.description == mark]
    for interface in ours:
        if interface.subnet.id not in network["subnetIds"] or not cluster.is_active:
            ec2(backend).enis.pop(interface.id)
    served = {interface.subnet.id for interface in ours}
    for subnet in subnets(backend, network["subnetIds"]) if cluster.is_active else ():
        if subnet.id not in served:
            groups = [network["clusterSecurityGroupId"], *network["securityGroupIds"]]
            ec2(backend).create_network_interface(subnet, random_private_ip(), group_ids=groups, description=mark)


def describe_cluster(backend: Any, asked: Document) -> Document:
    """DescribeCluster."""
    return {"cluster": existing(backend, asked).document}


def list_clusters(backend: Any, _: Document) -> Document:
    """ListClusters."""
    return {"clusters": sorted(backend.clusters)}


def delete_cluster(backend: Any, asked: Document) -> Document:
    """DeleteCluster: not while nodes are attached, nor while it is protected."""
    cluster = existing(backend, asked)
    if cluster.document["deletionProtection"]:
        told = "Cluster cannot be deleted because deletion protection is enabled. Disable it first."
        raise InvalidRequestException(clusterName=cluster.name, message=told)
    if cluster.nodegroups:
        raise ResourceInUseException(
            clusterName=cluster.name,
            nodegroupName=",".join(cluster.nodegroups),
            message="Cluster has nodegroups attached",
        )
    if cluster.fargate_profiles:
        raise ResourceInUseException(clusterName=cluster.name, message="Cluster has fargate profiles attached")
    cluster.is_active = False
    _match_interfaces(backend, cluster)
    network = cluster.document["resourcesVpcConfig"]
    ec2(backend).delete_security_group(group_id=network["clusterSecurityGroupId"])
    del backend.clusters[cluster.name]
    return {"cluster": {**cluster.document, "status": "DELETING"}}


def update_cluster_version(backend: Any, asked: Document) -> Document:
    """UpdateClusterVersion: one minor version up, when all managed nodes have the present one."""
    cluster, wanted = existing(backend, asked), asked["version"]
    if wanted not in VERSIONS:
        raise refused("unsupported Kubernetes version", clusterName=cluster.name)
    if minor(wanted) != minor(cluster.version) + 1:
        told = f"Unsupported Kubernetes minor version update from {cluster.version} to {wanted}"
        raise refused(told, clusterName=cluster.name)
    behind = [name for name, group in cluster.nodegroups.items() if group["version"] != cluster.version]
    if behind:
        told = f"Nodegroups {', '.join(behind)} must be updated to match cluster version {cluster.version} first"
        raise InvalidRequestException(clusterName=cluster.name, message=told)
    cluster.document |= {"version": wanted, "platformVersion": VERSIONS[wanted].platform}
    return cluster.updated("VersionUpdate", Version=wanted, PlatformVersion=VERSIONS[wanted].platform)


def update_cluster_config(backend: Any, asked: Document) -> Document:
    """UpdateClusterConfig: one kind of thing in a call."""
    cluster = existing(backend, asked)
    kinds = [key for key in ("resourcesVpcConfig", "logging", "accessConfig", *_KEPT) if asked.get(key) is not None]
    kinds += ["auto"] if any(asked.get(key) is not None for key in _AUTO) else []
    if len(kinds) != 1:
        raise refused("Only one type of update can be allowed.", clusterName=cluster.name)
    (kind,) = kinds
    match kind:
        case "resourcesVpcConfig":
            return _update_network(backend, cluster, asked[kind])
        case "logging":
            return _update_logging(cluster, asked[kind])
        case "accessConfig":
            return _update_access(cluster, asked[kind])
        case "auto":
            return _update_auto(cluster, asked)
        case _:
            cluster.document[kind] = asked[kind]
            made, parameter = _KEPT[kind]
            return cluster.updated(made, **{parameter: asked[kind]})


def _update_network(backend: Any, cluster: Cluster, asked: Document) -> Document:
    places = {key for key in ("subnetIds", "securityGroupIds") if key in asked}
    if places and set(asked) - places:
        raise refused("Only one type of update can be allowed.", clusterName=cluster.name)
    old = cluster.document["resourcesVpcConfig"]
    new = {**old, **asked}
    if places:
        zones = [sorted({s.availability_zone for s in subnets(backend, ids["subnetIds"])}) for ids in (new, old)]
        if zones[0] != zones[1]:
            raise refused(
                f"Provided subnets belong to the AZs '{','.join(zones[0])}'. But they should belong to the exact "
                f"set of AZs '{','.join(zones[1])}' in which subnets were provided during cluster creation.",
                clusterName=cluster.name,
            )
        if any(subnet.vpc_id != old["vpcId"] for subnet in subnets(backend, new["subnetIds"])):
            raise refused(f"Provided subnets should belong to VPC '{old['vpcId']}'", clusterName=cluster.name)
        _check_groups(backend, new["securityGroupIds"], old["vpcId"])
    _check_endpoints(new)
    if new == old:
        raise refused("Cluster is already at the desired configuration", clusterName=cluster.name)
    cluster.document["resourcesVpcConfig"] = new
    _match_interfaces(backend, cluster)
    if places:
        return cluster.updated("VpcConfigUpdate", Subnets=new["subnetIds"], SecurityGroups=new["securityGroupIds"])
    return cluster.updated(
        "EndpointAccessUpdate",
        EndpointPrivateAccess=new["endpointPrivateAccess"],
        EndpointPublicAccess=new["endpointPublicAccess"],
        PublicAccessCidrs=new["publicAccessCidrs"],
    )


def _update_logging(cluster: Cluster, asked: Document) -> Document:
    """Kinds of logs that nobody speaks of stay as they are."""
    spoken = {kind for entry in asked["clusterLogging"] for kind in entry["types"]}
    before = [entry for entry in cluster.document["logging"]["clusterLogging"] if entry["enabled"]]
    kept = [{"types": [k for k in entry["types"] if k not in spoken], "enabled": True} for entry in before]
    new = _logging({"clusterLogging": [*asked["clusterLogging"], *kept]})
    if new == cluster.document["logging"]:
        raise refused("No changes needed for the logging config provided", clusterName=cluster.name)
    cluster.document["logging"] = new
    return cluster.updated("LoggingUpdate", ClusterLogging=new["clusterLogging"])


def _update_access(cluster: Cluster, asked: Document) -> Document:
    """From the config map to the API, and never back."""
    old, new = cluster.document["accessConfig"]["authenticationMode"], asked["authenticationMode"]
    if _MODES.index(new) != _MODES.index(old) + 1:
        raise refused(f"Unsupported authentication mode update from {old} to {new}", clusterName=cluster.name)
    cluster.document["accessConfig"] = {"authenticationMode": new}
    return cluster.updated("AccessConfigUpdate", AuthenticationMode=new)


def _update_auto(cluster: Cluster, asked: Document) -> Document:
    new = {key: {**(cluster.document.get(key) or {}), **(asked.get(key) or {})} for key in _AUTO}
    _check_auto(new, new["kubernetesNetworkConfig"])
    cluster.document |= {key: value for key, value in new.items() if value}
    return cluster.updated("AutoModeUpdate", ComputeConfig=new["computeConfig"], StorageConfig=new["storageConfig"])


def associate_encryption_config(backend: Any, asked: Document) -> Document:
    """AssociateEncryptionConfig: once, and for good."""
    cluster = existing(backend, asked)
    if cluster.document["encryptionConfig"]:
        told = "EncryptionConfig already exists for the cluster, and can't be changed or removed"
        raise refused(told, clusterName=cluster.name)
    _check_encryption(backend, asked["encryptionConfig"])
    cluster.document["encryptionConfig"] = asked["encryptionConfig"]
    return cluster.updated("AssociateEncryptionConfig", EncryptionConfig=json.dumps(asked["encryptionConfig"]))


def describe_update(backend: Any, asked: Document) -> Document:
    """DescribeUpdate, of the cluster, its nodes and its add-ons."""
    cluster = existing(backend, asked)
    if asked["updateId"] not in cluster.updates:
        raise missing(f"No update found for ID: {asked['updateId']}", clusterName=cluster.name)
    return {"update": cluster.updates[asked["updateId"]]}


def list_updates(backend: Any, asked: Document) -> Document:
    """ListUpdates."""
    return {"updateIds": list(existing(backend, asked).updates)}


def describe_cluster_versions(_: Any, asked: Document) -> Document:
    """DescribeClusterVersions: the newest first, and as of now in standard or extended support."""
    wanted = asked.get("clusterVersions") or list(VERSIONS)
    now = utcnow()
    shown = []
    for version in sorted(VERSIONS, key=minor, reverse=True):
        offered = VERSIONS[version]
        standard = now.replace(tzinfo=offered.standard_until.tzinfo) < offered.standard_until
        entry = {
            "clusterVersion": version,
            "clusterType": "eks",
            "defaultPlatformVersion": offered.platform,
            "defaultVersion": version == NEWEST,
            "releaseDate": offered.released,
            "endOfStandardSupportDate": offered.standard_until,
            "endOfExtendedSupportDate": offered.extended_until,
            "status": "standard-support" if standard else "extended-support",
            "versionStatus": "STANDARD_SUPPORT" if standard else "EXTENDED_SUPPORT",
            "kubernetesPatchVersion": offered.patch,
        }
        if version in wanted and (entry["defaultVersion"] or str(asked.get("defaultOnly")).lower() != "true"):
            shown.append(entry)
    return {"clusterVersions": shown}
