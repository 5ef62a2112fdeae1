"""ECS: clusters, task definitions and services on Fargate. Source: the ECS API reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS = Tags(
    "list_tags_for_resource",
    "tag_resource",
    "untag_resource",
    {"resourceArn": "arn"},
    at="tags",
    keys="tagKeys",
    names=("key", "value"),
    on_create="tags",
)


def _cluster(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_clusters", clusters=[live.id], include=["SETTINGS", "CONFIGURATIONS"])["clusters"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    shown = {"arn": found[0]["clusterArn"], "name": found[0]["clusterName"], "settings": found[0].get("settings")}
    if found[0].get("configuration"):
        shown["configuration"] = convert.from_aws(found[0]["configuration"], None)
    return shown


CLUSTER = Type(
    "aws:ecs/cluster:Cluster",
    "ecs",
    fields={"name": "clusterName", "settings": "settings", "configuration": "configuration"},
    id=lambda live: live.answer["clusterArn"],
    name=Name("name", limit=255),
    computed=("arn",),
    create=Call("create_cluster", take="cluster"),
    read=_cluster,
    update=Call("update_cluster", {"cluster": "id"}, on=("settings", "configuration")),
    delete=Call("delete_cluster", {"cluster": "id"}, fill=False),
    kept=("settings",),
    tags=_TAGS,
)

_DEFAULTS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"), []),
    "cpu": 0,
    "essential": True,
}
"""What ECS adds to a container that doesn't speak of it, which the real provider takes for no change."""


def _plain(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in container.items() if _DEFAULTS.get(key, value is None) != value}
    for several in ("environment", "secrets"):
        if kept.get(several):
            kept[several] = sorted(kept[several], key=lambda pair: pair["name"])
    return kept


def _task(live: Live) -> dict[str, Any] | None:
    asked = live.state.get("arn") or live.id
    found = live.call("describe_task_definition", taskDefinition=asked)["taskDefinition"]
    if found["status"] != "ACTIVE":
        return None
    wanted = live.get("containerDefinitions")
    same = wanted and [_plain(each) for each in json.loads(wanted)] == [
        _plain(each) for each in found["containerDefinitions"]
    ]
    arn: str = found["taskDefinitionArn"]
    shown: dict[str, Any] = {
        "arn": arn,
        "arnWithoutRevision": arn.rpartition(":")[0],
        "family": found["family"],
        "revision": found["revision"],
        "containerDefinitions": wanted
        if same
        else json.dumps([_plain(each) for each in found["containerDefinitions"]]),
        "volumes": [{"name": volume["name"]} for volume in found.get("volumes") or []] or None,
    }
    for prop in ("cpu", "executionRoleArn", "memory", "networkMode", "requiresCompatibilities", "taskRoleArn"):
        shown[prop] = found.get(prop)
    for prop in ("ephemeralStorage", "runtimePlatform"):
        shown[prop] = convert.from_aws(found.get(prop), None)
    return shown


def _leave(live: Live) -> None:
    if not live.state.get("skipDestroy"):
        live.call("deregister_task_definition", taskDefinition=live.state["arn"])


TASK = Type(
    "aws:ecs/taskDefinition:TaskDefinition",
    "ecs",
    fields={
        name: name
        for name in ("cpu", "ephemeralStorage", "executionRoleArn", "family", "ipcMode", "memory", "networkMode")
    }
    | {name: name for name in ("pidMode", "requiresCompatibilities", "runtimePlatform", "taskRoleArn", "volumes")},
    id=lambda live: live.get("family"),
    from_id=lambda id: {"family": id.rpartition("/")[2].partition(":")[0]},
    defaults={"skipDestroy": False, "trackLatest": False, "enableFaultInjection": False},
    computed=("arn", "arnWithoutRevision", "revision"),
    create=Call(
        "register_task_definition",
        {"containerDefinitions": lambda live: json.loads(live.get("containerDefinitions"))},
        take="taskDefinition",
    ),
    read=_task,
    delete=_leave,
    inert=("skipDestroy", "trackLatest"),
    json=("containerDefinitions",),
    tags=_TAGS,
)

_OF_SERVICE: Final = (
    "deploymentCircuitBreaker",
    "deploymentMaximumPercent",
    "deploymentMinimumHealthyPercent",
    "desiredCount",
    "enableEcsManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
    "taskDefinition",
)


def _given(live: Live) -> dict[str, Any]:
    """What both creation and update say."""
    rollout: dict[str, Any] = {}
    if live.get("deploymentCircuitBreaker"):
        rollout["deploymentCircuitBreaker"] = dict(live.get("deploymentCircuitBreaker"))
    for prop, member in (
        ("deploymentMaximumPercent", "maximumPercent"),
        ("deploymentMinimumHealthyPercent", "minimumHealthyPercent"),
    ):
        if live.get(prop) is not None:
            rollout[member] = int(live.get(prop))
    network = live.get("networkConfiguration")
    place = network and {
        "awsvpcConfiguration": {
            "subnets": network["subnets"],
            "securityGroups": network.get("securityGroups") or [],
            "assignPublicIp": "ENABLED" if network.get("assignPublicIp") else "DISABLED",
        }
    }
    sent: dict[str, Any] = {
        "deploymentConfiguration": rollout or None,
        "enableECSManagedTags": live.get("enableEcsManagedTags"),
        "enableExecuteCommand": live.get("enableExecuteCommand"),
        "networkConfiguration": place,
        "propagateTags": live.get("propagateTags"),
        "platformVersion": live.get("platformVersion"),
        "taskDefinition": live.get("taskDefinition"),
    }
    for prop in ("desiredCount", "healthCheckGracePeriodSeconds"):
        sent[prop] = None if live.get(prop) is None else int(live.get(prop))
    if live.get("loadBalancers") is not None:
        sent["loadBalancers"] = [
            {**each, "containerPort": int(each["containerPort"])} for each in live.get("loadBalancers")
        ]
    return sent


def _create(live: Live) -> dict[str, Any]:
    tags = [{"key": key, "value": value} for key, value in live.tags.items()]
    return live.call(
        "create_service",
        serviceName=live.get("name"),
        cluster=live.get("cluster"),
        launchType=live.get("launchType"),
        schedulingStrategy=live.get("schedulingStrategy"),
        tags=tags or None,
        **_given(live),
    )["service"]


def _service(live: Live) -> dict[str, Any] | None:
    cluster = live.get("cluster") or live.id.split("/")[-2]
    found = live.call("describe_services", cluster=cluster, services=[live.id])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        return None
    service = found[0]
    rollout = service.get("deploymentConfiguration") or {}
    place = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    shown: dict[str, Any] = {
        "arn": service["serviceArn"],
        "cluster": service["clusterArn"],
        "name": service["serviceName"],
        "deploymentCircuitBreaker": convert.from_aws(rollout.get("deploymentCircuitBreaker"), None),
        "deploymentMaximumPercent": rollout.get("maximumPercent", 200),
        "deploymentMinimumHealthyPercent": rollout.get("minimumHealthyPercent", 100),
        "enableEcsManagedTags": service.get("enableECSManagedTags", False),
        "enableExecuteCommand": service.get("enableExecuteCommand", False),
        "loadBalancers": [
            {key: each[key] for key in ("containerName", "containerPort", "targetGroupArn") if key in each}
            for each in service.get("loadBalancers") or []
        ],
        "networkConfiguration": place
        and {
            "subnets": sorted(place["subnets"]),
            "securityGroups": sorted(place.get("securityGroups") or []),
            "assignPublicIp": place.get("assignPublicIp") == "ENABLED",
        },
    }
    for prop in ("desiredCount", "launchType", "platformVersion", "propagateTags", "schedulingStrategy"):
        shown[prop] = service.get(prop)
    shown["healthCheckGracePeriodSeconds"] = service.get("healthCheckGracePeriodSeconds") or None
    shown["taskDefinition"] = service["taskDefinition"]
    return _in_the_wanted_order(live, shown)


def _in_the_wanted_order(live: Live, shown: dict[str, Any]) -> dict[str, Any]:
    """Subnets and groups are sets: where they hold the same, they are shown as they were written."""
    wanted = live.get("networkConfiguration") or {}
    for key in ("subnets", "securityGroups"):
        if shown["networkConfiguration"] and sorted(wanted.get(key) or []) == shown["networkConfiguration"][key]:
            shown["networkConfiguration"][key] = wanted.get(key) or []
    return shown


def _update(live: Live) -> None:
    live.call("update_service", service=live.id, cluster=live.get("cluster"), **_given(live))


def _stop(live: Live) -> None:
    """The provider takes the tasks away before it deletes the service."""
    live.call("update_service", service=live.id, cluster=live.get("cluster"), desiredCount=0)
    live.call("delete_service", service=live.id, cluster=live.get("cluster"))


SERVICE = Type(
    "aws:ecs/service:Service",
    "ecs",
    id=Answer("serviceArn"),
    from_id=lambda id: {"cluster": id.split("/")[-2]},
    name=Name("name", limit=255),
    defaults={"enableEcsManagedTags": False, "enableExecuteCommand": False, "schedulingStrategy": "REPLICA"}
    | {"deploymentMaximumPercent": 200, "deploymentMinimumHealthyPercent": 100, "waitForSteadyState": False},
    computed=("arn",),
    create=_create,
    read=_service,
    update=Step(_update, on=_OF_SERVICE),
    delete=_stop,
    inert=("forceDelete", "forceNewDeployment", "sigintRollback", "triggers", "waitForSteadyState"),
    kept=("desiredCount", "propagateTags", "platformVersion"),
    tags=_TAGS,
)

TYPES = (CLUSTER, TASK, SERVICE)
