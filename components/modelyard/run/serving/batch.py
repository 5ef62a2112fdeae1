"""Predictions for a whole dataset: a transform job, by the clock or when somebody asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import PlaceSpec
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.addresses import BatchInferenceAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.machines import fresh_name, one_job
from modelyard.core.notices import Notices
from modelyard.core.schedules import Schedules
from modelyard.core.service_role import ServiceRole
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.foundation.network import NetworkLike
from modelyard.run.serving.batch_spec import BatchSpec
from modelyard.run.serving.checks import not_offered, unplaced
from modelyard.run.serving.models import model, model_role, package_arn, placed_in
from modelyard.run.serving.release import released

_MINUTE = 60
_MODEL = "main"


class BatchInference(Component):
    """The model, a state machine that runs a transform job of it, its schedule, and an alarm.

    `registry` has the model, `lake` its rows and its predictions. The container acts as `identity`. Raises `SpecError`
    with all faults.
    """

    CAPABILITY = "serving"

    def __init__(
        self,
        name: str,
        spec: BatchSpec,
        *,
        context: Context,
        registry: ModelRegistry,
        lake: DataLake,
        keys: KeysLike,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [
            *spec.all_faults(),
            *not_offered(spec, "instance_type", spec.instance_type, context.region),
            *unplaced(
                spec,
                spec.model,
                models=registry.spec.models,
                zones=lake.zones,
                wanted={"input.zone": spec.input.zone, "output.zone": spec.output.zone},
                without_network=spec.vpc and network is None,
            ),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.job_name = self.physical("transform-job")
        self.machine_arn = context.arn("states", f"stateMachine:{self.physical('state-machine')}")
        self._lake, self._registry, self._key = lake, registry, keys.arn("models")
        self.identity = model_role(
            self,
            logs="TransformJobs",
            in_network=spec.vpc,
            key_arn=self._key,
            statements=self._may_predict(),
            written=spec.source(),
        )
        registry.grant_pull(self.identity, models=[spec.model])
        self._notices = Notices(self, self._key, about="Predictions")
        self.topic = self._notices.of(spec.owner)
        self._network = placed_in(network) if network is not None and spec.vpc else None
        at_program_end(self._make)
        self.register_outputs({"machine": self.machine_arn, "topic": self.topic})

    def grant_start(self, grantee: Grantee) -> None:
        """Let `grantee` start a run, and follow it."""
        executions = self.machine_arn.replace(":stateMachine:", ":execution:")
        statements = [
            Statement(("states:StartExecution",), (self.machine_arn,)),
            Statement(("states:DescribeExecution", "states:StopExecution"), (f"{executions}:*",)),
        ]
        self._grant(grantee, "start", statements)

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` read the predictions."""
        self._grant(grantee, "read", self._zone(self.spec.output).may_read(self.output_prefix))

    @property
    def output_prefix(self) -> str:
        """Where predictions lie in their zone."""
        return f"{self.spec.output.prefix}/{self.component}"

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement]) -> None:
        found = address(
            BatchInferenceAddress,
            name=self.component,
            machine=self.machine_arn,
            output=self._uri(self.spec.output, self.output_prefix),
        )
        identity_of(grantee).allow(self, intent, statements, [found])

    def _zone(self, place: PlaceSpec) -> Any:
        return self._lake.zone(place.zone)

    def _uri(self, place: PlaceSpec, prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat("s3://", self._zone(place).bucket.bucket, f"/{prefix}/")

    def _may_predict(self) -> list[Statement]:
        spec = self.spec
        return [
            *self._zone(spec.input).may_read(spec.input.prefix),
            *self._zone(spec.output).may_write(self.output_prefix),
            through_service(self.context, "s3", ENCRYPT_AND_DECRYPT, self._lake.key_arn),
        ]

    def _make(self) -> None:
        """The model and its machine, when the policies of the role are written."""
        spec, version = self.spec, self.spec.release.version
        checked = released(
            self,
            self._registry,
            self.identity,
            model=spec.model,
            versions={version: spec.release.source("version")},
        )
        made, model_name = model(
            self,
            _MODEL,
            package_arn(self._registry, spec.model, version),
            environment=spec.environment,
            isolated=spec.network_isolation,
            role=self.identity,
            network=self._network,
            after=checked,
        )
        conductor = self._conductor(model_name)
        definition = pulumi.Output.all(
            self._uri(spec.input, spec.input.prefix),
            self._uri(spec.output, self.output_prefix),
            self._key,
            self._lake.key_arn,
        ).apply(lambda values: json.dumps(definition_of(spec, self.job_name, model_name, *values)))
        machine = aws.sfn.StateMachine(
            self.named("machine"),
            name=self.physical("state-machine"),
            role_arn=conductor.arn,
            definition=definition,
            opts=self.options(depends_on=[conductor.may_work, made]),
        )
        if spec.schedule is not None:
            Schedules(
                self,
                statements=[Statement(("states:StartExecution",), (self.machine_arn,))],
                description=f"Schedules start {self.component}",
                written=spec.source("schedule"),
            ).add("schedule", spec.schedule, machine.arn, given="{}", written=spec.source("schedule"))
        self._notices.alarm(
            "failed",
            spec.owner,
            metric=("AWS/States", "ExecutionsFailed"),
            dimensions={"StateMachineArn": self.machine_arn},
            statistic="Sum",
            above=0,
            says=f"{self.component} made no predictions; the log of its transform job says why.",
        )

    def _conductor(self, model_name: str) -> ServiceRole:
        context = self.context
        jobs = context.arn("sagemaker", f"transform-job/{self.job_name}-*")
        return ServiceRole(
            self,
            "conductor",
            "states",
            source_arn=self.machine_arn,
            statements=[
                Statement(
                    ("sagemaker:CreateTransformJob",),
                    (jobs,),
                    {"ForAnyValue:ArnEquals": {"sagemaker:ModelArn": context.arn("sagemaker", f"model/{model_name}")}},
                ),
                Statement(("sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"), (jobs,)),
                Statement(("kms:CreateGrant",), (self._key, self._lake.key_arn), FOR_SERVICES),
                Statement(("kms:DescribeKey",), (self._key, self._lake.key_arn)),
            ],
            description=f"Step Functions conducts the jobs of {self.component}",
            written=self.spec.source(),
        )


def definition_of(
    spec: BatchSpec, job_name: str, model_name: str, source: str, output: str, disk_key: str, output_key: str
) -> dict[str, Any]:
    """The machine that runs one transform job of `model_name` from `source` to `output` (`s3://…/`)."""
    told: dict[str, Any] = {"Accept": spec.content_type, "KmsKeyId": output_key, "S3OutputPath": output}
    if spec.split:
        told["AssembleWith"] = "Line"
    job: dict[str, Any] = {
        "TransformJobName.$": fresh_name(job_name),
        "ModelName": model_name,
        "BatchStrategy": "MultiRecord" if spec.several_rows else "SingleRecord",
        "MaxConcurrentTransforms": spec.per_instance,
        "MaxPayloadInMB": spec.payload_mib,
        "TransformInput": {
            "CompressionType": "None",
            "ContentType": spec.content_type,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "SplitType": "Line" if spec.split else "None",
        },
        "TransformOutput": told,
        "TransformResources": {
            "InstanceCount": spec.instances,
            "InstanceType": spec.instance_type,
            "VolumeKmsKeyId": disk_key,
        },
    }
    if spec.keep_input:
        job["DataProcessing"] = {"JoinSource": "Input"}
    return one_job(
        "TransformJob",
        job,
        comment=f"Predicts by {spec.model}",
        failed=f"The transform job of {spec.model} failed or was stopped",
        most_seconds=spec.most_minutes * _MINUTE,
    )
