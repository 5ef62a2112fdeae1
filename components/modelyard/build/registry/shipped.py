"""Functions of the registry: their own text and the rules' text, a role, and a log group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core import releasing
from modelyard.core.access import Statement, trust_service
from modelyard.core.bundles import archive, bundle
from modelyard.core.component import Component
from modelyard.core.identity import Role

_LOG_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Shipped:
    """A function and the role that it works under."""

    function: aws.lambda_.Function
    role: Role


def sources(declared: Mapping[str, Any], file: str = "function.py") -> dict[str, str]:
    """A function's files by path: its own text, the rules' text, and the declared gates."""
    files = {
        file: Path(__file__).with_name(file).read_text("utf-8"),
        "models.json": json.dumps(declared, sort_keys=True),
    }
    return bundle(files, releasing)


def arn(registry: Component, role: str) -> str:
    """The ARN of the function that plays `role`, known before it exists."""
    return registry.context.arn("lambda", f"function:{registry.physical('function', role)}")


def shipped(
    registry: Component,
    role: str,
    *,
    file: str,
    says: str,
    settings: Mapping[str, pulumi.Input[str]],
    declared: Mapping[str, Any],
    statements: Sequence[Statement],
    key_arn: pulumi.Output[str],
    seconds: int,
    memory_mib: int,
) -> Shipped:
    """The function whose text is `file` of this folder, allowed `statements` and to write its own log."""
    context = registry.context
    identity = Role(
        registry.named(role),
        context=context,
        trusted=[trust_service("lambda.amazonaws.com", context=context)],
        description=f"{context.owner}: {says}",
        opts=registry.options(),
        written=registry.written,
    )
    group = aws.cloudwatch.LogGroup(
        registry.named(f"{role}-logs"),
        name=registry.physical("log-group", role),
        retention_in_days=_LOG_DAYS,
        kms_key_id=key_arn,
        opts=registry.options(),
    )
    logs = Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (pulumi.Output.concat(group.arn, ":*"),))
    identity.allow(registry, role, [*statements, logs])
    function = aws.lambda_.Function(
        registry.named(role),
        name=registry.physical("function", role),
        description=f"{context.owner}: {says}",
        role=identity.arn,
        runtime="python3.13",
        handler=f"{file.removesuffix('.py')}.handler",
        timeout=seconds,
        memory_size=memory_mib,
        code=archive(sources(declared, file)),
        environment={"variables": dict(settings)},
        kms_key_arn=key_arn,
        logging_config={"log_format": "JSON", "log_group": group.name},
        opts=registry.options(),
    )
    return Shipped(function, identity)
