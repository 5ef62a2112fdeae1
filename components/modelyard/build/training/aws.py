"""A pool of training jobs: SageMaker's by IAM and addresses alone, behind a queue, or AWS Batch's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from modelyard.build.data import DataLake, Zone
from modelyard.build.training.batch import BatchPool
from modelyard.build.training.batch_fence import may_register, may_submit_jobs
from modelyard.build.training.checks import places_that_fail
from modelyard.build.training.fence import keyed, may_run, may_submit, settings
from modelyard.build.training.flavours import BatchTraining, KubernetesTraining, SageMakerTraining
from modelyard.build.training.lustre import FileSystem, file_system
from modelyard.build.training.queue import may_queue, queue_name, queued_jobs, share_queue
from modelyard.build.training.spec import MINUTE, PlaceSpec, TrainingSpec
from modelyard.core.access import (
    Grantee,
    PendingAddress,
    Statement,
    address,
    identity_of,
    named_sessions,
    trust_service,
)
from modelyard.core.addresses import BatchPoolAddress, TrainingPoolAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.identity import Role
from modelyard.core.tags import RESERVED
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, through_service
from modelyard.foundation.network import NetworkLike


class TrainingPool(Component):
    """The role that jobs run as, what whoever submits them may ask for, and in Batch what runs them.

    `lake` holds outputs and checkpoints. `network` is where jobs run; it may be absent under `vpc: false`.
    The pool acts as `identity`, so `lake.grant_read(pool, …)` is a grant to its jobs.
    """

    CAPABILITY = "training"

    def __init__(
        self,
        name: str,
        spec: TrainingSpec,
        *,
        context: Context,
        lake: DataLake,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.not_offered(context.region), *_unplaced(spec, lake, network)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.key_arn = lake.key_arn
        self.job_name = self.physical("training-job")
        """What the name of every job of the pool begins with, a hyphen following."""
        self._lake = lake
        self._subnets = network.subnet_ids("private") if network and spec.vpc else []
        self._groups = [network.security_group("training")] if network and spec.vpc else []
        self._owner = {key: context.tags_for(name)[key] for key in ("component", "team")}
        self.identity = Role(
            self.named("job"),
            context=context,
            trusted=self._trusted(),
            description=f"Jobs of {name} run as it",
            opts=pulumi.ResourceOptions(parent=self),
            written=spec.source(),
        )
        self._let_jobs_work()
        self._files: FileSystem | None = None
        if spec.lustre is not None and network is not None:
            self._files = file_system(self, spec.lustre, lake=lake, network=network)
        self.queue: str | None = None
        """The physical name of the queue through which jobs go in; None where there is none."""
        self._batch: BatchPool | None = None
        self._make_queue()
        self.register_outputs({"jobName": self.job_name, "queue": self.queue, "roleArn": self.identity.arn})

    def grant_submit(self, grantee: Grantee, *, shares: Sequence[str] | None = None) -> None:
        """Let `grantee` submit jobs as the pool allows them, follow and stop them.

        SageMaker: training, tuning and processing jobs; behind a queue, training jobs through it and no others. Batch:
        the pool's programs. `shares`: of the quota, those that it may use; absent: all.
        """
        chosen = self._known(shares)
        identity_of(grantee).allow(self, "submit", self._may_submit(chosen), [self._address(chosen)])

    def grant_register(self, grantee: Grantee) -> None:
        """Let `grantee` bring new images into the programs of a pool of Batch, as new revisions of their definitions.

        Whoever registers a definition may mount the disk of its instance, which IAM can't refuse: for deployments, not
        for people. Raises `InputError` for another flavour.
        """
        if self._batch is None:
            problem = "registers no programs: whoever submits a job to SageMaker names its image"
            raise InputError(Fault(problem, 'Use "grant_submit".', self.written.at("flavour"), self.spec.flavour.kind))
        statements = may_register(
            self.context,
            self.spec,
            definitions=list(self._batch.definitions.values()),
            owner=self._owner,
            log_group=self._batch.log_group,
            roles=[self.identity.arn, self._batch.starter.arn],
        )
        identity_of(grantee).allow(self, "register", statements, [self.address])

    def role_beside(self, owner: Component, role: str, *, says: str) -> Role:
        """A role of `owner`'s for jobs that must not run as the pool: they start, bear its names, and see no data.

        Whoever submits such a job needs `iam:PassRole` for it beside `grant_submit`.
        """
        made = Role(
            owner.named(role),
            context=self.context,
            trusted=self._trusted(),
            description=says,
            opts=owner.options(),
            written=owner.written,
        )
        made.allow(self, "run", may_run(self.context, self.spec, key_arn=self.key_arn))
        return made

    @property
    def address(self) -> PendingAddress:
        """What a job must be in order to be let in, as those who submit jobs are told; with every share."""
        return self._address(self.spec.shares)

    def _trusted(self) -> list[Statement]:
        """Who assumes the job role: SageMaker or ECS, for the pool's own jobs as far as their names tell.

        Jobs that are submitted in a workbench bear the name of whoever works there.
        """
        context, flavour = self.context, self.spec.flavour
        if isinstance(flavour, BatchTraining):
            return [trust_service("ecs-tasks.amazonaws.com", context=context, source_arn=context.arn("ecs", "*"))]
        own = context.arn("sagemaker", f"*/{self.job_name}-*")
        queued = isinstance(flavour, SageMakerTraining) and flavour.queue is not None
        jobs = queued_jobs(context, self.job_name) if queued else own
        trust = trust_service("sagemaker.amazonaws.com", context=context, source_arn=jobs)
        return [trust, named_sessions(trust)]

    def _make_queue(self) -> None:
        spec, flavour = self.spec, self.spec.flavour
        if isinstance(flavour, BatchTraining):
            places = {"MODELYARD_OUTPUT": self._uri(spec.output)}
            if spec.checkpoints is not None:
                places["MODELYARD_CHECKPOINTS"] = self._uri(spec.checkpoints)
            self._batch = BatchPool(
                self,
                spec,
                flavour,
                identity=self.identity,
                key_arn=self.key_arn,
                subnets=self._subnets,
                groups=self._groups,
                places=places,
                files=self._files,
            )
            self.queue = self._batch.queue
        elif isinstance(flavour, SageMakerTraining) and flavour.queue is not None and spec.quota is not None:
            share_queue(self, spec.quota, borrow=flavour.queue.borrow)
            self.queue = queue_name(self)

    def _known(self, shares: Sequence[str] | None) -> Sequence[str]:
        has = self.spec.shares
        unknown = [share for share in shares or () if share not in has]
        if unknown:
            where, those = self.written.at("quota.shares"), ", ".join(has)
            raise InputError(*(Fault("is no share of this pool", f"It has {those}.", where, s) for s in unknown))
        return has if shares is None else shares

    def _may_submit(self, shares: Sequence[str]) -> list[Statement]:
        if self._batch is not None:
            return may_submit_jobs(
                self.context,
                queue=self._batch.queue,
                definitions=list(self._batch.definitions.values()),
                shares=shares,
                owner=self._owner,
                log_group=self._batch.log_group,
            )
        if self.queue is not None:
            return may_queue(
                self.context,
                job_name=self.job_name,
                queue=self.queue,
                shares=shares,
                owner=self._owner,
                role_arn=self.identity.arn,
            )
        return may_submit(
            self.context,
            self.spec,
            job_name=self.job_name,
            role_arn=self.identity.arn,
            key_arn=self.key_arn,
            subnets=self._subnets,
            groups=self._groups,
            file_system=self._files.id if self._files else None,
        )

    def _let_jobs_work(self) -> None:
        spec = self.spec
        statements: list[Statement] = []
        if isinstance(spec.flavour, SageMakerTraining):
            statements += may_run(self.context, spec, key_arn=self.key_arn)
        for place in (spec.output, spec.checkpoints):
            if place is not None:
                zone, prefix = self._zone(place), self._prefix(place)
                statements += [*zone.may_read(prefix), *zone.may_write(prefix)]
        statements.append(through_service(self.context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn))
        self.identity.allow(self, "run", statements)

    def _zone(self, place: PlaceSpec) -> Zone:
        return self._lake.zone(place.zone)

    def _prefix(self, place: PlaceSpec) -> str:
        return f"{place.prefix}/{self.component}"

    def _uri(self, place: PlaceSpec | None) -> pulumi.Input[str]:
        if place is None:
            return ""
        return pulumi.Output.concat("s3://", self._zone(place).bucket.bucket, f"/{self._prefix(place)}/")

    def _address(self, shares: Sequence[str]) -> PendingAddress:
        spec = self.spec
        owned = {key: value for key, value in self.context.tags_for(self.component).items() if key in RESERVED}
        common: dict[str, pulumi.Input[str]] = {
            "name": self.component,
            "job_name": self.job_name,
            "key_arn": self.key_arn,
            "max_runtime_seconds": str(spec.max_runtime_minutes * MINUTE),
            "output": self._uri(spec.output),
            "checkpoints": self._uri(spec.checkpoints),
            "tags": ",".join(f"{key}={value}" for key, value in owned.items()),
        }
        if isinstance(spec.flavour, BatchTraining) and self._batch is not None:
            programs = spec.flavour.programs
            return address(
                BatchPoolAddress,
                **common,
                queue=self._batch.queue,
                shares=",".join(shares),
                definitions=",".join(f"{name}={made}" for name, made in self._batch.definitions.items()),
                nodes=",".join(f"{name}={p.nodes}" for name, p in programs.items() if p.nodes > 1),
                log_group=self._batch.log_group,
            )
        return address(
            TrainingPoolAddress,
            **common,
            **settings(self._limits()),
            role_arn=self.identity.arn,
            subnets=_joined(self._subnets),
            security_groups=_joined(self._groups),
            queue=self.queue or "",
            shares=",".join(shares) if self.queue else "",
            file_system=self._files.id if self._files else "",
            file_system_path=self._files.path if self._files else "",
        )

    def _limits(self) -> dict[str, Any]:
        """What a job of SageMaker's is held to."""
        spec, known = self.spec, self.spec.distributed
        with_key, without_key = keyed(spec)
        return {
            "instance_types": ",".join(with_key),
            "local_disk_types": ",".join(without_key),
            "max_wait_seconds": spec.spot.max_wait_minutes * MINUTE if spec.spot else 0,
            "warm_seconds": spec.flavour.warm_seconds if isinstance(spec.flavour, SageMakerTraining) else 0,
            "volume_gib": spec.volume_gib,
            "network_isolation": spec.network_isolation,
            "inter_container_encryption": spec.inter_container_encryption,
            "instances": known.instances,
            "most_instances": known.most_instances,
            "launcher": known.launcher,
            "tuning_strategy": spec.tuning.strategy,
            "tuning_jobs": spec.tuning.most_jobs,
            "tuning_parallel": spec.tuning.parallel_jobs,
            "tuning_early_stopping": spec.tuning.early_stopping,
        }


def _joined(values: list[pulumi.Output[str]]) -> pulumi.Input[str]:
    return pulumi.Output.all(*values).apply(lambda known: ",".join(known)) if values else ""


def _unplaced(spec: TrainingSpec, lake: DataLake, network: NetworkLike | None) -> list[Fault]:
    """Faults of what the pool stands on: zones that the lake lacks, a network that isn't there."""
    faults = list(places_that_fail(spec, lake.zones))
    if isinstance(spec.flavour, KubernetesTraining):
        faults.append(spec.fault("flavour.kind", "needs a cluster", "Use ClusterTrainingPool.", spec.flavour.kind))
    if spec.lustre is not None and spec.lustre.dataset not in lake.spec.datasets:
        known = ", ".join(lake.spec.datasets) or "none"
        faults.append(
            spec.fault("lustre.dataset", "is no dataset of the lake", f"It has {known}.", spec.lustre.dataset)
        )
    if spec.vpc and network is None:
        faults.append(spec.fault("vpc", "asks for a network, and there is none", 'Give the team one, or "vpc: false".'))
    return faults
