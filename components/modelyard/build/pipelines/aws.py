"""A training pipeline: a state machine or a pipeline of SageMaker, its role, and what starts, watches and registers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines import sagemaker, step_functions
from modelyard.build.pipelines.checks import Ground, unfit
from modelyard.build.pipelines.granting import dataset_uris, let_work
from modelyard.build.pipelines.judging import gated, judge, judged_prefix, judges
from modelyard.build.pipelines.registering import registering
from modelyard.build.pipelines.registrar import REGISTRAR, REPORTER
from modelyard.build.pipelines.repositories import ImageRepositories
from modelyard.build.pipelines.requests import Judge, Places
from modelyard.build.pipelines.spec import PipelineSpec, SageMakerPipelines
from modelyard.build.pipelines.triggers import Triggers
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import TrainingPool
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.addresses import PipelineAddress, TrainingPoolAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.functions import function_arn
from modelyard.core.notices import Notices
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike
from modelyard.foundation.keys import KeysLike

_WAITS_FOR_JOBS = ("ProcessingJobs", "TrainingJobs")


class TrainingPipeline(Component):
    """Steps from data to a version that waits for approval, run as jobs of one pool.

    Its jobs read and write what the steps name: the pool is granted that. `features`, `registry` and `images` may be
    absent where no step needs them, `audit` where no event starts it; with it, the bus hears how each run of a state
    machine ended. Raises `SpecError` with the faults of `spec`, and with those that show only where it stands.
    """

    CAPABILITY = "pipelines"

    def __init__(
        self,
        name: str,
        spec: PipelineSpec,
        *,
        context: Context,
        pool: TrainingPool,
        lake: DataLake,
        keys: KeysLike,
        features: FeatureStore | None = None,
        registry: ModelRegistry | None = None,
        images: ImageRepositories | None = None,
        audit: AuditLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        ground = Ground(pool, lake, features, registry, images)
        faults = list(unfit(spec, ground, context=context, listens=audit is not None))
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._lake, self._pool, self._audit = lake, pool, audit
        self._repositories = ground.repositories
        self.known_arn = context.arn(*self._named())
        """The ARN of the state machine or the pipeline, known before it exists."""
        self._gated = gated(spec, registry)
        self.judge = judge(self, pool=pool, lake=lake) if self._gated else None
        """Whom the steps run as whose word counts for a gate; None where no version comes with a report."""
        self.identity = self._conductor()
        judged = {name: step for name, step in spec.jobs.items() if name in judges(self._gated)}
        let_work(pool, [step for name, step in spec.jobs.items() if name not in judged], lake=lake, features=features)
        if self.judge is not None:
            let_work(self.judge, list(judged.values()), lake=lake, features=features)
        registering(self, spec, self._gated, ground, key_arn=keys.arn("models"))
        self.arn = self._pipeline() if self._of_sagemaker else self._machine()
        Triggers(self, spec, arn=self.arn, starts=self._starts(), sagemaker=self._of_sagemaker, audit=audit)
        self._notices = Notices(self, lake.key_arn, about="Training pipelines")
        self._watch()
        self.register_outputs({"arn": self.arn, "topics": dict(self._notices.arns)})

    def grant_start(self, grantee: Grantee) -> None:
        """Let `grantee` start runs, stop them, and see how they go. Whoever starts one has its jobs do the work."""
        statements = [self._starts(), Statement(self._actions("stop"), self._runs()), *self._may_read()]
        identity_of(grantee).allow(self, "start", statements, [self._address()])

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` see the definition, and how runs went."""
        identity_of(grantee).allow(self, "read", self._may_read(), [self._address()])

    @property
    def _of_sagemaker(self) -> bool:
        return isinstance(self.spec.flavour, SageMakerPipelines)

    def _named(self) -> tuple[str, str]:
        if self._of_sagemaker:
            return "sagemaker", f"pipeline/{self.physical('sagemaker')}"
        return "states", f"stateMachine:{self.physical('state-machine')}"

    def _actions(self, intent: str) -> tuple[str, ...]:
        return _ACTIONS[self.spec.flavour.kind][intent]

    def _runs(self) -> tuple[str, ...]:
        if self._of_sagemaker:
            return (f"{self.known_arn}/execution/*",)
        return (f"{self.known_arn.replace(':stateMachine:', ':execution:')}:*",)

    def _starts(self) -> Statement:
        return Statement(self._actions("start"), (self.known_arn,))

    def _may_read(self) -> list[Statement]:
        return [
            Statement(self._actions("read"), (self.known_arn,)),
            Statement(self._actions("read_runs"), self._runs()),
        ]

    def _address(self) -> PendingAddress:
        return address(
            PipelineAddress,
            name=self.component,
            flavour=self.spec.flavour.kind,
            arn=self.known_arn,
            parameters=",".join(("author", "commit", "snapshot", *self.spec.parameters)),
        )

    def _conductor(self) -> ServiceRole:
        """The role that creates the jobs: what the pool lets in, and nothing beside it."""
        context, spec, statements = self.context, self.spec, list[Statement]()
        if not self._of_sagemaker:
            rules = (f"rule/StepFunctionsGetEventsForSageMaker{kind}Rule" for kind in _WAITS_FOR_JOBS)
            statements.append(
                Statement(
                    ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
                    tuple(context.arn("events", rule) for rule in rules),
                )
            )
        functions = [*([REGISTRAR] if spec.registers else []), *([REPORTER] if self._gated else [])]
        if functions:
            arns = tuple(function_arn(self, each) for each in functions)
            statements.append(Statement(("lambda:InvokeFunction",), arns))
        if self.judge is not None:
            to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            statements.append(Statement(("iam:PassRole",), (self.judge.arn,), to_sagemaker))
        if not statements:
            statements.append(Statement(self._actions("read"), (self.known_arn,)))
        made = ServiceRole(
            self,
            "conductor",
            "sagemaker" if self._of_sagemaker else "states",
            source_arn=f"{self.known_arn}*" if self._of_sagemaker else self.known_arn,
            statements=statements,
            description=f"Runs the jobs of {self.component}",
            written=spec.source(),
        )
        self._pool.grant_submit(made.role)
        if self._audit is not None and not self._of_sagemaker:
            self._audit.grant_publish(made.role, team=context.owner)
        return made

    def _definition(self, render: Callable[[Places, str], dict[str, Any]]) -> pulumi.Output[str]:
        """The definition as text, once everything is known that it speaks of."""
        bus = self._audit.bus_name if self._audit is not None else pulumi.Output.from_input("")
        known: pulumi.Output[Any] = pulumi.Output.all(
            pool=pulumi.Output.all(**self._pool.address.fields),
            datasets=dataset_uris(self._lake),
            bus=bus,
            judges=pulumi.Output.from_input(self._judges()),
        )

        def written(values: Mapping[str, Any]) -> str:
            places = Places(
                pipeline=self.component,
                pool=TrainingPoolAddress.model_validate(values["pool"]),
                resources=self._pool.identity.resources_path,
                datasets=values["datasets"],
                repositories=self._repositories,
                registrar=function_arn(self, REGISTRAR),
                reporter=function_arn(self, REPORTER),
                gated=frozenset(self._gated),
                judges={name: Judge(**each) for name, each in values["judges"].items()},
            )
            return json.dumps(render(places, values["bus"]))

        return known.apply(written)

    def _judges(self) -> dict[str, pulumi.Output[dict[str, Any]]]:
        if self.judge is None:
            return {}
        bucket = self._lake.zone(self._pool.spec.output.zone).bucket.bucket
        output = pulumi.Output.concat("s3://", bucket, f"/{judged_prefix(self, self._pool)}/")
        path = self.judge.resources_path
        one = pulumi.Output.all(role_arn=self.judge.arn, output=output, resources=path)
        return dict.fromkeys(sorted(judges(self._gated)), one)

    def _machine(self) -> pulumi.Output[str]:
        made = aws.sfn.StateMachine(
            self.named("machine"),
            name=self.physical("state-machine"),
            role_arn=self.identity.arn,
            definition=self._definition(
                lambda places, bus: step_functions.definition(self.spec, places, bus=bus, team=self.context.owner)
            ),
            opts=self.options(depends_on=[self.identity.may_work]),
        )
        return made.arn

    def _pipeline(self) -> pulumi.Output[str]:
        flavour = self.spec.flavour
        most = flavour.parallel_steps if isinstance(flavour, SageMakerPipelines) else 1
        made = aws.sagemaker.Pipeline(
            self.named("pipeline"),
            pipeline_name=self.physical("sagemaker"),
            pipeline_display_name=self.physical("sagemaker"),
            pipeline_description=self.spec.description or f"Training pipeline {self.component}",
            role_arn=self.identity.arn,
            parallelism_configuration={"max_parallel_execution_steps": most},
            pipeline_definition=self._definition(lambda places, _: sagemaker.definition(self.spec, places)),
            opts=self.options(depends_on=[self.identity.may_work]),
        )
        return made.arn

    def _watch(self) -> None:
        if self._of_sagemaker:
            metric = ("AWS/Sagemaker/ModelBuildingPipeline", "ExecutionFailed")
            dimensions: Mapping[str, pulumi.Input[str]] = {"PipelineName": self.physical("sagemaker")}
        else:
            metric, dimensions = ("AWS/States", "ExecutionsFailed"), {"StateMachineArn": self.arn}
        self._notices.alarm(
            "failed",
            self.spec.owner,
            metric=metric,
            dimensions=dimensions,
            statistic="Sum",
            above=0,
            says=f"A run of the training pipeline {self.component} has failed; the log of its job says why.",
        )


_ACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "step_functions": {
        "start": ("states:StartExecution",),
        "stop": ("states:StopExecution",),
        "read": ("states:DescribeStateMachine", "states:ListExecutions"),
        "read_runs": ("states:DescribeExecution", "states:GetExecutionHistory"),
    },
    "sagemaker": {
        "start": ("sagemaker:StartPipelineExecution",),
        "stop": ("sagemaker:StopPipelineExecution",),
        "read": ("sagemaker:DescribePipeline", "sagemaker:ListPipelineExecutions"),
        "read_runs": (
            "sagemaker:DescribePipelineDefinitionForExecution",
            "sagemaker:DescribePipelineExecution",
            "sagemaker:ListPipelineExecutionSteps",
            "sagemaker:ListPipelineParametersForExecution",
        ),
    },
}
