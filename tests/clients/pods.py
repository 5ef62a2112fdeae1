"""A pod of Kubernetes on this machine: its containers' programs in the clients' environment, as it has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.clients.servers import Clients
from tests.clients.tasks import Container


def container(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The container of this name, in the form in which a task of ECS has it; its Secrets are left out."""
    (found,) = [each for kind in ("initContainers", "containers") for each in pod.get(kind, ()) if each["name"] == name]
    return {
        "name": name,
        "entryPoint": found["command"],
        "command": found["args"],
        "environment": [each for each in found["env"] if "value" in each],
        "secrets": [],
        "mountPoints": [
            {"containerPath": each["mountPath"], "sourceVolume": each["name"]}
            for each in found["volumeMounts"]
            if "subPath" not in each
        ],
    }


def secrets(pod: Mapping[str, Any], name: str, values: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The variables of a container that come from Secrets. `values`: of each Secret and key."""
    (found,) = [each for kind in ("initContainers", "containers") for each in pod.get(kind, ()) if each["name"] == name]
    asked = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in found["env"] if "valueFrom" in each}
    return {variable: values[ref["name"], ref["key"]] for variable, ref in asked.items()}


def start(
    pod: Mapping[str, Any],
    name: str,
    clients: Clients,
    folder: Path,
    *,
    variables: Mapping[str, str],
    options: Mapping[str, str] | None = None,
) -> Container:
    """Start a container; `folder` has a folder for each of its volumes."""
    for mount in container(pod, name)["mountPoints"]:
        (folder / mount["sourceVolume"]).mkdir(exist_ok=True)
    return Container(container(pod, name), clients, None, folder, variables=variables, options=options)
