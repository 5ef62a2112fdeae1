"""Rules on GPUs and other dear machines: how long they stand, how many a team may use, and where they are sold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.grants import GRANTING, values_of
from modelyard.assess.policy.jobs import WRITING, Job, Kind, each_job
from modelyard.assess.policy.machines import accelerated, known
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.rules.training import RUNS, may_train
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    APP,
    BATCH_ENVIRONMENT,
    BATCH_LIMITS,
    DOMAIN,
    ENDPOINT_CONFIGURATION,
    INSTANCE,
    NOTEBOOK,
    ROLE_POLICY,
    SERVICE_QUOTA,
    TRAINING_JOB,
    USER_PROFILE,
)

ENDS: Final = frozenset({"delete-after", "end", "expires", "expires-at", "expires-on", "expiry", "ttl"})
"""Tags that say until when something stands."""

_TYPE_AT: Final = {APP: "resourceSpec.instanceType", INSTANCE: "instanceType", NOTEBOOK: "instanceType"}
_IDE_SETTINGS: Final = ("codeEditorAppSettings", "jupyterLabAppSettings")
_IDLE: Final = "appLifecycleManagement.idleSettings.lifecycleManagement"
_USERS: Final = {DOMAIN: ("DISABLED", "defaultUserSettings"), USER_PROFILE: ("ENABLED", "userSettings")}
"""What it means that nothing is said, and where it is said; a profile that says nothing does as its domain."""


def _types(subject: Subject) -> list[str]:
    """The instance types that a resource keeps, or may start."""
    if subject.node.type == BATCH_ENVIRONMENT:
        return list(subject.get("computeResources.instanceTypes", []))
    return [subject.get(_TYPE_AT[subject.node.type], "")]


def _keeps_dear_machines(subject: Subject) -> bool:
    if not any(map(accelerated, _types(subject))):
        return False
    return subject.node.type != BATCH_ENVIRONMENT or bool(subject.get("computeResources.minVcpus", 0))


def _has_an_end(subject: Subject) -> Iterator[Violation]:
    if _keeps_dear_machines(subject) and not ENDS & {key.lower() for key in subject.tags}:
        yield Violation("keeps dear machines, and no tag says until when", "tags")


def _stops_when_idle(subject: Subject) -> Iterator[Violation]:
    kind = subject.node.type
    if kind in _USERS:
        default, begins = _USERS[kind]
        for settings in _IDE_SETTINGS:
            path = f"{begins}.{settings}.{_IDLE}"
            if subject.get(path, default) != "ENABLED":
                yield Violation("lets apps stand idle: whoever started one pays until somebody stops it", path)
    elif kind == NOTEBOOK:
        if any(map(accelerated, _types(subject))) and not subject.says("lifecycleConfigName"):
            yield Violation("stands, idle or not: no lifecycle configuration stops it", "lifecycleConfigName")
    elif _keeps_dear_machines(subject):
        yield Violation("keeps dear machines though no job waits", "computeResources.minVcpus")


def _limited(subject: Subject) -> Iterator[Violation]:
    kind = subject.node.kind
    if kind == BATCH_LIMITS:
        if not subject.says("CapacityLimits"):
            yield Violation("is a queue without a limit", "CapacityLimits")
    elif kind == BATCH_ENVIRONMENT:
        if any(map(accelerated, _types(subject))) and not subject.says("computeResources.maxVcpus"):
            yield Violation("starts as many dear machines as jobs ask for", "computeResources.maxVcpus")
    elif not subject.stack.once(_account_is_limited):
        for document, statement, _ in may_train(subject):
            types = values_of(statement, "sagemaker:InstanceTypes")
            if not types or any(map(accelerated, types)):
                yield Violation("lets jobs use dear machines, as many at a time as the account has", document.path)
                return


def _account_is_limited(stack: Stack) -> bool:
    quotas = stack.subjects(SERVICE_QUOTA)
    return any(quota.get("serviceCode") == "sagemaker" for quota in quotas)


def _sold(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == ENDPOINT_CONFIGURATION:
        for group in ("productionVariants", "shadowProductionVariants"):
            for index in range(len(subject.get(group, []))):
                path = f"{group}[{index}].instanceType"
                yield from _sold_in(subject, subject.get(path, ""), path, "hosting")
    elif subject.node.type == NOTEBOOK:
        yield from _sold_in(subject, subject.get("instanceType", ""), "instanceType", "")
    else:
        yield from each_job(subject, RUNS, lambda job: _job_sold(subject, job))


def _job_sold(subject: Subject, job: Job) -> Iterator[Violation]:
    use = "processing" if job.kind is Kind.PROCESSING else "training"
    for each in job.machines():
        yield from _sold_in(subject, each.type, each.path, use)


def _sold_in(subject: Subject, name: str, path: str, use: str) -> Iterator[Violation]:
    """What is known against a type. A type that the catalogue doesn't know, or not where it is sold, isn't decided."""
    if not name:
        return
    region, found = subject.around.region, known(name)
    if found is None or not region or (use and not found.regions):
        raise Undecided(path)
    taken: Mapping[str, bool] = {
        "hosting": found.hosts,
        "processing": found.processes,
        "training": found.trains,
        "": True,
    }
    if not taken[use]:
        yield Violation(f"asks for {name}, which SageMaker doesn't take for {use}", path)
    elif not found.offered_in(region):
        yield Violation(f"asks for {name}, which isn't sold in {region}", path)


def _training_on(instance_type: str) -> Part:
    config = {"instanceType": instance_type, "instanceCount": 1, "volumeSizeInGb": 50}
    return part(TRAINING_JOB, "train", trainingJobName="train", resourceConfig=config)


def _may_train_on(instance_type: str) -> Part:
    allow = {
        "Effect": "Allow",
        "Action": "sagemaker:CreateTrainingJob",
        "Resource": "*",
        "Condition": {"StringEquals": {"sagemaker:InstanceTypes": instance_type}},
    }
    return part(ROLE_POLICY, "may-train", role="r", policy=json.dumps({"Statement": [allow]}))


_STOPS: Final[dict[str, Any]] = {
    "appLifecycleManagement": {"idleSettings": {"lifecycleManagement": "ENABLED", "idleTimeoutInMinutes": 60}}
}

RULES: Final = (
    Rule(
        "gpu-ttl-tag",
        Severity.HIGH,
        Domain.TRAINING,
        "Machines with GPUs say until when they stand",
        "An instance with GPUs costs thousands a month, and whoever started it for an experiment has left.",
        "Add a tag such as ttl or expires that says when it may be removed.",
        (APP, BATCH_ENVIRONMENT, INSTANCE, NOTEBOOK),
        _has_an_end,
        bad=(part(INSTANCE, instanceType="g5.xlarge", tags={"team": "fraud"}),),
        good=(part(INSTANCE, instanceType="g5.xlarge", tags={"ttl": "2027-01-01"}),),
    ),
    Rule(
        "gpu-idle-shutdown",
        Severity.HIGH,
        Domain.TRAINING,
        "Machines with GPUs stop when nobody uses them",
        "Most hours of a notebook are nights and weekends.",
        "Enable the idle shutdown of a domain's apps, give notebooks a lifecycle configuration that stops them, "
        "and let a compute environment go down to no vCPU.",
        (BATCH_ENVIRONMENT, DOMAIN, NOTEBOOK, USER_PROFILE),
        _stops_when_idle,
        bad=(part(DOMAIN, "studio", domainName="d"), part(NOTEBOOK, "lab", instanceType="ml.g5.xlarge")),
        good=(
            part(DOMAIN, "studio", defaultUserSettings=dict.fromkeys(_IDE_SETTINGS, _STOPS)),
            part(NOTEBOOK, "lab", instanceType="ml.g5.xlarge", lifecycleConfigName="stops-when-idle"),
        ),
    ),
    Rule(
        "gpu-quota-per-team",
        Severity.MEDIUM,
        Domain.TRAINING,
        "GPUs at a time have a limit",
        "IAM has no key for how many jobs run at a time: one loop over a hundred values takes the account's GPUs "
        "from every team, and spends a month's budget in a night.",
        "Start jobs through a queue with capacity limits, or set SageMaker's service quotas in an account per team.",
        (BATCH_ENVIRONMENT, BATCH_LIMITS, *GRANTING),
        _limited,
        bad=(_may_train_on("ml.g5.xlarge"),),
        good=(
            _may_train_on("ml.m5.xlarge"),
            part(
                BATCH_ENVIRONMENT,
                "queue",
                computeResources={"instanceTypes": ["g5.xlarge"], "type": "EC2", "maxVcpus": 16},
            ),
        ),
    ),
    Rule(
        "instance-available-in-region",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Instance types are sold where they are asked for",
        "A pipeline that asks for a type that the region doesn't sell fails at its last step, hours later.",
        "Choose a type that the region sells, or another region.",
        (*WRITING, ENDPOINT_CONFIGURATION, NOTEBOOK),
        _sold,
        bad=(_training_on("ml.p4de.24xlarge"),),
        good=(_training_on("ml.m5.xlarge"),),
    ),
)
