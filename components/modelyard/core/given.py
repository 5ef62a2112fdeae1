"""What is given to a server on a cluster: values in Secrets that no stack sees, and a store that speaks as S3 does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Spec

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
"""A DNS subdomain (kubernetes.io/docs/concepts/overview/working-with-objects/names)."""
NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
_PORTS: Final = {"http": 80, "https": 443}


class SecretKey(Spec):
    """A value in a Secret of the server's namespace; pods read it, and no stack, plan or log does."""

    name: ObjectName = Field(description="The Secret's name.")
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(
        default="value", description="The key in it. `value`: so are a team's secrets called that are synced."
    )

    def variable(self, name: str) -> dict[str, Any]:
        """A container's variable that has the value."""
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": self.name, "key": self.key}}}


class CompatibleStore(Spec):
    """A bucket that exists, in a store that speaks as S3 does, such as Ceph, Garage or another cloud's."""

    kind: Literal["compatible"] = Field(description="A bucket in a store that speaks as S3 does.")
    endpoint: Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$", max_length=253)] = (
        Field(description="Where the store answers, such as https://s3.store.acme.example.")
    )
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = Field(
        description="The bucket."
    )
    prefix: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]+/)*$", max_length=256)] = Field(
        default="", description="Below what in the bucket, with a slash at its end. Absent: the whole bucket."
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=64)] = Field(
        default="us-east-1", description="What requests are signed for; most stores take any. Absent: us-east-1."
    )
    access_key: SecretKey = Field(description="Where the access key's id lies.")
    secret_key: SecretKey = Field(description="Where the access key itself lies.")
    unsafe_because: str = Field(
        default="", max_length=256, description="Why an endpoint without TLS is bearable here. Required for http."
    )

    def check(self) -> Iterator[Fault]:
        """What travels unencrypted says why."""
        if self.endpoint.startswith("http:") and not self.unsafe_because.strip():
            remedy = 'Use https, or say why not under "unsafe_because".'
            yield self.fault("endpoint", "sends what is kept, and who asks, unencrypted", remedy, self.endpoint)

    @property
    def uri(self) -> str:
        """Where things lie, without a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def port(self) -> int:
        """Where the store listens."""
        parts = urlsplit(self.endpoint)
        return parts.port or _PORTS[parts.scheme]

    def variables(self) -> list[dict[str, Any]]:
        """What leads every SDK of AWS there (docs.aws.amazon.com/sdkref, "Service-specific endpoints")."""
        return [
            self.access_key.variable("AWS_ACCESS_KEY_ID"),
            {"name": "AWS_ENDPOINT_URL_S3", "value": self.endpoint},
            {"name": "AWS_REGION", "value": self.region},
            self.secret_key.variable("AWS_SECRET_ACCESS_KEY"),
        ]
