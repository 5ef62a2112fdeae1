"""The functions of the package that programs call while they run."""

from __future__ import annotations

from modelyard_sandbox.plugins.answers import ProviderError
from modelyard_sandbox.plugins.values import Properties


def invoke(token: str, arguments: Properties) -> Properties:
    """The result of a function. Raises `ProviderError` for one that needs what the sandbox hasn't."""
    if token == "kubernetes:yaml:decode":
        return {"result": _decoded(str(arguments.get("text") or ""), str(arguments.get("defaultNamespace") or ""))}
    raise ProviderError(
        f"{token}: the sandbox renders no charts and no kustomizations; install a chart as kubernetes.helm.v3.Release, "
        "or read rendered manifests with kubernetes.yaml.ConfigGroup"
    )


def _decoded(text: str, namespace: str) -> list[Properties]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = [document for document in YAML(typ="safe", pure=True).load_all(text) if document]
    except YAMLError as error:
        raise ProviderError(f"kubernetes:yaml:decode: {error}") from None
    for document in found:
        if namespace and isinstance(document, dict):
            metadata = document.get("metadata") or {}
            document["metadata"] = {"namespace": namespace, **metadata}
    return found
