"""Each pipeline passes its own system's tool, and the tool would say so if it didn't."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.ci.tools import said

from modelyard.blueprints import Project
from modelyard.operate.ci import System, pipeline


def written(project: Project, system: System) -> Path:
    made = pipeline(project, system)
    made.write()
    return made.path


def copied(file: Path, folder: Path) -> Path:
    """The file alone in a folder."""
    folder.mkdir()
    return Path(shutil.copy(file, folder))


def broken(path: Path, old: str, new: str) -> Path:
    """A copy of a file, of the same name, in which something is wrong."""
    text = path.read_text()
    assert old in text
    wrong = path.parent / "wrong" / path.name
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text(text.replace(old, new))
    return wrong


def test_the_workflow_passes_actionlint(project: Project, actionlint: Path):
    said(str(actionlint), "-shellcheck=", "-pyflakes=", str(written(project, "github")), folder=project.root)


def test_actionlint_would_refuse_an_unknown_need(project: Project, actionlint: Path):
    wrong = broken(written(project, "github"), "needs:\n      - check\n", "needs:\n      - chek\n")
    assert "chek" in said(str(actionlint), "-shellcheck=", "-pyflakes=", str(wrong), folder=project.root, code=1)


def test_the_gitlab_pipeline_fits_gitlabs_schema(project: Project, python_tools: Path):
    check = [str(python_tools / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci"]
    path = written(project, "gitlab")
    said(*check, str(path), folder=project.root)
    assert "whem" in said(*check, str(broken(path, "when: manual", "whem: manual")), folder=project.root, code=1)


def test_the_workflow_fits_githubs_schema(project: Project, python_tools: Path):
    check = [str(python_tools / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    path = written(project, "github")
    said(*check, str(path), folder=project.root)
    wrong = broken(path, "timeout-minutes", "timeout-minuts")
    assert "timeout-minuts" in said(*check, str(wrong), folder=project.root, code=1)


def test_the_jenkinsfiles_are_groovy_in_which_no_error_is_found(
    projects: list[Project], groovy_lint: list[str], tmp_path: Path
):
    """Both at once: most of a run is the start of a JVM."""
    lint = [*groovy_lint, "--no-insight", "--output", "json", "--failon", "error"]
    right = [copied(written(project, "jenkins"), tmp_path / str(number)) for number, project in enumerate(projects)]
    told = said(*lint, str(tmp_path), folder=tmp_path)
    assert json.loads(told[told.index("{") :])["summary"]["totalFilesLinted"] == len(right)
    wrong = broken(right[0], "steps {", "steps (")
    assert "NglParseError" in said(*lint, str(wrong), folder=tmp_path, code=1)


def test_the_playbooks_pass_ansible_lint_and_ansibles_own_syntax_check(
    projects: list[Project], python_tools: Path, tmp_path: Path
):
    right = [copied(written(project, "ansible"), tmp_path / str(number)) for number, project in enumerate(projects)]
    found = {"PATH": f"{python_tools}:/usr/bin:/bin", "HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home")}
    said(str(python_tools / "ansible-lint"), "--offline", *map(str, right), folder=tmp_path, variables=found)
    check = [str(python_tools / "ansible-playbook"), "--syntax-check"]
    said(*check, *map(str, right), folder=tmp_path, variables=found)
    wrong = broken(right[0], "ansible.builtin.assert:", "ansible.builtin.asert:")
    assert "asert" in said(*check, str(wrong), folder=tmp_path, code=4, variables=found)
