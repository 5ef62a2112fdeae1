"""A shadow's report, from captured lines as SageMaker writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.core.captured import calls
from modelyard_jobs.shadow import Pairs, Tolerances, compare, page, paired


def line(asked: str, answer: str, *, event: str = "", inference: str = "", second: int = 0) -> str:
    def part(data: str, mode: str) -> dict[str, str]:
        return {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"}

    about = {
        "eventId": event,
        "inferenceTime": f"2026-11-21T10:00:{second:02}Z",
        "invocationSource": "ShadowExperiment",
    }
    return json.dumps(
        {
            "captureData": {"endpointInput": part(asked, "INPUT"), "endpointOutput": part(answer, "OUTPUT")},
            "eventMetadata": {**about, **({"inferenceId": inference} if inference else {})},
            "eventVersion": "0",
        }
    )


def pairs(production: list[str], shadow: list[str]) -> Pairs:
    return paired(calls(production), calls(shadow))


def many(answers: list[tuple[str, str]]) -> Pairs:
    return pairs(*([line(str(n), both[side], event=f"e{n}") for n, both in enumerate(answers)] for side in (0, 1)))


def judged(answers: list[tuple[str, str]], taken: dict[str, float] | None = None, **tolerances: Any):
    return compare("score", "shadow", many(answers), Tolerances(least_pairs=10, **tolerances), taken)


def test_calls_find_each_other_by_the_callers_id_then_the_events_then_the_request():
    found = pairs(
        [
            line("1", "0", inference="i1", event="a"),
            line("2", "0", event="b"),
            line("3", "0", event="c", second=5),
            line("4", "0", event="d"),
        ],
        [
            line("9", "1", inference="i1", event="x"),
            line("8", "1", event="b"),
            line("3", "1", event="y", second=6),
            line("5", "1", event="z"),
        ],
    )
    assert [(pair.joined, pair.production.id, pair.shadow.id) for pair in found.pairs] == [
        ("inference id", "a", "x"),
        ("event id", "b", "b"),
        ("request", "c", "y"),
    ]
    assert (found.production_alone, found.shadow_alone) == (1, 1)


def test_the_same_request_a_while_later_is_another_call():
    later = line("1", "1", event="y").replace("10:00:00", "10:01:01")
    assert not pairs([line("1", "0", event="x")], [later]).pairs


def test_one_call_of_the_shadow_has_one_counterpart_and_the_nearest():
    found = pairs(
        [line("1", "0", event="a", second=1), line("1", "0", event="b", second=30)],
        [line("1", "0", event="x", second=31), line("1", "0", event="y", second=2)],
    )
    assert [(pair.production.id, pair.shadow.id) for pair in found.pairs] == [("a", "y"), ("b", "x")]


def test_probes_say_nothing_and_broken_lines_are_counted():
    probe = line("1", "0", inference="modelyard-probe-1", event="p")
    found = pairs([probe, "no json"], [probe])
    assert (found.pairs, found.unreadable, found.production_alone) == ((), 1, 0)


def test_answers_within_the_tolerance_hold():
    report = judged([(f"{n / 100}", f"{n / 100 + 0.00001}") for n in range(1, 100)])
    assert (report.verdict, report.reasons, report.agreement) == ("holds", (), 1.0)
    (column,) = report.columns
    assert column.kind == "numbers" and column.shift < 0.01
    assert column.mean_difference == pytest.approx(0.00001)


def test_another_answer_to_too_many_calls_fails_and_is_shown():
    report = judged([("yes", "no" if n < 10 else "yes") for n in range(100)])
    assert report.verdict == "fails" and "90.0% of the answers are the same" in report.reasons[0]
    assert len(report.differing) == 10
    assert report.differing[0]["production"] == [["yes"]] and report.differing[0]["shadow"] == [["no"]]


def test_answers_that_moved_fail_though_each_is_close():
    report = judged([(f"{n}", f"{n + 40}") for n in range(100)], agreement=0.0)
    assert report.verdict == "fails" and "answer 0 shifted" in report.reasons[0]


def test_a_slower_shadow_fails_and_unknown_latency_says_nothing():
    same = [("1", "1")] * 20
    slow = judged(same, {"production": 10.0, "shadow": 15.0})
    assert slow.verdict == "fails" and "1.50 times as long" in slow.reasons[0]
    assert judged(same, {"shadow": 15.0}).verdict == "holds"
    assert judged(same, {"production": 10.0, "shadow": 15.0}, latency=None).verdict == "holds"


def test_too_few_pairs_decide_nothing():
    report = compare("score", "shadow", many([("1", "2")] * 3), Tolerances())
    assert (report.verdict, report.reasons) == ("undecided", ("3 pairs, and 100 are asked",))


def test_answers_of_another_form_are_not_the_same():
    report = judged([("1\n2", "1") if n else ("1,2", "1") for n in range(20)])
    assert report.agreement == 0.0 and report.verdict == "fails"


def test_the_report_is_json_and_a_page_that_runs_nothing():
    report = judged([("<script>x</script>", "b")] * 20)
    assert json.loads(report.as_json())["verdict"] == "fails"
    shown = page(report)
    assert "<script>" not in shown and "default-src 'none'" in shown and "&lt;script&gt;" in shown


def _lines() -> Iterator[str]:
    yield ""


def test_no_lines_are_no_pairs():
    report = compare("score", "shadow", paired(calls(_lines()), calls(_lines())), Tolerances())
    assert (report.pairs, report.columns, report.verdict) == (0, (), "undecided")
