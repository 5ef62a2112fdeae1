"""CloudWatch's dashboards, composite alarms, and alarms on expressions and bands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.grammar import alarm_rules
from modelyard_sandbox.knowledge.rules.rule import Rule, exactly_one, known, matches
from modelyard_sandbox.knowledge.values import contains_unknown

_DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
_COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

_CLOUDWATCH = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/"
_BODY = f"{_CLOUDWATCH}APIReference/CloudWatch-Dashboard-Body-Structure.html"
_QUOTAS = f"{_CLOUDWATCH}monitoring/cloudwatch_limits.html"
_PUT_DASHBOARD = f"{_CLOUDWATCH}APIReference/API_PutDashboard.html"
_PUT_COMPOSITE = f"{_CLOUDWATCH}APIReference/API_PutCompositeAlarm.html"
_PUT_ALARM = f"{_CLOUDWATCH}APIReference/API_PutMetricAlarm.html"
_QUERY = f"{_CLOUDWATCH}APIReference/API_MetricDataQuery.html"

MOST_WIDGETS: Final = 500
MOST_IN_A_WIDGET: Final = 500
MOST_METRICS: Final = 2500
_COLUMNS, _ROWS = 24, 1000
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "alarm": ("alarms",),
    "chart": (),
    "custom": ("endpoint",),
    "explorer": ("metrics", "aggregateBy"),
    "log": ("query", "region"),
    "metric": ("region",),
    "text": ("markdown",),
    "trace": (),
}
"""Widgets, and what their properties must say."""
_BAND: Final = "ANOMALY_DETECTION_BAND("
_BANDED: Final = (
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_MOST_QUERIES, _MOST_METRICS_OF_ONE = 20, 10


def _parsed(text: str) -> Any:
    """The body; None where it isn't known, or no JSON."""
    if contains_unknown(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_json(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    return None if isinstance(body, dict) and isinstance(body.get("widgets"), list) else "needs a list of widgets"


def _widgets(body: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    widgets = body.get("widgets") if isinstance(body, dict) else None
    for index, widget in enumerate(widgets if isinstance(widgets, list) else ()):
        if isinstance(widget, dict):
            yield f"widgets[{index}]", widget


def _each(refuses: Callable[[Mapping[str, Any]], str | None]) -> Callable[[str], str | None]:
    """The first reason why a widget of the body is refused, with its place."""

    def of_body(text: str) -> str | None:
        for place, widget in _widgets(_parsed(text)):
            if reason := refuses(widget):
                return f"{place} {reason}"
        return None

    return of_body


def _kind(widget: Mapping[str, Any]) -> str | None:
    if str(widget.get("type")) not in _NEEDS:
        return f"is of type {widget.get('type')!r}, none of {', '.join(_NEEDS)}"
    return None if isinstance(widget.get("properties"), dict) else "has no properties"


def _complete(widget: Mapping[str, Any]) -> str | None:
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        return None
    missing = [name for name in _NEEDS.get(str(widget.get("type")), ()) if name not in properties]
    if widget.get("type") == "metric" and "metrics" not in properties and "annotations" not in properties:
        missing.append("metrics")
    return f"({widget.get('type')}) lacks {' and '.join(missing)}" if missing else None


def _sized(widget: Mapping[str, Any]) -> str | None:
    for name, least, most in (("x", 0, _COLUMNS - 1), ("y", 0, None), ("width", 1, _COLUMNS), ("height", 1, _ROWS)):
        value = widget.get(name)
        if value is None:
            continue
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or value < least
            or (most is not None and value > most)
        ):
            return (
                f"has {name} {value!r}; it takes {least} to {most}" if most else f"has {name} {value!r}, below {least}"
            )
    return "gives one of x and y; give both, or neither" if ("x" in widget) != ("y" in widget) else None


def _counted(text: str) -> str | None:
    body, total = _parsed(text), 0
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if isinstance(widgets, list) and len(widgets) > MOST_WIDGETS:
        return f"has {len(widgets)} widgets; at most {MOST_WIDGETS} are allowed"
    for place, widget in _widgets(body):
        properties = widget.get("properties")
        metrics = properties.get("metrics") if isinstance(properties, dict) else None
        count = len(metrics) if isinstance(metrics, list) else 0
        total += count
        if count > MOST_IN_A_WIDGET:
            return f"{place} has {count} metrics; at most {MOST_IN_A_WIDGET} are allowed"
    return f"has {total} metrics; at most {MOST_METRICS} are allowed" if total > MOST_METRICS else None


def _readable(rule: str) -> str | None:
    if contains_unknown(rule):
        return None
    try:
        alarm_rules.alarms(rule)
    except alarm_rules.RuleError as error:
        return str(error)
    return None


def _banded(alarm: Mapping[str, Any]) -> str | None:
    band, operator = alarm.get("thresholdMetricId"), known(alarm, "comparisonOperator")
    if band is None:
        return f"{operator} needs thresholdMetricId, the id of a band" if operator in _BANDED else None
    if operator is not None and operator not in _BANDED:
        return f"an alarm on a band compares with one of {', '.join(_BANDED)}, not {operator}"
    if "threshold" in alarm:
        return "threshold and thresholdMetricId exclude one another"
    queries = alarm.get("metricQueries")
    if not isinstance(queries, list) or contains_unknown([band, queries]):
        return None
    banding = {query.get("id") for query in queries if str(query.get("expression", "")).startswith(_BAND)}
    return None if band in banding else f"thresholdMetricId {band!r} is the id of no {_BAND}…)"


def _watched(alarm: Mapping[str, Any]) -> str | None:
    """One query gives what the alarm watches; a band comes beside it."""
    queries = alarm.get("metricQueries")
    if not isinstance(queries, list) or not queries or contains_unknown(queries):
        return None
    shown = [query.get("id") for query in queries if query.get("returnData") is True]
    ids = [query.get("id") for query in queries]
    if len(set(ids)) != len(ids):
        return "metricQueries have ids of their own each"
    metrics = sum("metric" in query for query in queries)
    if len(queries) > _MOST_QUERIES or metrics > _MOST_METRICS_OF_ONE:
        most = f"{_MOST_QUERIES} queries, {_MOST_METRICS_OF_ONE} of them metrics"
        return f"has {len(queries)} metricQueries, {metrics} of them metrics; at most {most} are allowed"
    allowed = (1, 2) if alarm.get("thresholdMetricId") else (1,)
    return None if len(shown) in allowed else f"one of metricQueries returns data, not {len(shown)}"


RULES: Sequence[Rule] = (
    Rule(
        _DASHBOARD, "dashboardName", matches(r"[A-Za-z0-9_-]{1,255}", "takes letters, digits, - and _"), _PUT_DASHBOARD
    ),
    Rule(_DASHBOARD, "dashboardBody", _is_json, _BODY),
    Rule(_DASHBOARD, "dashboardBody", _each(_kind), _BODY),
    Rule(_DASHBOARD, "dashboardBody", _each(_complete), _BODY),
    Rule(_DASHBOARD, "dashboardBody", _each(_sized), _BODY),
    Rule(_DASHBOARD, "dashboardBody", _counted, _QUOTAS),
    Rule(_COMPOSITE, "alarmRule", _readable, _PUT_COMPOSITE),
    Rule(_ALARM, "", _banded, _PUT_ALARM),
    Rule(_ALARM, "", _watched, _PUT_ALARM),
    Rule(_ALARM, "metricQueries[]", exactly_one("expression", "metric"), _QUERY),
    Rule(_ALARM, "metricQueries[].id", matches(r"[a-z][A-Za-z0-9_]*", "an id begins with a small letter"), _QUERY),
)
