"""What is said of a Feast store on Kubernetes: its views, where values and history lie, and who gets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.features.spec import DynamoDBOnline, FeatureViewSpec
from modelyard.core.errors import Fault
from modelyard.core.given import CompatibleStore, ObjectName, SecretKey
from modelyard.core.spec import Name, Spec
from modelyard.core.ways import WaysSpec

_BY_DIGEST: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_ONE_JOB: Final = "is the job's of the whole store here: Feast keeps what was filled in one file"
Cron = Annotated[str, StringConstraints(pattern=r"^([0-9*/,-]+ ){4}[0-9*/,-]+$", max_length=64)]
"""Five fields, in UTC (kubernetes.io/docs/concepts/workloads/controllers/cron-jobs)."""


def not_by_digest(spec: Spec, path: str, image: str) -> Iterator[Fault]:
    """An image that may be another one tomorrow; `spec` names it at `path`."""
    if not _BY_DIGEST.fullmatch(image):
        remedy = "Name the image by digest: repository@sha256:<64 hexadecimal digits>."
        yield spec.fault(path, "can change behind its name", remedy, image)


class RedisPasswords(Spec):
    """Passwords of Redis' users, letters among them and no commas, since Feast reads them from a list."""

    reader: SecretKey = Field(description="Of `reader`, as whom the server comes: it can't write.")
    writer: SecretKey = Field(description="Of `writer`, as whom the job that fills it comes.")


class GivenRedis(Spec):
    """A Redis or Valkey that exists, with two users."""

    kind: Literal["redis"] = Field(description="A Redis or Valkey that exists, by TLS.")
    address: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$", max_length=260)] = Field(
        description="Where it answers, as host:port."
    )
    cluster: bool = Field(default=False, description="Whether it is a cluster of Redis. Absent: one server.")
    passwords: RedisPasswords = Field(description="Passwords of its users `reader` and `writer`.")
    ca: SecretKey | None = Field(
        default=None, description="Where its certificate authority lies. Absent: one that the image knows."
    )


class OwnRedis(Spec):
    """One Valkey in the namespace, on a disk, entered by TLS and with a password."""

    kind: Literal["own_redis"] = Field(
        description="A Valkey of its own: one pod and a disk; a minute's pause when moved."
    )
    image: str = Field(description="Valkey's or Redis' image with a shell, version 7 or newer, by digest.")
    passwords: RedisPasswords = Field(description="Where the passwords of its users lie.")
    tls: ObjectName = Field(
        description="A Secret of type kubernetes.io/tls with `ca.crt`, as cert-manager writes it, for the service's "
        "name."
    )
    storage_gib: int = Field(default=5, ge=1, le=16_384, description="GiB of its disk. Five: twice its memory.")
    storage_class: ObjectName | None = Field(default=None, description="Its disk's class. Absent: the cluster's own.")
    memory_mib: int = Field(
        default=2048,
        ge=128,
        le=1_048_576,
        description="MiB of the pod; three quarters hold values, and more is refused.",
    )


class LakeKept(Spec):
    """The team's lake on AWS."""

    kind: Literal["lake"] = Field(
        description="The lake: the registry in its zone `artifacts`, history below the component's name in `features`."
    )


class WritingKeys(Spec):
    """Keys of the store that may write, which the server never gets."""

    access_key: SecretKey = Field(description="Where the access key's id lies.")
    secret_key: SecretKey = Field(description="Where the access key itself lies.")


class CompatibleKept(CompatibleStore):
    """A bucket in a store that speaks as S3 does: `registry.db` and `<dataset>/*.parquet` below the prefix."""

    writer: WritingKeys = Field(
        description="Keys that may write the registry, for the job that fills. Those beside only need to read it."
    )


class KubernetesFeaturesSpec(Spec):
    """A Feast store in a namespace of any conformant cluster: a server that reads, and a job that fills."""

    flavour: Literal["kubernetes"] = Field(default="kubernetes", description="It runs on the platform's cluster.")
    image: str = Field(
        description="The image of server and job, by digest. It holds Python with feast[redis] 0.67 or newer, boto3 "
        "and s3fs; its user isn't root."
    )
    views: dict[Name, FeatureViewSpec] = Field(min_length=1, description="The feature views by name.")
    online: Annotated[GivenRedis | OwnRedis | DynamoDBOnline, Field(discriminator="kind")] = Field(
        description="Where values are read one by one: kind redis, own_redis or dynamodb."
    )
    kept: Annotated[LakeKept | CompatibleKept, Field(discriminator="kind")] = Field(
        description="Where the registry and the history lie: kind lake, or compatible."
    )
    schedule: Cron = Field(
        default="17 * * * *", description="When new values are taken from history, in UTC. Hourly, past the full hour."
    )
    timeout_minutes: int = Field(
        default=50, ge=1, le=1440, description="Minutes after which a run is ended, so that none meets the next."
    )
    queue: ObjectName | None = Field(
        default=None,
        description="The LocalQueue of the namespace that runs wait in, where Kueue shares the cluster. Absent: "
        "`default`, which the platform makes.",
    )
    tls: ObjectName = Field(
        description="A Secret of type kubernetes.io/tls for the server's service name. Required: features are people's."
    )
    ways: WaysSpec = Field(
        default_factory=WaysSpec, description="Who gets in and what it calls. Absent: pods of its own namespace alone."
    )
    count: int = Field(default=1, ge=1, le=100, description="Servers. One; production has two.")
    workers: int = Field(default=2, ge=1, le=32, description="Processes in each server: one a processor and one more.")
    cpus: float = Field(default=1.0, gt=0, le=64, description="Processors kept for each server.")
    memory_mib: int = Field(default=1024, ge=256, le=65_536, description="MiB of each server; half a GiB a process.")
    job_memory_mib: int = Field(
        default=4096,
        ge=512,
        le=1_048_576,
        description="MiB of the job that fills. Four GiB: an hour of most histories.",
    )

    def check(self) -> Iterator[Fault]:
        """Images by digest, and views that one job fills from one history."""
        yield from not_by_digest(self, "image", self.image)
        if isinstance(self.online, OwnRedis):
            yield from not_by_digest(self, "online.image", self.online.image)
        for name, view in self.views.items():
            for number, version in view.versions.items():
                path = f"views.{name}" if number == view.version else f"views.{name}.previous.{number}"
                for field in ("schedule", "freshness_minutes", "consistency"):
                    if getattr(version, field) is not None:
                        yield self.fault(f"{path}.{field}", _ONE_JOB, 'Take it away; the store has "schedule".')
                if not (version.online and version.offline):
                    field = "offline" if version.online else "online"
                    problem = "leaves the server nothing to read, or the job nothing to fill it from"
                    yield self.fault(f"{path}.{field}", problem, "Take it away.", False)

    def faults_in(self, *, production: bool, lake: bool, acts: bool) -> Iterator[Fault]:
        """What only shows at the place. `lake`: whether there is one; `acts`: whether the accounts act in AWS."""
        if isinstance(self.kept, LakeKept) and not (lake and acts):
            problem = "is in AWS, and there is no lake, or no identity there"
            remedy = 'Give a lake and service accounts that take grants, or use "kind: compatible".'
            yield self.fault("kept.kind", problem, remedy, "lake")
        if isinstance(self.online, DynamoDBOnline) and not isinstance(self.kept, LakeKept):
            problem = "is AWS's, and pods come to AWS with keys of another store"
            yield self.fault("online.kind", problem, 'Use "kind: lake" for what is kept, or a Redis.', "dynamodb")
        if production and self.count < 2:
            problem = "leaves nobody who answers while a pod is moved, and this is production"
            yield self.fault("count", problem, "Use 2 or more.", self.count)
