"""Resource options as the graph keeps them: those that were set, under the names of Pulumi's state files."""

from __future__ import annotations

from typing import Any, Final

from pulumi.runtime.proto import alias_pb2, resource_pb2

from modelyard.assess.graph.model import urn_of, urn_parts
from modelyard.assess.graph.values import from_wire

_LISTS: Final = {
    "ignoreChanges": "ignoreChanges",
    "replaceOnChanges": "replaceOnChanges",
    "additionalSecretOutputs": "additionalSecretOutputs",
    "replace_with": "replaceWith",
    "hideDiffs": "hideDiffs",
}
_PLAIN: Final = ("protect", "retainOnDelete", "importId", "deletedWith", "remote")
_TIMEOUTS: Final = ("create", "read", "update", "delete")


def read_options(request: resource_pb2.RegisterResourceRequest, urn: str) -> dict[str, Any]:
    """The options of a registration; `aliases` come as URNs, `customTimeouts` as they were written (`"5m"`)."""
    options: dict[str, Any] = {key: found for key in _PLAIN if (found := getattr(request, key))}
    for key, name in _LISTS.items():
        if found := list(getattr(request, key)):
            options[name] = found
    if request.deleteBeforeReplaceDefined:
        options["deleteBeforeReplace"] = request.deleteBeforeReplace
    if request.HasField("replacement_trigger"):
        options["replacementTrigger"] = from_wire(request.replacement_trigger)
    if request.HasField("customTimeouts"):
        given = {key: found for key in _TIMEOUTS if (found := getattr(request.customTimeouts, key))}
        if given:
            options["customTimeouts"] = given
    if request.providers:
        options["providers"] = {
            package: reference.rpartition("::")[0] for package, reference in request.providers.items()
        }
    if request.aliases or request.aliasURNs:
        urns = {_alias_urn(alias, urn, request.parent) for alias in request.aliases} | set(request.aliasURNs)
        options["aliases"] = sorted(urns - {urn})
    return options


def _alias_urn(alias: alias_pb2.Alias, urn: str, parent: str) -> str:
    if alias.urn:
        return alias.urn
    spec = alias.spec
    stack, project, kind, name = urn_parts(urn)
    above = None if spec.noParent else spec.parentUrn or parent
    return urn_of(spec.stack or stack, spec.project or project, spec.type or kind, spec.name or name, above)
