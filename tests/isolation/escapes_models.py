"""The classic escapes of what trains and serves: SageMaker, images, clusters, machines."""

from __future__ import annotations

from typing import Final

from tests.isolation.escape import TAGGED, UNTAGGED, Escape, each

MODELS: Final[tuple[Escape, ...]] = (
    each(
        "sagemaker",
        "run and read jobs",
        "CreateTrainingJob CreateProcessingJob CreateTransformJob CreateHyperParameterTuningJob "
        "CreateAutoMLJobV2 "
        "DescribeTrainingJob DescribeProcessingJob DescribeTransformJob StopTrainingJob StopProcessingJob "
        "UpdateTrainingJob "
        "DescribeAutoMLJobV2 StopHyperParameterTuningJob",
        "training-job processing-job transform-job hyper-parameter-tuning-job automl-job",
    ),
    each(
        "sagemaker",
        "run another's model as its role",
        "CreateTransformJob CreateEndpointConfig CreateInferenceComponent",
        "transform-job endpoint-config inference-component",
        context={"sagemaker:ModelArn": "{arn:sagemaker:model}"},
        mine=True,
    ),
    each(
        "sagemaker",
        "run another's pipeline as its role",
        "StartPipelineExecution UpdatePipeline DescribePipeline",
        "pipeline",
    ),
    each(
        "sagemaker",
        "steer a pipeline's run",
        "RetryPipelineExecution StopPipelineExecution SendPipelineExecutionStepSuccess DescribePipelineExecution",
        "pipeline-execution pipeline",
    ),
    each(
        "sagemaker",
        "read and write features",
        "GetRecord BatchGetRecord PutRecord DeleteRecord UpdateFeatureGroup DescribeFeatureGroup DeleteFeatureGroup",
        "feature-group",
    ),
    each(
        "sagemaker",
        "read, approve and delete model versions",
        "DescribeModelPackage UpdateModelPackage DeleteModelPackage CreateModelPackage",
        "model-package model-package-group",
    ),
    each(
        "sagemaker",
        "approve another's version",
        "UpdateModelPackage",
        "model-package",
        context={"sagemaker:ModelApprovalStatus": "Approved"},
    ),
    each(
        "sagemaker",
        "open a group of models",
        "PutModelPackageGroupPolicy DeleteModelPackageGroupPolicy GetModelPackageGroupPolicy DeleteModelPackageGroup",
        "model-package-group",
    ),
    each(
        "sagemaker",
        "call and change endpoints",
        "InvokeEndpoint InvokeEndpointAsync InvokeEndpointWithResponseStream UpdateEndpoint DeleteEndpoint "
        "UpdateEndpointWeightsAndCapacities DescribeEndpoint",
        "endpoint",
    ),
    each(
        "sagemaker",
        "call and change components",
        "InvokeEndpoint UpdateInferenceComponent DeleteInferenceComponent",
        "inference-component",
    ),
    each("sagemaker", "read and delete models", "CreateModel DescribeModel DeleteModel", "model"),
    each(
        "sagemaker",
        "open another's tracking server",
        "CreatePresignedMlflowTrackingServerUrl CreatePresignedMlflowAppUrl UpdateMlflowTrackingServer "
        "CallMlflowAppApi",
        "mlflow-tracking-server mlflow-app",
    ),
    each(
        "sagemaker-mlflow",
        "read and write another's runs",
        "AccessUI GetRun SearchRuns LogModel DeleteRun",
        "mlflow-tracking-server",
    ),
    each(
        "sagemaker",
        "open another's workbench",
        "CreatePresignedDomainUrl UpdateUserProfile DescribeUserProfile DeleteUserProfile StartSession "
        "CreateApp UpdateSpace",
        "user-profile space app",
    ),
    each(
        "sagemaker",
        "open another's notebook",
        "CreatePresignedNotebookInstanceUrl UpdateNotebookInstance",
        "notebook-instance",
    ),
    each(
        "sagemaker",
        "a cluster of another's",
        "UpdateCluster DescribeCluster DescribeClusterNode DeleteCluster",
        "cluster",
    ),
    each(
        "sagemaker",
        "read another's cards",
        "DescribeModelCard CreateModelCardExportJob UpdateModelCard",
        "model-card",
    ),
    each(
        "sagemaker",
        "watch another's captures",
        "CreateMonitoringSchedule UpdateMonitoringSchedule DescribeMonitoringSchedule StopMonitoringSchedule",
        "monitoring-schedule",
    ),
    each(
        "sagemaker", "retag", "AddTags", "training-job model endpoint model-package-group feature-group", context=TAGGED
    ),
    each("sagemaker", "take a tag", "DeleteTags", "training-job model endpoint model-package-group", context=UNTAGGED),
    each(
        "ecr",
        "pull, push and replace images",
        "BatchGetImage GetDownloadUrlForLayer PutImage InitiateLayerUpload CompleteLayerUpload "
        "BatchDeleteImage DeleteRepository "
        "PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy",
        "repository",
    ),
    each(
        "eks",
        "let oneself in",
        "CreateAccessEntry UpdateAccessEntry AssociateAccessPolicy CreatePodIdentityAssociation "
        "UpdatePodIdentityAssociation "
        "DescribeCluster UpdateClusterConfig CreateNodegroup",
        "cluster access-entry podidentityassociation",
    ),
    each(
        "batch",
        "submit as another's role",
        "SubmitJob RegisterJobDefinition UpdateJobQueue DeleteJobQueue",
        "job-definition-revision job-definition job-queue",
    ),
    each("batch", "another's running job", "CancelJob TerminateJob TerminateServiceJob", "job service-job"),
    each(
        "ec2",
        "machines in another's profile",
        "RunInstances TerminateInstances CreateTags ModifyInstanceAttribute",
        "instance",
    ),
    each(
        "ec2", "another's disks", "AttachVolume CreateSnapshot ModifySnapshotAttribute DeleteVolume", "volume snapshot"
    ),
)
