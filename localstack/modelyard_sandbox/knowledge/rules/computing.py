"""AWS Batch, FSx for Lustre, launch templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, between, choice, known, matches

_ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
_QUEUE = "aws:batch/jobQueue:JobQueue"
_POLICY = "aws:batch/schedulingPolicy:SchedulingPolicy"
_DEFINITION = "aws:batch/jobDefinition:JobDefinition"
_LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

_API = "https://docs.aws.amazon.com/batch/latest/APIReference/API_"
_CREATE_ENVIRONMENT = f"{_API}CreateComputeEnvironment.html"
_RESOURCES = f"{_API}ComputeResource.html"
_CREATE_QUEUE = f"{_API}CreateJobQueue.html"
_TIME_LIMITS = f"{_API}JobStateTimeLimitAction.html"
_SHARES = f"{_API}ShareAttributes.html"
_REGISTER = f"{_API}RegisterJobDefinition.html"
_RETRIES = f"{_API}EvaluateOnExit.html"
_ATTEMPTS = f"{_API}RetryStrategy.html"
_TIMEOUT = f"{_API}JobTimeout.html"
_CREATE_LUSTRE = "https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html"
_LUSTRE_SETTINGS = "https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystemLustreConfiguration.html"
_INTERFACES = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html"

_NAMES = matches(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", "names take 128 letters, digits, - and _")


def _managed(environment: Mapping[str, Any]) -> str | None:
    needs = known(environment, "type") == "MANAGED" and "computeResources" not in environment
    return "a managed environment needs computeResources" if needs else None


def _amount(resources: Mapping[str, Any]) -> str | None:
    least, most = known(resources, "minVcpus"), known(resources, "maxVcpus")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        return f"minVcpus {least} is more than maxVcpus {most}"
    return None


def _spot(resources: Mapping[str, Any]) -> str | None:
    if known(resources, "type") != "SPOT" or "spotIamFleetRole" in resources:
        return None
    strategy = known(resources, "allocationStrategy") if "allocationStrategy" in resources else "BEST_FIT"
    return "BEST_FIT on spot needs spotIamFleetRole" if strategy == "BEST_FIT" else None


def _instances(resources: Mapping[str, Any]) -> str | None:
    on_ec2 = known(resources, "type") in ("EC2", "SPOT")
    return "EC2 instances need instanceRole" if on_ec2 and "instanceRole" not in resources else None


def _content(definition: Mapping[str, Any]) -> str | None:
    kind = known(definition, "type")
    wanted = {"container": ("containerProperties", "ecsProperties", "eksProperties"), "multinode": ("nodeProperties",)}
    if kind in wanted and not any(name in definition for name in wanted[kind]):
        return f"a definition of type {kind} needs {' or '.join(wanted[kind])}"
    return None


def _capacity(system: Mapping[str, Any]) -> str | None:
    size, kind = known(system, "storageCapacity"), known(system, "deploymentType")
    if not isinstance(size, int) or kind not in ("SCRATCH_2", "PERSISTENT_2") or known(system, "storageType") == "HDD":
        return None
    return None if size == 1200 or size and size % 2400 == 0 else f"{size} GiB: use 1200 or a multiple of 2400"


def _throughput(system: Mapping[str, Any]) -> str | None:
    kind, given = known(system, "deploymentType"), "perUnitStorageThroughput" in system
    if kind == "PERSISTENT_2" and not given and "throughputCapacity" not in system:
        return "PERSISTENT_2 needs perUnitStorageThroughput"
    return f"{kind} takes no perUnitStorageThroughput" if kind in ("SCRATCH_1", "SCRATCH_2") and given else None


def _own_key(system: Mapping[str, Any]) -> str | None:
    scratch = known(system, "deploymentType") in ("SCRATCH_1", "SCRATCH_2")
    return "a scratch file system takes no key of yours" if scratch and "kmsKeyId" in system else None


def _one_place_for_groups(template: Mapping[str, Any]) -> str | None:
    interfaces = known(template, "networkInterfaces")
    if not isinstance(interfaces, list) or not interfaces:
        return None
    if template.get("vpcSecurityGroupIds"):
        return "network interfaces and vpcSecurityGroupIds exclude one another"
    public = any(isinstance(one, Mapping) and "associatePublicIpAddress" in one for one in interfaces)
    return "associatePublicIpAddress goes with a single interface" if public and len(interfaces) > 1 else None


RULES: Sequence[Rule] = (
    Rule(_ENVIRONMENT, "name", _NAMES, _CREATE_ENVIRONMENT),
    Rule(_ENVIRONMENT, "", _managed, _CREATE_ENVIRONMENT),
    Rule(_ENVIRONMENT, "computeResources", _amount, _RESOURCES),
    Rule(_ENVIRONMENT, "computeResources", _spot, _RESOURCES),
    Rule(_ENVIRONMENT, "computeResources", _instances, _RESOURCES),
    Rule(_QUEUE, "name", _NAMES, _CREATE_QUEUE),
    Rule(_QUEUE, "priority", between(0, 1000), _CREATE_QUEUE),
    Rule(_QUEUE, "jobStateTimeLimitActions[].maxTimeSeconds", between(600, 86_400), _TIME_LIMITS),
    Rule(_POLICY, "name", _NAMES, f"{_API}CreateSchedulingPolicy.html"),
    Rule(
        _POLICY,
        "fairSharePolicy.shareDistributions[].shareIdentifier",
        matches(r"[A-Za-z0-9]{1,255}\*?", "share identifiers take letters and digits"),
        _SHARES,
    ),
    Rule(_DEFINITION, "name", _NAMES, _REGISTER),
    Rule(_DEFINITION, "", _content, _REGISTER),
    Rule(_DEFINITION, "retryStrategy.attempts", between(1, 10), _ATTEMPTS),
    Rule(
        _DEFINITION,
        "retryStrategy.evaluateOnExits[].action",
        choice("EXIT", "RETRY", "exit", "retry"),
        _RETRIES,
    ),
    Rule(_DEFINITION, "timeout.attemptDurationSeconds", between(60, 2**31 - 1), _TIMEOUT),
    Rule(_LUSTRE, "", _capacity, _CREATE_LUSTRE),
    Rule(_LUSTRE, "", _throughput, _LUSTRE_SETTINGS),
    Rule(_LUSTRE, "", _own_key, _CREATE_LUSTRE),
    Rule(_TEMPLATE, "", _one_place_for_groups, _INTERFACES),
)
