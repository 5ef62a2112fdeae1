"""What a deployment says of itself: the commit that it comes from, and what its stack exports."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi.runtime import get_root_resource

from modelyard.core.source import is_recorded

SECRET: Final = "[secret]"
"""Stands for an output that is secret."""
_SECONDS: Final = 20
_NOT_OURS: Final = ":(exclude,glob)**/Pulumi.*.yaml"
"""Stacks' settings, which the engine writes beside the files that people write."""


def revision(folder: Path) -> dict[str, Any]:
    """The commit that a folder is at, and whether anything below it isn't committed.

    Without a commit it says why: no repository, no git, or a program that is only recorded and deploys nothing.
    """
    if is_recorded():
        return {"commit": None, "because": "the program is only recorded"}
    try:
        commit = _git(folder, "rev-parse", "HEAD").strip()
        changed = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", ".", _NOT_OURS)
    except FileNotFoundError:
        return {"commit": None, "because": "there is no git"}
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        return {"commit": None, "because": said[0] if said else "git failed"}
    return {"commit": commit, "dirty": bool(changed.strip())}


def exports() -> dict[str, pulumi.Output[Any]]:
    """What the running program has exported so far; of what is secret only that it is."""
    root: Any = get_root_resource()
    exported: dict[str, Any] = dict(getattr(root, "outputs", None) or {})
    return {name: _shown(pulumi.Output.from_input(value)) for name, value in sorted(exported.items())}


def _shown(value: pulumi.Output[Any]) -> pulumi.Output[Any]:
    async def told() -> Any:
        return SECRET if await value.is_secret() else value

    return pulumi.Output.from_input(told())


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout
