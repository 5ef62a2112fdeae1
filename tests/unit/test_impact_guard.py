"""Acknowledgements: what a plan may lose, by name, until a day; everything else is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelyard.assess.graph import Graph
from modelyard.assess.impact.acknowledged import Guarded, acknowledgements_of, guarded
from modelyard.assess.impact.forecast import forecast
from modelyard.assess.impact.outputs import guarded_lines, lines, markdown
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.policy.examples import graph_of, part
from modelyard.core.errors import InputError, SpecError

TODAY = date(2026, 11, 22)
BUCKET = "aws:s3/bucket:Bucket"
BEFORE = [
    part(BUCKET, "raw", bucket="a"),
    part(BUCKET, "tmp", bucket="b", forceDestroy=True),
    part("aws:iam/role:Role", "reader", name="reader"),
    part("aws:kms/key:Key", "key"),
]
AFTER = [part(BUCKET, "raw", bucket="c")]
RAW, KEY = (graph_of(BEFORE).named(name)[0].urn for name in ("raw", "key"))


def plan(before: Graph | None = None, after: Graph | None = None, environment: str = "prod") -> Planned:
    said = forecast(before or graph_of(BEFORE), after or graph_of(AFTER))
    return Planned("fraud", environment, "main", said)


def acknowledged(folder: Path, *listed: dict[str, Any]) -> Path:
    file = folder / "acknowledged.yaml"
    common = {"reason": "it was copied on Monday", "owner": "ada@acme.example", "until": "2026-12-01"}
    file.write_text("acknowledged:\n" + "".join(f"  - {common | each}\n" for each in listed))
    return file


def judged(folder: Path, *listed: dict[str, Any], stacks: tuple[Planned, ...] = ()) -> Guarded:
    said = acknowledgements_of(acknowledged(folder, *listed), TODAY) if listed else ()
    return guarded(Plan(stacks or (plan(),)), said, TODAY)


def refused(verdict: Guarded) -> list[str]:
    return [step.name for _, step in verdict.refused]


def test_what_loses_state_is_refused_and_what_is_ephemeral_or_made_again_is_not(tmp_path: Path):
    assert refused(judged(tmp_path)) == ["raw", "key"], "data before keys"


@pytest.mark.parametrize("named", [RAW, "raw"])
def test_an_acknowledgement_lets_through_what_it_names_and_nothing_else(tmp_path: Path, named: str):
    verdict = judged(tmp_path, {"resource": named, "does": "replace"})
    assert refused(verdict) == ["key"]
    assert [step.name for _, step, _ in verdict.accepted] == ["raw"]


def test_what_keeps_less_is_refused_until_it_may(tmp_path: Path):
    logs = "aws:cloudwatch/logGroup:LogGroup"
    before, after = (graph_of([part(logs, "logs", retentionInDays=days)]) for days in (365, 30))
    stacks = (plan(before, after),)
    text = list(guarded_lines(judged(tmp_path, stacks=stacks)))
    assert "    does: shorten" in text
    assert refused(judged(tmp_path, {"resource": "logs", "does": "replace"}, stacks=stacks)) == ["logs"]
    assert refused(judged(tmp_path, {"resource": "logs", "does": "shorten"}, stacks=stacks)) == []
    assert markdown(Plan(stacks)).splitlines()[1] == "### Keeps less of: 1 log group (history)"


def test_one_for_a_replacement_is_none_for_a_deletion(tmp_path: Path):
    verdict = judged(tmp_path, {"resource": "raw", "does": "delete"}, {"resource": "key", "does": "delete"})
    assert refused(verdict) == ["raw"]
    assert [said.resource for said in verdict.unused] == ["raw"], "and is told as one that covers nothing"


def test_a_name_that_could_mean_two_is_refused_with_both(tmp_path: Path):
    other = graph_of(BEFORE, stack="other")
    stacks = (plan(), plan(other, graph_of([], stack="other"), "dev"))
    with pytest.raises(InputError, match=r"acknowledged\.yaml:2:.*resource.*got 'key'; could mean 2 resources"):
        judged(tmp_path, {"resource": "key", "does": "delete"}, stacks=stacks)
    assert len(judged(tmp_path, {"resource": KEY, "does": "delete"}, stacks=stacks).accepted) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": "2026-11-21"}, r"acknowledged\[0\]\.until.*is over"),
        ({"until": "2027-01-01"}, r"acknowledged\[0\]\.until.*is more than 31 days ahead"),
        ({"resource": "*"}, r"acknowledged\[0\]\.resource"),
        ({"reason": "so"}, r"acknowledged\[0\]\.reason"),
        ({"owner": "nobody"}, r"acknowledged\[0\]\.owner"),
        ({"does": "anything"}, r"acknowledged\[0\]\.does"),
        ({"by": "ada"}, r"acknowledged\[0\]\.by"),
    ],
)
def test_one_that_is_over_too_long_or_malformed_is_a_fault(tmp_path: Path, changes: dict[str, str], message: str):
    with pytest.raises(SpecError, match=rf"acknowledged\.yaml:2:.*{message}"):
        judged(tmp_path, {"resource": "raw", "does": "replace"} | changes)


def test_without_a_file_nothing_is_acknowledged(tmp_path: Path):
    assert acknowledgements_of(tmp_path / "acknowledged.yaml", TODAY) == ()


def test_what_to_write_is_printed_and_is_what_is_read(tmp_path: Path):
    text = list(guarded_lines(judged(tmp_path)))
    written = "\n".join(text[text.index("acknowledged:") :])
    written = written.replace("WHY", "it was copied on Monday").replace("YOU@EXAMPLE.COM", "ada@acme.example")
    (tmp_path / "acknowledged.yaml").write_text(written)
    said = acknowledgements_of(tmp_path / "acknowledged.yaml", TODAY)
    assert refused(guarded(Plan((plan(),)), said, TODAY)) == []


def test_a_comment_says_first_what_is_destroyed_and_that_it_is_refused(tmp_path: Path):
    text = markdown(Plan((plan(),)), judged(tmp_path)).splitlines()
    assert text[0] == "<!-- modelyard-plan -->"
    assert text[1] == "### Destroys: 2 buckets (data), 1 key, 1 role (identity)"
    assert text[3] == "**Refused**: 2 without an acknowledgement in `acknowledged.yaml`."
    assert any(row.startswith("| replace | `raw` | fraud in prod | bucket a → c") for row in text)


def test_the_terminal_says_what_goes_what_seems_renamed_and_whose_file_is_gone():
    before = graph_of([*BEFORE, part("aws:cloudwatch/logGroup:LogGroup", "logs", name="/acme/logs")])
    after = graph_of([*AFTER, part("aws:cloudwatch/logGroup:LogGroup", "diary", name="/acme/diary")])
    text = list(lines(Plan((plan(before, after),), left=("demand in dev",))))
    assert text[0].startswith("destroys: 2 buckets (data)")
    assert "  create      diary: 1 resource" in text
    row = text.index("  renamed?    diary  aws:cloudwatch/logGroup:LogGroup")
    assert text[row + 2].strip() == 'opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="logs")])'
    assert text[row + 3].strip() == "diary: name /acme/logs → /acme/diary  (replaces)"
    assert text[-1].startswith("demand in dev: the files no longer have it, and its stack stays.")


def test_no_value_leaves_its_cell_of_a_comment():
    nasty = "a|b`c [click](https://evil.example) <img src=x>\n# *d*"
    before, after = (
        graph_of([part("aws:ssm/parameter:Parameter", name, value=value)])
        for name, value in (("p`|", "1"), ("p`|", nasty))
    )
    (row,) = (line for line in markdown(Plan((plan(before, after),))).splitlines() if line.startswith("| update"))
    assert "| `p'\\|` |" in row and row.replace("\\|", "").count("|") == 7
    assert "\\[click\\]" in row and "&lt;img" in row and "c \\[" in row
