"""ElastiCache: serverless caches, users and user groups. Source: the ElastiCache API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS = Tags(
    "list_tags_for_resource",
    "add_tags_to_resource",
    "remove_tags_from_resource",
    {"ResourceName": "arn"},
    at="TagList",
    sent_at="Tags",
    on_create="Tags",
)


def _authentication(live: Live) -> dict[str, Any]:
    """The service says `no-password` of what is asked for as `no-password-required`, and never a password."""
    found = live.call("describe_users", UserId=live.id)["Users"][0]["Authentication"]
    kind = {"no-password": "no-password-required"}.get(found["Type"], found["Type"])
    return {"authenticationMode": {**(live.get("authenticationMode") or {}), "type": kind}}


USER = Type(
    "aws:elasticache/user:User",
    "elasticache",
    fields=fields("accessString", "engine", "userId", "userName", arn="ARN"),
    id="userId",
    computed=("arn",),
    create=Call("create_user", {"AuthenticationMode": "authenticationMode"}),
    read=(
        Call("describe_users", {"UserId": "id"}, take="Users.0", fill=False),
        _authentication,
    ),
    update=Call("modify_user", {"UserId": "id", "AccessString": "accessString"}, fill=False, on=("accessString",)),
    delete=Call("delete_user", {"UserId": "id"}, fill=False),
    hidden=("passwords",),
    tags=_TAGS,
)


def _regroup(live: Live) -> None:
    wanted, known = set(live.inputs.get("userIds") or ()), set(live.state.get("userIds") or ())
    sent = {"UserIdsToAdd": sorted(wanted - known), "UserIdsToRemove": sorted(known - wanted)}
    live.call("modify_user_group", UserGroupId=live.id, **{key: ids for key, ids in sent.items() if ids})


GROUP = Type(
    "aws:elasticache/userGroup:UserGroup",
    "elasticache",
    fields=fields("engine", "userGroupId", "userIds", arn="ARN"),
    id="userGroupId",
    computed=("arn",),
    create=Call("create_user_group"),
    read=Call("describe_user_groups", {"UserGroupId": "id"}, take="UserGroups.0", fill=False),
    update=Step(_regroup, on=("userIds",)),
    delete=Call("delete_user_group", {"UserGroupId": "id"}, fill=False),
    sets=("userIds",),
    tags=_TAGS,
)

_OF_CACHE = ("cacheUsageLimits", "dailySnapshotTime", "description", "securityGroupIds", "snapshotRetentionLimit")


def _limits(live: Live) -> dict[str, Any] | None:
    """The provider keeps the units of processing as a list of one."""
    wanted = live.inputs.get("cacheUsageLimits")
    if not wanted:
        return None
    sent: dict[str, Any] = {}
    if wanted.get("dataStorage"):
        sent["DataStorage"] = {key.capitalize(): value for key, value in wanted["dataStorage"].items()}
    for units in wanted.get("ecpuPerSeconds") or ():
        sent["ECPUPerSecond"] = {key.capitalize(): int(value) for key, value in units.items()}
    return sent


def _read_cache(live: Live) -> dict[str, Any]:
    found = live.call("describe_serverless_caches", ServerlessCacheName=live.id)["ServerlessCaches"][0]
    limits = found.get("CacheUsageLimits") or {}
    shown: dict[str, Any] = {}
    if limits.get("DataStorage"):
        shown["dataStorage"] = {key.lower(): value for key, value in limits["DataStorage"].items()}
    if limits.get("ECPUPerSecond"):
        shown["ecpuPerSeconds"] = [{key.lower(): value for key, value in limits["ECPUPerSecond"].items()}]
    return {
        "arn": found["ARN"],
        "name": found["ServerlessCacheName"],
        "engine": found["Engine"],
        "majorEngineVersion": found["MajorEngineVersion"],
        "fullEngineVersion": found["FullEngineVersion"],
        "description": found.get("Description") or " ",
        "createTime": convert.from_aws(found["CreateTime"], None),
        "status": found["Status"],
        "kmsKeyId": found.get("KmsKeyId"),
        "networkType": found.get("NetworkType"),
        "securityGroupIds": found.get("SecurityGroupIds"),
        "subnetIds": found.get("SubnetIds"),
        "userGroupId": found.get("UserGroupId"),
        "snapshotRetentionLimit": found.get("SnapshotRetentionLimit", 0),
        "dailySnapshotTime": found.get("DailySnapshotTime"),
        "cacheUsageLimits": shown or None,
        "endpoints": [{"address": found["Endpoint"]["Address"], "port": found["Endpoint"]["Port"]}],
        "readerEndpoints": [{"address": found["ReaderEndpoint"]["Address"], "port": found["ReaderEndpoint"]["Port"]}],
    }


_CHANGED = {"ServerlessCacheName": "id", "CacheUsageLimits": _limits}
CACHE = Type(
    "aws:elasticache/serverlessCache:ServerlessCache",
    "elasticache",
    fields=fields("dailySnapshotTime", "description", "engine", "kmsKeyId", "majorEngineVersion", "networkType")
    | fields("securityGroupIds", "snapshotRetentionLimit", "subnetIds", "userGroupId")
    | {"name": "ServerlessCacheName", "snapshotArnsToRestores": "SnapshotArnsToRestore"},
    id="name",
    name=Name("name", limit=40, lower=True),
    computed=("arn", "createTime", "endpoints", "fullEngineVersion", "readerEndpoints", "status"),
    create=Call("create_serverless_cache", {"CacheUsageLimits": _limits}),
    read=_read_cache,
    update=Call("modify_serverless_cache", _CHANGED, on=(*_OF_CACHE, "userGroupId")),
    delete=Call("delete_serverless_cache", {"ServerlessCacheName": "id"}, fill=False),
    sets=("securityGroupIds", "subnetIds"),
    tags=_TAGS,
)

TYPES = (USER, GROUP, CACHE)
