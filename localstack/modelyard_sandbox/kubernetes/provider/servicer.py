"""The stand-in for Pulumi's `kubernetes` plugin as the engine speaks to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

import grpc
from google.protobuf import empty_pb2

from modelyard_sandbox.aws.session import decoded
from modelyard_sandbox.kubernetes.provider.api import ApiServer, Caller, Server
from modelyard_sandbox.kubernetes.provider.callers import EksCaller
from modelyard_sandbox.kubernetes.provider.changes import Mutable
from modelyard_sandbox.kubernetes.provider.cluster import Cluster
from modelyard_sandbox.kubernetes.provider.kubeconfig import START, Wanted, sandbox_server, server_of, wanted
from modelyard_sandbox.kubernetes.provider.objects import DEFAULT_NAMESPACE
from modelyard_sandbox.kubernetes.provider.provider import PATIENCE, KubernetesProvider, Settings
from modelyard_sandbox.kubernetes.provider.rendered import Rendered
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import ConfigurationRefused
from modelyard_sandbox.plugins.greeting import Greeting
from modelyard_sandbox.plugins.messages import Messages
from modelyard_sandbox.plugins.servicer import Servicer, answering, received, resource_type
from modelyard_sandbox.plugins.values import Properties, has_unknown, plain

_FLAGS: Final = {
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
}
"""Settings that a variable says, too."""


class KubernetesServicer(Servicer):
    """One provider of Kubernetes: a cluster, and who calls it."""

    plugin: ClassVar[str] = "kubernetes"

    def __init__(self, greeting: Greeting, places: Places) -> None:
        super().__init__(greeting)
        self._places = places
        self._folder = Path(greeting.folder)
        self._messages = Messages(greeting.engine)
        self._stopped = threading.Event()

    def faults(self, configuration: Properties) -> list[tuple[str, str]]:
        """A cluster that isn't the sandbox's, credentials that aren't understood, and settings that it lacks."""
        try:
            self._clusters(decoded(configuration), Settings())
        except ConfigurationRefused as refused:
            return refused.faults
        return []

    def configured(self, variables: Properties) -> KubernetesProvider:
        """The provider of a configuration. Raises `ConfigurationRefused`."""
        configuration = decoded(variables)
        mutable = Mutable(
            self._flag(configuration, "enableConfigMapMutable"), self._flag(configuration, "enableSecretMutable")
        )
        settings = Settings(
            namespace=str(configuration.get("namespace") or DEFAULT_NAMESPACE),
            mutable=mutable,
            force=self._flag(configuration, "enablePatchForce"),
            upsert=self._flag(configuration, "upsertExistingObjects"),
        )
        cluster, judge, settings = self._clusters(configuration, settings)
        return KubernetesProvider(cluster, judge, settings, self._messages)

    def replacing(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """Another cluster is another place; which one it is says `clusterIdentifier`, or the kubeconfig."""
        if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
            return [key for key in ("clusterIdentifier",) if key in changed]
        leading = [key for key in ("kubeconfig", "context", "cluster") if key in changed]
        if not leading or has_unknown(old) or has_unknown(new):
            return []
        before, after = (server_of(plain(side), self._folder) for side in (old, new))
        return leading if before != after else []

    @answering
    def Delete(self, request: Any, context: Any) -> Any:
        provider, patience = self.provider, request.timeout or PATIENCE
        provider.delete(resource_type(request), request.id, request.urn, received(request.properties), patience)
        return empty_pb2.Empty()

    def Construct(self, request: Any, context: Any) -> Any:
        told = "the sandbox makes no components of the plugin's own; use kubernetes.yaml.ConfigGroup, or the objects"
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.type}: {told}")

    def Cancel(self, request: Any, context: Any) -> Any:
        self._stopped.set()
        return empty_pb2.Empty()

    @property
    def provider(self) -> KubernetesProvider:
        """The configured provider."""
        found = super().provider
        assert isinstance(found, KubernetesProvider)
        return found

    def _clusters(self, configuration: Properties, settings: Settings) -> tuple[Cluster, Cluster, Settings]:
        """Where objects go, who judges them, and the settings with the context's namespace."""
        if not self._flag(configuration, "enableServerSideApply", absent=True):
            raise ConfigurationRefused(
                [("enableServerSideApply", "the sandbox applies by the server alone; remove it")]
            )
        folder = configuration.get("renderYamlToDirectory")
        if folder:
            rendered = Rendered(self._folder / str(folder), self._messages.warn)
            return rendered, rendered, settings
        asked = wanted(configuration, self.greeting.environment, self._folder)
        server = sandbox_server(self._places.cluster)
        caller, token = self._caller(asked, server)
        if asked.namespace and not configuration.get("namespace"):
            settings = replace(settings, namespace=asked.namespace)
        if server is None:
            self._messages.warn(
                f"no API server runs in the sandbox: objects are checked and written to {self._places.manifests}, and "
                "nothing answers; to have one: yard sandbox start --kubernetes"
            )
            rendered = Rendered(self._places.manifests, self._messages.warn)
            return rendered, rendered, settings
        called = Server(server.url, server.authority, token or server.token)
        return (
            ApiServer(called, caller, self._messages.warn, self._stopped),
            ApiServer(server, lambda: None, self._messages.warn, self._stopped),
            settings,
        )

    def _caller(self, asked: Wanted, server: Server | None) -> tuple[Callable[[], Caller | None], str]:
        """Who calls, and with which token of the sandbox's server."""
        if asked.eks is not None:
            return EksCaller(asked.eks, self.greeting.environment, asked.server, asked.authority), ""
        if server is None or asked.server != server.url:
            here = f"; the sandbox's is {server.url}" if server is not None else ""
            raise ConfigurationRefused(
                [
                    (
                        "kubeconfig",
                        f"leads to {asked.server or 'no server'}, which isn't the sandbox's API server{here}; {START}",
                    )
                ]
            )
        return (lambda: None), asked.token

    def _flag(self, configuration: Properties, key: str, *, absent: bool = False) -> bool:
        said = configuration.get(key)
        if said is None:
            said = self.greeting.environment.get(_FLAGS[key])
        return absent if said in (None, "") else str(said).lower() == "true"
