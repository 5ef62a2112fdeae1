"""EventBridge: a bus can be changed, its policy is kept as it was written, an archive keeps its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.events.models import EventBus
from moto.events.responses import EventsHandler

_describe_archive = EventsHandler.describe_archive
_create_archive = EventsHandler.create_archive
_list_targets_by_rule = EventsHandler.list_targets_by_rule
_Answer = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class _Statement:
    """A statement of a bus's policy, with every member that it was written with."""

    document: Mapping[str, Any]

    @property
    def principal(self) -> Any:
        return self.document.get("Principal")

    def describe(self) -> dict[str, Any]:
        return dict(self.document)


def add_policy(self: Any, policy: dict[str, Any]) -> None:
    """PutPermission with a policy replaces the whole policy."""
    self._statements = {
        statement.get("Sid", str(number)): _Statement(statement) for number, statement in enumerate(policy["Statement"])
    }


def update_event_bus(self: Any) -> _Answer:
    """UpdateEventBus: what is not given is taken away."""
    bus = self.events_backend.describe_event_bus(self._get_param("Name"))
    bus.description = self._get_param("Description")
    bus.kms_key_identifier = self._get_param("KmsKeyIdentifier")
    bus.dead_letter_config = self._get_param("DeadLetterConfig")
    return json.dumps({"Arn": bus.arn, "Name": bus.name}), self.response_headers


def create_archive(self: Any) -> _Answer:
    """CreateArchive, its key included."""
    answer = _create_archive(self)
    archive = self.events_backend.archives[self._get_param("ArchiveName")]
    archive.kms_key_identifier = self._get_param("KmsKeyIdentifier")
    return answer


def update_archive(self: Any) -> _Answer:
    """UpdateArchive: retention 0 keeps events for ever."""
    archive = self.events_backend.archives.get(self._get_param("ArchiveName"))
    if archive is not None:
        archive.description = self._get_param("Description")
        archive.kms_key_identifier = self._get_param("KmsKeyIdentifier")
        archive.event_pattern = type(archive.event_pattern).load(self._get_param("EventPattern"))
        archive.retention = self._get_param("RetentionDays") or 0
    answer = self.events_backend.update_archive(self._get_param("ArchiveName"), None, None, None)
    return json.dumps(answer), self.response_headers


def describe_archive(self: Any) -> _Answer:
    """DescribeArchive, its key included."""
    body, headers = _describe_archive(self)
    archive = self.events_backend.archives[self._get_param("ArchiveName")]
    answer = json.loads(body) | {"KmsKeyIdentifier": getattr(archive, "kms_key_identifier", None)}
    return json.dumps({key: value for key, value in answer.items() if value is not None}), headers


def list_targets_by_rule(self: Any) -> _Answer:
    """ListTargetsByRule: on a bus that is gone there is no rule."""
    self.events_backend.describe_rule(self._get_param("Rule"), self._get_param("EventBusName"))
    return _list_targets_by_rule(self)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    EventBus.add_policy = add_policy
    for operation in (create_archive, describe_archive, list_targets_by_rule, update_archive, update_event_bus):
        setattr(EventsHandler, operation.__name__, operation)
