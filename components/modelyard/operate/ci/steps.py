"""The commands that the pipelines of all CI systems run, so that each of them does the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from modelyard.operate.ci.delivery import Delivery, Target, Training

BRANCH: Final = "main"
"""What is merged into it is deployed."""
PYTHON: Final = "3.12"
SARIF: Final = "check.sarif"
JUNIT: Final = "check.xml"
COMMENT: Final = "comment.md"
PAGE: Final = "report.html"
FORMATS: Final[Mapping[str, str]] = {"sarif": SARIF, "junit": JUNIT}
"""The forms in which `yard check` writes, and the files that take them."""
FILES: Final = (*FORMATS.values(), COMMENT, PAGE)
"""What `REPORTS` leaves in the project's folder."""
BASE: Final = "BASE"
"""The variable that names the commit which a change is compared with."""
BEFORE: Final = "HEAD^"
"""The commit before: what is merged into, or what was merged before."""
ROLE: Final = "AWS_DEPLOY_ROLE"
"""The CI system's variable that holds the deploying role's ARN where the platform's file names none."""
BACKEND: Final = "PULUMI_BACKEND_URL"
"""The CI system's variable that says where Pulumi's state lies, such as s3://acme-pulumi."""
_FOUND = "|| [ $? -eq 1 ]"
"""Goes on where a check found something; a mistake in the files, or a broken rule, ends the job here."""

CHECKS: Final = tuple(f"yard check --format {form} --output {file}" for form, file in FORMATS.items())
"""What the rules say, in each form; each ends with 1 where they found something."""
PAGES: Final = f'yard report --against "${BASE}" --output {PAGE} --comment {COMMENT}'
"""What stops the change, what it costs and what it destroys: a comment, and a page."""
REPORTS: Final = (*(f"{check} {_FOUND}" for check in CHECKS), PAGES)
VERDICT: Final = ("yard check", f'yard guard --against "${BASE}"')
"""Shows what the rules found and what is lost, and fails where a rule stops the change or a loss isn't acknowledged."""


def install(found: Delivery) -> tuple[str, ...]:
    """Modelyard in `.venv`, where the projects' Pulumi.yaml looks for it."""
    return ("python3 -m venv .venv", f".venv/bin/pip install {found.install}")


def engine() -> str:
    """Pulumi's CLI, found or fetched."""
    return "yard engine install"


def preview(target: Target) -> str:
    """What a deployment would change."""
    return f"yard preview --env {target.environment}"


def deploy(target: Target) -> tuple[str, str]:
    """The platform and its teams, in the order that they need; nothing, where what is deployed would lose state."""
    return f"yard guard --env {target.environment}", f"yard up --env {target.environment} --yes"


def header(found: Delivery, system: str, starts: Sequence[tuple[Training, str]], deployer: str) -> list[str]:
    """What stands at the top of each file: who wrote it, what it may do in which account, and as whom.

    `starts`: each training with the role that starts it. `deployer`: who deploys where no file names a role.
    """
    may: dict[str, list[str]] = {}
    for target in found.targets:
        asked = ", which somebody approves each time" if target.production else ""
        doing = f"deploy to {target.environment}, account {target.account}{asked}"
        may.setdefault(target.deployer or deployer, []).append(doing)
    for training, role in starts:
        may.setdefault(role, []).append(training.id)
    return [
        f"Written by `yard ci {system} --write` from the project's files. Change those, and write it again:",
        f"`yard ci {system} --check` ends with 1 while this file says something else.",
        "",
        "What it may do in the cloud:",
        "- as nobody, so nothing: check, on every change that somebody proposes",
        *(line for who, what in may.items() for line in (f"- as {who}:", *(f"    {each}" for each in what))),
        *(f"Left out: {reason}." for reason in found.left_out),
    ]
