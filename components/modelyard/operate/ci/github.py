"""A workflow of GitHub Actions. Source: docs.github.com, "Workflow syntax" and "OpenID Connect in AWS"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from modelyard.engine import places
from modelyard.operate.ci import steps
from modelyard.operate.ci.delivery import Delivery, Start, Target
from modelyard.operate.ci.yaml import noted, script, text

PLACE: Final = ".github/workflows/modelyard.yml"
ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "actions/cache": ("0057852bfaa89a56745cba8c7296529d2fc39830", "v4.3.0"),
    "actions/checkout": ("08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0"),
    "actions/download-artifact": ("d3f86a106a0bac45b974a628896c90dbdf5c8093", "v4.3.0"),
    "actions/setup-python": ("e797f83bcb11b83ae66e0230d6156d7c80228e7c", "v6.0.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "aws-actions/configure-aws-credentials": ("61815dcd50bd041e203e49132bacad1fd04d2708", "v5.1.1"),
    "github/codeql-action/upload-sarif": ("e12f0178983d466f2f6028f5cc7a6d786fd97f4b", "v4.31.4"),
}
"""The actions that are used: the commit of a release, and its tag. A tag alone could be moved to other code."""
_RUNNER: Final = "ubuntu-24.04"
_VARIABLE: Final = "${{{{ vars.{} }}}}"
_DEPLOYER: Final = f"the role that the environment's variable {steps.ROLE} names"
_READ: Final = {"contents": "read"}
_AS_ROLE: Final = {"contents": "read", "id-token": "write"}
_NOT_A_FORK: Final = "github.event.pull_request.head.repo.fork != true"
"""A fork's token may write nothing, so nothing is published for it; the check itself decides."""
_ARTIFACT: Final = "modelyard"
_KEPT: Final = ("~/.cache/modelyard/engine", "~/.pulumi/plugins")
"""What a deployment fetches, beside Python packages."""


def workflow(found: Delivery) -> str:
    """The whole file."""
    starts = found.starts_by("github")
    jobs: dict[str, Any] = {"check": _check(found), "publish": _publish(found)}
    before = "check"
    for target in found.targets:
        jobs[f"deploy-{target.environment}"] = _deploy(found, target, before)
        before = f"deploy-{target.environment}"
    for start in starts:
        jobs[start.of.id] = _start(found, start)
    choices = ["preview", "deploy", *(start.of.id for start in starts)]
    asked = {
        "what": {"description": "What to do", "type": "choice", "options": choices},
        **({"why": {"description": "Why a training starts now", "type": "string"}} if starts else {}),
    }
    data = {
        "name": "modelyard",
        "on": {"pull_request": {}, "push": {"branches": [steps.BRANCH]}, "workflow_dispatch": {"inputs": asked}},
        "permissions": {},
        "defaults": {"run": {"shell": "bash", **({"working-directory": found.folder} if found.folder else {})}},
        "jobs": jobs,
    }
    return text(data, steps.header(found, "github", [(one.of, one.role) for one in starts], _DEPLOYER))


def _check(found: Delivery) -> dict[str, Any]:
    return {
        "name": "check",
        "if": "!contains(inputs.what, 'train-')",
        "runs-on": _RUNNER,
        "timeout-minutes": 30,
        "permissions": dict(_READ),
        "env": {steps.BASE: steps.BEFORE},
        "concurrency": {"group": "modelyard-check-${{ github.ref }}", "cancel-in-progress": True},
        "steps": [
            *_ready(found),
            {"name": "Write the reports", "run": script(*steps.REPORTS)},
            {"name": "Show it", "run": f'cat {steps.COMMENT} >> "$GITHUB_STEP_SUMMARY"'},
            _using(
                "Keep it",
                "actions/upload-artifact",
                {
                    "name": _ARTIFACT,
                    "path": script(*(found.folder + file for file in steps.FILES)),
                    "if-no-files-found": "error",
                },
            ),
            {"name": "Decide", "run": script(*steps.VERDICT)},
        ],
    }


def _publish(found: Delivery) -> dict[str, Any]:
    """Runs nothing of the change: what may write into the repository never meets code that a stranger proposed."""
    source = (files("modelyard.operate.ci") / "comment.py").read_text("utf-8")
    comment = {
        "name": "Comment",
        "if": "github.event_name == 'pull_request'",
        "shell": "python",
        "working-directory": "${{ github.workspace }}",
        "env": {
            "FILE": steps.COMMENT,
            "GITHUB_TOKEN": "${{ github.token }}",
            "NUMBER": "${{ github.event.pull_request.number }}",
        },
        "run": script(source.rstrip("\n")),
    }
    return {
        "name": "publish",
        "needs": ["check"],
        "if": f"!cancelled() && needs.check.result != 'skipped' && {_NOT_A_FORK}",
        "runs-on": _RUNNER,
        "timeout-minutes": 10,
        "permissions": {**_READ, "pull-requests": "write", "security-events": "write"},
        "steps": [
            _using("Fetch what the check found", "actions/download-artifact", {"name": _ARTIFACT}),
            _using(
                "Show it in the diff",
                "github/codeql-action/upload-sarif",
                {"sarif_file": steps.SARIF, "category": _ARTIFACT},
            ),
            comment,
        ],
    }


def _deploy(found: Delivery, target: Target, before: str) -> dict[str, Any]:
    return {
        "name": f"deploy to {target.environment}",
        "needs": [before],
        "if": f"github.ref == 'refs/heads/{steps.BRANCH}' && github.event_name != 'pull_request'",
        "runs-on": _RUNNER,
        "timeout-minutes": 120,
        "environment": target.environment,
        "permissions": dict(_AS_ROLE),
        "concurrency": {"group": f"modelyard-{target.environment}", "cancel-in-progress": False},
        "env": {steps.BACKEND: _VARIABLE.format(steps.BACKEND)},
        "steps": [
            *_ready(found),
            _using(
                "Keep the engine",
                "actions/cache",
                {"path": script(*_KEPT), "key": f"modelyard-{_RUNNER}-{places.VERSION}-{version('pulumi-aws')}"},
            ),
            {"name": "Have the engine", "run": steps.engine()},
            _as(target.deployer or _VARIABLE.format(steps.ROLE), target.region),
            {"name": "Preview", "if": "inputs.what == 'preview'", "run": steps.preview(target)},
            {"name": "Deploy", "if": "inputs.what != 'preview'", "run": script(*steps.deploy(target))},
        ],
    }


def _start(found: Delivery, start: Start) -> dict[str, Any]:
    run = start.run
    assert run.kind == "github"
    ref = f"refs/heads/{run.branch}" if run.branch else f"refs/tags/{run.tag}" if run.tag else ""
    here = [f"inputs.what == '{start.of.id}'", f"github.repository == '{run.repository}'"]
    return {
        "name": f"start {start.of.name} of {start.of.team} in {start.of.target.environment}",
        "if": " && ".join([*here, *([f"github.ref == '{ref}'"] if ref else [])]),
        "runs-on": _RUNNER,
        "timeout-minutes": 15,
        **({"environment": run.environment} if run.environment else {}),
        "permissions": dict(_AS_ROLE),
        "steps": [
            *_ready(found),
            _as(start.role, start.of.target.region),
            {
                "name": "Start",
                "env": {
                    "COMMIT": "${{ github.sha }}",
                    "WHO": "${{ github.actor }}",
                    "WHY": "${{ inputs.why || github.event_name }}",
                },
                "run": script(start.of.command),
            },
        ],
    }


def _ready(found: Delivery) -> list[Mapping[str, Any]]:
    requirements = f"{found.folder}requirements.txt"
    cached = {"cache": "pip", "cache-dependency-path": requirements} if "-r " in found.install else {}
    return [
        _using("Check out", "actions/checkout", {"fetch-depth": 0, "persist-credentials": False}),
        _using("Have Python", "actions/setup-python", {"python-version": steps.PYTHON, **cached}),
        {"name": "Install", "run": script(*steps.install(found), 'echo "$PWD/.venv/bin" >> "$GITHUB_PATH"')},
    ]


def _as(role: str, region: str) -> Mapping[str, Any]:
    given = {"role-to-assume": role, "aws-region": region, "role-session-name": "github-${{ github.run_id }}"}
    return _using("Become the role", "aws-actions/configure-aws-credentials", given)


def _using(name: str, action: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    commit, tag = ACTIONS[action]
    return noted({"name": name, "uses": f"{action}@{commit}", "with": dict(given)}, uses=tag)


def to_set_up(found: Delivery) -> Sequence[str]:
    """What people do once in the repository's settings."""
    told = [
        f'Make the environment "{target.environment}"'
        + (f", with required reviewers, and the branch {steps.BRANCH} alone" if target.production else "")
        for target in found.targets
    ]
    told.append(f"Set the variable {steps.BACKEND} to where Pulumi's state lies, such as s3://acme-pulumi")
    told += [
        f"Set the variable {steps.ROLE} of {target.environment} to the role that deploys; it trusts {_subject(target)}"
        for target in found.targets
        if target.deployer is None
    ]
    return told


def _subject(target: Target) -> str:
    return f"repo:OWNER/NAME:environment:{target.environment}"
