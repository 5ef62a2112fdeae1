"""What Kubeflow's compiler is told: a team's pipeline, or what another compiler made already."""

from __future__ import annotations

import json
from pathlib import Path
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


def wrapped(file: Path, namespace: str) -> dict[str, Any]:
    """What Kubeflow's compiler is told of a pipeline that TFX's runner for Kubeflow compiled (JSON).

    Raises `InputError` for a file that isn't one.
    """
    try:
        written: Any = json.loads(file.read_text(encoding="utf-8"))
        spec: Any = written["pipelineSpec"]
        name: str = spec["pipelineInfo"]["name"]
    except OSError as error:
        raise InputError(
            Fault(f"can't be read: {error.strerror}", "Name another.", Source("FILE"), str(file))
        ) from None
    except (ValueError, KeyError, TypeError):
        problem = "is no pipeline that a runner for Kubeflow Pipelines wrote"
        raise InputError(Fault(problem, "Let TFX's KubeflowV2DagRunner write it.", Source("FILE"), str(file))) from None
    return {"name": name, "namespace": namespace, "compiled": spec}
