"""What functions of ours measure goes to CloudWatch under the names of the table; it ships with them as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from modelyard.run.monitoring.metrics import METRICS, MonitorKind, dimensions


def publish(cloudwatch: Any, kind: MonitorKind, endpoint: str, values: Mapping[str, float], at: datetime) -> None:
    """Put `values` of an endpoint, by metric. Raises `KeyError` for a metric that the table hasn't."""
    table = METRICS[kind]
    about = [{"Name": name, "Value": value} for name, value in dimensions(kind, endpoint).items()]
    cloudwatch.put_metric_data(
        Namespace=table.namespace,
        MetricData=[
            {
                "MetricName": table[name].name,
                "Dimensions": about,
                "Timestamp": at,
                "Value": float(value),
                "Unit": table[name].unit,
            }
            for name, value in values.items()
        ],
    )
