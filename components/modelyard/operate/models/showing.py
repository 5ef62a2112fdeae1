"""What people are shown of versions, decisions and promotions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelyard.core.releasing import APPROVED, PENDING, person
from modelyard.operate.models.deciding import Outcome
from modelyard.operate.models.promoting import Promoted
from modelyard.operate.models.versions import GateState, Summary, Version, waits

_STATUS: Final = {PENDING: "waits", APPROVED: "approved", "Rejected": "rejected"}
_VERIFIED: Final = "verified with the registry's key"


def listed(found: Sequence[Summary], names: Sequence[str]) -> Iterator[str]:
    """The lines of `yard model list`; `names` are the models that were asked for."""
    if not found:
        yield f"No version is registered yet of {', '.join(names) or 'any model: no team declares one'}."
        yield "Register one in a job: modelyard_jobs.versions.register"
        return
    head = ("model", "version", "team", "status", "registered (UTC)", "author", "gates")
    rows = [
        (
            one.model.name,
            str(one.number),
            one.model.registry.team,
            status(one.status),
            f"{one.registered_at:%Y-%m-%d %H:%M}",
            one.author or "unknown",
            _gates(one.gates),
        )
        for one in found
    ]
    yield from table([head, *rows])
    waiting = next((one for one in found if waits(one)), None)
    if waiting is not None:
        yield ""
        yield f"Next: yard model show {waiting.model.name} {waiting.number}"


def shown(found: Version) -> Iterator[str]:
    """The lines of `yard model show`."""
    summary = found.summary
    yield f"{summary.model.name} {summary.number}  {status(summary.status)}  {found.package}"
    if found.description:
        yield found.description
    yield f"registered  {summary.registered_at:%Y-%m-%d %H:%M} UTC by {found.submitter or 'unknown'}"
    yield f"author      {summary.author or 'unknown: the package carries no lineage'}"
    yield f"artifact    {found.artifact or 'none'}"
    yield f"image       {found.image or 'none'}"
    if found.lineage is not None:
        yield f"data        snapshot {found.lineage.data_snapshot[:12]}"
        yield f"commit      {found.lineage.code_commit[:12]}"
    yield ""
    yield from _measured(found)
    yield ""
    yield from _released(found)
    yield ""
    name = f"{summary.model.name} {summary.number}"
    if summary.status == PENDING:
        yield f"Next: yard model approve {name} --reason …   or   yard model reject {name} --reason …"
    else:
        yield f"Next: yard model lineage {name}"


def _measured(found: Version) -> Iterator[str]:
    gates = found.summary.gates
    if gates:
        head = ("gate", "asks", "measured", "champion", "verdict")
        yield from table([head, *(_gate_row(state) for state in gates)])
    else:
        yield f"No gate: {found.summary.model.spec.ungated_because}"
    others = [r for r in found.results if r.gate not in found.summary.model.spec.gates]
    for result in others:
        yield f"also measured: {result.metric} {result.value:g}"


def _gate_row(state: GateState) -> tuple[str, ...]:
    result = state.result
    value = "-" if result is None else f"{result.value:g}"
    champion = "-" if result is None or result.champion is None else f"{result.champion:g}"
    verdict = state.verdict if state.verdict == "passed" else state.verdict.upper()
    return state.name, state.gate.asks, value, champion, verdict


def _released(found: Version) -> Iterator[str]:
    if found.release is None:
        if found.summary.status == APPROVED:
            yield "NOT RELEASED: the status was set, and nobody signed a record. Don't deploy it."
        elif found.decided:
            yield found.decided
        else:
            yield "Nothing is released: there is no signed record."
        return
    record = found.release.record
    yield f"signature   {_VERIFIED if found.verified else 'NOT VALID'}"
    yield f"approved    {record.released_at:%Y-%m-%d %H:%M} UTC by {person(record.approver)} ({record.approver})"
    if record.reason:
        yield f"because     {record.reason}"
    yield (
        f"compared    with {record.champion}" if record.champion else "compared    with nothing: the first of its kind"
    )
    for refusal in found.refused:
        yield f"NOT VALID   {refusal}"


def decided(found: Outcome) -> Iterator[str]:
    """The lines of `yard model approve` and `reject`."""
    name = f"{found.model.name} {found.version}"
    yield f"{name} is {found.decision} by {person(found.by)}"
    if found.evidence:
        yield f"record: {found.evidence}"
    yield f"execution: {found.execution}"
    yield ""
    if found.decision == "approved":
        yield f"Next: yard model promote {name} --to ENV   or   yard model lineage {name}"
    else:
        yield f"Next: yard model list {found.model.name}"


def promoted(found: Promoted) -> Iterator[str]:
    """The lines of `yard model promote`."""
    summary, environment = found.source.summary, found.target.registry.context.environment
    here = f"{found.target.name} {found.version}"
    verb = "is registered" if found.new else "was registered before"
    origin = f"{summary.model.name} {summary.number} of {summary.model.registry.context.environment}"
    yield f"{origin} {verb} in {environment} as {here}"
    yield found.package
    yield ""
    yield f"It waits for approval there. Next: run its evaluation in {environment}, then"
    yield f"  yard model approve {here} --env {environment}"


def status(text: str) -> str:
    """SageMaker's approval status in our words."""
    return _STATUS.get(text, text)


def _gates(states: Sequence[GateState]) -> str:
    if not states:
        return "none declared"
    passed = sum(state.verdict == "passed" for state in states)
    wrong = [f"{state.name} {state.verdict}" for state in states if state.verdict != "passed"]
    return f"{passed} of {len(states)} passed{': ' + ', '.join(wrong) if wrong else ''}"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def summary_as_json(one: Summary) -> dict[str, Any]:
    """A version of the list, for `--json`."""
    return {
        "model": one.model.name,
        "version": one.number,
        "team": one.model.registry.team,
        "environment": one.model.registry.context.environment,
        "group": one.model.group,
        "status": one.status,
        "registered_at": one.registered_at.isoformat(),
        "author": one.author or None,
        "gates": [_gate_as_json(state) for state in one.gates],
    }


def _gate_as_json(state: GateState) -> dict[str, Any]:
    return {
        "name": state.name,
        **state.gate.model_dump(mode="json"),
        "result": state.result.model_dump(mode="json") if state.result else None,
        "verdict": state.verdict,
    }


def version_as_json(found: Version) -> dict[str, Any]:
    """A version, for `--json`."""
    return {
        **summary_as_json(found.summary),
        "package": found.package,
        "description": found.description,
        "decided": found.decided,
        "submitter": found.submitter or None,
        "artifact": found.artifact or None,
        "artifact_version": found.artifact_version or None,
        "image": found.image or None,
        "lineage": found.lineage.model_dump(mode="json") if found.lineage else None,
        "results": [result.model_dump(mode="json") for result in found.results],
        "release": found.release.record.model_dump(mode="json") if found.release else None,
        "verified": found.verified,
        "refused": [{"code": one.code, "problem": one.problem} for one in found.refused],
    }


def outcome_as_json(found: Outcome) -> dict[str, Any]:
    """What became of a decision, for `--json`."""
    return {
        "model": found.model.name,
        "version": found.version,
        "decision": found.decision,
        "by": found.by,
        "reason": found.reason,
        "execution": found.execution,
        "evidence": found.evidence or None,
    }


def promoted_as_json(found: Promoted) -> dict[str, Any]:
    """A promotion, for `--json`."""
    return {
        "source": found.source.package,
        "environment": found.target.registry.context.environment,
        "package": found.package,
        "version": found.version,
        "new": found.new,
    }
