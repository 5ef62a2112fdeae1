"""What a topic and its key must allow, so that AWS Budgets and Cost Anomaly Detection can publish to it.

Whoever owns the topic adds these statements. Sources: cost-management/latest/userguide/budgets-sns-policy and
ad-SNS.
"""

from __future__ import annotations

from typing import Final

import pulumi

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context

_PUBLISHERS: Final = ("budgets.amazonaws.com", "costalerts.amazonaws.com")


def alert_publishers(context: Context, topic_arn: pulumi.Input[str]) -> list[Statement]:
    """The topic's policy: both services may publish, on behalf of this account only."""
    return [
        Statement(
            ("sns:Publish",),
            (topic_arn,),
            {"StringEquals": {"aws:SourceAccount": context.account}},
            principal=Principal.service(*_PUBLISHERS),
            sid="CostAlertsPublish",
        )
    ]


def alert_key_use(context: Context) -> list[Statement]:
    """The policy of the key that encrypts the topic: both services may encrypt, on behalf of this account only."""
    return [
        Statement(
            ("kms:Decrypt", "kms:GenerateDataKey*"),
            ("*",),
            {"StringEquals": {"aws:SourceAccount": context.account}},
            principal=Principal.service(*_PUBLISHERS),
            sid="CostAlertsUseIt",
        )
    ]
