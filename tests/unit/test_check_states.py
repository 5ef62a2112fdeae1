"""`yard check --state`: the rules asked of a file that Pulumi wrote, with the verdicts of the files' own stacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import ROOT, copied
from typer.testing import CliRunner

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.stacks import record_team
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core import wire
from modelyard.core.errors import InputError
from modelyard.operate.checking_states import checked_state
from modelyard.testing.rules import examined_in
from modelyard_sandbox.emulator import Sandbox


@pytest.fixture(scope="module")
def recorded() -> Graph:
    return record_team(ROOT, "demand", "prod")


def state(graph: Graph, version: int = 3) -> str:
    """The graph as `pulumi stack export` writes it."""
    return json.dumps({"version": version, "deployment": {"resources": [_resource(node) for node in graph]}})


def _resource(node: Node) -> dict[str, Any]:
    return {
        "urn": node.urn,
        "custom": node.custom,
        "type": node.type,
        "parent": node.parent or "",
        "inputs": _written(dict(node.properties)),
        "outputs": _written(dict(node.outputs)),
        "id": str(node.outputs.get("id", "")),
        "dependencies": list(node.dependencies),
        "propertyDependencies": {key: list(urns) for key, urns in node.property_dependencies.items()},
        "provider": f"{node.provider}::id" if node.provider else "",
        "external": node.external,
        **dict(node.options),
    }


def _written(value: Any) -> Any:
    if isinstance(value, Secret):
        return {wire.SIGNATURE: wire.SECRET, "plaintext": json.dumps(_written(value.value))}
    if value is UNKNOWN:
        return wire.UNKNOWN
    if isinstance(value, dict):
        return {key: _written(inner) for key, inner in value.items()}
    return [_written(inner) for inner in value] if isinstance(value, list) else value


def test_a_state_gets_the_verdicts_of_the_graph_that_it_came_from(recorded: Graph, tmp_path: Path):
    graph = _without(recorded, "features-workgroup", "aws:s3/bucketServerSideEncryption")
    file = tmp_path / "state.json"
    file.write_text(state(graph))
    (one,) = checked_state(Project(ROOT), file).stacks
    same = examined_in(Project(ROOT), graph, "prod")
    assert (one.stack, one.environment, one.profile) == ("demand", "prod", "regulated")
    assert len(one.results) > 3
    assert _said(one.results) == _said(same.results)
    assert one.judgement.asked == same.judgement.asked


def _without(graph: Graph, *what: str) -> Graph:
    kept = [node for node in graph if not node.name.startswith(what) and not node.type.startswith(what)]
    return Graph(graph.project, graph.stack, tuple(kept))


def _said(results: Any) -> set[tuple[str, ...]]:
    return {(each.rule.id, str(each.verdict), each.urn, each.problem, each.path) for each in results}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"version": 4, "deployment": {}}', "got 4; a state of version 3 is read here"),
        ('{"version": 3}', "this is not the output of pulumi stack export"),
        ("[]", "this is not the output of pulumi stack export"),
        ('{"version": 3, "deployment": {"resources": []}}', "speaks of no stack, which isn't one of this project"),
    ],
)
def test_another_file_is_refused_with_what_it_isnt(text: str, said: str, tmp_path: Path):
    file = tmp_path / "state.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        checked_state(Project(ROOT), file)


@pytest.mark.parametrize(
    "options",
    [
        ["--state", "s.json", "--deployed"],
        ["--state", "s.json", "--watch"],
        ["--deployed", "--fresh"],
        ["fraud", "--all"],
        ["--state", "nothing.json"],
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert isinstance(CliRunner().invoke(app, ["check", *options]).exception, InputError)


def test_a_place_that_nothing_can_be_written_to_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    said = CliRunner().invoke(app, ["check", "--state", "s.json", "--output", "nowhere/said.json"]).exception
    assert isinstance(said, InputError)
    assert "--output: got 'nowhere/said.json'; lies in a folder that isn't there" in str(said)


def test_where_nothing_is_deployed_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(copied(tmp_path))
    said = CliRunner().invoke(app, ["check", "--deployed", "--sandbox"])
    Sandbox(Path.cwd()).stop()
    assert isinstance(said.exception, InputError)
    assert "--deployed: there is nothing deployed in local. Deploy first: yard up platform" in str(said.exception)
    assert said.stdout == ""
