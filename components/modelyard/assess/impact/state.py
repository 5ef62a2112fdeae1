"""What is lost with a resource: data, keys, history, addresses that others call, identities that others name.

The retention class is the components' own where the graph tells it: what Pulumi protects is kept, what the provider is
told to empty and delete is ephemeral. Sources for what a deletion takes: the services' API references.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE, Node
from modelyard.assess.graph.values import reveal
from modelyard.assess.impact.replacing import fixed_by_cloudformation
from modelyard.core.retention import Retention


class Lost(StrEnum):
    """The kinds of what is lost, the worst first."""

    DATA = "data"
    KEY = "key"
    HISTORY = "history"
    ADDRESS = "address"
    IDENTITY = "identity"

    @property
    def is_state(self) -> bool:
        """Whether it can't be made again from the program: an identity can, and who names it is told."""
        return self is not Lost.IDENTITY


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a resource: its kind, what people call the thing, and why that hurts.

    `retention`: absent where the resource doesn't tell. `shortens`: the resource stays, and keeps less than it did.
    """

    lost: Lost
    thing: str
    why: str
    retention: Retention | None = None
    shortens: bool = False

    @property
    def ephemeral(self) -> bool:
        """Whether the components themselves call it so: content that goes with its stack."""
        return self.retention is Retention.EPHEMERAL

    def as_json(self) -> dict[str, Any]:
        """The loss as `--json` prints it."""
        return {
            "lost": str(self.lost),
            "thing": self.thing,
            "why": self.why,
            "retention": str(self.retention) if self.retention else None,
            "shortens": self.shortens,
        }


_CONTENT: Final = "its content goes with it"
_CALLERS: Final = "callers lose it until they learn the new one"
_NAMED: Final = "policies and trusts elsewhere that name it no longer mean it"
_ENDPOINT: Final = (Lost.ADDRESS, "endpoint", "calls fail until it stands again")
TYPES: Final[Mapping[str, tuple[Lost, str, str]]] = {
    "aws:athena/workgroup:Workgroup": (Lost.HISTORY, "workgroup", "its query history and saved queries go with it"),
    "aws:backup/vault:Vault": (Lost.DATA, "backup vault", "its recovery points go with it"),
    "aws:cloudtrail/eventDataStore:EventDataStore": (Lost.HISTORY, "event data store", _CONTENT),
    "aws:cloudtrail/trail:Trail": (Lost.HISTORY, "trail", "nothing is recorded between the old and the new one"),
    "aws:cloudwatch/eventArchive:EventArchive": (Lost.HISTORY, "event archive", "its events go with it"),
    "aws:cloudwatch/eventBus:EventBus": (Lost.ADDRESS, "event bus", "senders lose it, and its archives with it"),
    "aws:cloudwatch/logGroup:LogGroup": (Lost.HISTORY, "log group", "its logs go with it"),
    "aws:cognito/userPool:UserPool": (Lost.DATA, "user pool", "its users go with it"),
    "aws:dynamodb/globalTable:GlobalTable": (Lost.DATA, "table", "its items go with it"),
    "aws:dynamodb/table:Table": (Lost.DATA, "table", "its items go with it"),
    "aws:ebs/volume:Volume": (Lost.DATA, "volume", _CONTENT),
    "aws:ec2/eip:Eip": (Lost.ADDRESS, "public IP address", "it can't be had again"),
    "aws:ec2/instance:Instance": (Lost.DATA, "instance", "what lies on its root volume goes with it"),
    "aws:ec2/subnet:Subnet": (Lost.ADDRESS, "subnet", "what stands in it must go first"),
    "aws:ec2/vpc:Vpc": (Lost.ADDRESS, "network", "what stands in it must go first"),
    "aws:ecr/repository:Repository": (Lost.DATA, "image repository", "its images go with it"),
    "aws:efs/fileSystem:FileSystem": (Lost.DATA, "file system", "its files go with it"),
    "aws:eks/cluster:Cluster": (Lost.ADDRESS, "cluster", "all that runs in it goes with it"),
    "aws:fsx/lustreFileSystem:LustreFileSystem": (Lost.DATA, "file system", "what wasn't exported goes with it"),
    "aws:glue/catalogDatabase:CatalogDatabase": (Lost.DATA, "catalogue database", "its tables' definitions go with it"),
    "aws:glue/catalogTable:CatalogTable": (
        Lost.DATA,
        "catalogue table",
        "its definition and partitions go; the files stay",
    ),
    "aws:iam/group:Group": (Lost.IDENTITY, "group", _NAMED),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        Lost.IDENTITY,
        "identity provider",
        "who signs in through it can't",
    ),
    "aws:iam/policy:Policy": (Lost.IDENTITY, "managed policy", "whoever holds it elsewhere loses it"),
    "aws:iam/role:Role": (Lost.IDENTITY, "role", _NAMED),
    "aws:iam/user:User": (Lost.IDENTITY, "user", _NAMED),
    "aws:identitystore/group:Group": (Lost.IDENTITY, "group", "its members and assignments go with it"),
    "aws:kinesis/stream:Stream": (Lost.DATA, "stream", "its records go with it"),
    "aws:kms/externalKey:ExternalKey": (Lost.KEY, "key", "what is encrypted under it can't be read again"),
    "aws:kms/key:Key": (Lost.KEY, "key", "what is encrypted under it can't be read again"),
    "aws:kms/replicaKey:ReplicaKey": (Lost.KEY, "key", "what is encrypted under it there can't be read"),
    "aws:lambda/functionUrl:FunctionUrl": (Lost.ADDRESS, "function's URL", _CALLERS),
    "aws:lb/loadBalancer:LoadBalancer": (Lost.ADDRESS, "load balancer", _CALLERS),
    "aws:apigateway/restApi:RestApi": (Lost.ADDRESS, "API", _CALLERS),
    "aws:apigateway/domainName:DomainName": (Lost.ADDRESS, "domain name", _CALLERS),
    "aws:apigatewayv2/api:Api": (Lost.ADDRESS, "API", _CALLERS),
    "aws:apigatewayv2/domainName:DomainName": (Lost.ADDRESS, "domain name", _CALLERS),
    "aws:memorydb/cluster:Cluster": (Lost.DATA, "database", _CONTENT),
    "aws:msk/cluster:Cluster": (Lost.DATA, "cluster", "its topics go with it"),
    "aws:opensearch/domain:Domain": (Lost.DATA, "search domain", "its indices go with it"),
    "aws:rds/cluster:Cluster": (Lost.DATA, "database", _CONTENT),
    "aws:rds/instance:Instance": (Lost.DATA, "database", _CONTENT),
    "aws:route53/zone:Zone": (Lost.ADDRESS, "DNS zone", "names in it no longer resolve"),
    "aws:s3/bucket:Bucket": (Lost.DATA, "bucket", "its objects go with it, and its name may be taken"),
    "aws:sagemaker/domain:Domain": (Lost.DATA, "Studio domain", "people's home folders go with it"),
    "aws:sagemaker/endpoint:Endpoint": _ENDPOINT,
    "aws:sagemaker/featureGroup:FeatureGroup": (Lost.DATA, "feature group", "its online records go with it"),
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": (Lost.DATA, "tracking server", "its runs go with it"),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": (Lost.DATA, "model registry", "its versions go with it"),
    "aws:sagemaker/notebookInstance:NotebookInstance": (Lost.DATA, "notebook", "what lies on its volume goes with it"),
    "aws:sagemaker/space:Space": (Lost.DATA, "Studio space", "what lies on its volume goes with it"),
    "aws:sagemaker/userProfile:UserProfile": (Lost.DATA, "Studio profile", "the person's spaces go with it"),
    "aws:secretsmanager/secret:Secret": (Lost.DATA, "secret", "its value goes with it"),
    "aws:sns/topic:Topic": (Lost.ADDRESS, "topic", "senders and subscribers lose it"),
    "aws:sqs/queue:Queue": (Lost.DATA, "queue", "its messages go with it, and senders lose it"),
    "aws:ssoadmin/permissionSet:PermissionSet": (Lost.IDENTITY, "permission set", "who signs in by it can't"),
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": (
        Lost.DATA,
        "kind of object",
        "every object of it goes with it, in all namespaces",
    ),
    "kubernetes:core/v1:Namespace": (Lost.DATA, "namespace", "all that is in it goes with it"),
    "kubernetes:core/v1:PersistentVolume": (
        Lost.DATA,
        "volume",
        "its content goes with it unless its class retains it",
    ),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        Lost.DATA,
        "volume",
        "its content goes with it unless its class retains it",
    ),
    "AWS::SageMaker::Endpoint": _ENDPOINT,
    "AWS::SageMaker::FeatureGroup": (Lost.DATA, "feature group", "its online records go with it"),
    "AWS::SageMaker::InferenceComponent": (Lost.ADDRESS, "inference component", "calls fail until it stands again"),
    "AWS::SageMaker::ModelPackageGroup": (Lost.DATA, "model registry", "its versions go with it"),
}
"""By type; what isn't here can be made again from the program."""
_STACK: Final = "aws:cloudformation/stack:Stack"
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
_FILLED: Final = (Lost.DATA, "parameter", "its value goes with it: the program doesn't know it")
_FAMILIES: Final[Mapping[str, tuple[Lost, str, str]]] = {
    "aws:elasticache/": (Lost.DATA, "cache", _CONTENT),
    "aws:fsx/": (Lost.DATA, "file system", _CONTENT),
    "aws:docdb/cluster": (Lost.DATA, "database", _CONTENT),
    "aws:neptune/cluster": (Lost.DATA, "database", _CONTENT),
    "aws:redshift/cluster": (Lost.DATA, "warehouse", _CONTENT),
    "aws:timestreamwrite/": (Lost.DATA, "database", _CONTENT),
}
_OF_NO_CONTENT: Final = ("ubnetGroup", "arameterGroup", "securityGroup", "/user", "ataRepositoryAssociation")


def loss_of(node: Node) -> Loss | None:
    """What goes with the node when it is deleted; None where nothing does but what the program makes anew."""
    said = TYPES.get(node.kind) or _of_family(node.kind)
    if said is None and node.type == _STACK:
        said = next((TYPES[kind] for kind, _ in _inside(node).values() if kind in TYPES), None)
    if node.type == _PARAMETER and {"value", "insecureValue"}.intersection(node.options.get("ignoreChanges", ())):
        said = _FILLED
    if said is None or not node.custom or node.external:
        return None
    return Loss(*said, retention_of(node))


def replaced_inside(before: Node, after: Node) -> list[str]:
    """The resources of a CloudFormation stack that an update of it deletes, or makes anew, with the reason.

    Only those that something is lost with.
    """
    if after.type != _STACK or before.type != _STACK:
        return []
    found: list[str] = []
    old, new = _inside(before), _inside(after)
    for name, (kind, given) in old.items():
        if kind not in TYPES:
            continue
        if name not in new:
            found.append(f"{kind} goes")
        elif new[name][0] != kind:
            found.append(f"{kind} becomes {new[name][0]}")
        else:
            fixed = fixed_by_cloudformation(kind) or ()
            changed = sorted({path.split("/")[0] for path in fixed if _at(given, path) != _at(new[name][1], path)})
            found += [f"{kind} is made anew: {', '.join(changed)} changes"] if changed else []
    return found


def _of_family(kind: str) -> tuple[Lost, str, str] | None:
    if any(part in kind for part in _OF_NO_CONTENT):
        return None
    return next((said for start, said in _FAMILIES.items() if kind.startswith(start)), None)


def retention_of(node: Node) -> Retention | None:
    """What becomes of the node's content with it, as far as the graph tells."""
    if node.options.get("protect") or node.options.get("retainOnDelete"):
        return Retention.KEEP
    given = {key: reveal(value) for key, value in node.properties.items()}
    if node.type == CLOUD_CONTROL_TYPE:
        return None
    if any(given.get(key) is True for key in ("forceDestroy", "forceDelete")) or given.get("recoveryWindowInDays") == 0:
        return Retention.EPHEMERAL
    if "skipFinalSnapshot" in given:
        return Retention.EPHEMERAL if given["skipFinalSnapshot"] is True else Retention.SNAPSHOT
    if given.get("skipFinalBackup") is True:
        return Retention.EPHEMERAL
    if given.get("skipDestroy") is True:
        return Retention.KEEP
    policy = given.get("retentionPolicy")
    if isinstance(policy, Mapping) and "homeEfsFileSystem" in policy:
        return Retention.EPHEMERAL if policy["homeEfsFileSystem"] == "Delete" else Retention.KEEP
    return None


def _inside(node: Node) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """By logical name, the type and the properties of what a template makes."""
    return dict(_resources(node.properties.get("templateBody")))


def _resources(template: Any) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    try:
        read = json.loads(template) if isinstance(template, str) else {}
    except ValueError:
        return
    for name, said in (read.get("Resources") or {}).items() if isinstance(read, Mapping) else ():
        if isinstance(said, Mapping):
            yield name, (str(said.get("Type")), said.get("Properties") or {})


def _at(value: Any, path: str) -> Any:
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
