"""Contexts of the kubeconfig, before anything is deployed into a cluster that exists.

Source: kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path
from modelyard.foundation.cluster import ExistingClusterSpec

VARIABLE: Final = "KUBECONFIG"


def refuse_unknown(spec: PlatformSpec, variables: Mapping[str, str | None]) -> None:
    """Raise `InputError` where the cluster is a context that no kubeconfig has. `variables`: as of `Place`."""
    cluster = spec.cluster
    if not isinstance(cluster, ExistingClusterSpec):
        return
    files = _files(variables)
    known = sorted({name for file in files for name in _contexts(file)})
    if cluster.context not in known:
        where = ", ".join(shown_path(str(file)) for file in files) or "nowhere: there is no kubeconfig"
        problem = f"is no context of the kubeconfig ({where}); there are: {', '.join(known) or 'none'}"
        remedy = f"Name one of them, or point {VARIABLE} to the file that has it."
        raise InputError(cluster.fault("context", problem, remedy, cluster.context))


def _files(variables: Mapping[str, str | None]) -> list[Path]:
    """The files that are read, in their order."""
    named = variables[VARIABLE] if VARIABLE in variables else os.environ.get(VARIABLE)
    paths = [Path(one).expanduser() for one in (named or "").split(os.pathsep) if one]
    return [path for path in paths or [Path.home() / ".kube" / "config"] if path.is_file()]


def _contexts(file: Path) -> list[str]:
    source = Source(shown_path(str(file)))
    try:
        found = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        said = str(error).splitlines()[0]
        raise InputError(Fault(f"can't be read as a kubeconfig: {said}", "Mend the file.", source)) from None
    document = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
    contexts = document.get("contexts")
    each = cast("list[Any]", contexts) if isinstance(contexts, list) else []
    return [str(one["name"]) for one in each if isinstance(one, Mapping) and "name" in one]
