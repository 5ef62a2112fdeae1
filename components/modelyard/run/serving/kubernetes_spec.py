"""What a team's file says of an endpoint on Kubernetes: what serves which version, where, how many, and who gets in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.releases import Digest
from modelyard.core.serving import IN_PROGRESS, REQUESTS, SECONDS
from modelyard.core.spec import Email, Name, Spec
from modelyard.foundation.cluster import PoolLimit
from modelyard.run.serving.kinds import ConcurrencyTarget
from modelyard.run.serving.kubernetes_door_spec import GatewayDoorSpec
from modelyard.run.serving.rollout import AllAtOnce, Canary, Rollout
from modelyard.run.serving.spec import Release, Variable

ImageText = Annotated[str, StringConstraints(min_length=1, max_length=512)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=128)]
HttpPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=128)]
MountPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=128)]
_BY_DIGEST: Final = re.compile(r"[a-z0-9.-]+(:[0-9]+)?/[a-z0-9]+([._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}")
_OURS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_NONE_THERE: Final = "counts nothing while there is no pod, so that none would ever come back"


def not_by_digest(spec: Spec, path: str, image: str) -> Iterator[Fault]:
    """An image that may be another one tomorrow; `spec` names it at `path`."""
    if not _BY_DIGEST.fullmatch(image):
        remedy = "Use <registry>/<repository>@sha256:<64 digits>, as `docker buildx imagetools inspect` shows it."
        yield spec.fault(path, "names no image by its digest, so that it may be another one tomorrow", remedy, image)


class PodNeedsSpec(Spec):
    """What each pod gets."""

    cpus: float = Field(default=1.0, gt=0, le=512, description="Processors that are kept for it. It may use idle ones.")
    memory_mib: int = Field(default=2048, ge=64, le=16_777_216, description="MiB of memory; beyond it is ended.")
    gpus: int = Field(default=0, ge=0, le=16, description="GPUs of each pod, or slices where the pool divides them.")
    pool: Name | None = Field(default=None, description="The cluster's pool of machines with GPUs. Absent: no GPU.")

    def check(self) -> Iterator[Fault]:
        """GPUs come from a pool, and a pool is for GPUs."""
        if self.gpus and self.pool is None:
            remedy = 'Name one ("pool"); the platform\'s file has them.'
            yield self.fault("gpus", "need a pool of machines that have some", remedy, self.gpus)
        if self.pool is not None and not self.gpus:
            problem = "has machines with GPUs, and the pod asks for none: it would never be let in"
            yield self.fault("pool", problem, 'Ask for "gpus", or remove it.', self.pool)

    def unfit_on(self, pools: Mapping[str, PoolLimit], pods: int) -> Iterator[Fault]:
        """A pool that the cluster hasn't, or that has too few for so many pods."""
        if self.pool is None:
            return
        found = pools.get(self.pool)
        if found is None:
            has = ", ".join(sorted(pools)) or "none"
            yield self.fault("pool", "is no pool of the cluster", f"It has: {has}.", self.pool)
        elif self.gpus * pods > found.gpus:
            problem = f"times {pods} pods is more than {self.pool} ever has, {found.gpus}"
            yield self.fault("gpus", problem, "Ask for fewer, or let the platform raise the pool's limit.", self.gpus)


class MeasuredSpec(Spec):
    """What the server tells Prometheus: what scaling, canaries and alarms look at."""

    path: HttpPath = Field(default="/metrics", description="Where it tells, on its port.")
    requests: MetricName = Field(default=REQUESTS, description="The counter of answered calls.")
    failed: Annotated[str, StringConstraints(pattern=r'^[a-z_]+(=|=~|!=|!~)"[^"{}]+"$', max_length=128)] = Field(
        default='status=~"5.."', description="The label of the counter by which calls failed on the server's side."
    )
    seconds: MetricName = Field(default=SECONDS, description="The histogram of seconds that answers took.")
    in_progress: MetricName = Field(default=IN_PROGRESS, description="The gauge of calls being answered.")


class CpuTarget(Spec):
    """How busy processors are."""

    kind: Literal["cpu"] = Field(description="Utilisation of the processors that are kept for pods.")
    percent: int = Field(default=70, ge=1, le=100, description="Percent to hold. Seventy: room until a pod is there.")


class QueryTarget(Spec):
    """Whatever Prometheus knows, such as calls that wait in a queue, or that a gateway counts."""

    kind: Literal["query"] = Field(description="What a query of Prometheus gives.")
    query: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="PromQL that gives one number."
    )
    per_pod: float = Field(gt=0, description="How much of it each pod is to have.")


class PodScalingSpec(Spec):
    """How many pods there are, by load."""

    least: int = Field(ge=0, le=1000, description="Pods at least; none where something outside of them counts calls.")
    most: int = Field(ge=1, le=1000, description="Pods at most: what the endpoint costs at most.")
    target: Annotated[ConcurrencyTarget | CpuTarget | QueryTarget, Field(discriminator="kind")] = Field(
        description="What is held: kind concurrency, cpu, or query."
    )
    in_seconds: int = Field(
        default=300, ge=0, le=3600, description="Seconds before pods are taken away. Five minutes: load comes back."
    )

    def check(self) -> Iterator[Fault]:
        """A least above the most, and none where nothing would bring one back."""
        if self.least > self.most:
            yield self.fault("least", f"is more than most, {self.most}", f"Use {self.most} or fewer.", self.least)
        if not self.least and self.target.kind != "query":
            remedy = 'Use 1, or a target of kind "query" that counts calls outside of the pods.'
            yield self.fault("least", f"can't be 0: {self.target.kind} {_NONE_THERE}", remedy, 0)


class CandidateSpec(Spec):
    """A version beside the release that gets a share of the calls, for as long as the file says so."""

    version: int = Field(ge=1, description="The version that is tried.")
    artifact: Digest = Field(description="The SHA-256 of its artifact, as `yard model show` has it.")
    percent: int = Field(default=10, ge=1, le=99, description="Percent of the calls; the release gets the rest.")
    pods: int = Field(default=1, ge=1, le=1000, description="Its pods.")


class KServeServed(Spec):
    """An InferenceService of KServe, in its mode Standard: plain deployments, without Knative."""

    kind: Literal["kserve"] = Field(description="An InferenceService of KServe.")
    candidate: CandidateSpec | None = Field(
        default=None, description="A version that is tried beside the release, at the gateway. Absent: none."
    )


class RolloutServed(Spec):
    """A Rollout of Argo: a new version gets more and more of the calls while Prometheus sees nothing bad."""

    kind: Literal["rollout"] = Field(description="A Rollout of Argo, which measures a new version before it trusts it.")
    rollout: Rollout = Field(
        default_factory=lambda: Canary(kind="canary"),
        description="How a new version takes over: kind canary, linear or all_at_once. Absent: a canary of a tenth.",
    )

    def check(self) -> Iterator[Fault]:
        """What only SageMaker has: batches in place, and alarms of CloudWatch."""
        if self.rollout.kind == "rolling":
            problem = "exchanges machines in batches, and here pods are exchanged one by one anyway"
            yield self.fault("rollout.kind", problem, 'Use "all_at_once", "canary" or "linear".', "rolling")
        if self.rollout.rollback.alarms:
            problem = "are alarms of CloudWatch, and the analysis asks Prometheus"
            remedy = 'Use "error_percent" and "latency_ms".'
            yield self.fault("rollout.rollback.alarms", problem, remedy, list(self.rollout.rollback.alarms))


class KubernetesEndpointSpec(Spec):
    """An endpoint on Kubernetes: a name in the cluster that stays, behind which versions change."""

    flavour: Literal["kubernetes"] = Field(default="kubernetes", description="It is served on the platform's cluster.")
    model: Name = Field(description="The model of the registry that it serves.")
    owner: Email = Field(description="Who hears of its alarms.")
    release: Release = Field(description="Which version it serves: kind declared.")
    artifact: Digest = Field(
        description="The SHA-256 of the version's artifact, as `yard model show` has it: pods take these bytes or none."
    )
    served_by: Annotated[KServeServed | RolloutServed, Field(discriminator="kind")] = Field(
        description="What keeps its pods: kind kserve, or rollout."
    )
    image: ImageText = Field(description="The server's image, by digest; its user isn't root.")
    fetcher: ImageText | None = Field(
        default=None,
        description="An image that has Modelyard's `modelyard_jobs` and boto3, by digest; it brings the model before "
        "the server starts. Absent: the server's own image.",
    )
    command: tuple[str, ...] = Field(
        default=(), max_length=100, description="What the container runs. Absent: what its image says."
    )
    port: int = Field(default=8080, ge=1024, le=65_535, description="Where it answers.")
    ready: HttpPath = Field(default="/ping", description="What it answers when it is ready.")
    start_seconds: int = Field(
        default=300, ge=10, le=7200, description="Seconds until it must be ready. Five minutes: models load slowly."
    )
    model_at: MountPath = Field(default="/opt/ml/model", description="Where the container finds the model's files.")
    model_gib: int = Field(default=5, ge=1, le=4096, description="GiB that the model's files take at most.")
    environment: dict[Variable, Annotated[str, StringConstraints(max_length=1024)]] = Field(
        default_factory=dict, max_length=100, description="Variables of the container. No secrets."
    )
    needs: PodNeedsSpec = Field(
        default_factory=PodNeedsSpec, description="What each pod gets. Absent: one processor and 2 GiB."
    )
    pods: int = Field(default=1, ge=1, le=1000, description="Pods, where they don't scale. Production asks for two.")
    scaling: PodScalingSpec | None = Field(default=None, description="Absent: as many pods as `pods` says.")
    measured: MeasuredSpec = Field(
        default_factory=MeasuredSpec, description="What it tells Prometheus. Absent: what Modelyard's container does."
    )
    door: GatewayDoorSpec | None = Field(
        default=None, description="A way in from a gateway. Absent: the team's own namespace alone reaches it."
    )

    @property
    def fetched_by(self) -> str:
        """The image that brings the model."""
        return self.fetcher or self.image

    @property
    def least(self) -> int:
        """Pods of the release at least."""
        return self.scaling.least if self.scaling else self.pods

    @property
    def most(self) -> int:
        """Pods at most, the candidate's as well, and those that stand beside the old ones while a version changes."""
        served = self.served_by
        beside = 1
        if isinstance(served, RolloutServed) and isinstance(served.rollout, AllAtOnce):
            beside = self.scaling.most if self.scaling else self.pods
        tried = served.candidate.pods if isinstance(served, KServeServed) and served.candidate else 0
        return (self.scaling.most if self.scaling else self.pods) + tried + beside

    @property
    def versions(self) -> dict[int, tuple[str, str]]:
        """The versions that it serves: of each its artifact, and the path that names it."""
        found: dict[int, tuple[str, str]] = {}
        if self.release.kind == "declared":
            found[self.release.version] = (self.artifact, "release.version")
        if isinstance(self.served_by, KServeServed) and self.served_by.candidate is not None:
            tried = self.served_by.candidate
            found.setdefault(tried.version, (tried.artifact, "served_by.candidate.version"))
        return found

    def check(self) -> Iterator[Fault]:
        """Images without digests, a loop that nobody runs here, and a candidate that no call reaches."""
        yield from not_by_digest(self, "image", self.image)
        if self.fetcher is not None:
            yield from not_by_digest(self, "fetcher", self.fetcher)
        if self.release.kind == "loop":
            problem = "isn't known on Kubernetes: the retraining loop brings versions to endpoints of SageMaker alone"
            yield self.fault("release.kind", problem, "Declare the version: {kind: declared, version: 3}.", "loop")
        for variable in sorted(set(_OURS) & self.environment.keys()):
            remedy = "Remove it: pods act as their service account."
            yield self.fault(f"environment.{variable}", "is a key that never ends", remedy)
        if isinstance(self.served_by, KServeServed) and self.served_by.candidate is not None:
            yield from self._tried(self.served_by.candidate)

    def _tried(self, candidate: CandidateSpec) -> Iterator[Fault]:
        if self.door is None:
            problem = "gets its share of the calls at a gateway, and the endpoint has no door"
            remedy = 'Give "door", or use kind "rollout", which needs none.'
            yield self.fault("served_by.candidate", problem, remedy, candidate.version)
        if self.release.kind == "declared" and candidate.version == self.release.version:
            problem = "is the release itself"
            yield self.fault("served_by.candidate.version", problem, "Name another version.", candidate.version)

    def unfit_for_production(self) -> Iterator[Fault]:
        """What production asks for beyond: a second pod, so that one may fail or be moved."""
        if self.least < 2:
            path = "scaling.least" if self.scaling else "pods"
            problem = "leaves no pod when one fails or its machine is replaced, and this is production"
            yield self.fault(path, problem, "Use 2 or more.", self.least)
