"""SageMaker's managed tracking server: entered by IAM, action by action, on this server's ARN alone."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking.idle import Switch
from modelyard.build.tracking.spec import ManagedTracking
from modelyard.build.tracking.store import Store
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.retention import Classification, retention_for
from modelyard.core.service_role import ServiceRole

READ: Final = ("sagemaker-mlflow:Get*", "sagemaker-mlflow:List*", "sagemaker-mlflow:Search*")
LOG: Final = (
    *READ,
    "sagemaker-mlflow:CreateExperiment",
    "sagemaker-mlflow:CreateRun",
    "sagemaker-mlflow:EndTrace",
    "sagemaker-mlflow:FinalizeLoggedModel",
    "sagemaker-mlflow:Log*",
    "sagemaker-mlflow:SetExperimentTag",
    "sagemaker-mlflow:SetLoggedModelTags",
    "sagemaker-mlflow:SetTag",
    "sagemaker-mlflow:SetTraceTag",
    "sagemaker-mlflow:StartTrace",
    "sagemaker-mlflow:UpdateRun",
)
"""What a run writes; it deletes nothing, and MLflow's own registry of models stays untouched."""

MANAGE: Final = ("sagemaker-mlflow:*",)
OPERATE: Final = (
    "sagemaker:CreatePresignedMlflowTrackingServerUrl",
    "sagemaker:DescribeMlflowTrackingServer",
    "sagemaker:StartMlflowTrackingServer",
    "sagemaker:StopMlflowTrackingServer",
)
"""A presigned URL opens the whole of the server to whoever holds it, so that it goes with managing alone."""

REGISTER: Final = (
    "sagemaker:AddTags",
    "sagemaker:CreateModelPackage",
    "sagemaker:CreateModelPackageGroup",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:UpdateModelPackage",
)
"""What automatic registration asks for (sagemaker/latest/dg/mlflow-create-tracking-server-iam)."""


class Managed:
    """The server, its role, and what others may do with it."""

    def __init__(self, tracking: Component, spec: ManagedTracking, store: Store) -> None:
        context = tracking.context
        name = tracking.physical("mlflow-server")
        self.arn = context.arn("sagemaker", f"mlflow-tracking-server/{name}")
        statements = [*store.may_write()]
        if spec.register_models:
            own = "-".join((*context.names.owner, "*"))
            packages = tuple(
                context.arn("sagemaker", f"{kind}/{own}") for kind in ("model-package", "model-package-group")
            )
            statements.append(Statement(REGISTER, packages))
        role = ServiceRole(
            tracking,
            "server",
            "sagemaker",
            source_arn=self.arn,
            statements=statements,
            description=f"The tracking server of {context.owner} keeps its files",
            written=spec.source(),
        )
        retention = retention_for(Classification.CONFIDENTIAL, production=context.production)
        self.server = aws.sagemaker.MlflowTrackingServer(
            tracking.written_at("mlflow", spec.source()),
            tracking_server_name=name,
            artifact_store_uri=store.root,
            role_arn=role.arn,
            tracking_server_size=spec.size,
            mlflow_version=spec.version,
            weekly_maintenance_window_start=spec.maintenance_window,
            automatic_model_registration=spec.register_models,
            opts=tracking.options(protect=retention.protect, depends_on=[role.may_work, store.policy]),
        )
        self.tracking_uri: pulumi.Output[str] = self.server.arn
        """MLflow's plugin `sagemaker-mlflow` takes the ARN and signs what the client asks."""

    def may_browse(self) -> list[Statement]:
        """Lets an identity use what a presigned URL opened: the action knows no resource, so the URL's is the wall."""
        return [Statement(("sagemaker-mlflow:AccessUI",), ("*",))]

    def may(self, actions: tuple[str, ...]) -> list[Statement]:
        """Lets an identity do these things on this server."""
        return [Statement(actions, (self.arn,))]

    def switches(self) -> list[Switch]:
        """How it is stopped and started."""
        named = {"TrackingServerName": self.server.tracking_server_name}
        return [
            Switch(
                "server",
                "sagemaker",
                stop=("stopMlflowTrackingServer", named),
                start=("startMlflowTrackingServer", named),
                statement=Statement(
                    ("sagemaker:StartMlflowTrackingServer", "sagemaker:StopMlflowTrackingServer"), (self.arn,)
                ),
            )
        ]
