"""A Feast store on Kubernetes: a server that reads single records, a job that fills them, and where both look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.build.data import DataLake
from modelyard.build.features import feast_files
from modelyard.build.features.feast import online_table
from modelyard.build.features.kubernetes_pods import (
    PORT,
    PORT_NAME,
    REDIS_PORT,
    Around,
    job_pod,
    redis_pod,
    server_pod,
)
from modelyard.build.features.kubernetes_spec import CompatibleKept, GivenRedis, KubernetesFeaturesSpec, OwnRedis
from modelyard.build.features.places import Places
from modelyard.build.features.spec import DynamoDBOnline
from modelyard.build.features.views import View, versions
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import BucketAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.kubernetes import DEFAULT_QUEUE, DOMAIN, QUEUE, WorkloadIdentity, label_value, labels
from modelyard.core.retention import retention_for
from modelyard.core.settle import at_program_end
from modelyard.core.ways import WaysSpec, ways

STORE: Final = f"{DOMAIN}/features"
PART: Final = f"{DOMAIN}/features-part"
_SKIP_AWAIT: Final = "pulumi.com/skipAwait"
"""An `up` doesn't wait until all history is filled in; servers are ready when the registry is there."""
_TRIES: Final = 3


class KubernetesFeatures(Component):
    """A Feast store of one owner in its namespace: servers behind a service without a way from outside, and a job.

    It goes into a cluster by `opts=cluster.into()`. Servers act as `server`, which reads; the job as `worker`, which
    writes. `lake`: where registry and history lie on AWS. `fenced`: whether a `NamespaceFence` holds the namespace, in
    which the platform alone makes network policies: then it calls `feature_ways`. `after`: what must be there before,
    such as what brings the Secrets. Raises `SpecError` with all faults.
    """

    CAPABILITY = "features"

    def __init__(
        self,
        name: str,
        spec: KubernetesFeaturesSpec,
        *,
        context: Context,
        server: WorkloadIdentity,
        worker: WorkloadIdentity,
        lake: DataLake | None = None,
        fenced: bool = False,
        after: Sequence[pulumi.Resource] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        acting = [getattr(account, "identity", None) for account in (server, worker)]
        placed = spec.faults_in(production=context.production, lake=lake is not None, acts=None not in acting)
        faults = [*spec.all_faults(), *placed]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.namespace = spec, server.namespace
        self.service: str = self.physical("kubernetes")
        self.address = f"https://{self.service}.{self.namespace}.svc.cluster.local"
        """Where features are asked in the cluster: POST /get-online-features."""
        self._server, self._worker, self._after = server, worker, list(after)
        self._places = Places(self, lake) if lake is not None and not isinstance(spec.kept, CompatibleKept) else None
        self._views = list(versions(spec.views, ("feast", spec.online.kind)))
        if self._places is not None:
            self._let(self._places)
        if not fenced:
            _all_ways(self, spec.ways, store=name, namespace=self.namespace, redis=isinstance(spec.online, OwnRedis))
        self._file_name = self.physical("kubernetes-workload", "files", content=self._texts_at("artifacts", "features"))
        self._stand()
        at_program_end(self._run)
        self.register_outputs({"address": self.address})

    def grant_write_history(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` put Parquet down where the job takes it from. Absent: of all datasets that views read.

        Raises `InputError` for datasets that no view reads, and where history doesn't lie in the lake.
        """
        places, read = self._places, sorted({view.spec.dataset for view in self._views})
        if places is None:
            problem, remedy = "is nothing that AWS grants: it lies in another store", "Give it keys of that store."
            raise InputError(Fault(problem, remedy, self.spec.source("kept.kind"), "compatible"))
        chosen = list(datasets) if datasets is not None else read
        where = self.written.at("views")
        faults = [
            Fault("is read by no view", f"Use one of {', '.join(read)}.", where, each)
            for each in chosen
            if each not in read
        ]
        if faults:
            raise InputError(*faults)
        for dataset in chosen:
            prefix = f"{self.component}/{dataset}/"
            found = address(
                BucketAddress,
                name=f"{self.component}-{dataset}",
                bucket=places.features.bucket.bucket,
                prefix=prefix,
                key_arn=places.key_arn,
            )
            identity_of(grantee).allow(self, f"write {dataset}", places.features.may_write(prefix), [found])

    def _feast_name(self, view: View) -> str:
        return f"{view.snake}_{view.tag}"

    @property
    def _tables(self) -> str:
        return self.physical("dynamodb-table")

    def _let(self, places: Places) -> None:
        """Servers read the registry and online values; the job writes them, and reads history."""
        reads: list[Statement] = list(places.artifacts.may_read(places.repository))
        writes = [
            *reads,
            *places.artifacts.may_write(f"{places.repository}{feast_files.REGISTRY}"),
            *places.features.may_read(f"{self.component}/"),
        ]
        online = self.spec.online
        if isinstance(online, DynamoDBOnline):
            lake = places.lake.spec
            retention = retention_for(
                lake.classification("features"), production=self.context.production, declared=lake.retention
            )
            for view in self._views:
                physical = f"{self._tables}.{self._feast_name(view)}"
                read, write = online_table(
                    self, view, physical, online=online, key_arn=places.key_arn, retention=retention
                )
                reads += read
                writes += [*read, *write]
        for account, intent, statements in ((self._server, "serve", reads), (self._worker, "fill", writes)):
            acting: Any = account
            identity_of(acting).allow(self, intent, statements)

    def _texts(self, artifacts: str, features: str) -> dict[str, str]:
        """Feast's files, with the buckets' names where the lake keeps things."""
        spec, kept, places = self.spec, self.spec.kept, self._places
        if isinstance(kept, CompatibleKept):
            registry, history, endpoint = f"{kept.uri}/", f"{kept.uri}/", kept.endpoint
        else:
            assert places is not None, "refused before"
            registry, history = f"s3://{artifacts}/{places.repository}", f"s3://{features}/{self.component}/"
            endpoint = None
        online = (
            feast_files.dynamodb(region=self.context.region, prefix=self._tables)
            if isinstance(spec.online, DynamoDBOnline)
            else feast_files.redis(cluster=isinstance(spec.online, GivenRedis) and spec.online.cluster)
        )
        project = "_".join((*self.context.names.owner, self.component)).replace("-", "_")
        listed = [
            (
                view,
                self._feast_name(view),
                feast_files.file_source(view, uri=f"{history}{view.spec.dataset}/", endpoint=endpoint),
            )
            for view in self._views
        ]
        return {
            feast_files.CONFIGURATION: feast_files.configuration(
                project=project, place=registry, online=online, offline=feast_files.files()
            ),
            feast_files.DEFINITIONS: feast_files.definitions(listed),
        }

    def _texts_at(self, artifacts: str, features: str) -> str:
        return "\n".join(self._texts(artifacts, features).values())

    def _files(self) -> pulumi.Output[dict[str, str]]:
        places = self._places
        if places is None:
            return pulumi.Output.from_input(self._texts("", ""))
        buckets = pulumi.Output.all(places.artifacts.bucket.bucket, places.features.bucket.bucket)
        return buckets.apply(lambda known: self._texts(*known))

    def _metadata(self, name: str, **more: Any) -> Any:
        return {"name": name, "namespace": self.namespace, **more}

    def _stand(self) -> None:
        """What Feast reads, and what stands before the pods."""
        kubernetes.core.v1.ConfigMap(
            self.named("files"),
            metadata=self._metadata(self._file_name),
            data=self._files(),
            immutable=True,
            opts=self.options(),
        )
        self._service("service", self.service, "server", (PORT_NAME, 443))
        kubernetes.policy.v1.PodDisruptionBudget(
            self.named("disruption"),
            metadata=self._metadata(self.service),
            spec={
                "max_unavailable": 1,
                "selector": {"match_labels": _selects(self.component, "server")},
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
            },
            opts=self.options(),
        )
        if isinstance(self.spec.online, OwnRedis):
            self._service("redis-service", self._redis_name, "redis", ("redis", REDIS_PORT))

    @property
    def _redis_name(self) -> str:
        return self.physical("kubernetes", "redis")

    def _service(self, role: str, name: str, part: str, port: tuple[str, int]) -> None:
        kubernetes.core.v1.Service(
            self.named(role),
            metadata=self._metadata(name),
            spec={
                "type": "ClusterIP",
                "selector": _selects(self.component, part),
                "ports": [{"name": port[0], "port": port[1], "target_port": port[0], "protocol": "TCP"}],
            },
            opts=self.options(),
        )

    def _around(self, *, writes: bool) -> Around:
        spec, kept = self.spec, self.spec.kept
        online = spec.online
        redis = None
        if isinstance(online, GivenRedis):
            redis = online.address
        elif isinstance(online, OwnRedis):
            redis = f"{self._redis_name}.{self.namespace}.svc.cluster.local:{REDIS_PORT}"
        shown: list[dict[str, Any]] = []
        if isinstance(kept, CompatibleKept):
            own = kept.model_copy(update=dict(kept.writer)) if writes else kept
            shown = own.variables()
        return Around(spec=spec, files=self._file_name, region=self.context.region, redis=redis, kept=shown)

    def _run(self) -> None:
        """The pods, once the grants of their accounts are written."""
        spec = self.spec
        accounts = [each for each in (self._server, self._worker) if isinstance(each, pulumi.Resource)]
        first: list[pulumi.Resource] = [*self._after, *accounts]
        if isinstance(spec.online, OwnRedis):
            first.append(self._redis(spec.online))
        fills = job_pod(self._around(writes=True), self._worker)
        job: dict[str, Any] = {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": spec.timeout_minutes * 60,
            "template": self._template("job", fills),
        }
        queued = {QUEUE: spec.queue or DEFAULT_QUEUE}
        content = self._texts_at("artifacts", "features") + spec.image + queued[QUEUE]
        filled = kubernetes.batch.v1.Job(
            self.named("first"),
            metadata=self._metadata(
                self.physical("kubernetes-workload", "first", content=content),
                annotations={_SKIP_AWAIT: "true"},
                labels=queued,
            ),
            spec=cast("Any", job),
            opts=self.options(depends_on=first),
        )
        clock: dict[str, Any] = {
            "schedule": spec.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 600,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": queued}, "spec": job},
        }
        kubernetes.batch.v1.CronJob(
            self.written_at("fill", spec.source("schedule")),
            metadata=self._metadata(self.physical("kubernetes-workload", "fill")),
            spec=cast("Any", clock),
            opts=self.options(depends_on=[filled]),
        )
        selects = _selects(self.component, "server")
        served: dict[str, Any] = {
            "replicas": spec.count,
            "selector": {"matchLabels": selects},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "template": self._template("server", server_pod(self._around(writes=False), self._server, selects=selects)),
        }
        kubernetes.apps.v1.Deployment(
            self.written_at("server", spec.source()),
            metadata=self._metadata(self.physical("kubernetes-workload")),
            spec=cast("Any", served),
            opts=self.options(depends_on=[filled]),
        )

    def _redis(self, online: OwnRedis) -> pulumi.Resource:
        claim: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{online.storage_gib}Gi"}},
            **({"storageClassName": online.storage_class} if online.storage_class else {}),
        }
        wanted: dict[str, Any] = {
            "replicas": 1,
            "serviceName": self._redis_name,
            "selector": {"matchLabels": _selects(self.component, "redis")},
            "template": self._template("redis", redis_pod(online, self._server)),
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        }
        return kubernetes.apps.v1.StatefulSet(
            self.written_at("redis", online.source()),
            metadata=self._metadata(self.physical("kubernetes-workload", "redis")),
            spec=cast("Any", wanted),
            opts=self.options(depends_on=self._after),
        )

    def _template(self, part: str, pod: dict[str, Any]) -> dict[str, Any]:
        marks = {**labels(self.context, self.component), **_selects(self.component, part)}
        return {"metadata": {"labels": marks}, "spec": pod}


def _selects(store: str, part: str) -> dict[str, str]:
    return {STORE: label_value(store), PART: part}


def _all_ways(component: Component, spec: WaysSpec, *, store: str, namespace: pulumi.Input[str], redis: bool) -> None:
    """Servers are called and call; the job only calls; Valkey is only called."""
    doors: dict[str, tuple[WaysSpec, int | None]] = {
        "server": (spec, PORT),
        "job": (spec.model_copy(update={"reached_from": ()}), None),
    }
    if redis:
        doors["redis"] = (WaysSpec(), REDIS_PORT)
    for part, (given, port) in doors.items():
        ways(component, given, selects=_selects(store, part), port=port, namespace=namespace, role=f"{part}-ways")


def feature_ways(
    component: Component, spec: WaysSpec, *, store: str, namespace: pulumi.Input[str], redis: bool = False
) -> None:
    """The network policies of the store that a team calls `store`, as children of `component` of the platform's.

    For namespaces that are fenced: no team opens its own fence. `redis`: whether the store has a Valkey of its own.
    """
    _all_ways(component, spec, store=store, namespace=namespace, redis=redis)
