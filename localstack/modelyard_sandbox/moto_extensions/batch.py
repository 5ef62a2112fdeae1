"""AWS Batch: environments, queues with shares, definitions and jobs as documents; nothing runs.

moto's own starts Docker for each job, and knows no service environments, no quota shares and no updates.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from moto.batch import urls
from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend
from moto.batch.responses import BatchResponse
from moto.ec2.models import ec2_backends
from moto.utilities.utils import get_partition

Document = dict[str, Any]

_ENVIRONMENT, _SERVICE = "compute-environment", "service-environment"
_QUEUE, _POLICY, _SHARE = "job-queue", "scheduling-policy", "quota-share"
_DEFINITION, _JOB, _SERVICE_JOB = "job-definition", "job", "service-job"
_NAMES: Final = {
    _ENVIRONMENT: "computeEnvironment",
    _SERVICE: "serviceEnvironment",
    _QUEUE: "jobQueue",
    _POLICY: "",
    _SHARE: "quotaShare",
}
"""What a kind's members begin with: `computeEnvironmentName`, `computeEnvironmentArn`."""


def kept(backend: BatchBackend, kind: str) -> dict[str, Document]:
    """The things of one kind by ARN."""
    if not hasattr(backend, "documents"):
        backend.documents = {}  # type: ignore[attr-defined]
    return backend.documents.setdefault(kind, {})  # type: ignore[attr-defined]


def _member(kind: str, end: str) -> str:
    start = _NAMES[kind]
    return f"{start}{end}" if start else end.lower()


def _arn(backend: BatchBackend, kind: str, name: str) -> str:
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{get_partition(backend.region_name)}:batch:{place}:{kind}/{name}"


def _found(backend: BatchBackend, kind: str, name: str) -> Document | None:
    """By ARN or by name."""
    things = kept(backend, kind)
    return things.get(name) or next((t for t in things.values() if t[_member(kind, "Name")] == name), None)


def _existing(backend: BatchBackend, kind: str, name: str) -> Document:
    found = _found(backend, kind, name)
    if found is None:
        raise ClientException(f"{name} does not exist")
    return found


def _new(backend: BatchBackend, kind: str, arn: str, asked: Document, **more: Any) -> Document:
    if arn in kept(backend, kind):
        raise ClientException("Object already exists")
    document = {**asked, _member(kind, "Arn"): arn, **more}
    _tag(backend, arn, document.pop("tags", None))
    kept(backend, kind)[arn] = document
    return document


def _tag(backend: BatchBackend, arn: str, tags: dict[str, str] | None) -> None:
    if tags:
        backend.tag_resource(arn, tags)


def _shown(backend: BatchBackend, things: Iterable[Document], arn: str) -> list[Document]:
    return [{**thing, "tags": backend.list_tags_for_resource(thing[arn])} for thing in things]


def _chosen(backend: BatchBackend, kind: str, wanted: list[str] | None) -> list[Document]:
    things = kept(backend, kind).values()
    found = [t for t in things if not wanted or t[_member(kind, "Arn")] in wanted or t[_member(kind, "Name")] in wanted]
    return _shown(backend, found, _member(kind, "Arn"))


def _answer(kind: str, document: Document) -> Document:
    return {_member(kind, end): document[_member(kind, end)] for end in ("Name", "Arn")}


def _used_by(backend: BatchBackend, arn: str) -> bool:
    """Whether a queue stands on it."""
    return any(arn in json.dumps(queue) for queue in kept(backend, _QUEUE).values())


def _off(document: Document) -> None:
    if document.get("state", "ENABLED") != "DISABLED":
        raise ClientException("Cannot delete, resource is being used or not in the state DISABLED")


def _check_resources(backend: BatchBackend, resources: Document) -> None:
    """Subnets, groups and the launch template exist; a group is named here or there."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    for subnet in resources.get("subnets") or ():
        if not any(subnet in by_zone for by_zone in ec2.subnets.values()):
            raise ClientException(f"subnet {subnet} does not exist")
    groups = list(resources.get("securityGroupIds") or ())
    template = resources.get("launchTemplate")
    if template:
        known = ec2.get_launch_template(template["launchTemplateId"]).get_version(template.get("version", "$Default"))
        for interface in known.data.get("NetworkInterfaces") or ():
            groups += interface.get("Groups") or interface.get("SecurityGroupId") or []
    if not groups:
        raise ClientException("Error executing request, Exception : security group is required.")
    for group in groups:
        if ec2.get_security_group_from_id(group) is None:
            raise ClientException(f"security group {group} does not exist")


def _create_compute_environment(backend: BatchBackend, asked: Document) -> Document:
    name, region, account = asked["computeEnvironmentName"], backend.region_name, backend.account_id
    partition = get_partition(region)
    _check_resources(backend, asked.get("computeResources") or {})
    linked = f"arn:{partition}:iam::{account}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    cluster = f"arn:{partition}:ecs:{region}:{account}:cluster/AWSBatch-{name}-{uuid.uuid4()}"
    made = _new(
        backend,
        _ENVIRONMENT,
        _arn(backend, _ENVIRONMENT, name),
        {"state": "ENABLED", "serviceRole": linked, **asked},
        ecsClusterArn=cluster,
        status="VALID",
        statusReason="ComputeEnvironment Healthy",
    )
    return _answer(_ENVIRONMENT, made)


def _update_compute_environment(backend: BatchBackend, asked: Document) -> Document:
    made = _existing(backend, _ENVIRONMENT, asked["computeEnvironment"])
    resources = {**made.get("computeResources", {}), **(asked.get("computeResources") or {})}
    _check_resources(backend, resources)
    made |= {key: asked[key] for key in ("serviceRole", "state", "updatePolicy") if asked.get(key)}
    made["computeResources"] = resources
    return _answer(_ENVIRONMENT, made)


def _delete(kind: str, parameter: str) -> Callable[[BatchBackend, Document], Document]:
    """The deletion of what must be disabled first, and stand under no queue."""

    def delete(backend: BatchBackend, asked: Document) -> Document:
        made = _existing(backend, kind, asked[parameter])
        arn = made[_member(kind, "Arn")]
        if kind != _POLICY:
            _off(made)
        if _used_by(backend, arn) and kind != _QUEUE:
            raise ClientException("Cannot delete, found existing JobQueue relationship")
        if kind == _QUEUE and any(share["jobQueueArn"] == arn for share in kept(backend, _SHARE).values()):
            raise ClientException("Cannot delete, found existing QuotaShare relationship")
        del kept(backend, kind)[arn]
        backend.tagger.delete_all_tags_for_resource(arn)
        return {}

    return delete


def _create_service_environment(backend: BatchBackend, asked: Document) -> Document:
    arn = _arn(backend, _SERVICE, asked["serviceEnvironmentName"])
    return _answer(_SERVICE, _new(backend, _SERVICE, arn, {"state": "ENABLED", **asked}, status="VALID"))


def _update(kind: str, parameter: str, *changeable: str) -> Callable[[BatchBackend, Document], Document]:
    def update(backend: BatchBackend, asked: Document) -> Document:
        made = _existing(backend, kind, asked[parameter])
        made |= {key: asked[key] for key in changeable if key in asked}
        return _answer(kind, made)

    return update


def _create_job_queue(backend: BatchBackend, asked: Document) -> Document:
    for entry in asked.get("computeEnvironmentOrder") or ():
        _existing(backend, _ENVIRONMENT, entry["computeEnvironment"])
    for entry in asked.get("serviceEnvironmentOrder") or ():
        _existing(backend, _SERVICE, entry["serviceEnvironment"])
    if asked.get("schedulingPolicyArn"):
        _existing(backend, _POLICY, asked["schedulingPolicyArn"])
    if not (asked.get("computeEnvironmentOrder") or asked.get("serviceEnvironmentOrder")):
        raise ClientException("computeEnvironmentOrder or serviceEnvironmentOrder must be provided")
    arn = _arn(backend, _QUEUE, asked["jobQueueName"])
    return _answer(_QUEUE, _new(backend, _QUEUE, arn, {"state": "ENABLED", **asked}, status="VALID"))


def _create_scheduling_policy(backend: BatchBackend, asked: Document) -> Document:
    arn = _arn(backend, _POLICY, asked["name"])
    return _answer(_POLICY, _new(backend, _POLICY, arn, asked))


def _create_quota_share(backend: BatchBackend, asked: Document) -> Document:
    queue = _existing(backend, _QUEUE, asked["jobQueue"])
    policy = kept(backend, _POLICY).get(queue.get("schedulingPolicyArn", ""), {})
    if "quotaSharePolicy" not in policy:
        raise ClientException("The job queue has no quota share policy")
    arn = f"{queue['jobQueueArn']}/quota-share/{asked['quotaShareName']}"
    made = _new(backend, _SHARE, arn, {"state": "ENABLED", **asked}, jobQueueArn=queue["jobQueueArn"], status="VALID")
    return _answer(_SHARE, made)


def _describe_quota_share(backend: BatchBackend, asked: Document) -> Document:
    made = _existing(backend, _SHARE, asked["quotaShareArn"])
    return _shown(backend, [made], "quotaShareArn")[0]


def _list_quota_shares(backend: BatchBackend, asked: Document) -> Document:
    queue = _existing(backend, _QUEUE, asked["jobQueue"])["jobQueueArn"]
    return {"quotaShares": [s for s in kept(backend, _SHARE).values() if s["jobQueueArn"] == queue]}


def _register_job_definition(backend: BatchBackend, asked: Document) -> Document:
    name, definitions = asked["jobDefinitionName"], kept(backend, _DEFINITION)
    containers = [asked.get("containerProperties")]
    containers += [part.get("container") for part in (asked.get("nodeProperties") or {}).get("nodeRangeProperties", [])]
    for container in filter(None, containers):
        needs = {need["type"] for need in container.get("resourceRequirements") or ()}
        if not {"MEMORY", "VCPU"} <= needs or not container.get("image"):
            raise ClientException("A container needs an image, VCPU and MEMORY")
    if not any(containers):
        raise ClientException("containerProperties or nodeProperties must be provided")
    revision = 1 + max((d["revision"] for d in definitions.values() if d["jobDefinitionName"] == name), default=0)
    arn = f"{_arn(backend, _DEFINITION, name)}:{revision}"
    made = {**asked, "jobDefinitionArn": arn, "revision": revision, "status": "ACTIVE"}
    _tag(backend, arn, made.pop("tags", None))
    definitions[arn] = made
    return {key: made[key] for key in ("jobDefinitionArn", "jobDefinitionName", "revision")}


def _deregister_job_definition(backend: BatchBackend, asked: Document) -> Document:
    definition = _definition(backend, asked["jobDefinition"])
    if definition is not None:
        definition["status"] = "INACTIVE"
    return {}


def _definition(backend: BatchBackend, wanted: str) -> Document | None:
    """By ARN, by name and revision, or the newest active one by name."""
    name = wanted.rpartition("/")[2]
    found = [
        d
        for d in kept(backend, _DEFINITION).values()
        if d["status"] == "ACTIVE" and name in (d["jobDefinitionName"], f"{d['jobDefinitionName']}:{d['revision']}")
    ]
    return max(found, key=lambda d: d["revision"], default=None)


def _describe_job_definitions(backend: BatchBackend, asked: Document) -> Document:
    wanted, name, status = asked.get("jobDefinitions"), asked.get("jobDefinitionName"), asked.get("status")
    found = [
        d
        for d in kept(backend, _DEFINITION).values()
        if (not wanted or d["jobDefinitionArn"] in wanted or f"{d['jobDefinitionName']}:{d['revision']}" in wanted)
        and (not name or d["jobDefinitionName"] == name)
        and (not status or d["status"] == status)
    ]
    return {"jobDefinitions": _shown(backend, found, "jobDefinitionArn")}


def _submit(kind: str, backend: BatchBackend, asked: Document) -> Document:
    queue = _existing(backend, _QUEUE, asked["jobQueue"])
    policy = kept(backend, _POLICY).get(queue.get("schedulingPolicyArn", ""), {})
    shares = [s["quotaShareName"] for s in kept(backend, _SHARE).values() if s["jobQueueArn"] == queue["jobQueueArn"]]
    if "quotaSharePolicy" in policy and asked.get("quotaShareName") not in shares:
        raise ClientException("A job of this queue needs one of its quota shares")
    if "fairsharePolicy" in policy and not asked.get("shareIdentifier"):
        raise ClientException("A job of this queue needs a shareIdentifier")
    identity = str(uuid.uuid4())
    arn = _arn(backend, kind, identity)
    made = {**asked, "jobArn": arn, "jobId": identity, "jobQueue": queue["jobQueueArn"], "status": "SUBMITTED"}
    _tag(backend, arn, made.pop("tags", None))
    kept(backend, kind)[identity] = made
    return {"jobArn": arn, "jobId": identity, "jobName": asked["jobName"]}


def _submit_job(backend: BatchBackend, asked: Document) -> Document:
    definition = _definition(backend, asked["jobDefinition"])
    if definition is None:
        raise ClientException(f"JobDefinition {asked['jobDefinition']} does not exist or isn't active")
    return _submit(_JOB, backend, {**asked, "jobDefinition": definition["jobDefinitionArn"]})


def _submit_service_job(backend: BatchBackend, asked: Document) -> Document:
    json.loads(asked["serviceRequestPayload"])
    return _submit(_SERVICE_JOB, backend, asked)


def _describe_jobs(backend: BatchBackend, asked: Document) -> Document:
    jobs = kept(backend, _JOB)
    return {"jobs": _shown(backend, [jobs[i] for i in asked["jobs"] if i in jobs], "jobArn")}


def _job_of(backend: BatchBackend, kind: str, identity: str) -> Document:
    """A job by its id. Raises `ClientException` where there is none."""
    if identity not in kept(backend, kind):
        raise ClientException(f"{identity} does not exist")
    return kept(backend, kind)[identity]


def _describe_service_job(backend: BatchBackend, asked: Document) -> Document:
    return _shown(backend, [_job_of(backend, _SERVICE_JOB, asked["jobId"])], "jobArn")[0]


def _terminate(kind: str) -> Callable[[BatchBackend, Document], Document]:
    def terminate(backend: BatchBackend, asked: Document) -> Document:
        _job_of(backend, kind, asked["jobId"]).update(status="FAILED", statusReason=asked["reason"])
        return {}

    return terminate


def _describe(kind: str, parameter: str, answer: str) -> Callable[[BatchBackend, Document], Document]:
    return lambda backend, asked: {answer: _chosen(backend, kind, asked.get(parameter))}


_CHANGES_OF_QUEUES: Final = (
    "computeEnvironmentOrder",
    "jobStateTimeLimitActions",
    "priority",
    "schedulingPolicyArn",
    "serviceEnvironmentOrder",
    "state",
)
_CHANGES_OF_SHARES: Final = ("capacityLimits", "preemptionConfiguration", "resourceSharingConfiguration", "state")
OPERATIONS: Final[dict[str, Callable[[BatchBackend, Document], Document]]] = {
    "createcomputeenvironment": _create_compute_environment,
    "updatecomputeenvironment": _update_compute_environment,
    "describecomputeenvironments": _describe(_ENVIRONMENT, "computeEnvironments", "computeEnvironments"),
    "deletecomputeenvironment": _delete(_ENVIRONMENT, "computeEnvironment"),
    "createserviceenvironment": _create_service_environment,
    "updateserviceenvironment": _update(_SERVICE, "serviceEnvironment", "capacityLimits", "state"),
    "describeserviceenvironments": _describe(_SERVICE, "serviceEnvironments", "serviceEnvironments"),
    "deleteserviceenvironment": _delete(_SERVICE, "serviceEnvironment"),
    "createjobqueue": _create_job_queue,
    "updatejobqueue": _update(_QUEUE, "jobQueue", *_CHANGES_OF_QUEUES),
    "describejobqueues": _describe(_QUEUE, "jobQueues", "jobQueues"),
    "deletejobqueue": _delete(_QUEUE, "jobQueue"),
    "createschedulingpolicy": _create_scheduling_policy,
    "updateschedulingpolicy": _update(_POLICY, "arn", "fairsharePolicy", "quotaSharePolicy"),
    "describeschedulingpolicies": _describe(_POLICY, "arns", "schedulingPolicies"),
    "listschedulingpolicies": lambda backend, _: {"schedulingPolicies": [{"arn": a} for a in kept(backend, _POLICY)]},
    "deleteschedulingpolicy": _delete(_POLICY, "arn"),
    "createquotashare": _create_quota_share,
    "updatequotashare": _update(_SHARE, "quotaShareArn", *_CHANGES_OF_SHARES),
    "describequotashare": _describe_quota_share,
    "listquotashares": _list_quota_shares,
    "deletequotashare": _delete(_SHARE, "quotaShareArn"),
    "registerjobdefinition": _register_job_definition,
    "deregisterjobdefinition": _deregister_job_definition,
    "describejobdefinitions": _describe_job_definitions,
    "submitjob": _submit_job,
    "describejobs": _describe_jobs,
    "terminatejob": _terminate(_JOB),
    "canceljob": _terminate(_JOB),
    "submitservicejob": _submit_service_job,
    "describeservicejob": _describe_service_job,
    "terminateservicejob": _terminate(_SERVICE_JOB),
}


def _operation(name: str) -> Callable[[Any], str]:
    def respond(self: Any) -> str:
        body = self.body.decode() if isinstance(self.body, bytes) else self.body
        return json.dumps(OPERATIONS[name](self.batch_backend, json.loads(body or "{}")))

    return respond


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for name in OPERATIONS:
        setattr(BatchResponse, name, _operation(name))
        if not any(path.rstrip("$").endswith(f"/{name}") for path in urls.url_paths):
            urls.url_paths[f"{{0}}/v1/{name}$"] = BatchResponse.dispatch
    shares = "{0}/v1/tags/(?P<arn_part_1>[^/]+)/(?P<arn_part_2>[^/]+)/(?P<arn_part_3>.+)$"
    urls.url_paths.setdefault(shares, BatchResponse.dispatch)
