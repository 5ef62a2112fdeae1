"""Definitions of SageMaker's monitoring jobs: four kinds, one function each.

Nothing of a definition can be changed, not even its tags, so its name carries a hash of all that it says: another
content is another definition, made before the schedule lets go of the old one. pulumi-aws has data quality's; the
others go through Cloud Control. Source: sagemaker/latest/dg/model-monitor, the CloudFormation template reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component
from modelyard.core.errors import Fault, InputError
from modelyard.core.names import Kind
from modelyard.run.monitoring.jobs import (
    READ_FROM,
    WRITTEN_TO,
    EndpointInput,
    MonitoringJob,
    MonitoringType,
    ProblemType,
)

_KINDS: Final[Mapping[MonitoringType, Kind]] = {
    "DataQuality": "data-quality-job",
    "ModelQuality": "model-quality-job",
    "ModelBias": "model-bias-job",
    "ModelExplainability": "model-explainability-job",
}
_READS: Final[Mapping[MonitoringType, tuple[str, ...]]] = {
    "DataQuality": (),
    "ModelQuality": ("inference", "probability", "threshold", "start", "end"),
    "ModelBias": ("inference", "probability", "threshold", "features", "start", "end"),
    "ModelExplainability": ("inference", "probability", "features"),
}
"""What each kind can be told of its input: the properties of EndpointInput in its CloudFormation schema."""


class Definition(NamedTuple):
    """A definition: its kind, as schedules call it, its physical name, its job, and the resource that makes it."""

    type: MonitoringType
    name: pulumi.Output[str]
    job: MonitoringJob
    resource: pulumi.CustomResource


def data_quality(component: Component, role: str, job: MonitoringJob, **options: Any) -> Definition:
    """Compares what is captured with the statistics and constraints of a baseline.

    `options` are those of `Component.options`. Raises `InputError` with all that SageMaker would refuse.
    """
    source, constraints, statistics = job.source, job.baseline.constraints, job.baseline.statistics
    refuse(component, [*job.faults(), *_no_config(job), *_unread("DataQuality", job)])
    name = _name(component, role, "DataQuality", _common("DataQuality", job))
    made = aws.sagemaker.DataQualityJobDefinition(
        component.named(role),
        name=name,
        role_arn=job.role_arn,
        data_quality_app_specification={
            "image_uri": job.analysis.image,
            "environment": dict(job.analysis.environment) or None,
        },
        data_quality_baseline_config={
            "constraints_resource": None if constraints is None else {"s3_uri": constraints},
            "statistics_resource": None if statistics is None else {"s3_uri": statistics},
        }
        if not (constraints is None and statistics is None)
        else None,
        data_quality_job_input={"endpoint_input": {"endpoint_name": source.endpoint, "local_path": READ_FROM}}
        if isinstance(source, EndpointInput)
        else {
            "batch_transform_input": {
                "data_captured_destination_s3_uri": source.captured,
                "dataset_format": {"csv": {"header": source.header}}
                if source.format == "csv"
                else {"json": {"line": source.lines}},
                "local_path": READ_FROM,
            }
        },
        data_quality_job_output_config={
            "kms_key_id": job.output.key,
            "monitoring_outputs": {"s3_output": {"s3_uri": job.output.to, "local_path": WRITTEN_TO}},
        },
        job_resources={
            "cluster_config": {
                "instance_count": job.resources.instance_count,
                "instance_type": job.resources.instance_type,
                "volume_size_in_gb": job.resources.volume_gb,
                "volume_kms_key_id": job.resources.volume_key,
            }
        },
        network_config={
            "enable_network_isolation": job.network.isolated,
            "enable_inter_container_traffic_encryption": job.network.encrypted,
            "vpc_config": {
                "subnets": list(job.network.subnets),
                "security_group_ids": list(job.network.security_groups),
            }
            if job.network.subnets
            else None,
        },
        stopping_condition={"max_runtime_in_seconds": job.most_seconds},
        opts=component.options(**options),
    )
    return Definition("DataQuality", name, job, made)


def model_quality(
    component: Component,
    role: str,
    job: MonitoringJob,
    *,
    problem: ProblemType,
    labels: pulumi.Input[str],
    **options: Any,
) -> Definition:
    """Joins predictions with labels as they come, and compares their metrics with a baseline.

    `labels` is the S3 URI below which labels arrive by hour (sagemaker/latest/dg/model-monitor-model-quality-merge).
    Regression and several classes are judged by the prediction, two classes by it or by its probability.
    `options` are those of `Component.options`. Raises `InputError` with all that SageMaker would refuse.
    """
    source = job.source
    faults = [*job.faults(), *_no_config(job)]
    if source.inference is None and (problem != "BinaryClassification" or source.probability is None):
        wanted = "its prediction" if problem != "BinaryClassification" else "its prediction or its probability"
        remedy = "Name the attribute: a column index, or a JSON path."
        faults.append(Fault(f"quality of {problem} needs {wanted}", remedy, value=None))
    if source.probability is not None and source.threshold is None and source.inference is None:
        faults.append(Fault("a probability alone needs a threshold", "Give the threshold.", value=source.probability))
    return _definition(
        component,
        role,
        "ModelQuality",
        job,
        faults,
        application={"ProblemType": problem},
        inputs={"GroundTruthS3Input": {"S3Uri": labels}},
        **options,
    )


def model_bias(
    component: Component, role: str, job: MonitoringJob, *, labels: pulumi.Input[str], **options: Any
) -> Definition:
    """Joins predictions with labels as they come, and compares metrics of bias with a baseline.

    `labels` is the S3 URI below which labels arrive by hour; `job.analysis.config` says which facets are compared.
    `options` are those of `Component.options`. Raises `InputError` with all that SageMaker would refuse.
    """
    return _definition(
        component,
        role,
        "ModelBias",
        job,
        [*job.faults(), *_config(job)],
        application=_config_uri(job),
        inputs={"GroundTruthS3Input": {"S3Uri": labels}},
        **options,
    )


def model_explainability(component: Component, role: str, job: MonitoringJob, **options: Any) -> Definition:
    """Explains predictions, and compares which features matter with a baseline; it needs no labels.

    `job.analysis.config` says how they are explained, and names the model that is asked. SageMaker Clarify's own image
    asks it through an endpoint that it makes: such a job can't be isolated
    (sagemaker/latest/dg/clarify-model-explainability).
    `options` are those of `Component.options`. Raises `InputError` with all that SageMaker would refuse.
    """
    return _definition(
        component,
        role,
        "ModelExplainability",
        job,
        [*job.faults(), *_config(job)],
        application=_config_uri(job),
        inputs={},
        **options,
    )


def _definition(
    component: Component,
    role: str,
    kind: MonitoringType,
    job: MonitoringJob,
    faults: Iterable[Fault],
    *,
    application: Mapping[str, Any],
    inputs: Mapping[str, Any],
    **options: Any,
) -> Definition:
    refuse(component, [*faults, *_unread(kind, job)])
    desired = _common(kind, job)
    desired[f"{kind}AppSpecification"] |= application
    desired[f"{kind}JobInput"] |= inputs
    name = _name(component, role, kind, desired)
    type_name = f"AWS::SageMaker::{kind}JobDefinition"
    desired = {"JobDefinitionName": name, **desired}
    made = cloudformation(component, role, type_name, desired, tags="list", **options)
    return Definition(kind, name, job, made)


def _common(kind: MonitoringType, job: MonitoringJob) -> dict[str, Any]:
    """What definitions of all kinds say, as CloudFormation has it."""
    baseline: dict[str, Any] = {}
    if job.baseline.constraints is not None:
        baseline["ConstraintsResource"] = {"S3Uri": job.baseline.constraints}
    if job.baseline.statistics is not None and kind == "DataQuality":
        baseline["StatisticsResource"] = {"S3Uri": job.baseline.statistics}
    network: dict[str, Any] = {
        "EnableNetworkIsolation": job.network.isolated,
        "EnableInterContainerTrafficEncryption": job.network.encrypted,
    }
    if job.network.subnets:
        places = {"Subnets": list(job.network.subnets), "SecurityGroupIds": list(job.network.security_groups)}
        network["VpcConfig"] = places
    application: dict[str, Any] = {"ImageUri": job.analysis.image}
    if job.analysis.environment:
        application["Environment"] = dict(job.analysis.environment)
    desired: dict[str, Any] = {
        f"{kind}AppSpecification": application,
        f"{kind}JobInput": _source(job),
        f"{kind}JobOutputConfig": {
            "KmsKeyId": job.output.key,
            "MonitoringOutputs": [{"S3Output": {"S3Uri": job.output.to, "LocalPath": WRITTEN_TO}}],
        },
        "JobResources": {
            "ClusterConfig": {
                "InstanceCount": job.resources.instance_count,
                "InstanceType": job.resources.instance_type,
                "VolumeSizeInGB": job.resources.volume_gb,
                "VolumeKmsKeyId": job.resources.volume_key,
            }
        },
        "NetworkConfig": network,
        "RoleArn": job.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": job.most_seconds},
    }
    return {**desired, f"{kind}BaselineConfig": baseline} if baseline else desired


def _source(job: MonitoringJob) -> dict[str, Any]:
    source = job.source
    if isinstance(source, EndpointInput):
        return {"EndpointInput": {"EndpointName": source.endpoint, **source.attributes()}}
    form = {"Csv": {"Header": source.header}} if source.format == "csv" else {"Json": {"Line": source.lines}}
    captured = {"DataCapturedDestinationS3Uri": source.captured, "DatasetFormat": form}
    return {"BatchTransformInput": {**captured, **source.attributes()}}


def _name(component: Component, role: str, kind: MonitoringType, content: Mapping[str, Any]) -> pulumi.Output[str]:
    """The name, with a hash of everything that a definition says: known when all of that is."""
    told = {**content, "Tags": component.context.tags_for(component.component)}
    text: pulumi.Output[str] = pulumi.Output.json_dumps(told, sort_keys=True)
    return text.apply(lambda said: component.physical(_KINDS[kind], role, content=said))


def _unread(kind: MonitoringType, job: MonitoringJob) -> list[Fault]:
    told = ("inference", "probability", "threshold", "features", "start", "end")
    return [
        Fault(f"{kind} can't be told of its input's {name!r}", "Remove it.", value=getattr(job.source, name))
        for name in told
        if name not in _READS[kind] and getattr(job.source, name) is not None
    ]


def _config(job: MonitoringJob) -> list[Fault]:
    if job.analysis.config is not None:
        return []
    remedy = "Give the S3 URI of its analysis configuration."
    return [Fault("bias and explanations need an analysis configuration", remedy, value=None)]


def _no_config(job: MonitoringJob) -> list[Fault]:
    if job.analysis.config is None:
        return []
    return [Fault("data and model quality take no analysis configuration", "Remove it.", value=job.analysis.config)]


def _config_uri(job: MonitoringJob) -> dict[str, Any]:
    return {"ConfigUri": job.analysis.config}


def refuse(component: Component, faults: Iterable[Fault]) -> None:
    """Raises `InputError` with all faults, each where the component was asked for unless it says another place."""
    found = [Fault(at.problem, at.remedy, at.source or component.written, at.value) for at in faults]
    if found:
        raise InputError(*found)
