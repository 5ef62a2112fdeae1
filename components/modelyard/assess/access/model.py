"""Identities and policies as IAM sees them, wherever in the graphs they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

ROOT_PATH: Final = "modelyard"
"""The first part of the IAM path of everything of ours: `/modelyard/<platform>/<environment>/<owner>/`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An IAM document. `name`: as IAM calls it, or what it hangs on; `urn`: the node that holds it."""

    name: str
    document: Mapping[str, Any]
    urn: str = ""

    @property
    def statements(self) -> tuple[Mapping[str, Any], ...]:
        """The document's statements; IAM takes one alone without a list."""
        found = self.document.get("Statement", ())
        return (found,) if isinstance(found, Mapping) else tuple(found)


@dataclass(frozen=True, slots=True)
class Identity:
    """A role: its own policies, the boundary above them, and who may become it."""

    arn: str
    name: str
    path: str
    policies: tuple[Policy, ...]
    trust: Policy
    boundary: Policy | None = None
    description: str = ""
    component: str = ""
    """The logical name of the component that made it; empty where none did."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    urn: str = ""
    team: str = ""
    """Whose it is, where its path doesn't tell."""
    people: tuple[str, ...] = ()
    """Who may become it, where the graphs name persons."""

    @property
    def owner(self) -> str:
        """The team whose path the role lies below, `platform`, or nothing for a role of somebody else's."""
        if self.team:
            return self.team
        parts = self.path.strip("/").split("/")
        return parts[3] if len(parts) == 4 and parts[0] == ROOT_PATH else ""

    @property
    def account(self) -> str:
        """The account that the role is of."""
        return self.arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class Access:
    """Everything in some graphs that decides over a call."""

    identities: Mapping[str, Identity]
    """By ARN."""
    things: Mapping[str, Policy]
    """Policies on the side of things (buckets, keys, topics, queues, secrets …), by the thing's ARN."""
    managed: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    """Managed policies, boundaries among them, by ARN."""
    endpoints: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    """Policies of VPC endpoints, by service (`s3`, `kms`, `sagemaker.api`)."""
    service_controls: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict[str, tuple[Policy, ...]])
    """Service control policies by the root, unit or account that they hang on."""
    resource_controls: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict[str, tuple[Policy, ...]])
    """Resource control policies by the root, unit or account that they hang on."""
    accounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The account of what has none in its ARN: buckets, by ARN."""
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Tags of things, by ARN."""
    unread: tuple[str, ...] = ()
    """Policies that are named or written, and whose text is not in the graphs: no judgement is complete with them."""

    def of(self, owner: str) -> tuple[Identity, ...]:
        """The identities of a team (or of `platform`), by name."""
        return tuple(sorted((i for i in self.identities.values() if i.owner == owner), key=lambda i: i.name))

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose identities these are, but for those of somebody else."""
        return tuple(sorted({identity.owner for identity in self.identities.values()} - {""}))

    def policy_of(self, arn: str) -> tuple[str, Policy] | None:
        """The ARN and the policy of the thing that `arn` is, or lies in; None where it has none.

        A bucket's policy speaks for its objects, a stream's for its consumers, a table's for its indexes, a group's
        for the versions of its model.
        """
        candidate = arn.replace(":model-package/", ":model-package-group/", 1)
        while candidate:
            if candidate in self.things:
                return candidate, self.things[candidate]
            candidate = candidate.rpartition("/")[0]
        return None


def words(value: str | Sequence[str]) -> tuple[str, ...]:
    """What IAM lets one write as one string or as a list of them."""
    return (value,) if isinstance(value, str) else tuple(value)
