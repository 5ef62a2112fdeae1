"""Inputs of the engine as objects of Kubernetes and back: names, annotations, secrets, and what the server fills in."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.kubernetes.provider.cluster import Kind, Object
from modelyard_sandbox.plugins.values import Properties, has_unknown, keep_secret, plain, secret

AUTONAMED: Final = "pulumi.com/autonamed"
PATCH_FORCE: Final = "pulumi.com/patchForce"
FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
DEFAULT_NAMESPACE: Final = "default"
MANAGER: Final = "__fieldManager"
INITIAL_VERSION: Final = "__initialApiVersion"
_TOKEN: Final = re.compile(r"^kubernetes:(?P<group>[^:]+):(?P<kind>[^:]+)$")
_SUFFIX_LENGTH: Final = 8
_SERVERS: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Metadata that the server writes alone."""


def named(token: str) -> tuple[str, str]:
    """`apiVersion` and `kind` of a type token."""
    found = _TOKEN.match(token)
    if found is None:
        raise ValueError(token)
    group = found["group"]
    return group.removeprefix("core/"), found["kind"]


def metadata(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of plain inputs; empty where they aren't known."""
    found = inputs.get("metadata")
    return found if isinstance(found, dict) else {}


def annotation(inputs: Mapping[str, Any], key: str) -> str:
    """An annotation of plain inputs; empty where there is none, or it isn't known."""
    annotations = metadata(inputs).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return "" if value in (None, UNKNOWN) else str(value)


def completed(urn: str, olds: Properties, news: Properties, token: str, seed: bytes) -> Properties:
    """Plain inputs without nulls, of a known kind, and with a name where none is given.

    An automatic name is kept, and an annotation says that it is one.
    """
    version, kind = named(token)
    inputs = {"apiVersion": version, "kind": kind, **_without_nulls(news)}
    given = inputs.setdefault("metadata", {})
    if not isinstance(given, dict) or given.get("name") or given.get("generateName"):
        return inputs
    kept = metadata(olds).get("name") if annotation(olds, AUTONAMED) == "true" else None
    annotations = given.get("annotations") or {}
    marked = {**annotations, AUTONAMED: "true"} if isinstance(annotations, dict) else annotations
    inputs["metadata"] = {**given, "name": kept or automatic_name(urn, seed), "annotations": marked}
    return inputs


def automatic_name(urn: str, seed: bytes) -> str:
    """The resource's name, and characters drawn from the engine's seed."""
    drawn = random.Random(hashlib.sha256(seed or urn.encode()).digest())
    return f"{urn.rpartition('::')[2]}-" + "".join(drawn.choices("0123456789abcdef", k=_SUFFIX_LENGTH))


def marked_secret(inputs: Properties, given: Properties) -> Properties:
    """`inputs` with everything secret that is secret in `given`, and all of what a Secret holds."""
    result = keep_secret(inputs, given)
    if _is_secret(plain(result)):
        for part in ("data", "stringData"):
            if result.get(part) is not None:
                result[part] = secret(plain(result[part]))
    return result


def wanted(inputs: Mapping[str, Any], kind: Kind | None, namespace: str) -> Object:
    """The object that plain inputs describe, as it is applied.

    Texts of a Secret become its data: applied as texts, a key that is left out later would stay.
    """
    found = {key: value for key, value in _without_nulls(inputs).items() if not key.startswith("__")}
    found.pop("status", None)
    if kind is not None and kind.namespaced and isinstance(found.get("metadata"), dict):
        given = found["metadata"]
        found["metadata"] = {**given, "namespace": given.get("namespace") or namespace or DEFAULT_NAMESPACE}
    texts = found.pop("stringData", None) if _is_secret(found) else None
    if texts is not None:
        data = found.get("data") or {}
        known = isinstance(texts, dict) and isinstance(data, dict)
        found["data"] = {**data, **{key: _encoded(text) for key, text in texts.items()}} if known else UNKNOWN
    return found


def state(live: Object, inputs: Properties, manager: str) -> Properties:
    """What the engine keeps of an object: all that the server says but who manages which field."""
    found = dict(live)
    found["metadata"] = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    known = plain(inputs)
    if _is_secret(known) and known.get("stringData"):
        found["stringData"] = known["stringData"]
    found |= {MANAGER: manager, INITIAL_VERSION: known.get("apiVersion") or live["apiVersion"]}
    return marked_secret(found, inputs)


def foreseen(live: Object, inputs: Properties, manager: str) -> Properties:
    """What a preview shows of an object that doesn't exist yet: what the server will decide isn't known."""
    found = state(live, inputs, manager)
    undecided = dict.fromkeys(("uid", "resourceVersion", "creationTimestamp"), UNKNOWN)
    found["metadata"] = {**found["metadata"], **undecided}
    found.pop("status", None)
    return found


def described(live: Object) -> Properties:
    """Inputs that would make an object: without what the server alone writes."""
    kept = {key: value for key, value in live.items() if key not in ("status", MANAGER, INITIAL_VERSION)}
    kept["metadata"] = {key: value for key, value in live["metadata"].items() if key not in _SERVERS}
    return kept


def manager(inputs: Mapping[str, Any], kept: Mapping[str, Any], urn: str) -> str:
    """The field manager: the annotation's, the one the object was made with, or one of the resource's own."""
    own = "pulumi-kubernetes-" + hashlib.sha256(urn.encode()).hexdigest()[:8]
    return annotation(inputs, FIELD_MANAGER) or str(kept.get(MANAGER) or own)


def identifier(live: Object) -> str:
    """The engine's id of an object: `namespace/name`, or its name."""
    namespace = live["metadata"].get("namespace")
    return f"{namespace}/{live['metadata']['name']}" if namespace else str(live["metadata"]["name"])


def place(id: str, kind: Kind, namespace: str) -> tuple[str, str]:
    """Namespace and name of an id; that of a kind without namespaces is its name."""
    before, _, name = id.rpartition("/")
    return before or (namespace or DEFAULT_NAMESPACE if kind.namespaced else ""), name


def drifted(wanted: Any, known: Any, live: Any) -> Any:
    """`wanted` with what of it changed from `known` to `live`; what `wanted` doesn't speak of stays away."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        before = known if isinstance(known, Mapping) else {}
        return {
            key: drifted(value, before.get(key), live[key]) if key in live else value
            for key, value in wanted.items()
            if key in live or key not in before
        }
    if live == known:
        return wanted
    if isinstance(wanted, list) and isinstance(live, list):
        before = known if isinstance(known, list) and len(known) == len(wanted) else wanted
        return [
            drifted(wanted[index], before[index], item) if index < len(wanted) else item
            for index, item in enumerate(live)
        ]
    return live


def at(value: Any, path: str) -> Any:
    """The value at a property path; None where nothing lies there."""
    return _reached(value, _steps(path))


def put(value: Any, path: str, new: Any) -> None:
    """Change what lies at a property path; where nothing lies there, nothing happens."""
    *above, last = _steps(path)
    place: Any = _reached(value, above)
    if _reached(place, [last]) is not None:
        place[last] = new


def _reached(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _steps(path: str) -> list[str | int]:
    """Keys and indexes of a property path."""
    found = re.findall(r'([^.\[\]"]+)(?=[.\[]|$)|\["([^"]+)"\]|\[(\d+)\]', path)
    return [int(index) if index else key or quoted for key, quoted, index in found]


def known(value: Any) -> bool:
    """Whether nothing in a value is still unknown."""
    return not has_unknown(value)


def _is_secret(value: Mapping[str, Any]) -> bool:
    return value.get("kind") == "Secret" and value.get("apiVersion") == "v1"


def _encoded(text: Any) -> Any:
    return UNKNOWN if text == UNKNOWN else base64.b64encode(str(text).encode()).decode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
