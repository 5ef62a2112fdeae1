"""The file of a CI system: what it says, where it lies, and whether it still says what the project's files mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from modelyard.blueprints.project import Project
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path
from modelyard.operate.ci import ansible, github, gitlab, jenkins
from modelyard.operate.ci.delivery import Delivery, delivery

System = Literal["github", "gitlab", "jenkins", "ansible"]
SYSTEMS: Final[tuple[System, ...]] = get_args(System)
_OURS: Final = "Written by `yard ci"


@dataclass(frozen=True, slots=True)
class _Writer:
    """How one system's file is made. `place`: below the repository's root, or with `beside` the project's."""

    place: str
    write: Callable[[Delivery], str]
    to_set_up: Callable[[Delivery], Sequence[str]]
    beside: bool = False


_WRITERS: Final[Mapping[System, _Writer]] = {
    "github": _Writer(github.PLACE, github.workflow, github.to_set_up),
    "gitlab": _Writer(gitlab.PLACE, gitlab.pipeline, gitlab.to_set_up),
    "jenkins": _Writer(jenkins.PLACE, jenkins.pipeline, jenkins.to_set_up),
    "ansible": _Writer(ansible.PLACE, ansible.playbook, ansible.to_set_up, beside=True),
}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The file of one system for a project: where it belongs, what it says, and what people do once beside it."""

    system: System
    path: Path
    text: str
    to_set_up: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether the file lies there, and says this."""
        return self.path.is_file() and self.path.read_text("utf-8") == self.text

    def write(self) -> None:
        """Put it where the system reads it. Raises `InputError` for a file there that somebody wrote by hand."""
        if self.path.is_file() and _OURS not in self.path.read_text("utf-8"):
            raise InputError(
                Fault(
                    "was written by hand, and would be lost",
                    f"Move it away, or print this one and merge the two: yard ci {self.system}",
                    Source(shown_path(str(self.path))),
                )
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text, "utf-8")

    def as_json(self) -> dict[str, object]:
        """The file as `--json` prints it."""
        return {
            "system": self.system,
            "file": shown_path(str(self.path)),
            "current": self.is_current,
            "to_set_up": list(self.to_set_up),
            "left_out": list(self.left_out),
            "text": self.text,
        }


def pipeline(project: Project, system: System) -> Pipeline:
    """The file of `system` for `project`.

    Raises `SpecError` with the faults of the files, and `InputError` where there is no environment to deploy to.
    """
    found = delivery(project)
    if not found.targets:
        source = Source(shown_path(str(project.platform_file)), "environments")
        raise InputError(Fault("are all of the sandbox", "Add one with an account: `dev: {account: …}`.", source))
    writer = _WRITERS[system]
    up = 0 if writer.beside else found.folder.count("/")
    root = (project.root, *project.root.parents)[up]
    return Pipeline(system, root / writer.place, writer.write(found), tuple(writer.to_set_up(found)), found.left_out)
