"""What the functions that watch may do, and who reads and closes incidents, as the judge decides it."""

from __future__ import annotations

import pytest
from tests.ground import CHURN, FRAUD, a_role, ground, recording, served
from tests.isolation.judge import Judge, Question

from modelyard import Context, EndpointWatch, EvidenceStore, GovernanceSpec, TeamWatch, WatchSpec
from modelyard.assess.access import Access, collect
from modelyard.run.monitoring import OURS

NUMBER = "20261121-170440989-0a1b2c"


def team(context: Context, name: str, *, evidence: bool) -> None:
    """A team with two endpoints, `score` and `other`, and roles that read or close incidents of `score`."""

    on = ground(context, prefix=f"{name}-")
    keys, lake = on.keys, on.lake
    store = None
    if evidence:
        store = EvidenceStore(
            f"{name}-evidence", GovernanceSpec(), context=context, keys=keys, registry=on.registry, audit=on.audit
        )
    watched: list[EndpointWatch] = []
    for endpoint_name, release in (("score", {"kind": "loop"}), ("other", {"kind": "declared", "version": 1})):
        endpoint = on.endpoint(f"{name}-{endpoint_name}", served(release=release))
        watched.append(
            EndpointWatch(
                f"{name}-{endpoint_name}-watch",
                WatchSpec.model_validate({"probe": {"payload": "1"}}),
                context=context,
                endpoint=endpoint,
                lake=lake,
                keys=keys,
            )
        )
    desk = TeamWatch(f"{name}-watch", context=context, watched=watched, lake=lake, keys=keys, evidence=store)
    desk.grant_read_incidents(a_role(f"{name}-reader", context), endpoints=[f"{name}-score"])
    desk.grant_close_incidents(a_role(f"{name}-closer", context), endpoints=[f"{name}-score"])
    a_role(f"{name}-stranger", context)


@pytest.fixture(scope="module")
def access() -> Access:
    def program() -> None:
        team(FRAUD, "a", evidence=True)
        team(FRAUD, "b", evidence=False)
        team(CHURN, "c", evidence=False)

    return collect(recording(program))


def role(access: Access, start: str) -> str:
    """The role whose name begins so: ambiguous parts put a hash behind it."""
    found = [arn for arn in access.identities if arn.rpartition("/")[2].startswith(start)]
    return min(found, key=len)


def bucket(access: Access, start: str) -> str:
    found = [arn for arn in access.things if arn.startswith(f"arn:aws:s3:::{start}") and "log" not in arn]
    return min(found, key=len)


AWS = "arn:aws:sagemaker:eu-west-1:123456789012"
INVOKE, DESCRIBE = "sagemaker:InvokeEndpoint", "sagemaker:DescribeEndpoint"
METRIC = "cloudwatch:PutMetricData"


@pytest.mark.parametrize(
    ("who", "action", "endpoint", "allowed"),
    [
        ("a-score-watch-probe", INVOKE, "fraud-a-score", True),
        ("a-score-watch-probe", INVOKE, "fraud-a-other", False),
        ("a-score-watch-probe", INVOKE, "churn-c-score", False),
        ("a-score-watch-probe", "sagemaker:UpdateEndpoint", "fraud-a-score", False),
        ("a-score-watch-cost", DESCRIBE, "fraud-a-score", True),
        ("a-score-watch-cost", DESCRIBE, "fraud-a-other", False),
        ("a-score-watch-cost", INVOKE, "fraud-a-score", False),
        ("a-score-watch-patterns", INVOKE, "fraud-a-score", False),
        ("a-watch-incidents", INVOKE, "fraud-a-score", False),
        ("a-watch-incidents", "sagemaker:UpdateEndpoint", "fraud-a-score", False),
    ],
)
def test_each_function_reaches_its_own_endpoint_and_no_other(
    judge: Judge, access: Access, who: str, action: str, endpoint: str, allowed: bool
):
    (answer,) = judge.ask(
        access, [Question(role(access, f"ml-dev-fraud-{who}"), action, f"{AWS}:endpoint/ml-dev-{endpoint}")]
    )
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(
    ("namespace", "allowed"), [(OURS, True), ("AWS/SageMaker", False), ("modelyard/features", False)]
)
def test_functions_measure_in_our_namespace_alone(judge: Judge, access: Access, namespace: str, allowed: bool):
    who = role(access, "ml-dev-fraud-a-score-watch-probe")
    (answer,) = judge.ask(access, [Question(who, METRIC, "*", {"cloudwatch:namespace": namespace})])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(
    ("who", "action", "key", "allowed"),
    [
        ("patterns", "s3:GetObject", "calls/a-score/x/main/2026/11/21/17/a.jsonl", True),
        ("patterns", "s3:GetObject", "calls/a-other/x/main/2026/11/21/17/a.jsonl", False),
        ("patterns", "s3:PutObject", "calls/a-score/x/main/2026/11/21/17/a.jsonl", False),
        ("probe", "s3:GetObject", "calls/a-score/x/main/2026/11/21/17/a.jsonl", False),
        ("cost", "s3:GetObject", "calls/a-score/x/main/2026/11/21/17/a.jsonl", False),
    ],
)
def test_captured_calls_are_read_by_the_reader_of_patterns_alone(
    judge: Judge, access: Access, who: str, action: str, key: str, allowed: bool
):
    thing = f"{bucket(access, 'ml-dev-fraud-a-lake-capture')}/{key}"
    (answer,) = judge.ask(access, [Question(role(access, f"ml-dev-fraud-a-score-watch-{who}"), action, thing)])
    assert answer.allowed is allowed, str(answer)


ONCE = {"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}


@pytest.mark.parametrize(
    ("who", "action", "file", "allowed"),
    [
        ("watch-incidents", "s3:PutObject", f"incidents/%-score/{NUMBER}/opened.json", True),
        ("watch-incidents", "s3:PutObject", f"incidents/%-other/{NUMBER}/recovered.json", True),
        ("watch-incidents", "s3:PutObject", f"bundles/scores/1/{NUMBER}.json", False),
        ("watch-incidents", "s3:DeleteObject", f"incidents/%-score/{NUMBER}/opened.json", False),
        ("reader", "s3:GetObject", f"incidents/%-score/{NUMBER}/opened.json", True),
        ("reader", "s3:GetObject", f"incidents/%-other/{NUMBER}/opened.json", False),
        ("reader", "s3:PutObject", f"incidents/%-score/{NUMBER}/closed.json", False),
        ("closer", "s3:GetObject", f"incidents/%-score/{NUMBER}/opened.json", True),
        ("closer", "s3:PutObject", f"incidents/%-score/{NUMBER}/closed.json", True),
        ("closer", "s3:PutObject", f"incidents/%-score/{NUMBER}/opened.json", False),
        ("closer", "s3:PutObject", f"incidents/%-score/{NUMBER}/recovered.json", False),
        ("closer", "s3:PutObject", f"incidents/%-other/{NUMBER}/closed.json", False),
        ("closer", "s3:DeleteObject", f"incidents/%-score/{NUMBER}/closed.json", False),
        ("stranger", "s3:GetObject", f"incidents/%-score/{NUMBER}/opened.json", False),
        ("stranger", "s3:PutObject", f"incidents/%-score/{NUMBER}/closed.json", False),
    ],
)
@pytest.mark.parametrize("team", ["a", "b"], ids=["evidence", "lake"])
def test_incidents_are_written_by_their_function_and_closed_by_whom_it_was_granted(
    judge: Judge, access: Access, team: str, who: str, action: str, file: str, allowed: bool
):
    place = "ml-dev-fraud-a-evidence" if team == "a" else "ml-dev-fraud-b-lake-capture"
    thing = f"{bucket(access, place)}/{file.replace('%', team)}"
    context = ONCE if action == "s3:PutObject" else {}
    (answer,) = judge.ask(access, [Question(role(access, f"ml-dev-fraud-{team}-{who}"), action, thing, context)])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize("team", ["a", "b"], ids=["evidence", "lake"])
def test_incidents_are_listed_endpoint_by_endpoint_by_whom_it_was_granted(judge: Judge, access: Access, team: str):
    place = bucket(access, "ml-dev-fraud-a-evidence" if team == "a" else "ml-dev-fraud-b-lake-capture")
    asked = [
        Question(role(access, f"ml-dev-fraud-{team}-{who}"), "s3:ListBucket", place, {"s3:prefix": prefix})
        for who, prefix in (
            ("reader", f"incidents/{team}-score/"),
            ("closer", f"incidents/{team}-score/{NUMBER}/"),
            ("watch-incidents", f"incidents/{team}-other/{NUMBER}/opened.json"),
            ("reader", f"incidents/{team}-other/"),
            ("reader", "incidents/"),
            ("stranger", f"incidents/{team}-score/"),
        )
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [True, True, True, False, False, False]


@pytest.mark.parametrize("team", ["a", "b"], ids=["evidence", "lake"])
def test_nobody_writes_over_an_incident(judge: Judge, access: Access, team: str):
    place = "ml-dev-fraud-a-evidence" if team == "a" else "ml-dev-fraud-b-lake-capture"
    where = f"{bucket(access, place)}/incidents/{team}-score/{NUMBER}"
    over = {"s3:ObjectCreationOperation": "true"}
    asked = [
        Question(role(access, f"ml-dev-fraud-{team}-{who}"), "s3:PutObject", f"{where}/{file}", over)
        for who, file in (("watch-incidents", "opened.json"), ("closer", "closed.json"))
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [False, False]


def test_another_teams_closer_closes_nothing_here(judge: Judge, access: Access):
    there = f"{bucket(access, 'ml-dev-fraud-b-lake-capture')}/incidents/b-score/{NUMBER}/closed.json"
    own = f"{bucket(access, 'ml-dev-churn-c-lake-capture')}/incidents/c-score/{NUMBER}/closed.json"
    who = role(access, "ml-dev-churn-c-closer")
    answers = judge.ask(access, [Question(who, "s3:PutObject", thing, ONCE) for thing in (own, there)])
    assert [answer.allowed for answer in answers] == [True, False]


def test_the_function_asks_for_the_champion_of_its_own_loops_alone(judge: Judge, access: Access):
    who = role(access, "ml-dev-fraud-a-watch-incidents")
    start = "arn:aws:ssm:eu-west-1:123456789012:parameter/modelyard/ml/dev"
    asked = [
        Question(who, "ssm:GetParameter", f"{start}/{name}")
        for name in ("fraud/champions/a-score", "fraud/champions/a-other", "churn/champions/c-score")
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [True, False, False]


def test_the_owner_is_told_through_their_own_topic(judge: Judge, access: Access):
    who = role(access, "ml-dev-fraud-a-watch-incidents")
    topics = [arn for arn in access.things if ":sns:" in arn]
    own = [arn for arn in topics if ":ml-dev-fraud-a-score" in arn or ":ml-dev-fraud-a-other" in arn]
    others = [arn for arn in topics if arn not in own]
    assert own and others
    answers = judge.ask(access, [Question(who, "sns:Publish", arn) for arn in (*own, *others)])
    assert [answer.allowed for answer in answers] == [True] * len(own) + [False] * len(others)
