"""Each pipeline passes its own system's tool, and the tool would say so if it didn't."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ci.tools import said

from modelyard.blueprints import Project
from modelyard.operate.ci import System, pipeline


def written(project: Project, system: System) -> Path:
    made = pipeline(project, system)
    made.write()
    return made.path


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


def test_the_jenkinsfile_is_groovy_in_which_no_error_is_found(project: Project, groovy_lint: list[str]):
    path = written(project, "jenkins")
    lint = [*groovy_lint, "--no-insight", "--output", "json", "--failon", "error"]
    told = said(*lint, str(path), folder=project.root)
    assert json.loads(told[told.index("{") :])["summary"]["totalFilesLinted"] == 1
    wrong = broken(path, "steps {", "steps (")
    assert "NglParseError" in said(*lint, str(wrong), folder=project.root, code=1)


def test_the_playbook_passes_ansible_lint_and_ansibles_own_syntax_check(project: Project, python_tools: Path):
    path = written(project, "ansible")
    found = {
        "PATH": f"{python_tools}:/usr/bin:/bin",
        "HOME": str(project.root),
        "ANSIBLE_HOME": str(project.root / "home"),
    }
    said(str(python_tools / "ansible-lint"), "--offline", str(path), folder=project.root, variables=found)
    check = [str(python_tools / "ansible-playbook"), "--syntax-check"]
    said(*check, str(path), folder=project.root, variables=found)
    wrong = broken(path, "ansible.builtin.assert:", "ansible.builtin.asert:")
    assert "asert" in said(*check, str(wrong), folder=project.root, code=4, variables=found)
