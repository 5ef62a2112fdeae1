"""The policy pack: what Pulumi shows it becomes the graph that `yard check` asks, and gets the same verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi_policy
import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from pulumi_policy.secret import Secret as TheirSecret
from tests.shipped import ROOT

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.stacks import record_team
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.pack import graph_of, pack
from modelyard.assess.policy.pack import shown as examined
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.blueprints import Project
from modelyard.blueprints.ceilings import Ceiling
from modelyard.core.errors import InputError, Source


def theirs(value: Any) -> Any:
    """A value of a graph as Pulumi's library hands it to a policy."""
    if value is UNKNOWN:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Secret):
        return TheirSecret(theirs(value.value))
    if isinstance(value, dict):
        return {key: theirs(inner) for key, inner in value.items()}
    return [theirs(inner) for inner in value] if isinstance(value, list) else value


def shown(graph: Graph) -> list[Any]:
    """The resources of a stack as Pulumi shows them to a policy of the whole stack."""
    made = {node.urn: _resource(node) for node in graph}
    for node in graph:
        resource = made[node.urn]
        resource.parent = made.get(node.parent or "")
        resource.dependencies += [made[urn] for urn in node.dependencies if urn in made]
        resource.property_dependencies |= {
            name: [made[urn] for urn in urns if urn in made] for name, urns in node.property_dependencies.items()
        }
    return list(made.values())


def _resource(node: Node) -> Any:
    options = pulumi_policy.PolicyResourceOptions(
        bool(node.options.get("protect")), [], None, [], pulumi_policy.PolicyCustomTimeouts(0, 0, 0), []
    )
    provider = pulumi_policy.PolicyProviderResource("pulumi:providers:aws", {}, "u", "default") if node.custom else None
    values = unknown_checking_proxy(theirs({**node.outputs, **node.properties}))
    return pulumi_policy.PolicyResource(node.type, values, node.urn, node.name, options, provider, None, [], {})


@pytest.fixture(scope="module")
def recorded() -> Graph:
    return record_team(ROOT, "fraud", "prod")


def verdicts(graph: Graph) -> set[tuple[str, str, str]]:
    ceiling = Ceiling(100, Source("platform.yaml"))
    around = Surroundings(environment="prod", production=True, region="eu-west-1", team="fraud", ceiling=ceiling)
    judged = judge(graph, CATALOGUE, around)
    return {(each.rule.id, each.urn, str(each.verdict)) for each in judged.results}


def test_what_pulumi_shows_gets_the_verdicts_of_the_recorded_graph(recorded: Graph):
    found = verdicts(graph_of(shown(recorded)))
    assert found == verdicts(recorded)
    assert "stack-cost-ceiling" in {rule for rule, _, verdict in found if verdict == "violated"}


def test_an_unknown_value_stays_one_and_so_does_a_secret():
    properties = {"name": UNKNOWN, "rules": [{"days": UNKNOWN}, 3], "password": Secret("hush")}
    node = Node("urn:pulumi:fraud-prod::p::aws:kms/key:Key::key", "aws:kms/key:Key", "key", properties=properties)
    (back,) = graph_of(shown(Graph("p", "fraud-prod", (node,))))
    assert back.properties == properties


def test_the_stack_says_which_environment_and_team_it_is(recorded: Graph):
    found = examined(Project(ROOT), shown(recorded))
    assert found is not None
    assert (found.stack, found.environment, found.profile) == ("fraud", "prod", "regulated")
    assert examined(Project(ROOT), []) is None


def test_a_pack_outside_of_a_project_says_so(tmp_path: Path):
    with pytest.raises(InputError, match="is no Modelyard project"):
        pack(tmp_path)
