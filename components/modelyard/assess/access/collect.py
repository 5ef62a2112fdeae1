"""`collect`: the access that graphs describe, from whichever resource types write it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelyard.assess.access.doors import INLINE, doors
from modelyard.assess.access.model import Access, Identity, Policy
from modelyard.assess.graph import Graph, Node, reveal

_ROLE: Final = "aws:iam/role:Role"
_KEY: Final = "aws:kms/key:Key"
_BUCKET: Final = "aws:s3/bucket:Bucket"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_PERMISSION: Final = "aws:lambda/permission:Permission"
_API_POLICY: Final = "aws:apigateway/restApiPolicy:RestApiPolicy"
_MANAGED: Final = "aws:iam/policy:Policy"
_INLINE: Final = "aws:iam/rolePolicy:RolePolicy"
_CONTROL: Final = "aws:organizations/policy:Policy"
_CONTROL_ATTACHMENT: Final = "aws:organizations/policyAttachment:PolicyAttachment"
_ATTACHMENTS: Final = ("aws:iam/rolePolicyAttachment:RolePolicyAttachment",)

_NAMED_BY: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket", _BUCKET, ("bucket", "id")),
    "aws:kms/keyPolicy:KeyPolicy": ("keyId", _KEY, ("keyId", "arn", "id")),
    "aws:sns/topicPolicy:TopicPolicy": ("arn", "aws:sns/topic:Topic", ("arn",)),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl", "aws:sqs/queue:Queue", ("url", "id")),
    "aws:secretsmanager/secretPolicy:SecretPolicy": (
        "secretArn",
        "aws:secretsmanager/secret:Secret",
        ("arn", "id", "name"),
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": (
        "eventBusName",
        "aws:cloudwatch/eventBus:EventBus",
        ("name", "arn"),
    ),
    _API_POLICY: ("restApiId", "aws:apigateway/restApi:RestApi", ("id",)),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("repository", "aws:ecr/repository:Repository", ("name", "id")),
    "aws:kinesis/resourcePolicy:ResourcePolicy": ("resourceArn", "aws:kinesis/stream:Stream", ("arn",)),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": ("resourceArn", "aws:dynamodb/table:Table", ("arn",)),
    "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy": (
        "modelPackageGroupName",
        "aws:sagemaker/modelPackageGroup:ModelPackageGroup",
        ("modelPackageGroupName", "id"),
    ),
}
"""Resources that are the policy of another: the property that names it, its type, and what it may be named by."""

_OF_THEIR_OWN: Final[Mapping[str, str]] = {
    _KEY: "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
}
"""Resources that carry their own policy, and in which property."""

_ELSEWHERE: Final = (_ROLE, _MANAGED, _INLINE, _ENDPOINT, _CONTROL, INLINE)


def collect(*graphs: Graph) -> Access:
    """The identities and policies of all of `graphs`: the platform's and the teams' together, since one attaches what
    another wrote."""
    return _Collector(graphs).access()


class _Collector:
    def __init__(self, graphs: Iterable[Graph]) -> None:
        self.graphs = tuple(graphs)
        self.unread: list[str] = []
        self.managed = {
            str(arn): Policy(str(node.outputs["name"]), document, node.urn)
            for node in self._of(_MANAGED)
            if (arn := reveal(node.outputs.get("arn"))) and (document := self._document(node, "policy"))
        }

    def access(self) -> Access:
        identities = {identity.arn: identity for graph in self.graphs for identity in self._identities(graph)}
        identities |= {identity.arn: identity for graph in self.graphs for identity in doors(graph, self.managed)}
        things = dict(self._things())
        for node in self._of(_PERMISSION):
            self._permit(node, things)
        return Access(
            identities=identities,
            things=things,
            managed=self.managed,
            endpoints=dict(self._endpoints()),
            service_controls=self._controls("SERVICE_CONTROL_POLICY"),
            resource_controls=self._controls("RESOURCE_CONTROL_POLICY"),
            accounts=dict(self._accounts()),
            tags=dict(self._tags()),
            unread=tuple(sorted({*self.unread, *self._strange()})),
        )

    def _of(self, *types: str) -> Iterable[Node]:
        return (node for graph in self.graphs for node in graph.of_type(*types) if not node.external)

    def _document(self, node: Node, key: str) -> Mapping[str, Any] | None:
        """The document in a property; one that can't be known before deployment is noted as unread."""
        value = reveal(node.properties.get(key))
        if value is None:
            return None
        if isinstance(value, Mapping):
            return value
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                pass
        self.unread.append(f"{node.urn}: {key} is not known before deployment")
        return None

    def _identities(self, graph: Graph) -> Iterable[Identity]:
        inline: dict[str, list[Policy]] = {}
        for node in self._of(_INLINE):
            if document := self._document(node, "policy"):
                name = str(reveal(node.properties.get("name")) or node.name)
                inline.setdefault(str(reveal(node.properties["role"])), []).append(Policy(name, document, node.urn))
        for node in self._of(*_ATTACHMENTS):
            if policy := self._attached(str(reveal(node.properties["policyArn"])), node.urn):
                inline.setdefault(str(reveal(node.properties["role"])), []).append(policy)
        for node in graph.of_type(_ROLE):
            name = str(reveal(node.outputs.get("name")) or node.name)
            boundary = reveal(node.properties.get("permissionsBoundary"))
            own = [
                Policy(str(each.get("name", "")), json.loads(each["policy"]), node.urn)
                for each in reveal(node.properties.get("inlinePolicies")) or ()
                if each.get("policy")
            ]
            more = (
                self._attached(str(arn), node.urn) for arn in reveal(node.properties.get("managedPolicyArns")) or ()
            )
            component = graph.component_of(node)
            yield Identity(
                arn=str(reveal(node.outputs["arn"])),
                name=name,
                path=str(reveal(node.properties.get("path")) or "/"),
                policies=(*own, *(policy for policy in more if policy), *inline.get(name, ())),
                trust=Policy(f"trust of {name}", self._document(node, "assumeRolePolicy") or {}, node.urn),
                boundary=self._attached(str(boundary), node.urn) if boundary else None,
                description=str(reveal(node.properties.get("description")) or ""),
                component=component.name if component else "",
                tags=dict(reveal(node.outputs.get("tagsAll")) or reveal(node.properties.get("tags")) or {}),
                urn=node.urn,
            )

    def _attached(self, arn: str, urn: str) -> Policy | None:
        if arn not in self.managed:
            self.unread.append(f"{urn}: the text of {arn} is in none of the graphs")
            return None
        return self.managed[arn]

    def _things(self) -> Iterable[tuple[str, Policy]]:
        for node in self._of(*_OF_THEIR_OWN):
            document = self._document(node, _OF_THEIR_OWN[node.type])
            if document:
                arn = str(reveal(node.outputs["arn"]))
                yield arn, Policy(f"policy of {node.name}", document, node.urn)
        for node in self._of(*_NAMED_BY):
            named_by, kind, known_as = _NAMED_BY[node.type]
            document = self._document(node, "resourcePolicy" if "modelPackageGroup" in node.type else "policy")
            if document is None:
                continue
            name = reveal(node.properties.get(named_by))
            thing = self._find(kind, known_as, name)
            called = "executionArn" if node.type == _API_POLICY else "arn"
            arn = str(reveal(thing.outputs[called])) if thing else str(name)
            if not arn.startswith("arn:"):
                self.unread.append(f"{node.urn}: what {name} is can't be told from the graphs")
                continue
            yield arn, Policy(f"policy of {thing.name if thing else name}", document, node.urn)

    def _find(self, kind: str, known_as: tuple[str, ...], name: object) -> Node | None:
        for node in self._of(kind):
            if any(reveal(node.outputs.get(key)) == name for key in known_as):
                return node
        return None

    def _permit(self, node: Node, things: dict[str, Policy]) -> None:
        """Lambda keeps a function's policy as single permissions."""
        function = reveal(node.properties.get("function"))
        found = self._find("aws:lambda/function:Function", ("name", "arn", "id"), function)
        arn = str(reveal(found.outputs["arn"])) if found else str(function)
        principal = str(reveal(node.properties["principal"]))
        conditions: dict[str, dict[str, str]] = {}
        if source := reveal(node.properties.get("sourceArn")):
            conditions["ArnLike"] = {"aws:SourceArn": str(source)}
        if account := reveal(node.properties.get("sourceAccount")):
            conditions["StringEquals"] = {"aws:SourceAccount": str(account)}
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service" if principal.endswith(".amazonaws.com") else "AWS": principal},
            "Action": str(reveal(node.properties["action"])),
            "Resource": arn,
            **({"Condition": conditions} if conditions else {}),
        }
        before = things[arn].statements if arn in things else ()
        document = {"Version": "2012-10-17", "Statement": [*before, statement]}
        things[arn] = Policy(f"policy of {found.name if found else function}", document, node.urn)

    def _controls(self, kind: str) -> dict[str, tuple[Policy, ...]]:
        """The organization's policies of one kind; all their targets are taken to be above every account."""
        policies = {
            str(reveal(node.outputs.get("id"))): Policy(str(reveal(node.outputs["name"])), document, node.urn)
            for node in self._of(_CONTROL)
            if (reveal(node.properties.get("type")) or "SERVICE_CONTROL_POLICY") == kind
            and (document := self._document(node, "content"))
        }
        levels: dict[str, tuple[Policy, ...]] = {}
        for node in self._of(_CONTROL_ATTACHMENT):
            target, policy = str(reveal(node.properties["targetId"])), str(reveal(node.properties["policyId"]))
            if policy in policies:
                levels[target] = (*levels.get(target, ()), policies[policy])
        return levels

    def _endpoints(self) -> Iterable[tuple[str, Policy]]:
        for node in self._of(_ENDPOINT):
            if document := self._document(node, "policy"):
                service = str(reveal(node.properties["serviceName"])).split(".", 3)[-1]
                yield service, Policy(f"policy of {node.name}", document, node.urn)

    def _accounts(self) -> Iterable[tuple[str, str]]:
        for graph in self.graphs:
            account = _account(graph)
            for node in graph.of_type(_BUCKET):
                yield str(reveal(node.outputs["arn"])), account

    def _tags(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        for graph in self.graphs:
            for node in graph:
                arn, tags = reveal(node.outputs.get("arn")), reveal(node.outputs.get("tagsAll"))
                if isinstance(arn, str) and tags:
                    yield arn, tags

    def _strange(self) -> Iterable[str]:
        """Policies in resources of types that nobody here knows to read."""
        known = {*_NAMED_BY, *_OF_THEIR_OWN, *_ELSEWHERE}
        for graph in self.graphs:
            for node in graph:
                if node.type in known or not node.custom:
                    continue
                for key, value in node.properties.items():
                    if _is_policy(reveal(value)):
                        yield f"{node.urn}: {key} of {node.type} is a policy of a kind that is not read here"


def _account(graph: Graph) -> str:
    """The account that a graph's resources are of."""
    for node in graph:
        arn = reveal(node.outputs.get("arn"))
        if isinstance(arn, str) and arn.count(":") >= 5 and arn.split(":")[4].isdecimal():
            return arn.split(":")[4]
    return ""


def _is_policy(value: object) -> bool:
    return isinstance(value, str) and value.startswith('{"Version"') and '"Statement"' in value
