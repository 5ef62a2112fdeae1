"""The sandbox's provider of Kubernetes against a real API server, without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard_sandbox.kubernetes.provider.provider import KubernetesProvider
from modelyard_sandbox.kubernetes.provider.servicer import KubernetesServicer
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import Difference, Found
from modelyard_sandbox.plugins.greeting import Greeting
from modelyard_sandbox.plugins.values import Properties


def servicer(root: Path, kubeconfig: Path, environment: Mapping[str, str] | None = None) -> KubernetesServicer:
    """A servicer of a sandbox at `root` whose API server `kubeconfig` leads to."""
    place = Places(root).cluster
    if not place.exists():
        place.parent.mkdir(parents=True)
        place.symlink_to(kubeconfig)
    return KubernetesServicer(Greeting("kubernetes", environment or {}, folder=str(root)), Places(root))


def provider(root: Path, kubeconfig: Path, **configuration: Any) -> KubernetesProvider:
    """A provider of the sandbox's administrator's."""
    return servicer(root, kubeconfig).configured({"kubeconfig": str(kubeconfig), **configuration})


@dataclass
class Resource:
    """One resource, driven as the engine drives it."""

    provider: KubernetesProvider
    token: str
    name: str = "it"
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    state: Properties = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::team::{self.token}::{self.name}"

    def checked(self, inputs: Properties) -> Properties:
        """Inputs as Check completes them; it must not refuse them."""
        found, refused = self.provider.check(self.token, self.urn, self.inputs, inputs, b"seed")
        assert refused == []
        return found

    def preview(self, inputs: Properties) -> Properties:
        """What a preview shows of a new one."""
        return self.provider.create(self.token, self.urn, self.checked(inputs), preview=True)[1]

    def create(self, inputs: Properties) -> Properties:
        """The state of the new one."""
        self.inputs = self.checked(inputs)
        self.id, self.state = self.provider.create(self.token, self.urn, self.inputs, preview=False)
        return self.state

    def diff(self, inputs: Properties) -> Difference:
        """What other inputs change."""
        return self.provider.diff(self.token, self.inputs, self.state, self.checked(inputs))

    def update(self, inputs: Properties, *ignored: str, preview: bool = False) -> Properties:
        """The state with other inputs."""
        news = self.checked(inputs)
        found = self.provider.update(
            self.token, self.id, self.urn, self.inputs, self.state, news, ignored, preview=preview
        )
        if not preview:
            self.inputs, self.state = news, found
        return found

    def refresh(self) -> Found | None:
        """The resource as it is; it is remembered so."""
        found = self.provider.read(self.token, self.id, self.urn, self.inputs, self.state)
        if found is not None:
            self.inputs, self.state = found.inputs, found.state
        return found

    def adopt(self, id: str) -> None:
        """Import what exists already."""
        found = self.provider.read(self.token, id, self.urn, {}, {})
        assert found is not None
        self.id, self.inputs, self.state = found.id, found.inputs, found.state

    def delete(self, patience: float = 60) -> None:
        """Delete it, and wait until it is gone."""
        self.provider.delete(self.token, self.id, self.urn, self.state, patience)
