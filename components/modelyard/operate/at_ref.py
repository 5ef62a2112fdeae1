"""A project as it stands at a commit, a branch or a tag: its files, read from git, beside those that lie here."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from modelyard.blueprints.project import Project
from modelyard.core.errors import EnvironmentFault, Fault, InputError, ModelyardError, Source

OPTION: Final = "--against"


@contextmanager
def project_at(project: Project, ref: str, *, option: str = OPTION) -> Generator[Project]:
    """The project's files as they stand at `ref`, in a folder that lasts as long as the context.

    Only the files are older: they are read by the Modelyard that runs. What isn't committed, and submodules, aren't in
    it. Faults found inside name the files as `REF:path`. Raises `InputError`, which names `option`, where there is no
    repository, no such commit, or no project in it, and `EnvironmentFault` where there is no git.
    """
    asked = Source(option)
    _git(project.root, "rev-parse", "--git-dir", otherwise=_no_repository(project, asked))
    unknown = Fault(
        "is no commit, branch or tag of the repository",
        f"Name one that it has; in a shallow clone, fetch it first: git fetch origin {ref}",
        asked,
        ref,
    )
    commit = _git(
        project.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", otherwise=unknown
    )
    missing = Fault("holds no Modelyard project here", "Name a later commit.", asked, ref)
    packed = _git(project.root, "archive", "--format=tar", os.fsdecode(commit).strip(), otherwise=missing)
    with tempfile.TemporaryDirectory(prefix="modelyard-at-") as made:
        root = Path(made).resolve()
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(root, filter="data")
        found = Project(root)
        if not (found.platform_folder / "Pulumi.yaml").is_file():
            raise InputError(missing)
        try:
            yield found
        except ModelyardError as error:
            error.faults = tuple(_named(fault, root, ref) for fault in error.faults)
            error.args = ("\n".join(map(str, error.faults)),)
            raise


def _no_repository(project: Project, asked: Source) -> Fault:
    return Fault(f"there is no git repository at {project.root}", "Put the project under git, and commit it.", asked)


def _named(fault: Fault, root: Path, ref: str) -> Fault:
    source = fault.source
    if source is None or not Path(source.file).is_relative_to(root):
        return fault
    return replace(fault, source=replace(source, file=f"{ref}:{Path(source.file).relative_to(root)}"))


def _git(folder: Path, *arguments: str, otherwise: Fault) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise EnvironmentFault(Fault("there is no git on this machine", "Install git.", otherwise.source)) from None
    if done.returncode:
        raise InputError(otherwise)
    return done.stdout
