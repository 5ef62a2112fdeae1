"""A pull request's comment: the essentials in its first lines, all else folded, and never longer than GitHub takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reports import BUCKET, TABLE, WHEN, a_plan, a_report, a_stack, changed

from modelyard.assess.graph.values import Secret
from modelyard.assess.policy.examples import part
from modelyard.assess.policy.outputs import text as checks
from modelyard.assess.report.comment import LIMIT, MARKER, comment
from modelyard.assess.report.model import Report
from modelyard.assess.report.page import page

CANARY = "correct-horse-battery-staple"


def a_change(*, buckets: int = 1) -> Report:
    parts = [part(BUCKET, f"raw-{index}", bucket="new", tags={"long": "x" * 200}) for index in range(buckets)]
    one = a_stack("fraud", *parts, before=(0.0, 1.0))
    old = {f"raw-{index}": {"bucket": "old", "tags": {"long": f"y{index}" * 200}} for index in range(buckets)}
    return a_report(one, plan=a_plan(changed(one.graph, **old), one), against="main")


def test_its_first_lines_say_what_stops_what_it_costs_and_what_is_destroyed():
    said = comment(a_change()).splitlines()
    assert said[0] == MARKER, "by which the next run finds it"
    assert said[1] == "### 1 stops this change"
    assert said[3].startswith("- **Rules**: 1 stops it, ")
    assert said[4:6] == [
        "- **Price**: $1 to $2 a month, +$1",
        "- **Changes** since `main`: destroys: 1 bucket (data)",
    ]


def test_one_comment_bears_one_marker_and_the_details_are_those_of_the_other_commands():
    report = a_change()
    said = comment(report)
    assert said.count("<!--") == 1
    assert [line for line in said.splitlines() if line.startswith("#### ")] == [
        "#### Rules",
        "#### Price",
        "#### Changes",
    ]
    row = next(line for line in checks.markdown((report.stacks[0].examined,), (), ()).splitlines() if "`raw-0`" in line)
    assert row in said


def test_without_a_comparison_it_tells_of_no_changes():
    said = comment(a_report(a_stack("fraud", part(TABLE, "t"))))
    assert "Changes" not in said and "### Nothing stops this change" in said


def test_what_no_comment_holds_is_left_out_from_the_end_and_counted():
    report = a_report(*(a_stack(f"team-{'x' * 150}-{index}", part(BUCKET, "raw")) for index in range(300)))
    said = comment(report)
    assert len(said) <= LIMIT
    kept = sum(1 for line in said.splitlines() if line.startswith("| team-"))
    assert 0 < kept < 300 and f"{300 - kept} rows left out" in said
    assert said.count("<details>") == said.count("</details>") > 0
    assert "| `s3-block-public` |" in said, "what stops the change goes last"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a|b", "`a\\|b`"), ("<img src=x>", "`<img src=x>`"), ("two\nlines", "`two lines`"), ("`c", "`'c`")],
)
def test_a_name_cannot_leave_its_cell(name: str, shown: str):
    row = next(
        line for line in comment(a_report(a_stack("fraud", part(BUCKET, name)))).splitlines() if "s3-block" in line
    )
    assert f"| {shown} |" in row and row.replace("\\|", "").count("|") == 7


def test_no_value_of_a_secret_is_in_it():
    one = a_stack("fraud", part(BUCKET, CANARY), part(TABLE, "t", note=Secret(CANARY)))
    assert CANARY not in comment(a_report(one)) and "[secret]" in comment(a_report(one))


def test_no_value_of_a_secret_of_the_platform_is_in_a_teams_comment():
    platform = a_stack("platform", part(TABLE, "t", note=Secret(CANARY)))
    one = a_stack("fraud", part(BUCKET, CANARY), platform=platform.graph)
    assert CANARY not in comment(a_report(one))


def test_a_stack_that_is_gone_is_in_the_difference_and_has_a_row():
    report = replace(a_change(), gone={"demand in dev": (30.0, 40.0)})
    said = comment(report).splitlines()
    assert said[4] == "- **Price**: $1 to $2 a month, -$29 to -$39"
    assert "| demand in dev | gone | -$30 to -$40 | |" in said
    assert "demand in dev cost $30 to $40 a month" in page(report)


def test_the_same_report_is_the_same_comment():
    assert WHEN.isoformat() not in comment(a_change()) and comment(a_change()) == comment(a_change())
