"""CloudWatch: alarms and metric filters. Source: the CloudWatch and CloudWatch Logs API references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

TAGS: Final = Tags("list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceARN": "arn"}, on_create="Tags")
ACTIONS: Final = fields("actionsEnabled", "alarmActions", "alarmDescription", "insufficientDataActions") | {
    "okActions": "OKActions"
}
_ALARM: Final = ACTIONS | fields(
    *("comparisonOperator", "datapointsToAlarm", "evaluationPeriods", "extendedStatistic", "metricName", "namespace"),
    *("period", "statistic", "threshold", "thresholdMetricId", "treatMissingData", "unit"),
)
_LOW_SAMPLES: Final = "EvaluateLowSampleCountPercentile"


def _dimensions(wanted: dict[str, Any] | None) -> list[dict[str, str]] | None:
    return [{"Name": name, "Value": value} for name, value in sorted(wanted.items())] if wanted else None


def _query(wanted: dict[str, Any], shape: Any) -> dict[str, Any]:
    metric = wanted.get("metric")
    sent = convert.to_aws({key: value for key, value in wanted.items() if key != "metric"}, shape)
    if metric:
        named = {"MetricName": metric["metricName"], "Namespace": metric.get("namespace")}
        named["Dimensions"] = _dimensions(metric.get("dimensions"))
        sent["MetricStat"] = {
            "Metric": {key: value for key, value in named.items() if value},
            "Period": int(metric["period"]),
            "Stat": metric["stat"],
            **({"Unit": metric["unit"]} if metric.get("unit") else {}),
        }
    return sent


def _query_found(found: dict[str, Any]) -> dict[str, Any]:
    result = {
        name: found[member]
        for name, member in fields("id", "accountId", "expression", "label", "period", "returnData").items()
        if found.get(member) is not None
    }
    stat = found.get("MetricStat")
    if stat:
        named = stat["Metric"]
        metric = {"metricName": named["MetricName"], "namespace": named.get("Namespace"), "unit": stat.get("Unit")}
        metric |= {"period": stat["Period"], "stat": stat["Stat"]}
        metric["dimensions"] = {entry["Name"]: entry["Value"] for entry in named.get("Dimensions", [])} or None
        result["metric"] = {key: value for key, value in metric.items() if value is not None}
    return result


def _put_alarm(live: Live) -> None:
    members = live.client().meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    sent = {
        member: convert.to_aws(live.inputs[prop], members[member])
        for prop, member in _ALARM.items()
        if live.inputs.get(prop) is not None
    }
    queries = [_query(query, members["Metrics"].member) for query in live.inputs.get("metricQueries") or []]
    live.call(
        "put_metric_alarm",
        AlarmName=live.inputs["name"],
        **sent,
        Dimensions=_dimensions(live.inputs.get("dimensions")),
        Metrics=queries or None,
        Tags=None if live.id or not live.tags else _tags(live),
        **{_LOW_SAMPLES: live.inputs.get("evaluateLowSampleCountPercentiles")},
    )


def _tags(live: Live) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in live.tags.items()]


def _read_alarm(live: Live) -> dict[str, Any] | None:
    alarms = live.call("describe_alarms", AlarmNames=[live.id], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not alarms:
        return None
    alarm = alarms[0]
    return {
        **{prop: alarm.get(member) for prop, member in _ALARM.items()},
        "name": alarm["AlarmName"],
        "arn": alarm["AlarmArn"],
        "dimensions": {entry["Name"]: entry["Value"] for entry in alarm.get("Dimensions", [])},
        "metricQueries": [_query_found(query) for query in alarm.get("Metrics", [])],
        "evaluateLowSampleCountPercentiles": alarm.get(_LOW_SAMPLES),
    }


_CHANGEABLE: Final = (*_ALARM, "dimensions", "metricQueries", "evaluateLowSampleCountPercentiles")
ALARM = Type(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "cloudwatch",
    id="name",
    name=Name("name", limit=255),
    defaults={"actionsEnabled": True, "treatMissingData": "missing"},
    computed=("arn",),
    create=_put_alarm,
    read=_read_alarm,
    update=Step(_put_alarm, on=_CHANGEABLE),
    delete=lambda live: live.call("delete_alarms", AlarmNames=[live.id]),
    sets=("alarmActions", "insufficientDataActions", "okActions", "metricQueries"),
    kept=("evaluateLowSampleCountPercentiles",),
    tags=TAGS,
)


def _put_filter(live: Live) -> None:
    wanted = live.inputs["metricTransformation"]
    sent = {"metricName": wanted["name"], "metricNamespace": wanted["namespace"], "metricValue": wanted["value"]}
    if wanted.get("defaultValue") not in (None, ""):
        sent["defaultValue"] = float(wanted["defaultValue"])
    if wanted.get("dimensions"):
        sent["dimensions"] = wanted["dimensions"]
    live.call(
        "put_metric_filter",
        logGroupName=live.inputs["logGroupName"],
        filterName=live.inputs["name"],
        filterPattern=live.inputs["pattern"],
        metricTransformations=[{**sent, "unit": wanted.get("unit") or "None"}],
        applyOnTransformedLogs=live.inputs.get("applyOnTransformedLogs"),
    )


def _read_filter(live: Live) -> dict[str, Any] | None:
    live.id = live.get("name")
    found = live.call("describe_metric_filters", logGroupName=live.get("logGroupName"), filterNamePrefix=live.id)
    entry = next((entry for entry in found["metricFilters"] if entry["filterName"] == live.id), None)
    if entry is None:
        return None
    metric = entry["metricTransformations"][0]
    transformation = {"name": metric["metricName"], "namespace": metric["metricNamespace"]}
    transformation["value"] = metric["metricValue"]
    if metric.get("defaultValue") is not None:
        transformation["defaultValue"] = f"{metric['defaultValue']:g}"
    if metric.get("dimensions"):
        transformation["dimensions"] = metric["dimensions"]
    if metric.get("unit", "None") != "None" or (live.get("metricTransformation") or {}).get("unit"):
        transformation["unit"] = metric.get("unit", "None")
    return {
        "logGroupName": live.get("logGroupName"),
        "name": entry["filterName"],
        "pattern": entry["filterPattern"],
        "metricTransformation": transformation,
    }


METRIC_FILTER = Type(
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "logs",
    fields={"name": "filterName", "logGroupName": "logGroupName"},
    id="name",
    from_id=lambda id: dict(zip(("logGroupName", "name"), id.rsplit(":", 1), strict=True)),
    name=Name("name", limit=512),
    defaults={"applyOnTransformedLogs": False},
    create=_put_filter,
    read=_read_filter,
    update=Step(_put_filter, on=("applyOnTransformedLogs", "metricTransformation", "pattern")),
    delete=Call("delete_metric_filter"),
)

TYPES = (ALARM, METRIC_FILTER)
