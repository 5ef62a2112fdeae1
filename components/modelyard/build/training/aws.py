"""A pool of SageMaker training jobs: nothing but IAM and addresses, so it costs nothing while no job runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from modelyard.build.data import DataLake, Zone
from modelyard.build.training.fence import keyed, may_run, may_submit, settings
from modelyard.build.training.spec import MINUTE, PlaceSpec, TrainingSpec
from modelyard.core.access import Grantee, PendingAddress, address, identity_of, trust_service
from modelyard.core.addresses import TrainingPoolAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.identity import Role
from modelyard.core.tags import RESERVED
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, through_service
from modelyard.foundation.network import NetworkLike


class TrainingPool(Component):
    """The role that jobs run as, and what whoever submits them may ask for.

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
        self.identity = Role(
            self.named("job"),
            context=context,
            trusted=[
                trust_service(
                    "sagemaker.amazonaws.com",
                    context=context,
                    source_arn=context.arn("sagemaker", f"*/{self.job_name}-*"),
                )
            ],
            description=f"Jobs of {name} run as it",
            opts=pulumi.ResourceOptions(parent=self),
            written=spec.source(),
        )
        self._let_jobs_work()
        self.register_outputs({"jobName": self.job_name, "roleArn": self.identity.arn})

    def grant_submit(self, grantee: Grantee) -> None:
        """Let `grantee` submit training, tuning and processing jobs as the pool allows them, follow and stop them."""
        statements = may_submit(
            self.context,
            self.spec,
            job_name=self.job_name,
            role_arn=self.identity.arn,
            key_arn=self.key_arn,
            subnets=self._subnets,
            groups=self._groups,
        )
        identity_of(grantee).allow(self, "submit", statements, [self.address])

    @property
    def address(self) -> PendingAddress:
        """What a job must be in order to be let in, as those who submit jobs are told."""
        spec, known = self.spec, self.spec.distributed
        with_key, without_key = keyed(spec)
        tags = {key: value for key, value in self.context.tags_for(self.component).items() if key in RESERVED}
        limits: dict[str, Any] = {
            "name": self.component,
            "job_name": self.job_name,
            "instance_types": ",".join(with_key),
            "local_disk_types": ",".join(without_key),
            "max_runtime_seconds": spec.max_runtime_minutes * MINUTE,
            "max_wait_seconds": spec.spot.max_wait_minutes * MINUTE if spec.spot else 0,
            "warm_seconds": spec.flavour.warm_seconds,
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
            "tags": ",".join(f"{key}={value}" for key, value in tags.items()),
        }
        return address(
            TrainingPoolAddress,
            **settings(limits),
            role_arn=self.identity.arn,
            key_arn=self.key_arn,
            subnets=_joined(self._subnets),
            security_groups=_joined(self._groups),
            output=self._uri(spec.output),
            checkpoints=self._uri(spec.checkpoints),
        )

    def _let_jobs_work(self) -> None:
        spec, statements = self.spec, may_run(self.context, self.spec, key_arn=self.key_arn)
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


def _joined(values: list[pulumi.Output[str]]) -> pulumi.Input[str]:
    return pulumi.Output.all(*values).apply(lambda known: ",".join(known)) if values else ""


def _unplaced(spec: TrainingSpec, lake: DataLake, network: NetworkLike | None) -> list[Fault]:
    """Faults of what the pool stands on: zones that the lake lacks, a network that isn't there."""
    has = ", ".join(lake.zones)
    faults = [
        spec.fault(f"{field}.zone", "is no zone of the team's lake", f"It has {has}.", place.zone)
        for field, place in (("output", spec.output), ("checkpoints", spec.checkpoints))
        if place is not None and place.zone not in lake.zones
    ]
    if spec.vpc and network is None:
        faults.append(spec.fault("vpc", "asks for a network, and there is none", 'Give the team one, or "vpc: false".'))
    return faults
