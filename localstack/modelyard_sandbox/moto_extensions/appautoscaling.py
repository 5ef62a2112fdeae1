"""Application Auto Scaling: targets that exist, policies of every kind with their alarms, scheduled actions, tags.

moto's own knows no inference components, no serverless concurrency and no tags, and asks nobody whether an endpoint has
the variant. Nothing scales here. Source: the Application Auto Scaling API reference.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.exceptions import JsonRESTError
from moto.moto_api._internal import mock_random
from moto.sagemaker.models import sagemaker_backends
from moto.utilities.utils import get_partition

Document = dict[str, Any]

_CONCURRENCY: Final = "sagemaker:variant:DesiredProvisionedConcurrency"
_COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
_KEY: Final = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_POLICY_PARTS: Final = (
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration",
)
_SIDES: Final = {"AlarmHigh": "GreaterThanThreshold", "AlarmLow": "LessThanThreshold"}


def scaled(backend: Any) -> dict[tuple[str, str, str], Document]:
    """The targets of a backend, by service, resource and dimension; a reset takes them away."""
    return backend.__dict__.setdefault("scalable", {})


def _policies(backend: Any) -> dict[tuple[str, ...], Document]:
    return backend.__dict__.setdefault("scaling_documents", {})


def _actions(backend: Any) -> dict[tuple[str, ...], Document]:
    return backend.__dict__.setdefault("scheduled_documents", {})


def _asked(response: Any) -> Document:
    return {key: value for key, value in json.loads(response.body).items() if value is not None}


def _key(asked: Mapping[str, Any]) -> tuple[str, str, str]:
    service, resource, dimension = (asked[name] for name in _KEY)
    return service, resource, dimension


def _described(key: tuple[str, ...]) -> str:
    return f"service namespace: {key[0]}, resource ID: {key[1]}, scalable dimension: {key[2]}"


def _target(backend: Any, asked: Mapping[str, Any]) -> Document:
    """The target that a call is about. Raises ObjectNotFoundException."""
    found = scaled(backend).get(_key(asked))
    if found is None:
        told = f"No scalable target registered for {_described(_key(asked))}"
        raise JsonRESTError("ObjectNotFoundException", told)
    return found


# --- targets --------------------------------------------------------------------------------------------------------


def _judge_hosting(backend: Any, asked: Mapping[str, Any]) -> None:
    """That the variant or the component is there, and may be scaled so."""
    hosting: Any = sagemaker_backends[backend.account_id][backend.region_name]
    resource, dimension = asked["ResourceId"], asked["ScalableDimension"]
    if dimension == _COPIES:
        name = resource.removeprefix("inference-component/")
        if name not in getattr(hosting, "inference_components", {}):
            raise AWSValidationException(f"SageMaker inference component doesn't exist: {resource}")
        return
    _, name, _, wanted = (*resource.split("/"), "", "", "")[:4]
    endpoint = hosting.endpoints.get(name)
    variants = {each["VariantName"]: each for each in endpoint.asked["ProductionVariants"]} if endpoint else {}
    if wanted not in variants:
        raise AWSValidationException(f"SageMaker endpoint variant doesn't exist: {resource}")
    serverless = "ServerlessConfig" in variants[wanted]
    if serverless != (dimension == _CONCURRENCY):
        told = "a serverless variant scales its provisioned concurrency, all others their instances"
        raise AWSValidationException(f"{dimension} does not fit {resource}: {told}")
    if str(variants[wanted].get("InstanceType", "")).startswith("ml.t2."):
        raise AWSValidationException(f"{resource} is on burstable instances, which are not scaled")
    to_zero = "AsyncInferenceConfig" in endpoint.asked or "ModelName" not in variants[wanted]
    if asked.get("MinCapacity") == 0 and not to_zero:
        raise AWSValidationException("Minimum capacity must be at least 1 for a variant that answers at once.")


def register_scalable_target(self: Any) -> str:
    """RegisterScalableTarget: what it doesn't speak of stays."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    known = scaled(backend).get(_key(asked))
    if asked["ServiceNamespace"] == "sagemaker":
        _judge_hosting(backend, asked)
    given = {name: asked[name] for name in ("MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState") if name in asked}
    if known is None and not {"MinCapacity", "MaxCapacity"} <= set(given):
        raise AWSValidationException("MinCapacity and MaxCapacity are required to register a new scalable target")
    place = f"{backend.region_name}:{backend.account_id}"
    partition = get_partition(backend.region_name)
    prefix = f"arn:{partition}:application-autoscaling"
    linked = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
    role = f"{linked}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    made = known or {
        **{name: asked[name] for name in _KEY},
        "RoleARN": f"arn:{partition}:iam::{backend.account_id}:role/{role}",
        "CreationTime": time.time(),
        "ScalableTargetARN": f"{prefix}:{place}:scalable-target/{mock_random.uuid4().hex}",
        "tags": dict(asked.get("Tags", {})),
    }
    suspended = {**made.get("SuspendedState", {}), **given.pop("SuspendedState", {})}
    switches = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    made |= given | {"SuspendedState": dict.fromkeys(switches, False) | suspended}
    if made["MinCapacity"] > made["MaxCapacity"]:
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    scaled(backend)[_key(asked)] = made
    return json.dumps({"ScalableTargetARN": made["ScalableTargetARN"]})


def describe_scalable_targets(self: Any) -> str:
    """DescribeScalableTargets."""
    asked = _asked(self)
    found = [
        {name: value for name, value in target.items() if name != "tags"}
        for (service, resource, dimension), target in scaled(self.applicationautoscaling_backend).items()
        if service == asked["ServiceNamespace"]
        and resource in asked.get("ResourceIds", [resource])
        and dimension == asked.get("ScalableDimension", dimension)
    ]
    return json.dumps({"ScalableTargets": found})


def deregister_scalable_target(self: Any) -> str:
    """DeregisterScalableTarget, with its policies and its scheduled actions."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    _target(backend, asked)
    _deregister(backend, _key(asked))
    return "{}"


def forget(account: str, region: str, whole: str) -> None:
    """Deregister what belongs to a resource of SageMaker's, or lies within it, as its end does."""
    backend: Any = applicationautoscaling_backends[account][region]
    for key in [each for each in scaled(backend) if each[0] == "sagemaker" and f"{each[1]}/".startswith(f"{whole}/")]:
        _deregister(backend, key)


def _deregister(backend: Any, key: tuple[str, str, str]) -> None:
    for policy in [each for each in _policies(backend) if each[:3] == key]:
        _end_policy(backend, policy)
    for action in [each for each in _actions(backend) if each[:3] == key]:
        del _actions(backend)[action]
    del scaled(backend)[key]


# --- policies -------------------------------------------------------------------------------------------------------


def put_scaling_policy(self: Any) -> str:
    """PutScalingPolicy: tracking a target makes the two alarms that it acts on."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    _target(backend, asked)
    key = (*_key(asked), asked["PolicyName"])
    known = _policies(backend).get(key, {})
    if known:
        _remove_alarms(backend, known)
    place = f"{backend.region_name}:{backend.account_id}"
    resource = f"resource/{key[0]}/{key[1]}:policyName/{key[3]}"
    prefix = f"arn:{get_partition(backend.region_name)}:autoscaling:{place}:scalingPolicy"
    made = {
        **{name: asked[name] for name in (*_KEY, "PolicyName")},
        "PolicyType": asked.get("PolicyType", known.get("PolicyType", "StepScaling")),
        "PolicyARN": known.get("PolicyARN", f"{prefix}:{mock_random.uuid4()}:{resource}"),
        "CreationTime": known.get("CreationTime", time.time()),
        **{part: asked[part] for part in _POLICY_PARTS if part in asked},
    }
    made["Alarms"] = _alarms(backend, made) if "TargetTrackingScalingPolicyConfiguration" in made else []
    _policies(backend)[key] = made
    return json.dumps({"PolicyARN": made["PolicyARN"], "Alarms": made["Alarms"]})


def _alarms(backend: Any, policy: Document) -> list[Document]:
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    measure = (tracking.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType", "Customized")
    cloudwatch: Any = cloudwatch_backends[backend.account_id][backend.region_name]
    made = []
    for side, comparison in _SIDES.items():
        if side == "AlarmLow" and tracking.get("DisableScaleIn"):
            continue
        alarm = cloudwatch.put_metric_alarm(
            name=f"TargetTracking-{policy['ResourceId']}-{side}-{mock_random.uuid4()}",
            namespace="AWS/SageMaker",
            metric_name=measure,
            comparison_operator=comparison,
            evaluation_periods=3 if side == "AlarmHigh" else 15,
            period=60,
            threshold=tracking["TargetValue"],
            statistic="Average",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy['PolicyARN']}.",
            dimensions=[],
            alarm_actions=[policy["PolicyARN"]],
        )
        made.append({"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn})
    return made


def _remove_alarms(backend: Any, policy: Document) -> None:
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    cloudwatch_backends[backend.account_id][backend.region_name].delete_alarms(names)


def _end_policy(backend: Any, key: tuple[str, ...]) -> None:
    _remove_alarms(backend, _policies(backend).pop(key))


def describe_scaling_policies(self: Any) -> str:
    """DescribeScalingPolicies."""
    found = _of(_policies(self.applicationautoscaling_backend), _asked(self), "PolicyNames")
    return json.dumps({"ScalingPolicies": found})


def delete_scaling_policy(self: Any) -> str:
    """DeleteScalingPolicy, with its alarms."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    key = (*_key(asked), asked["PolicyName"])
    if key not in _policies(backend):
        told = f"No scaling policy found for {_described(key)}, policy name: {key[3]}"
        raise JsonRESTError("ObjectNotFoundException", told)
    _end_policy(backend, key)
    return "{}"


def _of(documents: Mapping[tuple[str, ...], Document], asked: Mapping[str, Any], names: str) -> list[Document]:
    return [
        each
        for (service, resource, dimension, name), each in documents.items()
        if service == asked["ServiceNamespace"]
        and resource == asked.get("ResourceId", resource)
        and dimension == asked.get("ScalableDimension", dimension)
        and name in asked.get(names, [name])
    ]


# --- scheduled actions ----------------------------------------------------------------------------------------------


def put_scheduled_action(self: Any) -> str:
    """PutScheduledAction."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    _target(backend, asked)
    key = (*_key(asked), asked["ScheduledActionName"])
    known = _actions(backend).get(key, {})
    place = f"{backend.region_name}:{backend.account_id}"
    prefix = f"arn:{get_partition(backend.region_name)}:autoscaling:{place}:scheduledAction"
    named = f"{mock_random.uuid4()}:resource/{key[0]}/{key[1]}:scheduledActionName/{key[3]}"
    _actions(backend)[key] = {
        "Timezone": "UTC",
        **asked,
        "ScheduledActionARN": known.get("ScheduledActionARN", f"{prefix}:{named}"),
        "CreationTime": known.get("CreationTime", time.time()),
    }
    return "{}"


def describe_scheduled_actions(self: Any) -> str:
    """DescribeScheduledActions."""
    found = _of(_actions(self.applicationautoscaling_backend), _asked(self), "ScheduledActionNames")
    return json.dumps({"ScheduledActions": found})


def delete_scheduled_action(self: Any) -> str:
    """DeleteScheduledAction."""
    backend, asked = self.applicationautoscaling_backend, _asked(self)
    key = (*_key(asked), asked["ScheduledActionName"])
    if key not in _actions(backend):
        told = f"No scheduled action found for {_described(key)}, scheduled action name: {key[3]}"
        raise JsonRESTError("ObjectNotFoundException", told)
    del _actions(backend)[key]
    return "{}"


# --- tags -----------------------------------------------------------------------------------------------------------


def _tags(response: Any, arn: str) -> dict[str, str]:
    for target in scaled(response.applicationautoscaling_backend).values():
        if target["ScalableTargetARN"] == arn:
            return target["tags"]
    raise JsonRESTError("ResourceNotFoundException", f"No resource found for {arn}")


def list_tags_for_resource(self: Any) -> str:
    """ListTagsForResource."""
    return json.dumps({"Tags": _tags(self, _asked(self)["ResourceARN"])})


def tag_resource(self: Any) -> str:
    """TagResource."""
    asked = _asked(self)
    _tags(self, asked["ResourceARN"]).update(asked["Tags"])
    return "{}"


def untag_resource(self: Any) -> str:
    """UntagResource."""
    asked = _asked(self)
    tags = _tags(self, asked["ResourceARN"])
    for key in asked["TagKeys"]:
        tags.pop(key, None)
    return "{}"


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        register_scalable_target,
        describe_scalable_targets,
        deregister_scalable_target,
        put_scaling_policy,
        describe_scaling_policies,
        delete_scaling_policy,
        put_scheduled_action,
        describe_scheduled_actions,
        delete_scheduled_action,
        list_tags_for_resource,
        tag_resource,
        untag_resource,
    ):
        setattr(ApplicationAutoScalingResponse, operation.__name__, operation)
