"""Projects in temporary folders, so that a measurement leaves the user's own sandbox alone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML
from tools.bench.process import BIN, ROOT, BenchError, Ran, run

YARD = BIN / "yard"


def without_teams(root: Path) -> None:
    """Take the shipped teams out of a copied project, and what the platform's file says of them."""
    for file in (*(root / "stacks" / "teams").glob("*.yaml"), *(root / "stacks").glob("Pulumi.*-*.yaml")):
        file.unlink()
    yaml, platform = YAML(), root / "platform" / "platform.yaml"
    document = yaml.load(platform)
    document.pop("workbenches", None)
    yaml.dump(document, platform)


class Scratch:
    """A copy of this project's `platform/` and `stacks/` with a sandbox of its own, and this checkout's environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("platform", "stacks"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        (root / ".venv").symlink_to(ROOT / ".venv")

    def yard(self, *arguments: str) -> Ran:
        """Run `yard …` in the copy."""
        return run([YARD, *arguments], folder=self.root, limit=900)

    def emptied(self) -> str:
        """The endpoint of the sandbox, started anew with nothing in it."""
        return json.loads(self.yard("sandbox", "reset", "--yes", "--json").output)["endpoint"]

    def environment(self) -> dict[str, str]:
        """This process's environment, led to the sandbox."""
        variables: Mapping[str, str | None] = json.loads(self.yard("sandbox", "env", "--json").output)
        merged = {**os.environ, **variables}
        return {name: value for name, value in merged.items() if value is not None}


@contextlib.contextmanager
def scratch() -> Iterator[Scratch]:
    """A `Scratch` whose sandbox is stopped in the end; the engine is there. Raises `BenchError` if it can't be had."""
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as place:
        made = Scratch(Path(place).resolve())
        made.yard("engine", "install")
        try:
            yield made
        finally:
            with contextlib.suppress(BenchError):
                made.yard("sandbox", "stop")
