"""Functions of the registry: their own text and the rules' text, a role, and a log group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.registry import stored
from modelyard.core import releasing, weights
from modelyard.core.access import Statement
from modelyard.core.bundles import bundle
from modelyard.core.component import Component
from modelyard.core.functions import function, worker
from modelyard.core.identity import Role


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
    return bundle(files, releasing, stored, weights)


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
    described = f"{registry.context.owner}: {says}"
    made = worker(registry, role, says=described, key_arn=key_arn)
    made.role.allow(registry, role, [*statements, made.logs])
    work = function(
        registry,
        role,
        worker=made,
        says=described,
        files=sources(declared, file),
        handler=f"{file.removesuffix('.py')}.handler",
        seconds=seconds,
        memory_mib=memory_mib,
        settings=settings,
        key_arn=key_arn,
    )
    return Shipped(work, made.role)
