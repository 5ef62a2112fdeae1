"""The page of an endpoint in Grafana, as code: what its alerts look at, with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelyard.run.monitoring.kubernetes_alerts import cpu_percent, gpu_percent, memory_percent
from modelyard.run.monitoring.kubernetes_spec import KubernetesMonitorsSpec
from modelyard.run.serving import Questions

DATA: Final = "datasource"
_WIDTH: Final = 12
_HEIGHT: Final = 8


def page(spec: KubernetesMonitorsSpec, *, uid: str, title: str, tags: Sequence[str], questions: Questions) -> str:
    """The page as the JSON that Grafana imports; whoever looks chooses the Prometheus."""
    from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    source = DataSourceRef(type_val="prometheus", uid=f"${{{DATA}}}")
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(list(tags))
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("utc")
        .readonly()
        .with_variable(dashboard.DatasourceVariable(DATA).label("Prometheus").type("prometheus"))
    )
    lines: list[tuple[str, str, str, str]] = [
        ("Calls a second", "reqps", questions.calls(), "calls"),
        ("Calls that fail", "percent", questions.error_percent(), _limit(spec.errors and spec.errors.percent, "%")),
        ("99 of 100 answers take", "ms", questions.latency_ms(), _limit(spec.latency and spec.latency.ms, " ms")),
        ("Calls being answered", "none", questions.in_progress(), "calls"),
        ("Processors", "percent", cpu_percent(questions), "{{pod}}"),
        ("Memory", "percent", memory_percent(questions), "{{pod}}"),
        *([("GPUs", "percent", gpu_percent(questions), "{{pod}}")] if spec.gpu is not None else []),
        (
            "Pods that answer",
            "none",
            f"sum by (modelyard_dev_version) ({questions.scraped()})",
            "{{modelyard_dev_version}}",
        ),
    ]
    for name, unit, query, legend in lines:
        made = made.with_panel(
            timeseries.Panel()
            .title(name)
            .unit(unit)
            .datasource(source)
            .span(_WIDTH)
            .height(_HEIGHT)
            .with_target(prometheus.Dataquery().expr(query).legend_format(legend).ref_id("A"))
        )
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build())


def _limit(limit: float | None, unit: str) -> str:
    return "no limit" if limit is None else f"limit {limit:g}{unit}"
