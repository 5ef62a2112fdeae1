"""Each mutilated stack breaks exactly the rules that it should, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mutilations import MUTILATIONS, TEAM, Mutilation
from tests.shipped import ROOT, copied

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.blueprints import Project
from modelyard.testing.rules import examined_in


@pytest.fixture(scope="module")
def platform() -> Graph:
    return record_platform(ROOT, "prod")


@pytest.mark.parametrize("mutilation", MUTILATIONS, ids=lambda each: each.name)
def test_a_mutilated_stack_breaks_exactly_the_rules_that_it_should(
    mutilation: Mutilation, platform: Graph, tmp_path: Path
):
    project = Project(copied(tmp_path))
    mutilation.apply(project)
    found = examined_in(project, record_team(project.root, TEAM, "prod", platform=platform), "prod")
    assert {result.rule.id for result in found.results} == mutilation.breaks, found.results
    assert {result.rule.id for result in found.stopping} == mutilation.breaks


def test_there_are_twelve():
    assert len({each.name for each in MUTILATIONS}) == len({each.breaks for each in MUTILATIONS}) == 12
