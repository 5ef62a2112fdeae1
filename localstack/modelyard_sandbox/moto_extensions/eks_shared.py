"""What the parts of EKS share: a cluster with all that belongs to it, refusals, and looks at other services."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.eks.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

Document = dict[str, Any]
TAGGED: Final = {
    "nodegroups": ("nodegroup", "nodegroupArn"),
    "addons": ("addon", "addonArn"),
    "entries": ("access-entry", "accessEntryArn"),
    "associations": ("podidentityassociation", "associationArn"),
    "providers": ("identityproviderconfig", "identityProviderConfigArn"),
}
"""Where a cluster keeps what has tags of its own: the kind in its ARN, and the member that holds the ARN."""


class Cluster:
    """A cluster as DescribeCluster shows it, and what belongs to it, by name or id as the API shows it.

    `policies` are the access policies by principal. `fargate_profiles` are moto's own.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodegroups: dict[str, Document] = {}
        self.addons: dict[str, Document] = {}
        self.entries: dict[str, Document] = {}
        self.policies: dict[str, list[Document]] = {}
        self.associations: dict[str, Document] = {}
        self.providers: dict[str, Document] = {}
        self.updates: dict[str, Document] = {}
        self.fargate_profiles: dict[str, Any] = {}
        self.fargate_profile_count = 0
        self.is_active = True

    @property
    def name(self) -> str:
        """Its name."""
        return self.document["name"]

    @property
    def version(self) -> str:
        """Its version of Kubernetes, as `1.34`."""
        return self.document["version"]

    def tagged(self) -> Iterator[tuple[str, str, Document]]:
        """Everything that has tags: kind, ARN, document."""
        yield "cluster", self.document["arn"], self.document
        for place, (kind, member) in TAGGED.items():
            for document in getattr(self, place).values():
                yield kind, document[member], document

    def updated(self, kind: str, **parameters: Any) -> Document:
        """The record of an update, which is over at once."""
        made = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [
                {"type": name, "value": value if isinstance(value, str) else json.dumps(value)}
                for name, value in parameters.items()
                if value is not None
            ],
            "createdAt": utcnow(),
            "errors": [],
        }
        self.updates[made["id"]] = made
        return {"update": made}


def existing(backend: Any, asked: Document) -> Cluster:
    """The cluster that a request names."""
    name = asked.get("name") or asked.get("clusterName")
    if name not in backend.clusters:
        raise ResourceNotFoundException(clusterName=name, message=f"No cluster found for name: {name}.")
    return backend.clusters[name]


def refused(message: str, **where: str) -> InvalidParameterException:
    """A parameter that EKS refuses."""
    return InvalidParameterException(message=message, **where)


def missing(message: str, **where: str) -> ResourceNotFoundException:
    """Something that a request names, and that isn't there."""
    return ResourceNotFoundException(message=message, **where)


def arn(backend: Any, kind: str, *names: str) -> str:
    """The ARN of a thing of EKS."""
    region = backend.region_name
    return f"arn:{get_partition(region)}:eks:{region}:{backend.account_id}:{kind}/{'/'.join(names)}"


def ec2(backend: Any) -> Any:
    """EC2 in the same account and region."""
    return ec2_backends[backend.account_id][backend.region_name]


def subnets(backend: Any, ids: list[str]) -> list[Any]:
    """Subnets by their ids; all must exist."""
    known = {id: subnet for by_zone in ec2(backend).subnets.values() for id, subnet in by_zone.items()}
    for id in ids:
        if id not in known:
            raise refused(f"The subnet ID '{id}' does not exist (Service: AmazonEC2; Code: InvalidSubnetID.NotFound)")
    return [known[id] for id in ids]


def principal(backend: Any, name: str) -> Any:
    """The role or user of an ARN, or None; those of other accounts are taken as they are."""
    iam = iam_backends[backend.account_id][get_partition(backend.region_name)]
    return next((one for one in (*iam.roles.values(), *iam.users.values()) if one.arn == name), None)


def trusts(role: Any, service: str) -> bool:
    """Whether a role's trust policy lets a service assume it."""
    statements = json.loads(role.assume_role_policy_document or "{}").get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        named = statement.get("Principal")
        services = named.get("Service", []) if isinstance(named, dict) else []
        actions = statement.get("Action", [])
        if (
            statement.get("Effect") == "Allow"
            and service in ([services] if isinstance(services, str) else services)
            and "sts:AssumeRole" in ([actions] if isinstance(actions, str) else actions)
        ):
            return True
    return False
