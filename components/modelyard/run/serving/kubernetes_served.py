"""What every component has that serves a released version by pods: account, name in the cluster, questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

import pulumi

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import identity_of
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.kubernetes import PROMETHEUS_AT
from modelyard.core.settle import at_program_end
from modelyard.foundation.cluster import PoolLimit
from modelyard.run.serving.checks import unplaced
from modelyard.run.serving.kubernetes_llm_spec import KubernetesLanguageModelSpec
from modelyard.run.serving.kubernetes_pods import ServingIdentity
from modelyard.run.serving.kubernetes_queries import Questions
from modelyard.run.serving.kubernetes_spec import KubernetesEndpointSpec

Served = TypeVar("Served", KubernetesEndpointSpec, KubernetesLanguageModelSpec)


class ServedByPods(Component, Generic[Served]):
    """Pods that serve a released version, behind one service of the cluster.

    It goes into a cluster by `opts=cluster.into()`, and its pods act as `identity`, which is let read the model.
    `pools`: the cluster's GPUs. `prometheus`: where it answers. `after`: what installs the definitions that it needs.
    Raises `SpecError` with all faults; in production `InputError` for a version that isn't released.
    """

    CAPABILITY = "serving"
    PATH: ClassVar[str] = ""
    """What follows the service's name where callers ask."""

    def __init__(
        self,
        name: str,
        spec: Served,
        *,
        context: Context,
        registry: ModelRegistry,
        identity: ServingIdentity,
        pools: Mapping[str, PoolLimit] | None = None,
        prometheus: str = PROMETHEUS_AT,
        after: Sequence[pulumi.Resource] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults: list[Fault] = [
            *spec.all_faults(),
            *spec.needs.unfit_on(pools or {}, spec.most),
            *unplaced(spec, spec.model, models=registry.spec.models, zones=(), wanted={}, without_network=False),
            *(spec.unfit_for_production() if context.production else ()),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec: Served = spec
        self.identity = identity_of(identity)
        self.namespace = identity.namespace
        self.service: str = self.physical("kubernetes")
        self.address = f"http://{self.service}.{self.namespace}.svc.cluster.local{self.PATH}"
        """Where it answers inside the cluster."""
        self._account, self._registry, self._pools = identity, registry, pools or {}
        self._prometheus, self._after = prometheus, list(after)
        registry.grant_pull(self.identity, models=[spec.model])
        at_program_end(self._serve)
        self.register_outputs({"service": self.service, "address": self.address})

    def questions(self, *, track: str = "", revision: str = "") -> Questions:
        """What may be asked of Prometheus about it."""
        return Questions(self.namespace, self.component, self.spec.measured, track, revision)

    @property
    def rollout_name(self) -> str:
        """The name of the Rollout that keeps its pods; empty where none does."""
        return ""

    @property
    def has_candidate(self) -> bool:
        """Whether a version is tried beside the release."""
        return False

    def _serve(self) -> None:
        """Declare pods and all around them, when the grants of the identity are written."""
        raise NotImplementedError
