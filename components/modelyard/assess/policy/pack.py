"""The rules as a Pulumi policy pack: what `pulumi preview --policy-pack platform/policy` and `pulumi up` ask.

Two policies, since a policy has one level: what stops the change is mandatory, the rest advisory. With one for each
rule Pulumi would read the whole stack anew for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from pulumi_policy.secret import Secret as TheirSecret

from modelyard.assess.graph.model import Graph, Node, urn_parts
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.around import PLATFORM, examined
from modelyard.assess.policy.examine import Examined
from modelyard.blueprints.project import PLATFORM_PROJECT, Project
from modelyard.core.garbage import look_seldom

NAME: Final = "modelyard"


def pack(folder: Path) -> PolicyPack:
    """The pack of the project that `folder` lies in. Raises `InputError` where there is none."""
    look_seldom()
    project = Project.find(folder)

    def policy(
        name: str, description: str, level: EnforcementLevel, chosen: Callable[[Examined], Sequence[Any]]
    ) -> Any:
        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            found = shown(project, args.resources)
            for result in chosen(found) if found else ():
                called = result.urn.rpartition("::")[2]
                report(f"[{result.rule.id}] {called} {result.problem}. {result.rule.remedy}", result.urn)

        return StackValidationPolicy(name, description, validate, level)

    return PolicyPack(
        NAME,
        [
            policy("rules", "Rules that stop a change here.", EnforcementLevel.MANDATORY, lambda one: one.stopping),
            policy(
                "advice",
                "Rules that are broken, or can't be decided, and stop no change here.",
                EnforcementLevel.ADVISORY,
                lambda one: [result for result in one.results if result not in one.stopping],
            ),
        ],
    )


def shown(project: Project, resources: Sequence[PolicyResource]) -> Examined | None:
    """What the rules say of the stack that Pulumi shows; None for an empty one."""
    graph = graph_of(resources)
    if not graph.nodes:
        return None
    environment = graph.stack.rpartition("-")[2]
    name = PLATFORM if graph.project == PLATFORM_PROJECT else graph.stack.rpartition("-")[0]
    return examined(project, graph, name, environment, today=datetime.now(UTC).date())


def graph_of(resources: Sequence[PolicyResource]) -> Graph:
    """The graph of the resources that Pulumi shows a policy: their properties are outputs, as far as they are known."""
    nodes = tuple(map(_node, resources))
    stack, project = urn_parts(nodes[0].urn)[:2] if nodes else ("", "")
    return Graph(project, stack, nodes)


def _node(resource: PolicyResource) -> Node:
    properties = _plain(resource.props)
    return Node(
        resource.urn,
        resource.resource_type,
        resource.name,
        custom=resource.resource_type.startswith("pulumi:providers:") or resource.provider is not None,
        parent=resource.parent.urn if resource.parent else None,
        properties=properties,
        outputs=properties,
        dependencies=tuple(sorted(each.urn for each in resource.dependencies)),
        property_dependencies={
            name: tuple(each.urn for each in found) for name, found in resource.property_dependencies.items() if found
        },
        options={"protect": True} if resource.opts.protect else {},
    )


def _plain(value: Any) -> Any:
    """A value of theirs as one of ours: reading an unknown one raises there."""
    if isinstance(value, TheirSecret):
        return Secret(_plain(value.value))
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return value
    if isinstance(value, Mapping):
        return {key: _taken(value, key) for key in value}  # pyright: ignore[reportUnknownVariableType]
    return [_taken(value, index) for index in range(len(value))]  # pyright: ignore[reportUnknownArgumentType]


def _taken(of: Any, key: Any) -> Any:
    try:
        return _plain(of[key])
    except UnknownValueError:
        return UNKNOWN
