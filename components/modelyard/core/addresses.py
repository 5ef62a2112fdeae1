"""What a grantee needs in order to find what it was granted, as one typed document.

Value types only: the jobs read them without Pulumi. Each thing that an identity was granted lies in a parameter of
its own below the identity's path, so that a new grant never rewrites another's.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ENVIRONMENT_VARIABLE: Final = "MODELYARD_RESOURCES"
"""Names the parameter path of the running identity: `/modelyard/<platform>/<environment>/<team>/<identity>`."""


def _words(value: object) -> object:
    return tuple(word for word in value.split(",") if word) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Several words, published with commas between them."""


class Address(BaseModel):
    """Where a granted thing is found; `name` is what the code calls it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


class DatasetAddress(Address):
    """A dataset of a lake: objects under `s3://bucket/prefix`, and its table in the Glue catalog."""

    kind: Literal["dataset"] = "dataset"
    bucket: str
    prefix: str
    key_arn: str
    database: str
    table: str
    workgroup: str


class BucketAddress(Address):
    """A part of a bucket: objects under `s3://bucket/prefix`."""

    kind: Literal["bucket"] = "bucket"
    bucket: str
    prefix: str = ""
    key_arn: str


class KeyAddress(Address):
    """A KMS key, for code that encrypts by itself."""

    kind: Literal["key"] = "key"
    key_arn: str


class SecretAddress(Address):
    """A secret; `key_arn` is empty where the account's own key encrypts it."""

    kind: Literal["secret"] = "secret"
    secret_arn: str
    key_arn: str = ""


class BusAddress(Address):
    """The platform's event bus, and the source under which the grantee may put events on it."""

    kind: Literal["bus"] = "bus"
    bus: str
    source: str


class StreamAddress(Address):
    """Where the events of a dataset are put: a Kinesis data stream, or a delivery stream of Firehose."""

    kind: Literal["stream"] = "stream"
    service: Literal["kinesis", "firehose"]
    stream: str
    key_arn: str


class DoorAddress(Address):
    """The public door of an endpoint: JSON is posted to `url`, signed for `execute-api` in `region`."""

    kind: Literal["door"] = "door"
    url: str
    region: str


class FeatureViewAddress(Address):
    """One version of a feature view; `name` is both, as `customer-v2`.

    `store` is the feature group, or the view's name in Feast. `definition` is the object below `bucket` that says all
    the rest (`core.features.ViewDefinition`), `repository` the prefix of Feast's `feature_store.yaml`.
    """

    kind: Literal["feature-view"] = "feature-view"
    view: str
    version: str
    flavour: Literal["sagemaker", "feast"]
    store: str
    bucket: str
    definition: str
    repository: str = ""
    database: str = ""
    table: str = ""
    workgroup: str
    key_arn: str
    endpoint: str = ""
    """Of a Redis store: `host:port`."""
    reader: str = ""
    writer: str = ""
    """The users of a Redis store; the grantee connects as those that it was granted."""


class LanguageModelAddress(Address):
    """A language model on an endpoint: `component` is the inference component that a call names, `model` what its
    server calls it (the field `model` of OpenAI's API)."""

    kind: Literal["language-model"] = "language-model"
    endpoint: str
    component: str
    model: str


class ModelAddress(Address):
    """A model of a registry: its package group, and where below `bucket` its things lie.

    Artifacts at `models/<name>/`, results of gates at `gates/<name>/<version>.json`, decisions at
    `decisions/<userid>/<name>/<version>.json`, signed releases at `releases/<name>/<version>.json`.
    """

    kind: Literal["model"] = "model"
    group: str
    bucket: str
    key_arn: str
    signing_key_arn: str
    promotion: str
    """The ARN of the state machine that approves."""


class TrackingAddress(Address):
    """An MLflow server, as its client is configured: the tracking URI, and where runs keep their files.

    `tracking_uri` is the server's ARN in the flavour `managed`, which MLflow's plugin `sagemaker-mlflow` takes;
    else an address. `secret_arn` then holds `username` and `password`, and `client_group` is the security group that
    reaches it. In the flavour `kubernetes` pods have user and password in their variables.
    """

    kind: Literal["tracking"] = "tracking"
    flavour: Literal["managed", "self_hosted", "kubernetes"]
    tracking_uri: str
    artifact_root: str
    key_arn: str
    secret_arn: str = ""
    client_group: str = ""


class RepositoryAddress(Address):
    """A repository of container images: `uri` is what stands before a tag or `@sha256:…`."""

    kind: Literal["repository"] = "repository"
    uri: str


class PipelineAddress(Address):
    """A training pipeline: the ARN of a state machine or of a pipeline of SageMaker, and what a run may be told."""

    kind: Literal["pipeline"] = "pipeline"
    flavour: Literal["step_functions", "sagemaker"]
    arn: str
    parameters: Words = ()


class BatchInferenceAddress(Address):
    """Predictions for a whole dataset: the state machine that makes them, and where they lie (`s3://…/`)."""

    kind: Literal["batch-inference"] = "batch-inference"
    machine: str
    output: str


class EndpointAddress(Address):
    """An inference endpoint: what SageMaker calls it, on what it runs, and where captured calls lie (`s3://…`)."""

    kind: Literal["endpoint"] = "endpoint"
    endpoint: str
    served_by: Literal["instances", "serverless", "asynchronous", "multi_model"]
    capture: str = ""
    target_models: Words = ()
    """`name=key` of each model, where there are many: the key is a call's `TargetModel`."""

    def target(self, name: str) -> str:
        """What a call of one of many models names as `TargetModel`. Raises `KeyError` where there is no such."""
        return dict(entry.split("=", 1) for entry in self.target_models)[name]


class LoopAddress(Address):
    """A retraining loop: the state machine that is started, and the parameter that says who serves."""

    kind: Literal["loop"] = "loop"
    arn: str
    champion: str


class TrainingPoolAddress(Address):
    """What a training job must be in order to be let in: role, network, keys, types, limits, and where its things lie.

    Names of jobs begin with `job_name` and a hyphen. `output` and `checkpoints` are `s3://…/`, each job below its own
    name; `checkpoints` is empty where the pool keeps none. Types with local disks take no volume key.
    """

    kind: Literal["training-pool"] = "training-pool"
    job_name: str
    role_arn: str
    key_arn: str
    subnets: Words = ()
    security_groups: Words = ()
    instance_types: Words = ()
    local_disk_types: Words = ()
    max_runtime_seconds: int
    max_wait_seconds: int = 0
    """Of a job on spare capacity, waiting included; zero: jobs run on demand."""
    warm_seconds: int = 0
    volume_gib: int
    network_isolation: bool
    inter_container_encryption: bool
    instances: int = 1
    most_instances: int = 1
    launcher: Literal["torchrun", "mpi"] = "torchrun"
    tuning_strategy: Literal["Bayesian", "Hyperband", "Random"] = "Bayesian"
    tuning_jobs: int = 20
    tuning_parallel: int = 2
    tuning_early_stopping: bool = True
    output: str
    checkpoints: str = ""
    tags: Words = ()
    """`key=value`, what every job carries so that its cost is somebody's."""
    queue: str = ""
    """Through which jobs go in; empty: they are created at once."""
    shares: Words = ()
    """Of the queue, those that the grantee may use."""
    file_system: str = ""
    """FSx for Lustre, as SageMaker's inputs name it; empty where the pool has none."""
    file_system_path: str = ""


class BatchPoolAddress(Address):
    """Where jobs of AWS Batch go in: a queue, its shares, and one definition per program.

    `definitions` are `program=name`; the newest revision runs. `output` and `checkpoints` are `s3://…/`, each job below
    its own name; containers find them in `MODELYARD_OUTPUT` and `MODELYARD_CHECKPOINTS`.
    """

    kind: Literal["batch-pool"] = "batch-pool"
    job_name: str
    queue: str
    shares: Words
    definitions: Words
    nodes: Words = ()
    """`program=nodes` of those that work on several."""
    key_arn: str
    max_runtime_seconds: int
    output: str
    checkpoints: str = ""
    log_group: str
    tags: Words = ()
    """`key=value`, what every job must carry."""


class ClusterPoolAddress(Address):
    """Where jobs on Kubernetes go in: a namespace of a cluster, its queue, and a ConfigMap with a job of each program.

    `templates` holds `<program>.json`, as `kubectl create -f` takes it, and `limits.json`. `programs` are
    `program=kind` of their runtime. `output` and `checkpoints` are `s3://…/`; containers find them in
    `MODELYARD_OUTPUT` and `MODELYARD_CHECKPOINTS`.
    """

    kind: Literal["cluster-pool"] = "cluster-pool"
    cluster: str
    namespace: str
    queue: str
    templates: str
    programs: Words
    max_runtime_seconds: int
    most_instances: int
    output: str
    checkpoints: str = ""


class ClusterPipelineAddress(Address):
    """A training pipeline on Kubernetes: the WorkflowTemplate that runs name, and what a run may be told."""

    kind: Literal["cluster-pipeline"] = "cluster-pipeline"
    cluster: str
    namespace: str
    template: str
    parameters: Words = ()


COMMA: Final = "%2C"
"""Stands for a comma of a person's name where commas part words."""


class WorkbenchAddress(Address):
    """A Studio domain, and the profiles in it that the grantee's people may open: `person=profile`."""

    kind: Literal["workbench"] = "workbench"
    domain_id: str
    profiles: Words = ()

    def profile_of(self, person: str) -> str:
        """The profile of a person. Raises `KeyError` for one who has none."""
        known = dict(entry.replace(COMMA, ",").rsplit("=", 1) for entry in self.profiles)
        return known[person]


A = TypeVar("A", bound=Address)
AnyAddress = Annotated[
    BatchPoolAddress
    | DatasetAddress
    | BucketAddress
    | BusAddress
    | ClusterPipelineAddress
    | ClusterPoolAddress
    | DoorAddress
    | FeatureViewAddress
    | KeyAddress
    | LanguageModelAddress
    | ModelAddress
    | BatchInferenceAddress
    | EndpointAddress
    | LoopAddress
    | PipelineAddress
    | RepositoryAddress
    | SecretAddress
    | StreamAddress
    | TrackingAddress
    | TrainingPoolAddress
    | WorkbenchAddress,
    Field(discriminator="kind"),
]


class Addresses(BaseModel):
    """What one thing granted to one identity: the content of one parameter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: str
    intents: tuple[str, ...]
    addresses: tuple[AnyAddress, ...]


class ResourceDocument(BaseModel):
    """Everything that an identity was granted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    things: tuple[Addresses, ...]

    def dataset(self, name: str) -> DatasetAddress:
        """The dataset called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(DatasetAddress, name)

    def bucket(self, name: str) -> BucketAddress:
        """The bucket or zone called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(BucketAddress, name)

    def key(self, name: str) -> KeyAddress:
        """The key called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(KeyAddress, name)

    def secret(self, name: str) -> SecretAddress:
        """The secret called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(SecretAddress, name)

    def bus(self, name: str) -> BusAddress:
        """The event bus called `name`. Raises `KeyError` where nothing may be put on it."""
        return self._find(BusAddress, name)

    def door(self, name: str) -> DoorAddress:
        """The public door called `name`. Raises `KeyError` where no call was granted."""
        return self._find(DoorAddress, name)

    def language_model(self, name: str) -> LanguageModelAddress:
        """The language model called `name` (`endpoint/model`). Raises `KeyError` where it wasn't granted."""
        return self._find(LanguageModelAddress, name)

    def model(self, name: str) -> ModelAddress:
        """The model called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(ModelAddress, name)

    def batch_inference(self, name: str) -> BatchInferenceAddress:
        """The batch inference called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(BatchInferenceAddress, name)

    def endpoint(self, name: str) -> EndpointAddress:
        """The inference endpoint called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(EndpointAddress, name)

    def pipeline(self, name: str) -> PipelineAddress:
        """The training pipeline called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(PipelineAddress, name)

    def repository(self, name: str) -> RepositoryAddress:
        """The image repository called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(RepositoryAddress, name)

    def stream(self, name: str) -> StreamAddress:
        """Where events of the dataset called `name` are put. Raises `KeyError` where that wasn't granted."""
        return self._find(StreamAddress, name)

    def tracking(self, name: str) -> TrackingAddress:
        """The tracking server called `name`. Raises `KeyError` where it wasn't granted."""
        return self._find(TrackingAddress, name)

    def training_pool(self, name: str) -> TrainingPoolAddress:
        """The training pool called `name`. Raises `KeyError` where nothing may be submitted to it."""
        return self._find(TrainingPoolAddress, name)

    def workbench(self, name: str) -> WorkbenchAddress:
        """The workbench called `name`. Raises `KeyError` where nobody may open it."""
        return self._find(WorkbenchAddress, name)

    def batch_pool(self, name: str) -> BatchPoolAddress:
        """The pool of AWS Batch called `name`. Raises `KeyError` where nothing may be submitted to it."""
        return self._find(BatchPoolAddress, name)

    def feature_view(self, name: str, version: int | None = None) -> FeatureViewAddress:
        """A version of the feature view called `name`; without a version, the newest of those granted.

        Raises `KeyError` where it wasn't granted.
        """
        if version is not None:
            return self._find(FeatureViewAddress, f"{name}-v{version}")
        found = [a for thing in self.things for a in thing.addresses if isinstance(a, FeatureViewAddress)]
        versions = [int(address.version) for address in found if address.view == name]
        return self._find(FeatureViewAddress, f"{name}-v{max(versions, default=0)}")

    def _find(self, kind: type[A], name: str) -> A:
        for thing in self.things:
            for address in thing.addresses:
                if isinstance(address, kind) and address.name == name:
                    return address
        granted = sorted(a.name for thing in self.things for a in thing.addresses if isinstance(a, kind))
        raise KeyError(f"{name} was not granted; granted are: {', '.join(granted) or 'none of this kind'}")
