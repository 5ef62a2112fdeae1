"""Glue Data Quality: rulesets. Source: the Glue API reference, "Data Quality API"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, TagFunctions, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _arn(live: Live) -> str:
    return f"arn:{live.partition}:glue:{live.region}:{live.account}:dataQualityRuleset/{live.get('name')}"


def _read(live: Live) -> dict[str, Any]:
    found = live.call("get_data_quality_ruleset", Name=live.id)
    return {
        "arn": _arn(live),
        "name": found["Name"],
        "ruleset": found["Ruleset"],
        "description": found.get("Description"),
        "targetTable": convert.from_aws(found.get("TargetTable"), None),
        "createdOn": convert.from_aws(found["CreatedOn"], None),
        "lastModifiedOn": convert.from_aws(found["LastModifiedOn"], None),
        "recommendationRunId": found.get("RecommendationRunId"),
    }


def _read_tags(live: Live) -> dict[str, str]:
    return live.call("get_tags", ResourceArn=_arn(live))["Tags"]


def _write_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    removed = sorted(set(old) - set(new))
    written = {key: value for key, value in new.items() if old.get(key) != value}
    if removed:
        live.call("untag_resource", ResourceArn=_arn(live), TagsToRemove=removed)
    if written:
        live.call("tag_resource", ResourceArn=_arn(live), TagsToAdd=written)


def _update(live: Live) -> None:
    """An update says everything: a description that is left out would stay."""
    live.call(
        "update_data_quality_ruleset",
        Name=live.id,
        Ruleset=live.inputs["ruleset"],
        Description=live.inputs.get("description", ""),
    )


RULESET = Type(
    "aws:glue/dataQualityRuleset:DataQualityRuleset",
    "glue",
    fields=fields("name", "ruleset", "description", "targetTable"),
    id="name",
    name=Name("name", limit=255),
    computed=("arn", "createdOn", "lastModifiedOn", "recommendationRunId"),
    volatile=("lastModifiedOn",),
    create=Call("create_data_quality_ruleset"),
    read=_read,
    update=Step(_update, on=("ruleset", "description")),
    delete=Call("delete_data_quality_ruleset", {"Name": "id"}, fill=False),
    tags=TagFunctions(_read_tags, _write_tags),
)

TYPES = (RULESET,)
