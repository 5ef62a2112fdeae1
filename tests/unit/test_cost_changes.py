"""What a change adds to a price and takes from it: by component, by resource, and against a commit."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied, edit
from typer.testing import CliRunner

from modelyard.assess.cost.bill import HOURS, Bill
from modelyard.assess.cost.changes import Change, difference
from modelyard.assess.cost.figures import added
from modelyard.assess.cost.prices import shipped
from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.policy.examples import Part, graph_of, part
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.operate.cost_changes import Against, against, markdown, shown

REGION, TODAY = "eu-west-1", date(2026, 11, 22)
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
BOARD = part("aws:quicksight/dashboard:Dashboard", "board")


def bill(*parts: Part) -> Bill:
    return bill_of(Stack(graph_of(parts), Surroundings(region=REGION)))


def served(name: str, count: int) -> list[Part]:
    variant = {"variantName": "main", "instanceType": "ml.m5.large", "initialInstanceCount": count}
    return [
        part("modelyard:serving:InferenceEndpoint", name),
        part(CONFIGURATION, f"{name}-conf", parent=name, productionVariants=[variant]),
    ]


def month() -> float:
    price = shipped().get("sagemaker-hosting", "ml.m5.large", REGION)
    assert price is not None
    return price.usd * HOURS


def changed(one: Change) -> tuple[str, float]:
    return one.name, round(one.by[1] / month(), 6)


class TestADifference:
    def test_goes_both_ways_and_what_grows_most_comes_first(self):
        before = bill(*served("a", 3), *served("b", 1), *served("same", 1))
        after = bill(*served("a", 1), *served("b", 2), *served("same", 1))
        found = difference("fraud in dev", before, after)
        assert [changed(each) for each in found.components] == [("b", 1), ("a", -2)]
        assert changed(found.total) == ("fraud in dev", -1)
        assert [name.rpartition("::")[2] for name in (each.name for each in found.resources)] == ["b-conf", "a-conf"]

    def test_tells_what_is_new_from_what_is_gone(self):
        found = difference("s", bill(*served("old", 1)), bill(*served("new", 1)))
        assert [(each.name, each.before, each.after) for each in found.components] == [
            ("new", None, (pytest.approx(month()), pytest.approx(month()))),
            ("old", (pytest.approx(month()), pytest.approx(month())), None),
        ]
        assert not found.total.counts

    def test_tells_what_has_no_price_only_where_it_is_new(self):
        assert list(difference("s", bill(), bill(BOARD)).unknown.values()) == ["aws:quicksight/dashboard:Dashboard"]
        assert difference("s", bill(BOARD), bill(BOARD)).unknown == {}

    def test_of_a_stack_that_comes_or_goes_is_all_of_it(self):
        assert changed(difference("s", None, bill(*served("a", 1))).total) == ("s", 1)
        assert changed(difference("s", bill(*served("a", 1)), None).total) == ("s", -1)

    def test_is_told_to_people(self):
        found = difference("fraud in dev", bill(*served("a", 3)), bill(*served("a", 1), BOARD))
        gone = difference("demand in dev", bill(*served("a", 1)), None)
        told = list(shown(Against("main", (found, gone), ())))
        assert told[0] == "fraud in dev: $280 a month becomes $93"
        assert told[1].split() == ["-$187", "a"]
        assert told[2].split()[:3] == ["?", "board:", "no"]
        assert told[3] == "demand in dev is gone: it cost $93 a month"
        assert told[5] == "Against main: -$280 a month, $93 in all"
        comment = markdown(Against("main", (found, gone), ()))
        assert comment.startswith("<!-- modelyard-cost -->\n### Price: -$280 a month, $93 in all\n")
        assert "| fraud in dev | `a` | $280 | $93 | -$187 |" in comment
        assert "| demand in dev | `a` (gone) | $93 | $0 | -$93 |" in comment
        assert "`board` (fraud in dev) isn't in it" in comment

    @pytest.mark.parametrize(
        ("amount", "says"),
        [((4, 12), "+$4 to +$12"), ((-3, -3), "-$3"), ((0, 0.25), "+$0.00 to +$0.25"), ((-1, 2), "-$1 to +$2")],
    )
    def test_has_a_sign(self, amount: tuple[float, float], says: str):
        assert added(amount) == says


def git(folder: Path, *arguments: str) -> None:
    said = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *said, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(tmp_path: Path) -> Project:
    """A project that is wholly committed on `main`."""
    root = copied(tmp_path)
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return Project(root)


def test_the_files_are_priced_against_a_commit_by_the_same_table(committed: Project, monkeypatch: pytest.MonkeyPatch):
    def more(file: Any) -> None:
        file["serving"]["likely"]["served_by"]["variants"]["main"]["instances"] = 3
        file["serving"]["likely"]["served_by"]["variants"]["main"].pop("scaling", None)
        file["environments"]["prod"].pop("serving", None)

    edit(committed.team_file("demand"), more)
    head = "service,item,region,usd,unit,kind,source,as_of,quality"
    row = f"sns,requests,{REGION},50,1m-requests,on-demand,our contract,2026-11,listed"
    (committed.root / "prices.csv").write_text(f"{head}\n{row}\n")
    monkeypatch.chdir(committed.root)
    said = CliRunner().invoke(app, ["cost", "demand", "--env", "dev", "--against", "main", "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    (one,) = found["stacks"]
    assert [change["name"] for change in one["components"]] == ["likely"], "notices cost what they cost, on both sides"
    assert one["by"]["high"] == pytest.approx(month(), rel=0.01), "three instances instead of at most two"
    assert found["total"]["by"] == one["by"]
    assert found["over_their_ceiling"] == []


def test_a_team_that_is_new_costs_all_of_its_price_more_and_a_ceiling_is_told(committed: Project):
    git(committed.root, "rm", "--quiet", "stacks/teams/demand.yaml")
    git(committed.root, "commit", "--quiet", "-m", "without demand")
    git(committed.root, "checkout", "--quiet", "HEAD~1", "--", "stacks/teams/demand.yaml")
    edit(committed.platform_file, lambda file: file.update(ceilings={"team": {"monthly_usd": 20}}))
    found = against(committed, "main", what="demand", environment="dev", today=TODAY)
    (one,) = found.stacks
    assert one.total.before is None and one.total.by[1] > 100
    assert [each.name for each in found.over] == ["demand in dev"]
    assert any(line.startswith("demand in dev is over its ceiling:") for line in shown(found))
    assert "**demand in dev is over its ceiling**" in markdown(found)


def test_a_team_whose_file_is_gone_is_compared_by_its_name(committed: Project):
    committed.team_file("demand").unlink()
    found = against(committed, "main", what="demand", environment="dev", today=TODAY)
    (one,) = found.stacks
    assert one.total.name == "demand in dev" and one.total.after is None and one.total.by[0] < 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--against", "nowhere"], "is no commit, branch or tag"),
        (["--against", "main", "--actual"], "compares with what AWS counted"),
        (["--against", "main", "--by", "team"], "isn't what a difference is shown by"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    committed: Project, monkeypatch: pytest.MonkeyPatch, asked: list[str], message: str
):
    monkeypatch.chdir(committed.root)
    said = CliRunner().invoke(app, ["cost", "platform", "--env", "dev", *asked])
    assert said.exception is not None and message in str(said.exception)
