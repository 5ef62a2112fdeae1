"""Pages of CloudWatch as code: widgets placed left to right on a grid of 24 columns, and the page of an endpoint.

No library makes these bodies outside of the CDK, which needs Node; they are JSON of a published form:
AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure. Searches find what the monitors publish by
the endpoint's name, so that a page needs no change when a monitor comes or goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelyard.run.monitoring.metrics import METRICS, MonitorKind, dimensions

COLUMNS: Final = 24
HOUR: Final = 3600
Line = list[Any]
"""A metric, or an expression, as a widget lists it."""
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Widget:
    """A widget of a page; width and height count cells of the grid."""

    type: Literal["text", "metric", "alarm"]
    properties: Mapping[str, Any]
    width: int = 8
    height: int = 6


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is of: an endpoint, by its physical name, as the lines of its widgets name it."""

    name: str
    endpoint: str
    variants: tuple[str, ...]
    region: str

    def service(self, kind: MonitorKind, metric: str, *, stat: str = "", label: str = "", side: Side = "left") -> Line:
        """The lines of a metric that the service publishes by variant are `services`; this is of the first one."""
        return self._lines(kind, metric, self.variants[:1], stat, label, side)[0]

    def services(self, kind: MonitorKind, metric: str, *, stat: str = "", side: Side = "left") -> list[Line]:
        """A metric that the service publishes, a line for each variant."""
        return self._lines(kind, metric, self.variants, stat, "", side)

    def ours(self, kind: MonitorKind, metric: str, *, label: str = "", side: Side = "left", period: int = 0) -> Line:
        """A metric that a function of ours publishes."""
        table = METRICS[kind]
        about = [part for pair in dimensions(kind, self.endpoint).items() for part in pair]
        shown = {"stat": table[metric].statistic, "label": label or table[metric].name, "yAxis": side}
        return [table.namespace, metric, *about, {**shown, **({"period": period} if period else {})}]

    def searched(self, kind: MonitorKind, *, label: str = "") -> Line:
        """What a monitor of this kind publishes of the endpoint, whichever its schedule is called."""
        table = METRICS[kind]
        names = " OR ".join(f'"{metric.name}"' for metric in table.metrics if metric.worse)
        found = f'{{{table.namespace},{",".join(table.dimensions)}}} Endpoint="{self.endpoint}" MetricName=({names})'
        # the label is the metric's own name, which a search gives by itself
        shown = {"expression": f"SEARCH('{found}', 'Maximum', {HOUR})", "id": kind, "period": HOUR}
        return [{**shown, **({"label": label} if label else {})}]

    def _lines(
        self, kind: MonitorKind, metric: str, variants: Sequence[str], stat: str, label: str, side: Side
    ) -> list[Line]:
        table = METRICS[kind]
        lines: list[Line] = []
        for variant in variants:
            about = [part for pair in dimensions(kind, self.endpoint, variant=variant).items() for part in pair]
            statistic = stat or table[metric].statistic
            named = label or " ".join((metric, stat, *((variant,) if len(self.variants) > 1 else ()))).replace(
                "  ", " "
            )
            lines.append([table.namespace, metric, *about, {"stat": statistic, "label": named, "yAxis": side}])
        return lines


def text(markdown: str, *, width: int = 8, height: int = 4) -> Widget:
    """Words, in Markdown."""
    return Widget("text", {"markdown": markdown}, width, height)


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    region: str,
    period: int = 300,
    limit: tuple[str, float] | None = None,
    right: str = "",
    width: int = 8,
    height: int = 6,
) -> Widget:
    """Lines over time. `limit`: a level that is drawn across, with its label; `right`: what the right axis counts."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": False,
        "region": region,
        "period": period,
        "metrics": list(lines),
        "yAxis": {"left": {"min": 0}, **({"right": {"label": right, "min": 0, "showUnits": False}} if right else {})},
    }
    if limit is not None:
        properties["annotations"] = {"horizontal": [{"label": limit[0], "value": limit[1]}]}
    return Widget("metric", properties, width, height)


def alarm_states(title: str, arns: Sequence[str], *, width: int = 16, height: int = 4) -> Widget:
    """How alarms stand; at most a hundred."""
    return Widget("alarm", {"title": title, "alarms": list(arns)[:MOST_ALARMS]}, width, height)


MOST_ALARMS: Final = 100
"""Alarms of one widget (CloudWatch-Dashboard-Body-Structure, alarm widgets)."""


def body(rows: Sequence[Sequence[Widget]]) -> dict[str, Any]:
    """The page of rows of widgets, each row as high as its highest. Raises `ValueError` for a row that is too wide."""
    placed: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        left = 0
        for widget in row:
            if left + widget.width > COLUMNS:
                raise ValueError(f"a row of {sum(each.width for each in row)} columns; a page has {COLUMNS}")
            placed.append(
                {
                    "type": widget.type,
                    "x": left,
                    "y": top,
                    "width": widget.width,
                    "height": widget.height,
                    "properties": dict(widget.properties),
                }
            )
            left += widget.width
        top += max((widget.height for widget in row), default=0)
    return {"widgets": placed}


def endpoint_page(
    page: Page,
    *,
    says: str,
    alarms: Sequence[str],
    cost: Sequence[Line],
    ceiling: float | None,
    probed: bool,
    patterns: bool,
    machines: bool,
) -> dict[str, Any]:
    """One page of an endpoint: drift, latency, errors, cost, alarms, and which version served when.

    `cost`: the lines of its cost, where it is measured; `ceiling` US dollars a month.
    """
    region = page.region
    version = page.ours("champion", "champion_version", label="version", side="right", period=HOUR)

    def drift(title: str, *kinds: MonitorKind) -> Widget:
        found = [page.searched(kind) for kind in kinds]
        return chart(title, [*found, version], region=region, period=HOUR, right="version")

    latency = [line for stat in ("p50", "p99") for line in page.services("latency", "ModelLatency", stat=stat)]
    errors = [
        *page.services("errors", "Invocation5XXErrors"),
        *page.services("errors", "Invocation4XXErrors"),
        *page.services("errors", "Invocations", side="right"),
    ]
    top = [text(says, width=8)]
    if alarms:
        top.append(alarm_states("Alarms", alarms))
    answers = [
        chart("Latency, µs", latency, region=region, period=60),
        chart("Errors, and calls", errors, region=region, period=60, right="calls"),
    ]
    if probed:
        lines = [
            page.ours("uptime", "uptime_latency", label="milliseconds"),
            page.ours("uptime", "uptime_answered", label="answered", side="right"),
        ]
        answers.append(chart("Probe", lines, region=region, right="answered"))
    drifts = [
        drift("Drift of data", "data_drift", "data_quality"),
        drift("Drift of predictions and concept", "prediction_drift", "concept_drift", "concept_proxy"),
        drift("Quality, bias, explanations", "model_quality", "bias_drift", "explanation_drift"),
    ]
    last: list[Widget] = []
    if cost:
        limit = ("ceiling", ceiling) if ceiling is not None else None
        last.append(chart("Cost, dollars a month", cost, region=region, period=HOUR, limit=limit))
    if patterns:
        names = [metric.name for metric in METRICS["patterns"].metrics if metric.worse]
        shares = [page.ours("patterns", name, label=name.removeprefix("patterns_")) for name in names]
        last.append(chart("What looks like an attack, shares", shares, region=region, period=HOUR))
    if machines:
        used = [
            *page.services("cpu", "CPUUtilization"),
            *page.services("memory", "MemoryUtilization"),
            *page.services("gpu", "GPUUtilization"),
        ]
        last.append(chart("Machines, percent", used, region=region, period=60))
    return body([row for row in (top, answers, drifts, last) if row])


def team_page(
    pages: Sequence[Page], *, says: str, alarms: Sequence[str], costs: Sequence[Line], region: str
) -> dict[str, Any]:
    """One page of a team: a line for each of its endpoints in charts of drift, latency, errors and cost."""
    top = [text(says, width=8)]
    if alarms:
        top.append(alarm_states("Alarms", alarms))

    def lines(kind: MonitorKind, metric: str, stat: str = "") -> list[Line]:
        return [page.service(kind, metric, stat=stat, label=page.name) for page in pages]

    rows: list[list[Widget]] = [top]
    rows.append(
        [
            chart("Latency, 99 of 100, µs", lines("latency", "ModelLatency", "p99"), region=region, width=8),
            chart("Server errors", lines("errors", "Invocation5XXErrors"), region=region, width=8),
            chart("Calls", lines("errors", "Invocations"), region=region, width=8),
        ]
    )
    moved: list[Line] = []
    for place, page in enumerate(pages):
        for kind in ("data_drift", "prediction_drift"):
            ((line),) = page.searched(kind, label=f"{page.name} {kind}")
            moved.append([{**line, "id": f"{kind}{place}"}])
    drift = chart("Drift", moved, region=region, period=HOUR, width=16 if costs else COLUMNS)
    spent = [chart("Cost, dollars a month", costs, region=region, period=HOUR, width=8)] if costs else []
    rows.append([drift, *spent])
    return body(rows)
