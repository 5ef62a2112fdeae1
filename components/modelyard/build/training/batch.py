"""A pool of AWS Batch: instances that come with jobs, a queue with shares, and what may run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.training.batch_fence import may_start
from modelyard.build.training.checks import smallest_of
from modelyard.build.training.flavours import BatchTraining, ProgramSpec
from modelyard.build.training.limits import DEFAULT_SHARE
from modelyard.build.training.lustre import FileSystem
from modelyard.build.training.machines import MOUNTED, compute_environment
from modelyard.build.training.queue import STUCK_SECONDS, queue_name
from modelyard.build.training.spec import MINUTE, TrainingSpec
from modelyard.core.addresses import ENVIRONMENT_VARIABLE
from modelyard.core.component import Component
from modelyard.core.identity import Role
from modelyard.core.service_role import ServiceRole

_PORT: Final = 29500
_LOST: Final = "Host EC2*"
"""How Batch begins the reason of a job whose instance was taken away (batch/latest/userguide/job_retries)."""

_HALF: Final = 2


class BatchPool:
    """What a `TrainingPool` of kind batch is made of, as its children."""

    def __init__(
        self,
        pool: Component,
        spec: TrainingSpec,
        flavour: BatchTraining,
        *,
        identity: Role,
        key_arn: pulumi.Output[str],
        subnets: list[pulumi.Output[str]],
        groups: list[pulumi.Output[str]],
        places: Mapping[str, pulumi.Input[str]],
        files: FileSystem | None,
    ) -> None:
        self._pool, self._spec, self._identity = pool, spec, identity
        self.queue = queue_name(pool)
        self.log_group = pool.physical("log-group", "jobs")
        self.definitions = {name: pool.physical("batch", f"run-{name}") for name in flavour.programs}
        group = aws.cloudwatch.LogGroup(
            pool.named("log"),
            name=self.log_group,
            retention_in_days=flavour.log_days,
            kms_key_id=key_arn,
            opts=pool.options(),
        )
        environment = compute_environment(
            pool, spec, flavour, subnets=subnets, groups=groups, log_group=self.log_group, files=files
        )
        self._queue(environment)
        self.starter = ServiceRole(
            pool,
            "starter",
            "ecs-tasks",
            source_arn=pool.context.arn("ecs", "*"),
            statements=may_start(pool.context, spec, log_group=self.log_group),
            description=f"The agent pulls images and opens logs for jobs of {pool.component}",
            written=spec.source(),
        )
        for name, program in flavour.programs.items():
            self._definition(name, program, places, group, mounted=files is not None)

    def _queue(self, environment: aws.batch.ComputeEnvironment) -> None:
        """The queue: shares by weight, and no job that holds up the others for ever."""
        pool, quota = self._pool, self._spec.quota
        weights = quota.shares if quota else {DEFAULT_SHARE: 1}
        policy = aws.batch.SchedulingPolicy(
            pool.named("policy"),
            name=pool.physical("batch", "policy"),
            fair_share_policy={
                "share_decay_seconds": 3600,
                "share_distributions": [
                    {"share_identifier": share, "weight_factor": round(1 / weight, 4)}
                    for share, weight in sorted(weights.items())
                ],
            },
            tags={"Name": pool.physical("batch", "policy")},
            opts=pool.options(),
        )
        limits = {
            "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": STUCK_SECONDS,
            "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": STUCK_SECONDS,
        }
        if self._spec.spot is not None:
            limits["CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"] = self._spec.spot.max_wait_minutes * MINUTE
        aws.batch.JobQueue(
            pool.named("queue"),
            name=self.queue,
            priority=1,
            state="ENABLED",
            compute_environment_orders=[{"order": 1, "compute_environment": environment.arn}],
            scheduling_policy_arn=policy.arn,
            job_state_time_limit_actions=[
                {"action": "CANCEL", "max_time_seconds": seconds, "reason": reason, "state": "RUNNABLE"}
                for reason, seconds in sorted(limits.items())
            ],
            tags={"Name": self.queue},
            opts=pool.options(),
        )

    def _definition(
        self,
        name: str,
        program: ProgramSpec,
        places: Mapping[str, pulumi.Input[str]],
        group: aws.cloudwatch.LogGroup,
        *,
        mounted: bool,
    ) -> None:
        pool, spec = self._pool, self._spec
        container = self._container(name, program, places, group, mounted=mounted)
        content: dict[str, Any] = (
            {"type": "container", "container_properties": pulumi.Output.json_dumps(container, sort_keys=True)}
            if program.nodes == 1
            else {
                "type": "multinode",
                "node_properties": pulumi.Output.json_dumps(
                    {
                        "mainNode": 0,
                        "numNodes": program.nodes,
                        "nodeRangeProperties": [{"targetNodes": "0:", "container": container}],
                    },
                    sort_keys=True,
                ),
            }
        )
        ending = aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs
        retries = aws.batch.JobDefinitionRetryStrategyArgs(
            attempts=program.retries,
            evaluate_on_exits=[
                ending(action="retry", on_status_reason=_LOST),
                ending(action="exit", on_reason="*"),
            ],
        )
        aws.batch.JobDefinition(
            pool.written_at(f"run-{name}", program.source()),
            name=self.definitions[name],
            platform_capabilities=["EC2"],
            propagate_tags=True,
            retry_strategy=retries,
            scheduling_priority=1,
            timeout={"attempt_duration_seconds": spec.max_runtime_minutes * MINUTE},
            tags={"Name": self.definitions[name]},
            opts=pool.options(depends_on=[self.starter.may_work]),
            **content,
        )

    def _container(
        self,
        name: str,
        program: ProgramSpec,
        places: Mapping[str, pulumi.Input[str]],
        group: aws.cloudwatch.LogGroup,
        *,
        mounted: bool,
    ) -> dict[str, Any]:
        """A container as Batch's API writes it (batch/latest/APIReference/API_ContainerProperties)."""
        spec, context = self._spec, self._pool.context
        most = smallest_of(spec)
        assert most is not None, "types that nobody knows are refused before"
        gpus, vcpus, memory = (
            has if asked is None else asked
            for asked, has in zip((program.gpus, program.vcpus, program.memory_gib), most, strict=True)
        )
        mib = memory * 1024
        needs = [{"type": "MEMORY", "value": str(mib)}, {"type": "VCPU", "value": str(vcpus)}]
        if gpus:
            needs.insert(0, {"type": "GPU", "value": str(gpus)})
        environment = {
            "AWS_DEFAULT_REGION": context.region,
            ENVIRONMENT_VARIABLE: self._identity.resources_path,
            **places,
        }
        linux: dict[str, Any] = {"initProcessEnabled": True, "sharedMemorySize": mib // _HALF}
        container: dict[str, Any] = {
            "environment": [{"name": key, "value": value} for key, value in sorted(environment.items())],
            "executionRoleArn": self.starter.arn,
            "image": program.image,
            "jobRoleArn": self._identity.arn,
            "linuxParameters": linux,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": group.name,
                    "awslogs-region": context.region,
                    "awslogs-stream-prefix": name,
                },
            },
            "privileged": False,
            "resourceRequirements": needs,
        }
        if program.command:
            container["command"] = launched(program, spec.distributed.launcher, gpus)
        if mounted:
            container["volumes"] = [{"name": "data", "host": {"sourcePath": MOUNTED}}]
            container["mountPoints"] = [{"containerPath": "/data", "readOnly": True, "sourceVolume": "data"}]
        if program.nodes > 1:
            container["ulimits"] = [{"name": "memlock", "hardLimit": -1, "softLimit": -1}]
        if spec.distributed.efa:
            cards = min(instance.efa_interfaces for instance in spec.instances())
            paths = [f"/dev/infiniband/uverbs{card}" for card in range(cards)]
            linux["devices"] = [
                {"hostPath": path, "containerPath": path, "permissions": ["READ", "WRITE", "MKNOD"]} for path in paths
            ]
        return container


def launched(program: ProgramSpec, launcher: str, gpus: int) -> list[str]:
    """A program's command as its launcher starts it on each node.

    torchrun meets at the main node, whose address Batch gives to all others; MPI's programs gather their hosts by
    themselves, from Batch's variables (batch/latest/userguide/mnp-env-vars).
    """
    if launcher == "mpi" or (program.nodes == 1 and gpus <= 1):
        return list(program.command)
    each = max(gpus, 1)
    if program.nodes == 1:
        return ["torchrun", "--standalone", f"--nproc-per-node={each}", *program.command]
    meets = "${AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS:-localhost}"
    line = (
        f'exec torchrun --nnodes="$AWS_BATCH_JOB_NUM_NODES" --node-rank="$AWS_BATCH_JOB_NODE_INDEX" '
        f'--nproc-per-node={each} --master-addr="{meets}" --master-port={_PORT} "$@"'
    )
    return ["/bin/sh", "-c", line, "torchrun", *program.command]
