"""`deploy`: a Pulumi program's resources, made in an emulator by this process, to be asked, updated and destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from moto import mock_aws

from modelyard.core.errors import DeploymentError
from modelyard.core.program import Program, alone, run_to_end
from modelyard_sandbox import moto_extensions
from modelyard_sandbox.inprocess.calls import Call
from modelyard_sandbox.inprocess.monitor import Deployed, DeployingMonitor, Operation
from modelyard_sandbox.inprocess.session import InProcessSession, Session
from modelyard_sandbox.plugins.answers import ProviderError
from modelyard_sandbox.plugins.values import Properties, plain

__all__ = ["Call", "Deployed", "Deployment", "Emulated", "deploy"]


class Emulated(Protocol):
    """The emulator that a deployment goes to."""

    def begin(self) -> None:
        """Have it ready, with nothing in it."""
        ...

    def session(self, region: str) -> Session:
        """Its clients."""
        ...

    def end(self) -> None:
        """Let it go."""
        ...


class InProcessMoto:
    """moto in this process: nothing is sent anywhere."""

    def __init__(self) -> None:
        self._moto = mock_aws()

    def begin(self) -> None:
        """Start to answer."""
        moto_extensions.install()
        self._moto.start()

    def session(self, region: str) -> Session:
        """Clients that moto answers."""
        return InProcessSession(region)

    def end(self) -> None:
        """Everything in it is gone."""
        self._moto.stop()


class Deployment:
    """A stack in an emulator. `outputs`, `resources` (by URN) and `operations` (of the last run) say what there is.

    A context manager: at its end the emulator is let go; moto and everything in it are gone.
    """

    def __init__(
        self,
        project: str,
        stack: str,
        region: str,
        config: Mapping[str, Any],
        stack_references: Mapping[str, Mapping[str, Any]],
        emulated: Emulated,
    ) -> None:
        self._project, self._stack = project, stack
        self._emulated, self._region = emulated, region
        self._config = {"aws:region": region, **config}
        self._references = stack_references
        self._begun: Session | None = None
        self.outputs: Properties = {}
        self.resources: dict[str, Deployed] = {}
        self.operations: dict[str, Operation] = {}

    def update(self, program: Program) -> Self:
        """Bring the stack to what `program` wants. Raises `DeploymentError` with everything that failed."""
        monitor = self._monitor()
        try:
            alone(
                lambda: run_to_end(program, monitor, project=self._project, stack=self._stack, config=self._config),
                "modelyard-deploy",
                own_thread=True,
            )
        except BaseException as error:
            self.resources = monitor.unfinished()
            if monitor.failures:
                raise DeploymentError(*monitor.failures) from error
            raise
        self._finish(monitor)
        self.outputs = plain(monitor.outputs)
        return self

    def refresh(self) -> Self:
        """Read every resource anew, as `pulumi refresh` does; what is gone is forgotten."""
        monitor = self._monitor()
        try:
            self.resources = monitor.refreshed()
        except ProviderError as error:
            raise DeploymentError(str(error)) from error
        self.operations = monitor.operations
        return self

    def destroy(self) -> None:
        """Delete every resource, dependents first, as `pulumi destroy` does. The emulator stays: one can look."""
        self._finish(self._monitor())
        self.outputs = {}

    @property
    def _session(self) -> Session:
        if self._begun is None:
            self._emulated.begin()
            self._begun = self._emulated.session(self._region)
        return self._begun

    def _monitor(self) -> DeployingMonitor:
        session = self._session
        session.calls.made.clear()
        return DeployingMonitor(self._project, self._stack, self.resources, session, self._references)

    def _finish(self, monitor: DeployingMonitor) -> None:
        try:
            self.resources = monitor.finish()
        except ProviderError as error:
            self.resources = monitor.unfinished()
            raise DeploymentError(str(error)) from error
        self.operations = monitor.operations

    @property
    def calls(self) -> Sequence[Call]:
        """The calls to AWS of the last run, each with the resource that it was made for."""
        return tuple(self._session.calls.made)

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of what was deployed, in the stack's region or another."""
        return self._session.client(service, region)

    def resource(self, name: str, type: str = "") -> Deployed:
        """The one resource of a logical name, and of a type where several share it."""
        found = [item for item in self.resources.values() if item.name == name and type in ("", item.type)]
        if len(found) != 1:
            known = ", ".join(sorted(item.name for item in self.resources.values()))
            raise LookupError(f"{len(found)} resources are called {name}; there are: {known}")
        return found[0]

    def close(self) -> None:
        """Let the emulator go."""
        if self._begun is not None:
            self._emulated.end()
            self._begun = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def deploy(
    program: Program,
    *,
    project: str = "project",
    stack: str = "test",
    region: str = "us-east-1",
    config: Mapping[str, Any] | None = None,
    stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    emulated: Emulated | None = None,
) -> Deployment:
    """A program (a function, async or not; what it returns is exported) deployed to a fresh emulator.

    `config` is keyed as in a stack's file; `stack_references` holds other stacks' outputs by `project/stack`. Absent
    `emulated`: moto in this process. Raises `DeploymentError` with everything that failed; the emulator is let go then.
    """
    deployment = Deployment(project, stack, region, config or {}, stack_references or {}, emulated or InProcessMoto())
    try:
        return deployment.update(program)
    except BaseException:
        deployment.close()
        raise
