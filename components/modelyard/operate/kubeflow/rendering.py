"""A team's pipeline, found among the workflows that its stack would make."""

from __future__ import annotations

from typing import Any, Final

from modelyard.assess.graph.model import Graph
from modelyard.build.pipelines.kubeflow import kubeflow_pipeline
from modelyard.core.errors import Fault, InputError, Source

_WORKFLOW: Final = "kubernetes:argoproj.io/v1alpha1:WorkflowTemplate"
_SUFFIX: Final = "-workflow"


def rendered(graph: Graph, pipeline: str) -> dict[str, Any]:
    """What Kubeflow's compiler is told of a pipeline, and the namespace that it belongs into.

    Raises `InputError` for a pipeline that the stack makes no workflow of, and for steps that Kubeflow can't run.
    """
    found = {node.name.removesuffix(_SUFFIX): node for node in graph.of_type(_WORKFLOW) if node.name.endswith(_SUFFIX)}
    if pipeline not in found:
        there = f"There are: {', '.join(sorted(found))}." if found else 'The team has none of "flavour: {kind: argo}".'
        raise InputError(Fault("is no pipeline on a cluster", there, Source("PIPELINE"), pipeline))
    node = found[pipeline]
    about = node.properties["metadata"]
    said = (about.get("annotations") or {}).get("workflows.argoproj.io/description", "")
    told = kubeflow_pipeline(about["name"], node.properties["spec"], description=said, source=node.source)
    return {**told, "namespace": about["namespace"]}
