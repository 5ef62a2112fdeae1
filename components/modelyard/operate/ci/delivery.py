"""What a pipeline of a CI system has to know of a project: where it deploys, as whom, and what it may start there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Literal

from modelyard.blueprints.platform import platform_context
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec, TeamSpec
from modelyard.build.pipelines import ArgoWorkflows, SageMakerPipelines
from modelyard.core.context import Context
from modelyard.foundation.tenancy import CiRun, persona_arn
from modelyard.foundation.tenancy.federation_spec import STS

Kind = Literal["github", "gitlab", "jenkins"]
"""A CI system that accounts can believe by themselves."""
REQUIREMENTS: Final = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Target:
    """An environment in a cloud. `deployer`: the ARN of the role that deploys; None where no file names one."""

    environment: str
    account: str
    region: str
    production: bool
    deployer: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """A training pipeline, or a retraining loop, in an environment.

    `command` starts it, with the variables WHO (the author), COMMIT (a hash) and WHY.
    """

    team: str
    name: str
    target: Target
    command: str
    verb: Literal["train", "retrain"] = "train"

    @property
    def id(self) -> str:
        """A word for it that no other one has."""
        return f"{self.verb}-{self.target.environment}-{self.team}-{self.name}"


@dataclass(frozen=True, slots=True)
class Start:
    """A training that runs of a CI system may start: `role` is the persona's, which trusts the tokens of `run`."""

    of: Training
    role: str
    run: CiRun


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the pipeline of one project does.

    `folder`: where the project lies in its repository, as `a/b/`; empty where it is the repository. `install`: the
    arguments of pip. `trainings`: all that are started through AWS; `starts`: those that CI may start, and `left_out`:
    those that it can't, and why. `audiences`: whom the tokens of each system are for.
    """

    folder: str
    install: str
    targets: tuple[Target, ...]
    trainings: tuple[Training, ...]
    starts: tuple[Start, ...]
    audiences: dict[Kind, str]
    left_out: tuple[str, ...]

    def audience(self, kind: Kind) -> str:
        """Whom a system's tokens are for."""
        return self.audiences.get(kind, STS)

    def starts_by(self, kind: Kind) -> tuple[Start, ...]:
        """What runs of one system may start."""
        return tuple(start for start in self.starts if start.run.kind == kind)


def delivery(project: Project) -> Delivery:
    """What a pipeline for `project` does: environments in the file's order, those of the sandbox left out.

    Raises `SpecError` with the faults of the files.
    """
    targets: list[Target] = []
    trainings: list[Training] = []
    starts: list[Start] = []
    on_clusters: list[str] = []
    audiences: dict[Kind, str] = {}
    for environment in project.environments():
        spec = project.platform(environment)
        if spec.sandbox:
            continue
        deployer = spec.deployers[0] if spec.deployers else None
        target = Target(environment, spec.account, spec.region, spec.production, deployer)
        targets.append(target)
        audiences |= _audiences(spec)
        for name in project.headers(environment):
            team = project.team(name, environment)
            context = platform_context(spec, environment).for_team(name, account=team.account)
            found = list(_trainings(team, target, context))
            trainings += found
            on_clusters += _on_cluster(team, target, context)
            starts += _starts(team, found, persona_arn(context, "pipeline"))
    folder = _folder(project)
    return Delivery(
        folder=folder,
        install=_install(project),
        targets=tuple(targets),
        trainings=tuple(trainings),
        starts=tuple(start for start in starts if not start.run.is_pattern),
        audiences=audiences,
        left_out=(
            *(f"{each.of.id}: its role trusts a pattern, {each.run.subject}" for each in starts if each.run.is_pattern),
            *on_clusters,
        ),
    )


def _audiences(spec: PlatformSpec) -> dict[Kind, str]:
    systems: dict[Kind, str] = {}
    if spec.ci and spec.ci.github:
        systems["github"] = spec.ci.github.audience
    if spec.ci and spec.ci.gitlab:
        systems["gitlab"] = spec.ci.gitlab.audience
    if spec.ci and spec.ci.jenkins:
        systems["jenkins"] = spec.ci.jenkins.audience
    return systems


def _trainings(team: TeamSpec, target: Target, context: Context) -> Iterator[Training]:
    for name, pipeline in team.pipelines.items():
        if not isinstance(pipeline.flavour, ArgoWorkflows):
            of_sagemaker = isinstance(pipeline.flavour, SageMakerPipelines)
            yield Training(team.team, name, target, _start_command(context, name, of_sagemaker=of_sagemaker))
    for name in team.retraining:
        command = f'yard retrain {name} --team {team.team} --env {target.environment} --why "$WHY"'
        yield Training(team.team, name, target, command, "retrain")


def _on_cluster(team: TeamSpec, target: Target, context: Context) -> Iterator[str]:
    """What CI doesn't start, since the API of a cluster is reached from inside its network alone."""
    for name, pipeline in team.pipelines.items():
        if isinstance(pipeline.flavour, ArgoWorkflows):
            template = f"workflowtemplate/{context.names.of('kubernetes', name)}"
            start = f"argo submit -n {context.names.namespace} --from {template}"
            yield f"{Training(team.team, name, target, '').id}: runs on a cluster; start it from inside, by {start}"


def _starts(team: TeamSpec, trainings: Sequence[Training], role: str) -> list[Start]:
    access = team.personas.get("pipeline")
    if access is None:
        return []
    names = {"train": access.pipelines.start if access.pipelines else (), "retrain": access.retrain}
    allowed = [training for training in trainings if training.name in names[training.verb]]
    return [Start(training, role, run) for run in _one_of_each_kind(team) for training in allowed]


def _one_of_each_kind(team: TeamSpec) -> list[CiRun]:
    """The first run of each system that the role trusts, an exact one where there is one: a job is one run."""
    found: dict[str, CiRun] = {}
    for run in sorted(team.ci_runs, key=lambda run: run.is_pattern):
        found.setdefault(run.kind, run)
    return list(found.values())


def _start_command(context: Context, name: str, *, of_sagemaker: bool) -> str:
    if of_sagemaker:
        parts = (
            f"aws sagemaker start-pipeline-execution --region {context.region}",
            f"--pipeline-name {context.names.of('sagemaker', name)}",
            '--pipeline-parameters "Name=author,Value=$WHO" "Name=commit,Value=$COMMIT"',
        )
    else:
        machine = context.arn("states", f"stateMachine:{context.names.of('state-machine', name)}")
        parts = (
            f"aws stepfunctions start-execution --region {context.region}",
            f"--state-machine-arn {machine}",
            '--input "{\\"author\\": \\"$WHO\\", \\"commit\\": \\"$COMMIT\\"}"',
        )
    return " \\\n  ".join(parts)


def _folder(project: Project) -> str:
    """Where the project lies below the nearest folder with a `.git`, with a slash at its end; else nothing."""
    for folder in (project.root, *project.root.parents):
        if (folder / ".git").exists():
            below = project.root.relative_to(folder).as_posix()
            return "" if below == "." else f"{below}/"
    return ""


def _install(project: Project) -> str:
    """pip's arguments: what the project's own list names, with hashes where it has them; else this Modelyard."""
    listed = project.root / REQUIREMENTS
    if not listed.is_file():
        return f"modelyard=={version('modelyard')}"
    return f"-r {REQUIREMENTS}" if "--hash=" not in listed.read_text("utf-8") else f"--require-hashes -r {REQUIREMENTS}"
