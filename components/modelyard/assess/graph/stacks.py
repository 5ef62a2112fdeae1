"""The graphs of a project's own stacks, recorded from its programs: what is added to them by hand is in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import pulumi

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.recorder import record
from modelyard.blueprints.programs import team_stack
from modelyard.blueprints.project import PLATFORM_PROJECT, TEAM_PROJECT, Project
from modelyard.core.document import read
from modelyard.core.errors import Fault, InputError, ModelyardError
from modelyard.core.source import blamed

_ENGINES_OWN: Final = "aws:"
"""Settings of the provider: where calls go. A recording calls nobody."""


def record_platform(root: Path, environment: str, *, preview: bool = False) -> Graph:
    """The platform's stack in an environment of the project at `root`: what `platform/__main__.py` asks for.

    Raises `InputError`, with file and line, where that breaks.
    """
    return _record(Project(root).platform_folder, PLATFORM_PROJECT, environment, {}, preview)


def record_team(
    root: Path,
    team: str,
    environment: str,
    *,
    preview: bool = False,
    platform: Graph | Mapping[str, Any] | None = None,
) -> Graph:
    """A team's stack: what `stacks/__main__.py` asks for. Raises `InputError`, with file and line, where that breaks.

    What it reads of the platform comes from `platform`, its graph or what it exports; absent, that is recorded first.
    """
    exports = {f"{PLATFORM_PROJECT}/{environment}": platform or (lambda: record_platform(root, environment))}
    return _record(Project(root).stacks_folder, TEAM_PROJECT, team_stack(team, environment), exports, preview)


def _record(folder: Path, project: str, stack: str, exports: Mapping[str, Any], preview: bool) -> Graph:
    plain, secret = _settings(folder / f"Pulumi.{stack}.yaml")
    try:
        return record(
            folder,
            project=project,
            stack=stack,
            config=plain,
            secret_config=secret,
            preview=preview,
            stack_references=exports,
        )
    except pulumi.RunError as told:
        if isinstance(told.__context__, ModelyardError):
            raise told.__context__ from None
        raise
    except ModelyardError:
        raise
    except (Exception, SystemExit) as error:
        place = blamed(error)
        if place is None:
            raise
        problem = f"the program broke: {type(error).__name__}: {error}".rstrip(": ")
        raise InputError(Fault(problem, "Mend it there, or what it is given.", place)) from error


def _settings(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a stack's file sets, in the open and encrypted; what is encrypted stays so."""
    if not file.is_file():
        return {}, {}
    written = cast("Mapping[str, Any]", read(file).data.get("config") or {})
    settings = {key: value for key, value in written.items() if not key.startswith(_ENGINES_OWN)}
    secret = {key: value["secure"] for key, value in settings.items() if isinstance(value, dict) and "secure" in value}
    return {key: value for key, value in settings.items() if key not in secret}, secret
