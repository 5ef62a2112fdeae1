"""Where a project begins: the folder that holds `platform/` and `stacks/`."""

from __future__ import annotations

from pathlib import Path

from modelyard.core.errors import Fault, InputError, Source


def project_root(start: Path | None = None) -> Path:
    """The project's folder around `start`, or around the working directory.

    Raises `InputError` where neither it nor a folder above it is one.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "platform" / "Pulumi.yaml").is_file():
            return folder
    problem = "is no Modelyard project, nor is a folder above it"
    raise InputError(Fault(problem, "Change to the folder that holds platform/ and stacks/.", Source(str(here))))
