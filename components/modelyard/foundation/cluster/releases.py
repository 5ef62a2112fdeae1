"""Charts in a cluster: each a release of Helm's, after the definitions and the charts that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.foundation.cluster.charts import (
    CHARTS_BELOW,
    PROMETHEUS,
    ChartName,
    ChartsSpec,
    held_apart,
    merged,
    nested,
    table,
)

_SECONDS: Final = 600
_REVISIONS: Final = 5
_EVERYWHERE: Final = "kube-system"
_PRIVILEGED: Final = ("gpu-operator",)
"""Whose pods reach into the machine, where they put drivers."""
_WEBHOOKS: Final = (443, 8443, 9443, 10250)
"""Ports that controllers answer the API server and Prometheus on; the table of charts has what else is called."""


class Charts(Component):
    """The charts of one cluster; whoever needs one calls `install`, and puts its own objects after what that returns.

    `version`: of the cluster's Kubernetes, which each chart must fit. `opts` lead into the cluster
    (`cluster.into()`).
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: ChartsSpec,
        *,
        context: Context,
        version: str,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._kubernetes = version
        self._releases: dict[ChartName, kubernetes.helm.v3.Release] = {}
        self._spaces: dict[str, kubernetes.core.v1.Namespace] = {}
        self.register_outputs({})

    def install(
        self,
        name: ChartName,
        values: Mapping[str, Any] | None = None,
        *,
        after: Sequence[pulumi.Resource] = (),
    ) -> kubernetes.helm.v3.Release:
        """The release of a chart and, before it, of those that it needs; whoever asks again gets the same one.

        `values` are the chart's own; the first to ask says them. Raises `SpecError` for a version that doesn't fit.
        """
        if name in self._releases:
            return self._releases[name]
        faults = list(self.spec.unfit(self._kubernetes, [name]))
        if faults:
            raise SpecError(*faults)
        chart, registry = table()[name], self.spec.registry
        before = [self.install(each) for each in chart.before]
        repository = f"oci://{registry}/{CHARTS_BELOW}" if registry else chart.repository
        by_registry = repository.startswith("oci://")
        apart = {"prometheus": {"prometheusSpec": held_apart()}} if name == PROMETHEUS else {}
        mirrored = nested(chart.mirrored(registry)) if registry is not None else {}
        said = merged(chart.said(registry), apart, values or {}, mirrored)
        release = kubernetes.helm.v3.Release(
            self.named(name),
            name=name,
            chart=f"{repository}/{chart.chart}" if by_registry else chart.chart,
            version=self.spec.version(name),
            repository_opts=None if by_registry else {"repo": repository},
            namespace=chart.namespace,
            create_namespace=False,
            values=said,
            skip_crds=chart.definitions_chart is not None,
            atomic=True,
            cleanup_on_fail=True,
            max_history=_REVISIONS,
            timeout=_SECONDS,
            opts=self.options(depends_on=[*before, *after, *self._space(chart.namespace)]),
        )
        self._releases[name] = release
        return release

    def _space(self, name: str) -> list[pulumi.Resource]:
        """The namespace of a chart, unless every cluster has it: made here, since Helm would leave it behind."""
        if name == _EVERYWHERE:
            return []
        if name not in self._spaces:
            level = "privileged" if name in _PRIVILEGED else "restricted"
            space = kubernetes.core.v1.Namespace(
                self.named(f"{name}-namespace"),
                metadata={"name": name, "labels": {"pod-security.kubernetes.io/enforce": level}},
                opts=self.options(),
            )
            within: list[Any] = [{"from_": [{"pod_selector": {}}]}]
            here = {port for chart in table().values() if chart.namespace == name for port in chart.ports}
            called: list[Any] = [{"ports": [{"protocol": "TCP", "port": port} for port in sorted({*_WEBHOOKS, *here})]}]
            for role, ways in (("nobody", within[:0]), ("each-other", within), ("webhooks", called)):
                kubernetes.networking.v1.NetworkPolicy(
                    self.named(f"{name}-{role}"),
                    metadata={"name": role, "namespace": space.metadata.apply(lambda found: found.name or "")},
                    spec={"pod_selector": {}, "policy_types": ["Ingress"], "ingress": ways},
                    opts=self.options(),
                )
            self._spaces[name] = space
        return [self._spaces[name]]

    def namespace_of(self, name: ChartName) -> str | None:
        """Where a chart lies; None as long as nobody asked for it."""
        return table()[name].namespace if name in self._releases else None

    @property
    def installed(self) -> dict[ChartName, str]:
        """What was asked for so far: versions by chart."""
        return {name: self.spec.version(name) for name in self._releases}
