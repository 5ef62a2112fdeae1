"""What is said of an MLflow server on Kubernetes: its database, where files lie, who signs in, and who gets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from modelyard.build.tracking.spec import HttpListener
from modelyard.core.errors import Fault
from modelyard.core.given import CompatibleStore, ObjectName, SecretKey
from modelyard.core.spec import Spec
from modelyard.core.ways import WaysSpec

_BY_DIGEST: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


class SecretTls(Spec):
    """Encrypted up to the pods, by a certificate that lies in the namespace."""

    kind: Literal["tls"] = Field(description="TLS, which the server itself speaks.")
    certificate: ObjectName = Field(
        description="A Secret of type kubernetes.io/tls, as cert-manager writes it, for the service's name; clients "
        "check it. Pods read it when they start."
    )


class ConnectionSpec(Spec):
    """A PostgreSQL database that exists, entered by a connection in a Secret."""

    connection: SecretKey = Field(
        description="Where its URI lies, password included: postgresql://user:password@host:5432/name. Keys that may "
        "make tables; best of a database that nothing else uses."
    )
    ca: SecretKey | None = Field(
        default=None,
        description="Where its certificate authority lies; then its identity is verified. Absent: encrypted, not "
        "verified. A connection that allows less is refused when pods start.",
    )


class PasswordsSpec(Spec):
    """Where the passwords of MLflow's users lie, and the key that signs sessions."""

    admin: SecretKey = Field(
        description="Of `admin`, who may do everything. MLflow takes it when it starts the first time and never again."
    )
    writer: SecretKey = Field(description="Of `writer`, who makes runs, and changes those alone.")
    reader: SecretKey = Field(description="Of `reader`, who sees all runs.")
    session: SecretKey = Field(description="What signs sessions: 32 characters or more that nobody guesses.")
    version: int = Field(
        default=1,
        ge=1,
        le=2**31 - 1,
        description="Raise it when a Secret has other values: pods start anew with them, and `writer` and `reader` get "
        "their passwords.",
    )


class BucketFiles(Spec):
    """A bucket of S3 that is made for the server; clients write there under their own rights."""

    kind: Literal["bucket"] = Field(description="A bucket of S3, made for it under the team's key.")
    noncurrent_days: int = Field(
        default=30, ge=1, le=3650, description="Days that overwritten and deleted files can be fetched back."
    )
    access_log_days: int = Field(default=365, ge=1, le=3650, description="Days that the bucket's access logs stay.")


class KubernetesTrackingSpec(Spec):
    """MLflow in a namespace of any conformant cluster: signed in to, private, its database and files outside of it."""

    flavour: Literal["kubernetes"] = Field(default="kubernetes", description="It runs on the platform's cluster.")
    image: str = Field(
        description="The server's image, by digest. It holds Python with mlflow[auth] 3.17 or newer, boto3, and the "
        "driver that its SQLAlchemy takes: psycopg from 2.1 on, psycopg2 before. Its user isn't root."
    )
    database: ConnectionSpec = Field(description="Its database.")
    passwords: PasswordsSpec = Field(description="Its users' passwords. No default: a server without is open to all.")
    files: Annotated[BucketFiles | CompatibleStore, Field(discriminator="kind")] = Field(
        description="Where runs keep their files: kind bucket, or compatible. The latter only the server reads and "
        "writes: clients send files through it, and nobody else has the keys."
    )
    listener: Annotated[SecretTls | HttpListener, Field(discriminator="kind")] = Field(
        description="How it is spoken to: kind tls, or http, which says why."
    )
    ways: WaysSpec = Field(
        default_factory=WaysSpec, description="Who gets in and what it calls. Absent: pods of its own namespace alone."
    )
    count: int = Field(default=1, ge=1, le=10, description="Pods. One: it is back within a minute. Production has two.")
    workers: int = Field(default=2, ge=1, le=16, description="Processes in each pod; a GiB of memory apiece.")
    cpus: float = Field(default=0.5, gt=0, le=64, description="Processors kept for each pod: MLflow waits mostly.")
    memory_mib: int = Field(default=2048, ge=512, le=65_536, description="MiB of each pod: what two workers need.")

    def check(self) -> Iterator[Fault]:
        """An image that can't change behind its name."""
        if not _BY_DIGEST.fullmatch(self.image):
            remedy = "Name the image by digest: repository@sha256:<64 hexadecimal digits>."
            yield self.fault("image", "can change behind its name", remedy, self.image)

    def faults_in(self, *, production: bool, keys: bool, acts: bool) -> Iterator[Fault]:
        """What only shows at the place. `keys`: whether a bucket can be encrypted; `acts`: whether pods act in AWS."""
        if isinstance(self.files, BucketFiles) and not (keys and acts):
            problem = "is made in AWS, and the server has no keys or no identity there"
            remedy = 'Give it keys and a service account that takes grants, or use "kind: compatible".'
            yield self.fault("files.kind", problem, remedy, "bucket")
        if production and self.count < 2:
            problem = "leaves nobody who answers while a pod is moved, and this is production"
            yield self.fault("count", problem, "Use 2 or more.", self.count)
