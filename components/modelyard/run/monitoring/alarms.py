"""Alarms on the metrics of the table: M of N points, with an owner and a runbook in description and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.core.tags import LONGEST_VALUE
from modelyard.run.monitoring.metrics import METRICS, MonitorKind, dimensions

_LONGEST_DESCRIPTION = 1024
"""Characters (AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm)."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes a component's alarms, which all tell one owner through one topic."""

    component: Component
    owner: str
    runbook: str
    topic: pulumi.Input[str]

    def alarm(
        self,
        role: str,
        kind: MonitorKind,
        metric: str,
        endpoint: str,
        *,
        limit: float,
        says: str,
        period: int,
        bad: int,
        of: int,
        silence: bool = False,
    ) -> aws.cloudwatch.MetricAlarm:
        """An alarm on a metric of the table, on the side of `limit` that the table calls bad; `period` counts seconds.

        `silence`: no data is as bad as bad data.
        """
        table = METRICS[kind]
        known = table[metric]
        watched = {
            "namespace": table.namespace,
            "metric_name": known.name,
            "dimensions": dimensions(kind, endpoint),
            "period": period,
            "statistic": known.statistic,
        }
        return self.on(
            role, watched, below=known.worse == "below", limit=limit, says=says, bad=bad, of=of, silence=silence
        )

    def errors(self, role: str, function: pulumi.Input[str], says: str) -> aws.cloudwatch.MetricAlarm:
        """An alarm on a function that fails, so that what it measures isn't silent."""
        watched = {
            "namespace": "AWS/Lambda",
            "metric_name": "Errors",
            "dimensions": {"FunctionName": function},
            "period": 3600,
            "statistic": "Sum",
        }
        return self.on(role, watched, below=False, limit=0, says=says, bad=1, of=1)

    def on(
        self,
        role: str,
        watched: Mapping[str, Any],
        *,
        below: bool,
        limit: float,
        says: str,
        bad: int,
        of: int,
        silence: bool = False,
    ) -> aws.cloudwatch.MetricAlarm:
        """An alarm on whatever `watched` says: a metric, or the queries of an expression."""
        component = self.component
        return aws.cloudwatch.MetricAlarm(
            component.named(role),
            name=component.physical("alarm", role),
            alarm_description=f"{says}. Owner: {self.owner}. Runbook: {self.runbook}"[:_LONGEST_DESCRIPTION],
            comparison_operator="LessThanThreshold" if below else "GreaterThanThreshold",
            threshold=limit,
            evaluation_periods=of,
            datapoints_to_alarm=bad,
            treat_missing_data="breaching" if silence else "notBreaching",
            alarm_actions=[self.topic],
            ok_actions=[self.topic],
            tags={"owner": self.owner[:LONGEST_VALUE], "runbook": self.runbook[:LONGEST_VALUE]},
            opts=component.options(),
            **watched,
        )
