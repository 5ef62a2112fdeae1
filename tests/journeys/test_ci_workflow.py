"""The check of the GitHub workflow, step by step, as a runner runs it; what needs no cloud, and no package registry."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.ci.host import code_host
from tests.journeys.conftest import ENVIRONMENT, copied_project
from tests.shipped import edit

from modelyard.blueprints import Project


class Runner:
    """A checked-out project, and what a runner gives the steps of a job."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.summary = root.parent / "summary.md"
        self.summary.touch()
        self.shells = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], "python": ["python3"]}

    def job(self, name: str) -> dict[str, Any]:
        """A job of the written workflow."""
        self.run("yard ci github --write", "bash")
        return YAML(typ="safe").load(self.root / ".github/workflows/modelyard.yml")["jobs"][name]

    def commit(self) -> None:
        """What lies there becomes a commit."""
        who = "-c user.name=Ada -c user.email=ada@acme.example -c commit.gpgsign=false"
        done = self.run(f"git add platform stacks && git {who} commit -q --allow-empty -m change", "bash")
        assert done.returncode == 0, done.stderr

    def run(self, script: str, shell: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A step's script in a file, as a runner hands it to the shell."""
        file = self.root.parent / "step"
        file.write_text(script, "utf-8")
        return subprocess.run(
            [*self.shells[shell], str(file)],
            cwd=self.root,
            env={
                "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.root.parent),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "CI": "true",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def check(self) -> dict[str, subprocess.CompletedProcess[str]]:
        """Runs the job `check` until a step fails; its environment is there already."""
        done: dict[str, subprocess.CompletedProcess[str]] = {}
        job = self.job("check")
        self.commit()
        for step in job["steps"]:
            if "run" not in step or step["name"] == "Install":
                continue
            done[step["name"]] = self.run(step["run"], step.get("shell", "bash"), **job["env"])
            if done[step["name"]].returncode:
                break
        return done


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A project with one environment besides the sandbox, whose stacks no rule stops."""
    root = tmp_path / "work"
    root.mkdir()
    project = Project(copied_project(root))
    edit(project.platform_file, lambda file: [file["environments"].pop(name) for name in ("local", "prod")])
    edit(project.platform_file, lambda file: file.pop("workbenches"))
    project.team_file("fraud").unlink()
    for team in project.teams():
        edit(project.team_file(team), lambda file: [file["environments"].pop(name, None) for name in ("local", "prod")])
    made = Runner(root)
    made.run("git init -q -b main", "bash")
    made.commit()
    return made


def test_a_sound_change_passes_and_leaves_every_report(runner: Runner):
    done = runner.check()
    assert list(done) == ["Write the reports", "Show it", "Decide"]
    assert {name: (one.returncode, one.stderr[-500:]) for name, one in done.items() if one.returncode} == {}
    sarif = json.loads((runner.root / "check.sarif").read_text())
    assert sarif["version"] == "2.1.0" and sarif["runs"][0]["tool"]["driver"]["name"]
    suites = ElementTree.parse(runner.root / "check.xml").getroot()
    assert suites.tag == "testsuites" and len(suites) > 50
    assert (runner.root / "report.html").read_text().startswith("<!doctype html>")
    marker = (runner.root / "comment.md").read_text().partition("\n")[0]
    assert marker.startswith("<!-- modelyard") and marker in runner.summary.read_text()


def test_the_written_report_becomes_one_comment(runner: Runner):
    (comment,) = (step for step in runner.job("publish")["steps"] if step["name"] == "Comment")
    assert comment["env"]["FILE"] == "comment.md" and comment["shell"] == "python"
    with code_host("github") as host:
        for said in ("first", "second"):
            (runner.root / "comment.md").write_text(f"<!-- modelyard-check -->\n{said}")
            done = runner.run(comment["run"], comment["shell"], **host.variables("comment.md"))
            assert done.returncode == 0, done.stderr
    assert [one["body"].splitlines()[-1] for one in host.comments] == ["second"]


def test_a_change_that_breaks_a_rule_leaves_its_reports_and_is_stopped(runner: Runner):
    program = runner.root / "stacks" / "__main__.py"
    text = program.read_text()
    open_bucket = "    aws.s3.Bucket('open', bucket='anybodys')\n"
    program.write_text(
        text.replace(
            "pulumi.run(team_main)", f"async def main():\n    await team_main()\n{open_bucket}\n\npulumi.run(main)"
        ).replace("import pulumi\n", "import pulumi\nimport pulumi_aws as aws\n")
    )
    done = runner.check()
    assert list(done)[-1] == "Decide" and done["Decide"].returncode == 1, done
    assert "s3-block-public" in done["Decide"].stdout
    results = json.loads((runner.root / "check.sarif").read_text())["runs"][0]["results"]
    assert "s3-block-public" in {one["ruleId"] for one in results}, "the reports are there though the check fails"


def test_a_change_that_loses_data_is_stopped_until_somebody_acknowledges_it(runner: Runner):
    """Another platform is another name of everything: of keys, whose data is lost with them."""
    job = runner.job("check")
    edit(Project(runner.root).platform_file, lambda file: file.update(platform="mlx"))
    runner.commit()
    (decide,) = (step["run"] for step in job["steps"] if step["name"] == "Decide")
    done = runner.run(decide, "bash", **job["env"])
    assert done.returncode == 1 and "acknowledged.yaml" in done.stdout


def test_a_mistake_in_a_file_ends_the_job_at_its_first_step(runner: Runner):
    job = runner.job("check")
    edit(Project(runner.root).team_file("demand"), lambda file: file.update(datta={}))
    (reports,) = (step["run"] for step in job["steps"] if "check.sarif" in step.get("run", ""))
    done = runner.run(reports, "bash", **job["env"])
    assert done.returncode and "datta" in done.stderr
    assert not (runner.root / "check.xml").exists(), "nothing goes on after it"
