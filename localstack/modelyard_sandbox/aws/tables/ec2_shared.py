"""What the tables of EC2 have in common: describing one thing by its id, tags, ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import TagFunctions

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

ARN: Final = ("arn",)


def arn(live: Live, kind: str, name: str = "") -> str:
    """The ARN of a thing of EC2: `vpc`, `subnet`, `security-group` … and its id."""
    return f"arn:{live.partition}:ec2:{live.region}:{live.account}:{kind}/{name or live.id}"


def filters(**wanted: Any) -> list[dict[str, Any]]:
    """EC2's filters from `vpc_id="vpc-…"`."""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in wanted.items()]


def _read_tags(live: Live) -> dict[str, str]:
    found = live.call("describe_tags", Filters=filters(resource_id=live.id))["Tags"]
    return {tag["Key"]: tag.get("Value", "") for tag in found}


def _write_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    removed = [{"Key": key} for key in old if key not in new]
    written = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    if removed:
        live.call("delete_tags", Resources=[live.id], Tags=removed)
    if written:
        live.call("create_tags", Resources=[live.id], Tags=written)


TAGS: Final = TagFunctions(_read_tags, _write_tags)
