"""What a file says about a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Email, Spec

MOST_ALERTS: Final = 10
"""Notifications of a budget (aws-cost-management/latest/APIReference/API_budgets_Notification)."""
MOST_MAILS: Final = 10
"""E-mail addresses of a notification, and of an anomaly subscription (the same pages)."""

Percent = Annotated[float, Field(gt=0, le=1000)]
"""A share of the monthly budget; more than 100 tells how far it is overdrawn."""

MonitorArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]+$")]


class AlertsSpec(Spec):
    """At which shares of the budget somebody hears of it."""

    actual: tuple[Percent, ...] = Field(
        default=(50, 80, 100),
        description="Percent of the budget that is spent, smallest first. Half-way, in time to act, and over.",
    )
    forecasted: tuple[Percent, ...] = Field(
        default=(100,),
        description="Percent that AWS expects to be spent by the month's end; it needs five weeks of history.",
    )

    def check(self) -> Iterator[Fault]:
        """Each list ascends without doubles, there is one alert at least, and AWS takes them all."""
        for name, percents in (("actual", self.actual), ("forecasted", self.forecasted)):
            yield from self._disorder(name, percents)
        count = len(self.actual) + len(self.forecasted)
        if not count:
            yield self.fault("", "tell nobody anything", 'Name a percentage, or remove "alerts" for the usual four.')
        if count > MOST_ALERTS:
            yield self.fault("", f"are more than the {MOST_ALERTS} that a budget takes", "Remove some.", count)

    def _disorder(self, name: str, percents: Sequence[float]) -> Iterator[Fault]:
        for index in range(1, len(percents)):
            if percents[index] <= percents[index - 1]:
                yield self.fault(
                    f"{name}[{index}]",
                    f"does not come after {percents[index - 1]:g}",
                    "Write each percentage once, the smallest first.",
                    percents[index],
                )


class _AnomaliesSpec(Spec):
    threshold_usd: float = Field(
        default=100,
        gt=0,
        le=10_000_000_000,
        description="Dollars that an anomaly must have cost in all before anybody hears of it.",
    )
    mails: Literal["daily", "weekly"] = Field(
        default="daily",
        description="How often mails sum up. AWS sends none at once: what is immediate goes to the alarm topic.",
    )


class TagMonitorSpec(_AnomaliesSpec):
    """Watches what carries the team's tag (without a team: the environment's), as one sum.

    Only the account that pays may have such a monitor: one without an organization, or the organization's management
    account. AWS takes one tag key, so a team's monitor sees all its environments in that account: declare it once.
    """

    kind: Literal["tag"] = Field(description="A monitor of the tag.")


class ServicesMonitorSpec(_AnomaliesSpec):
    """Watches each AWS service of the account, whoever uses it; an account has one such monitor."""

    kind: Literal["services"] = Field(description="The account's monitor of AWS services.")
    existing: MonitorArn | None = Field(
        default=None,
        description=(
            "The account's monitor where it exists, such as the one that AWS makes for new users of Cost Explorer. "
            "Absent: it is made, which AWS refuses where there is one."
        ),
    )


class DenySpendingSpec(Spec):
    """Takes away the right to start what costs money; what runs goes on running, and serving goes on serving."""

    approval: Literal["automatic", "manual"] = Field(
        description=(
            "`automatic`: AWS Budgets denies by itself; `manual`: once somebody agrees. No default: the one stops "
            "people's work at night, the other lets money run until morning."
        )
    )
    at_percent: Percent = Field(default=100, description="The share of the budget at which new spending is denied.")
    measured: Literal["actual", "forecasted"] = Field(
        default="actual", description="What reaches it: what is spent, or what AWS expects; forecasts err."
    )


class BudgetSpec(Spec):
    """What a month may cost, who hears when it costs more, and what happens then."""

    monthly_usd: float = Field(description="US dollars a calendar month (UTC), credits and refunds not deducted.")
    counts: Literal["tagged", "account"] = Field(
        default="tagged",
        description=(
            "`tagged`: what carries the tags of the team and the environment; `account`: everything in the account, "
            "also what can't be tagged, for an account that nobody else uses."
        ),
    )
    alerts: AlertsSpec = Field(default_factory=AlertsSpec, description="At which shares somebody hears of it.")
    notify: tuple[Email, ...] = Field(
        default=(), max_length=MOST_MAILS, description="Who hears of it besides the owners."
    )
    anomalies: Annotated[TagMonitorSpec | ServicesMonitorSpec, Field(discriminator="kind")] | None = Field(
        default=None,
        description=(
            "Looks for unusual costs below the budget. Absent: nothing does, since AWS lets only the paying account "
            "watch a tag."
        ),
    )
    deny_spending: DenySpendingSpec | None = Field(
        default=None, description="Denies new spending at a share of the budget. Absent: people decide."
    )

    def check(self) -> Iterator[Fault]:
        """A budget is more than nothing, in whole cents, and its mails go to different people."""
        if self.monthly_usd <= 0:
            yield self.fault(
                "monthly_usd",
                "is no budget: the first cent would be over it",
                'Say what a month may cost in US dollars, or remove "budget".',
                self.monthly_usd,
            )
        elif round(self.monthly_usd, 2) != self.monthly_usd:
            yield self.fault("monthly_usd", "has fractions of a cent", "Round it to cents.", self.monthly_usd)
        for index, mail in enumerate(self.notify):
            if mail in self.notify[:index]:
                yield self.fault(f"notify[{index}]", "is there already", "Remove one of the two.", mail)
