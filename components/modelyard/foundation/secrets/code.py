"""The code of rotation functions: text files of the project, and Modelyard's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelyard.core.errors import Fault
from modelyard.foundation.secrets.rotation import CodeRotation, RenewalRotation, RotationSpec
from modelyard.foundation.secrets.spec import EnvironmentSecret, GeneratedSecret, SecretSpec, SecretsSpec

LARGEST: Final = 1_000_000
"""Bytes of one function's code; more is a dependency, which belongs in a function of its own."""
_ELSEWHERE: Final = "Make a function of its own, and name it (kind: function)."


def rotation_of(secret: SecretSpec) -> RotationSpec | None:
    """How a secret is rotated; those of other services and owners are rotated there."""
    return secret.rotation if isinstance(secret, GeneratedSecret | EnvironmentSecret) else None


def code_of(spec: SecretsSpec, folder: Path | None, *, network: bool) -> tuple[dict[str, dict[str, str]], list[Fault]]:
    """The code by secret and path, and what is wrong with it, all at once.

    `folder`: what the spec's folders are below; None is the folder of the file that says so. `network`: whether
    functions can be placed in one.
    """
    texts: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    for name, secret in spec.entries.items():
        rotation = rotation_of(secret)
        if isinstance(rotation, RenewalRotation):
            if isinstance(secret, GeneratedSecret):
                texts[name] = _renewing(secret)
            else:
                problem = "can't be: the value is whatever its variable holds"
                faults.append(rotation.fault("kind", problem, "Rotate it where it comes from.", rotation.kind))
        elif isinstance(rotation, CodeRotation):
            base = folder if folder is not None else Path(rotation.source().file or ".").parent
            texts[name] = {}
            faults += _read(rotation, base / rotation.folder, texts[name])
            if rotation.inside_network and not network:
                problem = "needs a network, and these secrets were given none"
                faults.append(rotation.fault("inside_network", problem, "Take it out, or give them one."))
    return texts, faults


def _renewing(secret: GeneratedSecret) -> dict[str, str]:
    """The function that generates a value anew, and how the value is to be."""
    wanted = {"length": secret.length, "punctuation": secret.punctuation, "exclude": secret.exclude}
    code = Path(__file__).with_name("renewal_function.py").read_text("utf-8")
    return {"main.py": code, "wanted.json": json.dumps(wanted)}


def _read(spec: CodeRotation, root: Path, texts: dict[str, str]) -> Iterator[Fault]:
    """Fill `texts` with the folder's files; what Python leaves behind aside."""
    found = sorted(file for file in root.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    module = spec.handler.rpartition(".")[0].replace(".", "/")
    if not any(file.relative_to(root).with_suffix("").as_posix() == module for file in found):
        problem = f"holds no file for the handler {spec.handler}" if root.is_dir() else "is no folder"
        yield spec.fault("folder", problem, "Put the function's code there.", str(root))
    for file in found:
        try:
            texts[file.relative_to(root).as_posix()] = file.read_text("utf-8")
        except UnicodeDecodeError:
            yield spec.fault("folder", f"holds {file.name}, which is no text", _ELSEWHERE, str(root))
    if sum(len(text.encode()) for text in texts.values()) > LARGEST:
        yield spec.fault("folder", f"holds more than {LARGEST} bytes", _ELSEWHERE, str(root))
