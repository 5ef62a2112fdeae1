"""EventBridge: a bus can be changed, its policy is kept as it was written, an archive keeps its key, rules invoke
functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.events.models import EventBus, Rule
from moto.events.responses import EventsHandler
from moto.events.utils import EventTemplateParser

_describe_archive = EventsHandler.describe_archive
_create_archive = EventsHandler.create_archive
_list_targets_by_rule = EventsHandler.list_targets_by_rule
_send_to_targets = Rule.send_to_targets
_EVENTS: Final = "events.amazonaws.com"
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


def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
    """What a rule leads to: functions are invoked, all else is moto's. A function's failure is nobody's here.

    EventBridge invokes a function only where its policy lets this rule in (eventbridge/latest/userguide,
    "Using resource-based policies").
    """
    if not self.event_pattern.matches_event(original_event):
        return
    every = list(self.targets)
    functions = [target for target in every if target["Arn"].split(":")[2] == "lambda"]
    self.targets = [target for target in every if target not in functions]
    try:
        _send_to_targets(self, original_event, transform_input)
    finally:
        self.targets = every
    for target in functions:
        account, region = target["Arn"].split(":")[4], target["Arn"].split(":")[3]
        function = lambda_backends[account][region].get_function(target["Arn"])
        if _may_invoke(function, self.arn):
            function.invoke(json.dumps(_input(target, original_event)), {"x-amz-invocation-type": "Event"}, {})


def _may_invoke(function: LambdaFunction, rule: str) -> bool:
    return any(
        statement.get("Principal", {}).get("Service") == _EVENTS
        and fnmatchcase(rule, str(statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")))
        for statement in function.policy.statements
    )


def _input(target: Mapping[str, Any], event: Any) -> Any:
    """What a target is handed: its own input, what its transformer makes of the event, or the event."""
    if target.get("Input"):
        return json.loads(target["Input"])
    transformer = target.get("InputTransformer", {})
    made = EventTemplateParser.parse(transformer.get("InputTemplate"), transformer.get("InputPathsMap", {}), event)
    if not transformer:
        made["time"] = f"{datetime.fromtimestamp(float(event['time']), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return made


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    EventBus.add_policy = add_policy
    Rule.send_to_targets = send_to_targets  # type: ignore[method-assign]
    for operation in (create_archive, describe_archive, list_targets_by_rule, update_archive, update_event_bus):
        setattr(EventsHandler, operation.__name__, operation)
