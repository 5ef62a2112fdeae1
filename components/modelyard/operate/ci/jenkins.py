"""A declarative pipeline of Jenkins. Source: jenkins.io, "Pipeline Syntax"; plugins.jenkins.io, oidc-provider."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelyard.operate.ci import steps
from modelyard.operate.ci.delivery import Delivery, Start, Target

PLACE: Final = "Jenkinsfile"
TOKEN: Final = "modelyard-aws-token"
"""The credential of kind "OpenID Connect id token as file" that Jenkins makes tokens for."""
_DEPLOYER: Final = f"the role that the variable {steps.ROLE}_<ENVIRONMENT> names"
_BASE: Final = (
    f'{steps.BASE}="${{CHANGE_TARGET:+origin/$CHANGE_TARGET}}"; {steps.BASE}="${{{steps.BASE}:-{steps.BEFORE}}}"'
)
"""A change is compared with the branch that it goes to, which the multibranch job fetches."""
_INDENT: Final = "    "


def pipeline(found: Delivery) -> str:
    """The whole file."""
    starts = found.starts_by("jenkins")
    top = [
        f"// {line}".rstrip()
        for line in steps.header(found, "jenkins", [(one.of, one.role) for one in starts], _DEPLOYER)
    ]
    choices = ["deploy", "preview", *(start.of.id for start in starts)]
    parameters = [
        "choice(name: 'WHAT', description: 'What to do on the branch that is deployed', choices: ["
        + ", ".join(map(_quoted, choices))
        + "])",
        *(["string(name: 'WHY', description: 'Why a training starts now')"] if starts else []),
    ]
    stages = [
        *_check(found),
        *(line for target in found.targets for line in _deploy(found, target)),
        *(line for start in starts for line in _start(found, start)),
    ]
    body = _block(
        "pipeline",
        [
            "agent none",
            *_block("options", ["disableConcurrentBuilds()", "timeout(time: 3, unit: 'HOURS')", "timestamps()"]),
            *_block("parameters", parameters),
            *_block("stages", stages),
        ],
    )
    return "\n".join([*top, *body]) + "\n"


def _check(found: Delivery) -> list[str]:
    published = [
        f"junit '{found.folder}{steps.JUNIT}'",
        f"recordIssues enabledForFailure: true, tool: sarif(pattern: '{found.folder}{steps.SARIF}')",
        f"archiveArtifacts artifacts: '{', '.join(found.folder + file for file in steps.FILES)}'",
    ]
    return _stage(
        "check",
        [
            "agent any",
            *_block("steps", _shell(found, [_BASE, *steps.REPORTS, *steps.VERDICT])),
            *_block("post", _block("always", published)),
        ],
    )


def _deploy(found: Delivery, target: Target) -> list[str]:
    """Somebody approves production before an agent is taken, so that none waits for a person."""
    role = (
        [f"AWS_ROLE_ARN = '{target.deployer}'"] if target.deployer else [f'AWS_ROLE_ARN = "${{env.{_role(target)}}}"']
    )
    asked = _block("input", [f"message 'Deploy to {target.environment}?'"]) if target.production else []
    command = f'if [ "$WHAT" = preview ]; then {steps.preview(target)}; else {" && ".join(steps.deploy(target))}; fi'
    return _stage(
        f"deploy to {target.environment}",
        [
            *_when(["expression { params.WHAT in ['deploy', 'preview'] }"]),
            *asked,
            "agent any",
            *_block("environment", [*role, f"AWS_REGION = '{target.region}'"]),
            *_block("steps", _with_token(_shell(found, [steps.engine(), command]))),
        ],
    )


def _start(found: Delivery, start: Start) -> list[str]:
    told = ['COMMIT = "${env.GIT_COMMIT}"', 'WHO = "${env.BUILD_TAG}"', 'WHY = "${params.WHY ?: env.BUILD_TAG}"']
    job = f"expression {{ params.WHAT == '{start.of.id}' && env.JOB_URL == '{start.run.place}' }}"
    return _stage(
        f"start {start.of.name} of {start.of.team} in {start.of.target.environment}",
        [
            *_block("when", [job]),
            "agent any",
            *_block(
                "environment", [f"AWS_ROLE_ARN = '{start.role}'", f"AWS_REGION = '{start.of.target.region}'", *told]
            ),
            *_block("steps", _with_token(_shell(found, [start.of.command]))),
        ],
    )


def _when(more: Sequence[str]) -> list[str]:
    return _block("when", ["beforeInput true", "beforeAgent true", f"branch '{steps.BRANCH}'", *more])


def _with_token(lines: Sequence[str]) -> list[str]:
    """SDKs and Pulumi read the token from the file, for which AWS gives the role."""
    return _block(f"withCredentials([file(credentialsId: '{TOKEN}', variable: 'AWS_WEB_IDENTITY_TOKEN_FILE')])", lines)


def _shell(found: Delivery, commands: Sequence[str]) -> list[str]:
    entered = [f"cd {found.folder}"] if found.folder else []
    ready = [*entered, *steps.install(found), 'export PATH="$PWD/.venv/bin:$PATH"']
    script = "\n".join([*ready, *commands]).replace("\\", "\\\\")
    return ["sh '''", *script.split("\n"), "'''"]


def _stage(name: str, lines: Sequence[str]) -> list[str]:
    return _block(f"stage({_quoted(name)})", lines)


def _block(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name} {{", *_indented(lines), "}"]


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)


def _quoted(text: str) -> str:
    return f"'{text}'"


def _role(target: Target) -> str:
    return f"{steps.ROLE}_{target.environment.upper()}"


def to_set_up(found: Delivery) -> Sequence[str]:
    """What people do once in Jenkins."""
    told = [
        "Install the plugins oidc-provider, credentials-binding, junit, warnings-ng and timestamper",
        f'Make the credential "{TOKEN}", of kind "OpenID Connect id token as file", '
        f"for the audience {found.audience('jenkins')}",
        f"Set the variable {steps.BACKEND} to where Pulumi's state lies, such as s3://acme-pulumi",
    ]
    told += [
        f"Set the variable {_role(target)} to the role that deploys to {target.environment}; it trusts the job's URL"
        for target in found.targets
        if target.deployer is None
    ]
    return told
