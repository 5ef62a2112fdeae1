"""What an upgrade of the shipped stacks would take from those who deployed an earlier release.

A baseline holds, of each shipped stack as a release shipped it, the resources that hold state: URN, type, and the
inputs whose change replaces them. A stack of today is compared with it as Pulumi's engine would: by URN, else by an
alias; what it no longer has is deleted, and what changes in such an input is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from modelyard.assess.graph import UNKNOWN, Graph, Node, Secret
from modelyard.assess.impact.matching import known_as
from modelyard_sandbox.aws.declare import updatable
from modelyard_sandbox.aws.tables import types

FORMAT: Final = 1

STATEFUL: Final = (
    "aws:athena/workgroup:",
    "aws:backup/vault:",
    "aws:cloudtrail/trail:",
    "aws:cloudtrail/eventDataStore:",
    "aws:cloudwatch/eventArchive:",
    "aws:cloudwatch/eventBus:",
    "aws:cloudwatch/logGroup:",
    "aws:dynamodb/globalTable:",
    "aws:dynamodb/table:",
    "aws:ebs/volume:",
    "aws:ec2/eip:",
    "aws:ec2/subnet:",
    "aws:ec2/vpc:",
    "aws:ecr/repository:",
    "aws:efs/fileSystem:",
    "aws:eks/cluster:",
    "aws:elasticache/",
    "aws:fsx/",
    "aws:glue/catalogDatabase:",
    "aws:glue/catalogTable:",
    "aws:iam/openIdConnectProvider:",
    "aws:iam/policy:",
    "aws:iam/role:",
    "aws:kinesis/stream:",
    "aws:kms/alias:",
    "aws:kms/key:",
    "aws:memorydb/",
    "aws:msk/",
    "aws:opensearch/domain:",
    "aws:rds/",
    "aws:s3/bucket:",
    "aws:s3/bucketObjectLockConfiguration:",
    "aws:sagemaker/domain:",
    "aws:sagemaker/endpoint:",
    "aws:sagemaker/featureGroup:",
    "aws:sagemaker/modelPackageGroup:",
    "aws:sagemaker/notebookInstance:",
    "aws:sagemaker/userProfile:",
    "aws:secretsmanager/secret:",
    "aws:sns/topic:",
    "aws:sqs/queue:",
    "AWS::SageMaker::",
)
"""Types whose replacement loses data, keys or history, or what others know them by: names, addresses, ARNs."""

_URN: Final = re.compile(r"urn:pulumi:[^\s`|<>]+")
_ANY_STACK: Final = "*"


@dataclass(frozen=True, slots=True)
class Kept:
    """One resource of a baseline: the `inputs` that replace it, and from what URNs computed ones are `made_from`."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    made_from: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Loss:
    """What an upgrade would take from somebody."""

    urn: str
    what: Literal["delete", "replace"]
    because: str

    def __str__(self) -> str:
        return f"{self.what} {self.urn}: {self.because}"


def stateful(node: Node) -> bool:
    """Whether the node's replacement would be a loss."""
    return node.custom and not node.external and node.kind.startswith(STATEFUL)


def kept(graph: Graph) -> list[Kept]:
    """The graph's resources that hold state."""
    return [_kept(node) for node in graph if stateful(node)]


def _kept(node: Node) -> Kept:
    inputs: dict[str, Any] = {}
    made_from: dict[str, tuple[str, ...]] = {}
    for prop, value in sorted(node.properties.items()):
        if value is None or not replaces(node, prop):
            continue
        if node.property_dependencies.get(prop):
            made_from[prop] = tuple(sorted(node.property_dependencies[prop]))
        else:
            inputs[prop] = _plain(value)
    return Kept(node.urn, node.type, inputs, made_from)


def replaces(node: Node, prop: str) -> bool:
    """Whether a change of the input replaces the resource; of a type that the sandbox doesn't know, every change does.

    A Cloud Control resource is known by its type's name: its state is updated in place.
    """
    if prop in _roots(node.options.get("ignoreChanges", ())):
        return False
    if prop in _roots(node.options.get("replaceOnChanges", ())):
        return True
    declared = types().get(node.type)
    return declared is None or not updatable(declared, prop)


def _roots(paths: Iterable[str]) -> set[str]:
    return {path.partition(".")[0].partition("[")[0] for path in paths}


def _plain(value: Any) -> Any:
    """A value as JSON keeps it; what is secret or unknown can't be compared, only that it is there."""
    if value is UNKNOWN or isinstance(value, Secret):
        return "(not shown)"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def losses(baseline: Iterable[Kept], graph: Graph | None, noted: Iterable[str] = ()) -> list[Loss]:
    """What bringing a deployed baseline to `graph` takes; `graph` is None where the stack is no longer shipped.

    `noted` are the URNs that a migration note names, as `notes` reads them.
    """
    told = set(noted)
    known = known_as(graph) if graph is not None else {}
    found = (_loss(resource, known) for resource in baseline)
    return [loss for loss in found if loss is not None and not _told(loss.urn, told)]


def _told(urn: str, told: set[str]) -> bool:
    stack = urn.removeprefix("urn:pulumi:").partition("::")[0]
    return urn in told or urn.replace(f"urn:pulumi:{stack}::", f"urn:pulumi:{_ANY_STACK}::", 1) in told


def _loss(before: Kept, known: Mapping[str, Node]) -> Loss | None:
    node = known.get(before.urn)
    if node is None:
        return Loss(before.urn, "delete", "nothing has this URN, or an alias of it")
    if node.type != before.type:
        return Loss(before.urn, "replace", f"its type is {node.type} now")
    reasons = list(_changes(before, node, known))
    return Loss(before.urn, "replace", "; ".join(reasons)) if reasons else None


def _changes(before: Kept, node: Node, known: Mapping[str, Node]) -> Iterator[str]:
    now = _kept(node)
    for prop in sorted(before.inputs.keys() | now.inputs.keys()):
        if prop in now.made_from or prop in before.made_from or not replaces(node, prop):
            continue
        old, new = before.inputs.get(prop), now.inputs.get(prop)
        if old != new and not _is_default(node, prop, old, new):
            yield f"{prop} was {_shown(old)} and is {_shown(new)}"
    for prop, sources in before.made_from.items():
        given = {known[urn].urn for urn in sources if urn in known}
        if prop in now.made_from and not given & set(now.made_from[prop]):
            yield f"{prop} came from {_names(sources)} and comes from {_names(now.made_from[prop])}"
        elif prop not in now.made_from and prop not in now.inputs and replaces(node, prop):
            yield f"{prop} came from {_names(sources)} and is gone"


def _is_default(node: Node, prop: str, old: Any, new: Any) -> bool:
    """Whether one side only says what the other leaves to AWS."""
    declared = types().get(node.type)
    default = declared.defaults.get(prop) if declared else None
    return default is not None and not callable(default) and {repr(old), repr(new)} == {repr(None), repr(default)}


def _shown(value: Any) -> str:
    return "absent" if value is None else json.dumps(value)


def _names(urns: Iterable[str]) -> str:
    return ", ".join(urn.rpartition("::")[2] for urn in urns)


def notes(folder: Path) -> set[str]:
    """The URNs that the migration notes in `folder` name; `*` stands for whatever the stack is called."""
    return {urn.rstrip(".,;:)") for page in sorted(folder.glob("*.md")) for urn in _URN.findall(page.read_text())}


def to_json(graph: Graph, release: str) -> str:
    """A baseline as text, the same for the same stack."""
    document = {
        "format": FORMAT,
        "release": release,
        "project": graph.project,
        "stack": graph.stack,
        "resources": [
            {"urn": each.urn, "type": each.type, "inputs": each.inputs, "made_from": each.made_from}
            for each in kept(graph)
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def from_json(text: str) -> list[Kept]:
    """The resources of a baseline. Raises `ValueError` for another format."""
    document = json.loads(text)
    if document.get("format") != FORMAT:
        raise ValueError(f"this is baseline format {document.get('format')}, and format {FORMAT} is read here")
    return [
        Kept(each["urn"], each["type"], each["inputs"], {prop: tuple(urns) for prop, urns in each["made_from"].items()})
        for each in document["resources"]
    ]
