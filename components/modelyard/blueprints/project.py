"""The folders and files of a project: where the platform's file and the teams' files lie."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from modelyard.blueprints.spec import PlatformSpec, TeamSpec
from modelyard.core.document import OVERRIDES, Document, load, read
from modelyard.core.errors import Fault, Source, SpecError
from modelyard.core.root import project_root
from modelyard.core.source import shown_path
from modelyard.core.spec import Spec
from modelyard.foundation.tenancy import CAPABILITIES, PARTS, Capability, TeamHeader

PLATFORM_PROJECT: Final = "modelyard-platform"
TEAM_PROJECT: Final = "modelyard-team"
ENVIRONMENT: Final = re.compile(r"[a-z][a-z0-9]{0,9}")
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with `platform/` and `stacks/`."""

    root: Path

    @staticmethod
    def find(start: Path | None = None) -> Project:
        """The project around `start`, or around the working directory.

        Raises `InputError` where neither it nor a folder above it is one.
        """
        return Project(project_root(start))

    @property
    def platform_folder(self) -> Path:
        """The Pulumi project of the platform."""
        return self.root / "platform"

    @property
    def stacks_folder(self) -> Path:
        """The Pulumi project of the teams."""
        return self.root / "stacks"

    @property
    def platform_file(self) -> Path:
        """The platform's file."""
        return self.platform_folder / "platform.yaml"

    def team_file(self, team: str) -> Path:
        """The file of `team`, whether it exists or not."""
        return self.stacks_folder / "teams" / f"{team}.yaml"

    def teams(self) -> list[str]:
        """The names of all teams that have a file, sorted."""
        return sorted(path.stem for path in (self.stacks_folder / "teams").glob("*.yaml"))

    def environments(self) -> list[str]:
        """The environments of the platform, in its file's order. Raises `SpecError` where it has none."""
        document = read(self.platform_file)
        found = _environments(document)
        if not found:
            source = document.sources.get(OVERRIDES, Source(document.file, OVERRIDES))
            raise SpecError(Fault("has no environment", f'Write at least one: "{OVERRIDES}: {{dev: {{}}}}".', source))
        return found

    def platform(self, environment: str) -> PlatformSpec:
        """The platform as `environment` has it. Raises `SpecError` with all faults of the file."""
        document = read(self.platform_file)
        _require_environment(document, environment)
        return load(document.for_environment(environment), PlatformSpec)

    def team(self, team: str, environment: str) -> TeamSpec:
        """The team as `environment` has it. Raises `SpecError` with all faults of the file."""
        document = self._team_document(team)
        _require_environment(document, environment)
        return load(document.for_environment(environment), TeamSpec)

    def team_environments(self, team: str) -> list[str]:
        """The environments that `team` is in, in its file's order."""
        return _environments(self._team_document(team))

    def headers(self, environment: str) -> dict[str, TeamHeader]:
        """The header of every team that is in `environment`, by name; the rest of their files isn't looked at.

        Raises `SpecError` with the faults of all headers.
        """
        found: dict[str, TeamHeader] = {}
        faults: list[Fault] = []
        for team in self.teams():
            try:
                document = self._team_document(team)
                if environment in document.environments:
                    found[team] = load(_header_of(document.for_environment(environment)), TeamHeader)
            except SpecError as error:
                faults += error.faults
        if faults:
            raise SpecError(*faults)
        return found

    def _team_document(self, team: str) -> Document:
        path = self.team_file(team)
        if not path.is_file():
            known = ", ".join(self.teams()) or "none"
            raise SpecError(
                Fault(f"there is no such team; there are: {known}", f"Make it: yard new team {team}", _source(path))
            )
        document = read(path)
        declared = document.data.get("team")
        if isinstance(declared, str) and declared != team:
            source = document.sources.get("team", _source(path))
            raise SpecError(Fault("is not the file's own name", f"Rename one: {team}.yaml says so.", source, declared))
        return document


def _source(path: Path) -> Source:
    return Source(shown_path(os.fspath(path)))


def _header_of(document: Document) -> Document:
    kept = {key: value for key, value in document.data.items() if key in TeamHeader.model_fields}
    kept.setdefault("capabilities", _declared(document.data))
    return Document(document.file, kept, document.sources)


def _declared(data: Mapping[str, Any]) -> list[Capability]:
    """The capabilities that a team's file declares, whatever else may be wrong with it."""
    found: list[Capability] = [
        name for name in CAPABILITIES if any(data.get(part) is not None for part in PARTS.get(name, (name,)))
    ]
    training = data.get("training")
    if isinstance(training, Mapping):
        flavour = training.get("flavour")
        if isinstance(flavour, Mapping) and (flavour.get("kind") == "batch" or flavour.get("queue") is not None):
            found.append("batch")
        if training.get("lustre") is not None:
            found.append("lustre")
    return found


def _environments(document: Document) -> list[str]:
    """The environments that a file declares. Raises `SpecError` for names that would run into one another in names."""
    faults = [
        Fault(
            "is no name of an environment",
            "Use lower-case letters and digits, at most 10, a letter first.",
            document.sources.get(f"{OVERRIDES}.{name}", Source(document.file, OVERRIDES)),
            name,
        )
        for name in document.environments
        if not ENVIRONMENT.fullmatch(name)
    ]
    if faults:
        raise SpecError(*faults)
    return document.environments


def _require_environment(document: Document, environment: str) -> None:
    if environment not in _environments(document):
        known = ", ".join(document.environments) or "none"
        raise SpecError(
            Fault(
                f"has no environment of this name; it has: {known}",
                f'Add "{environment}: {{}}" to environments, or name another.',
                Source(document.file, "environments"),
                environment,
            )
        )
