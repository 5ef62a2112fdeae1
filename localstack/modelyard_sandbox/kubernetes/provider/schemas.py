"""Objects judged without an API server: those of Kubernetes by its published schemas, others by their definition's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelyard_sandbox.kubernetes.binaries import VERSION
from modelyard_sandbox.kubernetes.provider.cluster import Cause, Object

_BEYOND_NAMESPACES: Final = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""Kinds of Kubernetes itself whose objects lie in no namespace."""
_OWN: Final = frozenset({"apps", "autoscaling", "batch", "policy"})
_OPAQUE: Final = ("apiVersion", "kind", "metadata")


def namespaced(api_version: str, kind: str) -> bool | None:
    """Whether objects of a kind of Kubernetes' own lie in namespaces; None for somebody else's kind."""
    group = api_version.rpartition("/")[0]
    if group and group not in _OWN and not group.endswith(".k8s.io"):
        return None
    return kind not in _BEYOND_NAMESPACES


def faults(wanted: Object, definition: Object | None) -> tuple[Cause, ...] | None:
    """What is wrong with an object; None where no schema is at hand. `definition`: what brings its kind."""
    if definition is not None:
        return _by_definition(wanted, definition)
    import kubernetes_validate

    try:
        kubernetes_validate.validate(wanted, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return None
    except kubernetes_validate.ValidationError as error:
        return (_cause(error),)
    return ()


def _by_definition(wanted: Object, definition: Object) -> tuple[Cause, ...]:
    from jsonschema import Draft202012Validator

    version = str(wanted["apiVersion"]).rpartition("/")[2]
    versions = {each["name"]: each for each in definition["spec"]["versions"] if each.get("served")}
    if version not in versions:
        return (Cause("apiVersion", f"{version} isn't served; there are: {', '.join(versions)}"),)
    schema = _strict(versions[version]["schema"]["openAPIV3Schema"])
    for key in _OPAQUE:
        schema.setdefault("properties", {})[key] = {}
    found = Draft202012Validator(schema).iter_errors(wanted)
    return tuple(sorted((_cause(error) for error in found), key=lambda cause: cause.field))


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A definition's schema as JSON Schema has it, which refuses what it doesn't name."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    result = {key: value for key, value in schema.items() if not key.startswith("x-") and key != "format"}
    for key in ("properties", "patternProperties"):
        if key in schema:
            result[key] = {name: _strict(value) for name, value in schema[key].items()}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), Mapping):
            result[key] = _strict(schema[key])
    if result.pop("nullable", False) and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and not open_ended:
        result["additionalProperties"] = False
    return result


def _cause(error: Any) -> Cause:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return Cause(path.lstrip("."), str(error.message))
