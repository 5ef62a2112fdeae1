"""Containers on Fargate, databases and load balancers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import Rule, at_most_one, known, matches

_TASK = "aws:ecs/taskDefinition:TaskDefinition"
_SERVICE = "aws:ecs/service:Service"
_INSTANCE = "aws:rds/instance:Instance"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_TARGETS = "aws:lb/targetGroup:TargetGroup"
_LISTENER = "aws:lb/listener:Listener"

_CREATE_SERVICE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
_REGISTER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"
_SIZES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"
_CREATE_INSTANCE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
_DELETE_INSTANCE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html"
_CREATE_BALANCER = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
_CREATE_TARGETS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"
_CREATE_LISTENER = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html"

_FARGATE: Final[Mapping[int, Sequence[int]]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}


def _on_fargate(task: Mapping[str, Any]) -> bool:
    wanted = known(task, "requiresCompatibilities")
    return isinstance(wanted, list) and "FARGATE" in wanted


def _sizes(task: Mapping[str, Any]) -> str | None:
    if not _on_fargate(task):
        return None
    given = [known(task, name) for name in ("cpu", "memory")]
    if any(name not in task for name in ("cpu", "memory")):
        return "Fargate needs cpu and memory of the task"
    if None in given or not all(str(each).isdigit() for each in given):
        return None
    cpu, memory = (int(str(each)) for each in given)
    fits = memory in _FARGATE.get(cpu, ())
    return None if fits else f"Fargate has no task of {cpu} CPU units and {memory} MiB"


def _own_network(task: Mapping[str, Any]) -> str | None:
    mode = known(task, "networkMode")
    if not _on_fargate(task) or mode == "awsvpc" or ("networkMode" in task and mode is None):
        return None
    return "Fargate takes the network mode awsvpc alone"


def _containers(text: str) -> str | None:
    try:
        listed = json.loads(text)
    except ValueError:
        return "is no JSON"
    if not isinstance(listed, list) or not listed:
        return "holds no container"
    names = [each.get("name") for each in listed if isinstance(each, Mapping)]
    if len(set(names)) < len(listed) or None in names:
        return "each container needs a name of its own"
    if not any(each.get("essential", True) for each in listed):
        return "one container at least is essential"
    for each in listed:
        for other in each.get("dependsOn") or ():
            if other.get("containerName") not in names:
                return f"{each['name']} waits for {other.get('containerName')}, which is no container of the task"
            awaited = listed[names.index(other["containerName"])]
            if other.get("condition") == "HEALTHY" and not awaited.get("healthCheck"):
                return f"{each['name']} waits for the health of {awaited['name']}, which has no health check"
            if other.get("condition") in ("COMPLETE", "SUCCESS") and awaited.get("essential", True):
                return f"{each['name']} waits for the end of {awaited['name']}, which is essential"
    return None


def _needs_a_network(service: Mapping[str, Any]) -> str | None:
    fargate = known(service, "launchType") == "FARGATE"
    return "Fargate needs networkConfiguration" if fargate and "networkConfiguration" not in service else None


def _master(instance: Mapping[str, Any]) -> str | None:
    own = known(instance, "manageMasterUserPassword") is True
    given = [name for name in ("password", "passwordWo") if name in instance]
    copied = [name for name in ("replicateSourceDb", "snapshotIdentifier", "restoreToPointInTime") if name in instance]
    if own and given:
        return f"manageMasterUserPassword and {given[0]} exclude one another"
    unsure = "manageMasterUserPassword" in instance and known(instance, "manageMasterUserPassword") is None
    if not own and not given and not copied and not unsure:
        return "a new instance needs manageMasterUserPassword, or a password"
    return None


def _last_copy(instance: Mapping[str, Any]) -> str | None:
    skips = known(instance, "skipFinalSnapshot") is True or (
        "skipFinalSnapshot" in instance and known(instance, "skipFinalSnapshot") is None
    )
    if skips or "finalSnapshotIdentifier" in instance:
        return None
    return "give finalSnapshotIdentifier, or skipFinalSnapshot; without either it can't be deleted"


def _encrypted(instance: Mapping[str, Any]) -> str | None:
    plain = known(instance, "storageEncrypted") is False or "storageEncrypted" not in instance
    return "kmsKeyId needs storageEncrypted" if "kmsKeyId" in instance and plain else None


def _certified(listener: Mapping[str, Any]) -> str | None:
    secure = known(listener, "protocol") in ("HTTPS", "TLS")
    if secure and "certificateArn" not in listener:
        return "HTTPS needs certificateArn"
    plain = known(listener, "protocol") in ("HTTP", "TCP")
    return "HTTP takes no certificateArn" if plain and "certificateArn" in listener else None


def _checked_in_time(check: Mapping[str, Any]) -> str | None:
    timeout, interval = known(check, "timeout"), known(check, "interval")
    if timeout is None or interval is None or int(timeout) < int(interval):
        return None
    return "timeout must be less than interval"


_NAMES = matches(
    r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?",
    "32 letters, digits and inner hyphens at most, not beginning with internal-",
)
RULES: Sequence[Rule] = (
    Rule(_TASK, "", _sizes, _SIZES),
    Rule(_TASK, "", _own_network, _REGISTER),
    Rule(_TASK, "family", matches(r"[A-Za-z0-9_-]{1,255}", "255 letters, digits, _ and - at most"), _REGISTER),
    Rule(_TASK, "containerDefinitions", _containers, _REGISTER),
    Rule(_SERVICE, "", _needs_a_network, _CREATE_SERVICE),
    Rule(_SERVICE, "name", matches(r"[A-Za-z0-9_-]{1,255}", "255 letters, digits, _ and - at most"), _CREATE_SERVICE),
    Rule(
        _INSTANCE,
        "identifier",
        matches(r"(?!.*--)[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "63 small letters, digits and single inner hyphens"),
        _CREATE_INSTANCE,
    ),
    Rule(_INSTANCE, "dbName", matches(r"[A-Za-z_][A-Za-z0-9_]{0,62}", "63 letters, digits and _"), _CREATE_INSTANCE),
    Rule(_INSTANCE, "", _master, _CREATE_INSTANCE),
    Rule(_INSTANCE, "", _last_copy, _DELETE_INSTANCE),
    Rule(_INSTANCE, "", _encrypted, _CREATE_INSTANCE),
    Rule(_BALANCER, "name", _NAMES, _CREATE_BALANCER),
    Rule(_BALANCER, "", at_most_one("subnets", "subnetMappings"), _CREATE_BALANCER),
    Rule(_TARGETS, "name", _NAMES, _CREATE_TARGETS),
    Rule(_TARGETS, "healthCheck", _checked_in_time, _CREATE_TARGETS),
    Rule(_LISTENER, "", _certified, _CREATE_LISTENER),
)
