"""Decisions on versions: put down in one's own name, carried out by the promotion, and followed to their end."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.core.provenance import decision_key
from modelyard.operate.models.place import Model, asking

Decision = Literal["approved", "rejected"]
MOST_SECONDS: Final = 1_200
"""The function has fifteen minutes to hash an artifact; the rest is the machine's."""
LOOKS_AT_ONCE: Final = 30
"""How many looks follow each other by a quarter of a second, before they come every two."""
_REASON: Final = re.compile(r"(?:^|; )([a-z]+(?:-[a-z]+)+): ")
_REMEDIES: Final = {
    "approver-is-author": "Ask another approver: who made or registered a version doesn't approve it.",
    "digest-mismatch": "The bytes aren't those that were registered. Register the version again.",
    "foreign-artifact": "Put the artifact into the registry's bucket, and register the version again.",
    "gate-failed": "Reject it, or train a better one; a threshold is changed in the team's file.",
    "gate-missing": "Run the model's evaluation, which puts the results down.",
    "image-mismatch": "Register the version again, with the image that its lineage names.",
    "no-artifact": "Register the version again, with its artifact.",
    "no-lineage": "Register the version again, with its lineage (modelyard_jobs.versions.register).",
    "no-provenance": "Register the version again, with its lineage (modelyard_jobs.versions.register).",
    "not-pending": "It was decided before. Register a new version to have it decided anew.",
    "other-package": "Run the evaluation of this very version.",
    "provenance-mismatch": "Register the version again; what it says of its origin doesn't fit.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision; `by` is the decider's `aws:userid`, `evidence` where the signed record lies."""

    model: Model
    version: int
    decision: Decision
    by: str
    reason: str
    execution: str
    evidence: str = ""


def decide(
    model: Model,
    version: int,
    decision: Decision,
    reason: str = "",
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Put a decision down in the caller's own name, start the promotion, and follow it.

    Raises `InputError` with every reason why the promotion refuses it, or AWS the caller, and `EnvironmentFault` where
    the promotion fails or takes too long.
    """
    registry = model.registry
    model.describe(version)
    with asking("the caller"):
        user_id = str(registry.client("sts").get_caller_identity()["UserId"])
    key = decision_key(user_id, model.name, version)
    body = json.dumps({"decision": decision, "reason": reason}).encode()
    with asking(f"s3://{registry.bucket}/{key}", of=registry.context):
        registry.client("s3").put_object(
            Bucket=registry.bucket, Key=key, Body=body, ContentType="application/json", ChecksumAlgorithm="SHA256"
        )
    said = {"model": model.name, "version": version, "approver": user_id}
    machines = registry.client("stepfunctions")
    with asking(f"the promotion {registry.promotion}", of=registry.context):
        started = machines.start_execution(
            stateMachineArn=registry.promotion,
            name=f"{model.name}-{version}-{uuid.uuid4().hex[:12]}",
            input=json.dumps(said),
        )
    arn = str(started["executionArn"])
    end = _followed(machines, arn, pause)
    if end["status"] == "SUCCEEDED":
        told = json.loads(end.get("output") or "{}").get("said", {}).get("event", {})
        return Outcome(model, version, decision, user_id, reason, arn, str(told.get("evidence", "")))
    if end.get("error") == "Refused":
        raise InputError(*reasons(str(end.get("cause", "")), f"{model.name} {version}"))
    raise EnvironmentFault(
        Fault(
            f"the promotion ended as {end['status']}: {end.get('cause') or end.get('error') or 'no cause is given'}",
            "Nothing was approved. Look into the execution, then decide again.",
            Source(arn),
        )
    )


def reasons(cause: str, thing: str) -> list[Fault]:
    """Each reason of a refusal as a fault; the promotion joins them by semicolons, each behind its code."""
    parts = _REASON.split(cause)
    source = Source(thing)
    if len(parts) < 3:
        return [Fault(cause or "is refused", "See yard model show.", source)]
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [Fault(f"{code}: {problem}", _REMEDIES.get(code, "See yard model show."), source) for code, problem in pairs]


def _followed(machines: Any, execution: str, pause: Callable[[float], None]) -> dict[str, Any]:
    waited, looks = 0.0, 0
    while True:
        with asking(execution):
            found = machines.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        if waited >= MOST_SECONDS:
            problem = f"still runs after {MOST_SECONDS // 60} minutes"
            raise EnvironmentFault(Fault(problem, "Follow it in Step Functions; nothing is lost.", Source(execution)))
        step = 0.25 if looks < LOOKS_AT_ONCE else 2.0
        pause(step)
        waited, looks = waited + step, looks + 1
