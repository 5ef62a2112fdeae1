"""Ceilings: whose word holds, and what the rule says of a stack that would cost more."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied, edit

from modelyard.assess.policy.around import surroundings
from modelyard.assess.policy.engine import Result, Verdict, judge
from modelyard.assess.policy.examples import Part, graph_of, part
from modelyard.assess.policy.rules.ceilings import RULES
from modelyard.assess.policy.subject import Surroundings
from modelyard.blueprints import Project
from modelyard.blueprints.ceilings import Ceiling
from modelyard.core.errors import Source, SpecError
from modelyard.operate.checking import checked

TODAY = date(2026, 11, 22)
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
UNPRICED = part("aws:quicksight/dashboard:Dashboard", "board")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(copied(tmp_path_factory.mktemp("project")))


def served(name: str, count: int) -> Part:
    variant = {"variantName": "main", "instanceType": "ml.m5.large", "initialInstanceCount": count}
    return part(CONFIGURATION, name, productionVariants=[variant])


def said(*parts: Part, ceiling: float | None = 500) -> list[Result]:
    holds = None if ceiling is None else Ceiling(ceiling, Source("platform.yaml", "team_budget.monthly_usd", 42))
    return list(judge(graph_of(parts), RULES, Surroundings(region="eu-west-1", ceiling=holds)).results)


class TestTheRule:
    def test_a_stack_over_its_ceiling_is_refused_with_its_three_dearest_components(self):
        (found,) = said(*(served(name, count) for name, count in (("a", 1), ("b", 4), ("c", 2), ("d", 3))))
        assert found.verdict is Verdict.VIOLATED
        assert found.problem == (
            "costs 934 to 934 dollars a month, over its ceiling of 500 (platform.yaml:42: team_budget.monthly_usd); "
            "the dearest: b 374, d 280, c 187"
        )
        assert said(served("a", 5)) == []

    def test_the_high_end_counts(self):
        target = part(
            "aws:appautoscaling/target:Target", "t", resourceId="endpoint/e/variant/main", minCapacity=1, maxCapacity=9
        )
        (found,) = said(served("a", 1), target)
        assert "costs 93 to 841 dollars" in found.problem

    def test_what_has_no_price_leaves_it_open_unless_the_rest_is_over_already(self):
        (open_,) = said(served("a", 1), UNPRICED)
        assert open_.verdict is Verdict.UNDECIDED and "the price of aws:quicksight/dashboard:Dashboard" in open_.problem
        (over,) = said(served("a", 6), UNPRICED)
        assert over.verdict is Verdict.VIOLATED

    def test_without_a_ceiling_nothing_is_asked(self):
        assert said(served("a", 99), UNPRICED, ceiling=None) == []


class TestWhoseWordHolds:
    def ceiling(self, project: Project, name: str, environment: str = "dev") -> Ceiling | None:
        spec = project.platform(environment)
        return surroundings(project, spec, name, environment, today=TODAY).ceiling

    def usd(self, project: Project, name: str) -> float | None:
        found = self.ceiling(project, name)
        return found.usd if found else None

    def test_a_budget_is_a_ceiling_where_nothing_else_is_said(self, shipped: Project):
        found = self.ceiling(shipped, "demand")
        assert found is not None and found.usd == 500
        assert str(found.source).endswith("team_budget.monthly_usd")
        assert self.usd(shipped, "fraud") == 2000, "of its own budget"
        assert self.usd(shipped, "platform") == 6000

    def test_the_lowest_holds_and_a_team_may_be_named(self, project: Project):
        def change(file: Any) -> None:
            file["ceilings"] = {
                "platform": {"monthly_usd": 900},
                "team": {"monthly_usd": 400},
                "teams": {"fraud": {"monthly_usd": 1500}},
            }
            file["environments"]["prod"]["ceilings"] = {"team": {"monthly_usd": 450}}

        edit(project.platform_file, change)
        assert [self.usd(project, name) for name in ("platform", "demand", "fraud")] == [900, 400, 1500]
        found = self.ceiling(project, "demand", "prod")
        assert found is not None and found.usd == 450

    def test_without_a_budget_and_a_ceiling_there_is_none(self, project: Project):
        def change(file: Any) -> None:
            del file["budget"], file["team_budget"]

        edit(project.platform_file, change)
        assert self.ceiling(project, "demand") is None
        assert self.ceiling(project, "platform") is None

    def test_a_team_may_only_say_less(self, project: Project):
        def change(usd: int) -> Any:
            return lambda file: file.update({"ceiling": {"monthly_usd": usd}})

        edit(project.team_file("demand"), change(300))
        assert self.usd(project, "demand") == 300
        edit(project.team_file("demand"), change(600))
        with pytest.raises(SpecError, match=r"demand\.yaml:.*ceiling\.monthly_usd: got 600.*is more than the 500 of "):
            self.ceiling(project, "demand")

    def test_names_that_are_none_are_told_all_at_once(self, project: Project):
        def change(file: Any) -> None:
            file["ceilings"] = {"teams": {"frauds": {"monthly_usd": 1}}}
            file["discounts"] = {"sagemakr": 0.1}

        edit(project.platform_file, change)
        with pytest.raises(SpecError) as refusal:
            self.ceiling(project, "demand")
        one, other = map(str, refusal.value.faults)
        assert "platform.yaml" in one and "is no team of the project; there are: demand, fraud" in one
        assert "is no service of the price table" in other


def test_yard_check_stops_a_change_that_costs_too_much(project: Project, tmp_path: Path):
    def change(file: Any) -> None:
        file["ceilings"] = {"team": {"monthly_usd": 50}}

    edit(project.platform_file, change)
    (one,) = checked(project, what="demand", environment="dev", today=TODAY).stacks
    (stopping,) = [each for each in one.stopping if each.rule.id == "stack-cost-ceiling"]
    assert "likely" in stopping.problem and "over its ceiling of 50" in stopping.problem
    assert stopping.source is not None and stopping.source.file.endswith("platform/platform.yaml")
    assert project.platform_file.read_text().splitlines()[stopping.source.line - 1].endswith("monthly_usd: 50")


def test_prices_that_are_too_old_leave_it_open(shipped: Project):
    around = surroundings(shipped, shipped.platform("dev"), "demand", "dev", today=date(2028, 1, 1))
    (found,) = judge(graph_of([served("a", 1)]), RULES, around).results
    assert found.verdict is Verdict.UNDECIDED
