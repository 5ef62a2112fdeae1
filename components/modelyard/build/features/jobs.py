"""What fills views and compares their stores: schedules, a state machine per version, and processing jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.features.spec import JobSpec
from modelyard.build.features.views import View
from modelyard.core.access import Statement, trust_service
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES, WRITE_LOGS
from modelyard.core.component import Component
from modelyard.core.features import FRESHNESS, MISMATCHED, NAMESPACE
from modelyard.core.identity import Role
from modelyard.core.machines import fresh_name, one_job
from modelyard.core.notices import Notices
from modelyard.core.schedules import Schedules
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.network import NetworkLike

MATERIALIZE: Final = "materialize"
COMPARE: Final = "compare"
_IMAGE: Final = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)")
_SHORT, _LONG, _DAY = 300, 3600, 86_400


class Jobs:
    """The machinery of one store: a role that starts machines, one that conducts jobs, and a role for each version."""

    def __init__(
        self,
        store: Component,
        spec: JobSpec,
        views: Sequence[View],
        *,
        key_arn: pulumi.Output[str],
        network: NetworkLike | None,
    ) -> None:
        self._store = store
        self._spec = spec
        self._key = key_arn
        self._network = network
        self._notices = Notices(store, key_arn, about="Features")
        self._views = [view for view in views if view.spec.schedule or view.spec.consistency]
        self.roles: dict[str, Role] = {view.key: self._worker(view) for view in self._views}
        if self._views:
            self._conductor = self._conducts()
            self._schedules = self._starts()

    @property
    def topics(self) -> Mapping[str, pulumi.Output[str]]:
        """The topic of each owner, by address."""
        return self._notices.arns

    def dimensions(self, view: View) -> dict[str, str]:
        """What the metrics of a version are told apart by."""
        return {"Store": "-".join((*self._store.context.names.owner, self._store.component)), "View": view.key}

    def add(self, view: View) -> None:
        """The machine of a version, its schedules and its alarms."""
        store, spec = self._store, view.spec
        worker = self.roles[view.key]
        known = pulumi.Output.all(worker.arn, self._key, self._vpc()).apply(
            lambda values: json.dumps(
                definition_of(
                    view.key,
                    self._spec,
                    job_name=store.physical("processing-job", view.key),
                    role=values[0],
                    key_arn=values[1],
                    vpc=values[2],
                    resources=worker.resources_path,
                )
            )
        )
        machine = aws.sfn.StateMachine(
            store.written_at(f"{view.key}-machine", spec.source()),
            name=store.physical("state-machine", view.key),
            role_arn=self._conductor.arn,
            definition=known,
            opts=store.options(depends_on=[self._conductor.may_work]),
        )
        if spec.schedule is not None:
            self._schedule(view, MATERIALIZE, spec.schedule, machine)
        if spec.consistency is not None:
            self._schedule(view, COMPARE, spec.consistency.schedule, machine)
        self._watch(view, machine)

    def _worker(self, view: View) -> Role:
        store, context = self._store, self._store.context
        name = store.physical("processing-job", view.key)
        role = Role(
            store.named(f"{view.key}-job"),
            context=context,
            trusted=[
                trust_service(
                    "sagemaker.amazonaws.com",
                    context=context,
                    source_arn=context.arn("sagemaker", f"processing-job/{name}-*"),
                )
            ],
            description=f"A job fills {view.key} and compares its stores",
            opts=pulumi.ResourceOptions(parent=store),
            written=view.spec.source(),
        )
        found = _IMAGE.match(self._spec.image)
        repository = ""
        if found is not None:
            place = f"arn:{context.partition}:ecr:{found['region']}:{found['account']}"
            repository = f"{place}:repository/{found['name']}"
        namespace = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
        statements = [
            Statement(("cloudwatch:PutMetricData",), ("*",), namespace),
            Statement(("ecr:GetAuthorizationToken",), ("*",)),
            Statement(PULL_IMAGES, (repository,)),
            Statement(WRITE_LOGS, (context.arn("logs", "log-group:/aws/sagemaker/ProcessingJobs*"),)),
        ]
        if self._network is not None:
            statements.append(Statement(JOB_IN_A_VPC, ("*",)))
        role.allow(store, "run", statements)
        return role

    def _conducts(self) -> ServiceRole:
        store, context = self._store, self._store.context
        names = [store.physical("processing-job", view.key) for view in self._views]
        jobs = tuple(context.arn("sagemaker", f"processing-job/{name}-*") for name in names)
        machines = context.arn("states", f"stateMachine:{'-'.join((*context.names.owner, ''))}*")
        return ServiceRole(
            store,
            "conductor",
            "states",
            source_arn=machines,
            statements=[
                Statement(
                    ("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"),
                    jobs,
                ),
                Statement(
                    ("iam:PassRole",),
                    tuple(role.arn for role in self.roles.values()),
                    {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                ),
                Statement(("kms:CreateGrant",), (self._key,), FOR_SERVICES),
                Statement(("kms:DescribeKey",), (self._key,)),
            ],
            description="Step Functions conducts the jobs that fill and compare features",
            written=self._spec.source(),
        )

    def _starts(self) -> Schedules:
        store, context = self._store, self._store.context
        machines = tuple(
            context.arn("states", f"stateMachine:{store.physical('state-machine', view.key)}") for view in self._views
        )
        return Schedules(
            store,
            statements=[Statement(("states:StartExecution",), machines)],
            description="Schedules start the jobs that fill and compare features",
            written=self._spec.source(),
        )

    def _schedule(self, view: View, job: str, expression: str, machine: aws.sfn.StateMachine) -> None:
        self._schedules.add(f"{view.key}-{job}", expression, machine.arn, given=json.dumps({"job": job}))

    def _watch(self, view: View, machine: aws.sfn.StateMachine) -> None:
        spec, notices = view.spec, self._notices
        notices.alarm(
            f"{view.key}-failed",
            view.owner,
            metric=("AWS/States", "ExecutionsFailed"),
            dimensions={"StateMachineArn": machine.arn},
            statistic="Sum",
            above=0,
            says=f"A job of {view.key} has failed; the log of its processing job says why.",
        )
        if spec.freshness_minutes is not None:
            limit = spec.freshness_minutes * 60
            period, evaluations = windows(limit)
            notices.alarm(
                f"{view.key}-stale",
                view.owner,
                metric=(NAMESPACE, FRESHNESS),
                dimensions=self.dimensions(view),
                statistic="Minimum",
                above=limit,
                says=f"The newest record of {view.key} is older than {spec.freshness_minutes} minutes.",
                period=period,
                evaluations=evaluations,
                silence=True,
            )
        if spec.consistency is not None:
            percent = spec.consistency.at_most_percent
            notices.alarm(
                f"{view.key}-inconsistent",
                view.owner,
                metric=(NAMESPACE, MISMATCHED),
                dimensions=self.dimensions(view),
                statistic="Maximum",
                above=percent / 100,
                says=f"Of {view.key}, more than {percent:g} percent of a sample differ between online and offline.",
            )

    def _vpc(self) -> Any:
        if self._network is None:
            return None
        return {
            "SecurityGroupIds": [self._network.security_group("workload")],
            "Subnets": self._network.subnet_ids("private"),
        }


def windows(limit: int) -> tuple[int, int]:
    """Period in seconds and number of periods that together last `limit` seconds, as CloudWatch takes them.

    An alarm needs every period of the window to be old or silent. What was at most `limit` old when it was last
    measured, and isn't measured again for as long, is too old by then; so silence is age.
    Source: AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail ("a day", or "seven days" from an hour on).
    """
    period = _SHORT if limit <= _DAY else _LONG
    return period, -(-limit // period)


def definition_of(
    key: str, spec: JobSpec, *, job_name: str, role: str, key_arn: str, resources: str, vpc: Any = None
) -> dict[str, Any]:
    """The state machine: start a processing job, wait for its end, and fail where it failed."""
    cluster: dict[str, Any] = {
        "InstanceCount": 1,
        "InstanceType": spec.instance_type,
        "VolumeSizeInGB": spec.volume_gib,
        "VolumeKmsKeyId": key_arn,
    }
    network: dict[str, Any] = {"EnableInterContainerTrafficEncryption": True, "EnableNetworkIsolation": False}
    if vpc:
        network["VpcConfig"] = vpc
    job = {
        "ProcessingJobName.$": fresh_name(job_name),
        "AppSpecification": {
            "ImageUri": spec.image,
            "ContainerEntrypoint": ["python", "-m", "modelyard_jobs.features"],
            "ContainerArguments.$": f"States.Array($.job, '{key}')",
        },
        "Environment": {"MODELYARD_RESOURCES": resources},
        "NetworkConfig": network,
        "ProcessingResources": {"ClusterConfig": cluster},
        "RoleArn": role,
        "StoppingCondition": {"MaxRuntimeInSeconds": spec.timeout_minutes * 60},
    }
    return one_job(
        "ProcessingJob",
        job,
        comment=f"Fills {key}, or compares its stores",
        failed=f"The processing job of {key} failed or was stopped",
        most_seconds=spec.timeout_minutes * 60,
    )
