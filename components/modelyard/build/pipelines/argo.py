"""A training pipeline as a WorkflowTemplate of Argo Workflows.

Sources: argo-workflows.readthedocs.io/en/release-3.7 (fields, variables, artifacts), kueue.sigs.k8s.io/docs/tasks/run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from hera.workflows import models

from modelyard.build.pipelines import requests
from modelyard.build.pipelines.requests import Given, Joined, Made, Reference, Run, Started
from modelyard.build.pipelines.spec import ArgoWorkflows, PipelineSpec
from modelyard.build.pipelines.steps import MODEL, JobStep, RegisterStep, TrainStep
from modelyard.build.training import (
    LONGEST_LABEL,
    ClusterProgramSpec,
    JobPlaces,
    KubernetesTraining,
    MachinePool,
    Room,
    TrainingSpec,
    job_pod,
    light_pod,
)
from modelyard.core.kubernetes import DEFAULT_QUEUE, QUEUE

ENTRY: Final = "All"
"""The graph itself; names of steps are lower-case."""
ARCHIVE: Final = "model.tar.gz"
GATES: Final = "0-gates-of-"
"""What the name of a task begins with that puts down what gates measured: steps' begin with a letter."""
_IN: Final = "/opt/ml/processing/input"
_OUT: Final = "/opt/ml/processing/output"
_CHANNELS: Final = "/opt/ml/input/data"
_MODEL: Final = "/opt/ml/model"
_PACKED: Final = f"/opt/ml/{ARCHIVE}"
_PACKAGE: Final = "/tmp/package"
_DAY: Final = 86_400
_MINUTE: Final = 60
_LIGHT: Final = Room(0, 2, 8)
"""What a step gets that names no machine: it looks at data, and needs no GPU."""
_TOOLS: Final = Room(0, 1, 1)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, and the parameter path of what it was granted."""

    name: str
    resources: str


@dataclass(frozen=True, slots=True)
class ClusterPlaces:
    """Where everything is that the steps speak of, as texts: known when the template is made.

    `output` and `judged`: S3 URIs that end in a slash, of what steps leave, and of what those leave whose word counts
    for a gate. `datasets`: S3 URIs by dataset. `registrar` and `reporter`: ARNs of functions, empty where none is.
    """

    pipeline: str
    namespace: str
    region: str
    worker: Account
    conductor: Account
    output: str
    datasets: Mapping[str, str]
    repositories: Mapping[str, str]
    judge: Account | None = None
    judged: str = ""
    judges: frozenset[str] = frozenset()
    registrar: str = ""
    reporter: str = ""
    gated: frozenset[str] = field(default_factory=frozenset[str])


def workflow(
    spec: PipelineSpec, flavour: ArgoWorkflows, training: TrainingSpec, pool: MachinePool, places: ClusterPlaces
) -> dict[str, Any]:
    """The spec of the WorkflowTemplate. `training`: the pool on Kubernetes whose machines steps get."""
    on = training.flavour
    assert isinstance(on, KubernetesTraining), "a pool of another flavour is refused before"
    steps = _Steps(spec, training, on, pool, places)
    made = models.WorkflowSpec(
        entrypoint=ENTRY,
        service_account_name=places.worker.name,
        automount_service_account_token=True,
        parallelism=flavour.parallel_steps,
        arguments=models.Arguments(
            parameters=[models.Parameter(name=key, value=value) for key, value in requests.defaults(spec).items()]
        ),
        pod_gc=models.PodGC(strategy="OnPodSuccess"),
        pod_metadata=models.Metadata(labels={QUEUE: on.queue or DEFAULT_QUEUE}),
        ttl_strategy=models.TTLStrategy(seconds_after_completion=flavour.keep_days * _DAY),
        templates=[models.Template(name=ENTRY, dag=models.DAGTemplate(tasks=steps.tasks())), *steps.templates()],
    )
    return made.model_dump(by_alias=True, exclude_none=True, mode="json")


class _Steps:
    """The tasks of the graph, and the template that each runs."""

    def __init__(
        self,
        spec: PipelineSpec,
        training: TrainingSpec,
        on: KubernetesTraining,
        pool: MachinePool,
        places: ClusterPlaces,
    ) -> None:
        self._spec, self._training, self._on, self._pool, self._places = spec, training, on, pool, places

    def tasks(self) -> list[models.DAGTask]:
        """One for each step, and one for the results of each gate."""
        found = [
            models.DAGTask(name=name, template=name, dependencies=sorted(needs) or None)
            for name, needs in self._spec.needs.items()
        ]
        for name in self._reported():
            gates = _gates(name)
            package = models.Parameter(
                name="package", value=expression(Made(name, "package"), self._places, self._spec)
            )
            found.append(
                models.DAGTask(
                    name=gates,
                    template=gates,
                    dependencies=[name],
                    arguments=models.Arguments(parameters=[package]),
                )
            )
        return found

    def templates(self) -> list[models.Template]:
        """The templates by the names of the tasks."""
        jobs = [self._job(name, step) for name, step in self._spec.jobs.items()]
        registers = [self._register(name, step) for name, step in self._spec.registers.items()]
        return [*jobs, *registers, *(self._results(name, step) for name, step in self._reported().items())]

    def _reported(self) -> dict[str, RegisterStep]:
        return {name: step for name, step in self._spec.registers.items() if step.report and name in self._places.gated}

    def _job(self, name: str, step: JobStep) -> models.Template:
        places = self._places
        account = places.judge if name in places.judges and places.judge is not None else places.worker
        folder = _CHANNELS if isinstance(step, TrainStep) else _IN
        brought = [
            self._artifact(key, f"{folder}/{key}", self._where(found), whole=_is_archive(found, self._spec))
            for key, found in requests.inputs(step, places.datasets).items()
        ]
        if isinstance(step, TrainStep):
            left = [self._artifact(MODEL, _PACKED, self._where(Made(name, MODEL)))]
        else:
            left = [self._artifact(key, f"{_OUT}/{key}", self._where(Made(name, key))) for key in step.outputs]
        wanted = step.resources
        given: dict[str, Any] = {"volume_gib": wanted.volume_gib} if wanted.volume_gib is not None else {}
        if wanted.instance_type is not None:
            given["instance_types"] = (wanted.instance_type,)
        variables = requests.environment(name, step, pipeline=places.pipeline, resources=account.resources)
        light = wanted.instance_type is None and not isinstance(step, TrainStep)
        return self._template(
            name,
            requests.reference(step.image, places.repositories),
            account,
            training=self._training.model_copy(update=given),
            needs=_LIGHT if light else None,
            command=self._command(step),
            arguments=[] if isinstance(step, TrainStep) else list(step.arguments),
            variables={key: _text(value, places, self._spec) for key, value in variables.items()},
            seconds=(step.timeout_minutes or self._training.max_runtime_minutes) * _MINUTE,
            retries=step.retries,
            inputs=models.Inputs(artifacts=brought) if brought else None,
            outputs=models.Outputs(artifacts=left) if left else None,
        )

    def _command(self, step: JobStep) -> list[str]:
        """A step's command; what trains packs its model when it has ended well, as SageMaker does."""
        if not isinstance(step, TrainStep):
            return list(step.command)
        started = [*step.command, *step.arguments]
        if step.launcher == "torchrun":
            started = ["torchrun", "--standalone", "--nproc-per-node=auto", *started]
        packs = f'mkdir -p {_MODEL} && "$@" && tar -C {_MODEL} -czf {_PACKED} .'
        return ["/bin/sh", "-c", packs, "sh", *started]

    def _register(self, name: str, step: RegisterStep) -> models.Template:
        told = requests.registration(name, step, self._spec)
        package = models.Parameter(name="package", value_from=models.ValueFrom(path=_PACKAGE))
        return self._call(
            name, self._places.registrar, told, answer="package", outputs=models.Outputs(parameters=[package])
        )

    def _results(self, name: str, step: RegisterStep) -> models.Template:
        told = {**requests.results(name, step.report or ""), "package": "{{inputs.parameters.package}}"}
        inputs = models.Inputs(parameters=[models.Parameter(name="package")])
        return self._call(_gates(name), self._places.reporter, told, inputs=inputs)

    def _call(
        self, name: str, function: str, told: Mapping[str, Any], *, answer: str = "", **more: Any
    ) -> models.Template:
        """A pod that calls a function as an account that no program of the team's runs as."""
        flavour, places = self._spec.flavour, self._places
        assert isinstance(flavour, ArgoWorkflows) and flavour.tools_image is not None, "refused before"
        kept = ["--answer", answer, "--into", _PACKAGE] if answer else []
        given = [f"{key}={_text(value, places, self._spec)}" for key, value in sorted(told.items())]
        return self._template(
            name,
            flavour.tools_image,
            places.conductor,
            training=self._training,
            needs=_TOOLS,
            command=["python", "-m", "modelyard_jobs.call"],
            arguments=[*kept, function, *given],
            variables={},
            seconds=15 * _MINUTE,
            retries=2,
            **more,
        )

    def _template(
        self,
        name: str,
        image: str,
        account: Account,
        *,
        training: TrainingSpec,
        needs: Room | None,
        command: list[str],
        arguments: list[str],
        variables: Mapping[str, str],
        seconds: int,
        retries: int,
        inputs: models.Inputs | None = None,
        outputs: models.Outputs | None = None,
    ) -> models.Template:
        """A pod as the pool makes them; `needs` on whatever machine has room, absent: a machine of the pool."""
        program = ClusterProgramSpec(image=image, command=tuple(command))
        where = JobPlaces(
            namespace=self._places.namespace,
            service_account=account.name,
            region=self._places.region,
            resources=account.resources,
            output=self._places.output,
        )
        on = self._on.model_copy(update={"volumes": {}})
        if needs is None:
            made = job_pod(name, training, on, program, places=where, pool=self._pool, container="main")
        else:
            made = light_pod(name, training, on, program, places=where, needs=needs, container="main")
        pod, (container,) = made["spec"], made["spec"]["containers"]
        own = [each for each in container["env"] if each["name"] not in (*variables, "MODELYARD_CHECKPOINTS")]
        extra = [{"name": key, "value": variables[key]} for key in sorted(variables)]
        placed = {key: pod[key] for key in ("nodeSelector", "affinity", "tolerations") if key in pod}
        return models.Template.model_validate(
            {
                "name": name,
                "metadata": {**made["metadata"], "labels": {LONGEST_LABEL: str(seconds)}},
                "serviceAccountName": account.name,
                "securityContext": pod["securityContext"],
                "volumes": pod["volumes"],
                "container": {**container, "command": command, "args": arguments or None, "env": [*own, *extra]},
                "activeDeadlineSeconds": seconds,
                "retryStrategy": {"limit": retries, "retryPolicy": "Always"} if retries else None,
                "inputs": inputs,
                "outputs": outputs,
                **placed,
            }
        )

    def _where(self, found: str | Made) -> str:
        return found if isinstance(found, str) else expression(found, self._places, self._spec)

    def _artifact(self, name: str, path: str, uri: str, *, whole: bool = False) -> models.Artifact:
        """What is brought or left as it is, unpacked and packed by nobody; `whole`: one file, in a folder at `path`."""
        place = urlsplit(uri)
        return models.Artifact(
            name=name,
            path=f"{path}/{ARCHIVE}" if whole else path,
            archive=models.ArchiveStrategy(none=models.NoneStrategy()),
            s3=models.S3Artifact(
                bucket=place.netloc,
                key=place.path.strip("/"),
                endpoint=f"s3.{self._places.region}.amazonaws.com",
                region=self._places.region,
                use_sdk_creds=True,
            ),
        )


def expression(reference: Reference, places: ClusterPlaces, spec: PipelineSpec) -> str:
    """A reference as Argo's variables; what a step left, as the place where it lies."""
    match reference:
        case Run():
            return "{{workflow.name}}"
        case Started():
            return "{{workflow.creationTimestamp.RFC3339}}"
        case Given(name):
            return f"{{{{workflow.parameters.{name}}}}}"
        case Made(step, output):
            return _made(step, output, places, spec)
        case Joined(parts):
            return "".join(part if isinstance(part, str) else expression(part, places, spec) for part in parts)


def _made(step: str, output: str, places: ClusterPlaces, spec: PipelineSpec) -> str:
    makes = spec.steps[step]
    run = "{{workflow.name}}"
    if isinstance(makes, RegisterStep):
        return f"{{{{tasks.{step}.outputs.parameters.{output}}}}}"
    if isinstance(makes, TrainStep):
        return f"{places.output}{places.pipeline}/{run}/{step}/{ARCHIVE}"
    dataset = makes.outputs[output].dataset
    if dataset is not None:
        return places.datasets[dataset]
    below = places.judged if step in places.judges else f"{places.output}{places.pipeline}/"
    return f"{below}{run}/{step}/{output}"


def _is_archive(found: str | Made, spec: PipelineSpec) -> bool:
    return isinstance(found, Made) and isinstance(spec.steps[found.step], TrainStep)


def _text(value: Any, places: ClusterPlaces, spec: PipelineSpec) -> str:
    return expression(value, places, spec) if isinstance(value, requests.REFERENCES) else str(value)


def _gates(name: str) -> str:
    return f"{GATES}{name}"
