"""The calls to AWS that a deployment makes, each with the resource that it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from modelyard_sandbox.aws.session import judging

Step: TypeAlias = Literal["configure", "create", "read", "update", "delete", "invoke"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `service`, `operation` and `parameters` as boto3 writes them.

    `urn`: the resource or the provider that it was made for; of a data source: its token.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    urn: str
    step: Step


class Calls:
    """Hears the clients of a deployment; what the stand-in asks in order to refuse is none of AWS's business."""

    def __init__(self) -> None:
        self.made: list[Call] = []
        self._urn = ""
        self._step: Step | None = None

    @contextmanager
    def of(self, urn: str, step: Step) -> Iterator[None]:
        """What is called inside is called for this resource; one at a time."""
        before = self._urn, self._step
        self._urn, self._step = urn, step
        try:
            yield
        finally:
            self._urn, self._step = before

    def listen(self, client: Any) -> None:
        """Hear a client's calls from now on."""
        client.meta.events.register_first("before-parameter-build", self._heard)

    def _heard(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if self._step is not None and not judging.get():
            service = model.service_model.service_name
            self.made.append(Call(service, model.name, dict(params), self._urn, self._step))
