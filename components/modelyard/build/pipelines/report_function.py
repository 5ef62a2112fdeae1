"""The function that puts down what the gates of a new version measured, as the evaluation of its bytes left it.

It ships as text with `core.releasing` and `registry.stored`, so it uses nothing beyond boto3 and the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3

from modelyard.build.registry.stored import readable
from modelyard.core.releasing import EVALUATION, canonical

DECLARED: Final = Path(__file__).with_name("steps.json")


class Refused(Exception):  # noqa: N818
    """Why no results are put down: every reason."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Put down the results for a version. `event`: `step`, `package` (its ARN) and `report` (an S3 URI)."""
    return {"gates": report(event, json.loads(DECLARED.read_text("utf-8"))[event["step"]], os.environ)}


def report(event: Mapping[str, Any], step: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The key of the results. Raises `Refused` with all that is wrong, before anything is put down.

    `step`: the model's name, its group, and its gates by name.
    """
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    package, place = str(event["package"]), urlsplit(str(event["report"]))
    key = f"{place.path.strip('/')}/{EVALUATION}"
    said = readable(s3, place.netloc, key)
    if said is None:
        raise Refused(f"the evaluation left no {EVALUATION} that can be read as s3://{place.netloc}/{key}")
    known = sagemaker.describe_model_package(ModelPackageName=package).get("CustomerMetadataProperties") or {}
    reasons = list(_wrong(said, known.get("modelyard:artifact-digest", ""), step["gates"]))
    if reasons:
        raise Refused("; ".join(reasons))
    bucket, model = settings["REGISTRY"], str(step["model"])
    beside = _champions(s3, sagemaker, bucket, model, str(step["group"]))
    results = [
        {**_against(step["gates"][result["gate"]], result, beside), "report": result.get("report") or event["report"]}
        for result in said["results"]
    ]
    put = f"gates/{model}/{package.rpartition('/')[2]}.json"
    body = canonical({"version": 1, "package": package, "results": results}).encode()
    s3.put_object(Bucket=bucket, Key=put, Body=body, ContentType="application/json", ChecksumAlgorithm="SHA256")
    return put


def _wrong(said: Any, digest: str, gates: Mapping[str, Any]) -> Iterator[str]:
    """Why an evaluation says nothing about this version."""
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list) or said.get("version") != 1:
        yield f"{EVALUATION} is none: it has a version, an artifact_digest and results"
        return
    if said.get("artifact_digest") != digest:
        yield f"the evaluation measured {said.get('artifact_digest')}, and the version's artifact is {digest}"
    for result in results:
        name = result.get("gate") if isinstance(result, dict) else None
        if name not in gates:
            yield f"{name} is no gate of the model; it has {', '.join(sorted(gates)) or 'none'}"
        elif not _number(result.get("value")) or not isinstance(result.get("metric"), str):
            yield f"the result of {name} has no metric, or no value that is a number"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _champions(s3: Any, sagemaker: Any, bucket: str, model: str, group: str) -> Sequence[Mapping[str, Any]]:
    """What the gates of the newest approved version measured; nothing where there is none."""
    approved = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not approved:
        return []
    version = approved[0]["ModelPackageArn"].rpartition("/")[2]
    return (readable(s3, bucket, f"gates/{model}/{version}.json") or {}).get("results", [])


def _against(
    gate: Mapping[str, Any], result: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The result with the champion's value, where its gate compares and the evaluation measured no champion."""
    if gate["against"] != "champion" or _number(result.get("champion")):
        return result
    measure = (result["gate"], result["metric"], result.get("slice") or {})
    found = [each for each in beside if (each["gate"], each["metric"], each.get("slice") or {}) == measure]
    return {**result, "champion": found[0]["value"]} if found else result
