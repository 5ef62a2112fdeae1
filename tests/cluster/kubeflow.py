"""Kubeflow Pipelines' own objects, and TFX's compiler.

No registry that the project takes from publishes the definitions of these objects, so theirs here are ours: their
fields, from the pages on Kubeflow's Kubernetes-native API, a pipeline's specification as free as it is there.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Final

from modelyard.engine import locked
from modelyard.engine.progress import Progress

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements" / "tfx.txt"
PROGRAM: Final = ROOT / "examples" / "tfx" / "pipeline.py"
_GROUP: Final = "pipelines.kubeflow.org"
_PYTHON: Final = "3.11"
_WHOSE: Final = "TFX's"
_SECONDS: Final = 900
_TEXT: Final = {"type": "string"}
_FREE: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definitions() -> list[dict[str, Any]]:
    """What a cluster knows of pipelines and their versions."""
    about = {"description": _TEXT, "displayName": _TEXT}
    of_a_version = {**about, "pipelineName": _TEXT, "pipelineSpec": _FREE, "platformSpec": _FREE}
    return [
        _definition("Pipeline", {"type": "object", "properties": about}),
        _definition("PipelineVersion", {"type": "object", "required": ["pipelineSpec"], "properties": of_a_version}),
    ]


def tfx_compiled(image: str, data: str, root: str, output: Path, progress: Progress | None = None) -> None:
    """The example program of TFX, compiled to `output` where TFX is; its environment is made first if there is none.

    Raises `EnvironmentFault` where that can't be had.
    """
    home = locked.home("tfx", LOCK, _PYTHON)
    python = locked.installed(home, LOCK, whose=_WHOSE, content="TFX", tools=_tools, progress=progress)
    subprocess.run(
        [str(python), "-W", "ignore", str(PROGRAM), image, data, root, str(output)],
        env={**os.environ, "HOME": str(output.parent), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=True,
    )


def _tools(_: Progress) -> tuple[str, str]:
    return locked.found_uv(_WHOSE), _PYTHON


def _definition(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    version = {
        "name": "v2beta1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }
