"""What people are shown of incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelyard.core.incidents import CLOSED, RECOVERED
from modelyard.core.releasing import person
from modelyard.operate.incidents.place import Incident
from modelyard.operate.models.showing import table


def listed(found: Sequence[Incident], *, only_open: bool) -> Iterator[str]:
    """The lines of `yard incident list`."""
    if not found:
        yield "No incident is open." if only_open else "There was no incident yet."
        return
    rows = [
        (one.id, one.status, _time(one.opened.get("opened_at", "")), str(one.opened.get("owner", "")), _alarm(one))
        for one in found
    ]
    yield from table([("incident", "status", "opened (UTC)", "owner", "alarm"), *rows])
    yield ""
    yield f"Next: yard incident show {found[0].id}"


def shown(incident: Incident) -> Iterator[str]:
    """The lines of `yard incident show`: what went off, who serves, what to do, and what happened since."""
    said = incident.opened
    yield f"{incident.id}  {incident.status}"
    if not said:
        yield "The record of its opening isn't there: the alarm's return was heard before its going off."
    else:
        alarm, evidence = said.get("alarm", {}), said.get("evidence", {})
        yield f"alarm       {alarm.get('says') or alarm.get('name')}"
        yield f"why         {alarm.get('reason')}"
        yield f"opened      {_time(said.get('opened_at', ''))}"
        yield f"owner       {said.get('owner')}"
        yield f"champion    {_version(said.get('champion', {}))}"
        yield f"challenger  {_version(said.get('challenger', {}))}"
        yield f"evidence    {evidence.get('command') or evidence.get('absent')}"
        yield f"go back     {said.get('rollback')}"
        yield f"runbook     {said.get('runbook')}"
        yield f"dashboard   {said.get('dashboard') or 'none'}"
    for file, content in incident.files.items():
        if content is not said:
            yield f"{_time(content.get('at', '')):<11} {content.get('what') or content} ({_by(file, content)})"
    if CLOSED not in incident.files:
        yield ""
        yield f'Next: yard incident close {incident.id} --done "what was done"'


def as_json(incident: Incident) -> dict[str, Any]:
    """An incident, for `--json`: its status, and every file of it."""
    return {
        "incident": incident.id,
        "team": incident.desk.team,
        "environment": incident.desk.context.environment,
        "bucket": incident.desk.bucket,
        "status": incident.status,
        "files": incident.files,
    }


def _alarm(incident: Incident) -> str:
    return str(incident.opened.get("alarm", {}).get("name", "unknown"))


def _by(file: str, content: dict[str, Any]) -> str:
    by = str(content.get("by", ""))
    return person(by) if file == CLOSED else by or ("the alarm itself" if file == RECOVERED else "")


def _version(said: dict[str, Any]) -> str:
    if said.get("absent"):
        return f"none: {said['absent']}"
    before = f", before it {said['previous_version']}" if said.get("previous_version") else ""
    return f"{said.get('model')} {said.get('version')}, says {said.get('says')}{before}"


def _time(text: str) -> str:
    return text[:16].replace("T", " ")
