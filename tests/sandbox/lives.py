"""What tests of a component's life share: which of its resources a deployment changed, and versions of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

TEXT, JSON = "text/csv", "application/json"


class Deployed(Protocol):
    """A stack that was deployed, by whichever of the emulators."""

    @property
    def operations(self) -> Mapping[str, str]:
        """What the last deployment did, by URN."""
        ...


def changed(stack: Deployed) -> dict[str, str]:
    """What the last deployment did, by resource, but for what it left as it was."""
    return {urn.rpartition("::")[2]: done for urn, done in stack.operations.items() if done != "same"}


def registered(sagemaker: Any, versions: int = 2, model: str = "scores", region: str = "eu-west-1") -> None:
    """Versions of a model of team fraud's, from 1 on, that wait for approval: a container and an archive each."""
    for number in range(1, versions + 1):
        _submitted(
            sagemaker,
            model,
            {
                "Image": f"123456789012.dkr.ecr.{region}.amazonaws.com/serve@sha256:{'d' * 64}",
                "ModelDataUrl": f"s3://bucket/models/{model}/{number}/model.tar.gz",
            },
            TEXT,
        )


def weights_registered(sagemaker: Any, versions: int = 2, model: str = "writer", region: str = "eu-west-1") -> None:
    """Versions of a language model of team fraud's, from 1 on, that wait for approval: weights below a prefix each."""
    for number in range(1, versions + 1):
        prefix = f"s3://ml-dev-fraud-registry/models/{model}/{number}/weights/"
        source = {"S3Uri": prefix, "S3DataType": "S3Prefix", "CompressionType": "None"}
        image = f"123456789012.dkr.ecr.{region}.amazonaws.com/ml-dev-fraud-vllm@sha256:{'d' * 64}"
        _submitted(sagemaker, model, {"Image": image, "ModelDataSource": {"S3DataSource": source}}, JSON)


def unregistered(sagemaker: Any, model: str) -> None:
    """No version of the model is left."""
    group = f"ml-dev-fraud-registry-{model}"
    for package in sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _submitted(sagemaker: Any, model: str, container: dict[str, Any], type_: str) -> None:
    sagemaker.create_model_package(
        ModelPackageGroupName=f"ml-dev-fraud-registry-{model}",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": [type_],
            "SupportedResponseMIMETypes": [type_],
        },
    )
