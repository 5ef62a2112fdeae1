"""`yard cost --actual`: what Cost Explorer counted in a month beside what the files' price said, by team and service.

Source: aws-cost-management/latest/APIReference/API_GetCostAndUsage.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from modelyard.assess.cost.bill import Line
from modelyard.assess.cost.changes import Amount, amount_as_json
from modelyard.assess.cost.figures import dollars
from modelyard.assess.policy.around import PLATFORM
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.costing import Costed
from modelyard.operate.deployments import Place

Period = Literal["last-month", "this-month"]
REQUEST_USD: Final = 0.01
"""What AWS takes for each request to Cost Explorer (aws.amazon.com/aws-cost-management/pricing)."""
TAGS: Final = ("platform", "environment", "team")
"""Tags that must be cost allocation tags before anything is counted by them."""
OPTION: Final = Source("--actual")
_REGION: Final = "us-east-1"
_TAG: Final = "team$"
_NOT_SPENT: Final = ["Credit", "Refund"]
_LEAST: Final = 1.0
"""Dollars that a service may be off without a word."""
_LINES: Final = 2

SERVICES: Final[Mapping[str, str]] = {
    "apigateway": "Amazon API Gateway",
    "athena": "Amazon Athena",
    "budgets": "AWS Budgets",
    "cloudtrail": "AWS CloudTrail",
    "cloudwatch": "AmazonCloudWatch",
    "dynamodb": "Amazon DynamoDB",
    "ebs": "EC2 - Other",
    "ec2": "Amazon Elastic Compute Cloud - Compute",
    "ecr": "Amazon EC2 Container Registry (ECR)",
    "eks": "Amazon Elastic Container Service for Kubernetes",
    "elasticache": "Amazon ElastiCache",
    "elb": "Amazon Elastic Load Balancing",
    "eventbridge": "CloudWatch Events",
    "fargate": "Amazon Elastic Container Service",
    "firehose": "Amazon Kinesis Firehose",
    "fsx-lustre": "Amazon FSx",
    "glue": "AWS Glue",
    "kinesis": "Amazon Kinesis",
    "kms": "AWS Key Management Service",
    "lambda": "AWS Lambda",
    "rds-postgresql": "Amazon Relational Database Service",
    "s3": "Amazon Simple Storage Service",
    "sagemaker": "Amazon SageMaker",
    "sagemaker-hosting": "Amazon SageMaker",
    "sagemaker-processing": "Amazon SageMaker",
    "sagemaker-training": "Amazon SageMaker",
    "scheduler": "CloudWatch Events",
    "secretsmanager": "AWS Secrets Manager",
    "sns": "Amazon Simple Notification Service",
    "sqs": "Amazon Simple Queue Service",
    "stepfunctions": "AWS Step Functions",
    "vpc": "Amazon Virtual Private Cloud",
    "waf": "AWS WAF",
}
"""What Cost Explorer calls the services of the price table."""
_GATEWAYS: Final = "vpc: nat gateway"
"""What begins so is billed under EC2."""


@dataclass(frozen=True, slots=True)
class Row:
    """One service of a stack: what its price said for the period, what was counted, and what the price assumed."""

    service: str
    forecast: Amount
    actual: float
    assumes: tuple[str, ...]

    @property
    def off(self) -> float:
        """Dollars over the forecast's most, or, below zero, under its least; none within a dollar of it."""
        low, high = self.forecast
        over = max(0.0, self.actual - high) or min(0.0, self.actual - low)
        return over if abs(over) >= _LEAST else 0.0

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "service": self.service,
            "forecast": amount_as_json(self.forecast),
            "actual": round(self.actual, 2),
            "off": round(self.off, 2),
            "assumes": list(self.assumes),
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of the stacks of an environment; `rows`: by stack, what is off the most first.

    `alone`: teams in accounts of their own, which this one doesn't see. `requests`: how often AWS was asked.
    """

    environment: str
    begin: date
    end: date
    share: float
    rows: Mapping[str, tuple[Row, ...]]
    alone: tuple[str, ...]
    requests: int

    @property
    def nothing(self) -> bool:
        """Whether Cost Explorer counted nothing at all by our tags."""
        return not any(row.actual for rows in self.rows.values() for row in rows)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it: dollars of the period."""
        return {
            "environment": self.environment,
            "begin": self.begin.isoformat(),
            "end": self.end.isoformat(),
            "currency": "USD",
            "asked": {"requests": self.requests, "usd": round(self.requests * REQUEST_USD, 2)},
            "nothing_counted_by_tag": self.nothing,
            "accounts_of_their_own": list(self.alone),
            "stacks": {
                name: {
                    "forecast": amount_as_json(_forecast(rows)),
                    "actual": round(sum(row.actual for row in rows), 2),
                    "services": [row.as_json() for row in rows],
                }
                for name, rows in self.rows.items()
            },
        }


def counted(
    where: Place,
    forecast: Callable[[], Sequence[Costed]],
    what: str | None = None,
    *,
    period: Period = "last-month",
    today: date | None = None,
) -> Counted:
    """What the stacks of `forecast`, in `where`'s environment, cost in the last whole month, or in this one so far.

    `what`: the one stack that is asked for. It needs `ce:GetCostAndUsage` in the environment's account, or, for a team
    in an account of its own, there. `forecast` is asked once period and credentials are known to fit. Raises
    `InputError` for a period of no day and for credentials that don't fit, `EnvironmentFault` where AWS refuses.
    """
    begin, end, share = _days(period, today or datetime.now(UTC).date())
    env, project = where.environment, where.project
    own = {name: header.account for name, header in project.headers(env).items() if header.account}
    alone = tuple(name for name in own if what is None)
    client = Cloud(where, account=own.get(what or "", "")).client("ce", _REGION)
    prices = forecast()
    actual, requests = _asked(client, project.platform(env).platform, env, begin, end)
    rows = {
        one.stack: _rows(one, actual.get("" if one.stack == PLATFORM else one.stack, {}), share)
        for one in prices
        if one.stack not in alone
    }
    return Counted(env, begin, end, share, rows, alone, requests)


def _days(period: Period, today: date) -> tuple[date, date, float]:
    """First day, day after the last, and which share of its month they are."""
    first = today.replace(day=1)
    if period == "last-month":
        return (first - timedelta(days=1)).replace(day=1), first, 1.0
    if today == first:
        fault = Fault("has no whole day yet", "Ask for last-month.", Source("--period"), period)
        raise InputError(fault)
    return first, today, (today - first).days / calendar.monthrange(today.year, today.month)[1]


def _asked(
    client: Any, platform: str, environment: str, begin: date, end: date
) -> tuple[dict[str, dict[str, float]], int]:
    """Dollars by team (empty: what bears no team) and service, and how many requests that took."""
    from botocore.exceptions import BotoCoreError, ClientError

    tags = [
        {"Tags": {"Key": key, "Values": [value]}} for key, value in zip(TAGS, (platform, environment), strict=False)
    ]
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": begin.isoformat(), "End": end.isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "TAG", "Key": "team"}, {"Type": "DIMENSION", "Key": "SERVICE"}],
        "Filter": {"And": [*tags, {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": _NOT_SPENT}}}]},
    }
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    requests = 0
    while True:
        try:
            page = client.get_cost_and_usage(**asked)
        except (BotoCoreError, ClientError) as error:
            raise EnvironmentFault(Fault(f"Cost Explorer can't be asked: {error}", _remedy(error), OPTION)) from None
        requests += 1
        for group in (group for result in page["ResultsByTime"] for group in result.get("Groups", ())):
            tag, service = group["Keys"]
            services = found[tag.removeprefix(_TAG)]
            usd = float(group["Metrics"]["UnblendedCost"]["Amount"])
            services[service] = services.get(service, 0.0) + usd
        if not page.get("NextPageToken"):
            return found, requests
        asked["NextPageToken"] = page["NextPageToken"]


def _remedy(error: Exception) -> str:
    if "DataUnavailable" in str(error):
        return "Open Cost Explorer once in the account that pays; its data are there a day later."
    return "Sign in with a role that may ce:GetCostAndUsage; the account that pays must let others see their costs."


def _service(line: Line) -> str:
    if line.what.startswith(_GATEWAYS):
        return SERVICES["ebs"]
    service = line.what.partition(": ")[0]
    return SERVICES.get(service, service)


def _rows(one: Costed, actual: Mapping[str, float], share: float) -> tuple[Row, ...]:
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for line in one.bill.lines:
        lines[_service(line)].append(line)
    rows = [
        Row(
            service,
            (sum(each.low for each in lines[service]) * share, sum(each.high for each in lines[service]) * share),
            actual.get(service, 0.0),
            tuple(_assumption(one, each) for each in sorted(lines[service], key=lambda each: -each.high)[:_LINES]),
        )
        for service in lines.keys() | actual.keys()
    ]
    return tuple(sorted(rows, key=lambda row: (-abs(row.off), -row.actual, row.service)))


def _assumption(one: Costed, line: Line) -> str:
    return f"{one.bill.graph.by_urn[line.urn].name}: {line.assumes} of {line.what}"


def _forecast(rows: Sequence[Row]) -> Amount:
    return sum(row.forecast[0] for row in rows), sum(row.forecast[1] for row in rows)


def shown(found: Counted) -> Iterator[str]:
    """The lines for a terminal."""
    yield f"{found.environment}, {found.begin} to {found.end - timedelta(days=1)}"
    for name, rows in found.rows.items():
        actual = sum(row.actual for row in rows)
        yield f"{name}: {dollars(actual)} counted, {dollars(_forecast(rows))} forecast"
        for row in rows:
            if row.actual >= _LEAST or row.off:
                yield f"  {dollars(row.actual):>10}  {row.service}: {_verdict(row)}"
    for name in found.alone:
        yield f"{name} has an account of its own: yard cost {name} --actual, signed in there."
    if found.nothing:
        keys = " ".join(f"TagKey={key},Status=Active" for key in TAGS)
        yield "Nothing is counted by our tags. Whoever owns the paying account makes them cost allocation tags, once:"
        yield f"  aws ce update-cost-allocation-tags-status --cost-allocation-tags-status {keys}"
        yield "What is spent from then on is counted, a day later."
    yield f"Asked Cost Explorer {found.requests} times, which costs ${found.requests * REQUEST_USD:.2f}."


def _verdict(row: Row) -> str:
    if not row.off:
        return f"as forecast ({dollars(row.forecast)})"
    if not row.assumes:
        return "isn't in the forecast: nothing in the files has a price there"
    much = f"{dollars(abs(row.off))} {'more' if row.off > 0 else 'less'} than forecast ({dollars(row.forecast)})"
    return f"{much}, which assumes {'; '.join(row.assumes)}"
