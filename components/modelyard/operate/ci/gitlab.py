"""A pipeline of GitLab CI. Source: docs.gitlab.com, "CI/CD YAML syntax" and "OpenID Connect in AWS"."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from modelyard.operate.ci import steps
from modelyard.operate.ci.delivery import Delivery, Start, Target
from modelyard.operate.ci.yaml import script, text

PLACE: Final = ".gitlab-ci.yml"
IMAGE: Final = f"python:{steps.PYTHON}"
"""Brings git, which the engine's plans and the checkout use; the slim one doesn't."""
TOKEN: Final = "AWS_TOKEN"
COMMENTER: Final = "GITLAB_TOKEN"
"""The one key that a project may store: GitLab's own job token writes no notes. Without it there is no comment."""
_DEPLOYER: Final = f"the role that the environment's variable {steps.ROLE} names"
_PROPOSED: Final = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_MERGED: Final = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
_BASE: Final = f'export {steps.BASE}="${{CI_MERGE_REQUEST_DIFF_BASE_SHA:-{steps.BEFORE}}}"'
_CACHES: Final = {"PIP_CACHE_DIR": "$CI_PROJECT_DIR/.cache/pip", "MODELYARD_CACHE": "$CI_PROJECT_DIR/.cache/modelyard"}


def pipeline(found: Delivery) -> str:
    """The whole file."""
    starts = found.starts_by("gitlab")
    data: dict[str, Any] = {
        "stages": ["check", "publish", *(f"deploy-{one.environment}" for one in found.targets), "train"],
        "workflow": {"rules": [{"if": _PROPOSED}, {"if": _MERGED}]},
        "default": {
            "image": IMAGE,
            "interruptible": False,
            "cache": {"key": "modelyard", "paths": [".cache/pip", ".cache/modelyard/engine"]},
        },
        "variables": {**_CACHES, "GIT_DEPTH": "0"},
        "check": _check(found),
        "comment": _comment(found),
    }
    for target in found.targets:
        data[f"deploy-{target.environment}"] = _deploy(found, target)
    for start in starts:
        data[start.of.id] = _start(found, start)
    return text(data, steps.header(found, "gitlab", [(one.of, one.role) for one in starts], _DEPLOYER))


def _check(found: Delivery) -> dict[str, Any]:
    return {
        "stage": "check",
        "interruptible": True,
        "script": [*_ready(found), _BASE, *steps.REPORTS, *steps.VERDICT],
        "artifacts": {
            "when": "always",
            "paths": [found.folder + file for file in steps.FILES],
            "reports": {"junit": found.folder + steps.JUNIT},
        },
    }


def _comment(found: Delivery) -> dict[str, Any]:
    """Runs nothing of the change, and only where somebody gave it a token."""
    source = (files("modelyard.operate.ci") / "comment.py").read_text("utf-8").rstrip("\n")
    return {
        "stage": "publish",
        "rules": [{"if": f"{_PROPOSED} && ${COMMENTER}", "when": "always"}],
        "needs": [{"job": "check", "artifacts": True}],
        "variables": {"FILE": found.folder + steps.COMMENT, "GIT_STRATEGY": "none"},
        "script": [script("python3 - <<'END'", source, "END")],
    }


def _deploy(found: Delivery, target: Target) -> dict[str, Any]:
    asked = {"when": "manual", "allow_failure": False} if target.production else {}
    return {
        "stage": f"deploy-{target.environment}",
        "rules": [{"if": _MERGED, **asked}],
        "environment": {
            "name": target.environment,
            "deployment_tier": "production" if target.production else "development",
        },
        "resource_group": f"modelyard-{target.environment}",
        **_as(found, target.deployer or f"${steps.ROLE}", target.region),
        "script": [*_ready(found), _token(), steps.engine(), *steps.deploy(target)],
    }


def _start(found: Delivery, start: Start) -> dict[str, Any]:
    run = start.run
    assert run.kind == "gitlab"
    ref = f'$CI_COMMIT_BRANCH == "{run.branch}"' if run.branch else f'$CI_COMMIT_TAG == "{run.tag}"'
    aws = ["pip install --quiet awscli"] if start.of.command.startswith("aws ") else []
    given = _as(found, start.role, start.of.target.region)
    told = {"WHO": "$GITLAB_USER_LOGIN", "COMMIT": "$CI_COMMIT_SHA", "WHY": "$CI_COMMIT_TITLE"}
    return {
        "stage": "train",
        "rules": [
            {"if": f'$CI_PROJECT_PATH == "{run.project}" && {ref}', "when": "manual", "allow_failure": True},
        ],
        **given,
        "variables": {**given["variables"], **told},
        "script": [*_ready(found), *aws, _token(), script(start.of.command)],
    }


def _ready(found: Delivery) -> list[str]:
    entered = [f"cd {found.folder}"] if found.folder else []
    return [*entered, *steps.install(found), 'export PATH="$PWD/.venv/bin:$PATH"']


def _as(found: Delivery, role: str, region: str) -> dict[str, Any]:
    """A token of this run, for which AWS gives the role: no key is stored anywhere."""
    return {
        "id_tokens": {TOKEN: {"aud": found.audience("gitlab")}},
        "variables": {"AWS_REGION": region, "AWS_ROLE_ARN": role, "AWS_ROLE_SESSION_NAME": "gitlab-$CI_PIPELINE_ID"},
    }


def _token() -> str:
    """SDKs and Pulumi read the token from a file."""
    return f'export AWS_WEB_IDENTITY_TOKEN_FILE="$(mktemp)" && printf %s "${TOKEN}" > "$AWS_WEB_IDENTITY_TOKEN_FILE"'


def to_set_up(found: Delivery) -> Sequence[str]:
    """What people do once in the project's settings."""
    told = [
        f'Protect the environment "{target.environment}", with approvals'
        for target in found.targets
        if target.production
    ]
    told.append(f"Set the variable {steps.BACKEND} to where Pulumi's state lies, such as s3://acme-pulumi")
    told += [
        f"Set the variable {steps.ROLE} of {target.environment} to the role that deploys; "
        f"it trusts project_path:GROUP/PROJECT:ref_type:branch:ref:{steps.BRANCH}"
        for target in found.targets
        if target.deployer is None
    ]
    told.append(f"For a comment on merge requests, set {COMMENTER} to a project access token with the scope api")
    return told
