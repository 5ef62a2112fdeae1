"""`deploy` through whichever emulator is installed; emulators join by the entry point group `modelyard.emulators`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from modelyard.core import emulators

Program = Callable[[], Awaitable[Any] | Mapping[str, Any] | None]


class Resource(Protocol):
    """One resource of a deployment."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def properties(self) -> Mapping[str, Any]:
        """Outputs by Pulumi's camelCase names, secrets in plain."""
        ...


class Deployment(Protocol):
    """A stack in an emulator: `outputs`, `resources` by URN, and what the last run did to each (`operations`)."""

    @property
    def outputs(self) -> Mapping[str, Any]: ...
    @property
    def resources(self) -> Mapping[str, Resource]: ...
    @property
    def operations(self) -> Mapping[str, str]:
        """`create`, `update`, `replace`, `delete`, `import` or `same`, by URN."""
        ...

    def resource(self, name: str, type: str = "") -> Resource:
        """The one resource of a logical name. Raises LookupError."""
        ...

    def update(self, program: Program) -> Self:
        """Bring the stack to what another program wants."""
        ...

    def refresh(self) -> Self:
        """Read every resource anew, as `pulumi refresh` does; what is gone is forgotten."""
        ...

    def destroy(self) -> None:
        """Delete every resource, dependents first."""
        ...

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of what was deployed."""
        ...

    def close(self) -> None:
        """Let the emulator go."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def deploy(
    program: Program,
    *,
    project: str = "project",
    stack: str = "test",
    region: str = "us-east-1",
    config: Mapping[str, Any] | None = None,
    stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    emulator: str = emulators.DEFAULT,
) -> Deployment:
    """The program deployed to a fresh emulator by this process, without the Pulumi CLI and without a cloud.

    `emulator`: `moto`, in this process, or `localstack`, which this process starts once and empties before each
    deployment.
    `program` is a function, async or not; a mapping that it returns is exported. `config` is keyed as in a stack's
    file, `stack_references` gives other stacks' outputs by `project/stack`. Raises `DeploymentError` with what failed,
    and `EmulatorError` where the emulator is not installed.
    """
    made: Deployment = emulators.emulator(emulator).deploy(
        program,
        project=project,
        stack=stack,
        region=region,
        config=config,
        stack_references=stack_references,
    )
    return made
