"""What the commands of `yard` say of their options, and what asking for help costs."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import typer

from modelyard.cli.app import app

OWN = {
    ("yard", "--version"),
    ("yard access", "--env"),
    ("yard check", "--env"),
    ("yard check", "--state"),
    ("yard ci", "--write"),
    ("yard cost", "--env"),
    ("yard data erase", "--yes"),
    ("yard data restore", "--to"),
    ("yard data restore", "--yes"),
    ("yard graph", "--env"),
    ("yard graph", "--json"),
    ("yard graph", "--mermaid"),
    ("yard guard", "--env"),
    ("yard new project", "--blueprint"),
    ("yard new team", "--env"),
    ("yard pipeline render", "--env"),
    ("yard plan", "--env"),
    ("yard report", "--env"),
    ("yard team remove", "--json"),
}
"""Options that mean something else in a command than in the others."""


def commands(command: Any, name: str = "yard") -> Iterator[tuple[str, Any]]:
    yield name, command
    for below, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{name} {below}")


def texts() -> dict[str, dict[str, str]]:
    """By option, what each command that has it says of it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, command in commands(typer.main.get_command(app)):
        for option in command.params:
            flag = option.opts[0]
            if flag.startswith("--") and (name, flag) not in OWN:
                found[flag][name] = option.help
    return found


def test_an_option_that_commands_share_says_the_same_in_each() -> None:
    shared = texts()
    assert len(shared["--env"]) > 20 and len(shared["--json"]) > 20 and len(shared["--team"]) > 10, "commands are found"
    differing = {flag: said for flag, said in shared.items() if len(set(said.values())) > 1}
    assert differing == {}, "one option, one text: see modelyard.cli.options"


def test_every_option_says_what_it_is_for() -> None:
    assert [(flag, name) for flag, said in texts().items() for name, text in said.items() if not text] == []


def test_help_loads_neither_the_cloud_nor_the_engine_nor_the_models_of_the_files() -> None:
    heavy = ("boto3", "botocore", "pulumi", "pulumi_aws", "pydantic", "rich.live", "yaml", "modelyard.operate")
    program = f"import sys, modelyard.cli.app; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]", "yard --help answers at once"
