"""What becomes of a rule's word: counted, waived, enforced by profile, and never a pass where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.engine import RuleCrashed, judge
from modelyard.assess.policy.examine import Examined, examine
from modelyard.assess.policy.examples import Of, graph_of, part
from modelyard.assess.policy.profiles import stops, unknown_rules
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Stack, Subject, Surroundings
from modelyard.assess.policy.waivers import Waiver, WaiversSpec, divided, ending, unused
from modelyard.blueprints.enforcement import PolicySpec, Profile

TABLE = "aws:dynamodb/table:Table"
TODAY = date(2026, 11, 22)


def _named(table: Subject) -> Iterator[Violation]:
    if table.get("name") != "right":
        yield Violation("has the wrong name", "name")
    if table.get("hashKey", "id") != "id":
        yield Violation("has the wrong key", "hashKey")


def rule(severity: Severity = Severity.HIGH, **changes: Any) -> Rule:
    made = Rule("table-named", severity, Domain.DATA, "t", "w.", "r.", (TABLE,), _named, bad=(), good=())
    return replace(made, **changes)


def graph(**tables: Any) -> Graph:
    return graph_of([part(TABLE, name, **properties) for name, properties in tables.items()])


def results(found: Graph, *rules: Rule) -> list[tuple[str, str, str]]:
    judged = judge(found, rules or [rule()], Surroundings())
    return [(each.urn.rpartition("::")[2], str(each.verdict), each.problem) for each in judged.results]


def test_each_resource_is_asked_and_those_that_break_the_rule_are_named():
    assert results(graph(a={"name": "right"}, b={"name": "wrong"})) == [("b", "violated", "has the wrong name")]


def test_what_was_found_before_an_unknown_value_stands_beside_it():
    open_, broken = results(graph(a={"name": "wrong", "hashKey": UNKNOWN}))
    assert open_ == ("a", "undecided", "can't be decided before the deployment: hashKey isn't known")
    assert broken == ("a", "violated", "has the wrong name")


def test_questions_are_counted_and_so_are_those_without_an_answer():
    judged = judge(graph(a={"name": "right"}, b={"name": UNKNOWN}, c={"name": "no"}), [rule()], Surroundings())
    assert (judged.total, judged.decided) == (3, 2)


def test_results_come_the_worst_first_and_always_in_the_same_order():
    low, high = rule(Severity.LOW, id="a-low"), rule(Severity.CRITICAL, id="z-high")
    judged = judge(graph(b={"name": "x"}, a={"name": "x"}), [low, high], Surroundings())
    assert [(each.rule.id, each.urn[-1]) for each in judged.results] == [
        ("z-high", "a"),
        ("z-high", "b"),
        ("a-low", "a"),
        ("a-low", "b"),
    ]


def test_a_rule_that_breaks_is_named_and_is_no_pass():
    def breaks(_: Subject) -> Iterator[Violation]:
        raise ZeroDivisionError("no")
        yield

    with pytest.raises(RuleCrashed, match=r"rule table-named broke at .*::a: ZeroDivisionError: no"):
        judge(graph(a={}), [rule(check=breaks)], Surroundings())


def test_what_a_stack_only_reads_is_not_its_to_answer_for():
    known = graph(a={"name": "wrong"})
    read = Graph(known.project, known.stack, tuple(replace(node, external=True) for node in known))
    assert results(read) == []


class TestASubject:
    def subject(self, **properties: Any) -> Subject:
        found = graph(a=properties)
        return next(Stack(found, Surroundings()).subjects(TABLE))

    def test_finds_what_lies_deep(self):
        found = self.subject(rules=[{"days": 1}, {"days": 2, "of": {"x": True}}])
        assert (found.get("rules[1].days"), found.get("rules[1].of.x"), found.get("rules[2].days", 7)) == (2, True, 7)

    def test_looks_into_secrets(self):
        secret = self.subject(name=Secret({"inner": [Secret(1)]}), text=Secret("s"))
        assert (secret.get("name"), secret.get("name.inner[0]"), secret.get("text")) == ({"inner": [1]}, 1, "s")
        assert secret.as_written("text") == Secret("s")

    @pytest.mark.parametrize("value", [UNKNOWN, Secret(UNKNOWN), {"x": UNKNOWN}, [UNKNOWN]])
    def test_knows_what_it_does_not_know(self, value: object):
        path = "name.x" if isinstance(value, dict) else "name[0]" if isinstance(value, list) else "name"
        with pytest.raises(Undecided, match="name"):
            self.subject(name=value).get(path)

    def test_says_that_an_output_of_another_resource_is_there(self):
        found = graph_of([part("aws:kms/key:Key", "key"), part(TABLE, "a", name=Of("key", "arn"))])
        (node,) = found.of_type(TABLE)
        veiled = replace(node, properties={"name": UNKNOWN})
        known = Graph(found.project, found.stack, (*(each for each in found if each != node), veiled))
        assert next(Stack(known, Surroundings()).subjects(TABLE)).says("name")
        with pytest.raises(Undecided):
            self.subject(name=UNKNOWN).says("name")

    def test_finds_its_parts_by_dependency_and_by_name(self):
        found = graph_of(
            [
                part("aws:s3/bucket:Bucket", "raw", bucket="acme-raw"),
                part("aws:s3/bucketPolicy:BucketPolicy", "by-output", bucket=Of("raw")),
                part("aws:s3/bucketPolicy:BucketPolicy", "by-name", bucket="acme-raw"),
                part("aws:s3/bucketPolicy:BucketPolicy", "of-another", bucket="other"),
            ]
        )
        (bucket,) = Stack(found, Surroundings()).subjects("aws:s3/bucket:Bucket")
        parts = bucket.parts("aws:s3/bucketPolicy:BucketPolicy", "bucket")
        assert {each.name for each in parts} == {"by-output", "by-name"}


def examined(profile: Profile, *waivers: Waiver, severity: Severity = Severity.HIGH, name: Any = "no") -> Examined:
    return examine(
        graph(a={"name": name}),
        [rule(severity)],
        Surroundings(environment="dev"),
        stack="fraud",
        profile=profile,
        waivers=waivers,
    )


@pytest.mark.parametrize(
    ("profile", "stopped"),
    [
        ("sandbox", {Severity.CRITICAL}),
        ("baseline", {Severity.CRITICAL, Severity.HIGH}),
        ("regulated", {Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM}),
    ],
)
def test_a_profile_stops_what_is_bad_enough_and_tells_the_rest(profile: Profile, stopped: set[Severity]):
    found = {severity: examined(profile, severity=severity) for severity in Severity}
    assert {severity for severity, one in found.items() if one.stopping} == stopped
    assert all(len(one.results) == 1 for one in found.values()), "none drops a rule"


def test_undecided_stops_a_regulated_environment_where_it_matters():
    for severity in Severity:
        matters = severity in (Severity.CRITICAL, Severity.HIGH)
        assert bool(examined("regulated", severity=severity, name=UNKNOWN).stopping) is matters
        assert not examined("baseline", severity=severity, name=UNKNOWN).stopping


def test_an_environment_may_stop_more_than_its_profile():
    (low,) = examined("sandbox", severity=Severity.LOW).results
    assert stops("sandbox", low, ["table-named"]) and not stops("sandbox", low)
    (fault,) = unknown_rules(PolicySpec(stops=("no-such-rule",)), CATALOGUE)
    assert "is no rule" in str(fault)


def test_production_is_regulated_and_the_sandbox_is_not():
    spec = PolicySpec()
    assert [spec.chosen(production=p, sandbox=s) for p, s in ((True, False), (False, True), (False, False))] == [
        "regulated",
        "sandbox",
        "baseline",
    ]


def waiver(**changes: Any) -> Waiver:
    given = {
        "rule": "table-named",
        "urn": "*::a",
        "reason": "an old table, which goes in March",
        "owner": "ada@acme.example",
        "until": "2026-12-31",
    }
    return Waiver.model_validate({**given, **changes})


def test_a_waiver_takes_away_what_it_names_and_nothing_else():
    assert not examined("baseline", waiver()).results
    assert examined("baseline", waiver()).waived[0].waiver.owner == "ada@acme.example"
    for other in (waiver(urn="*::b"), waiver(rule="other-rule")):
        found = examined("baseline", other)
        assert found.stopping and unused([other], found.waived) == [other]


def test_a_waiver_ends_and_is_told_of_before_it_does():
    assert ending([waiver(until="2026-12-06"), waiver(until="2026-12-07")], TODAY) == [waiver(until="2026-12-06")]


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"until": "2026-11-21"}, "waivers[0].until", "is over"),
        ({"until": "2028-01-01"}, "waivers[0].until", "is more than a year ahead"),
        ({"rule": "no-such-rule"}, "waivers[0].rule", "is no rule"),
        ({"urn": "**"}, "waivers[0].urn", "silences the whole rule"),
    ],
)
def test_a_waiver_that_cannot_hold_is_a_fault(changes: dict[str, Any], where: str, message: str):
    spec = WaiversSpec(waivers=(waiver(rule="s3-kms"),))
    assert not list(spec.faults_on(TODAY, CATALOGUE)), "the others are"
    spec = WaiversSpec(waivers=(waiver(**{"rule": "s3-kms", **changes}),))
    (fault,) = spec.faults_on(TODAY, CATALOGUE)
    assert where in str(fault) and message in str(fault)


def test_the_last_day_of_a_waiver_still_holds():
    assert not list(WaiversSpec(waivers=(waiver(rule="s3-kms", until="2026-11-22"),)).faults_on(TODAY, CATALOGUE))


def test_one_waiver_never_covers_two_rules():
    judged = judge(graph(a={"name": "x"}), [rule(), rule(id="other-rule")], Surroundings())
    stand, waived = divided(judged.results, [waiver(urn="*")])
    assert [each.rule.id for each in stand] == ["other-rule"] and len(waived) == 1
