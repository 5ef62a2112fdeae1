"""`uses`: who can do what with models, endpoints and what these captured; asked of every identity that the graphs know.

A kind of thing is a function here that finds the things in a graph and says what its uses ask of IAM.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from modelyard.assess.access.decide import decide
from modelyard.assess.access.model import Access, Identity
from modelyard.assess.graph import Graph, Node, reveal
from modelyard.core.champions import CHAMPIONS

Kind = Literal["endpoint", "model"]
Call = tuple[str, str]
"""An action, and the ARN that it is done to."""
Way = Sequence[Call]
"""Calls that somebody must all be allowed to make."""

_ENDPOINT: Final = "AWS::SageMaker::Endpoint"
_CONFIG: Final = "AWS::SageMaker::EndpointConfig"
_STACK: Final = "aws:cloudformation/stack:Stack"
_GROUP: Final = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
_MACHINE: Final = "aws:sfn/stateMachine:StateMachine"
_BUCKET: Final = "aws:s3/bucket:Bucket"
_MINE: Final = "${aws:userid}"
"""Stands in a decision's key for whoever puts it down."""


@dataclass(frozen=True, slots=True)
class User:
    """An identity that can; `conditional`: what lets it hangs on a condition, which its own rows show."""

    identity: Identity
    conditional: bool


@dataclass(frozen=True, slots=True)
class Used:
    """A thing, and who can put it to each of its uses; a use that nobody is let in for is there, and empty.

    `name`: what people call it, the component's name or the model's.
    """

    kind: Kind
    name: str
    arn: str
    uses: Mapping[str, tuple[User, ...]]


@dataclass(frozen=True, slots=True)
class _Thing:
    kind: Kind
    name: str
    arn: str
    ways: Mapping[str, Sequence[Way]]
    """By use, the ways to it: one is enough."""


def uses(access: Access, graph: Graph) -> tuple[Used, ...]:
    """The models and endpoints of `graph`, by kind and name, with who can put them to use."""
    things = sorted((*_endpoints(access, graph), *_models(graph)), key=lambda thing: (thing.kind, thing.name))
    people = sorted(access.identities.values(), key=lambda identity: identity.arn)
    return tuple(
        Used(
            thing.kind,
            thing.name,
            thing.arn,
            {use: tuple(_able(access, people, ways)) for use, ways in thing.ways.items()},
        )
        for thing in things
    )


def _able(access: Access, identities: Sequence[Identity], ways: Sequence[Way]) -> Iterator[User]:
    for identity in identities:
        found = [said for way in ways if (said := _can(access, identity, way)) is not None]
        if found:
            yield User(identity, all(found))


def _can(access: Access, identity: Identity, way: Way) -> bool | None:
    """Whether a way hangs on a condition; None where a part of it is refused.

    A key's own condition, the service that it opens through, is met by the call before it.
    """
    said = [(action, decide(access, identity, action, arn)) for action, arn in way]
    if any(decision.outcome == "refused" for _, decision in said):
        return None
    return not all(decision.plainly for action, decision in said if not action.startswith("kms:"))


def _endpoints(access: Access, graph: Graph) -> Iterator[_Thing]:
    paths = {identity.component: identity.path for identity in access.identities.values() if identity.component}
    elsewhere = next((place for node in graph if (place := _place(_arn(node)))), "")
    for node, asked, stack in declared_endpoints(graph):
        component = graph.component_of(node)
        name = component.name if component else node.name
        config = _configuration(graph, component, asked)
        place = _place(config[0]) or _place(stack) or elsewhere
        if not place:
            continue
        arn = f"{place}endpoint/{asked.get('EndpointName', '')}"
        deploy: list[Way] = [[("sagemaker:UpdateEndpoint", arn)], [("sagemaker:CreateEndpoint", arn)]]
        if stack:
            deploy.append([("cloudformation:UpdateStack", stack)])
        if name in paths:
            champion = f"parameter{paths[name]}{CHAMPIONS}/{name}"
            deploy.append([("ssm:PutParameter", place.replace(":sagemaker:", ":ssm:") + champion)])
        ways: dict[str, Sequence[Way]] = {
            "invoke": [[("sagemaker:InvokeEndpoint", arn)], [("sagemaker:InvokeEndpointAsync", arn)]],
            "deploy": deploy,
        }
        if captured := _captured(config):
            ways["read what was captured"] = [captured]
        yield _Thing("endpoint", name, arn, ways)


def declared_endpoints(graph: Graph) -> Iterator[tuple[Node, Mapping[str, Any], str]]:
    """Endpoints of all makes as CloudFormation says them, and the ARN of the stack of those that live in one."""
    for node in graph.of_type(_ENDPOINT):
        if isinstance(node.desired, Mapping):
            yield node, cast(Mapping[str, Any], node.desired), ""
    for node in graph.of_type("aws:sagemaker/endpoint:Endpoint"):
        said = {
            "EndpointName": node.properties.get("name"),
            "EndpointConfigName": node.properties.get("endpointConfigName"),
        }
        yield node, said, ""
    for node in graph.of_type(_STACK):
        try:
            resources = json.loads(str(reveal(node.properties.get("templateBody"))))["Resources"].values()
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        for resource in resources:
            if resource.get("Type") == _ENDPOINT:
                yield node, resource.get("Properties") or {}, str(reveal(node.outputs.get("id")) or "")


def _configuration(graph: Graph, component: Node | None, asked: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The ARN and the capture of the configuration that an endpoint names, of its own component first."""
    nodes = [*graph.of_type("aws:sagemaker/endpointConfiguration:EndpointConfiguration"), *graph.of_type(_CONFIG)]
    found: tuple[str, Mapping[str, Any]] = ("", {})
    for node in nodes:
        controlled = isinstance(node.desired, Mapping) and node.kind == _CONFIG
        said = cast(Mapping[str, Any], node.desired) if controlled else node.properties
        name = said.get("EndpointConfigName") if controlled else said.get("name")
        capture = said.get("DataCaptureConfig" if controlled else "dataCaptureConfig") or {}
        arn = str(reveal(node.outputs.get("id" if controlled else "arn")) or "")
        if name == asked.get("EndpointConfigName"):
            return arn, capture
        if component is not None and graph.component_of(node) is component:
            found = arn, capture
    return found


def _place(arn: str) -> str:
    """What the ARNs of SageMaker's things begin with where `arn` is; nothing for what has no region or account."""
    parts = arn.split(":", 5)
    regional = len(parts) == 6 and parts[3] and parts[4].isdigit()
    return f"arn:{parts[1]}:sagemaker:{parts[3]}:{parts[4]}:" if regional else ""


def _captured(config: tuple[str, Mapping[str, Any]]) -> Way:
    capture = config[1]
    uri, key = (
        capture.get(name) or capture.get(name[0].upper() + name[1:]) for name in ("destinationS3Uri", "kmsKeyId")
    )
    if not isinstance(uri, str) or not uri.startswith("s3://"):
        return []
    partition = config[0].split(":")[1] if config[0].startswith("arn:") else "aws"
    read: list[Call] = [("s3:GetObject", f"arn:{partition}:s3:::{uri.removeprefix('s3://').rstrip('/')}/example")]
    return [*read, ("kms:Decrypt", key)] if isinstance(key, str) and key.startswith("arn:") else read


def _models(graph: Graph) -> Iterator[_Thing]:
    for node in graph.of_type(_GROUP):
        component, arn = graph.component_of(node), reveal(node.outputs.get("arn"))
        if component is None or not isinstance(arn, str):
            continue
        name = node.name.removeprefix(f"{component.name}-")
        inside = [each for each in graph if graph.component_of(each) is component]
        bucket = next((_arn(each) for each in inside if each.type == _BUCKET and not each.name.endswith("logs")), "")
        promotion = next((_arn(each) for each in inside if each.type == _MACHINE), "")
        package = f"{arn.replace(':model-package-group/', ':model-package/')}/1"
        ways: dict[str, Sequence[Way]] = {"register": [[("sagemaker:CreateModelPackage", package)]]}
        if promotion and bucket:
            decision = f"{bucket}/decisions/{_MINE}/{name}/1.json"
            ways["approve"] = [[("s3:PutObject", decision), ("states:StartExecution", promotion)]]
        if bucket:
            ways["read the artifacts"] = [[("s3:GetObject", f"{bucket}/models/{name}/example")]]
        yield _Thing("model", name, arn, ways)


def _arn(node: Node) -> str:
    return str(reveal(node.outputs.get("arn")) or "")
