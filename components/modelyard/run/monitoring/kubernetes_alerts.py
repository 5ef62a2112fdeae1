"""Alerts of Prometheus on an endpoint: from the same monitors as alarms of CloudWatch, M of N points of five minutes.

Sources: prometheus.io/docs/prometheus/latest/configuration/alerting_rules; metrics of cAdvisor, kube-state-metrics and
DCGM (docs.nvidia.com/datacenter/dcgm, "Field Identifiers").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelyard.run.monitoring.kubernetes_spec import KubernetesMonitorsSpec
from modelyard.run.monitoring.watch_spec import SustainedSpec
from modelyard.run.serving import Questions

POINT_MINUTES: Final = 5
_PODS: Final = "on (namespace, pod)"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: `query` gives something while it is bad, for so many `minutes`; `field`: the monitor it is of."""

    name: str
    query: str
    says: str
    severity: Literal["critical", "warning"]
    field: str = ""
    minutes: int = 0

    def rule(self, *, labels: Mapping[str, str], runbook: str) -> dict[str, Any]:
        """The rule as the API writes it."""
        return {
            "alert": self.name,
            "expr": self.query,
            **({"for": f"{self.minutes}m"} if self.minutes else {}),
            "labels": {**labels, "severity": self.severity},
            "annotations": {"summary": self.says, "runbook_url": runbook},
        }


def sustained(query: str, limit: float, points: SustainedSpec) -> str:
    """Whether so many of the last points are above the limit."""
    span = points.of * POINT_MINUTES
    return f"sum_over_time((({query}) > bool {limit:g})[{span}m:{POINT_MINUTES}m]) >= {points.bad}"


def cpu_percent(questions: Questions) -> str:
    """Percent of the processors that each pod asked for."""
    used = f'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{questions.space},container!=""}}[5m]))'
    asked = f'sum by (namespace, pod) (kube_pod_container_resource_requests{{{questions.space},resource="cpu"}})'
    return f"100 * ({used} / {asked}) and {_PODS} {questions.scraped()}"


def memory_percent(questions: Questions) -> str:
    """Percent of the memory beyond which each pod is ended."""
    used = f'sum by (namespace, pod) (container_memory_working_set_bytes{{{questions.space},container!=""}})'
    most = f'sum by (namespace, pod) (kube_pod_container_resource_limits{{{questions.space},resource="memory"}})'
    return f"100 * ({used} / {most}) and {_PODS} {questions.scraped()}"


def gpu_percent(questions: Questions) -> str:
    """Percent of the time in which each GPU of a pod computed."""
    return f"avg by (namespace, pod) (DCGM_FI_DEV_GPU_UTIL{{{questions.space}}}) and {_PODS} {questions.scraped()}"


def alerts(
    spec: KubernetesMonitorsSpec, endpoint: str, questions: Questions, *, least: int, rollout: str, tried: bool
) -> Iterator[Alert]:
    """What is told of an endpoint. `least`: pods that it has at least; `rollout`: the Rollout's name, if it has one;
    `tried`: whether a candidate stands beside the release."""
    if spec.latency is not None:
        query = sustained(questions.latency_ms(), spec.latency.ms, spec.latency.sustained)
        says = f"One call of {endpoint} in a hundred takes more than {spec.latency.ms:g} ms"
        yield Alert("EndpointSlow", query, says, "critical", "latency")
    if spec.errors is not None:
        query = sustained(questions.error_percent(), spec.errors.percent, spec.errors.sustained)
        says = f"More than {spec.errors.percent:g} percent of the calls of {endpoint} fail"
        yield Alert("EndpointFails", query, says, "critical", "errors")
    for field, monitor, query, what in (
        ("cpu", spec.cpu, cpu_percent(questions), "the processors that it asked for"),
        ("memory", spec.memory, memory_percent(questions), "its memory, beyond which it is ended"),
        ("gpu", spec.gpu, gpu_percent(questions), "its GPUs"),
    ):
        if monitor is not None:
            says = f"A pod of {endpoint} uses more than {monitor.percent:g} percent of {what}"
            full = sustained(query, monitor.percent, monitor.sustained)
            yield Alert(f"Endpoint{field.capitalize()}Full", full, says, "warning", field)
    if least:
        query = f"(count({questions.scraped()} == 1) or vector(0)) < {least}"
        says = f"{endpoint} has fewer pods that answer than its file says, {least}"
        yield Alert("EndpointLacksPods", query, says, "critical", minutes=2 * POINT_MINUTES)
    restarts = f"increase(kube_pod_container_status_restarts_total{{{questions.space}}}[30m]) > 2"
    query = f"{restarts} and {_PODS} {questions.scraped()}"
    yield Alert(
        "EndpointRestarts", query, f"A pod of {endpoint} was started anew three times in half an hour", "warning"
    )
    if rollout:
        query = f'max(rollout_info{{{questions.space},name="{rollout}",phase=~"Degraded|Error"}}) == 1'
        says = f"The new version of {endpoint} was taken back: its file names a version that doesn't serve"
        yield Alert("EndpointRolledBack", query, says, "critical")
    if tried and spec.errors is not None:
        candidate, champion = (questions.of_track(track).error_percent() for track in ("candidate", "champion"))
        worse = f"({candidate}) - (({champion}) or vector(0))"
        query = sustained(worse, spec.errors.percent, spec.errors.sustained)
        says = f"The candidate of {endpoint} fails more often than the release: take it out of the file"
        yield Alert("EndpointCandidateFails", query, says, "critical", "errors")
