"""New teams: a file and stack configurations, from a preset."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path

from modelyard.blueprints.programs import team_stack
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import TeamSpec
from modelyard.core.document import load, parse
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path


def presets() -> list[str]:
    """The blueprints that a team may begin with."""
    folder = resources.files("modelyard.blueprints") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def new_team(project: Project, team: str, blueprint: str, owner: str, environments: list[str]) -> list[Path]:
    """Write the file of a new team and its stacks' configurations; the paths written.

    `owner` is `Name <address>`. Raises `InputError` for a name that is taken, an unknown blueprint or environment, and
    whatever else would make the file a faulty one; then nothing is written.
    """
    faults: list[Fault] = []
    path = project.team_file(team)
    if path.exists():
        faults.append(Fault("there is such a team already", "Choose another name, or edit its file.", _at(path), team))
    if blueprint not in presets():
        faults.append(
            Fault(
                f"is no blueprint; there are {', '.join(presets())}",
                "Use one of them.",
                _option("blueprint"),
                blueprint,
            )
        )
    known = project.environments()
    for name in environments:
        if name not in known:
            faults.append(
                Fault(f"is no environment; there are {', '.join(known)}", "Use one of them.", _option("env"), name)
            )
    found = re.fullmatch(r"\s*([^<>]+?)\s*<([^<>\s]+)>\s*", owner)
    if found is None:
        faults.append(Fault("is no owner", 'Write it as "Ada Lovelace <ada@example.com>".', _option("owner"), owner))
    if faults:
        raise InputError(*faults)
    assert found is not None
    template = (resources.files("modelyard.blueprints") / "presets" / f"{blueprint}.yaml").read_text()
    text = template.format(
        team=team,
        owner_name=found[1],
        owner_email=found[2],
        digest="0" * 64,
        environments="\n".join(f"  {name}: {{}}" for name in environments),
    )
    document = parse(text.encode(), shown_path(str(path)))
    specs = {name: load(document.for_environment(name), TeamSpec) for name in environments}
    written = {path: text}
    for name in specs:
        region = project.platform(name).region
        configuration = project.stacks_folder / f"Pulumi.{team_stack(team, name)}.yaml"
        if not configuration.exists():
            written[configuration] = f"config:\n  aws:region: {region}\n"
    return write_all(written)


def _at(path: Path) -> Source:
    return Source(shown_path(os.fspath(path)))


def _option(name: str) -> Source:
    return Source(f"--{name}")


def write_all(files: dict[Path, str]) -> list[Path]:
    """Write all of `files`, or none of them."""
    done: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            done.append(temporary)
            temporary.write_text(text)
        for path in files:
            temporary = path.with_name(f".{path.name}.new")
            temporary.replace(path)
            done[done.index(temporary)] = path
    except OSError as error:
        for path in done:
            path.unlink(missing_ok=True)
        raise InputError(
            Fault(f"cannot be written: {error.strerror}; nothing was", "Make room there, or permit it.", _at(done[-1]))
        ) from None
    return list(files)
