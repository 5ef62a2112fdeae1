"""A pool of training jobs on a cluster of Kubernetes: what they start from, as whom they run, and where they write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.build.data import DataLake
from modelyard.build.training.checks import places_that_fail
from modelyard.build.training.kubernetes_checks import MachinePool, misplaced, without_files
from modelyard.build.training.kubernetes_jobs import TRAINER, ClusterJobs
from modelyard.build.training.kubernetes_pods import JobPlaces
from modelyard.build.training.kubernetes_spec import KubernetesTraining, TrainerRuntime
from modelyard.build.training.spec import MINUTE, PlaceSpec, TrainingSpec
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.addresses import ClusterPoolAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.identity import Role
from modelyard.core.kubernetes import DEFAULT_QUEUE, ClusterLike, WorkloadIdentity, custom
from modelyard.foundation.cluster import ClusterQuotaSpec
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, through_service


class JobIdentity(WorkloadIdentity, Protocol):
    """Whom jobs run as: a service account, and the role that it is in AWS."""

    @property
    def identity(self) -> Role:
        """The role."""
        ...


class ClusterTrainingPool(Component):
    """What training jobs on Kubernetes start from: runtimes, volumes, and a ConfigMap with a job of each program.

    The jobs themselves are started by people, pipelines and loops. They run as `account`, and outputs and checkpoints
    lie in `lake`. `pools`: the cluster's, by name. `quota`: what the team may use of them; absent, whatever there is.
    `datasets`: the claims of those that are files there, by dataset. `variables`: further ones of every container, as
    the API writes them, such as those of `KubernetesTracking`.
    Goes into a cluster by `opts=cluster.into()`. Raises `SpecError` with the faults of `spec`, and with those that show
    only where it stands.
    """

    CAPABILITY = "training"

    def __init__(
        self,
        name: str,
        spec: TrainingSpec,
        *,
        context: Context,
        lake: DataLake,
        cluster: ClusterLike,
        account: JobIdentity,
        pools: Mapping[str, MachinePool],
        quota: ClusterQuotaSpec | None = None,
        datasets: Mapping[str, str] | None = None,
        variables: Sequence[Mapping[str, Any]] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        flavour = spec.flavour
        if not isinstance(flavour, KubernetesTraining):
            raise SpecError(spec.fault("flavour.kind", "isn't run by a cluster", 'Use "kubernetes".', flavour.kind))
        faults = [
            *spec.all_faults(),
            *misplaced(spec, flavour, pools=pools, quota=quota),
            *without_files(flavour, datasets or {}),
            *places_that_fail(spec, lake.zones),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.flavour = spec, flavour
        self.account = account
        self.identity: Role = account.identity
        self.cluster_name: str = cluster.cluster_name
        self._lake = lake
        claims = {volume: self._claim(volume) for volume in flavour.volumes}
        self.places = JobPlaces(
            namespace=account.namespace,
            service_account=account.service_account,
            region=context.region,
            resources=self.identity.resources_path,
            output=self._uri(spec.output),
            checkpoints=self._uri(spec.checkpoints),
            claims=claims,
            datasets=datasets or {},
            variables=variables,
        )
        self.machines: MachinePool = pools[flavour.pool]
        self.jobs = ClusterJobs(spec, flavour, places=self.places, pool=self.machines)
        self._let_jobs_work()
        self.runtimes: dict[str, pulumi.Output[str]] = {
            program: self._runtime(program)
            for program, given in flavour.programs.items()
            if isinstance(given.runtime, TrainerRuntime)
        }
        self.templates: str = self.physical("kubernetes", "jobs")
        """The ConfigMap with a job of each program, as `<program>.json`, and what holds them, as `limits.json`."""
        self._publish()
        self.register_outputs({"templates": self.templates, "roleArn": self.identity.arn})

    def grant_submit(self, grantee: Grantee) -> None:
        """Tell `grantee` how jobs are started, and let it find the cluster; RBAC says what its group may there."""
        cluster = self.context.arn("eks", f"cluster/{self.cluster_name}")
        statements = [Statement(("eks:DescribeCluster",), (cluster,))]
        identity_of(grantee).allow(self, "submit", statements, [self.address])

    @property
    def address(self) -> PendingAddress:
        """How a job gets in, as those who start jobs are told."""
        spec, flavour = self.spec, self.flavour
        return address(
            ClusterPoolAddress,
            name=self.component,
            cluster=self.cluster_name,
            namespace=self.account.namespace,
            queue=flavour.queue or DEFAULT_QUEUE,
            templates=self.templates,
            programs=",".join(f"{name}={program.runtime.kind}" for name, program in flavour.programs.items()),
            max_runtime_seconds=str(spec.max_runtime_minutes * MINUTE),
            most_instances=str(spec.distributed.most_instances),
            output=self._uri(spec.output),
            checkpoints=self._uri(spec.checkpoints),
        )

    def _claim(self, name: str) -> pulumi.Output[str]:
        volume = self.flavour.volumes[name]
        made = kubernetes.core.v1.PersistentVolumeClaim(
            self.written_at(f"volume-{name}", volume.source()),
            metadata={"name": self.physical("kubernetes", f"volume-{name}"), "namespace": self.account.namespace},
            spec={
                "access_modes": ["ReadWriteMany" if volume.shared else "ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{volume.size_gib}Gi"}},
                "storage_class_name": volume.storage_class,
            },
            opts=self.options(protect=self.context.production and volume.checkpoints),
        )
        return made.metadata.apply(lambda found: found.name or "")

    def _runtime(self, name: str) -> pulumi.Output[str]:
        called = self.physical("kubernetes", name)
        made = custom(
            self,
            self._role(name),
            api_version=TRAINER,
            kind="TrainingRuntime",
            name=called,
            namespace=self.account.namespace,
            spec=self.jobs.runtime(name),
        )
        return made.urn.apply(lambda _: called)

    def _role(self, name: str) -> str:
        role = f"run-{name}"
        self.written_at(role, self.flavour.programs[name].source())
        return role

    def _publish(self) -> None:
        """A job of each program, to be created as it is or changed before."""
        written: dict[str, pulumi.Input[str]] = {
            f"{name}.json": pulumi.Output.json_dumps(
                self.jobs.job(name, runtime=self.runtimes.get(name, "")), indent=2, sort_keys=True
            )
            for name in self.flavour.programs
        }
        written["limits.json"] = pulumi.Output.json_dumps(self.jobs.limits(), indent=2, sort_keys=True)
        kubernetes.core.v1.ConfigMap(
            self.named("jobs"),
            metadata={"name": self.templates, "namespace": self.account.namespace},
            data=written,
            opts=self.options(),
        )

    def _let_jobs_work(self) -> None:
        statements: list[Statement] = []
        for place in (self.spec.output, self.spec.checkpoints):
            if place is not None:
                zone, prefix = self._lake.zone(place.zone), f"{place.prefix}/{self.component}"
                statements += [*zone.may_read(prefix), *zone.may_write(prefix)]
        statements.append(through_service(self.context, "s3", ENCRYPT_AND_DECRYPT, self._lake.key_arn))
        self.identity.allow(self, "run", statements)

    def _uri(self, place: PlaceSpec | None) -> pulumi.Input[str]:
        if place is None:
            return ""
        bucket = self._lake.zone(place.zone).bucket.bucket
        return pulumi.Output.concat("s3://", bucket, f"/{place.prefix}/{self.component}/")
