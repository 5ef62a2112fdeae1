"""A rule: what it looks at, what it asks, why, and what to do; and what it may say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from modelyard.core.errors import Source

if TYPE_CHECKING:
    from modelyard.assess.policy.examples import Part
    from modelyard.assess.policy.subject import Subject


class Severity(StrEnum):
    """How much harm is done where a rule doesn't hold."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


ORDER: Final = tuple(Severity)
"""The severities, the worst first."""


_FOREIGN: Final = re.compile(r"checkov:CKV2?_[A-Z0-9]+_\d+")


def is_foreign(rule: str) -> bool:
    """Whether an id is of a rule that another tool asks: waivers and `stops` may name it, no catalogue has it."""
    return _FOREIGN.fullmatch(rule) is not None


class Domain(StrEnum):
    """What part of a platform a rule speaks of."""

    DATA = "data"
    REGISTRY = "registry"
    TRAINING = "training"
    SERVING = "serving"
    CLUSTER = "cluster"
    IDENTITY = "identity"
    COST = "cost"
    CLOUD = "cloud"


class Undecided(Exception):  # noqa: N818
    """A rule met a value at `path` that only the deployment will tell."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a resource; `path`: the property that says it, empty where one is missing.

    `source`: where what it breaks is written; absent, where the resource is.
    """

    problem: str
    path: str = ""
    source: Source | None = None


Check: TypeAlias = "Callable[[Subject], Iterator[Violation]]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to each resource of `types`.

    `check` yields what is wrong, and nothing where the rule holds; it may look at the whole stack. `maps`:
    identifiers of controls, such as `FSBP S3.5`; those of NIST, SOC 2, the AI Act (AIA) and the AI RMF are our own
    reading. `bad` breaks this rule, `good` doesn't.
    """

    id: str
    severity: Severity
    domain: Domain
    title: str
    why: str
    remedy: str
    types: tuple[str, ...]
    check: Check
    bad: tuple[Part, ...]
    good: tuple[Part, ...]
    maps: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As `yard rules --json` prints it."""
        return {
            "id": self.id,
            "severity": str(self.severity),
            "domain": str(self.domain),
            "title": self.title,
            "why": self.why,
            "remedy": self.remedy,
            "types": list(self.types),
            "maps": list(self.maps),
        }
