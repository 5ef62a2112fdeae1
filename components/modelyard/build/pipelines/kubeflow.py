"""A pipeline on a cluster, told to the compiler of Kubeflow Pipelines: from the Argo workflow that it runs as here.

Sources: kubeflow.org/docs/components/pipelines (components, data handling, platform-specific features).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelyard.build.pipelines.argo import ARCHIVE, GATES
from modelyard.core.errors import Fault, InputError, Source

_PREPARE: Final = """\
set -e
while [ "$1" != -- ]; do
  case "$1" in
    take) mkdir -p "$(dirname "$2")"; ln -sfn "$3" "$2" ;;
    folder) mkdir -p "$(dirname "$2")" "$3"; ln -sfn "$3" "$2" ;;
    file) mkdir -p "$(dirname "$2")" "$(dirname "$3")"; ln -sfn "$3" "$2" ;;
    set) export "$2=$3" ;;
  esac
  shift 3
done
shift
exec "$@"
"""
"""Puts what Kubeflow brought and takes away where a step's program looks for it, then becomes that program."""
_RUN: Final = "{{workflow.name}}"
_RUN_OF_KUBEFLOW: Final = "{{$.pipeline_job_name}}"
_PARAMETER: Final = re.compile(r"\{\{workflow\.parameters\.(\w+)\}\}")
_PLAIN: Final = ("cpu", "memory")
_ARGO: Final = "Leave it to Argo, which gives each step its own, or give Kubeflow a pipeline that ends before it."


def kubeflow_pipeline(
    name: str, workflow: Mapping[str, Any], *, description: str = "", source: Source | None = None
) -> dict[str, Any]:
    """What the compiler is told of a workflow's spec: plain values, which a process of its own reads as JSON.

    Raises `InputError` with each step that Kubeflow would run otherwise than Argo does; `source`: where the pipeline
    is written.
    """
    templates = {each["name"]: each for each in workflow["templates"]}
    tasks = templates[workflow["entrypoint"]]["dag"]["tasks"]
    steps = {each["name"]: templates[each["template"]] for each in tasks}
    written = {step: made for step, made in steps.items() if not step.startswith(GATES)}
    faults = [fault for step, made in written.items() for fault in _unfit(step, made, workflow, source)]
    if faults:
        raise InputError(*faults)
    makers = {_uri(left): (step, left["name"]) for step, made in steps.items() for left in _artifacts(made, "outputs")}
    labels = workflow["podMetadata"]["labels"]
    return {
        "name": name,
        "description": description,
        "parameters": {each["name"]: each["value"] for each in workflow["arguments"]["parameters"]},
        "tasks": {
            each["name"]: _task(each["name"], steps[each["name"]], makers, labels, each.get("dependencies") or ())
            for each in _in_order(tasks)
        },
    }


def _unfit(step: str, made: Mapping[str, Any], workflow: Mapping[str, Any], source: Source | None) -> Iterator[Fault]:
    account, common = made["serviceAccountName"], workflow["serviceAccountName"]
    where = source.at(f"{source.path}.steps.{step}" if source.path else f"steps.{step}") if source else None
    if account != common:
        problem = (
            f"{step} runs as an account that no program of the team's has, and Kubeflow runs all steps as {common}"
        )
        yield Fault(problem, _ARGO, where, account)
    for left in _artifacts(made, "outputs"):
        if _RUN not in left["s3"]["key"]:
            problem = f"{step} fills a dataset with {left['name']}, and Kubeflow keeps outputs below its own root"
            yield Fault(problem, 'Remove "dataset" from the output, and fill it afterwards.', where, _uri(left))
    accelerators = _accelerators(made)
    if len(accelerators) > 1:
        problem = f"{step} asks for {' and '.join(accelerators)}, and a task of Kubeflow's has one kind of device"
        yield Fault(problem, 'Leave "efa" out of the pool: a step is one pod.', where)


def _in_order(tasks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The tasks, each after those that it waits for."""
    waiting, done = list(tasks), set[str]()
    while waiting:
        for each in [each for each in waiting if done.issuperset(each.get("dependencies") or ())]:
            waiting.remove(each)
            done.add(each["name"])
            yield each


def _task(
    name: str,
    made: Mapping[str, Any],
    makers: Mapping[str, tuple[str, str]],
    labels: Mapping[str, str],
    after: Sequence[str],
) -> dict[str, Any]:
    container, pod = made["container"], made["securityContext"]
    words: list[Any] = []
    given: dict[str, Any] = {}
    for taken in _artifacts(made, "inputs"):
        key, uri = f"input_{_snake(taken['name'])}", _uri(taken)
        given[key] = {"output": [makers[uri][0], _snake(makers[uri][1])]} if uri in makers else {"uri": uri}
        words += ["take", taken["path"], {"inputPath": key}]
    for left in _artifacts(made, "outputs"):
        kind = "file" if left["path"].endswith(ARCHIVE) else "folder"
        words += [kind, left["path"], {"outputPath": _snake(left["name"])}]
    fixed: dict[str, str] = {}
    for each in container["env"]:
        parameter = _PARAMETER.fullmatch(each["value"])
        if each["value"] == _RUN:
            words += ["set", each["name"], _RUN_OF_KUBEFLOW]
        elif parameter is not None:
            key = f"parameter_{parameter[1]}"
            given[key] = {"parameter": parameter[1]}
            words += ["set", each["name"], {"inputValue": key}]
        else:
            fixed[each["name"]] = each["value"]
    resources, accelerators = container["resources"], _accelerators(made)
    retries = made.get("retryStrategy")
    return {
        "component": {
            "name": name,
            "inputs": [{"name": key, "type": _type(value)} for key, value in given.items()],
            "outputs": [{"name": _snake(left["name"]), "type": _kind(left)} for left in _artifacts(made, "outputs")],
            "implementation": {
                "container": {
                    "image": container["image"],
                    "command": ["/bin/sh", "-c", _PREPARE, "sh"],
                    "args": [*words, "--", *container["command"], *(container.get("args") or ())],
                    "env": fixed,
                }
            },
        },
        "arguments": given,
        "after": list(after),
        "seconds": made["activeDeadlineSeconds"],
        "retries": retries["limit"] if retries else 0,
        "cpu": resources["requests"]["cpu"],
        "memory": resources["limits"]["memory"],
        "accelerators": accelerators,
        "nodes": made.get("nodeSelector") or {},
        "affinity": (made.get("affinity") or {}).get("nodeAffinity"),
        "tolerations": made.get("tolerations") or [],
        "folders": _folders(made),
        "labels": {**labels, **made["metadata"]["labels"]},
        "annotations": made["metadata"]["annotations"],
        "user": {"run_as_user": pod["runAsUser"], "run_as_group": pod["runAsGroup"], "run_as_non_root": True},
    }


def _artifacts(made: Mapping[str, Any], way: str) -> list[Mapping[str, Any]]:
    return (made.get(way) or {}).get("artifacts") or []


def _uri(artifact: Mapping[str, Any]) -> str:
    return f"s3://{artifact['s3']['bucket']}/{artifact['s3']['key']}"


def _accelerators(made: Mapping[str, Any]) -> dict[str, str]:
    limits: Mapping[str, str] = made["container"]["resources"]["limits"]
    return {key: value for key, value in limits.items() if key not in _PLAIN}


def _folders(made: Mapping[str, Any]) -> list[dict[str, str]]:
    """The pod's empty folders, as they are mounted."""
    paths = {each["name"]: each["mountPath"] for each in made["container"]["volumeMounts"]}
    return [
        {
            "volume_name": each["name"],
            "mount_path": paths[each["name"]],
            "size_limit": each["emptyDir"]["sizeLimit"],
            **({"medium": each["emptyDir"]["medium"]} if "medium" in each["emptyDir"] else {}),
        }
        for each in made["volumes"]
    ]


def _type(value: Mapping[str, Any]) -> str:
    return "String" if "parameter" in value else "Artifact"


def _kind(left: Mapping[str, Any]) -> str:
    return "Model" if left["path"].endswith(ARCHIVE) else "Artifact"


def _snake(name: str) -> str:
    return name.replace("-", "_")
