"""The drift that the engine can't find: resources of Cloud Control, and those that live in a stack of CloudFormation's.

Of the first the engine compares desired states with each other, of the second templates. Both are read here by Cloud
Control (cloudcontrolapi/latest/APIReference/API_GetResource), whose types' schemas CloudFormation publishes
(AWSCloudFormation/latest/APIReference/API_DescribeType), and compared with what was deployed last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import ValidationError

from modelyard import engine
from modelyard.assess.graph import Graph, Node, reveal
from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE
from modelyard.core.champions import CHAMPIONS, SHAPES, Champion, Shape
from modelyard.core.errors import Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployed.comparing import ABSENT, Difference, differences
from modelyard.operate.deployments import BACKEND, PLATFORM, Place, standing, targets
from modelyard.operate.models.place import asking, code_of

Client = Callable[[str, str], Any]
"""Gives the boto3 client of a service in a region; an empty one is the stack's own."""

_STACK: Final = "aws:cloudformation/stack:Stack"
_SCALED: Final = "aws:appautoscaling/target:Target"
_COMPONENT: Final = "AWS::SageMaker::InferenceComponent"
_ENDPOINT: Final = "AWS::SageMaker::Endpoint"
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
_UNREADABLE: Final = ("TypeNotFoundException", "UnsupportedActionException")
_GONE: Final = ("ResourceNotFoundException",)
_SIGN_IN: Final = "Sign in as somebody who may cloudformation:GetResource, cloudformation:DescribeType and read it."


@dataclass(frozen=True, slots=True)
class Held:
    """A resource that the engine sees no drift of: where it was declared, its type, and how Cloud Control calls it."""

    urn: str
    name: str
    type: str
    identifier: str
    desired: Mapping[str, Any]
    region: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class Drift:
    """A property that isn't as it was deployed; the whole resource where it is gone."""

    held: Held
    difference: Difference

    def __str__(self) -> str:
        """One line: the resource, the property, and both values."""
        what = f"{self.held.name} ({self.held.type}) {self.difference.property}".rstrip()
        return f"{what}: wanted {_said(self.difference.wanted)}, found {_said(self.difference.found)}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at in one stack, what isn't as it was deployed, and what couldn't be read, with the reason."""

    stack: str
    looked: tuple[Held, ...]
    drift: tuple[Drift, ...]
    unread: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of a stack."""
        return {
            "stack": self.stack,
            "looked": [{"urn": one.urn, "type": one.type, "identifier": one.identifier} for one in self.looked],
            "drift": [
                {
                    "urn": one.held.urn,
                    "resource": one.held.name,
                    "type": one.held.type,
                    "identifier": one.held.identifier,
                    "property": one.difference.property,
                    "wanted": one.difference.wanted,
                    "found": one.difference.found,
                    "source": str(one.held.source) if one.held.source else None,
                }
                for one in self.drift
            ],
            "unread": [{"urn": urn, "why": why} for urn, why in self.unread],
        }


def check(where: Place, what: str | None) -> list[Checked]:
    """The drift in the stacks of `where`: of one, `platform` or a team, or of all that are deployed.

    Raises `InputError` for one that isn't deployed, and where the caller may not read what is there.
    """
    names = [what] if what is not None else list(where.names)
    stacks = standing(where)
    found: list[Checked] = []
    for name, target in targets(where, names).items():
        if not stacks[name == PLATFORM].get(target.stack):
            if what is None:
                continue
            remedy = f"Deploy it first: yard up {name} --env {where.environment}"
            raise InputError(Fault(f"isn't deployed in {where.environment}", remedy, Source("TEAM"), name))
        state = engine.stack_state(target)
        if not where.sandbox:
            _refuse_sandbox_state(state)
        found.append(checked(name, Graph.from_state(state), _client(where, name)))
    return found


def checked(stack: str, graph: Graph, client: Client) -> Checked:
    """The drift of one deployed stack, whose state `graph` is."""
    unread: list[tuple[str, str]] = []
    looked: list[Held] = []
    drift: list[Drift] = []
    scaled, champions = _scaled(graph), _champions(graph, client)
    schemas: dict[tuple[str, str], Mapping[str, Any]] = {}
    for held in _held(graph, client, unread):
        found = _found(held, client, unread)
        if found is None:
            continue
        looked.append(held)
        if not found:
            drift.append(Drift(held, Difference("", "a resource", "none: it is gone")))
            continue
        if (held.type, held.region) not in schemas:
            schemas[held.type, held.region] = _schema(held, client)
        desired = dict(held.desired)
        if held.type == _COMPONENT and desired.get("InferenceComponentName") in scaled:
            desired.pop("RuntimeConfig", None)
        if held.type == _ENDPOINT and (promoted := champions.get(str(desired.get("EndpointName")))):
            desired["EndpointConfigName"] = promoted
        drift += [Drift(held, one) for one in differences(held.type, schemas[held.type, held.region], desired, found)]
    return Checked(stack, tuple(looked), tuple(drift), tuple(unread))


def _held(graph: Graph, client: Client, unread: list[tuple[str, str]]) -> Iterator[Held]:
    for node in graph.of_type(CLOUD_CONTROL_TYPE):
        desired = node.desired
        if isinstance(desired, Mapping):
            yield _resource(node, node.kind, str(reveal(node.outputs.get("id"))), cast(Mapping[str, Any], desired))
        else:
            unread.append((node.urn, "its desired state is secret"))
    for node in graph.of_type(_STACK):
        yield from _in_stack(node, client, unread)


def _resource(node: Node, kind: str, identifier: str, desired: Mapping[str, Any]) -> Held:
    region = reveal(node.properties.get("region")) or ""
    return Held(node.urn, node.name, kind, identifier, desired, str(region), node.source)


def _in_stack(node: Node, client: Client, unread: list[tuple[str, str]]) -> Iterator[Held]:
    """The resources of a stack of CloudFormation's, by the template that was deployed."""
    from botocore.exceptions import ClientError

    text, region = reveal(node.properties.get("templateBody")), str(reveal(node.properties.get("region")) or "")
    try:
        declared = json.loads(text)["Resources"] if isinstance(text, str) else None
    except (ValueError, KeyError, TypeError):
        declared = None
    if declared is None:
        unread.append((node.urn, "its template is no JSON of ours"))
        return
    stack = str(reveal(node.outputs.get("id")))
    with asking(stack, _SIGN_IN):
        try:
            there = client("cloudformation", region).describe_stack_resources(StackName=stack)["StackResources"]
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            there = []
    known = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in there}
    for logical, said in declared.items():
        yield _resource(node, said["Type"], str(known.get(logical, "")), said.get("Properties") or {})


def _found(held: Held, client: Client, unread: list[tuple[str, str]]) -> Mapping[str, Any] | None:
    """What a read shows; nothing in it where the resource is gone, None where it can't be read."""
    from botocore.exceptions import ClientError

    if not held.identifier:
        return {}
    with asking(held.name, _SIGN_IN):
        try:
            answer = client("cloudcontrol", held.region).get_resource(TypeName=held.type, Identifier=held.identifier)
        except ClientError as error:
            if code_of(error) in _GONE:
                return {}
            if code_of(error) in _UNREADABLE:
                unread.append((held.urn, f"Cloud Control doesn't read {held.type}"))
                return None
            raise
    return json.loads(answer["ResourceDescription"]["Properties"])


def _schema(held: Held, client: Client) -> Mapping[str, Any]:
    with asking(held.type, _SIGN_IN):
        answer = client("cloudformation", held.region).describe_type(Type="RESOURCE", TypeName=held.type)
    return json.loads(answer["Schema"])


def _scaled(graph: Graph) -> frozenset[str]:
    """The inference components whose copies autoscaling counts."""
    named = (str(reveal(node.properties.get("resourceId")) or "") for node in graph.of_type(_SCALED))
    return frozenset(name.rpartition("/")[2] for name in named if name.startswith("inference-component/"))


def _champions(graph: Graph, client: Client) -> dict[str, str]:
    """The configurations that the retraining loop made, by the physical names of the endpoints that serve them.

    The loop records what it promotes; that is no drift, and what differs from it is.
    """
    from botocore.exceptions import ClientError

    found: dict[str, str] = {}
    for node in graph.of_type(_PARAMETER):
        name, value = str(reveal(node.outputs.get("name")) or ""), reveal(node.properties.get("insecureValue"))
        if f"/{SHAPES}/" not in name or not isinstance(value, str):
            continue
        place = name.replace(f"/{SHAPES}/", f"/{CHAMPIONS}/")
        with asking(place, _SIGN_IN):
            try:
                said = client("ssm", "").get_parameter(Name=place)["Parameter"]["Value"]
            except ClientError as error:
                if code_of(error) != "ParameterNotFound":
                    raise
                continue
        try:
            shape, champion = Shape.model_validate_json(value), Champion.model_validate_json(said)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            remedy = "Find out who wrote it: yard evidence audit"
            raise InputError(Fault(f"is no record of a champion: {problem}", remedy, Source(place))) from None
        if champion.configuration:
            found[shape.endpoint] = champion.configuration
    return found


def _client(where: Place, name: str) -> Client:
    account = "" if name == PLATFORM else where.project.team(name, where.environment).account or ""
    return Cloud(where, account=account).client


def _refuse_sandbox_state(state: Mapping[str, Any]) -> None:
    import os

    engine.refuse_sandbox_state(os.environ.get(BACKEND, ""))
    engine.refuse_sandbox_state(state)


def _said(value: Any) -> str:
    return value if value == ABSENT or isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
