"""ElastiCache: serverless caches, user groups, and users that change and go at once."""

from __future__ import annotations

from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse
from moto.utilities.utils import get_partition

_PORT: Final = 6379
_VERSIONS: Final = {"valkey": {"8": "8.1", "7": "7.2"}, "redis": {"7": "7.1"}, "memcached": {"1.6": "1.6.22"}}


class _Refused(ServiceException):
    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def kept(backend: ElastiCacheBackend, kind: str) -> dict[str, dict[str, Any]]:
    """The things of one kind, `groups` or `caches`, by name."""
    if not hasattr(backend, kind):
        setattr(backend, kind, {})
    return getattr(backend, kind)


def _arn(backend: ElastiCacheBackend, kind: str, name: str) -> str:
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{get_partition(backend.region_name)}:elasticache:{place}:{kind}:{name}"


def _group(backend: ElastiCacheBackend, name: str) -> dict[str, Any]:
    if name not in kept(backend, "groups"):
        raise _Refused("UserGroupNotFound", f"UserGroup {name} not found.")
    return kept(backend, "groups")[name]


def _cache(backend: ElastiCacheBackend, name: str) -> dict[str, Any]:
    if name not in kept(backend, "caches"):
        raise _Refused("ServerlessCacheNotFoundFault", f"ServerlessCache {name} not found.")
    return kept(backend, "caches")[name]


def _members(backend: ElastiCacheBackend, engine: str, users: list[str]) -> None:
    for user in users:
        if user not in backend.users:
            raise _Refused("UserNotFound", f"User {user} not found.")
    if engine == "redis" and not any(backend.users[user].name == "default" for user in users):
        raise _Refused("DefaultUserRequired", "Default user required in a user group of Redis OSS.")


def create_user_group(self: Any) -> ActionResult:
    """CreateUserGroup; its users must exist."""
    asked, backend = self._get_params(), self.elasticache_backend
    name, engine, users = asked["UserGroupId"], asked["Engine"], asked.get("UserIds") or []
    if name in kept(backend, "groups"):
        raise _Refused("UserGroupAlreadyExists", f"UserGroup {name} already exists.")
    _members(backend, engine, users)
    group = {"UserGroupId": name, "Status": "active", "Engine": engine, "UserIds": users}
    group["ARN"] = _arn(backend, "usergroup", name)
    kept(backend, "groups")[name] = group
    if asked.get("Tags"):
        backend.tagging_service.tag_resource(group["ARN"], asked["Tags"])
    return ActionResult(group)


def describe_user_groups(self: Any) -> ActionResult:
    """DescribeUserGroups."""
    name, backend = self._get_params().get("UserGroupId"), self.elasticache_backend
    found = [_group(backend, name)] if name else list(kept(backend, "groups").values())
    return ActionResult({"UserGroups": found})


def modify_user_group(self: Any) -> ActionResult:
    """ModifyUserGroup."""
    asked, backend = self._get_params(), self.elasticache_backend
    group = _group(backend, asked["UserGroupId"])
    gone = asked.get("UserIdsToRemove") or []
    users = [user for user in group["UserIds"] if user not in gone] + (asked.get("UserIdsToAdd") or [])
    _members(backend, group["Engine"], users)
    group["UserIds"] = users
    return ActionResult(group)


def delete_user_group(self: Any) -> ActionResult:
    """DeleteUserGroup; not while a cache uses it."""
    backend, name = self.elasticache_backend, self._get_params()["UserGroupId"]
    group = _group(backend, name)
    if any(cache.get("UserGroupId") == name for cache in kept(backend, "caches").values()):
        raise _Refused("InvalidUserGroupState", f"UserGroup {name} is associated to a serverless cache.")
    return ActionResult(kept(backend, "groups").pop(name) | group)


def modify_user(self: Any) -> ActionResult:
    """ModifyUser: the access string."""
    asked, backend = self._get_params(), self.elasticache_backend
    (user,) = backend.describe_users(asked["UserId"])
    user.access_string = asked.get("AccessString") or user.access_string
    return ActionResult(user)


def delete_user(self: Any) -> ActionResult:
    """DeleteUser: at once, but not while a group has it."""
    backend, name = self.elasticache_backend, self._get_params()["UserId"]
    (user,) = backend.describe_users(name)
    if any(name in group["UserIds"] for group in kept(backend, "groups").values()):
        raise _Refused("InvalidUserState", f"User {name} is in a user group.")
    return ActionResult(backend.users.pop(name, user))


def create_serverless_cache(self: Any) -> ActionResult:
    """CreateServerlessCache; its user group must exist and be of its engine."""
    asked, backend = self._get_params(), self.elasticache_backend
    name, engine = asked["ServerlessCacheName"].lower(), asked["Engine"]
    if name in kept(backend, "caches"):
        raise _Refused("ServerlessCacheAlreadyExistsFault", f"ServerlessCache {name} already exists.")
    if asked.get("UserGroupId"):
        _group(backend, asked["UserGroupId"])
    versions = _VERSIONS[engine]
    major = asked.get("MajorEngineVersion") or next(iter(versions))
    if major not in versions:
        raise _Refused("InvalidParameterValue", f"{engine} has no version {major}")
    address = f"{name}-0a1b2c.serverless.{backend.region_name}.cache.amazonaws.com"
    cache = {key: asked[key] for key in _KEPT if asked.get(key)} | {
        "ServerlessCacheName": name,
        "ARN": _arn(backend, "serverlesscache", name),
        "Status": "available",
        "CreateTime": utcnow(),
        "Engine": engine,
        "MajorEngineVersion": major,
        "FullEngineVersion": versions[major],
        "Endpoint": {"Address": address, "Port": _PORT},
        "ReaderEndpoint": {"Address": address, "Port": _PORT + 1},
        "NetworkType": asked.get("NetworkType") or "ipv4",
        "SnapshotRetentionLimit": int(asked.get("SnapshotRetentionLimit") or 0),
    }
    kept(backend, "caches")[name] = cache
    if asked.get("Tags"):
        backend.tagging_service.tag_resource(cache["ARN"], asked["Tags"])
    return ActionResult({"ServerlessCache": cache})


_KEPT: Final = (
    "CacheUsageLimits",
    "DailySnapshotTime",
    "Description",
    "KmsKeyId",
    "SecurityGroupIds",
    "SubnetIds",
    "UserGroupId",
)


def describe_serverless_caches(self: Any) -> ActionResult:
    """DescribeServerlessCaches."""
    name, backend = self._get_params().get("ServerlessCacheName"), self.elasticache_backend
    found = [_cache(backend, name)] if name else list(kept(backend, "caches").values())
    return ActionResult({"ServerlessCaches": found})


def modify_serverless_cache(self: Any) -> ActionResult:
    """ModifyServerlessCache."""
    asked, backend = self._get_params(), self.elasticache_backend
    cache = _cache(backend, asked["ServerlessCacheName"])
    changeable = ("CacheUsageLimits", "DailySnapshotTime", "Description", "SecurityGroupIds", "UserGroupId")
    cache |= {key: asked[key] for key in changeable if asked.get(key) is not None}
    if asked.get("SnapshotRetentionLimit") is not None:
        cache["SnapshotRetentionLimit"] = int(asked["SnapshotRetentionLimit"])
    return ActionResult({"ServerlessCache": cache})


def delete_serverless_cache(self: Any) -> ActionResult:
    """DeleteServerlessCache."""
    backend, name = self.elasticache_backend, self._get_params()["ServerlessCacheName"]
    cache = _cache(backend, name)
    del kept(backend, "caches")[name]
    return ActionResult({"ServerlessCache": {**cache, "Status": "deleting"}})


def list_tags_for_resource(self: Any, arn: str) -> dict[str, list[dict[str, str]]]:
    """ListTagsForResource, of groups and serverless caches too."""
    return self.tagging_service.list_tags_for_resource(arn)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    ElastiCacheBackend.list_tags_for_resource = list_tags_for_resource  # type: ignore[method-assign]
    for operation in (
        create_user_group,
        describe_user_groups,
        modify_user_group,
        delete_user_group,
        modify_user,
        delete_user,
        create_serverless_cache,
        describe_serverless_caches,
        modify_serverless_cache,
        delete_serverless_cache,
    ):
        setattr(ElastiCacheResponse, operation.__name__, operation)
