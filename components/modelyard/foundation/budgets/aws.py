"""A monthly cost budget with alerts, an anomaly monitor, and a brake on new spending."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.identity import Role
from modelyard.foundation.budgets.denial import attaching, denial, trust_budget
from modelyard.foundation.budgets.spec import (
    MOST_MAILS,
    BudgetSpec,
    DenySpendingSpec,
    ServicesMonitorSpec,
    TagMonitorSpec,
)

_MOST_ROLES: Final = 100
"""Roles that one action attaches its policy to (aws-cost-management/…/API_budgets_IamActionDefinition)."""
_NOT_SPENT: Final = ("Credit", "Refund")
"""Kinds of records that lower a bill; left in, a credit would hide what a team spends."""


class AlertTopic(Protocol):
    """An SNS topic whose policy holds `alert_publishers`, and whose key's policy holds `alert_key_use`."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """The topic's ARN."""
        ...


class Budget(Component):
    """What the context's team may cost in a month; without a team, what the platform's environment may cost.

    The platform's stack makes it, so that a team can't loosen it. `owners`: addresses of who answers for it. `topic`:
    where what is urgent goes. Absent: alerts go by mail only. `roles`: ARNs of the roles that `deny_spending` stops;
    for a team its deployment role first, since that one could otherwise make roles that nothing stops.
    """

    CAPABILITY = "budgets"

    def __init__(
        self,
        name: str,
        spec: BudgetSpec,
        *,
        context: Context,
        owners: Sequence[str] = (),
        topic: AlertTopic | None = None,
        roles: Sequence[pulumi.Input[str]] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self._spec = spec
        self._topics = [topic.arn] if topic is not None else []
        self._mails = list(dict.fromkeys((*owners, *spec.notify)))
        self._refuse_unheard(roles)
        self.name = self.physical("budget")
        self.budget = aws.budgets.Budget(
            self.named("budget"),
            name=self.name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=_dollars(spec.monthly_usd),
            limit_unit="USD",
            metrics="UnblendedCost",
            filter_expression=aws.budgets.BudgetFilterExpressionArgs(ands=self._filters()),
            notifications=self._notifications(),
            opts=self.options(),
        )
        if spec.anomalies is not None:
            self._watch(spec.anomalies)
        if spec.deny_spending is not None:
            self._deny(spec.deny_spending, roles)
        self.register_outputs({"name": self.name})

    def _refuse_unheard(self, roles: Sequence[pulumi.Input[str]]) -> None:
        faults: list[Fault] = []
        where = self._spec.source
        if not self._mails and not self._topics:
            faults.append(Fault("tells nobody", "Name an owner, or addresses to notify.", where("notify")))
        if len(self._mails) > MOST_MAILS:
            problem = f"makes {len(self._mails)} addresses with the owners', and AWS Budgets mails {MOST_MAILS}"
            faults.append(Fault(problem, "Name one address that a group of people reads.", where("notify")))
        if self._spec.deny_spending is not None:
            if not roles:
                remedy = "Pass the roles that spend: Budget(..., roles=[fence.deployment_role_arn])."
                faults.append(Fault("denies nobody anything", remedy, where("deny_spending")))
            if len(roles) > _MOST_ROLES:
                problem = f"stops {len(roles)} roles, and one action takes {_MOST_ROLES}"
                faults.append(Fault(problem, "Pass the roles that spend most.", where("deny_spending")))
        if faults:
            raise SpecError(*faults)

    def _filters(self) -> list[aws.budgets.BudgetFilterExpressionAndArgs]:
        ands, context = aws.budgets.BudgetFilterExpressionAndArgs, self.context
        if self._spec.counts == "account":
            account = aws.budgets.BudgetFilterExpressionAndDimensionsArgs(
                key="LINKED_ACCOUNT", values=[context.account]
            )
            counted = [ands(dimensions=account)]
        else:
            tags = {"platform": context.platform, "environment": context.environment}
            tags |= {"team": context.team} if context.team is not None else {}
            tag = aws.budgets.BudgetFilterExpressionAndTagsArgs
            counted = [ands(tags=tag(key=key, values=[value])) for key, value in tags.items()]
        not_spent = aws.budgets.BudgetFilterExpressionAndNotArgs(
            dimensions=aws.budgets.BudgetFilterExpressionAndNotDimensionsArgs(
                key="RECORD_TYPE", values=list(_NOT_SPENT)
            )
        )
        return [*counted, ands(not_=not_spent)]

    def _notifications(self) -> list[aws.budgets.BudgetNotificationArgs]:
        alerts = self._spec.alerts
        return [
            aws.budgets.BudgetNotificationArgs(
                notification_type=kind,
                comparison_operator="GREATER_THAN",
                threshold=percent,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=self._mails or None,
                subscriber_sns_topic_arns=self._topics or None,
            )
            for kind, percents in (("ACTUAL", alerts.actual), ("FORECASTED", alerts.forecasted))
            for percent in percents
        ]

    def _watch(self, spec: TagMonitorSpec | ServicesMonitorSpec) -> None:
        monitor = self._monitor(spec)
        if self._mails:
            self._subscribe("mails", spec, monitor, spec.mails.upper(), "EMAIL", self._mails)
        if self._topics:
            self._subscribe("topic", spec, monitor, "IMMEDIATE", "SNS", self._topics)

    def _subscribe(
        self,
        role: str,
        spec: TagMonitorSpec | ServicesMonitorSpec,
        monitor: pulumi.Input[str],
        frequency: str,
        kind: str,
        addresses: Sequence[pulumi.Input[str]],
    ) -> None:
        aws.costexplorer.AnomalySubscription(
            self.named(f"anomalies-{role}"),
            name=self.physical("cost-anomaly", role),
            frequency=frequency,
            monitor_arn_lists=[monitor],
            subscribers=[
                aws.costexplorer.AnomalySubscriptionSubscriberArgs(type=kind, address=address) for address in addresses
            ],
            threshold_expression={
                "dimension": {
                    "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                    "match_options": ["GREATER_THAN_OR_EQUAL"],
                    "values": [_dollars(spec.threshold_usd)],
                }
            },
            opts=self.options(),
        )

    def _monitor(self, spec: TagMonitorSpec | ServicesMonitorSpec) -> pulumi.Input[str]:
        if isinstance(spec, ServicesMonitorSpec) and spec.existing is not None:
            return spec.existing
        tag = isinstance(spec, TagMonitorSpec)
        return aws.costexplorer.AnomalyMonitor(
            self.named("anomaly-monitor"),
            name=self.physical("cost-anomaly", "monitor"),
            monitor_type="CUSTOM" if tag else "DIMENSIONAL",
            monitor_dimension=None if tag else "SERVICE",
            monitor_specification=_only_tag(self.context) if tag else None,
            opts=self.options(),
        ).arn

    def _deny(self, spec: DenySpendingSpec, roles: Sequence[pulumi.Input[str]]) -> None:
        owner = dataclasses.replace(self.context, team=None, boundary=None)
        name = owner.names.of("iam-policy", self.component, "no-new-spending")
        arn = owner.arn("iam", f"policy{owner.names.path}{name}", regional=False)
        policy = aws.iam.Policy(
            self.named("no-new-spending"),
            name=name,
            path=owner.names.path,
            description=f"Denies {self.context.owner} new spending once its budget is used up",
            policy=access.policy_json(denial(arn)),
            opts=self.options(),
        )
        runner = Role(
            self.named("runner"),
            context=owner,
            trusted=[trust_budget(self.context, self.name)],
            description=f"Lets AWS Budgets deny {self.context.owner} new spending",
            opts=self.options(),
            written=spec.source(),
        )
        runner.allow(self, "deny-spending", attaching(arn, roles))
        aws.budgets.BudgetAction(
            self.named("deny-spending"),
            budget_name=self.budget.name,
            action_type="APPLY_IAM_POLICY",
            approval_model=spec.approval.upper(),
            notification_type=spec.measured.upper(),
            action_threshold={"action_threshold_type": "PERCENTAGE", "action_threshold_value": spec.at_percent},
            definition={
                "iam_action_definition": {
                    "policy_arn": policy.arn,
                    "roles": [pulumi.Output.from_input(role).apply(_role_name) for role in roles],
                }
            },
            execution_role_arn=runner.arn,
            subscribers=[
                aws.budgets.BudgetActionSubscriberArgs(subscription_type=kind, address=address)
                for kind, addresses in (("EMAIL", self._mails), ("SNS", self._topics))
                for address in addresses
            ],
            opts=self.options(),
        )


def _role_name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _dollars(amount: float) -> str:
    return f"{amount:.2f}".removesuffix(".00")


def _only_tag(context: Context) -> str:
    """A monitor's filter as the provider reads it back, empty members included: it compares the text as JSON."""
    key, value = ("team", context.team) if context.team is not None else ("environment", context.environment)
    empty = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or"))
    return json.dumps({**empty, "Tags": {"Key": key, "MatchOptions": None, "Values": [value]}}, sort_keys=True)
