"""The baselines of the shipped stacks: `python tools/baselines.py [--check | --accept]`; see docs/upgrades.md.

Without an option it records what this release ships. It never rewrites a baseline that exists and differs, unless
`--accept` says so; then it prints what is lost for those who deployed the old one. `--check` writes nothing, and fails
where bringing any recorded release to what is shipped now would lose state.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import upgrades  # noqa: E402

from modelyard.assess.graph import Graph  # noqa: E402
from modelyard.assess.graph.stacks import record_platform, record_team  # noqa: E402
from modelyard.blueprints.project import Project  # noqa: E402

BASELINES: Final = ROOT / "tests" / "upgrades" / "baselines"
MIGRATIONS: Final = ROOT / "docs" / "migrations"


def release(root: Path = ROOT) -> str:
    """Major and minor version of what is shipped: what a baseline is recorded for."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return ".".join(version.split(".")[:2])


def shipped(root: Path = ROOT) -> dict[str, Graph]:
    """The graph of each shipped stack, by `<project>.<stack>`."""
    project = Project(root)
    graphs = [record_platform(root, environment) for environment in project.environments()]
    for team in project.teams():
        graphs += [record_team(root, team, environment) for environment in project.team_environments(team)]
    return {f"{graph.project}.{graph.stack}": graph for graph in graphs}


def lost(graphs: dict[str, Graph], baselines: Path = BASELINES, migrations: Path = MIGRATIONS) -> list[str]:
    """What each recorded release would lose by an upgrade to `graphs`, as lines of text."""
    noted = upgrades.notes(migrations)
    return [
        f"from {page.parent.name}: {loss}"
        for page in sorted(baselines.glob("*/*.json"))
        for loss in upgrades.losses(upgrades.from_json(page.read_text()), graphs.get(page.stem), noted)
    ]


def record(graphs: dict[str, Graph], folder: Path, *, accept: bool) -> tuple[list[str], list[str]]:
    """Write baselines of `graphs` into `folder`; what was written, and what was left because it differs."""
    texts = {f"{name}.json": upgrades.to_json(graph, folder.name) for name, graph in graphs.items()}
    known = {page.name: page.read_text() for page in folder.glob("*.json")}
    other = sorted(name for name in known if texts.get(name) != known[name])
    if other and not accept:
        return [], other
    written = sorted(name for name, text in texts.items() if known.get(name) != text)
    folder.mkdir(parents=True, exist_ok=True)
    for name in written:
        (folder / name).write_text(texts[name])
    for name in known.keys() - texts.keys():
        (folder / name).unlink()
    return written, []


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="write nothing; fail where an upgrade loses state")
    choice.add_argument("--accept", action="store_true", help="rewrite this release's baseline; print what is lost")
    given = parser.parse_args(arguments)
    graphs = shipped()
    problems = lost(graphs)
    for problem in problems:
        print(problem, file=sys.stderr)
    if given.check:
        if problems:
            print("Ship an alias, or a note in docs/migrations: see docs/upgrades.md.", file=sys.stderr)
        return 1 if problems else 0
    written, left = record(graphs, BASELINES / release(), accept=given.accept)
    for name in written:
        print(f"baselines: wrote {release()}/{name}")
    for name in left:
        print(f"baselines: {release()}/{name} differs; --accept rewrites it", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
