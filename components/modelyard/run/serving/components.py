"""Inference components: models that share an endpoint's machines, through Cloud Control, since pulumi-aws has none.

A component keeps its name while its model changes. How many copies there are is no part of an update: scaling has moved
them since, and only the first deployment says how many to begin with. Alarms can't take an update back:
`DeploymentConfig` is only ever written, and a patch of Cloud Control's doesn't say it again.
Sources: the CloudFormation schemas of AWS::SageMaker::InferenceComponent and AWS::SageMaker::EndpointConfig;
sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component
from modelyard.run.serving.llm_spec import CopiesSpec
from modelyard.run.serving.models import Placed
from modelyard.run.serving.scaling import follow, predefined, wake

_COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
_AT_FIRST: Final = 1
"""Copies of the first deployment: one, which shows that the model loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Machines without a model of their own. `most` and `least` are machines; `key_arn` encrypts their disks.

    `key_arn` is None for types with local disks, which are encrypted by their hardware and take no key.
    """

    variant: str
    instance_type: str
    least: int
    most: int
    isolated: bool
    role_arn: pulumi.Input[str]
    network: Placed | None = None
    key_arn: pulumi.Input[str] | None = None
    volume_gib: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What each copy takes of a machine, and how long it may load and start, in seconds."""

    gpus: int
    memory_mib: int
    download_seconds: int
    start_seconds: int


def host_configuration(
    owner: Component, role: str, host: Host, **options: Any
) -> tuple[pulumi.Output[str], aws.cloudcontrol.Resource]:
    """A configuration without a model, and its name, which is made of all that it says: nothing of it can be changed.

    CloudFormation's configuration has network and isolation for such variants; pulumi-aws's has neither.
    """
    variant: dict[str, Any] = {
        "VariantName": host.variant,
        "InstanceType": host.instance_type,
        "InitialInstanceCount": max(host.least, 1),
        "InitialVariantWeight": 1,
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": host.least,
            "MaxInstanceCount": host.most,
        },
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    if host.volume_gib is not None:
        variant["VolumeSizeInGB"] = host.volume_gib
    desired: dict[str, Any] = {
        "EnableNetworkIsolation": host.isolated,
        "ExecutionRoleArn": host.role_arn,
        "ProductionVariants": [variant],
    }
    if host.network is not None:
        places = {"Subnets": host.network["subnets"], "SecurityGroupIds": host.network["security_groups"]}
        desired["VpcConfig"] = {key: list(value) for key, value in places.items()}
    if host.key_arn is not None:
        desired["KmsKeyId"] = host.key_arn
    told = {**desired, "Tags": owner.context.tags_for(owner.component)}
    text: pulumi.Output[str] = pulumi.Output.json_dumps(told, sort_keys=True)
    name = text.apply(lambda said: owner.physical("endpoint-config", content=said))
    desired = {"EndpointConfigName": name, **desired}
    made = cloudformation(owner, role, "AWS::SageMaker::EndpointConfig", desired, tags="list", **options)
    return name, made


def inference_component(
    owner: Component, part: str, *, endpoint: str, variant: str, model: pulumi.Input[str], needs: Needs, **options: Any
) -> tuple[str, aws.cloudcontrol.Resource]:
    """The component called `part`, and its physical name: another model comes in place.

    What SageMaker can't change, its name, endpoint and variant, replaces it, though its published schema doesn't say
    so; it goes first then, since two can't have one name.
    """
    name = owner.physical("inference-component", part)
    made = cloudformation(
        owner,
        f"{part}-component",
        "AWS::SageMaker::InferenceComponent",
        {
            "InferenceComponentName": name,
            "EndpointName": endpoint,
            "VariantName": variant,
            "Specification": {
                "ModelName": model,
                "ComputeResourceRequirements": {
                    "NumberOfAcceleratorDevicesRequired": needs.gpus,
                    "MinMemoryRequiredInMb": needs.memory_mib,
                },
                "StartupParameters": {
                    "ModelDataDownloadTimeoutInSeconds": needs.download_seconds,
                    "ContainerStartupHealthCheckTimeoutInSeconds": needs.start_seconds,
                },
            },
            "RuntimeConfig": {"CopyCount": _AT_FIRST},
        },
        tags="list",
        **{**options, "replacement_trigger": [name, endpoint, variant], "delete_before_replace": True},
    )
    return name, made


def scale_copies(owner: Component, role: str, copies: CopiesSpec, *, name: str, after: pulumi.Resource) -> None:
    """Let the copies of the component called `name` follow the calls at a time, from none where it says so.

    From none, a call that finds no copy fails; an alarm hears that and a step policy adds one.
    """
    target = aws.appautoscaling.Target(
        owner.written_at(f"{role}-copies", copies.source()),
        service_namespace="sagemaker",
        scalable_dimension=_COPIES,
        resource_id=f"inference-component/{name}",
        min_capacity=copies.least,
        max_capacity=copies.most,
        opts=owner.options(depends_on=[after]),
    )
    metric = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    follow(owner, role, target, copies, predefined(metric, copies.concurrency))
    if copies.least == 0:
        wake(
            owner,
            role,
            target,
            heard="asked",
            says=f"{name} was called, and has no copy",
            metric="NoCapacityInvocationFailures",
            dimensions={"InferenceComponentName": name},
            statistic="Maximum",
            minutes=1,
            cooldown=copies.out_seconds,
        )
