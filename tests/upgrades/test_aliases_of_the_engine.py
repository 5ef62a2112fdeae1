"""Which former URNs the real engine takes for the same resource, and that an upgrade is judged by the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.assess.graph import from_state, record
from modelyard.assess.impact.matching import known_as
from modelyard.engine import locate

pytestmark = pytest.mark.engine

PROGRAM = """
import os

import pulumi
from pulumi import Alias, ResourceOptions


def stash(name, parent, **options):
    return pulumi.Stash(name, input="x", opts=ResourceOptions(parent=parent, **options))


class Lake(pulumi.ComponentResource):
    def __init__(self, name, kind="acme:data:Lake", opts=None, **child):
        super().__init__(kind, name, None, opts)
        stash(child.pop("role", f"{name}-raw"), self, **child)
        stash("apart", self)
        self.register_outputs({})


def aliased(**former):
    return ResourceOptions(aliases=[Alias(**former)])


CASES = {
    "first": lambda: Lake("lake"),
    "renamed child": lambda: Lake("lake", role="lake-landing"),
    "renamed child, alias": lambda: Lake("lake", role="lake-landing", aliases=[Alias(name="lake-raw")]),
    "renamed parent": lambda: Lake("store"),
    "renamed parent, alias": lambda: Lake("store", opts=aliased(name="lake")),
    "renamed both, one alias": lambda: Lake("store", opts=aliased(name="lake"), role="store-landing"),
    "renamed both, two aliases": lambda: Lake(
        "store", opts=aliased(name="lake"), role="store-landing", aliases=[Alias(name="store-raw")]
    ),
    "other type": lambda: Lake("lake", kind="acme:lake:Lake"),
    "other type, alias": lambda: Lake("lake", kind="acme:lake:Lake", opts=aliased(type_="acme:data:Lake")),
    "below another": lambda: Lake("lake", opts=ResourceOptions(parent=pulumi.ComponentResource("acme:x:Y", "y"))),
    "below another, alias": lambda: Lake(
        "lake",
        opts=ResourceOptions(
            parent=pulumi.ComponentResource("acme:x:Y", "y"), aliases=[Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
        ),
    ),
}
CASES[os.environ["CASE"]]()
"""
CASES = [line.split('"')[1] for line in PROGRAM.splitlines() if line.startswith('    "') and "lambda" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("aliases")
    for name in ("home", "state", "project"):
        (made / name).mkdir()
    (made / "project" / "Pulumi.yaml").write_text("name: base\nruntime: python\n")
    (made / "project" / "__main__.py").write_text(PROGRAM)
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Callable[..., str]:
    engine = locate()
    if engine is None:
        pytest.skip("no engine on this machine; install one: yard engine install")
    environment = {
        **os.environ,
        "PATH": engine.search_path(os.environ["PATH"]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "passphrase",
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(case: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(engine.path), *arguments, "--non-interactive"],
            cwd=folder / "project",
            env={**environment, "CASE": case},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("first", "stack", "init", "prod")
    run("first", "up", "--yes", "--skip-preview")
    return run


@pytest.fixture(scope="module")
def deployed(run: Callable[..., str]) -> set[str]:
    return {node.urn for node in from_state(run("first", "stack", "export")).of_type("pulumi:index:Stash")}


@pytest.mark.parametrize("case", CASES)
def test_an_upgrade_is_judged_by_the_aliases_that_the_engine_follows(
    case: str, run: Callable[..., str], deployed: set[str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    steps = json.loads(run(case, "preview", "--json", "--show-sames"))["steps"]
    monkeypatch.setenv("CASE", case)
    known = known_as(record(folder / "project", project="base", stack="prod"))
    assert deployed - known.keys() == deployed & {step["urn"] for step in steps if step["op"] == "delete"}
