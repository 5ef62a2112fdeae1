"""Compiles what `rendered` or `wrapped` tells, read from standard input; runs where kfp is, and alone.

Arguments: the form (`ir` or `objects`), and the file to write.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping
from typing import Any

import yaml
from kfp import compiler, dsl, kubernetes
from kfp.components import load_component_from_text


def main(form: str, output: str) -> None:
    """Compile the pipeline, and write it to `output`."""
    told: dict[str, Any] = json.load(sys.stdin)
    written = json.dumps(told, sort_keys=True).encode()
    objects = compiler.KubernetesManifestOptions(
        pipeline_name=told["name"],
        pipeline_version_name=f"{told['name']}-{hashlib.sha256(written).hexdigest()[:8]}",
        namespace=told["namespace"],
        include_pipeline_manifest=True,
    )
    compiler.Compiler().compile(
        load_component_from_text(yaml.safe_dump(told["compiled"])) if "compiled" in told else _pipeline(told),
        output,
        kubernetes_manifest_format=form == "objects",
        kubernetes_manifest_options=objects if form == "objects" else None,
    )


def _pipeline(told: Mapping[str, Any]) -> Any:
    def steps(*values: Any) -> None:
        given = dict(zip(told["parameters"], values, strict=True))
        made: dict[str, Any] = {}
        brought: dict[str, Any] = {}
        for name, task in told["tasks"].items():
            arguments = {key: _argument(value, given, made, brought) for key, value in task["arguments"].items()}
            component = load_component_from_text(yaml.safe_dump(task["component"]))
            made[name] = component(**arguments).after(*(made[each] for each in task["after"]))
            _place(made[name].set_display_name(name), task)

    parameters = [
        inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=value, annotation=str)
        for key, value in told["parameters"].items()
    ]
    steps.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    return dsl.pipeline(steps, name=told["name"], description=told["description"])


def _argument(
    value: Mapping[str, Any], given: Mapping[str, Any], made: Mapping[str, Any], brought: dict[str, Any]
) -> Any:
    """A parameter of the run, an output of a step before, or what lies at a URI: read anew, since it changes there."""
    if "parameter" in value:
        return given[value["parameter"]]
    if "output" in value:
        step, output = value["output"]
        return made[step].outputs[output]
    uri = value["uri"]
    if uri not in brought:
        importer = dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact, reimport=True)
        brought[uri] = importer.set_caching_options(False)
    return brought[uri].output


def _place(task: Any, told: Mapping[str, Any]) -> None:
    """Where a task runs, and what it gets; its result isn't kept for the next run, whose data may be others."""
    task.set_caching_options(False).set_retry(told["retries"])
    task.set_cpu_request(told["cpu"]).set_memory_request(told["memory"]).set_memory_limit(told["memory"])
    for device, count in told["accelerators"].items():
        task.set_accelerator_type(device).set_accelerator_limit(int(count))
    kubernetes.set_timeout(task, told["seconds"])
    kubernetes.set_security_context(task, **told["user"])
    for key, value in told["nodes"].items():
        kubernetes.add_node_selector(task, key, value)
    if told["affinity"]:
        kubernetes.add_node_affinity_json(task, told["affinity"])
    for toleration in told["tolerations"]:
        kubernetes.add_toleration(task, **toleration)
    for folder in told["folders"]:
        kubernetes.empty_dir_mount(task, **folder)
    for key, value in told["labels"].items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in told["annotations"].items():
        kubernetes.add_pod_annotation(task, key, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
