"""The platform's own events: what was approved, promoted, found drifting, judged at a gate, pushed, or trained.

Value types only: jobs put them on the bus and `operate` reads them without Pulumi or a cloud SDK. An event's source is
`modelyard.<team>`, its detail-type `modelyard.<kind>`, its detail the model below as JSON with a version of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from modelyard.core.errors import MISSING, Fault, InputError, Source

SOURCE: Final = "modelyard"
MOST_BYTES: Final = 262_144
"""Bytes of one entry of PutEvents (eventbridge/latest/userguide/eb-putevent-size)."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Reason = Annotated[str, StringConstraints(max_length=4_096)]


def source_of(team: str) -> str:
    """The source under which `team` puts events on the bus."""
    return f"{SOURCE}.{team}"


class Event(BaseModel):
    """What every event says: whose it is, and when it happened."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    DETAIL_TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    """Grows when a field changes its meaning or goes away; a new optional field leaves it as it is."""

    team: Text
    at: AwareDatetime

    def entry(self, bus: str) -> dict[str, Any]:
        """One entry of PutEvents for the bus of this name or ARN.

        Raises `InputError` for an event that is larger than an entry may be.
        """
        detail = {"version": self.VERSION, **self.model_dump(mode="json")}
        made: dict[str, Any] = {
            "EventBusName": bus,
            "Source": source_of(self.team),
            "DetailType": self.DETAIL_TYPE,
            "Time": self.at,
            "Detail": json.dumps(detail, sort_keys=True, separators=(",", ":")),
        }
        length = sum(len(made[part].encode()) for part in ("Source", "DetailType", "Detail")) + len(self.at.isoformat())
        if length > MOST_BYTES:
            remedy = "Put what is long into the evidence, and only its address into the event."
            raise InputError(
                Fault(f"an event has at most {MOST_BYTES} bytes", remedy, Source(self.DETAIL_TYPE), length)
            )
        return made

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Self:
        """The event whose detail this is. Raises pydantic's `ValidationError`."""
        return cls.model_validate({key: value for key, value in detail.items() if key != "version"})


class ModelEvent(Event):
    """What is about one version of one model."""

    model: Text
    """The model's group in the registry."""
    model_version: Text


class Approved(ModelEvent):
    """Somebody decided whether a version may be released."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.approval"

    decision: Literal["approved", "rejected", "revoked"]
    by: Text
    """Who decided: the ARN of a role or a session, or a person's name in the identity centre."""
    reason: Reason = ""
    evidence: str = ""
    """Where the evidence bundle lies."""


class Promoted(ModelEvent):
    """A version went to an endpoint or an environment, or came back from it."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.promotion"

    target: Text
    outcome: Literal["started", "completed", "rolled-back", "failed"]
    previous_version: Text | None = None
    """The version that served before. Absent: none did."""
    reason: Reason = ""


class Drifted(ModelEvent):
    """A monitor compared what a model sees or says with its baseline."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.drift"

    monitor: Literal["data", "prediction", "quality", "bias", "explanation"]
    metric: Text
    value: float = Field(allow_inf_nan=False)
    threshold: float = Field(allow_inf_nan=False)
    exceeded: bool
    feature: Text | None = None
    """The column that drifted. Absent: the measure is of the whole."""
    window_start: AwareDatetime
    window_end: AwareDatetime
    report: str = ""
    """Where the monitor's report lies."""


class Check(BaseModel):
    """One measure that a gate looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: Text
    passed: bool
    value: float | None = None
    threshold: float | None = None


class Gated(ModelEvent):
    """A gate let a version through, or refused it."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.gate"

    gate: Text
    passed: bool
    checks: tuple[Check, ...] = ()
    evidence: str = ""


class CodePushed(Event):
    """Code of a repository went to a branch."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.code"

    repository: Text
    """As its host calls it: `acme/fraud`."""
    branch: Text
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")]
    author: Text


class DataChanged(Event):
    """There is a new snapshot of a dataset."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.data"

    dataset: Text
    snapshot: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """The hash of its manifest."""


class FeaturesVersioned(Event):
    """There is a new version of a feature view, and it is filled."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.features"

    view: Text
    view_version: int = Field(ge=1)


class PipelineEnded(Event):
    """A run of a training pipeline ended."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.pipeline"

    pipeline: Text
    run: Text
    outcome: Literal["succeeded", "failed"]
    reason: Reason = ""


class RetrainingEnded(Event):
    """A run of a retraining loop ended: a version serves, or the champion goes on and here is why."""

    DETAIL_TYPE: ClassVar[str] = "modelyard.retraining"

    loop: Text
    endpoint: Text
    """The endpoint's component name."""
    model: Text
    """The model's group in the registry."""
    run: Text
    """The ARN of the loop's execution."""
    trigger: Text
    by: str = ""
    """Who or what started it, as the start itself says."""
    why: Reason = ""
    outcome: Literal["released", "recorded", "refused", "failed"]
    """Recorded: released before there was an endpoint."""
    code: Text
    reason: Reason = ""
    model_version: Text | None = None
    """The version that was trained. Absent: none was."""
    champion_version: Text | None = None
    """The version that serves now. Absent: none does."""


_ALL: Final = (
    Approved,
    Promoted,
    Drifted,
    Gated,
    CodePushed,
    DataChanged,
    FeaturesVersioned,
    PipelineEnded,
    RetrainingEnded,
)
KINDS: Final[Mapping[str, type[Event]]] = {kind.DETAIL_TYPE: kind for kind in _ALL}
"""Every kind of event by its detail-type."""


def read_event(envelope: Mapping[str, Any]) -> Event:
    """The event in an envelope of EventBridge (`source`, `detail-type`, `detail`).

    Raises `InputError` for a kind or version that this release doesn't know, a detail that doesn't fit, and a detail
    that speaks for another team than its source: the bus vouches for the source alone.
    """
    told = str(envelope.get("detail-type", ""))
    where = Source(told or "an event")
    kind = KINDS.get(told)
    if kind is None:
        raise InputError(Fault("is no event of the platform", f"Known are {', '.join(KINDS)}.", where, told))
    detail = cast(Mapping[str, Any], envelope.get("detail") or {})
    version = detail.get("version", MISSING)
    if version != kind.VERSION:
        remedy = "Upgrade whichever of sender and reader is older."
        raise InputError(Fault(f"this release reads version {kind.VERSION}", remedy, where.at("version"), version))
    try:
        event = kind.from_detail(detail)
    except ValidationError as error:
        faults = [
            Fault(problem["msg"], "Mend the sender.", where.at(".".join(map(str, problem["loc"]))))
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise InputError(*faults) from None
    source = envelope.get("source")
    if source != source_of(event.team):
        remedy = "Don't act on it; find out who sent it."
        raise InputError(Fault(f"speaks for team {event.team}", remedy, where.at("source"), source))
    return event


def pattern(kinds: Sequence[type[Event]], *, teams: Sequence[str] = (), **detail: Sequence[Any]) -> dict[str, Any]:
    """The pattern of a rule for events of these kinds. No team is every team; `detail` narrows by fields."""
    found: dict[str, Any] = {"detail-type": sorted(kind.DETAIL_TYPE for kind in kinds)}
    found["source"] = [source_of(team) for team in sorted(teams)] if teams else [{"prefix": f"{SOURCE}."}]
    if detail:
        found["detail"] = {name: list(values) for name, values in sorted(detail.items())}
    return found
