"""Application Auto Scaling: targets, policies and scheduled actions. Source: its API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Function, Name, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SERVICE: Final = "application-autoscaling"
_GONE: Final = ("ObjectNotFoundException",)
_WHOSE: Final = {name[0].upper() + name[1:]: name for name in ("resourceId", "scalableDimension", "serviceNamespace")}
_WHOSE_TARGET: Final = {parameter: name for parameter, name in _WHOSE.items() if name != "resourceId"}
_PARTS: Final = (
    "predictiveScalingPolicyConfiguration",
    "stepScalingPolicyConfiguration",
    "targetTrackingScalingPolicyConfiguration",
)


def _target_of(id: str) -> dict[str, str]:
    """A target is imported as service/resource/dimension, and a resource has slashes of its own."""
    service, _, rest = id.partition("/")
    resource, _, dimension = rest.rpartition("/")
    return {"serviceNamespace": service, "resourceId": resource, "scalableDimension": dimension}


def _policy_of(id: str) -> dict[str, str]:
    whole, _, name = id.rpartition("/")
    return {**_target_of(whole), "name": name}


def _known_as(prop: str) -> Function:
    """After its import a resource is known by less than it was imported by."""

    def read(live: Live) -> dict[str, Any]:
        live.id = live.get(prop)
        return {}

    return read


def _alarm_arns(live: Live) -> dict[str, Any]:
    """The alarms that tracking a target has made."""
    asked = {parameter: live.get(prop) for parameter, prop in _WHOSE.items()}
    found = live.call("describe_scaling_policies", **asked, PolicyNames=[live.get("name")])["ScalingPolicies"]
    return {"alarmArns": [alarm["AlarmARN"] for policy in found for alarm in policy.get("Alarms", ())]}


TARGET = Type(
    "aws:appautoscaling/target:Target",
    _SERVICE,
    fields=fields("maxCapacity", "minCapacity", "resourceId", "scalableDimension", "serviceNamespace", "suspendedState")
    | {"arn": "ScalableTargetARN", "roleArn": "RoleARN"},
    id="resourceId",
    from_id=_target_of,
    computed=("arn",),
    create=Call("register_scalable_target"),
    read=(
        Call(
            "describe_scalable_targets",
            {**_WHOSE_TARGET, "ResourceIds": ["resourceId"]},
            take="ScalableTargets.0",
            fill=False,
        ),
        _known_as("resourceId"),
    ),
    update=Call("register_scalable_target", on=("maxCapacity", "minCapacity", "suspendedState")),
    delete=Call("deregister_scalable_target", _WHOSE, fill=False),
    kept=("roleArn", "suspendedState"),
    gone=_GONE,
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"ResourceARN": "arn"},
        shape="map",
        on_create="Tags",
    ),
)

POLICY = Type(
    "aws:appautoscaling/policy:Policy",
    _SERVICE,
    fields=fields("policyType", "resourceId", "scalableDimension", "serviceNamespace", *_PARTS)
    | {"arn": "PolicyARN", "name": "PolicyName"},
    id="name",
    name=Name("name", limit=255),
    defaults={"policyType": "StepScaling"},
    computed=("alarmArns", "arn"),
    volatile=("alarmArns",),
    create=Call("put_scaling_policy"),
    read=(
        Call(
            "describe_scaling_policies",
            _WHOSE,
            take="ScalingPolicies",
            where={"PolicyName": "name"},
            fill=False,
        ),
        _alarm_arns,
        _known_as("name"),
    ),
    update=Call("put_scaling_policy", on=("policyType", *_PARTS)),
    delete=Call("delete_scaling_policy", {**_WHOSE, "PolicyName": "name"}, fill=False),
    from_id=_policy_of,
    gone=_GONE,
)

ACTION = Type(
    "aws:appautoscaling/scheduledAction:ScheduledAction",
    _SERVICE,
    fields=fields("endTime", "resourceId", "scalableDimension", "scalableTargetAction", "schedule", "serviceNamespace")
    | fields("startTime", "timezone", arn="ScheduledActionARN", name="ScheduledActionName"),
    id=lambda live: "-".join(str(live.get(each)) for each in ("name", "serviceNamespace", "resourceId")),
    name=Name("name", limit=255),
    defaults={"timezone": "UTC"},
    computed=("arn",),
    create=Call("put_scheduled_action"),
    read=Call(
        "describe_scheduled_actions",
        {**_WHOSE, "ScheduledActionNames": ["name"]},
        take="ScheduledActions.0",
        fill=False,
    ),
    update=Call("put_scheduled_action", on=("endTime", "scalableTargetAction", "schedule", "startTime", "timezone")),
    delete=Call("delete_scheduled_action", {**_WHOSE, "ScheduledActionName": "name"}, fill=False),
    imports=False,
    gone=_GONE,
)

TYPES = (TARGET, POLICY, ACTION)
