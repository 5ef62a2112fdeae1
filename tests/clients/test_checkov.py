"""Checkov over our rules' examples and over the shipped stacks: what it says, and what the page on it says of that."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.clients.environment import ROOT
from tests.shipped import copied

from modelyard.assess.bridges.checkov import PREFIX, checkov_results, install
from modelyard.assess.graph.model import STACK_TYPE, Graph, urn_parts
from modelyard.assess.policy.engine import Judgement, Result
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.profiles import stops
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.blueprints import Project
from modelyard.core.errors import EnvironmentFault, Source
from modelyard.engine.progress import Shown
from modelyard.operate.checkov import with_checkov
from modelyard.operate.recorded import Recorder

PAGE = ROOT / "docs" / "checkov.md"
NAMES = ("platform", "fraud", "demand")
_ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \|", re.MULTILINE)
_BAD, _GOOD = "--bad--", "--good--"


@pytest.fixture(scope="module", autouse=True)
def checkov(pytestconfig: pytest.Config) -> None:
    """Checkov's environment; where it can't be had its tests are skipped, and in CI fail."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled(), Shown() as shown:
            install(shown)
    except EnvironmentFault as error:
        if os.environ.get("CI"):
            pytest.fail(f"Checkov can't be had: {error}", pytrace=False)
        pytest.skip(f"Checkov can't be had: {error}")


def _named(value: Any, prefix: str) -> Any:
    """The value with what it points to called by its new name."""
    if isinstance(value, Of):
        return replace(value, name=prefix + value.name)
    if isinstance(value, Mapping):
        return {key: _named(inner, prefix) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner, prefix) for inner in value]
    return value


def _whole(each: Part) -> Mapping[str, Any]:
    """Its properties; an object of Kubernetes with what pulumi-kubernetes adds."""
    if not each.type.startswith("kubernetes:"):
        return each.properties
    _, version, kind = each.type.split(":")
    return {**each.properties, "apiVersion": version.removeprefix("core/"), "kind": kind}


def _of_all_rules() -> Graph:
    """The bad and the good example of every rule, each under names of its own."""
    parts = list[Part]()
    for rule in CATALOGUE:
        for kind, examples in ((_BAD, rule.bad), (_GOOD, rule.good)):
            prefix = f"{rule.id}{kind}"
            parts += [
                Part(each.type, prefix + each.name, _named(_whole(each), prefix), prefix + each.parent)
                for each in examples
                if each.type != STACK_TYPE
            ]
    return graph_of(parts)


@pytest.fixture(scope="module")
def said(checkov: None) -> dict[str, tuple[set[str], set[str]]]:
    """Which of Checkov's rules the bad and the good example of each rule break, by the rule's id."""
    found: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for result in checkov_results(_of_all_rules()):
        name, check = result.urn.rpartition("::")[2], result.rule.id.removeprefix(PREFIX)
        rule, kind, _ = re.split(f"({_BAD}|{_GOOD})", name, maxsplit=1)
        found[rule][kind == _GOOD].add(check)
    return found


def _table(heading: str) -> dict[str, str]:
    """The first two columns of the table below a heading of the page."""
    page = PAGE.read_text("utf-8")
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return dict(_ROW.findall(section))


def test_where_both_judge_the_page_names_the_rules_that_agree(said: dict[str, tuple[set[str], set[str]]]):
    agreeing = {rule: ", ".join(sorted(bad - good)) for rule, (bad, good) in said.items() if bad - good}
    assert _table("Where both agree") == agreeing


def test_what_checkov_holds_against_a_good_example_is_on_the_page(said: dict[str, tuple[set[str], set[str]]]):
    mapped = {
        control
        for rule in CATALOGUE
        for control in rule.maps
        if control.startswith("CKV_") and control in said[rule.id][1]
    }
    assert mapped <= set(_table("Where they differ")), "a rule that names a check as its own must agree, or say why not"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[Graph]]:
    """The shipped project, and its stacks in production."""
    project = Project(copied(tmp_path_factory.mktemp("project")))
    recorder = Recorder(project)
    return project, [recorder.graph(name, "prod") for name in NAMES]


@pytest.fixture(scope="module")
def judged(checkov: None, shipped: tuple[Project, list[Graph]]) -> dict[tuple[str, str], Judgement]:
    """What Checkov says of them, beside three questions that were asked of each before."""
    asked = {(name, "prod"): Judgement((), {"kms-rotation": 3}) for name in NAMES}
    return with_checkov(shipped[0], asked)


@pytest.fixture(scope="module")
def findings(judged: dict[tuple[str, str], Judgement]) -> list[Result]:
    """What Checkov says of all of them."""
    return [result for judgement in judged.values() for result in judgement.results]


def test_each_finding_in_the_shipped_stacks_is_on_the_page_with_the_reason_that_it_stays(findings: list[Result]):
    titles = {result.rule.id.removeprefix(PREFIX): result.rule.title for result in findings}
    assert len(titles) > 10
    assert _table("What it says of the shipped stacks") == titles


def test_a_finding_points_to_the_line_of_the_teams_file_and_stops_no_profile(
    findings: list[Result], shipped: tuple[Project, list[Graph]]
):
    project, graphs = shipped
    asked = {node.urn: node.source for graph in graphs for node in graph}
    files = {str(project.platform_file), *(str(project.team_file(team)) for team in project.teams())}
    for result in findings:
        assert result.source is not None and result.source == asked[result.urn]
        assert result.source.file in files
    assert not any(stops("regulated", result) for result in findings)
    first = findings[0]
    assert stops("sandbox", first, [first.rule.id]), "an environment may have it stop"


def test_every_finding_counts_as_one_question_of_its_own_stack(judged: dict[tuple[str, str], Judgement]):
    assert [name for name, _ in judged] == list(NAMES)
    for (name, environment), judgement in judged.items():
        assert judgement.total == judgement.decided == 3 + len(judgement.results)
        stacks = {urn_parts(result.urn)[0] for result in judgement.results}
        assert stacks == {environment if name == "platform" else f"{name}-{environment}"}


def test_checkov_sees_through_references_what_belongs_to_a_bucket():
    block = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    graph = graph_of(
        [
            part("aws:s3/bucket:Bucket", "open", bucket="ml-open"),
            part("aws:s3/bucket:Bucket", "closed", bucket="ml-closed"),
            part("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "block", bucket=Of("closed"), **block),
        ]
    )
    found = {result.urn.rpartition("::")[2] for result in checkov_results(graph) if "CKV2_AWS_6:" in result.problem}
    assert found == {"open"}


def test_objects_of_kubernetes_are_judged_too():
    container = {"name": "main", "image": "train:v1", "securityContext": {"privileged": True}}
    pod = part(
        "kubernetes:core/v1:Pod",
        apiVersion="v1",
        kind="Pod",
        metadata={"name": "train", "namespace": "fraud"},
        spec={"containers": [container]},
    )
    made = graph_of([pod])
    place = Source("stacks/teams/fraud.yaml", "training", 7)
    located = Graph(made.project, made.stack, tuple(replace(node, source=place) for node in made))
    found = {result.rule.id: result for result in checkov_results(located)}
    assert found["checkov:CKV_K8S_16"].problem.startswith("fails CKV_K8S_16: ")
    assert found["checkov:CKV_K8S_16"].source == place


def test_a_stack_of_nothing_that_checkov_knows_has_no_findings():
    assert checkov_results(graph_of([part("modelyard:data:DataLake", "lake")])) == []


def test_where_its_environment_cannot_be_made_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(EnvironmentFault, match="uv pip sync failed"):
        install()
