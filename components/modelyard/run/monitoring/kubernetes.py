"""What watches an endpoint on Kubernetes: alerts of Prometheus, whom they reach, and a page in Grafana.

Sources: prometheus-operator.dev/docs/api-reference (PrometheusRule, AlertmanagerConfig), Grafana's Helm chart, "Sidecar
for dashboards".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.alerting import carried, tell
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.run.monitoring.kubernetes_alerts import alerts
from modelyard.run.monitoring.kubernetes_page import page
from modelyard.run.monitoring.kubernetes_spec import KubernetesMonitorsSpec
from modelyard.run.serving import KubernetesEndpoint, KubernetesLanguageModel

Watched = KubernetesEndpoint | KubernetesLanguageModel
FOR_GRAFANA: Final = {"grafana_dashboard": "1"}
"""By which Grafana's sidecar finds pages, in whichever namespace."""


class KubernetesMonitors(Component):
    """The alerts of one endpoint, the way to its owner, and its page.

    It goes into a cluster by `opts=cluster.into()`. `after`: what installs the definitions that it needs. Raises
    `SpecError` with all faults.
    """

    CAPABILITY = "monitoring"

    def __init__(
        self,
        name: str,
        spec: KubernetesMonitorsSpec,
        *,
        context: Context,
        endpoint: Watched,
        after: Sequence[pulumi.Resource] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.unfit_for(endpoint)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self._endpoint, self._after = spec, endpoint, list(after)
        self._about = {"endpoint": endpoint.component}
        self.labels = carried(self, about=self._about, owner=spec.owner, namespace=endpoint.namespace)
        """What every alert carries, and is routed by."""
        self.alerts: tuple[str, ...] = self._tell()
        if spec.page:
            self._show()
        self.register_outputs({"alerts": list(self.alerts)})

    def _tell(self) -> tuple[str, ...]:
        spec, endpoint = self.spec, self._endpoint
        told = list(
            alerts(
                spec,
                endpoint.component,
                endpoint.questions(),
                least=endpoint.spec.least,
                rollout=endpoint.rollout_name,
                tried=endpoint.has_candidate,
            )
        )
        rules = [each.rule(labels=self.labels, runbook=spec.runbook_of(each.field)) for each in told]
        tell(self, rules, about=self._about, owner=spec.owner, namespace=endpoint.namespace, after=self._after)
        return tuple(each.name for each in told)

    def _show(self) -> None:
        endpoint, name = self._endpoint, self.physical("kubernetes", "page")
        text = page(
            self.spec,
            uid=self.physical("kubernetes-workload")[:40],
            title=f"{self.context.owner} / {self.context.environment} / {endpoint.component}",
            tags=["modelyard", self.context.owner, self.context.environment],
            questions=endpoint.questions(),
        )
        kubernetes.core.v1.ConfigMap(
            self.named("page"),
            metadata={"name": name, "namespace": endpoint.namespace, "labels": FOR_GRAFANA},
            data={f"{name}.json": text},
            opts=self.options(),
        )
