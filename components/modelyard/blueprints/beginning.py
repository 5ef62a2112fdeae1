"""New projects: the folders that a platform and its teams are described in, from a preset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from modelyard.blueprints import schema
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.blueprints.vending import write_all
from modelyard.core.document import load, parse
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path

_FOLDER: Final = "modelyard.blueprints"
_IGNORED: Final = ".gitignore"
_GENERATED: Final = ".modelyard/\n.venv/\n__pycache__/\n"
_ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


def platform_presets() -> list[str]:
    """The blueprints that a platform may begin with."""
    folder = resources.files(_FOLDER) / "presets" / "platforms"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def new_project(folder: Path, blueprint: str, organization: str, notify: str) -> list[Path]:
    """Write a project: the programs of platform and teams, the policy pack, the platform's file; the paths written.

    `notify`: the address that hears of alarms and budgets. Raises `InputError` for a folder that holds a project
    already, an unknown blueprint, an address that is none, and whatever else would make the file a faulty one; then
    nothing is written.
    """
    faults: list[Fault] = []
    if (folder / "platform").exists() or (folder / "stacks").exists():
        remedy = "Name another folder, or go on with what is there: yard new team NAME"
        faults.append(Fault("holds a project already", remedy, Source(shown_path(str(folder)))))
    if blueprint not in platform_presets():
        known = ", ".join(platform_presets())
        faults.append(
            Fault(f"is no blueprint; there are {known}", "Use one of them.", Source("--blueprint"), blueprint)
        )
    if not _ADDRESS.fullmatch(notify):
        faults.append(Fault("is no address", "Write one, such as platform@example.com.", Source("--notify"), notify))
    if faults:
        raise InputError(*faults)
    platform = Project(folder.resolve()).platform_file
    template = resources.files(_FOLDER) / "presets" / "platforms" / f"{blueprint}.yaml"
    text = template.read_text("utf-8").format(organization=organization, notify=notify)
    document = parse(text.encode(), shown_path(str(platform)))
    written = {folder / path: source.read_text("utf-8") for path, source in _programs()}
    written[platform] = text
    for environment in document.environments:
        region = load(document.for_environment(environment), PlatformSpec).region
        written[folder / "platform" / f"Pulumi.{environment}.yaml"] = f"config:\n  aws:region: {region}\n"
    for path, content in schema.texts(Project(folder)).items():
        written[path] = content
    if not (folder / _IGNORED).exists():
        written[folder / _IGNORED] = _GENERATED
    return write_all(written)


def _programs() -> Iterator[tuple[str, Traversable]]:
    """The files that every project has, with their paths below it."""
    root = resources.files(_FOLDER) / "presets" / "project"
    for place in ("platform", "platform/policy", "stacks"):
        for entry in sorted((root / place).iterdir(), key=lambda each: each.name):
            if entry.is_file() and entry.name.endswith((".yaml", ".py")):
                yield f"{place}/{entry.name}", entry
