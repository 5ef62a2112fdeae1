"""What a team's file says about its experiment tracking: which server, how it is reached, and when it stops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import REPLACES, LogDays, Spec
from modelyard.foundation.network import Intent

VERSIONS: Final = ("3.0", "2.16.2", "2.13.2")
"""MLflow versions of SageMaker's tracking servers, newest first (sagemaker/latest/dg/mlflow, "How it works")."""

FARGATE: Final[dict[int, tuple[int, ...]]] = {
    256: (512, 1024, 2048),
    512: tuple(1024 * gib for gib in range(1, 5)),
    1024: tuple(1024 * gib for gib in range(2, 9)),
    2048: tuple(1024 * gib for gib in range(4, 17)),
    4096: tuple(1024 * gib for gib in range(8, 31)),
}
"""MiB of memory that Fargate pairs with each CPU (AmazonECS/latest/developerguide/task-cpu-memory-error)."""

DEFAULT_CLASS: Final = "db.t4g.small"

_WINDOW = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun):([01][0-9]|2[0-3]):[0-5][0-9]")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_CLASS = re.compile(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:(?P<region>[a-z0-9-]+):[0-9]{12}:certificate/[a-zA-Z0-9-]+")

HostName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=253)
]


class ManagedTracking(Spec):
    """SageMaker's tracking server: nothing to run, entered by IAM alone, paid by the hour while it is on."""

    kind: Literal["managed"] = Field(description="SageMaker's managed tracking server.")
    size: Literal["Small", "Medium", "Large"] = Field(
        default="Small", description="How much it bears. Small: up to 25 people, and the cheapest by far."
    )
    version: Annotated[str, REPLACES] = Field(
        default=VERSIONS[0], description=f"The MLflow version: {', '.join(VERSIONS)}. The newest: it lasts longest."
    )
    maintenance_window: str = Field(
        default="Sun:03:00",
        description="Day and time (UTC) of its weekly maintenance, such as Tue:04:30. Sunday night: few people work.",
    )
    register_models: bool = Field(
        default=False,
        description="Whether models logged there enter SageMaker's registry by themselves. Off: models enter by the "
        "registry's own gate.",
    )

    def check(self) -> Iterator[Fault]:
        """A version that SageMaker has, and a window as it writes them."""
        if self.version not in VERSIONS:
            has = ", ".join(VERSIONS)
            yield self.fault("version", "is no MLflow version of SageMaker's", f"Use one of {has}.", self.version)
        if not _WINDOW.fullmatch(self.maintenance_window):
            remedy = "Write a day and a time in UTC, such as Tue:04:30."
            yield self.fault("maintenance_window", "is no weekly window", remedy, self.maintenance_window)


class HttpsListener(Spec):
    """Encrypted on the way to the load balancer."""

    kind: Literal["https"] = Field(description="TLS 1.2 or newer.")
    certificate_arn: str = Field(description="A certificate of ACM in the server's own region.")
    host: HostName = Field(
        description="The name on the certificate, such as mlflow.fraud.internal. Point it at the output "
        "`balancer_name`; clients check it."
    )

    def check(self) -> Iterator[Fault]:
        """A certificate of ACM."""
        if not _CERTIFICATE.fullmatch(self.certificate_arn):
            remedy = "Give an ARN such as arn:aws:acm:eu-west-1:123456789012:certificate/…"
            yield self.fault("certificate_arn", "is no certificate of ACM", remedy, self.certificate_arn)

    def outside(self, region: str) -> Iterator[Fault]:
        """A load balancer takes certificates of its own region alone."""
        found = _CERTIFICATE.fullmatch(self.certificate_arn)
        if found is not None and found["region"] != region:
            problem = f"lies in another region than the server, {region}"
            yield self.fault("certificate_arn", problem, f"Use a certificate of {region}.", self.certificate_arn)


class HttpListener(Spec):
    """Passwords and runs travel in the clear inside the VPC."""

    kind: Literal["http"] = Field(description="Not encrypted: passwords are readable on the way.")
    unsafe_because: str = Field(
        default="", max_length=256, description="Why that is bearable here. Required: nobody gets it by omission."
    )

    def check(self) -> Iterator[Fault]:
        """The unsafe choice is spelled out."""
        if not self.unsafe_because.strip():
            remedy = 'Use "kind: https" with a certificate, or say why not under "unsafe_because".'
            yield self.fault("kind", "sends passwords unencrypted", remedy, self.kind)


class TrackingDatabaseSpec(Spec):
    """The PostgreSQL database of a server that we host: private, encrypted, entered by IAM."""

    instance_class: str | None = Field(
        default=None,
        description=f"Its instance class, such as db.m6g.large. Absent: {DEFAULT_CLASS}, enough for one server.",
    )
    storage_gib: int = Field(default=20, ge=20, le=65_536, description="GiB at the beginning. 20: the least there is.")
    most_storage_gib: int = Field(
        default=100, ge=20, le=65_536, description="GiB to which it grows by itself. 100: a runaway is noticed first."
    )
    version: str = Field(default="17", description="PostgreSQL's major version; minor ones come by themselves.")
    backup_days: int | None = Field(
        default=None, ge=0, le=35, description="Days that backups stay. Absent: 30 in production, else 1."
    )
    two_zones: bool | None = Field(
        default=None, description="Whether a twin in another zone takes over. Absent: in production; it costs as much."
    )
    ca_file: str | None = Field(
        default=None,
        pattern=r"^/[^\s]+$",
        description="RDS's certificate authorities inside the image, such as /certs/global-bundle.pem; then the "
        "database's identity is verified. Absent: encrypted, not verified.",
    )

    def check(self) -> Iterator[Fault]:
        """A class as RDS writes them, a version that it has, and room to grow."""
        if self.instance_class is not None and not _CLASS.fullmatch(self.instance_class):
            remedy = "Use one such as db.t4g.medium."
            yield self.fault("instance_class", "is no instance class of RDS", remedy, self.instance_class)
        if not re.fullmatch(r"1[4-8]", self.version):
            yield self.fault("version", "is no major version that RDS supports", "Use 14 to 18.", self.version)
        if self.most_storage_gib < self.storage_gib:
            problem = f"is less than it begins with, {self.storage_gib}"
            yield self.fault("most_storage_gib", problem, "Raise it.", self.most_storage_gib)


class SelfHostedTracking(Spec):
    """MLflow in containers of the team's own, behind an internal load balancer."""

    kind: Literal["self_hosted"] = Field(description="MLflow on Fargate, with a PostgreSQL database.")
    image: str = Field(
        description="The container image by digest: …@sha256:…. It holds Python with mlflow[auth] 3.17 or newer, "
        "psycopg2 and boto3; best one of the team's own repositories, since the network is closed."
    )
    listener: Annotated[HttpsListener | HttpListener, Field(discriminator="kind")] = Field(
        description="How the load balancer is spoken to: https with a certificate, or http, which says why."
    )
    reached_from: tuple[Intent, ...] = Field(
        default=("training", "workload"),
        description="The network's groups that may connect, beside the component's client group. Where code runs.",
    )
    count: int = Field(default=1, ge=1, le=10, description="Servers at a time. One: runs survive a restart.")
    cpu: int = Field(
        default=512, description="CPU units of each, 1024 being one vCPU. Half a one: MLflow waits mostly."
    )
    memory_mib: int = Field(default=2048, description="MiB of each. Two GiB: what two workers need.")
    workers: int = Field(default=2, ge=1, le=16, description="Processes in each server; a GiB of memory apiece.")
    database: TrackingDatabaseSpec = Field(default_factory=TrackingDatabaseSpec, description="Its database.")
    log_days: LogDays = Field(default=30, description="Days that its logs stay. A month: an incident's length.")
    password_version: int = Field(
        default=1,
        ge=1,
        le=2**31 - 1,
        description="Raise it to have the passwords of `log` and `read` made anew; servers restart with them.",
    )

    def check(self) -> Iterator[Fault]:
        """An image that can't change, sizes that Fargate has, and a database that was chosen for its load."""
        if not _DIGEST.fullmatch(self.image):
            remedy = "Name the image by digest: repository@sha256:<64 hexadecimal digits>."
            yield self.fault("image", "can change behind its name", remedy, self.image)
        if self.cpu not in FARGATE:
            has = ", ".join(map(str, FARGATE))
            yield self.fault("cpu", "is no size that Fargate has", f"Use one of {has}.", self.cpu)
        elif self.memory_mib not in FARGATE[self.cpu]:
            fits = FARGATE[self.cpu]
            remedy = f"Use {fits[0]} to {fits[-1]} in whole GiB." if self.cpu > 256 else "Use 512, 1024 or 2048."
            yield self.fault("memory_mib", f"doesn't go with {self.cpu} CPU units", remedy, self.memory_mib)
        if self.count > 1 and self.database.instance_class is None:
            problem = f"share one database, and nobody chose its class; {DEFAULT_CLASS} is meant for one"
            yield self.fault("count", problem, 'Add "database.instance_class".', self.count)


class IdleSpec(Spec):
    """When the server rests: what costs by the hour is stopped, and started again."""

    stop: str = Field(description="Time of day at which it stops, such as 20:00.")
    start: str = Field(description="Time of day at which it starts, such as 07:00; a database takes ten minutes of it.")
    timezone: str = Field(default="UTC", description="The times' zone, such as Europe/Berlin. UTC: no hour is missed.")
    weekends: bool = Field(default=True, description="Whether it rests all Saturday and Sunday. Most offices do.")

    def check(self) -> Iterator[Fault]:
        """Two different times of day, in a zone that exists."""
        for field in ("stop", "start"):
            if not _TIME.fullmatch(getattr(self, field)):
                yield self.fault(field, "is no time of day", "Write hours and minutes: 07:30.", getattr(self, field))
        if self.stop == self.start:
            yield self.fault("start", "is when it stops", "Give it another time.", self.start)
        if not _is_zone(self.timezone):
            yield self.fault("timezone", "is no time zone", "Use one such as Europe/Berlin.", self.timezone)


class TrackingSpec(Spec):
    """Where a team's runs are written: one server for the team alone, and a bucket for what runs leave behind."""

    flavour: Annotated[ManagedTracking | SelfHostedTracking, Field(discriminator="kind")] = Field(
        description="`managed` (SageMaker's) or `self_hosted` (MLflow on Fargate). No default: either costs while idle."
    )
    idle: IdleSpec | None = Field(
        default=None, description="When it rests. Absent: never, since jobs that run at night log at night."
    )
    expires: date | None = Field(
        default=None,
        description="The day on which everything that costs by the hour stops, such as 2027-03-31. Absent: none.",
    )
    noncurrent_days: int = Field(
        default=30, ge=1, le=3650, description="Days that overwritten and deleted artifacts can be fetched back."
    )
    access_log_days: int = Field(default=365, ge=1, le=3650, description="Days that the bucket's access logs stay.")

    def faults_in(self, region: str, *, production: bool, network: bool) -> Iterator[Fault]:
        """What only shows beside the place where the server lives."""
        flavour = self.flavour
        if isinstance(flavour, SelfHostedTracking):
            if not network:
                problem = "needs a network, since a server is never public"
                remedy = 'Give the team a network, or use "kind: managed".'
                yield self.fault("flavour.kind", problem, remedy, flavour.kind)
            if isinstance(flavour.listener, HttpsListener):
                yield from flavour.listener.outside(region)
        if production and self.expires is not None:
            problem = "stops the tracking of production"
            yield self.fault("expires", problem, 'Take it out, or set it under "environments".', str(self.expires))


def _is_zone(name: str) -> bool:
    """Whether the zone exists; true where this computer has no list of zones."""
    try:
        return bool(ZoneInfo(name).key)
    except (KeyError, ValueError, OSError):
        return not available_timezones()
