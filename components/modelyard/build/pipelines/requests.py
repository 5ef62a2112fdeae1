"""What a step asks SageMaker for, with references where only the run knows the value.

Both flavours render the same requests: a state machine writes references as paths, a SageMaker pipeline as `Get`.
Source: sagemaker/latest/APIReference, API_CreateProcessingJob and API_CreateTrainingJob.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from modelyard.build.pipelines.images import Image, RepositoryImage
from modelyard.build.pipelines.spec import RUN_PARAMETERS, PipelineSpec
from modelyard.build.pipelines.steps import (
    DatasetInput,
    JobStep,
    OutputInput,
    ParameterValue,
    RegisterStep,
    RunParameter,
    TrainStep,
    ViewInput,
)
from modelyard.core.addresses import ENVIRONMENT_VARIABLE, TrainingPoolAddress

MINUTE: Final = 60
GATES: Final = "_gates"
"""What the name of a register step has behind it where the results of its gates are put down: steps' have none."""
_IN: Final = "/opt/ml/processing/input"
_OUT: Final = "/opt/ml/processing/output"
_LAUNCH: Final = ("python", "-m", "modelyard_jobs.launch")


@dataclass(frozen=True, slots=True)
class Run:
    """The id of the run."""


@dataclass(frozen=True, slots=True)
class Started:
    """When the run began, in ISO 8601."""


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter of the run."""

    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a step left: the S3 URI of an output."""

    step: str
    output: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts and references, one after the other."""

    parts: tuple[str | Run | Started | Given | Made, ...]


Reference: TypeAlias = Run | Started | Given | Made | Joined
REFERENCES: Final = (Run, Started, Given, Made, Joined)


@dataclass(frozen=True, slots=True)
class Judge:
    """Whom a step runs as whose word counts for a gate, and where it leaves its outputs: no other job writes there.

    `output`: an S3 URI that ends in a slash. `resources`: the parameter path of the identity.
    """

    role_arn: str
    output: str
    resources: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is that the steps speak of, as texts: known when the pipeline is made.

    `datasets`: S3 URIs by dataset. `repositories`: addresses of own repositories by name. `resources`: the parameter
    path of the pool's identity. `registrar`: the ARN of the function that registers, empty where no step does;
    `reporter`: that of the one which puts down what gates measured. `gated`: the
    register steps that it follows. `judges`: by the evaluate steps whose word counts for a gate.
    """

    pipeline: str
    pool: TrainingPoolAddress
    resources: str
    datasets: Mapping[str, str]
    repositories: Mapping[str, str]
    registrar: str = ""
    reporter: str = ""
    gated: frozenset[str] = frozenset()
    judges: Mapping[str, Judge] = field(default_factory=dict[str, Judge])


def reference(image: Image, repositories: Mapping[str, str]) -> str:
    """The whole reference to an image, by its digest."""
    if isinstance(image, RepositoryImage):
        return f"{repositories[image.repository]}@{image.digest}"
    return image


def defaults(spec: PipelineSpec) -> dict[str, str]:
    """The parameters of a run that nothing else was said for."""
    return {"author": spec.owner, "commit": spec.commit or "", "snapshot": "", **spec.parameters}


def job_prefix(places: Places, step: str) -> str:
    """What the name of a step's job begins with: the pool's name, as its fence asks, and the step's if it fits."""
    whole = f"{places.pool.job_name}-{step}"
    return whole if len(whole) <= 54 else places.pool.job_name


def training(name: str, step: TrainStep, places: Places) -> dict[str, Any]:
    """A CreateTrainingJob request without its name."""
    pool = places.pool
    specification: dict[str, Any] = {
        "TrainingImage": reference(step.image, places.repositories),
        "TrainingInputMode": "FastFile",
    }
    command = step.command if step.launcher is None else (*_LAUNCH, step.launcher, *step.command)
    specification |= _container(command, step.arguments)
    stopping = {"MaxRuntimeInSeconds": _seconds(step, pool)}
    if pool.max_wait_seconds:
        stopping["MaxWaitTimeInSeconds"] = pool.max_wait_seconds
    resources = _cluster(step, pool, pool.instances)
    if pool.warm_seconds:
        resources["KeepAlivePeriodInSeconds"] = pool.warm_seconds
    request: dict[str, Any] = {
        "AlgorithmSpecification": specification,
        "EnableInterContainerTrafficEncryption": pool.inter_container_encryption,
        "EnableManagedSpotTraining": pool.max_wait_seconds > 0,
        "EnableNetworkIsolation": pool.network_isolation,
        "Environment": environment(name, step, pipeline=places.pipeline, resources=places.resources),
        "HyperParameters": {key: _value(value) for key, value in step.parameters.items()},
        "OutputDataConfig": {
            "S3OutputPath": Joined((f"{pool.output}{places.pipeline}/", Run(), f"/{name}")),
            "KmsKeyId": pool.key_arn,
        },
        "ResourceConfig": resources,
        "RoleArn": pool.role_arn,
        "StoppingCondition": stopping,
        "Tags": _tags(pool),
    }
    channels = {key: uri for key, uri in inputs(step, places.datasets).items()}
    if channels:
        request["InputDataConfig"] = [
            {
                "ChannelName": key,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for key, uri in channels.items()
        ]
    if pool.checkpoints:
        request["CheckpointConfig"] = {"S3Uri": Joined((f"{pool.checkpoints}{places.pipeline}/", Run(), f"/{name}/"))}
    if pool.subnets:
        request["VpcConfig"] = _vpc(pool)
    return request


def processing(name: str, step: JobStep, places: Places) -> dict[str, Any]:
    """A CreateProcessingJob request without its name."""
    if isinstance(step, TrainStep):
        raise TypeError(f"{name} trains")
    pool = places.pool
    own = Judge(pool.role_arn, f"{pool.output}{places.pipeline}/", places.resources)
    works = places.judges.get(name, own)
    network: dict[str, Any] = {
        "EnableInterContainerTrafficEncryption": pool.inter_container_encryption,
        "EnableNetworkIsolation": pool.network_isolation,
    }
    if pool.subnets:
        network["VpcConfig"] = _vpc(pool)
    outputs = [
        {
            "OutputName": output,
            "S3Output": {
                "S3Uri": (
                    places.datasets[spec.dataset]
                    if spec.dataset is not None
                    else Joined((works.output, Run(), f"/{name}/{output}"))
                ),
                "LocalPath": f"{_OUT}/{output}",
                "S3UploadMode": "EndOfJob",
            },
        }
        for output, spec in step.outputs.items()
    ]
    brought = [
        {
            "InputName": key,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": f"{_IN}/{key}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
        for key, uri in inputs(step, places.datasets).items()
    ]
    return {
        "AppSpecification": {
            "ImageUri": reference(step.image, places.repositories),
            **_container(step.command, step.arguments),
        },
        "Environment": environment(name, step, pipeline=places.pipeline, resources=places.resources)
        | {ENVIRONMENT_VARIABLE: works.resources},
        "NetworkConfig": network,
        **({"ProcessingInputs": brought} if brought else {}),
        "ProcessingOutputConfig": {"Outputs": outputs, "KmsKeyId": pool.key_arn},
        "ProcessingResources": {"ClusterConfig": _cluster(step, pool, 1)},
        "RoleArn": works.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": _seconds(step, pool)},
        "Tags": _tags(pool),
    }


def registration(name: str, step: RegisterStep, spec: PipelineSpec) -> dict[str, Any]:
    """What the registrar is told: flat, since a pipeline of SageMaker hands functions nothing deeper."""
    told: dict[str, Any] = {"step": name, "run": Run(), "started": Started(), "artifact": made(step.artifact)}
    if step.report is not None:
        told["report"] = made(step.report)
    told |= {key: Given(key) for key in RUN_PARAMETERS}
    return told | {f"parameter_{key}": Given(key) for key in spec.parameters}


def results(name: str, report: str) -> dict[str, Any]:
    """What the function is told that puts down what the gates of a new version measured."""
    return {"step": name, "package": Made(name, "package"), "report": made(report)}


def made(output: str) -> Made:
    """The reference `step.output`."""
    step, _, name = output.partition(".")
    return Made(step, name)


def resolved(request: Any, resolve: Callable[[Reference], Any]) -> Any:
    """The request with each reference replaced."""
    if isinstance(request, REFERENCES):
        return resolve(request)
    if isinstance(request, dict):
        return {key: resolved(value, resolve) for key, value in request.items()}  # pyright: ignore
    if isinstance(request, list):
        return [resolved(value, resolve) for value in request]  # pyright: ignore
    return request


def _container(command: tuple[str, ...], arguments: tuple[str, ...]) -> dict[str, Any]:
    found = {"ContainerEntrypoint": list(command), "ContainerArguments": list(arguments)}
    return {key: words for key, words in found.items() if words}


def _value(value: ParameterValue) -> str | Given:
    return Given(value.of) if isinstance(value, RunParameter) else value


def environment(name: str, step: JobStep, *, pipeline: str, resources: str) -> dict[str, Any]:
    """What a step's code finds in its environment."""
    variables: dict[str, Any] = {
        ENVIRONMENT_VARIABLE: resources,
        "MODELYARD_PIPELINE": pipeline,
        "MODELYARD_RUN": Run(),
        "MODELYARD_STEP": name,
    }
    for key, value in step.parameters.items():
        variables[f"MODELYARD_PARAMETER_{key.upper()}"] = _value(value)
    for key, found in step.inputs.items():
        if isinstance(found, ViewInput):
            variables[f"MODELYARD_VIEW_{key.upper().replace('-', '_')}"] = found.key
    return variables


def inputs(step: JobStep, datasets: Mapping[str, str]) -> dict[str, str | Made]:
    """S3 URIs by the name of the input; a view isn't brought, its code asks for it."""
    found: dict[str, str | Made] = {}
    for key, each in step.inputs.items():
        if isinstance(each, DatasetInput):
            found[key] = datasets[each.name]
        elif isinstance(each, OutputInput):
            found[key] = made(each.of)
    return found


def _cluster(step: JobStep, pool: TrainingPoolAddress, instances: int) -> dict[str, Any]:
    wanted, allowed = step.resources, (*pool.instance_types, *pool.local_disk_types)
    chosen = allowed[0] if wanted.instance_type is None else wanted.instance_type
    cluster: dict[str, Any] = {
        "InstanceCount": instances if wanted.instances is None else wanted.instances,
        "InstanceType": chosen,
        "VolumeSizeInGB": pool.volume_gib if wanted.volume_gib is None else wanted.volume_gib,
    }
    if chosen in pool.instance_types:
        cluster["VolumeKmsKeyId"] = pool.key_arn
    return cluster


def _seconds(step: JobStep, pool: TrainingPoolAddress) -> int:
    return pool.max_runtime_seconds if step.timeout_minutes is None else step.timeout_minutes * MINUTE


def _vpc(pool: TrainingPoolAddress) -> dict[str, Any]:
    return {"SecurityGroupIds": list(pool.security_groups), "Subnets": list(pool.subnets)}


def _tags(pool: TrainingPoolAddress) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, _, value in (tag.partition("=") for tag in pool.tags)]
