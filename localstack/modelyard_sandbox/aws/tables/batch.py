"""AWS Batch: compute environments, queues, policies, definitions. Source: the Batch API reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

TAGS: Final = Tags(
    "list_tags_for_resource",
    "tag_resource",
    "untag_resource",
    {"resourceArn": "arn"},
    shape="map",
    at="tags",
    keys="tagKeys",
    on_create="tags",
)
_PREFIX: Final = "namePrefix"

_ENVIRONMENT_FIELDS: Final = {
    "name": "computeEnvironmentName",
    "type": "type",
    "state": "state",
    "serviceRole": "serviceRole",
    "computeResources": "computeResources",
    "computeResources.minVcpus": "minvCpus",
    "computeResources.maxVcpus": "maxvCpus",
    "computeResources.desiredVcpus": "desiredvCpus",
    "computeResources.ec2Configurations": "ec2Configuration",
    "eksConfiguration": "eksConfiguration",
    "updatePolicy": "updatePolicy",
    "arn": "computeEnvironmentArn",
    "ecsClusterArn": "ecsClusterArn",
    "status": "status",
    "statusReason": "statusReason",
}


def _read_environment(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_compute_environments", computeEnvironments=[live.id])["computeEnvironments"]
    if not found:
        return None
    shape = live.client().meta.service_model.shape_for("ComputeEnvironmentDetail")
    names = {
        "computeEnvironmentName": "name",
        "computeEnvironmentArn": "arn",
    }
    read = convert.from_aws({k: v for k, v in found[0].items() if k != "tags"}, shape, _ENVIRONMENT_FIELDS)
    for old, new in names.items():
        if old in read:
            read[new] = read.pop(old)
    return read


def _update_environment(live: Live) -> None:
    """Everything in place, as the service-linked role allows with other strategies than BEST_FIT."""
    shape = live.client().meta.service_model.operation_model("UpdateComputeEnvironment").input_shape
    wanted = {prop: live.inputs.get(prop) for prop in ("state", "serviceRole", "computeResources", "updatePolicy")}
    sent = convert.to_aws({k: v for k, v in wanted.items() if v is not None}, shape, _ENVIRONMENT_FIELDS)
    live.call("update_compute_environment", computeEnvironment=live.id, **sent)


def _delete_environment(live: Live) -> None:
    live.call("update_compute_environment", computeEnvironment=live.id, state="DISABLED")
    live.call("delete_compute_environment", computeEnvironment=live.id)


ENVIRONMENT = Type(
    "aws:batch/computeEnvironment:ComputeEnvironment",
    "batch",
    fields=_ENVIRONMENT_FIELDS,
    id="name",
    name=Name("name", limit=128, prefix=_PREFIX),
    defaults={"state": "ENABLED"},
    computed=("arn", "ecsClusterArn", "status", "statusReason"),
    create=Call("create_compute_environment"),
    read=_read_environment,
    update=Step(_update_environment, on=("state", "serviceRole", "computeResources", "updatePolicy")),
    delete=_delete_environment,
    kept=("serviceRole",),
    sets=("computeResources.instanceTypes", "computeResources.subnets", "computeResources.securityGroupIds"),
    tags=TAGS,
)

_QUEUE_FIELDS: Final = {
    "name": "jobQueueName",
    "priority": "priority",
    "state": "state",
    "schedulingPolicyArn": "schedulingPolicyArn",
    "computeEnvironmentOrders": "computeEnvironmentOrder",
    "jobStateTimeLimitActions": "jobStateTimeLimitActions",
    "arn": "jobQueueArn",
}
_OF_QUEUE: Final = ("computeEnvironmentOrders", "jobStateTimeLimitActions", "priority", "schedulingPolicyArn", "state")


def _delete_queue(live: Live) -> None:
    live.call("update_job_queue", jobQueue=live.id, state="DISABLED")
    live.call("delete_job_queue", jobQueue=live.id)


QUEUE = Type(
    "aws:batch/jobQueue:JobQueue",
    "batch",
    fields=_QUEUE_FIELDS,
    id=Answer("jobQueueArn"),
    name=Name("name", limit=128),
    computed=("arn",),
    create=Call("create_job_queue"),
    read=Call("describe_job_queues", {"jobQueues": lambda live: [live.id]}, take="jobQueues.0", fill=False),
    update=Call("update_job_queue", {"jobQueue": "id"}, on=_OF_QUEUE),
    delete=_delete_queue,
    inert=("timeouts",),
    tags=TAGS,
)

_POLICY_FIELDS: Final = {
    "name": "name",
    "fairSharePolicy": "fairsharePolicy",
    "fairSharePolicy.shareDistributions": "shareDistribution",
    "arn": "arn",
}
POLICY = Type(
    "aws:batch/schedulingPolicy:SchedulingPolicy",
    "batch",
    fields=_POLICY_FIELDS,
    id=Answer("arn"),
    name=Name("name", limit=128),
    computed=("arn",),
    create=Call("create_scheduling_policy"),
    read=Call(
        "describe_scheduling_policies", {"arns": lambda live: [live.id]}, take="schedulingPolicies.0", fill=False
    ),
    update=Call("update_scheduling_policy", {"arn": "id"}, on=("fairSharePolicy",)),
    delete=Call("delete_scheduling_policy", {"arn": "id"}, fill=False),
    sets=("fairSharePolicy.shareDistributions",),
    tags=TAGS,
)

_TEXTS: Final = ("containerProperties", "ecsProperties", "nodeProperties")
_DEFINITION_FIELDS: Final = {
    "name": "jobDefinitionName",
    "type": "type",
    "parameters": "parameters",
    "platformCapabilities": "platformCapabilities",
    "propagateTags": "propagateTags",
    "retryStrategy": "retryStrategy",
    "retryStrategy.evaluateOnExits": "evaluateOnExit",
    "schedulingPriority": "schedulingPriority",
    "timeout": "timeout",
    "arn": "jobDefinitionArn",
    "revision": "revision",
}


def _register(live: Live) -> dict[str, Any]:
    texts = {prop: json.loads(live.inputs[prop]) for prop in _TEXTS if live.inputs.get(prop)}
    tags = live.tags or None
    shape = live.client().meta.service_model.operation_model("RegisterJobDefinition").input_shape
    plain = {p: live.inputs.get(p) for p in _DEFINITION_FIELDS if "." not in p and p not in ("arn", "revision")}
    sent = convert.to_aws({k: v for k, v in plain.items() if v is not None}, shape, _DEFINITION_FIELDS)
    return live.call("register_job_definition", **sent, **texts, tags=tags)


def _revise(live: Live) -> None:
    """A new revision; the one before goes, unless it is to stay."""
    before = live.get("arn")
    answer = _register(live)
    live.state = {**live.state, "arn": answer["jobDefinitionArn"]}
    if live.inputs.get("deregisterOnNewRevision", True):
        live.call("deregister_job_definition", jobDefinition=before)


def _newest(live: Live) -> dict[str, Any] | None:
    """The newest revision that is active, as the provider looks for it by name."""
    name = live.get("name") or live.id.rpartition("/")[2].partition(":")[0]
    found = live.call("describe_job_definitions", jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    return max(found, key=lambda definition: definition["revision"], default=None)


def _read_definition(live: Live) -> dict[str, Any] | None:
    found = _newest(live)
    if found is None:
        return None
    shape = live.client().meta.service_model.shape_for("JobDefinition")
    plain = {key: value for key, value in found.items() if key not in (*_TEXTS, "tags", "status")}
    read = convert.from_aws(plain, shape, _DEFINITION_FIELDS)
    texts = {prop: json.dumps(_without_nothing(found[prop]), sort_keys=True) for prop in _TEXTS if found.get(prop)}
    return {**read, **texts, "arnPrefix": read["arn"].rpartition(":")[0]}


def _without_nothing(value: Any) -> Any:
    """What the provider compares: empty lists and absent members say the same."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item not in ([], {}, None)}
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value


def _deregister(live: Live) -> None:
    """Every active revision goes."""
    name = live.get("name")
    for found in live.call("describe_job_definitions", jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]:
        live.call("deregister_job_definition", jobDefinition=found["jobDefinitionArn"])


DEFINITION = Type(
    "aws:batch/jobDefinition:JobDefinition",
    "batch",
    fields=_DEFINITION_FIELDS,
    id="name",
    name=Name("name", limit=128),
    defaults={"deregisterOnNewRevision": True, "propagateTags": False},
    computed=("arn", "arnPrefix", "revision"),
    volatile=("arn", "revision"),
    create=_register,
    read=_read_definition,
    update=Step(
        _revise,
        on=(*_TEXTS, "eksProperties", "parameters", "platformCapabilities", "propagateTags", "retryStrategy")
        + ("schedulingPriority", "timeout"),
    ),
    delete=_deregister,
    inert=("deregisterOnNewRevision",),
    json=_TEXTS,
    sets=("platformCapabilities",),
    tags=TAGS,
)

TYPES = (ENVIRONMENT, QUEUE, POLICY, DEFINITION)
