"""SageMaker's models and endpoints as rules ask about them, whichever resource makes them.

pulumi-aws has types of its own for them, Cloud Control has CloudFormation's, and an endpoint may stand in a template.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from modelyard.assess.graph.model import Node
from modelyard.assess.graph.values import reveal
from modelyard.assess.policy.documents import read
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    ENDPOINT,
    ENDPOINT_BY_CONTROL,
    ENDPOINT_CONFIGURATION,
    ENDPOINT_CONFIGURATION_BY_CONTROL,
    MODEL,
    MODEL_BY_CONTROL,
    TEMPLATE,
)

MODELS: Final = (MODEL, MODEL_BY_CONTROL)
CONFIGURATIONS: Final = (ENDPOINT_CONFIGURATION, ENDPOINT_CONFIGURATION_BY_CONTROL)
ENDPOINTS: Final = (ENDPOINT, ENDPOINT_BY_CONTROL, TEMPLATE)
"""The types that may make an endpoint; of a template, `endpoints` tells whether it does."""

_CALLED: Final[Mapping[str, str]] = {"kmsKeyArn": "KmsKeyId"}
"""Properties that pulumi-aws calls by another name than CloudFormation does."""


def asked(subject: Subject, path: str) -> str:
    """The path that a resource has for pulumi-aws's `path`."""
    return cloudformation(path) if subject.node.kind.startswith("AWS::") else path


def cloudformation(path: str) -> str:
    """pulumi-aws's `path` as CloudFormation and SageMaker's API have it."""
    return ".".join(_CALLED.get(step, step[:1].upper() + step[1:]) for step in path.split("."))


def told(subject: Subject, path: str, default: Any = None) -> Any:
    """The property at pulumi-aws's `path`, of whichever type. Raises `Undecided`."""
    return reveal(subject.get(asked(subject, path), default))


def says(subject: Subject, path: str) -> bool:
    """Whether something stands at pulumi-aws's `path`. Raises `Undecided`."""
    return subject.says(asked(subject, path))


def containers(model: Subject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A model's containers, each with its path; what is in them may be unknown."""
    if (first := told(model, "primaryContainer")) is not None:
        yield asked(model, "primaryContainer"), first
    for index in range(len(told(model, "containers", []))):
        path = asked(model, f"containers[{index}]")
        yield path, reveal(model.get(path, {}))


def part_of(container: Mapping[str, Any], key: str) -> Any:
    """A container's `key`, as either provider writes it; it may be unknown."""
    return container.get(key, container.get(key[:1].upper() + key[1:]))


def endpoints(subject: Subject) -> Iterator[Subject]:
    """The endpoints that a resource makes: itself, or those in its template. Raises `Undecided`."""
    if subject.node.type != TEMPLATE:
        yield subject
        return
    text = reveal(subject.get("templateBody", ""))
    if ENDPOINT_BY_CONTROL not in text:
        return
    resources = read(subject, "templateBody").get("Resources", {})
    from_ = subject.node.property_dependencies.get("templateBody", ())
    for made in resources.values():
        if made.get("Type") == ENDPOINT_BY_CONTROL:
            node = replace(
                subject.node,
                type=ENDPOINT_BY_CONTROL,
                properties=made.get("Properties", {}),
                property_dependencies={"EndpointConfigName": from_},
                outputs={},
            )
            yield Subject(subject.stack, node)


def endpoint_name(endpoint: Subject) -> str:
    """The endpoint's physical name, empty where only AWS will choose it. Raises `Undecided`."""
    if endpoint.node.type == TEMPLATE:
        raise Undecided("templateBody")
    own = endpoint.get("name" if endpoint.node.type == ENDPOINT else "EndpointName")
    return _text(own) or _text(endpoint.node.outputs.get("name"))


def configuration_of(endpoint: Subject) -> Subject | None:
    """The configuration that an endpoint names; None where the stack hasn't got it."""
    stack = endpoint.stack
    by_urn = stack.graph.by_urn
    from_ = [by_urn[urn] for urns in endpoint.node.property_dependencies.values() for urn in urns if urn in by_urn]
    known = [node for node in from_ if node.kind in CONFIGURATIONS]
    if len(known) == 1:
        return Subject(stack, known[0])
    node = stack.once(_configurations).get(told(endpoint, "endpointConfigName"))
    return Subject(stack, node) if node else None


def endpoints_of(configuration: Subject) -> list[Subject]:
    """The endpoints that a configuration serves."""
    return configuration.stack.once(_served).get(configuration.node.urn, [])


def variants(configuration: Subject) -> Iterator[str]:
    """The paths of a configuration's production variants. Raises `Undecided`."""
    for index in range(len(told(configuration, "productionVariants", []))):
        yield f"productionVariants[{index}]"


def machines(configuration: Subject) -> list[str]:
    """The paths of the variants that run on instances; serverless ones have none. Raises `Undecided`."""
    return [path for path in variants(configuration) if not says(configuration, f"{path}.serverlessConfig")]


def asynchronous(configuration: Subject) -> bool:
    """Whether calls wait in a queue, and answers are put into a bucket."""
    return says(configuration, "asyncInferenceConfig")


def _configurations(stack: Stack) -> Mapping[str, Node]:
    found: dict[str, Node] = {}
    for node in stack.graph.of_type(*CONFIGURATIONS):
        desired = node.desired
        said = [desired.get(key) for key in ("name", "EndpointConfigName")] if isinstance(desired, Mapping) else []
        names = (node.outputs.get("name"), *said)
        found.update({name: node for name in names if isinstance(name, str)})
    return found


def _served(stack: Stack) -> Mapping[str, list[Subject]]:
    found: defaultdict[str, list[Subject]] = defaultdict(list)
    for subject in stack.subjects(*ENDPOINTS):
        try:
            for endpoint in endpoints(subject):
                configuration = configuration_of(endpoint)
                if configuration:
                    found[configuration.node.urn].append(endpoint)
        except Undecided:
            for urns in subject.node.property_dependencies.values():
                for urn in urns:
                    found[urn].append(subject)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
