"""Glue Data Quality: rulesets, and runs whose verdict a test decides beforehand.

A run succeeds at once. Each rule passes, unless `verdict` was told otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

_RULES: Final = re.compile(r"^\s*Rules\s*=\s*\[(.*)\]\s*$", re.DOTALL)


@dataclass(slots=True)
class Quality:
    """The rulesets, runs and results of one account and region."""

    rulesets: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: dict[str, list[str]] = field(default_factory=dict)


def of(backend: GlueBackend) -> Quality:
    """What the backend keeps of data quality."""
    if not hasattr(backend, "quality"):
        backend.quality = Quality()  # type: ignore[attr-defined]
    return backend.quality  # type: ignore[attr-defined]


def verdict(backend: GlueBackend, ruleset: str, failing: list[str]) -> None:
    """From now on the rules of `ruleset` that begin with one of `failing` fail."""
    of(backend).failing[ruleset] = failing


def rules_of(text: str) -> list[str]:
    """The single rules of a DQDL text, one a line."""
    found = _RULES.match(text)
    return [line.strip().rstrip(",") for line in found.group(1).splitlines() if line.strip()] if found else []


def _missing(name: str) -> EntityNotFoundException:
    return EntityNotFoundException(f"Cannot find Data Quality Ruleset: {name}")


def create_data_quality_ruleset(self: Any) -> ActionResult:
    """CreateDataQualityRuleset; the target table must exist."""
    asked, kept = self.parameters, of(self.glue_backend)
    name, target = asked["Name"], asked.get("TargetTable")
    if name in kept.rulesets:
        raise AlreadyExistsException("Data Quality Ruleset")
    if target:
        self.glue_backend.get_table(target["DatabaseName"], target["TableName"])
    now = utcnow()
    shown = {key: asked[key] for key in ("Name", "Ruleset", "Description", "TargetTable") if key in asked}
    kept.rulesets[name] = {**shown, "CreatedOn": now, "LastModifiedOn": now}
    if asked.get("Tags"):
        self.glue_backend.tag_resource(_arn(self.glue_backend, name), asked["Tags"])
    return ActionResult({"Name": name})


def get_data_quality_ruleset(self: Any) -> ActionResult:
    """GetDataQualityRuleset."""
    kept, name = of(self.glue_backend), self.parameters["Name"]
    if name not in kept.rulesets:
        raise _missing(name)
    return ActionResult(kept.rulesets[name])


def update_data_quality_ruleset(self: Any) -> ActionResult:
    """UpdateDataQualityRuleset."""
    kept, asked = of(self.glue_backend), self.parameters
    if asked["Name"] not in kept.rulesets:
        raise _missing(asked["Name"])
    ruleset = kept.rulesets[asked["Name"]]
    ruleset["Ruleset"] = asked.get("Ruleset", ruleset["Ruleset"])
    ruleset["LastModifiedOn"] = utcnow()
    if asked.get("Description"):
        ruleset["Description"] = asked["Description"]
    else:
        ruleset.pop("Description", None)
    return ActionResult({key: ruleset[key] for key in ("Name", "Ruleset", "Description") if key in ruleset})


def delete_data_quality_ruleset(self: Any) -> EmptyResult:
    """DeleteDataQualityRuleset."""
    kept, name = of(self.glue_backend), self.parameters["Name"]
    if name not in kept.rulesets:
        raise _missing(name)
    del kept.rulesets[name]
    self.glue_backend.tagger.delete_all_tags_for_resource(_arn(self.glue_backend, name))
    return EmptyResult()


def list_data_quality_rulesets(self: Any) -> ActionResult:
    """ListDataQualityRulesets."""
    shown = ("Name", "Description", "CreatedOn", "LastModifiedOn", "TargetTable")
    listed = [
        {key: ruleset[key] for key in shown if key in ruleset} | {"RuleCount": len(rules_of(ruleset["Ruleset"]))}
        for ruleset in of(self.glue_backend).rulesets.values()
    ]
    return ActionResult({"Rulesets": listed})


def start_data_quality_ruleset_evaluation_run(self: Any) -> ActionResult:
    """StartDataQualityRulesetEvaluationRun: over at once."""
    asked, kept = self.parameters, of(self.glue_backend)
    table = asked["DataSource"]["GlueTable"]
    self.glue_backend.get_table(table["DatabaseName"], table["TableName"])
    run, results = f"dqrun-{mock_random.get_random_hex(40)}", []
    for name in asked["RulesetNames"]:
        if name not in kept.rulesets:
            raise _missing(name)
        results.append(f"dqresult-{mock_random.get_random_hex(40)}")
        kept.results[results[-1]] = _judged(kept, name, asked["DataSource"], run) | {"ResultId": results[-1]}
    wanted = ("DataSource", "Role", "NumberOfWorkers", "Timeout", "AdditionalRunOptions", "RulesetNames")
    kept.runs[run] = {key: asked[key] for key in wanted if key in asked}
    kept.runs[run] |= {"RunId": run, "Status": "SUCCEEDED", "ResultIds": results}
    return ActionResult({"RunId": run})


def _judged(kept: Quality, name: str, source: dict[str, Any], run: str) -> dict[str, Any]:
    failing = tuple(kept.failing.get(name, ()))
    results = [
        {"Name": f"Rule_{index}", "Description": rule, "Result": "FAIL" if rule.startswith(failing) else "PASS"}
        if failing
        else {"Name": f"Rule_{index}", "Description": rule, "Result": "PASS"}
        for index, rule in enumerate(rules_of(kept.rulesets[name]["Ruleset"]), 1)
    ]
    passed = sum(result["Result"] == "PASS" for result in results)
    return {
        "Score": passed / len(results) if results else 1.0,
        "DataSource": source,
        "RulesetName": name,
        "RulesetEvaluationRunId": run,
        "RuleResults": results,
    }


def get_data_quality_ruleset_evaluation_run(self: Any) -> ActionResult:
    """GetDataQualityRulesetEvaluationRun."""
    kept, run = of(self.glue_backend), self.parameters["RunId"]
    if run not in kept.runs:
        raise EntityNotFoundException(f"Cannot find Data Quality Run: {run}")
    return ActionResult(kept.runs[run])


def get_data_quality_result(self: Any) -> ActionResult:
    """GetDataQualityResult."""
    kept, result = of(self.glue_backend), self.parameters["ResultId"]
    if result not in kept.results:
        raise EntityNotFoundException(f"Cannot find Data Quality Result: {result}")
    return ActionResult(kept.results[result])


def _arn(backend: GlueBackend, name: str) -> str:
    partition = get_partition(backend.region_name)
    return f"arn:{partition}:glue:{backend.region_name}:{backend.account_id}:dataQualityRuleset/{name}"


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_data_quality_ruleset,
        get_data_quality_ruleset,
        update_data_quality_ruleset,
        delete_data_quality_ruleset,
        list_data_quality_rulesets,
        start_data_quality_ruleset_evaluation_run,
        get_data_quality_ruleset_evaluation_run,
        get_data_quality_result,
    ):
        setattr(GlueResponse, operation.__name__, operation)
