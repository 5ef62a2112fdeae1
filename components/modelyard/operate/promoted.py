"""What jobs and the retraining loop made and no stack knows of, when the stack that it lies in goes.

Models and configurations are found by the prefix that a shape gives the loop and that nothing else's name begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from modelyard.core.champions import champion_parameter, promoted_prefix
from modelyard.core.names import Names
from modelyard.engine import Result

_ENDPOINT: Final = "modelyard:serving:InferenceEndpoint"


def ended(result: Result) -> list[str]:
    """The endpoints that an operation of the engine took away, by component name."""
    return sorted(item.name for item in result.resources if item.type == _ENDPOINT and item.op == "delete")


def sweep(names: Names, endpoints: Iterable[str], client: Callable[[str], Any]) -> list[str]:
    """Delete what the loop made for endpoints of a team that are gone, their champions' records among it.

    `client` gives boto3's client of a service. Answers with the names of what was deleted, each before what it needs.
    """
    done: list[str] = []
    for endpoint in endpoints:
        sagemaker, ssm = client("sagemaker"), client("ssm")
        prefix = promoted_prefix(names, endpoint)
        for name in _named(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", prefix):
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
            done.append(name)
        for name in _named(sagemaker, "list_models", "Models", "ModelName", prefix):
            sagemaker.delete_model(ModelName=name)
            done.append(name)
        record = champion_parameter(names, endpoint)
        done += ssm.delete_parameters(Names=[record])["DeletedParameters"]
    return done


def forget(groups: Iterable[str], client: Callable[[str], Any]) -> list[str]:
    """Delete every version of these groups of a registry, which jobs made and no stack knows; their ARNs."""
    sagemaker, done = client("sagemaker"), list[str]()
    for group in groups:
        for package in versions(group, sagemaker):
            sagemaker.delete_model_package(ModelPackageName=package)
            done.append(package)
    return done


def versions(group: str, sagemaker: Any) -> list[str]:
    """The ARN of every model package of a group; none where there is no such group."""
    try:
        pages = list(sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group))
    except sagemaker.exceptions.ClientError:
        return []
    return [str(one["ModelPackageArn"]) for page in pages for one in page["ModelPackageSummaryList"]]


def _named(sagemaker: Any, operation: str, key: str, member: str, prefix: str) -> Iterator[str]:
    pages = sagemaker.get_paginator(operation).paginate(NameContains=prefix)
    names = [str(found[member]) for page in pages for found in page[key]]
    yield from (name for name in names if name.startswith(f"{prefix}-"))
