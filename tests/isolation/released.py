"""A version of every model that a team's endpoints serve under a loop, and the loops' record that it serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import boto3

from modelyard.blueprints.platform import platform_context
from modelyard.blueprints.project import Project
from modelyard.core.champions import Champion, champion_parameter

_SERVES = {
    "Containers": [
        {"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/i:1", "ModelDataUrl": "s3://artifacts/model"}
    ],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@contextmanager
def released(root: Path, team: str, environment: str) -> Iterator[None]:
    """While this lasts, the loops of `team` have released a first version; its registry is deployed."""
    project = Project(root)
    context = platform_context(project.platform(environment), environment).for_team(team)
    sagemaker, ssm = (boto3.client(name, region_name=context.region) for name in ("sagemaker", "ssm"))
    packages: list[str] = []
    records: list[str] = []
    for name, endpoint in project.team(team, environment).serving.items():
        if endpoint.release.kind != "loop":
            continue
        group = context.names.of("sagemaker", "registry", endpoint.model)
        package = sagemaker.create_model_package(
            ModelPackageGroupName=group, ModelApprovalStatus="Approved", InferenceSpecification=_SERVES
        )["ModelPackageArn"]
        champion = Champion(
            endpoint=name,
            model=endpoint.model,
            version=int(package.rpartition("/")[2]),
            package=package,
            run=context.arn("states", f"execution:{name}:first"),
            released_at=datetime.now(UTC),
            why="the first",
        )
        record = champion_parameter(context.names, name)
        ssm.put_parameter(Name=record, Type="String", Value=champion.model_dump_json())
        packages.append(package)
        records.append(record)
    try:
        yield
    finally:
        for package in packages:
            sagemaker.delete_model_package(ModelPackageName=package)
        for record in records:
            ssm.delete_parameter(Name=record)
