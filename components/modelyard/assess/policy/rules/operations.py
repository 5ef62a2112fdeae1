"""Rules on what records, what is paid by whom, and what outlives a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.graph.model import Node
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.documents import read
from modelyard.assess.policy.examples import Of, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    BATCH_ENVIRONMENT,
    BUCKET,
    BUDGET,
    CACHE,
    DATABASE,
    DATABASE_CLUSTER,
    DELIVERY,
    DOMAIN,
    ENDPOINT_CONFIGURATION,
    FEATURE_GROUP,
    FILE_SYSTEM,
    FLOW_LOG,
    FUNCTION,
    INSTANCE,
    KEY,
    LOAD_BALANCER,
    LOG_GROUP,
    LUSTRE,
    MODEL_GROUP,
    NAT_GATEWAY,
    NODE_GROUP,
    NOTEBOOK,
    REPLICATION_GROUP,
    REPOSITORY,
    SECRET,
    SPACE,
    STATE_MACHINE,
    STREAM,
    TABLE,
    TEAM_FENCE,
    TRACKING_SERVER,
    TRAIL,
    TRAINING_JOB,
    USER_PROFILE,
    VPC,
    VPC_ENDPOINT,
)

_BILLED: Final = (
    BATCH_ENVIRONMENT,
    BUCKET,
    CACHE,
    DATABASE,
    DATABASE_CLUSTER,
    DELIVERY,
    DOMAIN,
    ENDPOINT_CONFIGURATION,
    FEATURE_GROUP,
    FILE_SYSTEM,
    FUNCTION,
    INSTANCE,
    KEY,
    LOAD_BALANCER,
    LOG_GROUP,
    LUSTRE,
    NAT_GATEWAY,
    NODE_GROUP,
    NOTEBOOK,
    REPLICATION_GROUP,
    REPOSITORY,
    SECRET,
    SPACE,
    STATE_MACHINE,
    STREAM,
    TABLE,
    TRACKING_SERVER,
    TRAIL,
    TRAINING_JOB,
    VPC_ENDPOINT,
)
"""Types that cost money and take tags."""

_STATEFUL: Final[Mapping[str, str]] = {
    BUCKET: "",
    DATABASE: "deletionProtection",
    DATABASE_CLUSTER: "deletionProtection",
    DOMAIN: "",
    FEATURE_GROUP: "",
    FILE_SYSTEM: "",
    KEY: "",
    MODEL_GROUP: "",
    REPOSITORY: "",
    SECRET: "",
    SPACE: "",
    TABLE: "deletionProtectionEnabled",
    TRACKING_SERVER: "",
    TRAIL: "",
    USER_PROFILE: "",
}
"""Types that hold what no deployment can make again, with AWS's own protection, where there is one."""

_KEEPS: Final = ("protect", "retainOnDelete")
_OWNERS: Final = frozenset({"owner", "team"})


def _whole(trail: Subject) -> str:
    """What a trail misses: the property that says so; empty where it sees everything that manages."""
    for path, default in (("isMultiRegionTrail", False), ("enableLogging", True), ("includeGlobalServiceEvents", True)):
        if trail.get(path, default) is not True:
            return path
    return "" if _sees_management(trail) else "advancedEventSelectors"


def _sees_management(trail: Subject) -> bool:
    """Whether events that manage are recorded, those that read and those that write."""
    simple = range(len(trail.get("eventSelectors", [])))
    advanced = range(len(trail.get("advancedEventSelectors", [])))
    for index in simple:
        selector = f"eventSelectors[{index}]"
        if (
            trail.get(f"{selector}.includeManagementEvents", True)
            and trail.get(f"{selector}.readWriteType", "All") == "All"
        ):
            return True
    for index in advanced:
        fields = trail.get(f"advancedEventSelectors[{index}].fieldSelectors", [])
        asked = {each.get("field"): each for each in fields}
        if "readOnly" not in asked and asked.get("eventCategory", {}).get("equals") == ["Management"]:
            return True
    return not simple and not advanced


def _everywhere(trail: Subject) -> Iterator[Violation]:
    missing = _whole(trail)
    if missing and all(map(_whole, trail.stack.subjects(TRAIL))):
        yield Violation("isn't a trail of what is managed in all regions, and no other is", missing)


def _flows(vpc: Subject) -> Iterator[Violation]:
    if not any(log.get("trafficType") in ("ALL", "REJECT") for log in vpc.parts(FLOW_LOG, "vpcId")):
        yield Violation("records no refused traffic: no flow log names it")


def _tags(subject: Subject) -> Mapping[str, Any]:
    """Its own tags, with those that its provider adds to all."""
    return {**_of_provider(subject.stack, subject.node), **subject.tags}


def _of_provider(stack: Stack, node: Node) -> Mapping[str, Any]:
    found = next((each for each in stack.graph.of_type("pulumi:providers:aws") if each.urn == node.provider), None)
    if found is None:
        return {}
    return read(Subject(stack, found), "defaultTags").get("tags", {})


def _owned(subject: Subject) -> Iterator[Violation]:
    owners = [value for key, value in _tags(subject).items() if key.lower() in _OWNERS]
    if UNKNOWN in owners:
        raise Undecided("tags")
    if not any(owners):
        yield Violation("doesn't say who pays for it", "tags")


def _paid_within_a_limit(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == BUDGET:
        if not any(map(subject.says, ("limitAmount", "plannedLimits", "autoAdjustData"))):
            yield Violation("has no limit", "limitAmount")
        if not subject.says("notifications"):
            yield Violation("tells nobody when it is used up", "notifications")
        return
    team = _team_of(subject)
    if not any(team in _budgeted(budget) for budget in subject.stack.subjects(BUDGET)):
        yield Violation(f"lets {team} spend without a budget")


def _team_of(fence: Subject) -> str:
    """The team whose roles a fence makes, as their tags say."""
    for child in fence.stack.graph.children(fence.node):
        team = Subject(fence.stack, child).tags.get("team")
        if isinstance(team, str) and team:
            return team
    raise Undecided("tags.team")


def _budgeted(budget: Subject) -> set[str]:
    """Whose cost a budget counts: the values of the tag `team` that it filters by."""
    found = _of_expression(budget.get("filterExpression", {}))
    for index in range(len(budget.get("costFilters", []))):
        if budget.get(f"costFilters[{index}].name") == "TagKeyValue":
            pairs = [str(pair).partition("$") for pair in budget.get(f"costFilters[{index}].values", [])]
            found |= {value for key, _, value in pairs if key.removeprefix("user:") in _OWNERS}
    return found


def _of_expression(expression: Mapping[str, Any]) -> set[str]:
    tags = expression.get("tags", {})
    found = set[str](tags.get("values", ())) if tags.get("key") in _OWNERS else set[str]()
    for inner in (*expression.get("ands", ()), *expression.get("ors", ())):
        found |= _of_expression(inner)
    return found


def _outlives(subject: Subject) -> Iterator[Violation]:
    if not subject.around.production or any(subject.node.options.get(option) for option in _KEEPS):
        return
    own = _STATEFUL[subject.node.type]
    if not own or subject.get(own) is not True:
        yield Violation("goes with the next mistake: it is neither protected nor retained", own)


_MANAGED: Final = {"field": "eventCategory", "equals": ["Management"]}
_COST: Final = {
    "budgetType": "COST",
    "timeUnit": "MONTHLY",
    "limitAmount": "500",
    "notifications": [{"threshold": 100, "subscriberEmailAddresses": ["fraud@example.com"]}],
}

RULES: Final = (
    Rule(
        "trail-multi-region",
        Severity.HIGH,
        Domain.IDENTITY,
        "A trail records what is managed in all regions",
        "Who has stolen a key works in the region where nobody looks.",
        "Make the trail multi-region, and record management events that read as well as those that write.",
        (TRAIL,),
        _everywhere,
        bad=(part(TRAIL, s3BucketName="trail", isMultiRegionTrail=False),),
        good=(
            part(
                TRAIL,
                s3BucketName="t",
                isMultiRegionTrail=True,
                advancedEventSelectors=[{"fieldSelectors": [_MANAGED]}],
            ),
        ),
        maps=("FSBP CloudTrail.1", "CIS 3.1"),
    ),
    Rule(
        "flow-logs",
        Severity.MEDIUM,
        Domain.IDENTITY,
        "Networks record what they refuse",
        "A job that tries to call out is seen nowhere else.",
        "Add a flow log of the VPC, of all traffic or of what is refused.",
        (VPC,),
        _flows,
        bad=(part(VPC, cidrBlock="10.0.0.0/16"),),
        good=(part(VPC, cidrBlock="10.0.0.0/16"), part(FLOW_LOG, "flows", vpcId=Of("it"), trafficType="ALL")),
        maps=("FSBP EC2.6", "CIS 3.7"),
    ),
    Rule(
        "team-owner-tags",
        Severity.MEDIUM,
        Domain.COST,
        "What costs money says whose it is",
        "A bill that names no team is paid by nobody, and cut by nobody.",
        "Add the tag team, or let the provider add it to everything.",
        _BILLED,
        _owned,
        bad=(part(BUCKET, tags={"environment": "prod"}),),
        good=(part(BUCKET, tags={"team": "fraud"}),),
    ),
    Rule(
        "budget-per-team",
        Severity.MEDIUM,
        Domain.COST,
        "Every team has a budget that tells somebody",
        "A loop that starts jobs is found within hours by a budget, and with the month's bill without one.",
        "Add a budget that filters by the team's tag, with a limit and somebody to notify.",
        (BUDGET, TEAM_FENCE),
        _paid_within_a_limit,
        bad=(part(BUDGET, budgetType="COST", timeUnit="MONTHLY", limitAmount="500"),),
        good=(part(BUDGET, **_COST),),
    ),
    Rule(
        "protect-stateful",
        Severity.MEDIUM,
        Domain.DATA,
        "What holds state outlives a mistake",
        "Renaming a resource in a program deletes it, and the data with it. Asked in production alone.",
        "Set protect or retainOnDelete, or the deletion protection that the service has itself.",
        tuple(_STATEFUL),
        _outlives,
        bad=(part(TABLE, name="t"),),
        good=(part(TABLE, name="t", deletionProtectionEnabled=True),),
        maps=("NIST CP-9",),
    ),
)
