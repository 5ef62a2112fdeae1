"""The form of an incident, on plain JSON and with the standard library alone.

The function that opens incidents ships this file as it is, so that whoever writes and whoever reads obey one text. An
incident lies at `incidents/<endpoint>/<number>/`: `opened.json` says everything, `recovered.json` that the alarm is OK
again, `closed.json` what a person did; each is written once. Whatever else happens is put beside them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

KIND: Final = "modelyard-incident-1"
INCIDENTS: Final = "incidents"
OPENED: Final = "opened.json"
RECOVERED: Final = "recovered.json"
CLOSED: Final = "closed.json"

Plain = Mapping[str, Any]

_NUMBER: Final = re.compile(r"^[0-9]{8}-[0-9]{9}-[0-9a-f]{6}$")


def number(alarm: str, since: str) -> str:
    """The number of the incident of an alarm that went off at `since`: time (UTC) and six characters of the alarm.

    `since` is the time of the state, as CloudWatch's event has it (`2026-11-21T17:04:40.989+0000`), so that every
    event that speaks of the same state finds the same incident.
    """
    digits = re.sub(r"[^0-9]", "", since.partition("+")[0].rstrip("Z"))
    return f"{digits[:8]}-{digits[8:17]:0<9}-{hashlib.sha256(alarm.encode()).hexdigest()[:6]}"


def place(endpoint: str, number: str = "") -> str:
    """What the keys of an incident begin with; without a number, those of all incidents of an endpoint."""
    return f"{INCIDENTS}/{endpoint}/{number}/" if number else f"{INCIDENTS}/{endpoint}/"


def named(text: str) -> tuple[str, str] | None:
    """The endpoint and the number of an incident as people write it, `<endpoint>/<number>`; None for another text."""
    endpoint, _, found = text.strip("/").rpartition("/")
    return (endpoint, found) if endpoint and _NUMBER.match(found) else None


def status(files: Collection[str]) -> str:
    """By the files there are: `open`, `recovered` (OK again, and nobody said what was done), or `closed`."""
    if CLOSED in files:
        return "closed"
    return "recovered" if RECOVERED in files else "open"


def of_alarm(alarm: str, endpoints: Mapping[str, Plain]) -> str | None:
    """Whose alarm it is. None: no endpoint's.

    An endpoint names its `alarms`; of one that nobody names, the endpoint with the longest fitting `prefix`.
    """
    for endpoint, said in endpoints.items():
        if alarm in said["alarms"]:
            return endpoint
    fitting = {name: len(said["prefix"]) for name, said in endpoints.items() if alarm.startswith(said["prefix"])}
    return max(fitting, key=lambda name: fitting[name], default=None)
