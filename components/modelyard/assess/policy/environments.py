"""Environments of programs, wherever a stack writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.documents import read
from modelyard.assess.policy.jobs import WRITING, Kind, jobs
from modelyard.assess.policy.pods import PODS, STEPS, TRAIN_JOB
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import BATCH_JOB, BUILD, CONFIG_MAP, CONTAINERS, FUNCTION, GLUE_JOB, MODEL

Found: TypeAlias = "tuple[str, Any, str]"
"""A variable's name, its value, and the property that says so."""


def variables(subject: Subject) -> Iterator[Found]:
    """The variables that `subject` sets. Raises `Undecided` where nobody knows which."""
    return _READERS[subject.node.type](subject)


def _of_function(function: Subject) -> Iterator[Found]:
    yield from _mapping(function.as_written("environment.variables", {}), "environment.variables")


def _of_glue(job: Subject) -> Iterator[Found]:
    for path in ("defaultArguments", "nonOverridableArguments"):
        yield from _mapping(job.as_written(path, {}), path)


def _of_model(model: Subject) -> Iterator[Found]:
    places = ["primaryContainer", *(f"containers[{index}]" for index in range(len(model.get("containers", []))))]
    for place in places:
        yield from _mapping(model.as_written(f"{place}.environment", {}), f"{place}.environment")


def _of_build(build: Subject) -> Iterator[Found]:
    for index in range(len(build.get("environment.environmentVariables", []))):
        place = f"environment.environmentVariables[{index}]"
        if build.get(f"{place}.type", "PLAINTEXT") == "PLAINTEXT":
            yield from _mapping({build.get(f"{place}.name"): build.as_written(f"{place}.value", "")}, place)


def _of_containers(task: Subject) -> Iterator[Found]:
    yield from _parsed(task, "containerDefinitions", lambda containers: containers)


def _of_batch(job: Subject) -> Iterator[Found]:
    yield from _parsed(job, "containerProperties", lambda container: [container])
    yield from _parsed(job, "nodeProperties", _of_nodes)
    yield from _parsed(job, "ecsProperties", _of_tasks)


def _of_nodes(said: Mapping[str, Any]) -> Iterator[Any]:
    return (node.get("container", {}) for node in said.get("nodeRangeProperties", ()))


def _of_tasks(said: Mapping[str, Any]) -> Iterator[Any]:
    return (container for task in said.get("taskProperties", ()) for container in task.get("containers", ()))


def _of_jobs(subject: Subject) -> Iterator[Found]:
    for job in jobs(subject, *Kind):
        if job.says("Environment"):
            yield from _mapping(job.given("Environment"), job.at("Environment"))


def _of_config(config: Subject) -> Iterator[Found]:
    yield from _mapping(config.as_written("data", {}), "data")


def _of_object(subject: Subject) -> Iterator[Found]:
    yield from _below(subject.as_written("spec"), "spec")


def _below(value: Any, path: str) -> Iterator[Found]:
    """The variables of all containers below a value: what stands in each list that is called `env`."""
    inner = value.value if isinstance(value, Secret) else value
    if isinstance(inner, Mapping):
        for key, below in cast(Mapping[str, Any], inner).items():
            found = _each(below, f"{path}.{key}") if key == "env" else _below(below, f"{path}.{key}")
            yield from found
    elif isinstance(inner, list):
        for index, below in enumerate(cast(list[Any], inner)):
            yield from _below(below, f"{path}[{index}]")


def _each(listed: Any, path: str) -> Iterator[Found]:
    if listed is UNKNOWN or isinstance(listed, Secret):
        yield path, listed, path
        return
    for index, each in enumerate(cast(list[Any], listed or [])):
        if each is UNKNOWN or isinstance(each, Secret):
            yield path, each, f"{path}[{index}]"
        elif each.get("value") is not None:
            yield str(each.get("name", path)), each["value"], f"{path}[{index}].value"


_READERS: Final[Mapping[str, Callable[[Subject], Iterator[Found]]]] = {
    BATCH_JOB: _of_batch,
    BUILD: _of_build,
    CONFIG_MAP: _of_config,
    CONTAINERS: _of_containers,
    FUNCTION: _of_function,
    GLUE_JOB: _of_glue,
    MODEL: _of_model,
    **dict.fromkeys(WRITING, _of_jobs),
    **dict.fromkeys((*PODS, *STEPS, TRAIN_JOB), _of_object),
}
READ: Final = tuple(_READERS)
"""The types whose environments are read."""


def _mapping(values: Any, path: str) -> Iterator[Found]:
    """What a run tells, as `NAME.$` says, isn't written here."""
    if isinstance(values, Secret):
        yield path, values, path
    elif isinstance(values, Mapping):
        for name, value in cast(Mapping[str, Any], values).items():
            if not name.endswith(".$"):
                yield name, value, f"{path}.{name}"


def _parsed(subject: Subject, path: str, containers: Callable[[Any], Iterable[Any]]) -> Iterator[Found]:
    """The variables of the containers that the JSON at `path` holds."""
    text = subject.as_written(path)
    if isinstance(text, Secret):
        yield path, text, path
        return
    for container in containers(read(subject, path)) if text else ():
        for each in container.get("environment", container.get("Environment", ())):
            name, value = each.get("name", each.get("Name", "")), each.get("value", each.get("Value", ""))
            yield name, value, f"{path}.{name}"
