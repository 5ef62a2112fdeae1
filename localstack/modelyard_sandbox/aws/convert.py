"""Values between Pulumi's camelCase and boto3's parameters, led by botocore's service model."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_ONE = "[]"
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def camel(member: str) -> str:
    """A member's name as Pulumi spells it: `KMSMasterKeyID` is `kmsMasterKeyId`."""
    words = _WORDS.findall(member)
    return words[0].lower() + "".join(word[0].upper() + word[1:].lower() for word in words[1:])


def to_aws(value: Any, shape: Any, renamed: Mapping[str, str] | None = None, path: str = "") -> Any:
    """`value` as the operation's `shape` wants it; unset members are left out.

    `renamed` holds dotted property paths whose member is spelled otherwise; `Member[]` is a structure that Pulumi keeps
    as a list of one. A single object where a list is wanted becomes a list of one, a map of tags a list of keys and
    values.
    """
    renamed = renamed or {}
    if value is None or shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {member.lower(): member for member in shape.members}
        result = {}
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            declared = renamed.get(inner) or members.get(key.lower()) or ""
            member = declared.removesuffix(_ONE)
            if declared != member and isinstance(item, list):
                item = item[0] if item else None
            if member in shape.members and item is not None:
                result[member] = to_aws(item, shape.members[member], renamed, inner)
        return result
    if shape.type_name == "list":
        if isinstance(value, Mapping) and set(getattr(shape.member, "members", ())) == {"Key", "Value"}:
            return [{"Key": key, "Value": item} for key, item in value.items()]
        several = value if isinstance(value, list) else [value]
        return [to_aws(item, shape.member, renamed, path) for item in several]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: to_aws(item, shape.value, renamed, path) for key, item in value.items()}
    return _scalar(value, shape.type_name)


def _scalar(value: Any, kind: str) -> Any:
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("double", "float"):
        return float(value)
    if kind == "boolean":
        return value.lower() == "true" if isinstance(value, str) else bool(value)
    if kind == "string":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def from_aws(value: Any, shape: Any, renamed: Mapping[str, str] | None = None, path: str = "") -> Any:
    """An answer's value as Pulumi spells it; timestamps are ISO texts, tags with keys and values a map."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        kind = getattr(shape, "type_name", "structure")
        if kind == "map":
            return {key: from_aws(item, shape.value, renamed, path) for key, item in value.items()}
        back = {
            member.removesuffix(_ONE): (prop.rpartition(".")[2], member.endswith(_ONE))
            for prop, member in (renamed or {}).items()
            if prop.rpartition(".")[0] == path
        }
        members = getattr(shape, "members", {})
        result = {}
        for key, item in value.items():
            name, listed = back.get(key) or (camel(key), False)
            found = from_aws(item, members.get(key), renamed, f"{path}.{name}" if path else name)
            result[name] = [found] if listed else found
        return result
    if isinstance(value, list):
        member = getattr(shape, "member", None)
        if value and path.rpartition(".")[2] == "tags" and set(getattr(member, "members", ())) == {"Key", "Value"}:
            return {item["Key"]: item.get("Value", "") for item in value}
        return [from_aws(item, member, renamed, path) for item in value]
    return value
