"""What the pipelines of `yard ci` hold: their commands, their rights, and that they follow the project's files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML
from tests.ci.projects import DEPLOYER, GITHUB_BRANCH, elaborate, shipped
from tests.shipped import edit
from typer.testing import CliRunner

from modelyard.assess.graph.stacks import record_team
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import InputError
from modelyard.operate.ci import SYSTEMS, Pipeline, System, pipeline

COMMAND = typer.main.get_command(app)
YARD = re.compile(r"(?<![\w./`-])yard ((?:[^|>&\n;`]|\\\n)+)")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return shipped(tmp_path_factory.mktemp("ci") / "repository")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return elaborate(tmp_path_factory.mktemp("ci") / "repository")


@cache
def made(project: Project, system: System) -> Pipeline:
    """The pipeline of a project whose files stay as they are."""
    return pipeline(project, system)


def loaded(project: Project, system: System) -> Any:
    return YAML(typ="safe").load(made(project, system).text)


def github(project: Project) -> dict[str, Any]:
    return loaded(project, "github")["jobs"]


def commands(text: str) -> list[str]:
    """Every call of yard in a pipeline, comments aside."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "//")))
    return [f"yard {found.strip()}" for found in YARD.findall(code) if "{" not in found]


def parse(call: str) -> None:
    """Read a call as `yard` would; what there isn't raises."""
    _, *words = shlex.split(call)
    command: Any = COMMAND
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_call_of_yard_is_one_that_yard_takes(full: Project, system: System):
    calls = commands(made(full, system).text)
    assert {" ".join(call.split()[:2]) for call in calls} >= {
        "yard check",
        "yard report",
        "yard guard",
        "yard up",
        "yard retrain",
    }
    for call in calls:
        parse(call)


def test_a_call_that_yard_does_not_take_would_be_found():
    with pytest.raises(KeyError):
        parse("yard chek")
    with pytest.raises(Exception, match="No such option"):
        parse("yard check --sarif check.sarif")


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_pipeline_holds_a_stored_key(full: Project, system: System):
    text = made(full, system).text
    for word in ("secrets.", "AWS_ACCESS_KEY_ID", "AWS_SECRET", "PULUMI_ACCESS_TOKEN", "PASSPHRASE"):
        assert word not in text, f"{word} is a key that somebody would have to store"


def test_what_runs_a_proposed_change_has_no_rights_and_what_has_rights_runs_no_proposed_change(full: Project):
    jobs = github(full)
    assert loaded(full, "github")["permissions"] == {}
    assert jobs["check"]["permissions"] == {"contents": "read"}
    publish = jobs["publish"]
    assert publish["permissions"] == {"contents": "read", "pull-requests": "write", "security-events": "write"}
    assert [step["uses"].split("@")[0] for step in publish["steps"] if "uses" in step] == [
        "actions/download-artifact",
        "github/codeql-action/upload-sarif",
    ], "code that somebody proposed isn't even fetched where the token may write"
    assert {name for name, job in jobs.items() if "id-token" in job["permissions"]} == jobs.keys() - {
        "check",
        "publish",
    }
    for name in jobs.keys() - {"check", "publish"}:
        assert "pull_request" in jobs[name]["if"] or "inputs.what ==" in jobs[name]["if"]


def test_every_action_is_named_by_the_commit_of_a_release(full: Project):
    named = re.findall(r"uses: (.*)", made(full, "github").text)
    assert len(named) > 10
    for one in named:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_one_environment_is_deployed_after_the_other_and_never_twice_at_once(plain: Project):
    jobs = github(plain)
    assert (jobs["deploy-dev"]["needs"], jobs["deploy-prod"]["needs"]) == (["check"], ["deploy-dev"])
    groups = {jobs[name]["concurrency"]["group"] for name in ("deploy-dev", "deploy-prod")}
    assert len(groups) == 2
    assert not any(jobs[name]["concurrency"]["cancel-in-progress"] for name in ("deploy-dev", "deploy-prod")), (
        "a deployment that is cut off leaves a stack half changed"
    )
    gitlab = loaded(plain, "gitlab")
    assert gitlab["deploy-dev"]["resource_group"] != gitlab["deploy-prod"]["resource_group"]
    assert not gitlab["default"]["interruptible"]
    assert "disableConcurrentBuilds()" in made(plain, "jenkins").text


def test_production_alone_waits_for_somebody(plain: Project):
    gitlab = loaded(plain, "gitlab")
    assert "when" not in gitlab["deploy-dev"]["rules"][0]
    assert gitlab["deploy-prod"]["rules"][0]["when"] == "manual"
    assert gitlab["deploy-prod"]["rules"][0]["allow_failure"] is False
    stages = made(plain, "jenkins").text.split("stage('")
    assert [stage.partition("'")[0] for stage in stages if "input {" in stage] == ["deploy to prod"]
    plays = {play["name"]: play["tasks"] for play in loaded(plain, "ansible")}
    assert "ansible.builtin.assert" in plays["Deploy to prod"][0]
    assert "ansible.builtin.assert" not in plays["Deploy to dev"][0]
    assert github(plain)["deploy-prod"]["environment"] == "prod"
    assert any("required reviewers" in line for line in made(plain, "github").to_set_up)


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_deployed_that_loses_what_nobody_gave_up(plain: Project, system: System):
    calls = [call for call in commands(made(plain, system).text) if call.split()[1] in ("guard", "up")]
    for environment in ("dev", "prod"):
        deployed = calls.index(f"yard up --env {environment} --yes")
        assert calls[deployed - 1] == f"yard guard --env {environment}"


def test_no_pipeline_deploys_an_environment_of_the_sandbox(plain: Project):
    for system in SYSTEMS:
        assert "local" not in {call.partition("--env ")[2][:5] for call in commands(made(plain, system).text)}


def test_the_role_that_deploys_is_the_files_else_a_variable(full: Project):
    def role(job: Any) -> str:
        return next(step["with"]["role-to-assume"] for step in job["steps"] if "role-to-assume" in step.get("with", {}))

    jobs = github(full)
    assert (role(jobs["deploy-dev"]), role(jobs["deploy-prod"])) == (DEPLOYER, "${{ vars.AWS_DEPLOY_ROLE }}")
    gitlab = loaded(full, "gitlab")
    assert gitlab["deploy-dev"]["variables"]["AWS_ROLE_ARN"] == DEPLOYER
    assert gitlab["deploy-prod"]["variables"]["AWS_ROLE_ARN"] == "$AWS_DEPLOY_ROLE"
    jenkins = made(full, "jenkins").text
    assert f"AWS_ROLE_ARN = '{DEPLOYER}'" in jenkins and "env.AWS_DEPLOY_ROLE_PROD" in jenkins


def test_a_start_takes_the_role_that_the_teams_stack_makes_for_exactly_this_run(plain: Project):
    graph = record_team(plain.root, "fraud", "dev")
    (persona,) = (
        node for node in graph.nodes if node.type == "aws:iam/role:Role" and node.name == "persona-pipeline-role"
    )
    machines = {node.properties["name"] for node in graph.nodes if node.type == "aws:sfn/stateMachine:StateMachine"}
    job = github(plain)["train-dev-fraud-scores"]
    role = next(step["with"]["role-to-assume"] for step in job["steps"] if "role-to-assume" in step.get("with", {}))
    path, name = persona.properties["path"], persona.properties["name"]
    assert role == f"arn:aws:iam::111122223333:role{path}{name}"
    repository = re.search(r"github\.repository == '(.*?)'", job["if"])
    assert repository
    subject = f"repo:{repository[1]}:environment:{job['environment']}"
    assert subject in json.dumps(persona.properties["assumeRolePolicy"], default=str)
    started = re.search(r"stateMachine:(\S+)", job["steps"][-1]["run"])
    assert started and started[1] in machines


def test_a_run_of_a_branch_starts_from_that_branch_alone(full: Project):
    job = github(full)["retrain-dev-fraud-score-loop"]
    assert f"github.ref == 'refs/heads/{GITHUB_BRANCH['branch']}'" in job["if"]
    assert "environment" not in job, "its subject would be the environment's, which the role doesn't trust"
    assert 'yard retrain score-loop --team fraud --env dev --why "$WHY"' in job["steps"][-1]["run"]


def test_each_system_has_the_starts_whose_runs_are_its_own(full: Project, plain: Project):
    gitlab = loaded(full, "gitlab")
    started = gitlab["train-prod-fraud-scores"]
    assert '$CI_PROJECT_PATH == "acme/fraud"' in started["rules"][0]["if"]
    assert started["id_tokens"] == {"AWS_TOKEN": {"aud": "https://gitlab.acme.example"}}
    assert any("aws sagemaker start-pipeline-execution" in line for line in started["script"])
    assert "env.JOB_URL == 'https://ci.acme.example/job/ml/job/fraud/'" in made(full, "jenkins").text
    assert not any(name.startswith(("train", "retrain")) for name in loaded(plain, "gitlab"))


def test_a_run_that_is_a_pattern_starts_nothing_and_is_told(tmp_path: Path):
    project = shipped(tmp_path / "repository")
    run = {"kind": "github", "repository": "acme-ml/fraud", "branch": "release/*", "wildcard_because": "each release"}
    edit(project.team_file("fraud"), lambda file: file.update(ci_runs=[run]))
    whole = made(project, "github")
    assert not any(name.startswith("train") for name in github(project))
    assert any("repo:acme-ml/fraud:ref:refs/heads/release/*" in reason for reason in whole.left_out)
    assert "# Left out: train-dev-fraud-scores" in whole.text


def test_below_a_folder_of_the_repository_the_file_lies_above_and_works_below(full: Project):
    repository = full.root.parents[1]
    assert made(full, "github").path == repository / ".github/workflows/modelyard.yml"
    assert made(full, "ansible").path == full.root / "ansible/modelyard.yml", "a playbook lies beside its project"
    whole = loaded(full, "github")
    assert whole["defaults"]["run"]["working-directory"] == "ml/platform/"
    (kept,) = (step["with"]["path"] for step in whole["jobs"]["check"]["steps"] if step["name"] == "Keep it")
    assert kept.split() == [f"ml/platform/{name}" for name in ("check.sarif", "check.xml", "comment.md", "report.html")]
    gitlab = loaded(full, "gitlab")["check"]
    assert gitlab["script"][0] == "cd ml/platform/"
    assert gitlab["artifacts"]["reports"]["junit"] == "ml/platform/check.xml"


def test_packages_are_those_that_the_project_locks(full: Project, plain: Project):
    assert ".venv/bin/pip install --require-hashes -r requirements.txt" in made(full, "github").text
    assert re.search(r"\.venv/bin/pip install modelyard==\d", made(plain, "github").text)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    project = shipped(tmp_path / "repository")
    monkeypatch.chdir(project.root)
    yield project


def yard(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["ci", *arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_new_environment_puts_the_written_file_out_of_date_until_it_is_written_again(inside: Project, system: System):
    assert "out of date" in yard(system, "--check", code=1), "there is none yet"
    assert "Next, once:" in yard(system, "--write")
    assert "up to date" in yard(system, "--check")
    edit(inside.platform_file, lambda file: file["environments"].update(stage={"account": "777788889999"}))
    assert f"Next: yard ci {system} --write" in yard(system, "--check", code=1)
    yard(system, "--write")
    assert "up to date" in yard(system, "--check")
    assert "yard up --env stage --yes" in pipeline(inside, system).path.read_text()


def test_json_holds_the_file_and_what_people_do_beside_it(inside: Project):
    told = json.loads(yard("github", "--json"))
    assert told["file"] == ".github/workflows/modelyard.yml" and not told["current"]
    assert told["text"] == yard("github")
    assert any("PULUMI_BACKEND_URL" in line for line in told["to_set_up"])
    assert not (inside.root / ".github").exists(), "printing writes nothing"


def test_a_file_that_was_written_by_hand_is_left_alone(inside: Project):
    (inside.root / ".gitlab-ci.yml").write_text("test: {script: [make]}\n")
    with pytest.raises(InputError, match="written by hand"):
        pipeline(inside, "gitlab").write()
    assert (inside.root / ".gitlab-ci.yml").read_text() == "test: {script: [make]}\n"


def test_a_project_that_lives_in_the_sandbox_alone_has_no_pipeline(inside: Project):
    def only_local(file: Any) -> None:
        file["environments"] = {"local": file["environments"]["local"]}

    edit(inside.platform_file, only_local)
    with pytest.raises(InputError, match="are all of the sandbox"):
        pipeline(inside, "github")


def test_writing_and_checking_at_once_is_refused(inside: Project):
    result = CliRunner().invoke(app, ["ci", "github", "--write", "--check"])
    assert isinstance(result.exception, InputError)
    assert not (inside.root / ".github").exists()


def test_the_pages_commands_work_one_after_the_other(inside: Project):
    page = (Path(__file__).parents[2] / "docs" / "ci.md").read_text("utf-8")
    (block,) = re.findall(r"<!-- commands -->\n```bash\n(.*?)```", page, re.DOTALL)
    said = [yard(*shlex.split(line, comments=True)[2:]) for line in block.splitlines()]
    assert len(said) == 6 and json.loads(said[-1])["current"]
    for file in re.findall(r"# ([\w./-]+)", block)[:4]:
        assert (inside.root / file).is_file(), file
