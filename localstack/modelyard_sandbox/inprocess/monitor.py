"""The monitor of an in-process deployment: what the engine would do with each registration, done by the table."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2

from modelyard.core.errors import ContractError, Fault, InputError
from modelyard_sandbox.aws.provider import Provider
from modelyard_sandbox.aws.session import decoded
from modelyard_sandbox.inprocess.session import Session
from modelyard_sandbox.plugins.answers import ConfigurationRefused, HalfCreated, ProviderError
from modelyard_sandbox.plugins.servicer import received, sent
from modelyard_sandbox.plugins.values import Properties, plain, secret

_PROVIDER: Final = "pulumi:providers:"
_STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
Operation: TypeAlias = Literal["create", "update", "replace", "delete", "same", "import", "read"]


@dataclass(frozen=True, slots=True)
class Deployed:
    """One resource of a deployment: its inputs and its state, which hold secrets in the engine's form."""

    urn: str
    type: str
    name: str
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    state: Properties = field(default_factory=dict)
    provider: str = ""
    custom: bool = True
    external: bool = False
    retained: bool = False
    """Whether it stays in the cloud when the program no longer wants it (`retain_on_delete`)."""
    dependencies: tuple[str, ...] = ()

    @property
    def properties(self) -> Properties:
        """The state without secret wrappers."""
        return plain(self.state)


class DeployingMonitor(MockMonitor):
    """Hears one run of a program against what was deployed `before`; `now` is what is deployed after it."""

    def __init__(
        self,
        project: str,
        stack: str,
        before: Mapping[str, Deployed],
        session: Session,
        references: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._project, self._stack = project, stack
        self._before = dict(before)
        self._session = session
        self._providers = {"": Provider(session)}
        self._calls = session.calls
        self._references = references
        self._lock = threading.RLock()
        self.now: dict[str, Deployed] = {}
        self.replaced: list[Deployed] = []
        self.operations: dict[str, Operation] = {}
        self.outputs: Properties = {}
        self.failures: list[Fault] = []

    def _urn(self, parent: str, type_: str, name: str) -> str:
        if parent and (above := parent.split("::")[2]) != "pulumi:pulumi:Stack":
            type_ = f"{above}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{type_}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        """Bring one resource to what the program wants."""
        urn = self._urn(request.parent, request.type, request.name)
        if not request.custom:
            with self._lock:
                self.now[urn] = Deployed(urn, request.type, request.name, custom=False)
            return resource_pb2.RegisterResourceResponse(urn=urn)
        with self._lock:
            try:
                resource = self._bring(urn, request)
            except ProviderError as error:
                self.failures.append(Fault(str(error), "", value=urn))
                raise
        state = dict(resource.state)
        for name in request.additionalSecretOutputs:
            if name in state:
                state[name] = secret(plain(state[name]))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource.id, object=sent(state))

    def _bring(self, urn: str, request: Any) -> Deployed:
        if urn in self.now:
            raise ProviderError(f"two resources have the URN {urn}")
        news = received(request.object)
        reference = request.provider.rpartition("::")[0]
        links = {*request.dependencies, *(u for found in request.propertyDependencies.values() for u in found.urns)}
        wanted = Deployed(
            urn,
            request.type,
            request.name,
            "",
            news,
            {},
            reference,
            retained=bool(request.retainOnDelete),
            dependencies=(*sorted(links), request.parent),
        )
        if request.type.startswith(_PROVIDER):
            self.now[urn] = self._configured(replace(wanted, id="sandbox", state=news))
            return self.now[urn]
        provider = self._providers[reference]
        old = self._before.get(urn)
        if old is None and request.importId:
            with self._calls.of(urn, "read"):
                found = provider.read(request.type, request.importId, urn, {}, {})
            if found is None:
                raise ProviderError(f"importing {urn}: {request.importId} does not exist")
            old = replace(wanted, id=found.id, state=found.state, inputs=found.inputs)
            self.operations[urn] = "import"
        if old is not None:
            ignored = {path.partition(".")[0].partition("[")[0] for path in request.ignoreChanges}
            kept = {prop: old.inputs[prop] for prop in ignored & set(old.inputs)}
            news = {prop: value for prop, value in news.items() if prop not in ignored} | kept
        inputs = self._checked(provider, urn, request.type, old, news)
        if old is None:
            return self._created(provider, replace(wanted, inputs=inputs), "create")
        difference = provider.diff(request.type, old.inputs, old.state, inputs)
        if difference.replaces:
            inputs = self._checked(provider, urn, request.type, None, received(request.object))
            first = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else difference.delete_first
            if first:
                self.delete(old)
            else:
                self.replaced.append(old)
            return self._created(provider, replace(wanted, inputs=inputs), "replace")
        state = old.state
        if difference.changed:
            with self._calls.of(urn, "update"):
                state = provider.update(request.type, old.id, urn, old.inputs, old.state, inputs, preview=False)
        self.operations.setdefault(urn, "update" if difference.changed else "same")
        self.now[urn] = replace(wanted, id=old.id, inputs=inputs, state=state)
        return self.now[urn]

    def _checked(self, provider: Provider, urn: str, token: str, old: Deployed | None, news: Properties) -> Properties:
        seed = f"{urn}#{len(self.replaced)}".encode()
        inputs, refused = provider.check(token, urn, old.inputs if old else {}, news, seed)
        if refused:
            reasons = "; ".join(f"{item.path}: {item.reason}" if item.path else item.reason for item in refused)
            raise ProviderError(f"{token} {urn.rpartition('::')[2]!r}: {reasons}")
        return inputs

    def _created(self, provider: Provider, wanted: Deployed, operation: Operation) -> Deployed:
        try:
            with self._calls.of(wanted.urn, "create"):
                id, state = provider.create(wanted.type, wanted.urn, wanted.inputs, preview=False)
        except HalfCreated as half:
            self.now[wanted.urn] = replace(wanted, id=half.id, state=half.state)
            raise
        self.operations[wanted.urn] = operation
        self.now[wanted.urn] = replace(wanted, id=id, state=state)
        return self.now[wanted.urn]

    def _configured(self, made: Deployed) -> Deployed:
        configuration = decoded(plain(made.inputs))
        region = configuration.get("region") or self._session.region
        tags = (configuration.get("defaultTags") or {}).get("tags")
        roles = configuration.get("assumeRoles") or [{}]
        try:
            with self._calls.of(made.urn, "configure"):
                session = self._session.elsewhere(region, tags, roles[-1].get("roleArn", ""))
        except ConfigurationRefused as error:
            raise ProviderError(f"{made.urn}: {error}") from error
        allowed = configuration.get("allowedAccountIds") or [session.account]
        if session.account not in allowed:
            raise ProviderError(f"{made.urn}: the account is {session.account}; allowedAccountIds has {allowed}")
        self._providers[made.urn] = Provider(session)
        return made

    def delete(self, resource: Deployed) -> None:
        """Delete a resource of before, after everything there that depends on it; that is made anew if still wanted."""
        for other in reversed(list(self._before.values())):
            if resource.urn in other.dependencies and other.urn in self._before and other.urn not in self.now:
                self.delete(other)
        self._before.pop(resource.urn, None)
        self.removed(resource)

    def removed(self, resource: Deployed) -> None:
        """Delete one resource; one that is retained is only forgotten."""
        if not resource.custom or resource.external or resource.type.startswith(_PROVIDER):
            return
        if resource.retained:
            self.operations.setdefault(resource.urn, "delete")
            return
        provider = self._providers.get(resource.provider) or self._providers[""]
        with self._calls.of(resource.urn, "delete"):
            provider.delete(resource.type, resource.id, resource.urn, resource.state)
        self.operations.setdefault(resource.urn, "delete")

    def finish(self) -> dict[str, Deployed]:
        """Delete what was replaced and what the program no longer wants, dependents first."""
        left = [resource for urn, resource in self._before.items() if urn not in self.now]
        for resource in left:
            if resource.type.startswith(_PROVIDER):
                self._configured(resource)
        for resource in [*self.replaced[::-1], *left[::-1]]:
            self.removed(resource)
        return self.now

    def refreshed(self) -> dict[str, Deployed]:
        """Read everything anew; what is gone is forgotten, and what the next run would put right is an update."""
        for urn, resource in self._before.items():
            if resource.type.startswith(_PROVIDER):
                self._configured(resource)
            if not resource.custom or resource.external or resource.type.startswith(_PROVIDER):
                self.now[urn] = resource
                continue
            provider = self._providers.get(resource.provider) or self._providers[""]
            with self._calls.of(urn, "read"):
                found = provider.read(resource.type, resource.id, urn, resource.inputs, resource.state)
            if found is None:
                self.operations[urn] = "delete"
                continue
            drifted = provider.diff(resource.type, found.inputs, found.state, resource.inputs).changed
            self.operations[urn] = "update" if drifted else "same"
            self.now[urn] = replace(resource, id=found.id, state=found.state, inputs=found.inputs)
        return self.now

    def unfinished(self) -> dict[str, Deployed]:
        """What is deployed after a run that failed: nothing is deleted, so that a later run can go on."""
        return {**self._before, **self.now}

    def ReadResource(self, request: Any) -> Any:
        """A resource that exists elsewhere, or another stack's outputs."""
        urn = self._urn(request.parent, request.type, request.name)
        if request.type == _STACK_REFERENCE:
            state = self._referenced(request.id)
        else:
            provider = self._providers[request.provider.rpartition("::")[0]]
            with self._calls.of(urn, "read"):
                found = provider.read(request.type, request.id, urn, {}, received(request.properties))
            if found is None:
                raise ProviderError(f"reading {urn}: {request.id} does not exist")
            state = found.state
        with self._lock:
            self.now[urn] = Deployed(urn, request.type, request.name, request.id, {}, state, external=True)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=sent(state))

    def _referenced(self, name: str) -> Properties:
        parts = name.split("/")
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        outputs = next((self._references[tail] for tail in tails if tail in self._references), None)
        if outputs is None:
            raise ContractError(
                f"the program refers to the stack {name}", remedy="Give its outputs: deploy(…, stack_references={…})"
            )
        return {"name": name, "outputs": dict(outputs), "secretOutputNames": []}

    def Invoke(self, request: Any) -> Any:
        """A data source's result."""
        provider = self._providers[request.provider.rpartition("::")[0]]
        if request.tok == "pulumi:pulumi:getResource":
            found = self.now[plain(received(request.args))["urn"]]
            result: Properties = {"urn": found.urn, "id": found.id, "state": found.state}
        else:
            try:
                with self._lock, self._calls.of(request.tok, "invoke"):
                    result = provider.invoke(request.tok, received(request.args))
            except ProviderError as error:
                self.failures.append(Fault(str(error), "", value=request.tok))
                raise
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(sent(result))
        return response

    def Call(self, request: Any) -> Any:
        """Refuse a method of a component of another package."""
        raise InputError(f"{request.tok} belongs to a component of another package", remedy="Use the real engine.")

    def RegisterResourceOutputs(self, request: Any) -> Any:
        """Keep the stack's outputs."""
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.outputs = received(request.outputs)
        return empty_pb2.Empty()
