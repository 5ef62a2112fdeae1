"""Application Auto Scaling: what is scaled between which bounds, by which measure, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import Rule, known, matches, size

_TARGET: Final = "aws:appautoscaling/target:Target"
_POLICY: Final = "aws:appautoscaling/policy:Policy"
_ACTION: Final = "aws:appautoscaling/scheduledAction:ScheduledAction"

_API: Final = "https://docs.aws.amazon.com/autoscaling/application/APIReference/"
_REGISTER: Final = f"{_API}API_RegisterScalableTarget.html"
_PUT_POLICY: Final = f"{_API}API_PutScalingPolicy.html"
_TRACKING: Final = f"{_API}API_TargetTrackingScalingPolicyConfiguration.html"
_CUSTOMIZED: Final = f"{_API}API_CustomizedMetricSpecification.html"
_PREDEFINED: Final = f"{_API}API_PredefinedMetricSpecification.html"
_STEPS: Final = f"{_API}API_StepScalingPolicyConfiguration.html"
_STEP: Final = f"{_API}API_StepAdjustment.html"
_SCHEDULED: Final = f"{_API}API_PutScheduledAction.html"

INSTANCES: Final = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY: Final = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
_VARIANT: Final = r"endpoint/[^/]+/variant/[^/]+"
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    INSTANCES: (_VARIANT, "endpoint/NAME/variant/VARIANT"),
    CONCURRENCY: (_VARIANT, "endpoint/NAME/variant/VARIANT"),
    COPIES: (r"inference-component/[^/]+", "inference-component/NAME"),
}
_MEASURES: Final[Mapping[str, tuple[str, ...]]] = {
    INSTANCES: (
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ),
    CONCURRENCY: ("SageMakerVariantProvisionedConcurrencyUtilization",),
    COPIES: (
        "SageMakerInferenceComponentInvocationsPerCopy",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
}
_CONFIGURATIONS: Final = {
    "StepScaling": "stepScalingPolicyConfiguration",
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "predictiveScalingPolicyConfiguration",
}
_SCHEDULES: Final = (
    r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|rate\(([1-9]\d*) (minute|minutes|hour|hours|day|days)\)|cron\(\S+( \S+){5}\)"
)


def _named(target: Mapping[str, Any]) -> str | None:
    """The dimension belongs to the service, and the resource is written as the dimension has it."""
    service, dimension, resource = (
        known(target, each) for each in ("serviceNamespace", "scalableDimension", "resourceId")
    )
    if service and dimension and dimension.partition(":")[0] != service:
        return f"{dimension} is no dimension of {service}"
    if dimension in _FORMS and resource is not None:
        pattern, form = _FORMS[dimension]
        return None if re.fullmatch(pattern, resource) else f"{resource!r}: {dimension} scales {form}"
    return None


def _bounds(target: Mapping[str, Any]) -> str | None:
    least, most = known(target, "minCapacity"), known(target, "maxCapacity")
    if any(bound is not None and bound < 0 for bound in (least, most)):
        return "a capacity is not negative"
    if least is not None and most is not None and least > most:
        return f"minCapacity {least:g} is above maxCapacity {most:g}"
    return None


def _some_bound(action: Mapping[str, Any]) -> str | None:
    return None if {"minCapacity", "maxCapacity"} & set(action) else "give minCapacity, maxCapacity, or both"


def _configured(policy: Mapping[str, Any]) -> str | None:
    kind = policy.get("policyType", "StepScaling")
    if kind not in _CONFIGURATIONS:
        return None
    if _CONFIGURATIONS[kind] not in policy:
        return f"{kind} needs {_CONFIGURATIONS[kind]}"
    others = [name for each, name in _CONFIGURATIONS.items() if each != kind and name in policy]
    return f"{kind} takes no {' and no '.join(others)}" if others else None


def _no_forecast(policy: Mapping[str, Any]) -> str | None:
    """Predictive scaling is for services of ECS."""
    kind, service = known(policy, "policyType"), known(policy, "serviceNamespace")
    return (
        f"PredictiveScaling is not for {service}"
        if kind == "PredictiveScaling" and service not in ("ecs", None)
        else None
    )


def _one_measure(tracking: Mapping[str, Any]) -> str | None:
    given = [name for name in ("predefinedMetricSpecification", "customizedMetricSpecification") if name in tracking]
    if len(given) != 1:
        return "give exactly one of predefinedMetricSpecification and customizedMetricSpecification"
    target = known(tracking, "targetValue")
    return "targetValue must be above 0" if target is not None and target <= 0 else None


def _measure_fits(policy: Mapping[str, Any]) -> str | None:
    """A predefined measure is one of the dimension: invocations per instance say nothing of what is serverless."""
    tracking = known(policy, "targetTrackingScalingPolicyConfiguration") or {}
    measure = known(known(tracking, "predefinedMetricSpecification") or {}, "predefinedMetricType")
    dimension = known(policy, "scalableDimension")
    if dimension not in _MEASURES or measure is None or measure in _MEASURES[dimension]:
        return None
    return f"{measure} does not measure {dimension}; it is tracked by {', '.join(_MEASURES[dimension])}"


def _customized(metric: Mapping[str, Any]) -> str | None:
    whole = [name for name in ("metricName", "namespace", "statistic") if name in metric]
    if "metrics" in metric:
        return f"metrics and {' and '.join(whole)} exclude one another" if whole else None
    return None if len(whole) == 3 else "give metricName, namespace and statistic, or metrics"


def _returned(metrics: Any) -> str | None:
    if any(not isinstance(each, Mapping) for each in metrics):
        return None
    returned = [each for each in metrics if each.get("returnData", True) is not False]
    return None if len(returned) == 1 else f"exactly one of the metrics returns data, not {len(returned)}"


def _stepped(configuration: Mapping[str, Any]) -> str | None:
    kind = known(configuration, "adjustmentType")
    if "adjustmentType" not in configuration or not configuration.get("stepAdjustments"):
        return "step scaling needs an adjustmentType and stepAdjustments"
    if "minAdjustmentMagnitude" in configuration and kind not in (None, "PercentChangeInCapacity"):
        return "minAdjustmentMagnitude is for PercentChangeInCapacity"
    return None


def _contiguous(steps: Any) -> str | None:
    """Intervals of steps neither overlap nor leave a gap; an absent bound is infinite."""
    if any(not isinstance(each, Mapping) for each in steps):
        return None
    infinite = float("inf")
    try:
        intervals = sorted(
            (
                float(each.get("metricIntervalLowerBound", -infinite)),
                float(each.get("metricIntervalUpperBound", infinite)),
            )
            for each in steps
        )
    except ValueError:
        return None
    if any(low >= high for low, high in intervals):
        return "a step's lower bound is below its upper one"
    if any(first[1] != second[0] for first, second in zip(intervals, intervals[1:], strict=False)):
        return "the intervals of steps overlap, or leave a gap"
    return None


RULES: Sequence[Rule] = (
    Rule(_TARGET, "", _named, _REGISTER),
    Rule(_TARGET, "", _bounds, _REGISTER),
    Rule(_POLICY, "", _named, _PUT_POLICY),
    Rule(_POLICY, "", _configured, _PUT_POLICY),
    Rule(_POLICY, "", _no_forecast, _PUT_POLICY),
    Rule(_POLICY, "", _measure_fits, _PREDEFINED),
    Rule(_POLICY, "targetTrackingScalingPolicyConfiguration", _one_measure, _TRACKING),
    Rule(
        _POLICY,
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification",
        _customized,
        _CUSTOMIZED,
    ),
    Rule(
        _POLICY,
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics",
        _returned,
        _CUSTOMIZED,
    ),
    Rule(_POLICY, "stepScalingPolicyConfiguration", _stepped, _STEPS),
    Rule(_POLICY, "stepScalingPolicyConfiguration.stepAdjustments", size(20, "steps"), _STEPS),
    Rule(_POLICY, "stepScalingPolicyConfiguration.stepAdjustments", _contiguous, _STEP),
    Rule(_ACTION, "", _named, _SCHEDULED),
    Rule(_ACTION, "scalableTargetAction", _bounds, _SCHEDULED),
    Rule(_ACTION, "scalableTargetAction", _some_bound, _SCHEDULED),
    Rule(_ACTION, "schedule", matches(_SCHEDULES, "write at(…), rate(…) or cron(…) of six fields"), _SCHEDULED),
)
