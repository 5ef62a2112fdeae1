"""Who deployed, who approved, and who read which dataset of a team, as the platform's trail says of a span of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import unquote_plus

from modelyard.blueprints.platform import platform_context
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, Source
from modelyard.foundation.tenancy import Reach
from modelyard.operate.data.place import Lake, lakes_of
from modelyard.operate.deployments import Place
from modelyard.operate.evidence.trail import Caller, Record, Trail, caller, trail_of, when
from modelyard.operate.models.place import Registry, registries_of

DAYS: Final = 30
"""How far it looks back where nobody says."""

_READS: Final = ("GetObject", "SelectObjectContent")
_COPIES: Final = ("CopyObject", "UploadPartCopy")
_GIVES_KEYS: Final = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
_SERVES: Final = (
    "CreateEndpoint",
    "CreateInferenceComponent",
    "DeleteEndpoint",
    "DeleteInferenceComponent",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
    "UpdateInferenceComponent",
    "UpdateInferenceComponentRuntimeConfig",
)
_STATUS: Final = ("CreateModelPackage", "UpdateModelPackage")
_PENDING: Final = "PendingManualApproval"


@dataclass(slots=True)
class Tally:
    """How often somebody did something, and when first and last; `refused` calls are counted apart."""

    first: datetime
    last: datetime
    calls: int = 0
    refused: int = 0
    bytes: int = 0

    def add(self, record: Record) -> None:
        """Count one call."""
        at = when(record)
        self.first, self.last = min(self.first, at), max(self.last, at)
        if record.get("errorCode"):
            self.refused += 1
        else:
            self.calls += 1
            sent = _mapping(record.get("additionalEventData")).get("bytesTransferredOut")
            self.bytes += int(sent) if isinstance(sent, int | float) else 0


@dataclass(frozen=True, slots=True)
class Deployed:
    """Changes of the team's stack by one session of its deployment role, or one call that changes what serves.

    `by`: who became the deployment role, where the trail has that, too. `what`: the endpoint or component; nothing for
    a session's changes.
    """

    who: Caller
    by: str
    what: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Approved:
    """A decision on a model's version that somebody put down, or a status that was set."""

    who: Caller
    model: str
    version: str
    did: str
    at: datetime
    refused: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Reads of one dataset by one caller."""

    who: Caller
    dataset: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Covered:
    """A bucket of a team's, its class, and what of it is recorded: `all`, `writes`, or nothing."""

    bucket: str
    holds: str
    classification: str
    recorded: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What the trail says of a team. `blind`: what it can't say, with the reason."""

    team: str
    environment: str
    since: datetime
    until: datetime
    days: int
    deployed: tuple[Deployed, ...]
    approved: tuple[Approved, ...]
    read: tuple[Read, ...]
    covered: tuple[Covered, ...]
    blind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owned:
    """What of a team's is looked for."""

    context: Context
    lake: Lake | None
    registry: Registry | None

    @property
    def deployment(self) -> str:
        """The ARN of the role that deploys its stack."""
        return Reach(self.context).deployment_role

    @property
    def datasets(self) -> dict[str, tuple[str, str]]:
        """The bucket and the prefix of each dataset."""
        found = [self.lake.dataset(name) for name in self.lake.spec.datasets] if self.lake else []
        return {dataset.name: (dataset.bucket, dataset.prefix) for dataset in found}


def span(since: str | None, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The span of time that two texts mean: days (`2026-11-01`, the last one whole) or moments with a zone.

    Absent: the last 30 days. Raises `InputError` with all that is wrong.
    """
    faults: list[Fault] = []

    def parsed(text: str, option: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            remedy = "Write a day as 2026-11-01, or a moment as 2026-11-01T08:00+01:00."
            faults.append(Fault("is no day and no moment", remedy, Source(option), text))
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found

    begin = parsed(since, "--since") if since else None
    end = parsed(until, "--until") if until else now
    if until and end is not None and len(until) == len("2026-11-01"):
        end += timedelta(days=1)
    if since and begin is not None and begin > now:
        faults.append(Fault("lies in the future", "Name a day that has begun.", Source("--since"), since))
    elif begin is not None and end is not None and begin >= end:
        faults.append(Fault("isn't before --until", "Exchange the two.", Source("--since"), since))
    if faults or end is None:
        raise InputError(*faults)
    return begin or end - timedelta(days=DAYS), end


def audit(where: Place, team: str, since: datetime, until: datetime) -> Audit:
    """What the trail says of `team`. Raises `InputError` where there is no trail, or the caller may not read it."""
    spec = where.project.team(team, where.environment)
    platform = platform_context(where.project.platform(where.environment), where.environment)
    context = platform.for_team(team, account=spec.account)
    lake, registry = next(iter(lakes_of(where, [team])), None), next(iter(registries_of(where, [team])), None)
    return audited(Owned(context, lake, registry), trail_of(where), since, until)


def audited(team: Owned, trail: Trail, since: datetime, until: datetime) -> Audit:
    """The same, of what is at hand."""
    context = team.context
    covered = tuple(_covered(team, trail))
    blind = tuple(_blind(team, trail, covered, since))
    records = [] if context.account != trail.places.context.account else trail.records(since, until)
    deployed, approved, read = _told(records, team)
    return Audit(context.owner, context.environment, since, until, trail.days, deployed, approved, read, covered, blind)


def _told(
    records: Iterable[Record], team: Owned
) -> tuple[tuple[Deployed, ...], tuple[Approved, ...], tuple[Read, ...]]:
    keys: dict[str, str] = {}
    sessions: dict[tuple[Caller, str], Tally] = {}
    reads: dict[tuple[Caller, str], Tally] = {}
    approved: list[Approved] = []
    for record in records:
        if record.get("eventName") in _GIVES_KEYS:
            _note_key(record, keys)
        what = _deploys(record, team)
        if what is not None:
            sessions.setdefault((caller(record), what), _tally(record)).add(record)
        approved += _approves(record, team)
        for dataset in _datasets_read(record, team):
            who = caller(record)
            reads.setdefault((Caller(who.name, who.role), dataset), _tally(record)).add(record)
    deployed = [
        Deployed(Caller(who.name, who.role), keys.get(who.key, ""), what, tally)
        for (who, what), tally in sessions.items()
    ]
    return (
        tuple(sorted(deployed, key=lambda one: (one.tally.first, one.what))),
        tuple(sorted(approved, key=lambda one: one.at)),
        tuple(Read(*key, tally) for key, tally in sorted(reads.items(), key=lambda one: (one[0][1], one[1].first))),
    )


def _tally(record: Record) -> Tally:
    return Tally(when(record), when(record))


def _note_key(record: Record, keys: dict[str, str]) -> None:
    """Who got the access key that a call gave out."""
    given = _mapping(_mapping(record.get("responseElements")).get("credentials")).get("accessKeyId")
    if given:
        keys[str(given)] = str(caller(record))


def _deploys(record: Record, team: Owned) -> str | None:
    """What a call deploys: nothing in particular for a change by the deployment role; None for any other call."""
    asked = _mapping(record.get("requestParameters"))
    prefix = "-".join((*team.context.names.owner, ""))
    if record.get("eventName") in _SERVES and record.get("eventSource") == "sagemaker.amazonaws.com":
        name = str(asked.get("inferenceComponentName") or asked.get("endpointName") or "")
        if name.startswith(prefix):
            return f"{record['eventName']} {name}"
    session = _mapping(_mapping(record.get("userIdentity")).get("sessionContext"))
    by = _mapping(session.get("sessionIssuer")).get("arn")
    changes = record.get("readOnly") is False and record.get("eventCategory", "Management") == "Management"
    return "" if by == team.deployment and changes else None


def _approves(record: Record, team: Owned) -> Iterator[Approved]:
    """Decisions that were put down in the registry's bucket, and statuses that were set."""
    registry, asked = team.registry, _mapping(record.get("requestParameters"))
    if registry is None:
        return
    who, at, refused = caller(record), when(record), bool(record.get("errorCode"))
    who = Caller(who.name, who.role)
    key = str(asked.get("key", ""))
    if record.get("eventName") == "PutObject" and asked.get("bucketName") == registry.bucket:
        parts = key.split("/")
        if parts[0] == "decisions" and len(parts) == 4:
            yield Approved(who, parts[2], parts[3].removesuffix(".json"), "decided", at, refused)
    status = str(asked.get("modelApprovalStatus") or "")
    if record.get("eventName") in _STATUS and status and status != _PENDING:
        answer = _mapping(record.get("responseElements"))
        package = str(
            asked.get("modelPackageArn") or asked.get("modelPackageName") or answer.get("modelPackageArn", "")
        )
        group, _, version = package.rpartition("model-package/")[2].partition("/")
        model = next((name for name in registry.spec.models if registry.model(name).group == group), None)
        if model is not None:
            yield Approved(who, model, version, f"set {status}", at, refused)


def _datasets_read(record: Record, team: Owned) -> Iterator[str]:
    """The datasets of which a call reads an object; a copy reads its source."""
    name, asked = record.get("eventName"), _mapping(record.get("requestParameters"))
    if name in _READS:
        bucket, key = str(asked.get("bucketName", "")), str(asked.get("key", ""))
    elif name in _COPIES:
        source = unquote_plus(str(asked.get("x-amz-copy-source", ""))).lstrip("/").partition("?")[0]
        bucket, _, key = source.partition("/")
    else:
        return
    for dataset, (held, prefix) in team.datasets.items():
        if bucket == held and key.startswith(prefix):
            yield dataset


def _covered(team: Owned, trail: Trail) -> Iterator[Covered]:
    """Every bucket that the team's data and models lie in."""
    own = team.context.account == trail.places.context.account

    def recorded(bucket: str) -> str:
        return trail.recorded(bucket) if own else ""

    if team.lake is not None:
        for zone in team.lake.spec.zones:
            bucket, classification = team.lake.bucket(zone), team.lake.spec.classification(zone)
            yield Covered(bucket, f"zone {zone}", classification.value, recorded(bucket))
    if team.registry is not None:
        bucket = team.registry.bucket
        yield Covered(bucket, "models", "confidential", recorded(bucket))


def _blind(team: Owned, trail: Trail, covered: Iterable[Covered], since: datetime) -> Iterator[str]:
    context = trail.places.context
    if team.context.account != context.account:
        yield (
            f"{team.context.owner} has an account of its own, {team.context.account}, which the platform's trail "
            f"of {context.account} doesn't record"
        )
        return
    yield "reads through the features' online store, calls of endpoints and of tables: the trail selects objects of S3"
    for one in covered:
        if one.recorded != "all":
            lacks = "reads" if one.recorded else "reads and writes"
            yield f"{lacks} of {one.holds} ({one.classification}), {one.bucket}: audit.data_events selects none"
    kept = datetime.now(UTC) - timedelta(days=trail.days)
    if since < kept:
        yield f"what was before {kept:%Y-%m-%d}: records are kept for {trail.days} days"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}
