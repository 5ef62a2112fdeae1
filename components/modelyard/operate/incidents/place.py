"""Where a team's incidents lie, and what lies there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from modelyard.blueprints.flavours import only
from modelyard.blueprints.platform import platform_context
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.incidents import CLOSED, INCIDENTS, KIND, OPENED, RECOVERED, named, place, status
from modelyard.operate.cloud import Cloud
from modelyard.operate.data import lakes_of
from modelyard.operate.deployments import Place
from modelyard.operate.evidence.place import COMPONENT as EVIDENCE
from modelyard.operate.models.place import Client, asking, code_of
from modelyard.run.serving import EndpointSpec

SIGN_IN: Final = "Sign in as a persona that has it: `endpoints` in the team's file says who reads and closes incidents."
MOST: Final = 100
"""Incidents that are read for a list, the newest."""
_THERE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_ID: Final = Source("INCIDENT")


@dataclass(frozen=True, slots=True)
class Desk:
    """The incidents of one team's endpoints; `bucket` is where they lie."""

    context: Context
    endpoints: tuple[str, ...]
    bucket: str
    client: Client

    @property
    def team(self) -> str:
        """The team whose they are."""
        return self.context.owner


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: what was written of it, by the name of the file."""

    desk: Desk
    endpoint: str
    number: str
    files: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def id(self) -> str:
        """What people call it."""
        return f"{self.endpoint}/{self.number}"

    @property
    def opened(self) -> dict[str, Any]:
        """What its record says; empty where the alarm's return came before its going off."""
        return self.files.get(OPENED, {})

    @property
    def status(self) -> str:
        """`open`, `recovered` or `closed`."""
        return status(self.files)


def desks_of(where: Place, teams: Sequence[str] | None = None) -> list[Desk]:
    """The incidents of `teams`, absent of all teams of the environment; a team that serves nothing has none."""
    platform = platform_context(where.project.platform(where.environment), where.environment)
    found: list[Desk] = []
    for team in teams if teams is not None else [name for name in where.names if name != "platform"]:
        spec = where.project.team(team, where.environment)
        endpoints = only(EndpointSpec, spec.serving)
        if not endpoints:
            continue
        context = platform.for_team(team, account=spec.account)
        if spec.governance is not None:
            bucket = context.names.of("s3-bucket", EVIDENCE)
        else:
            (lake,) = lakes_of(where, [team])
            bucket = lake.bucket("capture")
        found.append(Desk(context, tuple(endpoints), bucket, Cloud(where, account=spec.account or "").client))
    return found


def incidents(desk: Desk, endpoint: str | None = None, *, only_open: bool = False) -> list[Incident]:
    """A team's incidents, the newest first, at most `MOST`: of those endpoints whose incidents the caller may read.

    Raises `InputError` for an endpoint that the team hasn't, and where the caller may read none.
    """
    if endpoint is not None and endpoint not in desk.endpoints:
        known = ", ".join(desk.endpoints)
        raise InputError(
            Fault(f"is no endpoint of {desk.team}; there are: {known}", "Name one.", Source("ENDPOINT"), endpoint)
        )
    found: dict[tuple[str, str], set[str]] = {}
    for key in _below(desk, [endpoint] if endpoint else desk.endpoints):
        name, number, file = (*key.removeprefix(f"{INCIDENTS}/").split("/", 2), "", "")[:3]
        if file and named(f"{name}/{number}"):
            found.setdefault((name, number), set()).add(file)
    wanted = [
        at for at in sorted(found, key=lambda at: at[1], reverse=True) if not only_open or status(found[at]) == "open"
    ]
    return [Incident(desk, *at, _read(desk, place(*at), found[at])) for at in wanted[:MOST]]


def fetch(desks: Sequence[Desk], text: str) -> Incident:
    """The incident that people call so. Raises `InputError` for what is no such name, and where there is none."""
    known = named(text)
    if known is None:
        raise InputError(
            Fault("is no incident: it is called <endpoint>/<number>", "See: yard incident list", _ID, text)
        )
    endpoint, number = known
    for desk in desks:
        if endpoint in desk.endpoints:
            prefix = place(endpoint, number)
            files = {key.removeprefix(prefix) for key in _keys(desk, prefix)}
            if files:
                return Incident(desk, endpoint, number, _read(desk, prefix, files))
    teams = ", ".join(desk.team for desk in desks) or "no team"
    raise InputError(Fault(f"{teams} has no such incident", "See: yard incident list", _ID, text))


def close(incident: Incident, done: str, by: str) -> Incident:
    """Write what was done, and by whom (an ARN); once. Raises `InputError` where somebody did, or nothing is said."""
    from botocore.exceptions import ClientError

    desk, key = incident.desk, place(incident.endpoint, incident.number) + CLOSED
    if not done.strip():
        raise InputError(
            Fault("says nothing", "Say what was done, for whoever has the next one.", Source("--done"), done)
        )
    said = {"kind": KIND, "what": done.strip(), "by": by, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    with asking(f"s3://{desk.bucket}/{key}", SIGN_IN, of=desk.context):
        try:
            desk.client("s3").put_object(
                Bucket=desk.bucket,
                Key=key,
                Body=json.dumps(said, sort_keys=True, indent=1).encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if code_of(error) not in _THERE:
                raise
            before = _read(desk, place(incident.endpoint, incident.number), {CLOSED})[CLOSED]
            problem = f"was closed already by {before.get('by')} at {before.get('at')}"
            raise InputError(Fault(problem, f"See: yard incident show {incident.id}", _ID, incident.id)) from None
    return Incident(desk, incident.endpoint, incident.number, {**incident.files, CLOSED: said})


def caller(desk: Desk) -> str:
    """Who asks, as an ARN: what a record names as who closed it."""
    with asking("sts", SIGN_IN):
        return str(desk.client("sts").get_caller_identity()["Arn"])


def _below(desk: Desk, endpoints: Sequence[str]) -> list[str]:
    """The keys of all incidents of endpoints, asked one by one: a grant is for some of them."""
    found: list[str] = []
    refused: list[InputError] = []
    for endpoint in endpoints:
        try:
            found += _keys(desk, place(endpoint))
        except InputError as error:
            refused.append(error)
    if refused and len(refused) == len(endpoints):
        raise refused[0]
    return found


def _keys(desk: Desk, prefix: str) -> list[str]:
    with asking(f"s3://{desk.bucket}/{prefix}", SIGN_IN, of=desk.context):
        pages = desk.client("s3").get_paginator("list_objects_v2").paginate(Bucket=desk.bucket, Prefix=prefix)
        return [str(one["Key"]) for page in pages for one in page.get("Contents", ())]


def _read(desk: Desk, prefix: str, files: set[str]) -> dict[str, dict[str, Any]]:
    """The files' contents by name; what can't be read says so in its place."""
    found: dict[str, dict[str, Any]] = {}
    order = {OPENED: "", RECOVERED: "~1", CLOSED: "~2"}
    for file in sorted(files, key=lambda name: order.get(name, name)):
        with asking(f"s3://{desk.bucket}/{prefix}{file}", SIGN_IN, of=desk.context):
            body = desk.client("s3").get_object(Bucket=desk.bucket, Key=prefix + file)["Body"].read()
        try:
            found[file] = dict(json.loads(body))
        except (ValueError, TypeError):
            found[file] = {"unreadable": f"s3://{desk.bucket}/{prefix}{file}"}
    return found
