"""Monitors that a schedule, a state machine and a function run: the jobs are SageMaker's, their clock is not.

It needs nothing of Model Monitor, so it watches redacted calls, and those that our own container keeps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.component import Component
from modelyard.core.functions import function, function_arn, worker
from modelyard.core.machines import one_job
from modelyard.core.monitored import JobKind
from modelyard.core.monitors import LIMITS, SAMPLE, limits_text
from modelyard.core.schedules import Schedules
from modelyard.core.service_role import ServiceRole
from modelyard.run.monitoring.metrics import METRICS
from modelyard.run.monitoring.spec import MonitorsSpec

if TYPE_CHECKING:
    from modelyard.run.monitoring.aws import EndpointMonitors

PART: Final = "planner"
MODULE: Final = "modelyard_jobs.monitors"
_MINUTE: Final = 60
_SECONDS: Final = 300
_MEMORY_MIB: Final = 256
_PAST: Final = 30
"""Minutes after the hour: by then captured calls lie in their place, redacted ones too (every quarter of an hour)."""
_FLAKY: Final = ("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException")
_FILE: Final = "monitors_function.py"


def described(
    monitors: Component, spec: MonitorsSpec, endpoint: str, labels: Mapping[JobKind, str]
) -> dict[str, dict[str, Any]]:
    """What the function is told of each monitor; `labels` by monitor: below which prefix they come."""
    told: dict[str, dict[str, Any]] = {}
    for kind in spec.jobs:
        plan = spec.plan(kind, endpoint)
        assert spec.reference is not None
        told[kind] = {
            "baseline": f"{kind}/{plan.hash}",
            "environment": environment(spec, kind),
            "hours": spec.looks_back(kind),
            "labels": labels.get(kind, ""),
            "namespace": METRICS[kind].namespace,
            "plan": plan.text,
            "reference": spec.reference.prefix,
            "schedule": monitors.physical("monitoring-schedule", f"{dashed(kind)}-schedule"),
            "waits": spec.waits(kind),
        }
    return told


def environment(spec: MonitorsSpec, kind: JobKind) -> dict[str, str]:
    """What a run's container is told of its limits, whoever starts it."""
    return {LIMITS: limits_text(spec.bounds(kind)), SAMPLE: f"{spec.jobs[kind].sample_percent / 100:g}"}


def dashed(kind: str) -> str:
    """A monitor as the names of its things have it."""
    return kind.replace("_", "-")


def expression(every_hours: int, past: int = _PAST) -> str:
    """The cron expression of EventBridge Scheduler: so many minutes past every so many hours, UTC."""
    hours = "*" if every_hours == 1 else "0" if every_hours == 24 else f"0/{every_hours}"
    return f"cron({past} {hours} * * ? *)"


class Conducted:
    """The function, the machine and the schedules of one component's monitors."""

    def __init__(self, monitors: EndpointMonitors) -> None:
        self._monitors = monitors
        self.machine_arn = monitors.context.arn("states", f"stateMachine:{monitors.physical('state-machine')}")
        self._function()
        self.machine = self._machine()

    def schedule(self, *, judge: bool) -> None:
        """Start the monitors by the clock; without `judge` only baselines are made, for somebody else's runs."""
        monitors = self._monitors
        schedules = Schedules(
            monitors,
            statements=[Statement(("states:StartExecution",), (self.machine_arn,))],
            description=f"Schedules start {monitors.component}",
            written=monitors.spec.source(),
        )
        for kind, monitor in monitors.spec.jobs.items():
            given = {"monitor": kind, "judge": judge, "at": "<aws.scheduler.scheduled-time>"}
            past = _PAST if judge else 5
            schedules.add(
                f"{dashed(kind)}-clock",
                expression(monitor.every_hours if judge else 1, past),
                self.machine.arn,
                given=json.dumps(given),
                written=monitor.source(),
            )

    def _function(self) -> None:
        monitors = self._monitors
        says = f"Prepares the jobs of {monitors.component}, and publishes what they find"
        made = worker(monitors, PART, says=says, key_arn=monitors.key_arn)
        namespaces = sorted({METRICS[kind].namespace for kind in monitors.spec.jobs})
        made.role.allow(
            monitors,
            "prepare",
            [
                *monitors.capture.may_list(monitors.calls, monitors.place),
                *monitors.may_keep(),
                *monitors.may_list_labels(),
                Statement(
                    ("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": namespaces}}
                ),
                made.logs,
            ],
        )
        labels = monitors.labels_prefixes()
        told = described(monitors, monitors.spec, monitors.endpoint_name, labels)
        text = Path(__file__).with_name(_FILE).read_text("utf-8")
        function(
            monitors,
            PART,
            worker=made,
            says=says,
            files={"function.py": text, "monitors.json": json.dumps(told, sort_keys=True, indent=1)},
            handler="function.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "BUCKET": monitors.capture.bucket.bucket,
                "CALLS": monitors.calls,
                "ENDPOINT": monitors.endpoint_name,
                "JOB": monitors.job_name,
                "LABELS": monitors.labels_bucket,
                "PREFIX": monitors.place,
                "REFERENCE": monitors.reference_bucket,
                "VARIANTS": ",".join(monitors.variants),
            },
            key_arn=monitors.key_arn,
            after=[made.role],
        )

    def _machine(self) -> aws.sfn.StateMachine:
        monitors, context = self._monitors, self._monitors.context
        jobs = context.arn("sagemaker", f"processing-job/{monitors.job_name}-*")
        named = function_arn(monitors, PART)
        conductor = ServiceRole(
            monitors,
            "conductor",
            "states",
            source_arn=self.machine_arn,
            statements=[
                Statement(
                    ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"),
                    (jobs,),
                ),
                Statement(
                    ("iam:PassRole",),
                    (monitors.identity.arn,),
                    {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                ),
                Statement(("lambda:InvokeFunction",), (named,)),
                Statement(("kms:CreateGrant",), (monitors.key_arn, monitors.data_key_arn), FOR_SERVICES),
                Statement(("kms:DescribeKey",), (monitors.key_arn, monitors.data_key_arn)),
            ],
            description=f"Step Functions conducts the jobs of {monitors.component}",
            written=monitors.spec.source(),
        )
        definition = pulumi.Output.all(
            monitors.identity.arn, monitors.key_arn, monitors.data_key_arn, monitors.placed
        ).apply(
            lambda known: json.dumps(
                definition_of(
                    monitors.spec,
                    about=monitors.component,
                    function=named,
                    role=known[0],
                    disk_key=known[1],
                    results_key=known[2],
                    vpc=known[3],
                )
            )
        )
        return aws.sfn.StateMachine(
            monitors.named("machine"),
            name=monitors.physical("state-machine"),
            role_arn=conductor.arn,
            definition=definition,
            opts=monitors.options(depends_on=[conductor.may_work, monitors.may_work]),
        )


def definition_of(
    spec: MonitorsSpec,
    *,
    about: str,
    function: str,
    role: str,
    disk_key: str,
    results_key: str,
    vpc: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The machine: prepare, run a job, publish; after a baseline, prepare again, so that the run follows it."""
    network: dict[str, Any] = {"EnableInterContainerTrafficEncryption": True, "EnableNetworkIsolation": True}
    if vpc:
        network["VpcConfig"] = {"Subnets": vpc["subnets"], "SecurityGroupIds": vpc["security_groups"]}
    job = {
        "ProcessingJobName.$": "$.next.said.name",
        "AppSpecification": {
            "ImageUri": spec.image,
            "ContainerEntrypoint": ["python", "-m", MODULE],
            "ContainerArguments.$": "$.next.said.arguments",
        },
        "Environment.$": "$.next.said.environment",
        "NetworkConfig": network,
        "ProcessingInputs.$": "$.next.said.inputs",
        "ProcessingOutputConfig": {"KmsKeyId": results_key, "Outputs.$": "$.next.said.outputs"},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": spec.instance_type,
                "VolumeKmsKeyId": disk_key,
                "VolumeSizeInGB": spec.volume_gib,
            }
        },
        "RoleArn": role,
        "StoppingCondition": {"MaxRuntimeInSeconds": spec.most_minutes * _MINUTE},
    }
    most = spec.most_minutes * _MINUTE
    made = one_job(
        "ProcessingJob",
        job,
        comment=f"Runs {about}",
        failed=f"A job of {about} failed or was stopped",
        most_seconds=most,
    )
    given = {"monitor.$": "$.monitor"}
    prepared = {"Variable": "$.next.said.do", "StringEquals": "nothing", "Next": "Quiet"}
    judged = {"Variable": "$.next.said.do", "StringEquals": "run", "Next": "Publish"}
    made["StartAt"] = "Prepare"
    made["TimeoutSeconds"] += most
    made["States"] |= {
        "Prepare": _asked(
            function, {**given, "action": "prepare", "at.$": "$.at", "judge.$": "$.judge"}, "$.next", "Wanted"
        ),
        "Wanted": {"Type": "Choice", "Choices": [prepared], "Default": "Start"},
        "Quiet": {"Type": "Succeed"},
        "Done": {"Type": "Choice", "Choices": [judged], "Default": "Prepare"},
        "Publish": _asked(
            function, {**given, "action": "publish", "results.$": "$.next.said.results"}, "$.published", "Published"
        ),
        "Published": {"Type": "Succeed"},
    }
    return made


def _asked(function: str, payload: Mapping[str, Any], result: str, then: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": dict(payload)},
        "ResultSelector": {"said.$": "$.Payload"},
        "ResultPath": result,
        "Retry": [{"ErrorEquals": list(_FLAKY), "IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 2}],
        "Next": then,
    }
