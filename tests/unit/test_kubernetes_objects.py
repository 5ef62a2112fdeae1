"""What every object of Kubernetes has, whichever component makes it."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from modelyard.assess.graph import Graph, record
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.kubernetes import custom, label_value

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)


class Queue(Component):
    CAPABILITY = "cluster"

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, None, **options)
        space = kubernetes.core.v1.Namespace(
            self.named("namespace"),
            metadata={"name": self.context.names.namespace, "labels": {"modelyard.dev/team": "another", "mine": "1"}},
            opts=self.options(),
        )
        custom(
            self,
            "queue",
            api_version="kueue.x-k8s.io/v1beta2",
            kind="LocalQueue",
            name=self.physical("kubernetes", "queue"),
            namespace=space.metadata.name,
            spec={"clusterQueue": "all"},
            after=[space],
        )
        self.register_outputs({})


@pytest.fixture(scope="module")
def graph() -> Graph:
    def program() -> None:
        cluster = kubernetes.Provider("cluster", kubeconfig="{}")
        Queue("queue", context=CONTEXT, opts=pulumi.ResourceOptions(providers=[cluster]))

    return record(program, project="teams", stack="dev")


def only(graph: Graph, kind: str) -> Any:
    (found,) = [node for node in graph.nodes if node.type == kind]
    return found


def test_an_object_says_who_made_it_and_for_whom_whatever_else_it_is_labelled(graph: Graph):
    assert only(graph, "kubernetes:core/v1:Namespace").properties["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "modelyard",
        "app.kubernetes.io/part-of": "ml",
        "app.kubernetes.io/component": "queue",
        "modelyard.dev/environment": "dev",
        "modelyard.dev/team": "fraud",
        "mine": "1",
    }


def test_an_object_of_any_kind_lies_in_its_namespace_and_comes_after_what_brings_its_kind(graph: Graph):
    queue = only(graph, "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue")
    assert queue.properties["metadata"]["namespace"] == "ml-dev-fraud"
    assert queue.properties["metadata"]["name"] == "ml-dev-fraud-queue-queue"
    assert queue.properties["spec"] == {"clusterQueue": "all"}
    assert any(urn.endswith("::queue-namespace") for urn in queue.dependencies)


@pytest.mark.parametrize(
    ("text", "value"), [("fraud", "fraud"), ("a b/c", "a-b-c"), ("x" * 70, "x" * 63), ("-_a_-", "a"), ("é", "")]
)
def test_a_labels_value_is_what_kubernetes_takes(text: str, value: str):
    assert label_value(text) == value
