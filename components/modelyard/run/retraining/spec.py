"""What a team's file says about retraining: what starts it, what holds it back, who approves, how the new one comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.build.pipelines import OnData, OnFeatures, OnPush, OnSchedule
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.spec import Email, Name, Spec
from modelyard.run.retraining.clock import pace

AlarmKey = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z0-9-]+)?\.[A-Za-z0-9_]+$", max_length=128)]
"""An alarm of an endpoint's monitors: `data_drift.data_drift_worst`, or with a variant `latency.main.ModelLatency`."""


def machine_name(context: Context, loop: str) -> str:
    """What a loop's state machine is called; whoever starts it by hand knows it from the files alone."""
    return context.names.of("state-machine", loop, "loop")


class OnThreshold(Spec):
    """Starts when an alarm of a monitor fires, and not again before what it measures has calmed down."""

    kind: Literal["threshold"] = Field(description="Starts when an alarm of a monitor fires.")
    alarm: AlarmKey = Field(description="The alarm, by monitor and metric; it has its own M-of-N.")
    rearms_at: float | None = Field(
        default=None,
        description="The value that the metric must come back to before the trigger is armed again. Absent: the value "
        "at which the alarm fires.",
    )
    quiet_periods: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Periods of the alarm for which all values must be there. Three: one good window is chance.",
    )


TriggerSpec = Annotated[OnSchedule | OnPush | OnData | OnFeatures | OnThreshold, Field(discriminator="kind")]


class RunBudgetSpec(Spec):
    """What retraining may cost; looked at before any job starts."""

    usd_a_month: float = Field(gt=0, description="US dollars that the runs of a calendar month (UTC) may cost.")
    usd_a_run: float = Field(gt=0, description="US dollars that a run is estimated at: what the last ones cost.")

    @property
    def runs(self) -> int:
        """How many runs it pays for."""
        return int(self.usd_a_month / self.usd_a_run)

    def check(self) -> Iterator[Fault]:
        """A run dearer than the month is refused."""
        if self.usd_a_run > self.usd_a_month:
            yield self.fault(
                "usd_a_run",
                f"is more than the month's {self.usd_a_month:g}, so that no run ever starts",
                "Raise the month's budget, or estimate again.",
                self.usd_a_run,
            )


class AutomaticApproval(Spec):
    """The loop itself approves what passes its gates."""

    kind: Literal["automatic"] = Field(description="What passes its gates is approved.")
    because: str = Field(
        default="",
        max_length=256,
        description="Why nobody has to look; production asks for it, and it stands in every release record.",
    )


class PersonApproval(Spec):
    """A person approves or rejects (`yard model approve`)."""

    kind: Literal["person"] = Field(description="A person approves or rejects.")
    timeout_hours: int = Field(
        default=72,
        ge=1,
        le=336,
        description="Hours after which a run that nobody decided on ends. Three days: over a weekend.",
    )


Approval = Annotated[AutomaticApproval | PersonApproval, Field(discriminator="kind")]


class CanarySpec(Spec):
    """What a promotion by the loop adds to the endpoint's own rollout."""

    bake_minutes: int | None = Field(
        default=None, ge=1, le=60, description="Minutes that alarms are watched at each step. Absent: the rollout's."
    )
    alarms: tuple[AlarmKey, ...] = Field(
        default=(),
        max_length=8,
        description="Alarms of the endpoint's monitors that take the new version back, beside the rollout's own.",
    )


class RetrainingSpec(Spec):
    """A loop: it trains a new version, has it judged and approved, and brings it to an endpoint; or says why not."""

    endpoint: Name = Field(description="The endpoint, under `release: {kind: loop}`.")
    pipeline: Name | None = Field(
        default=None,
        description="The team's pipeline that trains and registers the endpoint's model. Absent: others register "
        "versions, and a run brings one of them (`yard retrain NAME --version 7 --why …`).",
    )
    owner: Email = Field(description="Who hears of every end.")
    triggers: dict[Name, TriggerSpec] = Field(
        default_factory=dict,
        max_length=10,
        description="What starts it, by name: kind schedule, data, features, push or threshold. Absent: a person.",
    )
    cooldown_hours: float = Field(
        default=24.0,
        ge=0,
        le=720,
        description="Hours between the begins of two runs. A day: labels of the last one have to come first.",
    )
    most_runs_a_month: int = Field(
        default=10, ge=1, le=200, description="Runs in a calendar month (UTC). Ten: more is a fault that nobody saw."
    )
    budget: RunBudgetSpec | None = Field(
        default=None, description="What training may cost. Needed where there is a pipeline."
    )
    approval: Approval = Field(
        default_factory=lambda: PersonApproval(kind="person"),
        description="Who approves: kind person or automatic. A person: unwatched, a loop learns its own errors.",
    )
    canary: CanarySpec | None = Field(
        default=None, description="What is added to the endpoint's rollout. Absent: nothing."
    )
    training_hours: int = Field(
        default=24, ge=1, le=120, description="Hours that the pipeline may take. A day: what hangs is seen then."
    )
    gates_minutes: int = Field(
        default=120,
        ge=1,
        le=1440,
        description="Minutes in which the results of all gates must be there after the version is. Two hours: an "
        "evaluation of its own identity puts them down.",
    )

    @property
    def schedules(self) -> dict[str, OnSchedule]:
        """The triggers by the clock."""
        return {name: each for name, each in self.triggers.items() if isinstance(each, OnSchedule)}

    @property
    def thresholds(self) -> dict[str, OnThreshold]:
        """The triggers by an alarm."""
        return {name: each for name, each in self.triggers.items() if isinstance(each, OnThreshold)}

    def check(self) -> Iterator[Fault]:
        """Guards that no schedule can keep: a cooldown beyond its period, too few runs, too little money."""
        if self.pipeline is None:
            for name in self.triggers:
                problem = "would start a training, and the loop has no pipeline"
                yield self.fault(f"triggers.{name}", problem, 'Name a "pipeline", or remove it.')
            return
        if self.budget is None:
            remedy = 'Say "budget: {usd_a_month: …, usd_a_run: …}".'
            yield self.fault("budget", "is needed: the pipeline's jobs are paid for", remedy)
        for name, trigger in self.schedules.items():
            known = pace(trigger.expression)
            if known is None:
                continue
            if self.cooldown_hours > known.gap_hours:
                yield self.fault(
                    "cooldown_hours",
                    f"is longer than the {known.gap_hours:g} hours between two starts of {name}, so that it holds "
                    "back what the schedule asks for",
                    f"Use {known.gap_hours:g} or fewer, or start more rarely.",
                    self.cooldown_hours,
                )
            if known.a_month > self.most_runs_a_month:
                yield self.fault(
                    "most_runs_a_month",
                    f"is fewer than the {known.a_month} starts of {name} in a month",
                    f"Use {known.a_month} or more, or start more rarely.",
                    self.most_runs_a_month,
                )
            if self.budget is not None and known.a_month > self.budget.runs >= 1:
                yield self.fault(
                    "budget.usd_a_month",
                    f"pays for {self.budget.runs} runs, and {name} starts {known.a_month} in a month",
                    f"Use {known.a_month * self.budget.usd_a_run:g} or more, or start more rarely.",
                    self.budget.usd_a_month,
                )

    def unfit_for_production(self) -> Iterator[Fault]:
        """In production a person approves, or the file says why nobody has to."""
        if isinstance(self.approval, AutomaticApproval) and not self.approval.because:
            yield self.fault(
                "approval",
                "approves by itself, and this is production",
                'Take "kind: person", or say why nobody has to look ("because").',
                "automatic",
            )
