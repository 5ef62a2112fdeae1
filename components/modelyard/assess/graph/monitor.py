"""The recording monitor: what the engine would hear from a program, kept as nodes and answered without a cloud."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import callback_pb2, provider_pb2, resource_pb2

from modelyard.assess.graph.callsite import asked_at
from modelyard.assess.graph.invokes import ANSWERS, Answer
from modelyard.assess.graph.model import STACK_TYPE, Graph, Node, urn_of, urn_parts
from modelyard.assess.graph.options import read_options
from modelyard.assess.graph.synthetic import Place, digits, synthesize
from modelyard.assess.graph.transforms import Transforms
from modelyard.assess.graph.values import UNKNOWN, Secret, from_struct, reveal, set_wire, to_struct
from modelyard.core.errors import ContractError, Fault, InputError, Source
from modelyard.core.source import Trace

STACK_REFERENCE_TYPE: Final = "pulumi:pulumi:StackReference"
PROVIDER_PREFIX: Final = "pulumi:providers:"

StackReferences = Mapping[str, Callable[[], Graph | Mapping[str, Any]] | Graph | Mapping[str, Any]]


@dataclass(slots=True)
class _Heard:
    urn: str
    type: str
    name: str
    custom: bool
    external: bool
    parent: str
    properties: dict[str, Any]
    outputs: dict[str, Any]
    dependencies: tuple[str, ...]
    property_dependencies: dict[str, tuple[str, ...]]
    provider: str
    options: dict[str, Any]
    source: Source | None
    transformed: frozenset[str] = frozenset()


@dataclass(slots=True)
class RecordingMonitor(MockMonitor):
    """Hears the registrations of one program; `graph` is what it heard, `faults` what no engine would take."""

    project: str
    stack: str
    place: Place
    preview: bool
    stack_references: StackReferences
    invokes: Mapping[str, Answer | Mapping[str, Any]]
    transforms: Transforms
    trace: Trace
    faults: list[Fault] = field(default_factory=list[Fault])
    _heard: dict[str, _Heard] = field(default_factory=dict[str, _Heard])
    _twice: set[str] = field(default_factory=set[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def graph(self) -> Graph:
        """The nodes heard so far."""
        return Graph(self.project, self.stack, tuple(self._node(heard) for heard in self._heard.values()))

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Hear of a resource or component, and answer with its URN, id and outputs."""
        request, changed = self.transforms.of_resource(request)
        urn = urn_of(self.stack, self.project, request.type, request.name, request.parent)
        properties = from_struct(request.object)
        identity, computed = "", {}
        if request.custom:
            identity, computed = self._computed(request, urn, properties)
        heard = _Heard(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            external=False,
            parent=request.parent,
            properties=properties,
            outputs={**properties, **computed, "id": identity or UNKNOWN} if request.custom else {},
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(found.urns)) for key, found in request.propertyDependencies.items() if found.urns
            },
            provider=_provider_urn(request.provider),
            options=read_options(request, urn),
            source=asked_at(),
            transformed=changed,
        )
        self._hear(heard)
        response = resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=request.object)
        for key, value in computed.items():
            set_wire(response.object.fields[key], value)
        return response

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """Hear of a resource that exists elsewhere; a stack reference is answered by its resolver."""
        urn = urn_of(self.stack, self.project, request.type, request.name, request.parent)
        properties = from_struct(request.properties)
        if request.type == STACK_REFERENCE_TYPE:
            outputs = self._referenced(request.id or str(properties.get("name", "")))
        else:
            _, computed = synthesize(request.type, request.name, urn, properties, self._place_of("", properties))
            outputs = {**properties, **computed, "id": request.id}
        self._hear(
            _Heard(
                urn=urn,
                type=request.type,
                name=request.name,
                custom=True,
                external=True,
                parent=request.parent,
                properties=properties,
                outputs=outputs,
                dependencies=tuple(sorted(request.dependencies)),
                property_dependencies={},
                provider=_provider_urn(request.provider),
                options={},
                source=asked_at(),
            )
        )
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=to_struct(outputs))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Hear what a component or the stack offers."""
        with self._lock:
            self._heard[request.urn].outputs.update(from_struct(request.outputs))
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Answer a provider function from the caller's answers, then from the table.

        A preview's answer lacks what is unknown: the SDK takes no unknown in it, and none comes from a real provider.
        """
        request = self.transforms.of_invoke(request)
        args = {key: reveal(value) for key, value in from_struct(request.args).items()}
        if request.tok == "pulumi:pulumi:getResource":
            found = self._heard[str(args["urn"])]
            state = {"urn": found.urn, "id": found.outputs.get("id", ""), "state": found.outputs}
            return _answered(state)
        answer = next((self.invokes[key] for key in _names(request.tok) if key in self.invokes), None)
        if answer is None:
            answer = ANSWERS.get(request.tok)
        if answer is None:
            raise InputError(
                Fault(
                    f"the recorder has no answer for the provider function {request.tok}",
                    f'Give one: record(…, invokes={{"{request.tok}": {{…}}}}), a mapping or a function of its arguments'
                    " and the place.",
                    asked_at(),
                )
            )
        place = self._place_of(request.provider, args)
        found = answer(args, place) if callable(answer) else answer
        if self.preview:
            found = {key: None if value is UNKNOWN else value for key, value in found.items()}
        return _answered(found)

    def Call(self, request: resource_pb2.ResourceCallRequest) -> provider_pb2.CallResponse:
        """Refuse: a method of a component in another language cannot be run here."""
        raise InputError(
            Fault(
                f"the recorder cannot call {request.tok}: it belongs to a component of another package",
                "Use a component in Python, or check the stack through its preview.",
                asked_at(),
            )
        )

    def ExistsResource(self, request: resource_pb2.ExistsResourceRequest) -> resource_pb2.ExistsResourceResponse:
        """Whether the program itself has made a resource of that type and id."""
        known = any(
            heard.type == request.type and heard.outputs.get("id") == request.id for heard in self._heard.values()
        )
        return resource_pb2.ExistsResourceResponse(exists=known)

    def RegisterStackTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:
        """Run the transform on every resource from now on."""
        self.transforms.for_stack.append(request.token)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:
        """Run the transform on every provider function from now on."""
        self.transforms.for_invokes.append(request.token)
        return empty_pb2.Empty()

    def duplicates(self) -> list[Fault]:
        """A fault for each URN that was registered more than once."""
        return sorted(self.faults, key=str)

    def _computed(
        self, request: resource_pb2.RegisterResourceRequest, urn: str, properties: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        if request.type.startswith(PROVIDER_PREFIX):
            return ("" if self.preview else digits({"urn": urn}, 32)), {}
        place = self._place_of(request.provider, properties)
        identity, computed = synthesize(request.type, request.name, urn, properties, place)
        if self.preview:
            return "", dict.fromkeys(computed, UNKNOWN)
        return request.importId or identity, computed

    def _place_of(self, provider: str, properties: Mapping[str, Any]) -> Place:
        """The place that the resource's own region, or its provider's region and only account, gives."""
        made = self._heard.get(_provider_urn(provider)) if provider else None
        settings = made.properties if made else {}
        region, account = settings.get("region"), _only(settings.get("allowedAccountIds"))
        if isinstance(own := properties.get("region"), str):
            region = own
        return Place(account or self.place.account, region if isinstance(region, str) else self.place.region)

    def _referenced(self, name: str) -> dict[str, Any]:
        resolver = next((self.stack_references[key] for key in _tails(name) if key in self.stack_references), None)
        if resolver is None:
            raise ContractError(
                Fault(
                    f"the program refers to the stack {name}, and nothing here says what that stack exports",
                    "Give its graph or its outputs: record(…, stack_references={"
                    f'"{"/".join(name.split("/")[-2:])}": …}}).',
                    asked_at(),
                    name,
                )
            )
        found = resolver() if callable(resolver) else resolver
        outputs = dict(found.outputs if isinstance(found, Graph) else found)
        secret = sorted(key for key, value in outputs.items() if _holds_secret(value))
        return {"name": name, "outputs": outputs, "secretOutputNames": secret}

    def _hear(self, heard: _Heard) -> None:
        with self._lock:
            first = self._heard.setdefault(heard.urn, heard)
            if first is heard:
                return
            self._twice.add(heard.urn)
            if heard.parent in self._twice:
                return
            self.faults.append(self._collision(first, heard))

    def _collision(self, first: _Heard, second: _Heard) -> Fault:
        places = sorted(
            f"{_called(heard.parent)} ({source})" if (source := self._source(heard)) else _called(heard.parent)
            for heard in (first, second)
        )
        return Fault(
            f"two resources are called {second.name} and are of the type {second.type}, so they would share one URN: "
            f"one {places[0]}, one {places[1]}",
            "Give one of them another name; a component's child is called <component>-<role>.",
            self._source(second),
            second.urn,
        )

    def _source(self, heard: _Heard) -> Source | None:
        """Where the resource or the nearest component above it was written, else the call site."""
        known = self.trace.sources
        above: _Heard | None = heard
        while above is not None:
            place = known.get((above.type, above.name))
            if place is not None:
                return place
            above = self._heard.get(above.parent) if above.parent else None
        return heard.source

    def _node(self, heard: _Heard) -> Node:
        return Node(
            urn=heard.urn,
            type=heard.type,
            name=heard.name,
            custom=heard.custom,
            external=heard.external,
            parent=heard.parent or None,
            properties=heard.properties,
            outputs=heard.outputs,
            dependencies=heard.dependencies,
            property_dependencies=heard.property_dependencies,
            provider=heard.provider,
            options=heard.options,
            source=self._source(heard),
            transformed=tuple(
                sorted(heard.transformed | self.trace.transformed.get((heard.type, heard.name), frozenset()))
            ),
        )


def _answered(value: Mapping[str, Any]) -> resource_pb2.ResourceInvokeResponse:
    response = resource_pb2.ResourceInvokeResponse()
    getattr(response, "return").CopyFrom(to_struct(value))
    return response


def _names(token: str) -> tuple[str, ...]:
    """The names under which an answer may be given: the token, `aws:ec2:getVpc`, `getVpc`."""
    package, module, name = token.split(":", 2)
    return token, f"{package}:{module.split('/')[0]}:{name}", name


def _tails(name: str) -> tuple[str, ...]:
    parts = name.split("/")
    return tuple("/".join(parts[start:]) for start in range(len(parts)))


def _called(urn: str) -> str:
    if not urn:
        return "without a parent"
    _, _, kind, name = urn_parts(urn)
    return "directly in the stack" if kind == STACK_TYPE else f"in {kind} {name}"


def _only(accounts: Any) -> str | None:
    """The one account of a provider's list, which goes over the wire as JSON text."""
    listed = json.loads(accounts) if isinstance(accounts, str) else accounts
    return listed[0] if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], str) else None


def _provider_urn(reference: str) -> str:
    return reference.rpartition("::")[0]


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))
