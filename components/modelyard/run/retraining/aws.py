"""A retraining loop: a state machine that trains, judges, has approved and brings a version, and what starts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines import TrainingPipeline
from modelyard.build.registry import ModelRegistry, stored
from modelyard.core import releasing
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import LoopAddress
from modelyard.core.bundles import bundle
from modelyard.core.champions import champion_parameter, shape_parameter
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.functions import Worker, function, function_arn, worker
from modelyard.core.notices import Notices
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining import loop_guards
from modelyard.run.retraining.checks import registering_step, unfit
from modelyard.run.retraining.machine import definition
from modelyard.run.retraining.spec import AutomaticApproval, RetrainingSpec, machine_name
from modelyard.run.retraining.states import Places
from modelyard.run.retraining.triggers import Triggers
from modelyard.run.serving import InferenceEndpoint

FUNCTION: Final = "loop"
PREFIX: Final = "retraining/"
"""Below it, in the lake's zone of artifacts, each loop keeps its lock and its runs."""
RUNBOOK: Final = "docs/retraining.md#what-each-end-looks-like"
_SECONDS: Final = 300
_MEMORY_MIB: Final = 256


class RetrainingLoop(Component):
    """Trains a new version of what an endpoint serves, and brings it there, when triggers and guards let it.

    `endpoints` and `pipelines` are the team's, by name; `features` may be absent where no trigger names a view.
    `alarms` are those of the endpoint's monitors (`EndpointMonitors.alarms`). Raises `SpecError` with all faults.
    """

    CAPABILITY = "retraining"

    def __init__(
        self,
        name: str,
        spec: RetrainingSpec,
        *,
        context: Context,
        endpoints: Mapping[str, InferenceEndpoint],
        pipelines: Mapping[str, TrainingPipeline],
        registry: ModelRegistry,
        lake: DataLake,
        keys: KeysLike,
        audit: AuditLike,
        features: FeatureStore | None = None,
        alarms: Mapping[str, AlarmFacts] | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        known = alarms or {}
        faults = [
            *spec.all_faults(),
            *unfit(
                name,
                spec,
                context=context,
                endpoints=endpoints,
                pipelines=pipelines,
                datasets=lake.spec.datasets,
                views=features.spec.views if features is not None else (),
                alarms=known,
            ),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._endpoint, self._registry, self._lake = endpoints[spec.endpoint], registry, lake
        self._pipeline = pipelines[spec.pipeline] if spec.pipeline else None
        self._key = keys.arn("models")
        self.known_arn = context.arn("states", f"stateMachine:{machine_name(context, name)}")
        """The ARN of the state machine, known before it exists."""
        self._champion = champion_parameter(context.names, spec.endpoint)
        self._notices = Notices(self, self._key, about="Retraining")
        self.topic = self._notices.of(spec.owner)
        self._works = worker(self, FUNCTION, says=f"Guards and judges the runs of {name}", key_arn=self._key)
        self._lets_function_work(self._works)
        self.function = self._makes_function(self._works, known)
        self.identity = self._conductor(audit)
        self.machine = self._makes_machine(audit)
        self.arn = self.machine.arn
        Triggers(
            self,
            spec,
            machine=self.machine,
            function=self.function,
            known_arn=self.known_arn,
            alarms=known,
            audit=audit,
        )
        self._watch()
        self.register_outputs({"arn": self.arn, "topic": self.topic})

    def grant_start(self, grantee: Grantee) -> None:
        """Let `grantee` start runs, see how they go, and who serves; the guards hold for everybody."""
        executions = self._executions(self.known_arn)
        found = address(LoopAddress, name=self.component, arn=self.known_arn, champion=self._champion)
        statements = [
            Statement(("states:StartExecution",), (self.known_arn,)),
            Statement(("states:DescribeExecution", "states:GetExecutionHistory"), (executions,)),
            Statement(("ssm:GetParameter",), (self._parameter(self._champion),)),
        ]
        identity_of(grantee).allow(self, "start", statements, [found])

    @property
    def _model(self) -> str:
        return self._endpoint.spec.model

    @property
    def _prefix(self) -> str:
        return f"{PREFIX}{self.component}/"

    def _parameter(self, name: str) -> str:
        return self.context.arn("ssm", f"parameter{name}")

    def _executions(self, machine: str) -> str:
        return f"{machine.replace(':stateMachine:', ':execution:')}:*"

    def _lets_function_work(self, works: Worker) -> None:
        """The function keeps lock and runs, looks at the version, and makes what is to serve it."""
        zone = self._lake.zone("artifacts")
        works.role.allow(
            self,
            "guard",
            [
                *zone.may_read(self._prefix),
                *zone.may_write(self._prefix),
                Statement(("states:DescribeExecution",), (self._executions(self.known_arn),)),
                works.logs,
            ],
        )
        self._registry.grant_read(works.role, models=[self._model])
        if isinstance(self.spec.approval, AutomaticApproval):
            self._registry.grant_approve(works.role, models=[self._model])
        self._endpoint.grant_promote(works.role)

    def _makes_function(self, works: Worker, alarms: Mapping[str, AlarmFacts]) -> aws.lambda_.Function:
        return function(
            self,
            FUNCTION,
            worker=works,
            says=f"Guards and judges the runs of {self.component}",
            files=sources(self._declared(alarms)),
            handler="loop_function.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "BUCKET": self._lake.zone("artifacts").bucket.bucket,
                "PROMOTION": self._registry.promotion_arn,
                "REGISTRY": self._registry.bucket.bucket,
                "SIGNING_KEY": self._registry.signing_key_arn,
            },
            key_arn=self._key,
        )

    def _declared(self, alarms: Mapping[str, AlarmFacts]) -> dict[str, Any]:
        """What the function must know of the loop."""
        spec, canary = self.spec, self.spec.canary
        facts = self._registry.facts(self._model)
        automatic = isinstance(spec.approval, AutomaticApproval)
        return {
            "loop": self.component,
            "team": self.context.owner,
            "endpoint": spec.endpoint,
            "endpoint_name": self._endpoint.endpoint_name,
            "model": self._model,
            "group": facts["group"],
            "gates": facts["gates"],
            "because": spec.approval.because if isinstance(spec.approval, AutomaticApproval) else "",
            "approval_hours": 0 if automatic else getattr(spec.approval, "timeout_hours", 0),
            "cooldown_hours": spec.cooldown_hours,
            "most_runs": spec.most_runs_a_month,
            "usd_a_month": spec.budget.usd_a_month if spec.budget else 0.0,
            "usd_a_run": spec.budget.usd_a_run if spec.budget else 0.0,
            "thresholds": sorted(spec.thresholds),
            "prefix": self._prefix,
            "champion_parameter": self._champion,
            "shape_parameter": shape_parameter(self.context.names, spec.endpoint),
            "canary": {
                "bake_minutes": canary.bake_minutes if canary else None,
                "alarms": [alarms[name].name for name in canary.alarms if name in alarms] if canary else [],
            },
        }

    def _conductor(self, audit: AuditLike) -> ServiceRole:
        """The role of the machine: it starts and follows what others do, and alone updates the endpoint."""
        context = self.context
        followed = (self._executions(self._registry.promotion_arn),)
        versions = (f"{self._registry.facts(self._model)['packages']}/*",)
        own_alarms = context.arn("cloudwatch", f"alarm:{'-'.join((*context.names.owner, ''))}*")
        made = ServiceRole(
            self,
            "conductor",
            "states",
            source_arn=self.known_arn,
            statements=[
                Statement(("lambda:InvokeFunction",), (function_arn(self, FUNCTION),)),
                Statement(("sagemaker:DescribeModelPackage",), versions),
                *(
                    [Statement(("states:DescribeExecution",), followed)]
                    if isinstance(self.spec.approval, AutomaticApproval)
                    else []
                ),
                Statement(("cloudwatch:DescribeAlarms",), (own_alarms,)),
                Statement(("sns:Publish",), (self._notices.known_arn(self.spec.owner),)),
                through_service(context, "sns", ENCRYPT_AND_DECRYPT, self._key),
            ],
            description=f"Runs {self.component}, and updates {self._endpoint.component}",
            written=self.spec.source(),
        )
        if self._pipeline is not None:
            self._pipeline.grant_start(made.role)
        self._endpoint.grant_promote(made.role)
        audit.grant_publish(made.role, team=context.owner)
        return made

    def _makes_machine(self, audit: AuditLike) -> aws.sfn.StateMachine:
        spec, pipeline = self.spec, self._pipeline
        person = None if isinstance(spec.approval, AutomaticApproval) else spec.approval.timeout_hours * 3_600
        topic = self._notices.known_arn(spec.owner)

        def written(bus: str) -> str:
            return json.dumps(
                definition(
                    Places(
                        loop=self.component,
                        team=self.context.owner,
                        function=function_arn(self, FUNCTION),
                        pipeline=pipeline.known_arn if pipeline else "",
                        flavour="sagemaker"
                        if pipeline and pipeline.spec.flavour.kind == "sagemaker"
                        else "step_functions",
                        step=registering_step(pipeline, self._model) if pipeline else "",
                        endpoint=self._endpoint.endpoint_name,
                        champion=self._champion,
                        topic=topic,
                        bus=bus,
                        training_seconds=spec.training_hours * 3_600,
                        gates_seconds=spec.gates_minutes * 60,
                        approval_seconds=person,
                    )
                )
            )

        return aws.sfn.StateMachine(
            self.named("machine"),
            name=machine_name(self.context, self.component),
            role_arn=self.identity.arn,
            definition=audit.bus_name.apply(written),
            opts=self.options(depends_on=[self.identity.may_work, self.function]),
        )

    def _watch(self) -> None:
        """A run that ends by itself says why; one that was ended by time says nothing, so an alarm does."""
        self._notices.alarm(
            "timed-out",
            self.spec.owner,
            metric=("AWS/States", "ExecutionsTimedOut"),
            dimensions={"StateMachineArn": self.arn},
            statistic="Sum",
            above=0,
            says=f"A run of {self.component} took longer than all its parts may; the champion of "
            f"{self._endpoint.component} keeps serving, and the lock is free again. Runbook: {RUNBOOK}",
        )


def sources(declared: Mapping[str, Any]) -> dict[str, str]:
    """The function's files by path: its own text, the rules' text, and what is declared of the loop."""
    files = {
        "loop_function.py": Path(__file__).with_name("loop_function.py").read_text("utf-8"),
        "loop.json": json.dumps(declared, sort_keys=True),
    }
    return bundle(files, releasing, stored, loop_guards)
