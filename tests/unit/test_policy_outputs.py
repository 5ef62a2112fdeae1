"""Results as other tools read them: nothing is lost on the way, and what stops the change comes first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.examine import Checked, examine
from modelyard.assess.policy.examples import graph_of, part
from modelyard.assess.policy.outputs.text import MARKER
from modelyard.assess.policy.outputs.writing import Format, written
from modelyard.assess.policy.rules.features import RULES
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.waivers import Waiver
from modelyard.core.errors import Source

TABLE = "aws:dynamodb/table:Table"
WAIVER = Waiver(
    rule="dynamodb-cmk",
    urn="*::plain",
    reason="a test | with <signs>",
    owner="ada@acme.example",
    until=date(2026, 12, 1),
)
FILE = Source("stacks/teams/fraud.yaml", "features.views.entity", 45, 3)


def found(*, profile: Any = "baseline", **tables: dict[str, Any]) -> Checked:
    made = graph_of([part(TABLE, name, **properties) for name, properties in tables.items()])
    located = Graph(made.project, made.stack, tuple(replace(node, source=FILE) for node in made))
    around = Surroundings(environment="prod", production=True)
    one = examine(located, RULES, around, stack="fraud", profile=profile, waivers=[WAIVER])
    return Checked((one,), RULES, (), (WAIVER,))


BROKEN = found(plain={"name": "t"}, later={"name": "u", "pointInTimeRecovery": UNKNOWN})
CLEAN = found()
STRICT = found(profile="regulated", plain={"name": "t"})


def of(checked: Checked) -> set[tuple[str, str, str, str]]:
    results = [result for one in checked.stacks for result in one.results]
    return {(each.rule.id, each.urn, each.path, each.problem) for each in results}


def test_json_and_back_loses_nothing():
    (stack,) = json.loads(written(BROKEN, "json"))["stacks"]
    assert {(each["rule"], each["urn"], each["path"], each["problem"]) for each in stack["results"]} == of(BROKEN)
    assert (stack["decided"], stack["total"]) == (5, 6)
    assert {(each["file"], each["line"]) for each in stack["results"]} == {(FILE.file, 45)}
    (waived,) = stack["waived"]
    assert (waived["rule"], waived["until"]) == ("dynamodb-cmk", "2026-12-01")


def test_a_comment_says_first_what_stops_the_change_and_can_be_found_again():
    text = written(STRICT, "markdown")
    first, title, *_ = text.splitlines()
    assert first == MARKER
    assert title.endswith("stop this change") or title.endswith("stops this change")
    assert text.index("dynamodb-pitr") < text.index("1 waived")
    assert "`stacks/teams/fraud.yaml:45`" in text
    assert "a test \\| with &lt;signs>" in text
    assert "Nothing stops this change" in written(CLEAN, "markdown")


def test_a_terminal_is_told_where_and_what_to_do():
    text = written(STRICT, "text")
    assert "stacks/teams/fraud.yaml:45:3: features.views.entity" in text
    assert "Enable point-in-time recovery." in text
    assert "A waiver ends on 2026-12-01: dynamodb-cmk" in text
    assert "all rules hold; 0 of 0 questions decided" in written(CLEAN, "text")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "markdown"])
def test_what_is_written_is_the_same_every_time_and_ends_its_last_line(form: Format):
    assert written(BROKEN, form) == written(BROKEN, form)
    assert written(BROKEN, form).endswith("\n") and written(CLEAN, form).endswith("\n")
