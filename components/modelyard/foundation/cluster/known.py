"""Clusters that this stack doesn't make: one that exists, and the one that the platform's contract tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import ClusterContract
from modelyard.foundation.cluster.kubeconfig import kubeconfig
from modelyard.foundation.cluster.spec import ExistingClusterSpec


class ExistingCluster(Component):
    """A conformant cluster that somebody else runs, reached as a context of the kubeconfig says."""

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: ExistingClusterSpec,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.cluster_name: str = spec.context
        self._objects = kubernetes.Provider(self.named("objects"), context=spec.context, opts=self.options())
        self.register_outputs({"name": self.cluster_name})

    def into(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a component whose objects go into this cluster."""
        return pulumi.ResourceOptions(providers={"kubernetes": self._objects}, **options)

    def contract(self) -> dict[str, Any]:
        """What a `ClusterContract` says of the cluster."""
        return {"kind": self.spec.kind, "name": self.spec.context, "version": self.spec.version}


class KnownCluster:
    """The cluster that the platform's contract tells a team's stack of; on EKS it is entered as `role_arn`."""

    def __init__(self, name: str, contract: ClusterContract, *, context: Context, role_arn: str) -> None:
        self.cluster_name = contract.name
        self.contract = contract
        if contract.kind == "existing":
            self._objects = kubernetes.Provider(name, context=contract.name)
        else:
            self._objects = kubernetes.Provider(
                name,
                kubeconfig=kubeconfig(context, contract.name, contract.endpoint, contract.certificate, role_arn),
                namespace=context.names.namespace,
            )

    def into(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a component whose objects go into this cluster."""
        return pulumi.ResourceOptions(providers={"kubernetes": self._objects}, **options)
